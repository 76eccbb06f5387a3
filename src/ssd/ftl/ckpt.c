/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What makes the map survive: the journal of trimmed ranges, and the checkpoint, which writes the parts of the map that
 * changed and then a root.  A checkpoint makes the journal before it void.
 */
#include "ssd/ftl/keep.h"
#include <string.h>

void
map_set(struct ftl *f, uint32_t unit, uint32_t at)
{
	uint32_t part = unit / FTL_MAP_ENTRIES;

	place_invalid(f, f->map[unit]);
	f->map[unit] = at;
	if (ftl_has(FTL_BUG_TWO_UNITS_ONE_PLACE) && at % 997 == 0)
		f->map[unit ^ 1] = at;
	f->map_dirty[part / 64] |= 1ull << (part % 64);
}

void
journal_add(struct ftl *f, uint32_t unit, uint32_t count)
{
	uint64_t due = 0;

	if (f->nr_trimmed == FTL_JOURNAL_RECORDS && !journal_write(f, &due))
		f->nr_trimmed--; /* the drive is full of valid data: this range may come back after a power loss */
	f->trimmed[f->nr_trimmed++] = (struct ftl_trimmed){ .seq = ++f->seq, .unit = unit, .count = count };
	keep_trimmed(f);
}

static void
fill_journal(struct ftl *f, uint8_t *to)
{
	struct ftl_head head = { .count = le32_from(f->nr_trimmed) };

	memset(to, 0, NAND_UNIT);
	memcpy(to, &head, sizeof(head));
	for (uint32_t i = 0; i < f->nr_trimmed; i++) {
		const struct ftl_trimmed *t = &f->trimmed[i];
		struct ftl_record r = { le64_from(t->seq), le32_from(t->unit), le32_from(t->count) };

		memcpy(to + sizeof(head) + i * sizeof(r), &r, sizeof(r));
	}
}

/* A page with one unit. */
static uint32_t
write_one(struct ftl *f, uint32_t what, void (*fill)(struct ftl *f, uint8_t *to), uint64_t *due_ns)
{
	uint32_t page = place_page(f, FTL_META, due_ns), at = page * f->nand->cfg.units;
	uint64_t end;

	if (page == NAND_NONE)
		return NAND_NONE;
	fill(f, nand_unit(f->nand, at));
	f->nand->what[at] = what;
	end = place_program(f, FTL_META, page, 1); /* once: UT_MAX evaluates its arguments twice */
	*due_ns = UT_MAX(*due_ns, end);
	place_done(f, FTL_META, page);
	return at;
}

static bool
write_journal(struct ftl *f, uint64_t *due_ns)
{
	uint32_t at;

	f->busy_meta = true;
	at = write_one(f, FTL_JOURNAL, fill_journal, due_ns);
	f->busy_meta = false;
	if (at == NAND_NONE)
		return false;
	f->journal[f->nr_journal++] = at;
	f->nr_trimmed = 0;
	keep_trimmed(f);
	f->journal_barrier = f->nand->issued;
	return true;
}

bool
journal_write(struct ftl *f, uint64_t *due_ns)
{
	if (!f->nr_trimmed || f->busy_meta)
		return !f->nr_trimmed;
	if (f->nr_journal >= FTL_MAX_JOURNAL)
		return ckpt_write(f, due_ns);
	return write_journal(f, due_ns);
}

static void
fill_part(struct ftl *f, uint32_t part, uint8_t *to)
{
	struct ftl_head head = { .seq = le64_from(f->ckpt_seq) };

	memset(to, 0xff, NAND_UNIT);
	memcpy(to, &head, sizeof(head));
	for (uint32_t i = 0; i < FTL_MAP_ENTRIES && part * FTL_MAP_ENTRIES + i < f->cfg.units; i++) {
		le32 at = le32_from(f->map[part * FTL_MAP_ENTRIES + i]);

		memcpy(to + sizeof(head) + i * sizeof(at), &at, sizeof(at));
	}
}

static uint32_t
next_dirty(const struct ftl *f, uint32_t part)
{
	while (part < f->nr_parts && !(f->map_dirty[part / 64] >> (part % 64) & 1))
		part++;
	return part;
}

/* A copy that a failed checkpoint left is nothing that anybody needs; the one before that is. */
static void
replace_part(struct ftl *f, uint32_t part, uint32_t at)
{
	if (f->map_was[part] == NAND_NONE)
		f->map_was[part] = f->map_at[part];
	else
		place_invalid(f, f->map_at[part]);
	f->map_at[part] = at;
}

/* All parts that changed.  What they replace is remembered in map_was: it stays valid until there is a root. */
static bool
write_parts(struct ftl *f, uint64_t *due_ns)
{
	uint32_t units = f->nand->cfg.units, part = next_dirty(f, 0);

	while (part < f->nr_parts) {
		uint32_t page = place_page(f, FTL_META, due_ns), used = 0;

		if (page == NAND_NONE)
			return false;
		for (; used < units && part < f->nr_parts; part = next_dirty(f, part + 1)) {
			uint32_t at = page * units + used++;

			fill_part(f, part, nand_unit(f->nand, at));
			f->nand->what[at] = FTL_MAP + part;
			replace_part(f, part, at);
			if (ftl_has(FTL_BUG_OLD_MAP_GOES_FIRST)) {
				place_invalid(f, f->map_was[part]);
				f->map_was[part] = NAND_NONE;
				f->busy_meta = false;
			}
		}
		place_program(f, FTL_META, page, used);
		place_done(f, FTL_META, page);
	}
	return true;
}

static void
fill_root(struct ftl *f, uint8_t *to)
{
	struct ftl_head head = { .seq = le64_from(f->ckpt_seq) };

	memset(to, 0, NAND_UNIT);
	memcpy(to, &head, sizeof(head));
}

/* The new root is under way: what it replaces is void. */
static void
forget_old(struct ftl *f, uint32_t root)
{
	for (uint32_t part = next_dirty(f, 0); part < f->nr_parts; part = next_dirty(f, part + 1)) {
		place_invalid(f, f->map_was[part]);
		f->map_was[part] = NAND_NONE;
	}
	memset(f->map_dirty, 0, (f->nr_parts / 64 + 1) * sizeof(f->map_dirty[0]));
	place_invalid(f, f->root);
	f->root = root;
	for (uint32_t i = 0; i < f->nr_journal; i++)
		place_invalid(f, f->journal[i]);
	f->nr_journal = f->nr_trimmed = 0;
	keep_trimmed(f);
	f->journal_barrier = f->nand->issued;
	f->since_ckpt = 0;
	f->stats.checkpoints++;
}

void
ckpt_all(struct ftl *f)
{
	memset(f->map_dirty, 0xff, (f->nr_parts / 64 + 1) * sizeof(f->map_dirty[0]));
}

/* Old parts of the map that did not change hold blocks that are needed. */
static bool
reserve_touched(const struct ftl *f)
{
	bool touched = false;

	for (uint32_t d = 0; d < f->nand->nr_dies; d++)
		touched |= f->die[d].free < f->reserve;
	return touched;
}

/* The root is written when all that the map points at, and the map itself, is there. */
bool
ckpt_write(struct ftl *f, uint64_t *due_ns)
{
	uint32_t root;

	if (f->busy_meta)
		return false;
	if (f->nr_trimmed && f->nr_journal < FTL_JOURNAL_FOUND)
		write_journal(f, due_ns); /* blocks can be erased while the checkpoint waits for room */
	if (reserve_touched(f))
		ckpt_all(f);
	f->busy_meta = true;
	f->ckpt_seq = ++f->seq;
	if (!write_parts(f, due_ns)) {
		f->busy_meta = false;
		return false;
	}
	while (!ftl_has(FTL_BUG_ROOT_BEFORE_MAP) && place_wait(f))
		;
	root = f->unsaved ? NAND_NONE : write_one(f, FTL_ROOT, fill_root, due_ns);
	f->busy_meta = false;
	if (root == NAND_NONE)
		return false;
	forget_old(f, root);
	return true;
}
