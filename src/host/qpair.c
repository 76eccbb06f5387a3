/* SPDX-License-Identifier: BSD-3-Clause */
/* Reap, expire, wait: the life of a queue pair between its creation and its end. */
#include "host/qpair_int.h"

#include <errno.h>

#include "host/ctrlr_int.h"
#include "nvproof/spec/status.h"
#include "util/bits.h"

#define STATUS_TIMEOUT 0x7ff /* 07/ff: the driver's own */

void
qpair_event(struct nvp_qpair *q, enum nvp_event_kind kind, const struct nvme_cqe *cqe)
{
	struct nvp_event ev = {
		.kind = kind,
		.qid = q->mq.id,
		.time_ns = ut_now_ns(q->clock),
		.cqe = *cqe,
	};

	events_add(q->events, &ev);
}

/* The completion of a command that had timed out: CID and memory are free at last. */
static struct nvp_req *
late_cqe(struct nvp_qpair *q, const struct nvme_cqe *cqe)
{
	qpair_event(q, NVP_EVENT_LATE_CQE, cqe);
	qpair_put(q, &q->reqs[cqe->cid]);
	return NULL;
}

struct nvp_req *
qpair_strange_cqe(struct nvp_qpair *q, const struct nvme_cqe *cqe)
{
	struct nvp_req *r;

	/* NVMe Base, "Common Completion Queue Entry": SQID is where the command came from; one SQ uses this CQ. */
	if (le16_get(cqe->sqid) != q->mq.id) {
		qpair_event(q, NVP_EVENT_BAD_SQID, cqe);
		return NULL;
	}
	if (cqe->cid >= q->nreqs) {
		qpair_event(q, NVP_EVENT_UNEXPECTED_CID, cqe);
		return NULL;
	}
	r = &q->reqs[cqe->cid];
	if (r->state == REQ_LOST)
		return late_cqe(q, cqe);
	if (r->state != REQ_BUSY) {
		qpair_event(q, NVP_EVENT_UNEXPECTED_CID, cqe);
		return NULL;
	}
	/* The command did end; only the head pointer is nonsense. */
	qpair_event(q, NVP_EVENT_BAD_SQHD, cqe);
	return r;
}

void
nvp_qpair_ring(struct nvp_qpair *q)
{
	memq_ring_sq(&q->mq);
}

int
nvp_qpair_poll(struct nvp_qpair *q, uint32_t max)
{
	uint32_t n;

	if (q->in_poll)
		return -EDEADLK;
	memq_ring_sq(&q->mq);
	q->in_poll = true;
	n = qpair_reap_batch(q, max);
	q->in_poll = false;
	if (!n && q->ctrlr && q->ctrlr->gone)
		return -ENODEV;
	return (int)n;
}

static void
expire_one(struct nvp_qpair *q, struct nvp_req *r, uint64_t now)
{
	struct nvme_cqe cqe = {
		.dw0 = le32_from(UINT32_MAX),
		.dw1 = le32_from(UINT32_MAX),
		.sqhd = le16_from(UINT16_MAX),
		.sqid = le16_from(q->mq.id),
		.cid = r->cid,
		.status = le16_from((uint16_t)(STATUS_TIMEOUT << 1 | 1)),
	};

	r->state = REQ_LOST; /* not free: the device may still answer, and may still use its memory */
	q->outstanding--;
	qpair_event(q, NVP_EVENT_TIMEOUT, &cqe);
	qpair_finish(q, r, &cqe, now);
}

int
nvp_qpair_expire(struct nvp_qpair *q)
{
	uint64_t now = ut_ticks(q->clock);
	int n = 0;

	if (now < q->earliest || q->in_poll)
		return 0;
	q->in_poll = true;
	q->earliest = UINT64_MAX; /* what callbacks submit meanwhile lowers it again */
	for (uint32_t i = 0; i < q->nreqs; i++) {
		struct nvp_req *r = &q->reqs[i];

		if (r->state != REQ_BUSY)
			continue;
		if (r->deadline <= now) {
			expire_one(q, r, now);
			n++;
		} else {
			q->earliest = UT_MIN(q->earliest, r->deadline);
		}
	}
	q->in_poll = false;
	return n;
}

/* Nothing to do: is the device still there?  Then let others run. */
static int
idle_turn(struct nvp_qpair *q, uint32_t *idle)
{
	uint64_t now = ut_ticks(q->clock);

	if (*idle == 0)
		q->next_look = now + q->look_ticks;
	if (q->ctrlr && now >= q->next_look) {
		q->next_look = now + q->look_ticks;
		if (ctrlr_look(q->ctrlr) == -ENODEV)
			return -ENODEV;
	}
	q->clock->relax(q->clock, *idle);
	if (*idle < UINT32_MAX)
		(*idle)++;
	return 0;
}

/* Expire also while others complete: whoever waits for a lost command would never hear of it on a busy queue. */
int
qpair_turn(struct nvp_qpair *q, uint32_t max, uint32_t *idle)
{
	int n = nvp_qpair_poll(q, max);

	if (n >= 0)
		n += nvp_qpair_expire(q);
	if (!n)
		return idle_turn(q, idle);
	*idle = 0;
	return n;
}

int
nvp_qpair_wait(struct nvp_qpair *q, uint32_t count)
{
	uint64_t before = q->counted;
	uint32_t idle = 0;
	int n;

	while (q->counted - before < count && q->outstanding > q->aers) {
		n = qpair_turn(q, count - (uint32_t)(q->counted - before), &idle);
		if (n < 0)
			return n;
	}
	return (int)(q->counted - before);
}

void
qpair_unplug(struct nvp_qpair *q)
{
	q->live = false;
	q->mq.bus = NULL;
	q->mq.sq_db = q->mq.cq_db = NULL;
}

void
qpair_abort_begin(struct nvp_qpair *q)
{
	for (uint32_t i = 0; i < q->nreqs; i++) {
		struct nvp_req *r = &q->reqs[i];

		if (r->state == REQ_BUSY)
			r->state = REQ_ABORTING;
		else if (r->state == REQ_LOST)
			qpair_put(q, r);
	}
	if (!q->exported) /* else the rings are somebody else's */
		memq_reset(&q->mq);
	q->earliest = UINT64_MAX;
}

static void
abort_one(struct nvp_qpair *q, struct nvp_req *r, bool last)
{
	struct nvme_cqe cqe = {
		.sqid = le16_from(q->mq.id),
		.cid = r->cid,
		.status = le16_from(NVME_SC_ABORT_SQ_DELETION << 1),
	};

	q->outstanding--;
	if (last)
		r->state = REQ_FREE; /* not in the free list: callbacks find the queue full */
	else
		qpair_put(q, r);
	qpair_finish(q, r, &cqe, ut_ticks(q->clock));
}

void
qpair_abort_finish(struct nvp_qpair *q, bool last)
{
	bool nested = q->in_poll;

	if (last)
		q->free = REQ_NONE;
	q->in_poll = true;
	for (uint32_t i = 0; i < q->nreqs; i++)
		if (q->reqs[i].state == REQ_ABORTING)
			abort_one(q, &q->reqs[i], last);
	q->in_poll = nested;
}
