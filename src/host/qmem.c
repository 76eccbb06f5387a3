/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of queue pairs.  A device that did not confirm that a queue is deleted may still fetch from it, complete
 * into it and follow its PRP lists.  Such memory is not given back: it waits in limbo until the controller has been
 * disabled, or has lost its mapping of our memory.
 */
#include "host/ctrlr_int.h"
#include "host/logbook.h"

#include <errno.h>
#include <stdlib.h>

#include "util/alloc.h"

#define LOOK_NS 100000000ull /* a waiter asks ten times a second whether the device is still there */

static void
all_free(struct nvp_qpair *q)
{
	q->free = REQ_NONE;
	for (uint32_t i = q->nreqs; i--;) {
		q->reqs[i].q = q;
		q->reqs[i].cid = (uint16_t)i;
		qpair_put(q, &q->reqs[i]);
	}
	q->earliest = UINT64_MAX;
}

int
qpair_reqs_up(struct nvp_qpair *q)
{
	uint32_t n = q->mq.depth - 1;

	q->reqs = ut_calloc_aligned(64, n * sizeof(*q->reqs));
	if (!q->reqs)
		return -ENOMEM;
	q->nreqs = n;
	all_free(q);
	return 0;
}

/* The caller's memory, if it gave some, else ours. */
static int
ring_up(const struct nvp_qpair *q, struct nvp_arena *a, const struct nvp_buf *given, uint64_t len, struct nvp_buf *out)
{
	if (!given->va)
		return nvp_arena_alloc(a, len, ctrlr_queue_align(q->ctrlr), out);
	if (given->len < len)
		return -EINVAL;
	*out = *given;
	out->region = NULL; /* not ours to free */
	return 0;
}

static int
rings_up(struct nvp_qpair *q, struct nvp_arena *a)
{
	uint64_t depth = q->mq.depth;
	int rc = ring_up(q, a, &q->opts.sq_mem, depth * sizeof(struct nvme_sqe), &q->sq_buf);

	if (!rc)
		rc = ring_up(q, a, &q->opts.cq_mem, depth * sizeof(struct nvme_cqe), &q->cq_buf);
	if (rc)
		return rc;
	q->mq.sq = q->sq_buf.va;
	q->mq.cq = q->cq_buf.va;
	memq_reset(&q->mq);
	return 0;
}

/* Whatever there is of it. */
static void
mem_down(struct nvp_qpair *q, struct nvp_arena *a)
{
	nvp_arena_free(a, &q->data_buf);
	nvp_arena_free(a, &q->lists);
	nvp_arena_free(a, &q->cq_buf);
	nvp_arena_free(a, &q->sq_buf);
}

static int
mem_up(struct nvp_qpair *q, struct nvp_arena *a)
{
	int rc = rings_up(q, a);

	if (!rc) /* raw: not touched before a command needs a list */
		rc = nvp_arena_alloc_raw(a, (uint64_t)(q->mq.depth - 1) * PRP_LIST_SIZE, PRP_LIST_SIZE, &q->lists);
	if (!rc && !q->opts.no_cmdlog && !q->log) /* it outlasts other rings: what was sent was sent */
		rc = nvp_cmdlog_begin(q->ctrlr, q->mq.id, &q->log);
	return rc ? rc : qpair_reqs_up(q);
}

/* Without memory it is there still, for those who know it, and has no entries: it takes no command and completes none. */
static void
hollow(struct nvp_qpair *q)
{
	mem_down(q, q->ctrlr->arena);
	free(q->reqs);
	q->reqs = NULL;
	q->nreqs = q->mq.depth = 0;
	q->free = REQ_NONE;
	q->mq.sq = NULL;
	q->mq.cq = NULL;
	memq_reset(&q->mq);
}

int
qpair_remake(struct nvp_qpair *q, uint32_t depth, bool reuse)
{
	int rc;

	assert(!q->on_device && !q->outstanding);
	if (reuse && depth == q->mq.depth) {
		memq_reset(&q->mq);
		all_free(q);
		return 0;
	}
	hollow(q);
	q->mq.depth = q->opts.depth = depth;
	q->page_shift = ctrlr_mps_shift(q->ctrlr);
	rc = mem_up(q, q->ctrlr->arena);
	if (rc)
		hollow(q);
	return rc;
}

int
qpair_make(struct nvp_ctrlr *c, const struct nvp_qpair_opts *opts, struct nvp_qpair **out)
{
	struct nvp_qpair *q = ut_calloc_aligned(64, sizeof(*q));
	int rc;

	if (!q)
		return -ENOMEM;
	q->opts = *opts;
	q->mq.id = opts->qid;
	q->mq.depth = opts->depth;
	q->lazy = opts->lazy;
	q->ctrlr = c;
	q->clock = c->bus->clock;
	q->events = &c->events;
	q->page_shift = ctrlr_mps_shift(c);
	q->look_ticks = ut_ns_to_ticks(q->clock, LOOK_NS);
	nvp_qpair_set_timeout_ms(q, c->timeout_ms);
	rc = mem_up(q, c->arena);
	if (rc) {
		qpair_free(q);
		return rc;
	}
	*out = q;
	return 0;
}

void
qpair_free(struct nvp_qpair *q)
{
	struct nvp_ctrlr *c = q->ctrlr;

	free(q->reqs);
	q->reqs = NULL;
	if (c)
		logbook_end(q->log);
	if (c && q->on_device) {
		q->next = c->limbo;
		c->limbo = q;
		return;
	}
	if (c) /* else imported: all else is the creator's */
		mem_down(q, c->arena);
	free(q);
}

void
ctrlr_limbo_free(struct nvp_ctrlr *c, bool memory)
{
	struct nvp_qpair *q;

	while ((q = c->limbo)) {
		c->limbo = q->next;
		if (memory)
			mem_down(q, c->arena);
		free(q);
	}
}
