/* SPDX-License-Identifier: BSD-3-Clause */
/* Contexts of outstanding commands, and what happens when one completes: see queue.h. */
#include "pyext/queue.h"
#include "pyext/defer.h"
#include "pyext/pi.h"

#include <errno.h>
#include <stdlib.h>
#include "util/alloc.h"

static const struct nvme_sqe *current_sqe;
static struct py_queue *all;

/* --- contexts --- */

struct py_queue *
py_queue_new(struct py_ctrlr *c, struct nvp_qpair *q)
{
	struct py_queue *pq = ut_calloc(1, sizeof(*pq));

	if (!pq) {
		PyErr_NoMemory();
		return NULL;
	}
	pq->ctrlr = c;
	pq->q = q;
	pq->generation = py_generation;
	if (py_queue_fit(pq) < 0) {
		free(pq);
		return NULL;
	}
	pq->all_next = all;
	all = pq;
	return pq;
}

struct py_queue *
py_queue_all(void)
{
	return all;
}

int
py_queue_fit(struct py_queue *pq)
{
	uint32_t n = nvp_qpair_depth(pq->q);
	struct py_cmd *pool;

	if (n <= pq->nr)
		return 0;
	pool = ut_calloc(n, sizeof(*pool));
	if (!pool) {
		PyErr_NoMemory();
		return -1;
	}
	free(pq->pool);
	pq->pool = pool;
	pq->free = NULL;
	pq->nr = n;
	for (uint32_t i = 0; i < n; i++) {
		pool[i].pq = pq;
		pool[i].next = pq->free;
		pq->free = &pool[i];
	}
	return 0;
}

/* The device is done with what timed out. */
static void
lost_is_over(struct py_queue *pq)
{
	while (pq->nlost)
		py_verify_over(&pq->lost_lbas[--pq->nlost]);
	free(pq->lost_lbas);
	pq->lost_lbas = NULL;
}

void
py_queue_free(struct py_queue *pq)
{
	struct py_queue **p = &all;

	if (!pq)
		return;
	while (*p && *p != pq)
		p = &(*p)->all_next;
	if (*p)
		*p = pq->all_next;
	lost_is_over(pq);
	Py_XDECREF(pq->lost);
	free(pq->pool);
	free(pq);
}

/* Whether this process may send to it; else an exception. */
static bool
usable(const struct py_queue *pq, const char *what)
{
	if (!pq || !pq->q) {
		PyErr_Format(PyExc_SystemError, "error in submitting %s: the queue is deleted", what);
		return false;
	}
	if (pq->lent) {
		PyErr_Format(PyExc_AssertionError, "error in submitting %s: an ioworker uses queue %u", what,
			     nvp_qpair_id(pq->q));
		return false;
	}
	if (pq->generation != py_generation || nvp_qpair_is_exported(pq->q)) {
		PyErr_Format(PyExc_AssertionError, "error in submitting %s: queue %u belongs to another process", what,
			     nvp_qpair_id(pq->q));
		return false;
	}
	if (!pq->ending && !nvp_qpair_is_live(pq->q)) {
		PyErr_Format(PyExc_SystemError, "error in submitting %s: queue %u is not on the device: %s", what,
			     nvp_qpair_id(pq->q), "reset() of the controller failed, or has not been called");
		return false;
	}
	return !(py_monitor_owner || py_monitor_wanted) || py_monitor_wait() == 0;
}

struct nvp_req *
py_queue_get(struct py_queue *pq, const char *what, struct py_cmd **cmd)
{
	struct nvp_req *r;

	if (!usable(pq, what))
		return NULL;
	r = pq->free ? nvp_req_get(pq->q) : NULL;
	if (!r) {
		PyErr_Format(PyExc_AssertionError, "error in submitting %s: the queue is full (%u of %u outstanding)",
			     what, nvp_qpair_outstanding(pq->q), nvp_qpair_depth(pq->q) - 1);
		return NULL;
	}
	*cmd = pq->free;
	pq->free = (*cmd)->next;
	return r;
}

/* The context is free again, its references are the caller's. */
static void
release(struct py_cmd *cmd)
{
	struct py_queue *pq = cmd->pq;

	*cmd = (struct py_cmd){ .pq = pq, .next = pq->free };
	pq->free = cmd;
}

static void
drop_refs(struct py_cmd *cmd)
{
	Py_XDECREF(cmd->buf);
	Py_XDECREF(cmd->meta);
	Py_XDECREF(cmd->cb);
	py_pi_free(cmd->pi);
}

void
py_queue_abort(struct nvp_req *r, struct py_cmd *cmd)
{
	struct py_cmd c = *cmd;

	nvp_req_put(r);
	release(cmd);
	drop_refs(&c);
}

void
py_cmd_hold(struct py_cmd *cmd, struct py_buffer *buf, struct py_buffer *meta, PyObject *cb)
{
	cmd->buf = (PyObject *)buf;
	cmd->meta = (PyObject *)meta;
	cmd->cb = cb;
	Py_XINCREF(cmd->buf);
	Py_XINCREF(cmd->meta);
	Py_XINCREF(cmd->cb);
}

/* --- completion --- */

const struct nvme_sqe *
py_current_sqe(void)
{
	return current_sqe;
}

/* The driver ended it: all-ones dwords and 07/ff. */
static bool
timed_out(const struct nvme_cqe *cqe)
{
	return py_status(cqe) == 0x7ff && le32_get(cqe->dw0) == UINT32_MAX;
}

/* The device may still write into the memory of a command that timed out: it is not reused before the queue is gone. */
static void
keep_memory(struct py_queue *pq, const struct py_cmd *c)
{
	if (!pq->lost)
		pq->lost = PyList_New(0);
	if (!pq->lost || (c->buf && PyList_Append(pq->lost, c->buf)) || (c->meta && PyList_Append(pq->lost, c->meta)))
		PyErr_Clear();
}

/* The same for what it may still write.  Without memory its LBAs stay unknown for ever. */
static void
keep_lost(struct py_queue *pq, const struct py_lost *lost)
{
	struct py_lost *more = ut_calloc(pq->nlost + 1, sizeof(*more));

	if (!more) {
		py_vtab_put(lost->vt);
		return;
	}
	if (pq->nlost)
		memcpy(more, pq->lost_lbas, pq->nlost * sizeof(*more));
	more[pq->nlost++] = *lost;
	free(pq->lost_lbas);
	pq->lost_lbas = more;
}

static void
count_flying(const struct py_cmd *c, int by)
{
	if (c->buf)
		((struct py_buffer *)c->buf)->flying += (uint32_t)by;
	if (c->meta)
		((struct py_buffer *)c->meta)->flying += (uint32_t)by;
}

static void
call_back(struct py_cmd *c, const struct nvme_cqe *cqe)
{
	const struct nvme_sqe *outer = current_sqe;

	if (!c->cb)
		return;
	current_sqe = &c->sqe;
	if (py_callback(c->cb, cqe) < 0 && py_warn_callback() < 0)
		py_keep_error();
	current_sqe = outer;
}

/* The order is part of the contract: the callback first, then the warning. */
static void
deliver(struct py_queue *pq, struct py_cmd *c, const struct nvme_cqe *cqe)
{
	uint16_t status = py_status(cqe);
	bool late = timed_out(cqe);

	if (late) {
		keep_memory(pq, c);
		if (py_warn("drive timeout: qpair: %u, cid: %u", nvp_qpair_id(pq->q), c->cid) < 0)
			py_keep_error();
	}
	call_back(c, cqe);
	if (pq->ending && status == NVME_SC_ABORT_SQ_DELETION)
		return;
	if (py_warn_status(status) < 0)
		py_keep_error();
}

/* Callback of the driver.  The request is free already; so is the context before the script's callback runs. */
static void
on_done(void *arg, const struct nvme_cqe *done)
{
	struct py_cmd c = *(struct py_cmd *)arg;
	struct py_queue *pq = c.pq;
	struct nvme_cqe cqe = *done;
	bool late = timed_out(&cqe) && !c.waiting;
	struct py_lost lost;

	release(arg);
	if (!c.aer)
		pq->pending--;
	if (c.pi)
		py_pi_end(c.pi, &cqe);
	if (!c.waiting && !late)
		count_flying(&c, -1); /* else the device may still use it */
	py_verify_end(&c.verify, &cqe, late, &lost);
	if (lost.vt)
		keep_lost(pq, &lost);
	pq->last_status = py_status(&cqe);
	pq->last_dw0 = le32_get(cqe.dw0);
	if (c.sync) {
		c.sync->cqe = cqe;
		c.sync->done = true;
	} else if (!c.forgotten) {
		*(c.aer ? &pq->aer_reaped : &pq->reaped) += 1;
		pq->last_latency_ns = nvp_qpair_latest_latency_ns(pq->q);
		if (!pq->mute)
			deliver(pq, &c, &cqe);
	}
	drop_refs(&c);
	if (py_defer_any())
		py_defer_run();
}

void
py_queue_done(struct py_cmd *cmd, const struct nvme_cqe *cqe)
{
	on_done(cmd, cqe);
}

static void
submit_with_timeout(struct nvp_req *r, struct py_cmd *cmd, uint8_t opc)
{
	struct py_queue *pq = cmd->pq;
	uint32_t ms = pq->ctrlr ? py_ctrlr_timeout(pq->ctrlr, nvp_qpair_id(pq->q) != 0, opc) : 0;

	if (ms)
		nvp_qpair_set_timeout_ms(pq->q, ms);
	nvp_req_submit(r, on_done, cmd);
	if (ms)
		nvp_qpair_set_timeout_ms(pq->q, nvp_ctrlr_timeout_ms(pq->ctrlr->c));
}

void
py_queue_count(struct nvp_req *r, struct py_cmd *cmd)
{
	if (cmd->counted)
		return;
	cmd->counted = true;
	cmd->cid = nvp_req_cid(r);
	cmd->aer = !nvp_qpair_id(cmd->pq->q) && nvp_req_sqe(r)->opc == NVME_ADM_ASYNC_EVENT;
	cmd->pq->pending += !cmd->aer;
	cmd->pq->last_cid = cmd->cid;
}

void
py_queue_submit(struct nvp_req *r, struct py_cmd *cmd)
{
	py_queue_count(r, cmd);
	if (cmd->cb)
		cmd->sqe = *nvp_req_sqe(r);
	count_flying(cmd, 1);
	submit_with_timeout(r, cmd, nvp_req_sqe(r)->opc);
}

/* --- the end of a queue --- */

void
py_queue_renew(struct py_queue *pq)
{
	Py_CLEAR(pq->lost);
	lost_is_over(pq);
	pq->consumed = pq->reaped;
	pq->ending = false;
}

void
py_queue_unlink(struct py_queue *pq)
{
	struct py_queue **p = &pq->ctrlr->queues;

	while (*p && *p != pq)
		p = &(*p)->next;
	if (*p)
		*p = pq->next;
}

void
py_queue_retire(struct py_queue *pq)
{
	uint64_t ios, bytes;

	nvp_qpair_stat(pq->q, &ios, &bytes);
	pq->ctrlr->retired_ios += ios;
	pq->ctrlr->retired_bytes += bytes;
	py_queue_unlink(pq);
}

bool
py_queue_quiet(const struct py_queue *pq)
{
	return !pq->pending && pq->reaped == pq->consumed;
}
