/* SPDX-License-Identifier: BSD-3-Clause */
/* See keep.h.  Copies of the write buffer are written with pwrite(): on a full disk that fails, and a store through the mapping would not. */
#include "ssd/ftl/keep.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util/alloc.h"
#include "util/barrier.h"

static uint64_t
copies_off(const struct ftl *f)
{
	return nand_store_bytes(&f->cfg.nand) +
	       ut_align_up(sizeof(*f->keep) + f->nr_slots * sizeof(f->kept[0]), NAND_UNIT);
}

uint64_t
ftl_store_bytes(const struct ftl_config *c)
{
	struct ftl f = { .cfg = *c, .nr_slots = ftl_slots(c) };

	return copies_off(&f) + (c->capacitor ? 2ull * f.nr_slots * NAND_UNIT : 0);
}

int
keep_open(struct ftl *f)
{
	if (!f->cfg.nand.store.va)
		return 0;
	f->keep = (void *)(f->cfg.nand.store.va + nand_store_bytes(&f->cfg.nand));
	f->kept = (void *)(f->keep + 1);
	for (uint32_t b = 0; b < f->nand->nr_blocks; b++) { /* a file is not to be trusted */
		if (ftl_tag_stream(f->nand->tag[b]) >= FTL_ALL)
			f->nand->tag[b] = FTL_HOST;
	}
	if (f->keep->used) {
		f->stats = f->keep->stats;
		f->nand->stats = f->keep->nand_stats;
		f->nand->rng = f->keep->rng;
		f->now_ns = f->keep->now_ns; /* time stood still meanwhile */
	}
	return 0;
}

static bool
holds_meta(const struct nand *n, uint32_t page)
{
	uint32_t what = n->what[page * n->cfg.units]; /* such pages hold nothing else */

	return n->seq[page] != NAND_SEQ_ERASED && n->seq[page] != NAND_SEQ_TORN && what >= FTL_MAP;
}

bool
keep_meta_ok(const struct ftl *f)
{
	for (uint32_t p = 0; p < f->nand->nr_pages; p++) {
		if (holds_meta(f->nand, p) && !nand_page_ok(f->nand, p))
			return false;
	}
	return true;
}

void
keep_stats(struct ftl *f)
{
	if (!f->keep)
		return;
	f->keep->stats = f->stats;
	f->keep->nand_stats = f->nand->stats;
	f->keep->rng = f->nand->rng;
	f->keep->now_ns = f->now_ns + f->nand->ahead_ns;
	f->keep->used = 1;
}

/* The record first, and then that it is there. */
void
keep_trimmed(struct ftl *f)
{
	if (!f->keep || !f->cfg.capacitor || f->restoring)
		return;
	if (f->nr_trimmed)
		f->keep->trimmed[f->nr_trimmed - 1] = f->trimmed[f->nr_trimmed - 1];
	ut_release_barrier();
	ut_store(&f->keep->nr_trimmed, f->nr_trimmed);
}

void
keep_trim_again(struct ftl *f)
{
	if (!f->keep || f->keep->nr_trimmed > FTL_JOURNAL_RECORDS)
		return;
	for (uint32_t i = 0; i < f->keep->nr_trimmed; i++) {
		f->trimmed[f->nr_trimmed++] = f->keep->trimmed[i];
		recover_trim(f, &f->keep->trimmed[i]);
	}
}

static off_t
copy_off(const struct ftl *f, uint32_t slot, uint32_t copy)
{
	return (off_t)(f->cfg.nand.store.off + copies_off(f) + (2ull * slot + copy) * NAND_UNIT);
}

static bool
keep_slot(struct ftl *f, uint32_t slot)
{
	struct ftl_kept_slot k = f->kept[slot];

	k = (struct ftl_kept_slot){ f->slot[slot].unit + 1, (uint16_t)f->slot[slot].place, !k.copy };
	if (pwrite(f->cfg.nand.store.fd, f->buffer + (size_t)slot * NAND_UNIT, NAND_UNIT, copy_off(f, slot, k.copy)) !=
	    NAND_UNIT)
		return false;
	ut_release_barrier();
	__atomic_store(&f->kept[slot], &k, __ATOMIC_RELAXED); /* whole: the copy before it is good until then */
	f->slot[slot].kept = true;
	return true;
}

bool
keep_flush(struct ftl *f)
{
	if (!f->keep)
		return true;
	keep_stats(f);
	for (uint32_t i = 0; i < f->nr_dirty; i++) {
		uint32_t s = (f->first + i) % f->nr_slots;

		if (f->slot[s].unit != NAND_NONE && !f->slot[s].kept && !keep_slot(f, s))
			return false;
	}
	return true;
}

void
keep_changed(struct ftl *f, const uint8_t *to)
{
	if (f->keep)
		f->slot[(size_t)(to - f->buffer) / NAND_UNIT].kept = false;
}

void
keep_drop(struct ftl *f, uint32_t slot)
{
	struct ftl_kept_slot k = { 0, 0, f->kept[slot].copy };

	if (f->restoring || !f->kept[slot].unit)
		return;
	ut_release_barrier(); /* after the program that has it now */
	__atomic_store(&f->kept[slot], &k, __ATOMIC_RELAXED);
}

static void
put_back(struct ftl *f, uint32_t slot, uint64_t *due_ns)
{
	struct ftl_kept_slot k = f->kept[slot];
	uint8_t *to;

	if (!k.unit || k.unit > f->cfg.units || k.place >= ftl_places(&f->cfg) || k.copy > 1)
		return;
	to = buffer_put(f, k.unit - 1, k.place, due_ns);
	if (pread(f->cfg.nand.store.fd, to, NAND_UNIT, copy_off(f, slot, k.copy)) != NAND_UNIT)
		buffer_drop(f, k.unit - 1);
}

static bool
is_dirty(const struct ftl *f, uint32_t slot)
{
	return (slot + f->nr_slots - f->first) % f->nr_slots < f->nr_dirty && f->slot[slot].unit != NAND_NONE;
}

/* Slots are others now: what was kept stays until all of it is on NAND.  Where there is no room for it, it is kept once more. */
void
keep_restore(struct ftl *f)
{
	uint64_t due = 0;

	if (!f->keep || !f->cfg.capacitor)
		return;
	f->restoring = true;
	for (uint32_t s = 0; s < f->nr_slots; s++)
		put_back(f, s, &due);
	while (f->nr_dirty && buffer_program(f, &due))
		;
	f->restoring = false;
	for (uint32_t s = 0; s < f->nr_slots; s++) {
		if (!is_dirty(f, s) || !keep_slot(f, s))
			f->kept[s].unit = 0;
	}
	keep_trimmed(f);
}
