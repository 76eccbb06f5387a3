/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of queue pairs, and creating and deleting them on the device. */
#include "host/ctrlr_int.h"

#include <errno.h>
#include <stdlib.h>

#include "nvproof/spec/prep_admin.h"
#include "nvproof/spec/status.h"
#include "util/alloc.h"
#include "util/bits.h"

#define MAX_DEPTH 65536u
#define MAX_QID 65535u

int
qpair_reqs_up(struct nvp_qpair *q)
{
	q->nreqs = q->mq.depth - 1;
	q->reqs = ut_calloc_aligned(64, (size_t)q->nreqs * sizeof(*q->reqs));
	if (!q->reqs)
		return -ENOMEM;
	q->free = REQ_NONE;
	for (uint32_t i = q->nreqs; i--;) {
		q->reqs[i].q = q;
		q->reqs[i].cid = (uint16_t)i;
		qpair_put(q, &q->reqs[i]);
	}
	q->earliest = UINT64_MAX;
	return 0;
}

static void
log_init(struct nvp_qpair *q)
{
	q->log = q->log_buf.va;
	q->log->qid = q->mq.id;
	q->log->mult = q->clock->mult;
	if (q->clock->virtual_ns) /* virtual time starts at 0, and so does its wall clock */
		return;
	q->log->base_ticks = ut_ticks(q->clock);
	q->log->base_wall_ns = ut_wall_ns();
}

static int
rings_up(struct nvp_qpair *q, struct nvp_arena *a)
{
	uint64_t depth = q->mq.depth;
	int rc = nvp_arena_alloc(a, depth * sizeof(struct nvme_sqe), 1ull << q->page_shift, &q->sq_buf);

	if (!rc)
		rc = nvp_arena_alloc(a, depth * sizeof(struct nvme_cqe), 1ull << q->page_shift, &q->cq_buf);
	if (rc)
		return rc;
	q->mq.sq = q->sq_buf.va;
	q->mq.cq = q->cq_buf.va;
	memq_reset(&q->mq);
	return 0;
}

int
qpair_mem_up(struct nvp_qpair *q, struct nvp_arena *a)
{
	int rc = rings_up(q, a);

	if (!rc) /* not touched before a command needs a list */
		rc = nvp_arena_alloc_raw(a, (uint64_t)(q->mq.depth - 1) << q->page_shift, 1ull << q->page_shift,
					 &q->lists);
	if (!rc && !q->opts.no_cmdlog)
		rc = nvp_arena_alloc(a, sizeof(struct nvp_cmdlog_ring), 0, &q->log_buf);
	if (!rc)
		rc = qpair_reqs_up(q);
	if (rc) {
		qpair_mem_down(q, a);
		return rc;
	}
	if (!q->opts.no_cmdlog)
		log_init(q);
	return 0;
}

void
qpair_mem_down(struct nvp_qpair *q, struct nvp_arena *a)
{
	free(q->reqs);
	q->reqs = NULL;
	nvp_arena_free(a, &q->log_buf);
	nvp_arena_free(a, &q->lists);
	nvp_arena_free(a, &q->cq_buf);
	nvp_arena_free(a, &q->sq_buf);
}

/* A queue pair with its memory, unknown to the device. */
static int
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
	q->page_shift = ctrlr_page_shift(c);
	nvp_qpair_set_timeout_ms(q, c->timeout_ms);
	rc = qpair_mem_up(q, c->arena);
	if (rc) {
		free(q);
		return rc;
	}
	*out = q;
	return 0;
}

static void
qpair_free(struct nvp_qpair *q)
{
	if (q->ctrlr)
		qpair_mem_down(q, q->ctrlr->arena);
	else
		free(q->reqs); /* imported: all else is the creator's */
	free(q);
}

void
qpair_go_live(struct nvp_ctrlr *c, struct nvp_qpair *q)
{
	uint8_t dstrd = (uint8_t)nvme_get(c->cap, NVME_CAP_DSTRD);

	q->mq.bus = c->bus;
	q->mq.sq_db_off = nvme_sq_tdbl(q->mq.id, dstrd);
	q->mq.cq_db_off = nvme_cq_hdbl(q->mq.id, dstrd);
	q->mq.sq_db = ctrlr_doorbell(c, q->mq.sq_db_off);
	q->mq.cq_db = ctrlr_doorbell(c, q->mq.cq_db_off);
	q->live = true;
}

int
ctrlr_adminq_make(struct nvp_ctrlr *c)
{
	struct nvp_qpair_opts opts = { .depth = c->opts.admin_depth };

	return c->adminq ? 0 : qpair_make(c, &opts, &c->adminq);
}

void
ctrlr_adminq_free(struct nvp_ctrlr *c)
{
	if (c->adminq)
		qpair_free(c->adminq);
	c->adminq = NULL;
}

/* -EIO when the device refused; *cqe says how. */
static int
ask(struct nvp_ctrlr *c, const struct nvme_sqe *sqe, struct nvme_cqe *cqe)
{
	int rc = nvp_admin(c, sqe, NULL, 0, cqe);

	if (rc)
		return rc;
	if (nvme_get(le16_get(cqe->status), NVME_CQE_STATUS) == 0x7ff)
		return -ETIMEDOUT;
	return nvme_status_code(nvme_status_of(le16_get(cqe->status))) ? -EIO : 0;
}

static int
delete_cq(struct nvp_qpair *q, struct nvme_cqe *cqe)
{
	struct nvme_sqe sqe;

	nvme_prep_delete_io_cq(&sqe, q->mq.id);
	return ask(q->ctrlr, &sqe, cqe);
}

static int
delete_sq(struct nvp_qpair *q, struct nvme_cqe *cqe)
{
	struct nvme_sqe sqe;

	nvme_prep_delete_io_sq(&sqe, q->mq.id);
	return ask(q->ctrlr, &sqe, cqe);
}

int
qpair_create_on_device(struct nvp_ctrlr *c, struct nvp_qpair *q, struct nvme_cqe *cqe)
{
	int vector = q->opts.ien ? q->opts.iv : -1;
	struct nvme_sqe sqe;
	struct nvme_cqe ignore;
	int rc;

	nvme_prep_create_io_cq(&sqe, q->mq.id, q->mq.depth, q->cq_buf.iova, vector);
	rc = ask(c, &sqe, cqe);
	if (rc)
		return rc;
	nvme_prep_create_io_sq(&sqe, q->mq.id, q->mq.depth, q->sq_buf.iova, q->mq.id, q->opts.prio);
	rc = ask(c, &sqe, cqe);
	if (rc) {
		(void)delete_cq(q, &ignore);
		return rc;
	}
	qpair_go_live(c, q);
	return 0;
}

static bool
qid_used(const struct nvp_ctrlr *c, uint32_t qid)
{
	const struct nvp_qpair *q;

	for (q = c->ioqs; q; q = q->next)
		if (q->mq.id == qid)
			return true;
	return false;
}

static int
choose_qid(const struct nvp_ctrlr *c, uint16_t *qid)
{
	uint32_t id = 1;

	if (*qid)
		return qid_used(c, *qid) ? -EINVAL : 0;
	while (id <= c->max_qid && id <= MAX_QID && qid_used(c, id))
		id++;
	if (id > c->max_qid || id > MAX_QID)
		return -ENOSPC;
	*qid = (uint16_t)id;
	return 0;
}

/* One vector a queue where the bus has that many, else the first. */
static void
choose_vector(struct nvp_ctrlr *c, struct nvp_qpair_opts *o)
{
	if (!o->ien || o->iv != 0xffff)
		return;
	o->iv = c->bus->ops->irq_fd(c->bus, o->qid) < 0 ? 0 : o->qid;
}

int
nvp_qpair_create(struct nvp_ctrlr *c, const struct nvp_qpair_opts *opts, struct nvp_qpair **out, struct nvme_cqe *cqe)
{
	struct nvp_qpair_opts o = *opts;
	struct nvme_cqe answer = { 0 };
	struct nvp_qpair *q;
	int rc;

	if (cqe)
		*cqe = answer;
	if (!c->adminq || !c->adminq->live)
		return -ENODEV;
	if (o.depth < 2 || o.depth > MAX_DEPTH || o.depth > nvme_get(c->cap, NVME_CAP_MQES) + 1)
		return -EINVAL;
	rc = choose_qid(c, &o.qid);
	if (rc)
		return rc;
	choose_vector(c, &o);
	rc = qpair_make(c, &o, &q);
	if (rc)
		return rc;
	rc = qpair_create_on_device(c, q, &answer);
	if (cqe)
		*cqe = answer;
	if (rc) {
		qpair_free(q);
		return rc;
	}
	q->next = c->ioqs;
	c->ioqs = q;
	*out = q;
	return 0;
}

/* After Delete SQ the device touches neither queue nor data: take what it still completed, end the rest. */
static void
end_commands(struct nvp_qpair *q)
{
	if (!q->exported)
		(void)nvp_qpair_poll(q, q->mq.depth);
	qpair_abort_begin(q);
	qpair_abort_finish(q, true);
}

static int
delete_on_device(struct nvp_qpair *q, struct nvme_cqe *cqe)
{
	struct nvme_cqe answer = { 0 };
	int rc = delete_sq(q, &answer), rc2;

	if (cqe)
		*cqe = answer;
	end_commands(q);
	rc2 = delete_cq(q, &answer);
	if (rc2 && !rc && cqe)
		*cqe = answer;
	return rc ? rc : rc2;
}

int
nvp_qpair_delete(struct nvp_qpair *q, struct nvme_cqe *cqe)
{
	struct nvp_qpair **at;
	int rc = 0;

	if (cqe)
		*cqe = (struct nvme_cqe){ 0 };
	if (!q)
		return 0;
	if (q->in_poll)
		return -EDEADLK;
	if (!q->ctrlr)
		q->exported = true; /* the rings stay as they are: their creator deletes them */
	if (q->ctrlr && q->live && !q->ctrlr->gone)
		rc = delete_on_device(q, cqe);
	else
		end_commands(q);
	if (q->ctrlr) {
		for (at = &q->ctrlr->ioqs; *at && *at != q;)
			at = &(*at)->next;
		assert(*at);
		*at = q->next;
	}
	qpair_free(q);
	return rc;
}
