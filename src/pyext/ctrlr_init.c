/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Controller: reset, and bring-up in the script's hands (nvme_init_func).  The order of the steps, and what they are called
 * for scripts, is in nvproof/bringup.py.
 */
#include "pyext/ctrlr.h"
#include "pyext/defer.h"

#include <errno.h>

static struct py_arg reset_args[] = { { "bare", .kind = ARG_BOOL } };
static struct py_arg adminq_args[] = {
	{ "depth", .kind = ARG_U32 },
	{ "skip_register", .kind = ARG_BOOL },
	{ "lazy_doorbell", .kind = ARG_BOOL },
	{ "reuse_adminq", .kind = ARG_BOOL },
};

static struct py_ctrlr *
ctrlr(PyObject *o)
{
	return (struct py_ctrlr *)o;
}

int
py_ctrlr_adopt_adminq(struct py_ctrlr *self)
{
	struct nvp_qpair *q = nvp_ctrlr_adminq(self->c);

	if (!self->adminq && q)
		self->adminq = py_queue_new(self, q);
	if (q && !self->adminq)
		return -1;
	return py_aer_start(self);
}

/* What ends because of a reset is no news. */
static void
set_ending(struct py_ctrlr *self, bool ending)
{
	if (self->adminq)
		self->adminq->ending = ending;
	for (struct py_queue *pq = self->queues; pq; pq = pq->next) {
		pq->ending = ending;
		if (ending)
			py_defer_abort(pq);
	}
}

static void
renew_io(struct py_ctrlr *self)
{
	for (struct py_queue *pq = self->queues; pq; pq = pq->next)
		py_queue_renew(pq);
}

/* The script creates its own: these are as if they had been deleted. */
static void
drop_io(struct py_ctrlr *self)
{
	struct py_queue *pq;

	while ((pq = self->queues)) {
		py_defer_abort(pq);
		py_queue_retire(pq);
		nvp_qpair_delete(pq->q, NULL);
		pq->q = NULL;
	}
}

static int
raise_enumerate(int rc)
{
	const char *why = nvp_error();

	PyErr_Format(py_exc_enumerate, "%s", why && *why ? why : strerror(-rc));
	return -1;
}

static int
reset_locked(struct py_ctrlr *self, bool bare)
{
	int rc;

	if (py_iow_stop_all(self, 1000) < 0)
		return -1;
	set_ending(self, true);
	rc = (bare ? nvp_ctrlr_reset_bare : nvp_ctrlr_reset)(self->c);
	set_ending(self, false);
	if (rc)
		return raise_enumerate(rc);
	py_aer_drop(self);
	if (self->adminq)
		py_queue_renew(self->adminq);
	if (bare)
		drop_io(self);
	renew_io(self);
	return py_ctrlr_adopt_adminq(self);
}

PyObject *
py_ctrlr_reset(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	union py_val v[1];

	if (py_args("reset", reset_args, 1, 0, args, nargs, kwnames, v) < 0 || !py_ctrlr_get(ctrlr(o)) ||
	    py_wait_enter("reset") < 0)
		return NULL;
	return py_wait_result(reset_locked(ctrlr(o), v[0].u));
}

static int
begin_locked(struct py_ctrlr *self)
{
	int rc;

	if (py_iow_stop_all(self, 1000) < 0)
		return -1;
	set_ending(self, true);
	rc = nvp_ctrlr_init_begin(self->c);
	if (!rc)
		return 0;
	set_ending(self, false);
	return raise_enumerate(rc);
}

PyObject *
py_ctrlr_init_begin(PyObject *o, PyObject *unused)
{
	(void)unused;
	if (!py_ctrlr_get(ctrlr(o)) || py_wait_enter("init_begin") < 0)
		return NULL;
	return py_wait_result(begin_locked(ctrlr(o)));
}

/* 0, or a negative errno: that is the script's to look at.  -1 with an exception in *raised. */
static int
adminq_locked(struct py_ctrlr *self, const struct nvp_adminq_opts *opts, bool *raised)
{
	int rc = nvp_ctrlr_init_adminq(self->c, opts);

	if (rc)
		return rc;
	py_aer_drop(self);
	*raised = (self->adminq && py_queue_fit(self->adminq) < 0) || py_ctrlr_adopt_adminq(self) < 0;
	if (*raised)
		return -1;
	py_queue_renew(self->adminq);
	return 0;
}

PyObject *
py_ctrlr_init_adminq(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	struct nvp_adminq_opts opts;
	bool raised = false;
	union py_val v[4];
	int rc;

	if (py_args("init_adminq", adminq_args, 4, 1, args, nargs, kwnames, v) < 0 || !py_ctrlr_get(ctrlr(o)) ||
	    py_wait_enter("init_adminq") < 0)
		return NULL;
	opts = (struct nvp_adminq_opts){
		.depth = (uint32_t)v[0].u,
		.skip_register = v[1].u,
		.lazy = v[2].u,
		.reuse = v[3].u,
	};
	rc = adminq_locked(ctrlr(o), &opts, &raised);
	if (raised || PyErr_Occurred()) {
		py_wait_leave_quiet();
		return NULL;
	}
	return py_wait_leave() < 0 ? NULL : PyLong_FromLong(rc);
}

PyObject *
py_ctrlr_init_identify(PyObject *o, PyObject *unused)
{
	int rc;

	(void)unused;
	if (!py_ctrlr_get(ctrlr(o)) || py_wait_enter("init_identify") < 0)
		return NULL;
	rc = nvp_ctrlr_init_identify(ctrlr(o)->c);
	return py_wait_leave() < 0 ? NULL : PyLong_FromLong(rc);
}

PyObject *
py_ctrlr_init_queues(PyObject *o, PyObject *arg)
{
	unsigned long dw0 = PyLong_AsUnsignedLong(arg);

	if (PyErr_Occurred() || !py_ctrlr_get(ctrlr(o)))
		return NULL;
	nvp_ctrlr_init_queues(ctrlr(o)->c, (uint32_t)dw0);
	Py_RETURN_NONE;
}

static int
end_locked(struct py_ctrlr *self, bool bare)
{
	int rc = nvp_ctrlr_init_end(self->c, bare);

	set_ending(self, false);
	if (rc)
		return raise_enumerate(rc);
	if (bare)
		drop_io(self);
	renew_io(self);
	return 0;
}

PyObject *
py_ctrlr_init_end(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	union py_val v[1];

	if (py_args("init_end", reset_args, 1, 0, args, nargs, kwnames, v) < 0 || !py_ctrlr_get(ctrlr(o)) ||
	    py_wait_enter("init_end") < 0)
		return NULL;
	return py_wait_result(end_locked(ctrlr(o), v[0].u));
}

PyObject *
py_ctrlr_init_fail(PyObject *o, PyObject *unused)
{
	(void)unused;
	if (!py_ctrlr_get(ctrlr(o)) || py_wait_enter("init_fail") < 0)
		return NULL;
	nvp_ctrlr_init_fail(ctrlr(o)->c);
	set_ending(ctrlr(o), false);
	return py_wait_result(0);
}

int
py_ctrlr_init_setup(void)
{
	if (py_args_intern(reset_args, PY_NARGS(reset_args)) < 0)
		return -1;
	return py_args_intern(adminq_args, PY_NARGS(adminq_args));
}
