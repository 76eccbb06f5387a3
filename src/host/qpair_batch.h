/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue pair for who sends by the million: entries are filled in place in the ring, time stamps and counters are
 * per batch, and what belongs to a command is the caller's own, found by its CID.  What is unusual goes the way of
 * all commands (timeouts, resets, stray completions), so each request's cb and arg are set once, with
 * qpair_batch_owner().
 */
#pragma once
#include "host/qpair_int.h"

#define qpair_unlikely(x) __builtin_expect(!!(x), 0)

/*
 * From now on, what ends in an unusual way is told to cb(arg, cqe).  The lowest CIDs are used first, so with n
 * outstanding at most, none is n or more.  Nothing may be outstanding.
 */
static inline void
qpair_batch_owner(struct nvp_qpair *q, nvp_cb cb, void *arg)
{
	q->free = REQ_NONE;
	for (uint32_t i = q->nreqs; i--;) {
		q->reqs[i].cb = cb;
		q->reqs[i].arg = arg;
		q->reqs[i].aer = false;
		if (q->reqs[i].state == REQ_FREE)
			qpair_put(q, &q->reqs[i]);
	}
}

/* The caller knows that there is one. */
static inline struct nvp_req *
qpair_batch_get(struct nvp_qpair *q)
{
	struct nvp_req *r = &q->reqs[q->free];

	q->free = r->next;
	return r;
}

/* Where the next SQE goes. */
static inline struct nvme_sqe *
qpair_batch_sqe(const struct nvp_qpair *q)
{
	return &q->mq.sq[q->mq.sq_tail];
}

/* It is filled, CID included.  The doorbell is rung by qpair_batch_ring(). */
static inline void
qpair_batch_put(struct nvp_qpair *q, struct nvp_req *r, uint64_t now)
{
	r->submit_ticks = now;
	r->deadline = now + q->timeout_ticks;
	r->state = REQ_BUSY;
	if (q->log)
		r->log_seq = cmdlog_submit(q->log, &q->mq.sq[q->mq.sq_tail], now);
	if (++q->mq.sq_tail == q->mq.depth)
		q->mq.sq_tail = 0;
}

/* n commands were put at `now`. */
static inline void
qpair_batch_ring(struct nvp_qpair *q, uint32_t n, uint64_t now)
{
	q->outstanding += n;
	if (now + q->timeout_ticks < q->earliest)
		q->earliest = now + q->timeout_ticks;
	memq_ring_sq(&q->mq);
}

/* The request that a completion ends, free again; NULL: it ends none. */
static inline struct nvp_req *
qpair_batch_end(struct nvp_qpair *q, const struct nvme_cqe *cqe, uint64_t now)
{
	uint32_t cid = cqe->cid;
	struct nvp_req *r = &q->reqs[cid];

	if (qpair_unlikely(cid >= q->nreqs || r->state != REQ_BUSY || le16_get(cqe->sqid) != q->mq.id ||
			   le16_get(cqe->sqhd) >= q->mq.depth)) {
		r = qpair_strange_cqe(q, cqe);
		if (!r)
			return NULL;
	}
	qpair_put(q, r);
	if (q->log)
		cmdlog_complete(q->log, r->log_seq, cqe, now);
	return r;
}

/* n requests ended; `seen` completions were taken. */
static inline void
qpair_batch_done(struct nvp_qpair *q, uint32_t seen, uint32_t n)
{
	q->outstanding -= n;
	ut_store(&q->counted, q->counted + n);
	if (seen)
		memq_ring_cq(&q->mq);
}
