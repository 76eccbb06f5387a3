/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Locks of long operations and of those with several ranges, which may overlap, and meet in the lock table: one such
 * operation a handle at a time, whose lanes bear a mark of their own, so that it takes a lane twice without harm.
 */
#include "verify/lock.h"

#include <errno.h>

struct walk { /* over the lanes of all ranges of an operation */
	const struct nvp_verify *v;
	const struct nvp_verify_op *op;
	uint32_t i;
	uint64_t lba, left;
};

static bool
next_part(struct walk *w, struct verify_part *p)
{
	struct nvp_verify_range r;

	while (!w->left) {
		if (w->i == verify_ranges(w->op))
			return false;
		r = verify_range(w->v, w->op, w->i++);
		w->lba = r.slba;
		w->left = UT_MIN(r.nlb, VERIFY_LOCKS + VERIFY_LANES); /* that is all locks there are */
	}
	*p = verify_part_at(w->lba, w->left);
	w->lba += p->n;
	w->left -= p->n;
	return true;
}

static uint64_t
mark(const struct nvp_verify *v, uint32_t i)
{
	return (uint64_t)(v->user | LANE_BULK) << 8 * i;
}

/* Take the lanes of a group that are free or ours already.  false: one is not. */
static bool
take(struct nvp_verify *v, const struct verify_part *p)
{
	uint64_t *w = &v->group[p->g].writers, was = ut_load(w), now, lane;
	uint32_t i;

	do {
		now = was;
		for (i = p->first; i < p->first + p->n; i++) {
			lane = was & 0xffull << 8 * i;
			if (lane && lane != mark(v, i))
				return false;
			now |= mark(v, i);
		}
	} while (!__atomic_compare_exchange_n(w, &was, now, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	return true;
}

static void
give(struct nvp_verify *v, const struct verify_part *p)
{
	uint64_t *w = &v->group[p->g].writers, was = ut_load(w), now;
	uint32_t i;

	do {
		now = was;
		for (i = p->first; i < p->first + p->n; i++)
			if ((was & 0xffull << 8 * i) == mark(v, i))
				now &= ~(0xffull << 8 * i);
	} while (!__atomic_compare_exchange_n(w, &was, now, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

void
verify_bulk_unlock(struct nvp_verify *v, struct nvp_verify_op *op)
{
	struct walk w = { .v = v, .op = op };
	struct verify_part p;

	while (next_part(&w, &p))
		give(v, &p);
	v->bulk = false;
}

static int
claim(struct nvp_verify *v, struct nvp_verify_op *op)
{
	struct walk w = { .v = v, .op = op };
	struct verify_part p;

	if (v->bulk)
		return -EAGAIN;
	while (next_part(&w, &p))
		if (!take(v, &p)) {
			verify_bulk_unlock(v, op);
			return -EAGAIN;
		}
	v->bulk = true;
	op->locked = LOCKED_CLAIMED;
	return 0;
}

int
verify_bulk_lock(struct nvp_verify *v, struct nvp_verify_op *op)
{
	struct walk w = { .v = v, .op = op };
	struct verify_part p;
	int rc = 0;

	if (op->locked == LOCKED_NOT)
		rc = claim(v, op);
	while (!rc && next_part(&w, &p))
		if (__atomic_load_n(&v->group[p.g].readers, __ATOMIC_SEQ_CST) & ~v->bit || own_reads(v, &p))
			rc = -EAGAIN;
	return rc;
}
