/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What can wait until the host asks for nothing.  The drive is idle when no operation of the flash is under way and the last
 * command is some time ago.  Nobody calls then: what would have been done meanwhile is done, at its time, when time is told next.
 */
#include "ssd/ftl/ftl_int.h"

#define IDLE_NS 10000000u

static uint64_t
idle_ns(const struct ftl *f)
{
	return f->cfg.idle_ns ? f->cfg.idle_ns : IDLE_NS;
}

static bool
any_work(const struct ftl *f)
{
	return ftl_cached(&f->cfg) || f->cfg.age_limit_ns || f->cfg.wear_spread;
}

/* The block with one bit a cell that was filled first. */
static uint32_t
oldest_slc(const struct ftl *f)
{
	uint32_t best = NAND_NONE;

	for (uint32_t b = 0; b < f->nand->nr_blocks; b++) {
		if (f->nand->slc[b] && f->block[b].state == FTL_FULL && !f->block[b].collecting &&
		    (best == NAND_NONE || f->block[b].age < f->block[best].age))
			best = b;
	}
	return best;
}

/* Fold the cache: what comes next finds it empty. */
static bool
fold(struct ftl *f)
{
	uint32_t block = ftl_cached(&f->cfg) ? oldest_slc(f) : NAND_NONE;

	return block != NAND_NONE && gc_block(f, block);
}

bool
idle_work(struct ftl *f, uint64_t now_ns)
{
	uint64_t from = f->host_ns + idle_ns(f);
	bool any;

	if (!any_work(f) || f->in_idle || f->off || from > now_ns || nand_next(f->nand) != NAND_NEVER)
		return false;
	f->now_ns = UT_MAX(f->now_ns, from);
	if (f->now_ns > now_ns)
		return false;
	f->in_idle = true;
	any = fold(f) || care_age(f, now_ns);
	if (!any)
		any = gc_flush(f); /* the rest of the last block, less than a page */
	f->in_idle = false;
	return any;
}

void
idle_ends(struct ftl *f, uint64_t now_ns)
{
	if (now_ns > f->host_ns + idle_ns(f) && any_work(f))
		ftl_advance(f, now_ns);
	f->host_ns = UT_MAX(f->host_ns, now_ns);
}
