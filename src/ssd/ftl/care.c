/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks that are moved for their own sake.  Refresh: cells lose what they hold by being read and by age.  Wear levelling: a block
 * whose data nobody changes is never erased; when others were erased far more often, what it holds is moved, and it is used
 * again like all others.
 */
#include "ssd/ftl/ftl_int.h"

#define LEVEL_AFTER 4u /* erases */
#define LOOKS 64u /* at the age of data, in the time that it may reach */

static bool
settled_block(const struct ftl *f, uint32_t block)
{
	return f->block[block].state == FTL_FULL && !f->block[block].collecting && f->block[block].valid;
}

static bool
refresh(struct ftl *f, uint32_t block)
{
	bool ok;

	if (f->block[block].state == FTL_OPEN)
		place_close_block(f, block);
	ok = settled_block(f, block) && gc_block(f, block);
	f->stats.refreshed += ok;
	return ok;
}

void
care_read(struct ftl *f, uint64_t now_ns, uint32_t at)
{
	uint32_t block = ftl_block_of(f, at);

	if (f->nand->disturb[block] < f->cfg.read_limit || f->cfg.no_refresh)
		return;
	ftl_advance(f, now_ns);
	if (settled_block(f, block) || f->block[block].state == FTL_OPEN)
		refresh(f, block);
}

static bool
past(const struct ftl *f, uint64_t now_ns, uint32_t block, uint32_t times)
{
	uint64_t born = f->nand->born_ns[block];

	now_ns += f->nand->ahead_ns;
	return (f->cfg.read_limit && f->nand->disturb[block] >= times * f->cfg.read_limit) ||
	       (f->cfg.age_limit_ns && born && now_ns > born && now_ns - born >= times * f->cfg.age_limit_ns);
}

/* Beyond what refresh allows; nothing in between is modelled. */
void
care_look(struct ftl *f, uint64_t now_ns, uint32_t at)
{
	uint32_t block = ftl_block_of(f, at);

	if (!past(f, now_ns, block, 2))
		return;
	if (f->cfg.recovers && !past(f, now_ns, block, 4))
		f->stats.hard++;
	else
		f->stats.unreadable++;
}

static uint32_t
oldest(const struct ftl *f)
{
	uint32_t best = NAND_NONE;

	for (uint32_t b = 0; b < f->nand->nr_blocks; b++) {
		if (!f->nand->born_ns[b] || !(settled_block(f, b) || f->block[b].state == FTL_OPEN))
			continue;
		if (best == NAND_NONE || f->nand->born_ns[b] < f->nand->born_ns[best])
			best = b;
	}
	return best;
}

bool
care_age(struct ftl *f, uint64_t until_ns)
{
	uint32_t block = f->cfg.age_limit_ns && !f->cfg.no_refresh ? oldest(f) : NAND_NONE;
	uint64_t at = block == NAND_NONE ? NAND_NEVER : f->nand->born_ns[block] + f->cfg.age_limit_ns;

	if (at > until_ns + f->nand->ahead_ns)
		return false;
	if (at > f->now_ns + f->nand->ahead_ns)
		f->now_ns = at - f->nand->ahead_ns;
	return refresh(f, block);
}

/* The block that was erased least of those that hold something, if others were erased so much more often. */
static uint32_t
left_out(const struct ftl *f)
{
	uint32_t most = 0, best = NAND_NONE;

	for (uint32_t b = 0; b < f->nand->nr_blocks; b++) {
		most = UT_MAX(most, f->nand->wear[b]);
		if (settled_block(f, b) && (best == NAND_NONE || f->nand->wear[b] < f->nand->wear[best]))
			best = b;
	}
	return best != NAND_NONE && most - f->nand->wear[best] > f->cfg.wear_spread ? best : NAND_NONE;
}

void
care_wear(struct ftl *f)
{
	uint32_t block;

	if (!f->cfg.wear_spread || f->erased < LEVEL_AFTER)
		return;
	f->erased = 0;
	block = left_out(f);
	if (block == NAND_NONE)
		return;
	f->levelling = true;
	f->stats.levelled += gc_block(f, block);
	f->levelling = false;
}

void
care_when_due(struct ftl *f)
{
	care_wear(f);
	if (!f->cfg.age_limit_ns || f->now_ns < f->care_ns)
		return;
	f->care_ns = f->now_ns + f->cfg.age_limit_ns / LOOKS;
	while (care_age(f, f->now_ns))
		;
}
