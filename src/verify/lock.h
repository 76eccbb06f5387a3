/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Locks of LBAs between processes, for who has few of them at a time.  Nothing here waits.
 *
 * A writer puts its number into the lanes of its LBAs, then looks whether anybody reads in these groups.  A reader sets
 * its bit in the group, then looks at the lanes.  Both store first and look then, with a full barrier in between, so
 * that at least one of two that meet sees the other.  A reader that sees a writer takes everything back.  A writer that
 * sees a lane taken takes everything back too, but one that has all its lanes keeps them until the readers are gone:
 * these end by themselves, so nobody waits for him who waits.
 */
#pragma once
#include "verify/verify_int.h"

struct verify_part { /* of an operation: what lies in one group */
	uint32_t g, first, n;
	uint64_t mask; /* of its lanes */
};

static inline struct verify_part
verify_part_at(uint64_t lba, uint64_t left)
{
	uint32_t first = (uint32_t)(lba % VERIFY_LANES), n = VERIFY_LANES - first;
	uint64_t all;

	if (n > left)
		n = (uint32_t)left;
	all = n == VERIFY_LANES ? UINT64_MAX : (1ull << 8 * n) - 1;
	return (struct verify_part){ (uint32_t)(lba / VERIFY_LANES % VERIFY_GROUPS), first, n, all << 8 * first };
}

#define EACH_PART(p, slba, count)                           \
	for (uint64_t lba_ = (slba), end_ = lba_ + (count); \
	     lba_ < end_ && ((p = verify_part_at(lba_, end_ - lba_)), true); lba_ += p.n)

/* --- writers --- */

static inline void
unlock_lanes(struct nvp_verify *v, uint64_t slba, uint64_t n)
{
	struct verify_part p;

	EACH_PART(p, slba, n)
	{
		__atomic_fetch_and(&v->group[p.g].writers, ~p.mask, __ATOMIC_RELEASE);
	}
}

static inline bool
lock_lanes(struct nvp_verify *v, uint64_t slba, uint64_t n)
{
	struct verify_part p;
	uint64_t *w, was;

	EACH_PART(p, slba, n)
	{
		w = &v->group[p.g].writers;
		was = ut_load(w);
		do {
			if (was & p.mask) {
				unlock_lanes(v, slba, lba_ - slba);
				return false;
			}
		} while (!__atomic_compare_exchange_n(w, &was, was | (v->tags & p.mask), false, __ATOMIC_SEQ_CST,
						      __ATOMIC_RELAXED));
	}
	return true;
}

/* Reads of this very handle, exactly. */
static inline bool
own_reads(const struct nvp_verify *v, const struct verify_part *p)
{
	const uint64_t *c = &v->reads[(uint64_t)p->g * 2];

	if (!(c[0] | c[1]))
		return false;
	for (uint32_t i = p->first; i < p->first + p->n; i++)
		if (c[i / 4] >> 16 * (i % 4) & 0xffff)
			return true;
	return false;
}

static inline bool
drained(struct nvp_verify *v, uint64_t slba, uint64_t n)
{
	struct verify_part p;

	EACH_PART(p, slba, n)
	{
		if (__atomic_load_n(&v->group[p.g].readers, __ATOMIC_SEQ_CST) & ~v->bit || own_reads(v, &p))
			return false;
	}
	return true;
}

/* --- readers --- */

static inline void
count_reads(struct nvp_verify *v, const struct verify_part *p, uint64_t by)
{
	uint64_t *c = &v->reads[(uint64_t)p->g * 2];

	if (p->n == VERIFY_LANES) {
		c[0] += by * 0x0001000100010001ull;
		c[1] += by * 0x0001000100010001ull;
		return;
	}
	for (uint32_t i = p->first; i < p->first + p->n; i++)
		c[i / 4] += by << 16 * (i % 4);
}

static inline void
unlock_reads(struct nvp_verify *v, uint64_t slba, uint64_t n)
{
	const uint64_t *c;
	struct verify_part p;

	EACH_PART(p, slba, n)
	{
		count_reads(v, &p, UINT64_MAX);
		c = &v->reads[(uint64_t)p.g * 2];
		if (!(c[0] | c[1]))
			__atomic_fetch_and(&v->group[p.g].readers, ~v->bit, __ATOMIC_RELEASE);
	}
}

/* As many reads of one LBA as can be counted. */
static inline bool
reads_full(const struct nvp_verify *v, const struct verify_part *p)
{
	const uint64_t *c = &v->reads[(uint64_t)p->g * 2];

	return ((c[0] | c[1]) & 0x8000800080008000ull) != 0;
}

static inline bool
lock_reads(struct nvp_verify *v, uint64_t slba, uint64_t n)
{
	struct verify_group *g;
	struct verify_part p;
	const uint64_t *c;
	bool first;

	EACH_PART(p, slba, n)
	{
		g = &v->group[p.g];
		c = &v->reads[(uint64_t)p.g * 2];
		if (ut_load(&g->writers) & p.mask || reads_full(v, &p)) {
			unlock_reads(v, slba, lba_ - slba);
			return false;
		}
		first = !(c[0] | c[1]);
		count_reads(v, &p, 1);
		if (first)
			__atomic_fetch_or(&g->readers, v->bit, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&g->writers, __ATOMIC_SEQ_CST) & p.mask) {
			unlock_reads(v, slba, lba_ - slba + p.n);
			return false;
		}
	}
	return true;
}
