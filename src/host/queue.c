/* SPDX-License-Identifier: BSD-3-Clause */
/* Creating and deleting queue pairs on the device. */
#include "host/ctrlr_int.h"

#include <errno.h>

#include "nvproof/spec/prep_admin.h"
#include "nvproof/spec/status.h"

#define MAX_DEPTH 65536u
#define MAX_QID 65535u

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
	/* What callbacks of other queues put into it while its doorbell went nowhere. */
	q->mq.sq_rung = 0;
	memq_ring_sq(&q->mq);
}

int
ctrlr_adminq_make(struct nvp_ctrlr *c)
{
	struct nvp_qpair_opts opts = { .depth = c->opts.admin_depth };

	if (!c->adminq)
		return qpair_make(c, &opts, &c->adminq);
	return c->adminq->mq.depth ? 0 : qpair_remake(c->adminq, opts.depth, false);
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

/* A command that got no answer may have been done, or may be done yet. */
static bool
unanswered(int rc)
{
	return rc == -ETIMEDOUT || rc == -ENODEV;
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
	q->on_device = !rc || unanswered(rc);
	if (rc)
		return rc;
	nvme_prep_create_io_sq(&sqe, q->mq.id, q->mq.depth, q->sq_buf.iova, q->mq.id, q->opts.prio);
	rc = ask(c, &sqe, cqe);
	if (rc) {
		q->on_device = delete_cq(q, &ignore) || unanswered(rc);
		return rc;
	}
	qpair_go_live(c, q);
	return 0;
}

static bool
has_qid(const struct nvp_qpair *list, uint32_t qid)
{
	while (list && list->mq.id != qid)
		list = list->next;
	return list;
}

/* The driver chooses none that the device may still have; who asks for that one gets the device's answer. */
static int
choose_qid(const struct nvp_ctrlr *c, uint16_t *qid)
{
	uint32_t id = 1;

	if (*qid)
		return has_qid(c->ioqs, *qid) ? -EINVAL : 0;
	while (id <= c->max_qid && id <= MAX_QID && (has_qid(c->ioqs, id) || has_qid(c->limbo, id)))
		id++;
	if (id > c->max_qid || id > MAX_QID)
		return -ENOSPC;
	*qid = (uint16_t)id;
	return 0;
}

/*
 * One vector a queue where the bus has that many, else the first.  About a vector that was asked for the device has
 * the word.
 */
static int
choose_vector(struct nvp_ctrlr *c, struct nvp_qpair_opts *o)
{
	bool any = o->iv == 0xffff;
	int rc;

	if (!o->ien)
		return 0;
	o->iv = any ? o->qid : o->iv;
	rc = ctrlr_vector_up(c, o->iv);
	if (!rc && any && c->irq.nr && o->iv >= c->irq.nr)
		rc = -EINVAL; /* the bus has it, the function's table does not */
	if (rc != -EINVAL && rc != -ENOTSUP)
		return rc;
	if (!any)
		return 0;
	o->iv = 0;
	rc = ctrlr_vector_up(c, 0);
	return rc == -EINVAL || rc == -ENOTSUP ? 0 : rc;
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
	if (!c->adminq || !c->adminq->live || c->gone)
		return -ENODEV;
	if (o.depth < 2 || o.depth > MAX_DEPTH || o.depth > nvme_get(c->cap, NVME_CAP_MQES) + 1)
		return -EINVAL;
	rc = choose_qid(c, &o.qid);
	if (rc)
		return rc;
	rc = choose_vector(c, &o);
	if (!rc)
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
	qpair_unplug(q); /* what callbacks submit now comes to no device */
	if (!q->exported)
		(void)nvp_qpair_poll(q, q->mq.depth);
	qpair_abort_begin(q);
	qpair_abort_finish(q, true);
}

/*
 * Whether somebody answers: a reset took the queue with it, and after a fatal error nobody need answer (then it may still be
 * used: its memory stays the device's).   NVMe Base, "Controller Level Reset", "Controller Status" (CFS).
 */
static int
who_answers(struct nvp_qpair *q, bool *there)
{
	uint32_t csts;
	int rc = ctrlr_csts(q->ctrlr, &csts);

	*there = rc || csts & NVME_CSTS_CFS || ctrlr_check_disabled(q->ctrlr);
	return rc ? rc : csts & NVME_CSTS_CFS ? -EIO : 0;
}

static int
delete_on_device(struct nvp_qpair *q, struct nvme_cqe *cqe)
{
	struct nvme_cqe answer = { 0 };
	bool there;
	int rc = who_answers(q, &there), rc2;

	if (rc || !there) {
		end_commands(q);
		q->on_device = there;
		return rc;
	}
	rc = delete_sq(q, &answer);
	if (cqe)
		*cqe = answer;
	end_commands(q);
	if (unanswered(rc)) /* one wait is enough; a completion queue that is used would not be deleted anyway */
		return rc;
	rc2 = delete_cq(q, &answer);
	if (rc2 && !rc && cqe)
		*cqe = answer;
	q->on_device = rc || rc2;
	return rc ? rc : rc2;
}

static void
unlink_qpair(struct nvp_qpair *q)
{
	struct nvp_qpair **at = &q->ctrlr->ioqs;

	while (*at && *at != q)
		at = &(*at)->next;
	assert(*at);
	*at = q->next;
}

int
nvp_qpair_delete(struct nvp_qpair *q, struct nvme_cqe *cqe)
{
	int rc = 0;

	if (cqe)
		*cqe = (struct nvme_cqe){ 0 };
	if (!q)
		return 0;
	if (q->in_poll || (q->ctrlr && q->ctrlr->adminq->in_poll)) /* Delete has to be waited for */
		return -EDEADLK;
	if (!q->ctrlr)
		q->exported = true; /* the rings stay as they are: their creator deletes them */
	if (q->ctrlr && q->live && !q->ctrlr->gone)
		rc = delete_on_device(q, cqe);
	else
		end_commands(q);
	if (q->ctrlr)
		unlink_qpair(q);
	qpair_free(q);
	return rc;
}

int
qpair_renew(struct nvp_qpair *q)
{
	bool there = q->live && !q->ctrlr->gone;
	struct nvme_cqe ignore;
	int rc;

	if (q->in_poll || q->ctrlr->adminq->in_poll)
		return -EDEADLK;
	rc = there ? delete_sq(q, &ignore) : -ENODEV;
	qpair_unplug(q);
	q->exported = false;
	qpair_abort_begin(q);
	qpair_abort_finish(q, false);
	if (!there)
		return rc;
	if (delete_cq(q, &ignore) || rc)
		return rc ? rc : -EIO; /* the device may still have it: on_device stays set */
	q->on_device = false;
	return qpair_create_on_device(q->ctrlr, q, &ignore);
}
