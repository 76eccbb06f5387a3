/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of ftl.h, and time. */
#include "ssd/ftl/keep.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "util/alloc.h"

#define BUFFER_PAGES 4u /* a die */
#define CKPT_PAGES 4096u /* at the least between two checkpoints */

static void
tables_free(struct ftl *f)
{
	void *const tables[] = { f->map, f->map_at, f->map_was, f->map_dirty, f->seq_of, f->block,
				 f->die, f->empty,  f->slot,	f->buffer,    f->hash };

	for (size_t i = 0; i < UT_ARRAY_LEN(tables); i++)
		free(tables[i]);
}

void
ftl_close(struct ftl *f)
{
	if (!f)
		return;
	nand_close(f->nand);
	tables_free(f);
	free(f);
}

static uint64_t
divide_up(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

static uint64_t
parts_of(const struct ftl_config *c)
{
	return divide_up(c->units, FTL_MAP_ENTRIES);
}

/* A whole checkpoint and the journal before it, and a block that is open. */
static uint64_t
reserve_a_die(const struct ftl_config *c)
{
	uint64_t pages = divide_up(parts_of(c), c->nand.units) + 1 + FTL_MAX_JOURNAL;

	return divide_up(divide_up(pages, c->nand.pages) + 1, (uint64_t)c->nand.channels * c->nand.dies);
}

/* Open ones, the reserves, what is empty or being erased, the map and the journal. */
uint64_t
ftl_spare_blocks(const struct ftl_config *c)
{
	uint64_t a_block = (uint64_t)c->nand.pages * c->nand.units, dies = (uint64_t)c->nand.channels * c->nand.dies;

	return dies * (FTL_CACHE + ftl_cached(c) + ftl_places(c) - 1 + FTL_LOW + reserve_a_die(c) + c->slc_blocks) +
	       divide_up(parts_of(c) * 2 + FTL_MAX_JOURNAL * c->nand.units, a_block);
}

uint32_t
ftl_slots(const struct ftl_config *c)
{
	uint32_t dies = c->nand.channels * c->nand.dies;

	return UT_MAX(c->buffer ? c->buffer : dies * BUFFER_PAGES * c->nand.units, 2 * c->nand.units);
}

static bool
tables_open(struct ftl *f)
{
	struct nand *n = f->nand;

	f->nr_parts = (uint32_t)parts_of(&f->cfg);
	f->reserve = (uint32_t)reserve_a_die(&f->cfg);
	f->nr_slots = ftl_slots(&f->cfg);
	for (f->nr_hash = 64; f->nr_hash < 2 * f->nr_slots; f->nr_hash *= 2)
		;
	f->map = ut_calloc(f->cfg.units, sizeof(f->map[0]));
	f->map_at = ut_calloc(f->nr_parts, sizeof(f->map_at[0]));
	f->map_was = ut_calloc(f->nr_parts, sizeof(f->map_was[0]));
	f->map_dirty = ut_calloc(f->nr_parts / 64 + 1, sizeof(f->map_dirty[0]));
	f->seq_of = ut_calloc(f->cfg.units, sizeof(f->seq_of[0]));
	f->block = ut_calloc(n->nr_blocks, sizeof(f->block[0]));
	f->die = ut_calloc(n->nr_dies, sizeof(f->die[0]));
	f->empty = ut_calloc(n->nr_blocks, sizeof(f->empty[0]));
	f->slot = ut_calloc(f->nr_slots, sizeof(f->slot[0]));
	f->buffer = ut_calloc(f->nr_slots, NAND_UNIT);
	f->hash = ut_calloc(f->nr_hash, sizeof(f->hash[0]));
	return f->map && f->map_at && f->map_was && f->map_dirty && f->seq_of && f->block && f->die && f->empty &&
	       f->slot && f->buffer && f->hash;
}

/* What is there beyond what has to be, but for an eighth: who may not write any more still has to flush. */
static uint32_t
may_be_bad(const struct ftl *f)
{
	uint64_t a_block = (uint64_t)f->cfg.nand.pages * f->cfg.nand.units;
	uint64_t more = f->nand->nr_blocks - ftl_spare_blocks(&f->cfg) - divide_up(f->cfg.units, a_block);

	return (uint32_t)UT_MAX(more - more / 8, 1);
}

static bool
fits(const struct ftl *f)
{
	uint64_t a_block = (uint64_t)f->cfg.nand.pages * f->cfg.nand.units, spare = ftl_spare_blocks(&f->cfg);

	return f->cfg.units && f->cfg.units < FTL_MAX_UNITS && f->cfg.places <= FTL_PLACES &&
	       f->nand->nr_blocks > spare && f->cfg.units <= (f->nand->nr_blocks - spare) * a_block;
}

int
ftl_open(const struct ftl_config *cfg, struct ftl **out)
{
	struct ftl *f = ut_calloc(1, sizeof(*f));
	int rc;

	if (!f)
		return -ENOMEM;
	f->cfg = *cfg;
	rc = nand_open(&cfg->nand, &f->nand);
	if (!rc && !tables_open(f))
		rc = -ENOMEM;
	if (!rc && !fits(f))
		rc = -EINVAL;
	if (!rc)
		rc = keep_open(f);
	if (rc) {
		ftl_close(f);
		return rc;
	}
	f->may_be_bad = may_be_bad(f);
	ut_rng_seed(&f->rng, cfg->nand.seed);
	buffer_reset(f);
	if (f->keep && !cfg->unchecked && !keep_meta_ok(f)) {
		ftl_close(f);
		return -EUCLEAN;
	}
	recover(f);
	*out = f;
	return 0;
}

static void
raise_to(uint64_t *due_ns, uint64_t ns)
{
	*due_ns = UT_MAX(*due_ns, ns);
}

static void
commit(struct ftl *f, uint64_t now_ns)
{
	struct nand_op op;

	while (nand_commit(f->nand, UT_MAX(f->now_ns, now_ns), &op)) {
		f->now_ns =
			UT_MAX(f->now_ns, op.end_ns); /* what follows from it begins then, however late we are called */
		if (op.kind == NAND_ERASE)
			place_erased(f, nand_block_of(f->nand, op.page), op.failed);
		else if (op.failed)
			fail_seen(f, &op);
		if (f->unsaved)
			fail_save(f);
		place_erase(f);
	}
}

uint64_t
ftl_advance(struct ftl *f, uint64_t now_ns)
{
	do
		commit(f, now_ns);
	while (idle_work(f, now_ns));
	f->now_ns = UT_MAX(f->now_ns, now_ns);
	place_erase(f);
	return nand_next(f->nand);
}

/* In the order of the commands: whoever comes later with data that is there sooner still comes after. */
static void
over_the_link(struct ftl *f, uint64_t now_ns, uint64_t *due_ns)
{
	if (!f->cfg.link_ns)
		return;
	f->link_ns = UT_MAX(f->link_ns, now_ns) + f->cfg.link_ns;
	raise_to(due_ns, f->link_ns);
}

const void *
ftl_read(struct ftl *f, uint64_t now_ns, uint32_t unit, uint64_t *due_ns)
{
	const void *hit;
	uint32_t at;

	idle_ends(f, now_ns);
	over_the_link(f, now_ns, due_ns);
	hit = buffer_find(f, unit);
	at = f->map[unit];
	f->stats.host_read++;
	if (hit)
		return hit;
	if (at == NAND_NONE)
		return NULL;
	if (ftl_in_flight(f, at))
		ftl_advance(f, now_ns);
	if (f->cfg.read_limit) {
		care_read(f, now_ns, at);
		at = f->map[unit];
	}
	if (!ftl_in_flight(f, at)) { /* what is still under way is in the memory of the drive, too */
		if (f->cfg.no_refresh)
			care_look(f, now_ns, at);
		raise_to(due_ns, nand_read(f->nand, at / f->nand->cfg.units, 1, now_ns));
	}
	return nand_unit(f->nand, at);
}

/* A checkpoint bounds what a recovery has to read. */
static void
ckpt_when_due(struct ftl *f, uint64_t *due_ns)
{
	if (f->since_ckpt > (f->cfg.ckpt_pages ? f->cfg.ckpt_pages : UT_MAX(f->nand->nr_pages / 4, CKPT_PAGES)))
		ckpt_write(f, due_ns);
}

/* A page of what is written together is programmed as soon as it is there; an older one that does not fill up has to go in the end. */
static bool
room_in_buffer(struct ftl *f, uint32_t place, uint64_t *due_ns)
{
	if (ftl_places(&f->cfg) == 1)
		return f->nr_dirty < f->nand->cfg.units || buffer_program(f, due_ns);
	if (f->held[place] >= f->nand->cfg.units && !buffer_program_place(f, place, due_ns))
		return false;
	while (f->nr_dirty >= f->nr_slots) {
		if (!buffer_program(f, due_ns))
			return false;
	}
	return true;
}

uint64_t
ftl_ru_units(const struct ftl *f)
{
	return (uint64_t)ftl_ru_pages(f) * f->nand->cfg.units;
}

/* What the write buffer holds for it is on its way there. */
uint64_t
ftl_ru_used(const struct ftl *f, uint32_t place)
{
	uint64_t used = (uint64_t)f->ru_pages[ftl_stream_of(place)] * f->nand->cfg.units + f->held[place];

	return used % ftl_ru_units(f);
}

uint32_t
ftl_ru_number(const struct ftl *f, uint32_t place)
{
	return f->ru[ftl_stream_of(place)];
}

uint64_t
ftl_reallocs(const struct ftl *f)
{
	return f->nr_realloc;
}

const struct ftl_realloc *
ftl_realloc(const struct ftl *f, uint64_t n)
{
	return &f->realloc[n % FTL_REALLOCS];
}

void
ftl_place_end(struct ftl *f, uint64_t now_ns, uint32_t place, uint64_t *due_ns)
{
	ftl_advance(f, now_ns);
	while (f->held[place] && buffer_program_place(f, place, due_ns))
		;
	place_close(f, ftl_stream_of(place));
}

void *
ftl_write(struct ftl *f, uint64_t now_ns, uint32_t unit, uint32_t bytes, uint32_t place, uint64_t *due_ns)
{
	const void *old;
	uint8_t *to;

	ftl_advance(f, now_ns);
	idle_ends(f, now_ns);
	over_the_link(f, now_ns, due_ns);
	f->stats.host_written++;
	f->stats.host_bytes += bytes;
	f->stats.partial += bytes < NAND_UNIT;
	if (f->bad >= f->may_be_bad)
		return NULL;
	place = place < ftl_places(&f->cfg) ? place : 0;
	if (buffer_place(f, unit) != place) /* its company stays where it is */
		together_leave(f, unit, due_ns);
	to = buffer_again(f, unit, place);
	if (to) {
		keep_changed(f, to);
		return to;
	}
	if (!f->group && !room_in_buffer(f, place, due_ns)) /* for a group room was made before */
		return NULL;
	ckpt_when_due(f, due_ns);
	if (bytes < NAND_UNIT) {
		uint64_t lost = f->stats.unreadable;

		old = ftl_read(f, now_ns, unit, due_ns);
		if (f->stats.unreadable != lost) /* or its other part would be good again */
			return NULL;
	} else /* nothing is read for it, but who does not fill it must not find another unit's data there */
		old = f->map[unit] == NAND_NONE ? NULL : nand_unit(f->nand, f->map[unit]);
	to = buffer_put(f, unit, place, due_ns);
	if (old && !ftl_has(FTL_BUG_PART_OF_UNIT_LOST))
		nand_copy(to, old, 1);
	else
		memset(to, 0, NAND_UNIT);
	return to;
}

static bool
any_mapped(const struct ftl *f, uint32_t unit, uint32_t count)
{
	uint32_t end = unit + count;

	while (unit < end && f->map[unit] == NAND_NONE)
		unit++;
	return unit < end;
}

void
ftl_trim(struct ftl *f, uint64_t now_ns, uint32_t unit, uint32_t count, uint64_t *due_ns)
{
	ftl_advance(f, now_ns);
	idle_ends(f, now_ns);
	for (uint32_t u = unit; u < unit + count && f->nr_dirty; u++)
		together_leave(f, u, due_ns);
	if (any_mapped(f, unit, count))
		journal_add(f, unit, count);
	for (uint32_t u = unit; u < unit + count; u++) {
		buffer_drop(f, u);
		if (f->map[u] == NAND_NONE)
			continue;
		map_set(f, u, NAND_NONE);
		f->stats.host_trimmed++;
	}
	raise_to(due_ns, now_ns);
}

bool
ftl_flush(struct ftl *f, uint64_t now_ns, uint64_t *due_ns)
{
	bool ok = true;

	ftl_advance(f, now_ns);
	idle_ends(f, now_ns);
	if (f->cfg.capacitor)
		return keep_flush(f);
	while (f->nr_dirty && ok)
		ok = buffer_program(f, due_ns);
	ok = journal_write(f, due_ns) && ok;
	while (f->nand->failing && place_wait(f)) /* until what fails is written elsewhere */
		raise_to(due_ns, f->now_ns);
	ok = ok && !f->unsaved;
	if (!ftl_has(FTL_BUG_FLUSH_EARLY))
		raise_to(due_ns, nand_pin(f->nand));
	return ok;
}

void
ftl_spill(struct ftl *f, uint64_t now_ns)
{
	uint64_t due = 0;

	ftl_advance(f, now_ns);
	buffer_program(f, &due);
}

/* With a capacitor there is energy for what is under way and for the write buffer. */
static void
rescue(struct ftl *f)
{
	uint64_t due = 0;

	while (f->nr_dirty && buffer_program(f, &due))
		;
	journal_write(f, &due);
	while (place_wait(f))
		;
}

void
ftl_clock(struct ftl *f, uint64_t now_ns)
{
	while (place_wait(f))
		;
	nand_clock(f->nand, f->now_ns, now_ns);
	f->now_ns = f->host_ns = f->link_ns = f->care_ns = now_ns;
}

void
ftl_power_off(struct ftl *f, uint64_t now_ns)
{
	ftl_advance(f, now_ns);
	if (f->cfg.capacitor)
		rescue(f);
	nand_power_off(f->nand, f->now_ns);
	keep_stats(f);
	if (ftl_has(FTL_BUG_WEAR_LOST))
		memset(f->nand->wear, 0, f->nand->nr_blocks * sizeof(f->nand->wear[0]));
	f->off = true;
}

uint64_t
ftl_power_on(struct ftl *f)
{
	uint64_t ns, due = 0;

	buffer_reset(f);
	ns = recover(f);
	place_restore(f);
	f->off = false;
	keep_restore(f);
	if (f->root != NAND_NONE || f->seq > 1)
		ckpt_write(f, &due); /* what was pieced together is written down, so that the journal can go */
	f->stats.recoveries++;
	f->stats.recovered_ns += ns;
	return ns;
}

void
ftl_fail(struct ftl *f, enum nand_kind kind)
{
	f->nand->fail_next[kind]++;
}

struct ftl_health
ftl_health(const struct ftl *f)
{
	uint64_t endurance = f->nand->cfg.endurance, wear = f->nand->stats.erases / f->nand->nr_blocks;
	uint32_t left = f->may_be_bad - UT_MIN(f->bad, f->may_be_bad);

	return (struct ftl_health){
		.bad = f->bad,
		.spare = (uint8_t)(100ull * left / f->may_be_bad),
		.used = (uint8_t)(endurance ? UT_MIN(100 * wear / endurance, 255) : 0),
		.read_only = !left,
	};
}

struct ftl_wear
ftl_wear(const struct ftl *f)
{
	struct ftl_wear w = { .least = UINT32_MAX };
	uint32_t unused = 0;

	for (uint32_t b = 0; b < f->nand->nr_blocks; b++) {
		unused += f->block[b].state == FTL_FREE;
		if (f->nand->bad[b])
			continue;
		w.least = UT_MIN(w.least, f->nand->wear[b]);
		w.most = UT_MAX(w.most, f->nand->wear[b]);
	}
	w.least = UT_MIN(w.least, w.most);
	w.free_percent = (uint8_t)(100ull * unused / f->nand->nr_blocks);
	return w;
}

const struct ftl_stats *
ftl_stats(const struct ftl *f)
{
	return &f->stats;
}

const struct nand *
ftl_nand(const struct ftl *f)
{
	return f->nand;
}

double
ftl_waf(const struct ftl *f)
{
	uint64_t programmed = 0;

	for (int s = 0; s < FTL_STREAMS; s++)
		programmed += f->stats.programmed[s];
	return f->stats.host_bytes ? (double)programmed * NAND_UNIT / (double)f->stats.host_bytes : 0;
}
