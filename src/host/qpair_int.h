/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside a queue pair: requests, and what runs per command, inline.
 *
 * Requests are preallocated and found by their CID.  A request is two cache lines: the SQE as it is copied into the
 * ring, and all that submit and reap have to know.  CID FFFFh is never used (the error log gives it a meaning of its
 * own).
 */
#pragma once
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include "host/event.h"
#include "host/log.h"
#include "nvproof/qpair.h"
#include "util/clock.h"
#include "xport/dptr.h"
#include "xport/memq.h"

#define REQ_NONE UINT32_MAX

enum req_state {
	REQ_FREE,
	REQ_GOT, /* being filled */
	REQ_BUSY, /* the device has it */
	REQ_ABORTING, /* its queue was reset; the callback comes soon */
	REQ_LOST, /* timed out: completed for the caller, but the device may still use CID and memory */
};

struct nvp_req {
	struct nvme_sqe sqe;
	nvp_cb cb;
	void *arg;
	struct nvp_qpair *q;
	uint64_t submit_ticks;
	uint64_t deadline; /* in ticks */
	uint64_t log_seq; /* its entry in the command log */
	uint32_t bytes; /* of data, for the counters */
	uint32_t next; /* free list */
	uint16_t cid;
	uint8_t state;
	bool aer; /* has no deadline and does not count in nvp_qpair_wait() */
};
static_assert(sizeof(struct nvp_req) == 128, "two cache lines");

struct nvp_qpair {
	struct memq mq;
	struct nvp_req *reqs;
	uint32_t nreqs; /* depth - 1 */
	uint32_t free; /* first free request; REQ_NONE: full */
	uint32_t outstanding; /* BUSY, AERs included */
	uint32_t aers; /* outstanding AERs */
	struct ut_clock *clock;
	uint64_t timeout_ticks;
	uint64_t earliest; /* no deadline is before this one, in ticks */
	struct nvp_cmdlog_ring *log; /* NULL: none */
	uint64_t counted, bytes; /* commands and their data completed so far, without AERs */
	uint64_t latest_ticks; /* latency of the latest completion */
	uint16_t latest_cid;
	bool lazy;
	bool in_poll; /* a callback must not poll */
	bool live; /* the device knows it: commands may be sent */
	bool on_device; /* the device may use its memory: from before Create to a confirmed Delete or disable */
	bool exported; /* another process uses the rings */
	uint8_t page_shift;
	struct nvp_buf lists; /* a PRP list page a request */

	struct nvp_ctrlr *ctrlr; /* NULL: imported from another process */
	struct nvp_events *events;
	struct nvp_qpair *next; /* of the controller */
	struct nvp_qpair_opts opts;
	uint64_t look_ticks, next_look; /* how often, and when next, a waiter looks whether the device is there */
	struct nvp_buf sq_buf, cq_buf;
	struct nvp_buf data_buf; /* of commands that may outlive who sent them: freed with the queue */
};

/* The unusual completions; returns the request to complete, or NULL when the CQE is only a finding.  qpair.c */
struct nvp_req *qpair_strange_cqe(struct nvp_qpair *q, const struct nvme_cqe *cqe);
void qpair_event(struct nvp_qpair *q, enum nvp_event_kind kind, const struct nvme_cqe *cqe);

static inline struct nvp_req *
qpair_get(struct nvp_qpair *q)
{
	struct nvp_req *r;

	if (q->free == REQ_NONE)
		return NULL;
	r = &q->reqs[q->free];
	q->free = r->next;
	r->state = REQ_GOT;
	r->bytes = 0;
	return r;
}

static inline void
qpair_put(struct nvp_qpair *q, struct nvp_req *r)
{
	r->state = REQ_FREE;
	r->next = q->free;
	q->free = r->cid;
}

static inline void
qpair_submit(struct nvp_req *r, nvp_cb cb, void *arg)
{
	struct nvp_qpair *q = r->q;
	uint64_t now = ut_ticks(q->clock);

	assert(r->state == REQ_GOT); /* ours: submitted twice, or not got */
	r->sqe.cid = r->cid;
	r->cb = cb;
	r->arg = arg;
	r->submit_ticks = now;
	r->deadline = now + q->timeout_ticks;
	r->state = REQ_BUSY;
	r->aer = q->mq.id == 0 && r->sqe.opc == NVME_ADM_ASYNC_EVENT;
	if (__builtin_expect(r->aer, 0)) {
		r->deadline = UINT64_MAX;
		q->aers++;
	}
	if (r->deadline < q->earliest)
		q->earliest = r->deadline;
	if (q->log)
		r->log_seq = cmdlog_submit(q->log, &r->sqe, now);
	memq_put(&q->mq, &r->sqe);
	q->outstanding++;
	/* The first half of a fused pair waits for the second: one doorbell write.  NVMe Base, "Fused Operations". */
	if (!q->lazy && (r->sqe.flags & NVME_SQE_FUSE) != NVME_FUSE_FIRST)
		memq_ring_sq(&q->mq);
}

/* Account for the end of a request, free it, tell its owner. */
static inline void
qpair_finish(struct nvp_qpair *q, struct nvp_req *r, const struct nvme_cqe *cqe, uint64_t now)
{
	if (q->log)
		cmdlog_complete(q->log, r->log_seq, cqe, now);
	q->latest_cid = r->cid;
	q->latest_ticks = now - r->submit_ticks;
	q->aers -= r->aer;
	ut_store(&q->counted, q->counted + !r->aer);
	ut_store(&q->bytes, q->bytes + r->bytes);
	if (r->cb)
		r->cb(r->arg, cqe);
}

/* One completion from the device, seen at `now`. */
static inline void
qpair_reap(struct nvp_qpair *q, const struct nvme_cqe *cqe, uint64_t now)
{
	uint32_t cid = cqe->cid;
	struct nvp_req *r = &q->reqs[cid];

	if (__builtin_expect(cid >= q->nreqs || r->state != REQ_BUSY || le16_get(cqe->sqid) != q->mq.id ||
				     le16_get(cqe->sqhd) >= q->mq.depth,
			     0)) {
		r = qpair_strange_cqe(q, cqe);
		if (!r)
			return;
	}
	if (__builtin_expect(r->submit_ticks > now, 0))
		now = ut_ticks(q->clock); /* sent by a callback of this very batch */
	q->outstanding--;
	qpair_put(q, r);
	qpair_finish(q, r, cqe, now);
}

/*
 * Reap up to max, and once round the ring at most: a device that never stops completing does not keep us here.  Returns
 * how many commands ended; AERs and what is nobody's do not count.
 */
static inline uint32_t
qpair_reap_batch(struct nvp_qpair *q, uint32_t max)
{
	uint64_t before = q->counted;
	struct nvme_cqe cqe;
	uint32_t seen = 0;
	uint64_t now = 0;

	if (max > q->mq.depth)
		max = q->mq.depth;
	while (seen < max && memq_peek(&q->mq, &cqe)) {
		if (seen++ == 0)
			now = ut_ticks(q->clock); /* one stamp a batch */
		memq_pop(&q->mq);
		qpair_reap(q, &cqe, now);
	}
	if (seen)
		memq_ring_cq(&q->mq);
	return (uint32_t)(q->counted - before);
}

/* The list page that belongs to a request, also while the device has it, timed out or not. */
static inline struct prp_list
qpair_list(const struct nvp_req *r)
{
	const struct nvp_qpair *q = r->q;
	uint64_t off = (uint64_t)r->cid * PRP_LIST_SIZE;

	return (struct prp_list){ .va = (void *)((char *)q->lists.va + off),
				  .iova = q->lists.iova + off,
				  .page_shift = q->page_shift };
}

/* qmem.c */
/* Requests, all free, for q->mq.depth entries.  -ENOMEM. */
int qpair_reqs_up(struct nvp_qpair *q);
/* A queue pair with its memory, unknown to the device. */
int qpair_make(struct nvp_ctrlr *c, const struct nvp_qpair_opts *opts, struct nvp_qpair **out);
/*
 * Other rings for a queue pair that the device does not know (any more), empty; reuse: the same memory if the depth
 * is the same.  -ENOMEM: it has no memory and can only be remade or freed.
 */
int qpair_remake(struct nvp_qpair *q, uint32_t depth, bool reuse);
/* Free it; memory that the device may still use is set aside (ctrlr_limbo_free()). */
void qpair_free(struct nvp_qpair *q);

/* queue.c */
/*
 * Delete it on the device and create it there again, empty; what was outstanding is completed with 00/08.  Otherwise it
 * is left empty and unknown to the device, until the controller is reset.  -ENODEV, -EIO, -ETIMEDOUT, -EDEADLK.
 */
int qpair_renew(struct nvp_qpair *q);

/* qpair.c */
/* Doorbells go nowhere from now on. */
void qpair_unplug(struct nvp_qpair *q);
/* Forget what the device knows: rings empty; what was outstanding waits for qpair_abort_finish(). */
void qpair_abort_begin(struct nvp_qpair *q);
/*
 * Call the callbacks of what qpair_abort_begin() found, with 00/08.  last: the queue ends, nothing can be submitted any
 * more.
 */
void qpair_abort_finish(struct nvp_qpair *q, bool last);
/*
 * One turn of waiting: poll (at most max), expire, and when nothing came look at the device and give way.  Returns how
 * many commands ended (0: none), or -ENODEV, -EDEADLK (called from a callback).
 */
int qpair_turn(struct nvp_qpair *q, uint32_t max, uint32_t *idle);
