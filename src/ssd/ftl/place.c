/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where things go: each stream writes page after page, die after die, into an open block of its own on each die.  A block whose
 * last valid unit went away is erased when rule 2 of ftl.h allows it.
 */
#include "ssd/ftl/keep.h"
#include <string.h>

void
place_reset(struct ftl *f)
{
	memset(f->block, 0, f->nand->nr_blocks * sizeof(f->block[0]));
	memset(f->turn, 0, sizeof(f->turn));
	memset(f->ru_pages, 0, sizeof(f->ru_pages));
	f->nr_empty = f->first_empty = f->bad = 0;
	f->erase_ended = NAND_NEVER;
	for (uint32_t d = 0; d < f->nand->nr_dies; d++) {
		f->die[d] = (struct ftl_die){ .free = f->nand->cfg.blocks };
		for (uint32_t s = 0; s < FTL_ALL; s++)
			f->die[d].open[s] = NAND_NONE;
	}
}

/* The free block of the die that was erased least: wear levels out by itself where there is a choice.  For what is cold: most. */
static uint32_t
free_block(struct ftl *f, uint32_t die)
{
	uint32_t first = die * f->nand->cfg.blocks, best = NAND_NONE;

	for (uint32_t i = 0; i < f->nand->cfg.blocks; i++) {
		uint32_t b = first + (f->die[die].next + i) % f->nand->cfg.blocks;

		if (f->block[b].state == FTL_FREE &&
		    (best == NAND_NONE ||
		     (f->levelling ? f->nand->wear[b] > f->nand->wear[best] : f->nand->wear[b] < f->nand->wear[best])))
			best = b;
	}
	f->die[die].next = best == NAND_NONE ? 0 : (best + 1) % f->nand->cfg.blocks;
	return best;
}

/* The host's data goes into the cache while that has room: what is set aside for it, and a share of what is free. */
static bool
slc_room(const struct ftl *f, const struct ftl_die *d)
{
	uint32_t needed = FTL_LOW + f->reserve + 1, free = d->free > needed ? d->free - needed : 0;

	return d->slc < f->cfg.slc_blocks + free * f->cfg.slc_dynamic / 100;
}

static bool
open_block(struct ftl *f, enum ftl_stream s, uint32_t die)
{
	struct ftl_die *d = &f->die[die];
	uint32_t reserve = s == FTL_META ? 0 : f->reserve + (s == FTL_MOVED ? 0 : FTL_RESERVE);

	if (d->open[s] != NAND_NONE)
		return true;
	if (d->free <= reserve || (s == FTL_CACHE && !slc_room(f, d)))
		return false;
	d->open[s] = free_block(f, die);
	assert(d->open[s] != NAND_NONE);
	d->free--;
	d->page[s] = 0;
	f->block[d->open[s]] = (struct ftl_block){ .state = FTL_OPEN };
	f->nand->slc[d->open[s]] = s == FTL_CACHE;
	f->nand->tag[d->open[s]] = ftl_tag(s, f->ru[s]);
	d->slc += f->nand->slc[d->open[s]];
	return true;
}

static uint32_t
next_page(const struct ftl *f, enum ftl_stream s, uint32_t die)
{
	return f->die[die].open[s] * f->nand->cfg.pages + f->die[die].page[s];
}

static uint32_t
try_page(struct ftl *f, enum ftl_stream s)
{
	for (uint32_t i = 0; i < f->nand->nr_dies; i++) {
		uint32_t die = (f->turn[s] + i) % f->nand->nr_dies;

		if (!open_block(f, s, die) || !nand_back(f->nand, next_page(f, s, die)))
			continue;
		f->turn[s] = (die + 1) % f->nand->nr_dies;
		return next_page(f, s, die);
	}
	return NAND_NONE;
}

bool
place_wait(struct ftl *f)
{
	uint64_t next = nand_next(f->nand);
	bool was = f->in_idle;

	if (next == NAND_NEVER)
		return false;
	f->in_idle = true; /* somebody waits: the drive does not rest, whatever the time */
	ftl_advance(f, UT_MAX(next, f->now_ns));
	f->in_idle = was;
	return true;
}

/* Collect on each die that is short of blocks. */
static void
make_room(struct ftl *f)
{
	care_when_due(f);
	for (uint32_t d = 0; d < f->nand->nr_dies; d++) {
		if (f->die[d].free + f->die[d].coming < FTL_LOW + f->reserve || f->die[d].retiring)
			gc_run(f, d, false);
	}
}

/* Nothing is under way that would bring a block: collect wherever it is possible. */
static bool
force_room(struct ftl *f)
{
	bool any = gc_flush(f);

	for (uint32_t d = 0; d < f->nand->nr_dies && !any; d++)
		any = gc_run(f, d, true);
	return any;
}

/* What metadata took of the reserve comes back when a checkpoint replaces all of it. */
static bool
free_meta(struct ftl *f, uint64_t *due_ns)
{
	ckpt_all(f);
	return ckpt_write(f, due_ns);
}

uint32_t
place_page(struct ftl *f, enum ftl_stream s, uint64_t *due_ns)
{
	bool meta_freed = !ftl_is_host(s);
	uint32_t page;

	if (ftl_is_host(s))
		make_room(f);
	page = try_page(f, s);
	while (page == NAND_NONE || nand_full(f->nand, page)) {
		if (!place_wait(f) && (!ftl_is_host(s) || !force_room(f)) &&
		    (meta_freed || !(meta_freed = free_meta(f, due_ns))))
			break;
		page = try_page(f,
				s); /* anew: while time passed a program may have failed, and its block was retired */
	}
	*due_ns = UT_MAX(*due_ns, f->now_ns);
	return page;
}

uint32_t
place_host(struct ftl *f, uint32_t place, enum ftl_stream *s, uint64_t *due_ns)
{
	uint32_t page = NAND_NONE;

	if (place)
		return place_page(f, *s = ftl_stream_of(place), due_ns);
	if (ftl_cached(&f->cfg)) {
		make_room(f);
		page = try_page(f, FTL_CACHE);
	}
	*s = page == NAND_NONE || nand_full(f->nand, page) ? FTL_HOST : FTL_CACHE;
	if (*s == FTL_HOST)
		return place_page(f, FTL_HOST, due_ns);
	*due_ns = UT_MAX(*due_ns, f->now_ns);
	return page;
}

static void
empty(struct ftl *f, uint32_t block)
{
	f->block[block].state = FTL_EMPTY;
	f->block[block].barrier = f->nand->issued;
	f->block[block].age = f->seq;
	if (!f->block[block].collecting && f->block[block].retired)
		f->die[block / f->nand->cfg.blocks].retiring--;
	else if (!f->block[block].collecting)
		f->die[block / f->nand->cfg.blocks].coming++;
	if (!f->nr_empty)
		f->erase_ended = NAND_NEVER;
	f->empty[(f->first_empty + f->nr_empty++) % f->nand->nr_blocks] = block;
}

static void
close_block(struct ftl *f, struct ftl_die *d, enum ftl_stream s)
{
	uint32_t block = d->open[s];

	d->open[s] = NAND_NONE;
	f->block[block].state = FTL_FULL;
	f->block[block].age = f->seq;
	if (!f->block[block].valid)
		empty(f, block);
}

void
place_next_ru(struct ftl *f, enum ftl_stream s)
{
	f->ru[s]++;
	f->ru_pages[s] = 0;
}

void
place_close(struct ftl *f, enum ftl_stream s)
{
	if (f->ru_pages[s])
		place_next_ru(f, s);
	for (uint32_t d = 0; d < f->nand->nr_dies; d++) {
		if (f->die[d].open[s] != NAND_NONE && f->die[d].page[s])
			close_block(f, &f->die[d], s);
	}
	f->turn[s] = 0;
}

uint64_t
place_program(struct ftl *f, enum ftl_stream s, uint32_t page, uint32_t used)
{
	struct nand *n = f->nand;

	for (uint32_t i = used; i < n->cfg.units; i++)
		n->what[page * n->cfg.units + i] = NAND_NONE;
	for (uint32_t i = 0; i < used; i++)
		f->block[nand_block_of(n, page)].valid++;
	f->stats.programmed[ftl_is_host(s) ? FTL_HOST : s] += used;
	f->stats.padded += n->cfg.units - used;
	f->since_ckpt++;
	if (f->keep)
		keep_stats(f);
	return nand_program(n, page, ++f->seq, f->now_ns);
}

void
place_done(struct ftl *f, enum ftl_stream s, uint32_t page)
{
	struct ftl_die *d = &f->die[nand_die_of(f->nand, page)];

	if (++f->ru_pages[s] == ftl_ru_pages(f))
		place_next_ru(f, s);
	if (++d->page[s] == nand_pages_in(f->nand, d->open[s]))
		close_block(f, d, s);
}

void
place_invalid(struct ftl *f, uint32_t at)
{
	struct ftl_block *b;

	if (at == NAND_NONE)
		return;
	b = &f->block[ftl_block_of(f, at)];
	assert(b->valid);
	if (!--b->valid && b->state == FTL_FULL)
		empty(f, ftl_block_of(f, at));
}

/*
 * Rule 3: what was trimmed is in the journal, or in a checkpoint, before the block that held it goes.  A block that was empty
 * before the first trim that is not, can go.
 */
static bool
may_erase(const struct ftl *f, uint32_t block, uint64_t settled)
{
	const struct ftl_block *b = &f->block[block];

	if (f->nr_trimmed && b->age >= f->trimmed[0].seq && !ftl_has(FTL_BUG_JOURNAL_AFTER_ERASE))
		return false;
	return b->barrier <= settled && !nand_full(f->nand, block * f->nand->cfg.pages);
}

void
place_erase(struct ftl *f)
{
	uint64_t settled, due = 0;

	if (!f->nr_empty || (f->erase_ended == f->nand->ended && !f->nr_trimmed))
		return;
	f->erase_ended = f->nand->ended;
	if (!ftl_has(FTL_BUG_JOURNAL_AFTER_ERASE))
		journal_write(f, &due);
	settled = ftl_has(FTL_BUG_ERASE_EARLY) ? UINT64_MAX : fail_settled(f, nand_settled(f->nand));
	while (f->nr_empty && settled >= f->journal_barrier) {
		uint32_t block = f->empty[f->first_empty];

		if (!may_erase(f, block, settled))
			return;
		f->first_empty = (f->first_empty + 1) % f->nand->nr_blocks;
		f->nr_empty--;
		f->block[block].state = f->block[block].retired ? FTL_BAD : FTL_ERASING;
		f->die[block / f->nand->cfg.blocks].slc -= f->nand->slc[block];
		if (!f->block[block].retired)
			nand_erase(f->nand, block, f->now_ns);
	}
}

void
place_erased(struct ftl *f, uint32_t block, bool failed)
{
	assert(f->block[block].state == FTL_ERASING && !f->block[block].valid);
	f->block[block] = (struct ftl_block){ .state = failed ? FTL_BAD : FTL_FREE };
	f->die[block / f->nand->cfg.blocks].free += !failed;
	f->die[block / f->nand->cfg.blocks].coming--;
	f->bad += failed;
	f->erased++;
	f->stats.collected += !failed;
}

/* A block of which blocks are to come brings none any more. */
static void
not_coming(struct ftl *f, uint32_t block)
{
	const struct ftl_block *b = &f->block[block];
	struct ftl_die *d = &f->die[block / f->nand->cfg.blocks];

	if (b->collecting || b->state == FTL_EMPTY)
		d->coming--;
	else
		d->retiring++;
}

void
place_close_block(struct ftl *f, uint32_t block)
{
	struct ftl_die *d = &f->die[block / f->nand->cfg.blocks];

	for (uint32_t s = 0; s < FTL_ALL; s++) {
		if (d->open[s] == block)
			close_block(f, d, (enum ftl_stream)s);
	}
}

void
place_retire(struct ftl *f, uint32_t block)
{
	struct ftl_block *b = &f->block[block];

	if (b->retired)
		return;
	not_coming(f, block);
	b->retired = true;
	f->bad++;
	place_close_block(f, block);
}

/* Pages of a block that hold something, or did: those behind them can still be programmed. */
static uint32_t
pages_used(const struct nand *n, uint32_t block)
{
	uint32_t used = nand_pages_in(n, block);

	while (used && n->seq[block * n->cfg.pages + used - 1] == NAND_SEQ_ERASED)
		used--;
	return used;
}

static uint64_t
last_seq(const struct nand *n, uint32_t block, uint32_t used)
{
	return n->seq[block * n->cfg.pages + used - 1];
}

/* Of the host, and the power went while its last page was programmed. */
static bool
torn(const struct ftl *f, uint32_t block, uint32_t used)
{
	return ftl_is_host((enum ftl_stream)ftl_tag_stream(f->nand->tag[block])) &&
	       last_seq(f->nand, block, used) == NAND_SEQ_TORN;
}

/* A block of the same stream on the same die that is not full, and was begun later. */
static bool
has_newer(const struct ftl *f, uint32_t block)
{
	const struct nand *n = f->nand;
	uint32_t first = block / n->cfg.blocks * n->cfg.blocks;

	for (uint32_t b = first; b < first + n->cfg.blocks; b++) {
		uint32_t used = b == block || n->bad[b] != NAND_GOOD ? 0 : pages_used(n, b);

		if (used && used < nand_pages_in(n, b) && ftl_tag_stream(n->tag[b]) == ftl_tag_stream(n->tag[block]) &&
		    n->seq[b * n->cfg.pages] > n->seq[block * n->cfg.pages])
			return true;
	}
	return false;
}

/*
 * Writing goes on in a block that is not full: a drive that loses its power often must not run out of blocks.  It is one of the
 * same stream; of a reclaim unit that was torn it is garbage collection's, if that has none on this die, and the place goes on
 * with another unit.
 */
static bool
reopen(struct ftl *f, uint32_t block, uint32_t used)
{
	struct ftl_die *d = &f->die[block / f->nand->cfg.blocks];
	uint32_t s = ftl_tag_stream(f->nand->tag[block]);

	if (used == nand_pages_in(f->nand, block) || has_newer(f, block))
		return false;
	if (torn(f, block, used) && d->open[FTL_MOVED] == NAND_NONE && !f->nand->slc[block]) {
		if (f->nand->tag[block] == ftl_tag(s, f->ru[s]))
			place_next_ru(f, (enum ftl_stream)s);
		s = FTL_MOVED;
		f->nand->tag[block] = ftl_tag(s, f->ru[s]);
	}
	if (d->open[s] != NAND_NONE)
		return false;
	d->open[s] = block;
	d->page[s] = used;
	f->block[block].state = FTL_OPEN;
	return true;
}

static void
restore(struct ftl *f, uint32_t b, uint32_t used)
{
	f->die[b / f->nand->cfg.blocks].free--;
	f->bad += f->nand->bad[b] != NAND_GOOD;
	f->block[b].retired = f->nand->bad[b] == NAND_RETIRED;
	f->die[b / f->nand->cfg.blocks].retiring += f->block[b].retired;
	if (f->nand->bad[b] == NAND_WORN)
		f->block[b].state = FTL_BAD;
	else
		f->die[b / f->nand->cfg.blocks].slc += f->nand->slc[b];
	if (f->nand->bad[b] == NAND_WORN || (!f->block[b].retired && reopen(f, b, used)))
		return;
	f->block[b].state = FTL_FULL;
	f->block[b].age = f->seq;
	if (!f->block[b].valid)
		empty(f, b);
}

/* How much of the reclaim units that the places are at is used. */
static void
restore_units(struct ftl *f)
{
	for (uint32_t b = 0; b < f->nand->nr_blocks; b++) {
		uint32_t tag = f->nand->tag[b], s = ftl_tag_stream(tag);

		f->ru[s] = UT_MAX(f->ru[s], tag >> 8);
	}
	for (uint32_t b = 0; b < f->nand->nr_blocks; b++) {
		uint32_t used = pages_used(f->nand, b), tag = f->nand->tag[b], s = ftl_tag_stream(tag);

		if (used && tag == ftl_tag(s, f->ru[s]))
			f->ru_pages[s] += used;
	}
	for (uint32_t s = 0; s < FTL_ALL; s++) {
		if (f->ru_pages[s] >= ftl_ru_pages(f))
			place_next_ru(f, (enum ftl_stream)s);
	}
}

/* After a power loss: what was torn last, because who has no other block goes on with that. */
void
place_restore(struct ftl *f)
{
	restore_units(f);
	for (int last = 0; last < 2; last++) {
		for (uint32_t b = 0; b < f->nand->nr_blocks; b++) {
			uint32_t used = pages_used(f->nand, b);

			if (used && torn(f, b, used) == last)
				restore(f, b, used);
		}
	}
}
