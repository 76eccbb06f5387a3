/* SPDX-License-Identifier: BSD-3-Clause */
/* The one loop that waits, who may be in it, and what is put off until it is over: see queue.h. */
#include "pyext/queue.h"
#include "pyext/defer.h"

#include <errno.h>
#include "nvproof/err.h"
#include "util/bits.h"

#define SPIN 200u /* rounds in which the GIL is kept: an answer within microseconds is the rule */

static bool waiting;
static struct py_queue *graveyard;
static PyObject *kept_type, *kept_value, *kept_trace;

void
py_keep_error(void)
{
	if (kept_type)
		PyErr_Clear();
	else
		PyErr_Fetch(&kept_type, &kept_value, &kept_trace);
}

bool
py_waiting(void)
{
	return waiting;
}

int
py_wait_enter(const char *what)
{
	if (py_monitor_owner && py_monitor_wait() < 0)
		return -1;
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
		if (pq->q) {
			py_defer_abort(pq);
			nvp_qpair_delete(pq->q, NULL);
		}
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

PyObject *
py_wait_result(int rc)
{
	if (rc < 0)
		py_wait_leave_quiet();
	else
		rc = py_wait_leave();
	if (rc < 0)
		return NULL;
	Py_RETURN_NONE;
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
	if (py_defer_any() && py_defer_run())
		n = 1;
	else if (!n && py_defer_has(pq))
		py_defer_help(pq);
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
	uint64_t limit_ms = nvp_ctrlr_timeout_ms(pq->ctrlr->c) + PY_BACKSTOP_MS;
	struct ut_clock *clk = nvp_ctrlr_bus(pq->ctrlr->c)->clock;

	if (pq->pending)
		return 0;
	if (!admin) {
		PyErr_Format(PyExc_AssertionError,
			     "not reap the exact completions: %u expected, %llu reaped, nothing is outstanding",
			     expected, (unsigned long long)got);
		return -1;
	}
	if (pq->ctrlr->backstop_ms)
		limit_ms = pq->ctrlr->backstop_ms;
	if (ut_now_ns(clk) - since_ns < limit_ms * 1000000)
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
	uint64_t since = ut_now_ns(nvp_ctrlr_bus(pq->ctrlr->c)->clock), events = pq->aer_reaped;
	uint32_t idle = 0;

	if (!expected && round_of(pq, admin ? UINT32_MAX : 0, &idle) < 0)
		return -1;
	for (;;) {
		uint64_t got = pq->reaped - pq->consumed;

		if (got >= expected)
			return 0;
		if (!pq->pending && got + pq->aer_reaped - events >= expected) {
			pq->last_dw0 = pq->aer_dw0;
			return 0;
		}
		if (check_hopeless(pq, admin, got, expected, since) < 0)
			return -1;
		if (round_of(pq, admin ? UINT32_MAX : (uint32_t)(expected - got), &idle) < 0)
			return -1;
	}
}

/*
 * Completions that no command explains: the device is wrong, and the script is told.  Timeouts and a device that is gone are told
 * where they end a command.
 */
static int
tell_strange(struct py_queue *pq)
{
	struct nvp_event ev[8];
	uint32_t n = nvp_ctrlr_events(pq->ctrlr->c, ev, UT_ARRAY_LEN(ev));
	int rc = 0;

	for (uint32_t i = 0; i < n && !rc; i++) {
		if (ev[i].kind == NVP_EVENT_UNEXPECTED_CID || ev[i].kind == NVP_EVENT_BAD_SQID ||
		    ev[i].kind == NVP_EVENT_BAD_SQHD)
			rc = py_warn("%s: qpair: %u, cid: %u, sqid: %u, sqhd: %u", nvp_event_name(ev[i].kind),
				     ev[i].qid, ev[i].cqe.cid, le16_get(ev[i].cqe.sqid), le16_get(ev[i].cqe.sqhd));
	}
	return rc;
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
	return rc ? rc : tell_strange(pq);
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

void
py_queue_bury(struct py_queue *pq, struct py_ctrlr *owner)
{
	if (pq->generation != py_generation) /* its parent's, who goes on with it */
		return;
	pq->mute = true;
	pq->ctrlr = owner;
	Py_INCREF((PyObject *)owner);
	pq->next = graveyard;
	graveyard = pq;
	if (!waiting)
		delete_buried();
}
