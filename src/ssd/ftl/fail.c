/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program failed: the block is retired, and what should have been written is written elsewhere.  Until that is there nothing
 * that was issued since the program has ended in the sense of rule 2 of ftl.h: neither what it replaced goes, nor what was there
 * before something that itself is under way.
 */
#include "ssd/ftl/ftl_int.h"
#include <string.h>

void
fail_reset(struct ftl *f)
{
	f->saving = false;
	f->unsaved = 0;
	f->fail_from = NAND_NEVER;
	f->fail_until = 0;
}

void
fail_seen(struct ftl *f, const struct nand_op *op)
{
	place_retire(f, nand_block_of(f->nand, op->page));
	f->fail_from = UT_MIN(f->fail_from, op->number);
	f->fail_until = f->nand->issued;
	if (ftl_has(FTL_BUG_FAILED_LOST))
		memset(nand_unit(f->nand, op->page * f->nand->cfg.units), 0, f->nand->cfg.units * NAND_UNIT);
	else
		f->unsaved++;
}

static uint32_t
still_there(struct ftl *f, uint32_t page, uint32_t *list)
{
	uint32_t units = f->nand->cfg.units, n = 0;

	for (uint32_t at = page * units; at < (page + 1) * units; at++) {
		if (gc_reference(f, at))
			list[n++] = at;
	}
	return n;
}

/* Where garbage collection writes, and if that has no room, where metadata does. */
static uint32_t
page_for(struct ftl *f, enum ftl_stream *s)
{
	uint64_t due = 0;
	uint32_t page = place_page(f, *s = FTL_MOVED, &due);

	return page == NAND_NONE ? place_page(f, *s = FTL_META, &due) : page;
}

static bool save_page(struct ftl *f, uint32_t page);

/* What replaced this unit is there, or was trimmed and that is written down.  If not: once more, after what is missing came. */
static bool
newer_is_safe(struct ftl *f, uint32_t at)
{
	uint32_t what = f->nand->what[at], newer = what < f->cfg.units ? f->map[what] : at;

	if (newer == at || newer == NAND_NONE)
		return true;
	if (ftl_in_flight(f, newer))
		return !place_wait(f);
	return f->nand->seq[newer / f->nand->cfg.units] != NAND_SEQ_TORN || !save_page(f, newer / f->nand->cfg.units);
}

/*
 * Units that survive together: what is left of them must not be there without what replaced the others, since of those the
 * version before would be there.
 */
static void
save_newer(struct ftl *f, uint32_t page)
{
	uint32_t units = f->nand->cfg.units;
	uint64_t due = 0;

	journal_write(f, &due);
	while (nand_settled(f->nand) < f->journal_barrier && place_wait(f))
		;
	for (uint32_t at = page * units; at < (page + 1) * units; at++) {
		while (!newer_is_safe(f, at))
			;
	}
}

/* What is still valid of it.  false: there is no room. */
static bool
save_page(struct ftl *f, uint32_t page)
{
	uint32_t list[NAND_MAX_UNITS], n = still_there(f, page, list), to, units = f->nand->cfg.units;
	enum ftl_stream s;

	if (!n)
		return true;
	save_newer(f, page);
	to = page_for(f, &s);
	if (to == NAND_NONE)
		return false;
	n = still_there(f, page, list); /* time may have passed */
	if (!n)
		return true;
	for (uint32_t i = 0; i < n; i++) {
		nand_copy(nand_unit(f->nand, to * units + i), nand_unit(f->nand, list[i]), 1);
		f->nand->what[to * units + i] = f->nand->what[list[i]];
	}
	place_program(f, s, to, n);
	for (uint32_t i = 0; i < n; i++)
		gc_refer(f, gc_reference(f, list[i]), f->nand->what[list[i]], to * units + i);
	place_done(f, s, to);
	f->stats.rewritten += n;
	return true;
}

static bool
save_block(struct ftl *f, uint32_t block)
{
	bool ok = true;

	for (uint32_t p = block * f->nand->cfg.pages; p < (block + 1) * f->nand->cfg.pages && ok; p++)
		ok = f->nand->seq[p] != NAND_SEQ_TORN || save_page(f, p);
	return ok;
}

void
fail_save(struct ftl *f)
{
	if (f->saving) /* whoever does it sees the new one, too */
		return;
	f->saving = true;
	while (f->unsaved) {
		uint32_t n = f->unsaved;
		bool ok = true;

		for (uint32_t b = 0; b < f->nand->nr_blocks && ok; b++)
			ok = !f->block[b].retired || save_block(f, b);
		f->fail_until = f->nand->issued;
		if (!ok)
			break;
		f->unsaved -= n;
	}
	f->saving = false;
}

uint64_t
fail_settled(struct ftl *f, uint64_t settled)
{
	if (f->fail_from == NAND_NEVER || ftl_has(FTL_BUG_FAILED_COUNTS))
		return settled;
	if (f->unsaved || settled < f->fail_until)
		return UT_MIN(settled, f->fail_from);
	f->fail_from = NAND_NEVER;
	return settled;
}
