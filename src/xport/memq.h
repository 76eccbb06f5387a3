/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A submission and a completion ring in memory that device and host share.  What runs per command is inline, with no
 * indirect call; only a doorbell that the bus cannot map takes the slow way, once a batch.
 *
 * NVMe over PCIe Transport, "Submission Queue Tail Doorbell", "Completion Queue Head Doorbell"; NVMe Base, "Queue Entry
 * Mechanics" ("Phase Tag").
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "bus/bus.h"
#include "nvproof/spec/cmd.h"
#include "util/barrier.h"

struct memq {
	struct nvme_sqe *sq;
	struct nvme_cqe *cq;
	uint32_t *sq_db, *cq_db; /* mapped doorbells; NULL: memq_doorbell_slow() */
	uint32_t depth; /* entries of either ring */
	uint32_t sq_tail; /* next slot to fill */
	uint32_t sq_rung; /* the tail that the device was told */
	uint32_t cq_head; /* next entry to look at */
	uint16_t phase; /* phase tag of a new entry: 1 in the first round */
	uint16_t id;
	struct nvp_bus *bus; /* NULL: doorbells go nowhere (not created on the device, or not reachable) */
	uint64_t sq_db_off, cq_db_off; /* in BAR 0 */
};

/* Both rings empty, the completion entries' phase tags cleared.  The device must not use them (any more). */
void memq_reset(struct memq *q);
/* One register write.  A bus error is not told here: who waits notices that the device is gone. */
void memq_doorbell_slow(struct memq *q, uint64_t off, uint32_t val);

/* The caller has made sure that there is room: at most depth - 1 commands are in flight. */
static inline void
memq_put(struct memq *q, const struct nvme_sqe *sqe)
{
	q->sq[q->sq_tail] = *sqe;
	if (++q->sq_tail == q->depth)
		q->sq_tail = 0;
}

static inline void
memq_ring_sq(struct memq *q)
{
	if (q->sq_rung == q->sq_tail)
		return;
	q->sq_rung = q->sq_tail;
	if (__builtin_expect(!q->sq_db, 0)) {
		memq_doorbell_slow(q, q->sq_db_off, q->sq_tail);
		return;
	}
	ut_release_barrier(); /* the device sees the entries before the tail that covers them */
	ut_store(q->sq_db, htole32(q->sq_tail));
}

/* Copy the next completion, each byte of it once: what is checked is what is used.  false: there is none. */
static inline bool
memq_peek(const struct memq *q, struct nvme_cqe *out)
{
	const struct nvme_cqe *e = &q->cq[q->cq_head];
	const uint64_t *from = (const void *)e;
	uint64_t copy[2];

	if ((le16toh(ut_load(&e->status.raw)) & NVME_CQE_PHASE) != q->phase)
		return false;
	ut_acquire_barrier(); /* the phase tag before the rest: the device writes it last */
	copy[0] = ut_load(&from[0]);
	copy[1] = ut_load(&from[1]);
	memcpy(out, copy, sizeof(*out));
	return true;
}

/* Done with the entry that memq_peek() copied. */
static inline void
memq_pop(struct memq *q)
{
	if (++q->cq_head == q->depth) {
		q->cq_head = 0;
		q->phase ^= 1;
	}
	__builtin_prefetch(&q->cq[q->cq_head]);
}

/* Tell the device how far the completions were taken. */
static inline void
memq_ring_cq(struct memq *q)
{
	if (__builtin_expect(!q->cq_db, 0)) {
		memq_doorbell_slow(q, q->cq_db_off, q->cq_head);
		return;
	}
	ut_release_barrier(); /* our reads of the entries are done before the device may reuse them */
	ut_store(q->cq_db, htole32(q->cq_head));
}
