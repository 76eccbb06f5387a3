/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * After a power loss: from what is on NAND to the map.  The last checkpoint whose root is whole, and all pages and trimmed
 * ranges with a higher sequence number; of two claims on a unit the higher number wins, in whatever order they are found.
 */
#include "ssd/ftl/keep.h"
#include <string.h>

static bool
whole(const struct nand *n, uint32_t page)
{
	return n->seq[page] != NAND_SEQ_ERASED && (ftl_has(FTL_BUG_TORN_COUNTS) || n->seq[page] != NAND_SEQ_TORN);
}

static struct ftl_head
head_of(const struct ftl *f, uint32_t at)
{
	struct ftl_head head;

	memcpy(&head, nand_unit(f->nand, at), sizeof(head));
	return head;
}

/* Call visit for each unit of a page that is whole. */
static void
each_unit(struct ftl *f, void (*visit)(struct ftl *f, uint32_t at, uint32_t what, uint64_t seq))
{
	struct nand *n = f->nand;

	for (uint32_t page = 0; page < n->nr_pages; page++) {
		if (!whole(n, page))
			continue;
		for (uint32_t at = page * n->cfg.units; at < (page + 1) * n->cfg.units; at++) {
			if (n->what[at] != NAND_NONE)
				visit(f, at, n->what[at], n->seq[page]);
		}
	}
}

static void
find_root(struct ftl *f, uint32_t at, uint32_t what, uint64_t seq)
{
	f->seq = UT_MAX(f->seq, seq);
	if (what != FTL_ROOT || f->cfg.rebuild || le64_get(head_of(f, at).seq) < f->ckpt_seq)
		return;
	f->ckpt_seq = le64_get(head_of(f, at).seq);
	f->root = at;
}

/* Of each part the copy of the last checkpoint that was completed, and wrote it. */
static void
find_part(struct ftl *f, uint32_t at, uint32_t what, uint64_t seq)
{
	uint64_t ckpt = le64_get(head_of(f, at).seq);
	uint32_t part = what - FTL_MAP;

	(void)seq;
	if (what < FTL_MAP || part >= f->nr_parts || ckpt > f->ckpt_seq)
		return;
	if (f->map_at[part] == NAND_NONE || ckpt > le64_get(head_of(f, f->map_at[part]).seq))
		f->map_at[part] = at;
}

/* An entry may point at a block that was erased since, when what was there has moved or was trimmed. */
static void
load_part(struct ftl *f, uint32_t part)
{
	const uint8_t *from = nand_unit(f->nand, f->map_at[part]) + sizeof(struct ftl_head);

	for (uint32_t i = 0; i < FTL_MAP_ENTRIES && part * FTL_MAP_ENTRIES + i < f->cfg.units; i++) {
		uint32_t unit = part * FTL_MAP_ENTRIES + i, page;
		le32 at;

		memcpy(&at, from + i * sizeof(at), sizeof(at));
		page = le32_get(at) / f->nand->cfg.units;
		if (page >= f->nand->nr_pages || !whole(f->nand, page) || f->nand->what[le32_get(at)] != unit ||
		    f->nand->seq[page] > f->ckpt_seq)
			continue;
		f->map[unit] = le32_get(at);
		f->seq_of[unit] = f->nand->seq[page];
	}
}

void
recover_trim(struct ftl *f, const struct ftl_trimmed *t)
{
	f->seq = UT_MAX(f->seq, t->seq);
	if (t->seq <= f->ckpt_seq)
		return;
	for (uint64_t u = t->unit; u < (uint64_t)t->unit + t->count && u < f->cfg.units; u++) {
		if (!ftl_has(FTL_BUG_TRIM_WINS_ALWAYS) && f->seq_of[u] > t->seq)
			continue;
		f->map[u] = NAND_NONE;
		f->seq_of[u] = t->seq;
	}
}

/* The journal stays valid until there is a checkpoint that knows of it. */
static void
trim_again(struct ftl *f, uint32_t at)
{
	const uint8_t *from = nand_unit(f->nand, at) + sizeof(struct ftl_head);

	if (f->nr_journal < FTL_JOURNAL_FOUND)
		f->journal[f->nr_journal++] = at;

	for (uint32_t i = 0; i < le32_get(head_of(f, at).count) && i < FTL_JOURNAL_RECORDS; i++) {
		struct ftl_record r;

		memcpy(&r, from + i * sizeof(r), sizeof(r));
		recover_trim(f, &(struct ftl_trimmed){ le64_get(r.seq), le32_get(r.unit), le32_get(r.count) });
	}
}

/* What is newer than the checkpoint. */
static void
replay(struct ftl *f, uint32_t at, uint32_t what, uint64_t seq)
{
	if (what == FTL_JOURNAL) {
		trim_again(f, at);
		return;
	}
	if (what >= f->cfg.units || seq <= f->ckpt_seq ||
	    (ftl_has(FTL_BUG_OLDER_WINS) ? f->seq_of[what] && seq > f->seq_of[what] : seq <= f->seq_of[what]))
		return;
	f->map[what] = at;
	f->seq_of[what] = seq;
}

static void
count_valid(struct ftl *f)
{
	for (uint32_t u = 0; u < f->cfg.units; u++) {
		if (f->map[u] != NAND_NONE)
			f->block[ftl_block_of(f, f->map[u])].valid++;
	}
	for (uint32_t part = 0; part < f->nr_parts; part++) {
		if (f->map_at[part] != NAND_NONE)
			f->block[ftl_block_of(f, f->map_at[part])].valid++;
	}
	for (uint32_t i = 0; i < f->nr_journal; i++)
		f->block[ftl_block_of(f, f->journal[i])].valid++;
	if (f->root != NAND_NONE)
		f->block[ftl_block_of(f, f->root)].valid++;
}

/* Dies read side by side: the first page of each block in use, and all that is newer than the checkpoint. */
static uint64_t
takes_ns(const struct ftl *f)
{
	const struct nand *n = f->nand;
	uint64_t most = 0;

	for (uint32_t d = 0; d < n->nr_dies; d++) {
		uint32_t first = d * n->cfg.blocks * n->cfg.pages, pages = 0;

		for (uint32_t p = first; p < first + n->cfg.blocks * n->cfg.pages; p++)
			pages += whole(n, p) && (n->seq[p] > f->ckpt_seq || p % n->cfg.pages == 0);
		most = UT_MAX(most, pages * n->cfg.read_ns[0]);
	}
	return most;
}

uint64_t
recover(struct ftl *f)
{
	uint64_t ns;

	place_reset(f);
	fail_reset(f);
	memset(f->map, 0xff, f->cfg.units * sizeof(f->map[0]));
	memset(f->map_at, 0xff, f->nr_parts * sizeof(f->map_at[0]));
	memset(f->map_was, 0xff, f->nr_parts * sizeof(f->map_was[0]));
	memset(f->map_dirty, 0xff, (f->nr_parts / 64 + 1) * sizeof(f->map_dirty[0]));
	memset(f->seq_of, 0, f->cfg.units * sizeof(f->seq_of[0]));
	f->root = NAND_NONE;
	f->nr_journal = f->nr_trimmed = 0;
	f->ckpt_seq = f->seq = f->journal_barrier = 0;
	each_unit(f, find_root);
	each_unit(f, find_part);
	for (uint32_t part = 0; part < f->nr_parts; part++) {
		if (f->map_at[part] != NAND_NONE)
			load_part(f, part);
	}
	each_unit(f, replay);
	keep_trim_again(f);
	count_valid(f);
	ns = takes_ns(f);
	f->seq++; /* a page that was torn may have had a higher number: it counts for nobody */
	return ns;
}
