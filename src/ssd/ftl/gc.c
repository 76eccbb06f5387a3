/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Garbage collection: the valid units of a block are gathered into pages of a stream of their own, and programmed elsewhere.
 * The block goes when the last of them has left it.
 */
#include "ssd/ftl/ftl_int.h"
#include <string.h>

uint32_t *
gc_reference(struct ftl *f, uint32_t at)
{
	uint32_t what = f->nand->what[at], *ref = NULL;

	if (what == FTL_ROOT)
		ref = &f->root;
	else if (what >= FTL_MAP && what - FTL_MAP < f->nr_parts)
		ref = f->map_was[what - FTL_MAP] == at ? &f->map_was[what - FTL_MAP] : &f->map_at[what - FTL_MAP];
	else if (what < f->cfg.units)
		ref = &f->map[what];
	for (uint32_t i = 0; what == FTL_JOURNAL && i < f->nr_journal; i++) {
		if (f->journal[i] == at)
			ref = &f->journal[i];
	}
	if (ftl_has(FTL_BUG_GC_DROPS_TRIM) && ref && *ref == NAND_NONE)
		f->block[ftl_block_of(f, *ref = at)].valid++;
	return ref && *ref == at ? ref : NULL;
}

void
gc_refer(struct ftl *f, uint32_t *ref, uint32_t what, uint32_t at)
{
	if (what < FTL_MAP) {
		map_set(f, what, at);
		return;
	}
	place_invalid(f, *ref);
	*ref = at;
}

/* Forget what is no longer valid of what was taken up. */
static uint32_t
still_valid(struct ftl *f)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < f->nr_move; i++) {
		if (gc_reference(f, f->move[i]))
			f->move[kept++] = f->move[i];
	}
	return f->nr_move = kept;
}

/* Where it was written to, unless it has been moved since. */
static uint32_t
place_of(const struct ftl *f, uint32_t at)
{
	uint32_t s = ftl_tag_stream(f->nand->tag[ftl_block_of(f, at)]);

	if (s == FTL_HOST || s == FTL_CACHE)
		return 0;
	return s >= FTL_STREAMS ? s - FTL_STREAMS + 1 : FTL_PLACES;
}

static void
note(struct ftl *f, uint32_t at)
{
	uint32_t unit = f->nand->what[at], place = place_of(f, at);
	struct ftl_realloc *last = &f->realloc[(f->nr_realloc - 1) % FTL_REALLOCS];

	if (unit >= f->cfg.units)
		return;
	if (f->nr_realloc && last->unit + last->count == unit && last->place == place && last->ns == f->now_ns) {
		last->count++;
		return;
	}
	f->realloc[f->nr_realloc++ % FTL_REALLOCS] =
		(struct ftl_realloc){ .ns = f->now_ns, .unit = unit, .count = 1, .place = place };
}

/* What was taken up, into a page.  false: there is no room. */
static bool
program(struct ftl *f)
{
	uint32_t units = f->nand->cfg.units, used, page;
	uint64_t due = 0;

	page = place_page(f, FTL_MOVED, &due);
	if (page == NAND_NONE)
		return false;
	used = still_valid(f); /* a checkpoint may have come between */
	if (!used)
		return true;
	for (uint32_t i = 0; i < used; i++) {
		nand_copy(nand_unit(f->nand, page * units + i), nand_unit(f->nand, f->move[i]), 1);
		f->nand->what[page * units + i] = f->nand->what[f->move[i]];
		note(f, f->move[i]);
	}
	place_program(f, FTL_MOVED, page, used);
	for (uint32_t i = 0; i < used; i++)
		f->stats.folded += f->nand->slc[ftl_block_of(f, f->move[i])];
	f->nr_move = 0;
	for (uint32_t i = 0; i < used; i++)
		gc_refer(f, gc_reference(f, f->move[i]), f->nand->what[f->move[i]], page * units + i);
	place_done(f, FTL_MOVED, page);
	return true;
}

bool
gc_flush(struct ftl *f)
{
	return still_valid(f) && program(f);
}

/* Of what survives together none is copied before all of it is there, or a copy could survive without the rest. */
static bool
still_coming(struct ftl *f, uint32_t page)
{
	while (f->nand->seq[page] == NAND_SEQ_ERASED && place_wait(f))
		;
	return f->nand->seq[page] == NAND_SEQ_TORN;
}

/* false: what is valid of the page does not fit anywhere. */
static bool
take_page(struct ftl *f, uint32_t page)
{
	uint32_t units = f->nand->cfg.units, n = 0;

	if (f->nand->seq[page] == NAND_SEQ_TORN)
		return true;
	for (uint32_t at = page * units; at < (page + 1) * units; at++) {
		if (!gc_reference(f, at))
			continue;
		if (ftl_in_flight(f, at) && still_coming(f, page))
			return true; /* it failed, and is saved elsewhere */
		if (!gc_reference(f, at))
			continue;
		if (!n++)
			nand_read(f->nand, page, units, f->now_ns);
		if (f->nr_move == units && still_valid(f) == units && !program(f))
			return false;
		f->move[f->nr_move++] = at;
	}
	return true;
}

/* The less is valid, the better; cost-benefit also weighs for how long nothing was written there. */
static double
score(struct ftl *f, const struct ftl_block *b, uint32_t units)
{
	double used = (double)b->valid / units;

	if (f->cfg.collect == FTL_GREEDY)
		return 1 - used;
	if (f->cfg.collect == FTL_RANDOM)
		return (double)(1 + ut_rng_below(&f->rng, 1u << 30));
	return (1 - used) / (1 + used) * (double)(f->seq - b->age + 1);
}

/* Blocks of the cache come back to the cache: that makes no room for anything else. */
static bool
of_the_cache(const struct ftl *f, uint32_t block)
{
	return f->nand->slc[block] && f->die[block / f->nand->cfg.blocks].slc <= f->cfg.slc_blocks;
}

static uint32_t
victim(struct ftl *f, uint32_t die, bool any)
{
	uint32_t units = f->nand->cfg.pages * f->nand->cfg.units, best = NAND_NONE;
	double best_score = 0, this_score;

	for (uint32_t b = die * f->nand->cfg.blocks; b < (die + 1) * f->nand->cfg.blocks; b++) {
		const struct ftl_block *blk = &f->block[b];

		if (blk->state != FTL_FULL || blk->collecting)
			continue;
		if (blk->retired)
			return b;
		if (blk->valid == units || (!any && of_the_cache(f, b)))
			continue;
		this_score = score(f, blk, units);
		if (best == NAND_NONE || this_score > best_score) {
			best = b;
			best_score = this_score;
		}
	}
	return best;
}

/* It is not collected after all: what was taken up of it is taken up again with the rest. */
static bool
give_up(struct ftl *f, uint32_t block)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < f->nr_move; i++) {
		if (ftl_block_of(f, f->move[i]) != block)
			f->move[kept++] = f->move[i];
	}
	f->nr_move = kept;
	return false;
}

bool
gc_block(struct ftl *f, uint32_t block)
{
	uint32_t die = block / f->nand->cfg.blocks;

	for (uint32_t p = 0; p < nand_pages_in(f->nand, block); p++) {
		if (!take_page(f, block * f->nand->cfg.pages + p))
			return give_up(f, block);
	}
	if (f->block[block].state != FTL_FULL)
		return true;
	f->block[block].collecting = true; /* some of it is taken up and not written yet */
	f->die[die].coming += !f->block[block].retired;
	f->die[die].retiring -= f->block[block].retired;
	return true;
}

bool
gc_run(struct ftl *f, uint32_t die, bool any)
{
	uint32_t block = victim(f, die, any);

	return block != NAND_NONE && gc_block(f, block);
}
