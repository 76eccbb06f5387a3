/* SPDX-License-Identifier: BSD-3-Clause */
/* IOWorker: a process that only submits and reaps.  What the arguments mean is in nvproof/ioworker.py. */
#include "pyext/iow.h"
#include "pyext/ns.h"

#include <errno.h>

#define SLICE_MS 20u /* between two looks at signals */
#define STOP_MS 2000u /* after SIGINT */
#define K(x) ((unsigned long long)(x))
#define ID(field) (const char *)self->id.field, (Py_ssize_t)sizeof(self->id.field)

PyTypeObject *py_iow_type;

static struct py_iow *
iow(PyObject *o)
{
	return (struct py_iow *)o;
}

static int
iow_init(PyObject *o, PyObject *args, PyObject *kwargs)
{
	if (iow(o)->ns) {
		PyErr_SetString(PyExc_RuntimeError, "IOWorker is initialised already");
		return -1;
	}
	return py_iow_plan(iow(o), args, kwargs);
}

/* The queue pair that it was given: somebody uses it. */
static void
lend(struct py_iow *self, bool out)
{
	if (self->qpair && self->qpair->pq)
		self->qpair->pq->lent = out;
}

/* Collect the result and let the process go; its queue pair is deleted, or usable again. */
static void
finish(struct py_iow *self)
{
	struct py_ctrlr *c = self->ns->ctrlr;
	struct py_iow **p = &c->workers;
	PyObject *type, *value, *trace;
	struct nvp_miscompare mis;
	const char *why;

	if (!self->w)
		return;
	PyErr_Fetch(&type, &value, &trace);
	why = nvp_iow_reason(self->w);
	snprintf(self->reason, sizeof(self->reason), "%s", why ? why : "");
	if (!nvp_iow_wait(self->w, 0))
		nvp_iow_stop(self->w, "it was closed");
	if (nvp_iow_miscompare(self->w, &mis))
		py_ns_report(self->ns, &mis);
	self->measured = py_iow_measured(self->w, self->plan.log_entries);
	PyErr_Clear();
	nvp_iow_close(self->w, &self->result);
	py_vtab_put(self->vtab);
	self->vtab = NULL;
	self->w = NULL;
	self->ended = true;
	lend(self, false);
	while (*p && *p != self)
		p = &(*p)->next;
	if (*p)
		*p = self->next;
	PyErr_Restore(type, value, trace);
}

static void
iow_dealloc(PyObject *o)
{
	PyObject *type, *value, *trace;

	PyObject_GC_UnTrack(o);
	PyErr_Fetch(&type, &value, &trace);
	if (iow(o)->w) {
		nvp_iow_stop(iow(o)->w, "its object is gone");
		finish(iow(o));
	}
	py_iow_plan_free(&iow(o)->plan);
	Py_XDECREF((PyObject *)iow(o)->ns);
	Py_XDECREF((PyObject *)iow(o)->qpair);
	Py_XDECREF(iow(o)->measured);
	PyErr_Restore(type, value, trace);
	py_object_free(o);
}

static int
iow_traverse(PyObject *o, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(o));
	Py_VISIT((PyObject *)iow(o)->ns);
	Py_VISIT((PyObject *)iow(o)->qpair);
	Py_VISIT(iow(o)->measured);
	return 0;
}

static void
raise_start(int rc)
{
	const char *why = nvp_error();
	bool text = why && *why;

	if (rc == -EINVAL)
		PyErr_Format(PyExc_AssertionError, "ioworker: %s", text ? why : "bad argument");
	else if (rc == -ENOMEM)
		PyErr_SetString(PyExc_MemoryError, "ioworker: no memory");
	else
		PyErr_Format(PyExc_RuntimeError, "ioworker: cannot start: %s", text ? why : strerror(-rc));
}

/* The queue pair that is to be used, if it can be. */
static int
take_qpair(struct py_iow *self)
{
	struct py_queue *pq = self->qpair ? self->qpair->pq : NULL;

	if (!self->qpair)
		return 0;
	if (!pq || !pq->q || pq->lent || pq->pending) {
		PyErr_SetString(PyExc_AssertionError, "ioworker: the qpair is deleted, or in use");
		return -1;
	}
	self->plan.qpair = pq->q;
	return 0;
}

static int
start_locked(struct py_iow *self)
{
	struct py_ctrlr *c = self->ns->ctrlr;
	int rc;

	if (take_qpair(self) < 0)
		return -1;
	self->plan.timeout_ms = nvp_ctrlr_timeout_ms(c->c);
	self->plan.inject = self->ns->inject ? self->ns->inject : NVP_INJECT_NOTHING;
	self->id = *nvp_ctrlr_id(c->c);
	rc = nvp_iow_start(&self->ns->ns, &self->plan, py_vtab_verify(self->ns->vtab), &self->w);
	if (rc) {
		self->w = NULL;
		raise_start(rc);
		return -1;
	}
	self->vtab = self->ns->vtab; /* the namespace may be closed before it */
	if (self->vtab)
		py_vtab_ref(self->vtab);
	lend(self, true);
	self->next = c->workers;
	c->workers = self;
	return 0;
}

static PyObject *
iow_start(PyObject *o, PyObject *unused)
{
	struct py_iow *self = iow(o);

	(void)unused;
	if (self->w || self->ended) {
		PyErr_SetString(PyExc_AssertionError, "ioworker: started already");
		return NULL;
	}
	if (!self->ns->open || !py_ctrlr_get(self->ns->ctrlr) || py_wait_enter("ioworker") < 0) {
		if (!PyErr_Occurred())
			PyErr_SetString(PyExc_SystemError, "the namespace is closed");
		return NULL;
	}
	if (start_locked(self) < 0) {
		py_wait_leave_quiet();
		return NULL;
	}
	if (py_wait_leave() < 0)
		return NULL;
	Py_INCREF(o);
	return o;
}

/* At most ms; 1: it ended; below 0: it cannot be ended. */
static int
wait_slice(struct nvp_iow *w, uint32_t ms)
{
	int rc;

	Py_BEGIN_ALLOW_THREADS rc = nvp_iow_wait(w, ms);
	Py_END_ALLOW_THREADS return rc;
}

/* -1: a signal's handler raised.  The worker is told to stop, and has some time for it. */
static int
wait_end(struct py_iow *self)
{
	uint32_t ms;

	while (self->w && !wait_slice(self->w, SLICE_MS)) {
		if (!PyErr_CheckSignals())
			continue;
		nvp_iow_stop(self->w, "it was interrupted");
		for (ms = 0; ms < STOP_MS && !wait_slice(self->w, SLICE_MS); ms += SLICE_MS)
			;
		return -1;
	}
	return 0;
}

static PyObject *
result_dict(const struct py_iow *self)
{
	const struct nvp_iow_result *r = &self->result;

	return Py_BuildValue("{sK sK sK sK sK sK sK sK sK sK si si sK ss sK sO sy# sy# sy#}", "reads", K(r->reads),
			     "writes", K(r->writes), "others", K(r->others), "bytes", K(r->bytes), "ns", K(r->ns),
			     "latency_max_ns", K(r->latency_max_ns), "latency_sum_ns", K(r->latency_sum_ns), "cpu_ns",
			     K(r->cpu_ns), "slow", K(r->slow), "retries", K(r->retries), "status", (int)r->status,
			     "error", (int)r->error, "miscompare_lba", K(r->miscompare_lba), "reason", self->reason,
			     "seed", K(self->plan.seed), "measured", self->measured ? self->measured : Py_None, "sn",
			     ID(sn), "mn", ID(mn), "fr", ID(fr));
}

static PyObject *
iow_close(PyObject *o, PyObject *unused)
{
	struct py_iow *self = iow(o);
	int rc;

	(void)unused;
	if (!self->w && !self->ended) {
		PyErr_SetString(PyExc_AssertionError, "ioworker: not started");
		return NULL;
	}
	if (py_wait_enter("ioworker.close") < 0)
		return NULL;
	rc = wait_end(self);
	finish(self);
	if (rc < 0)
		py_wait_leave_quiet();
	else
		rc = py_wait_leave();
	return rc < 0 ? NULL : result_dict(self);
}

static PyObject *
iow_stop(PyObject *o, PyObject *unused)
{
	(void)unused;
	if (iow(o)->w)
		nvp_iow_stop(iow(o)->w, "it was stopped");
	Py_RETURN_NONE;
}

static PyObject *
iow_live(PyObject *o, PyObject *unused)
{
	const struct nvp_iow_result *r = &iow(o)->result;
	uint64_t ios = r->reads + r->writes + r->others, bytes = r->bytes;

	(void)unused;
	if (iow(o)->w)
		nvp_iow_live(iow(o)->w, &ios, &bytes);
	return Py_BuildValue("(KK)", (unsigned long long)ios, (unsigned long long)bytes);
}

/* An entry an opcode; none when it does not run. */
static PyObject *
iow_live_ops(PyObject *o, PyObject *unused)
{
	PyObject *list = PyList_New(0), *item;
	struct nvp_iow_op_result r;
	uint32_t i;
	int rc;

	(void)unused;
	for (i = 0; list && iow(o)->w && nvp_iow_op(iow(o)->w, i, &r); i++) {
		item = Py_BuildValue("(IKK)", r.opc, K(r.ios), K(r.bytes));
		rc = item ? PyList_Append(list, item) : -1;
		Py_XDECREF(item);
		if (rc < 0)
			Py_CLEAR(list);
	}
	return list;
}

static PyObject *
get_running(PyObject *o, void *closure)
{
	(void)closure;
	if (!iow(o)->w) /* one that was not started has all before it */
		return PyBool_FromLong(!iow(o)->ended);
	return PyBool_FromLong(nvp_iow_running(iow(o)->w));
}

/* The device is about to be reset under them.  Their objects keep what was measured. */
int
py_iow_stop_all(struct py_ctrlr *c, uint32_t ms)
{
	uint32_t spent = 0;
	int rc;

	for (struct py_iow *w = c->workers; w; w = w->next)
		nvp_iow_stop(w->w, "the controller was reset");
	for (struct py_iow *w = c->workers; w; w = w->next)
		while ((rc = wait_slice(w->w, SLICE_MS)) <= 0) {
			spent += SLICE_MS;
			if (!rc && spent < ms)
				continue;
			PyErr_SetString(PyExc_TimeoutError, "secondary processes are not cleared");
			return -1;
		}
	return 0;
}

void
py_iow_shut_all(struct py_ctrlr *c)
{
	for (struct py_iow *w = c->workers; w; w = w->next)
		nvp_iow_stop(w->w, "the device was closed");
	while (c->workers)
		finish(c->workers);
}

static PyMethodDef iow_methods[] = {
	{ "start", iow_start, METH_NOARGS, "start($self, /)\n--\n\nStart the process and wait until it runs." },
	{ "stop", iow_stop, METH_NOARGS, "stop($self, /)\n--\n\nAsk it to end." },
	{ "live", iow_live, METH_NOARGS, "live($self, /)\n--\n\n(commands, bytes) so far." },
	{ "live_ops", iow_live_ops, METH_NOARGS,
	  "live_ops($self, /)\n--\n\n(opcode, commands, bytes) of each opcode so far." },
	{ "close", iow_close, METH_NOARGS,
	  "close($self, /)\n--\n\nWait for its end; the raw result.  KeyboardInterrupt stops it." },
	{ NULL, NULL, 0, NULL },
};

static PyGetSetDef iow_getset[] = {
	{ "running", get_running, NULL, "whether the process still works", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot iow_slots[] = {
	{ Py_tp_doc, "An I/O generator in a process of its own." },
	{ Py_tp_init, iow_init },
	{ Py_tp_dealloc, iow_dealloc },
	{ Py_tp_traverse, iow_traverse },
	{ Py_tp_methods, iow_methods },
	{ Py_tp_getset, iow_getset },
	{ 0, NULL },
};

static PyType_Spec iow_spec = {
	.name = "nvproof._native.IOWorker",
	.basicsize = sizeof(struct py_iow),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
	.slots = iow_slots,
};

int
py_iow_setup(PyObject *m)
{
	if (py_iow_plan_setup() < 0)
		return -1;
	return py_setup_type(m, "IOWorker", &iow_spec, &py_iow_type);
}
