/* SPDX-License-Identifier: BSD-3-Clause */
/* Contexts of outstanding commands, completion, and the one loop that waits: see queue.h. */
#include "pyext/queue.h"

#include <errno.h>
#include <stdlib.h>
#include "util/alloc.h"

#define SPIN 200u /* rounds in which the GIL is kept: an answer within microseconds is the rule */
#define BACKSTOP_MS 20000u /* beyond a command's timeout: the driver itself hangs */

static bool waiting;
static struct py_queue *graveyard;
static PyObject *kept_type, *kept_value, *kept_trace;
static const struct nvme_sqe *current_sqe;

/* --- contexts --- */

struct py_queue *
py_queue_new(struct py_ctrlr *c, struct nvp_qpair *q)
{
	uint32_t n = nvp_qpair_depth(q);
	struct py_queue *pq = ut_calloc(1, sizeof(*pq));

	if (pq)
		pq->pool = ut_calloc(n, sizeof(*pq->pool));
	if (!pq || !pq->pool) {
		free(pq);
		PyErr_NoMemory();
		return NULL;
	}
	pq->ctrlr = c;
	pq->q = q;
	for (uint32_t i = 0; i < n; i++) {
		pq->pool[i].pq = pq;
		pq->pool[i].next = pq->free;
		pq->free = &pq->pool[i];
	}
	return pq;
}

void
py_queue_free(struct py_queue *pq)
{
	if (!pq)
		return;
	Py_XDECREF(pq->lost);
	free(pq->pool);
	free(pq);
}

struct nvp_req *
py_queue_get(struct py_queue *pq, const char *what, struct py_cmd **cmd)
{
	struct nvp_req *r;

	if (!pq || !pq->q) {
		PyErr_Format(PyExc_SystemError, "error in submitting %s: the queue is deleted", what);
		return NULL;
	}
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

void
py_keep_error(void)
{
	if (kept_type)
		PyErr_Clear();
	else
		PyErr_Fetch(&kept_type, &kept_value, &kept_trace);
}

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

	release(arg);
	if (!c.aer)
		pq->pending--;
	py_verify_end(&c.verify, &cqe);
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
py_queue_submit(struct nvp_req *r, struct py_cmd *cmd)
{
	cmd->cid = nvp_req_cid(r);
	if (cmd->cb)
		cmd->sqe = *nvp_req_sqe(r);
	cmd->aer = !nvp_qpair_id(cmd->pq->q) && nvp_req_sqe(r)->opc == NVME_ADM_ASYNC_EVENT;
	cmd->pq->pending += !cmd->aer;
	cmd->pq->last_cid = cmd->cid;
	submit_with_timeout(r, cmd, nvp_req_sqe(r)->opc);
}

/* --- waiting --- */

bool
py_waiting(void)
{
	return waiting;
}

int
py_wait_enter(const char *what)
{
	if (waiting) {
		PyErr_Format(PyExc_AssertionError,
			     "cannot re-entry waitdone(): %s() inside of a callback or of another thread's wait", what);
		return -1;
	}
	waiting = true;
	return 0;
}

static void
delete_buried(void)
{
	while (graveyard) {
		struct py_queue *pq = graveyard;
		struct py_ctrlr *owner = pq->ctrlr;

		graveyard = pq->next;
		if (pq->q)
			nvp_qpair_delete(pq->q, NULL);
		py_queue_free(pq);
		Py_DECREF((PyObject *)owner);
	}
}

void
py_wait_leave_quiet(void)
{
	PyObject *type, *value, *trace;

	PyErr_Fetch(&type, &value, &trace);
	if (graveyard)
		delete_buried();
	waiting = false;
	Py_CLEAR(kept_type);
	Py_CLEAR(kept_value);
	Py_CLEAR(kept_trace);
	PyErr_Restore(type, value, trace);
}

int
py_wait_leave(void)
{
	PyObject *type = kept_type, *value = kept_value, *trace = kept_trace;

	kept_type = kept_value = kept_trace = NULL;
	py_wait_leave_quiet();
	if (!type)
		return 0;
	PyErr_Restore(type, value, trace);
	return -1;
}

/* Nothing came.  Keep the GIL for a moment, then give it up for a slice, and look at signals. */
static int
give_way(struct py_queue *pq, uint32_t idle)
{
	struct ut_clock *clk = nvp_ctrlr_bus(pq->ctrlr->c)->clock;

	if (idle < SPIN || clk->virtual_ns) {
		clk->relax(clk, idle);
		if (idle % SPIN)
			return 0;
	} else {
		Py_BEGIN_ALLOW_THREADS clk->relax(clk, idle); /* at most a millisecond */
		Py_END_ALLOW_THREADS
	}
	nvp_qpair_expire(pq->q);
	return PyErr_CheckSignals();
}

/* One round: reap, or wait a little.  -1 with an exception. */
static int
round_of(struct py_queue *pq, uint32_t max, uint32_t *idle)
{
	int n = nvp_qpair_poll(pq->q, max);

	if (n < 0) {
		PyErr_Format(PyExc_SystemError, "the device is gone: %s", strerror(-n));
		return -1;
	}
	if (n > 0)
		*idle = 0;
	else if (give_way(pq, (*idle)++) < 0)
		return -1;
	return kept_type ? -1 : 0;
}

/* Whether nothing can complete any more, so that waiting on would never end. */
static int
check_hopeless(struct py_queue *pq, bool admin, uint64_t got, uint32_t expected, uint64_t since_ns)
{
	uint64_t limit_ms = nvp_ctrlr_timeout_ms(pq->ctrlr->c) + BACKSTOP_MS;

	if (pq->pending)
		return 0;
	if (!admin) {
		PyErr_Format(PyExc_AssertionError,
			     "not reap the exact completions: %u expected, %llu reaped, nothing is outstanding",
			     expected, (unsigned long long)got);
		return -1;
	}
	if (ut_mono_ns() - since_ns < limit_ms * 1000000)
		return 0; /* an event may still come */
	PyErr_SetString(PyExc_TimeoutError, "pynvme timeout in driver: no command is outstanding");
	return -1;
}

/*
 * Completions that came while another call waited count too.  An event does not count, but it is taken in place of a
 * command when no command is left to wait for.
 */
static int
wait_loop(struct py_queue *pq, uint32_t expected, bool admin)
{
	uint64_t since = ut_mono_ns(), events = pq->aer_reaped;
	uint32_t idle = 0;

	if (!expected && round_of(pq, admin ? UINT32_MAX : 0, &idle) < 0)
		return -1;
	for (;;) {
		uint64_t got = pq->reaped - pq->consumed;

		if (got >= expected)
			return 0;
		if (!pq->pending && got + pq->aer_reaped - events >= expected)
			return 0;
		if (check_hopeless(pq, admin, got, expected, since) < 0)
			return -1;
		if (round_of(pq, admin ? UINT32_MAX : (uint32_t)(expected - got), &idle) < 0)
			return -1;
	}
}

int
py_queue_waitdone(struct py_queue *pq, uint32_t expected, bool admin)
{
	int rc;

	if (py_wait_enter("waitdone") < 0)
		return -1;
	rc = wait_loop(pq, expected, admin);
	if (rc || admin)
		pq->consumed = pq->reaped;
	else
		pq->consumed += expected;
	if (rc && !kept_type)
		py_wait_leave_quiet();
	else
		rc = py_wait_leave();
	return rc;
}

int
py_queue_sync(struct nvp_req *r, struct py_cmd *cmd, struct py_sync *sync)
{
	struct py_queue *pq = cmd->pq;
	uint32_t idle = 0;
	int rc = 0;

	sync->done = false;
	cmd->sync = sync;
	py_queue_submit(r, cmd);
	while (!sync->done && !rc)
		rc = round_of(pq, UINT32_MAX, &idle);
	if (!sync->done) { /* it completes without us, later */
		cmd->sync = NULL;
		cmd->forgotten = true;
	}
	return rc;
}

/* --- the end of a queue --- */

void
py_queue_renew(struct py_queue *pq)
{
	Py_CLEAR(pq->lost);
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
py_queue_bury(struct py_queue *pq, struct py_ctrlr *owner)
{
	pq->mute = true;
	pq->ctrlr = owner;
	Py_INCREF((PyObject *)owner);
	pq->next = graveyard;
	graveyard = pq;
	if (!waiting)
		delete_buried();
}
