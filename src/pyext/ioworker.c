/* SPDX-License-Identifier: BSD-3-Clause */
/* IOWorker: a process that only submits and reaps.  What the arguments mean is in nvproof/ioworker.py. */
#include "nvproof/ioworker.h"

#include <errno.h>
#include <stddef.h>
#include "pyext/queue.h"

#define SLICE_MS 20u /* between two looks at signals */
#define STOP_MS 2000u /* after SIGINT */

PyTypeObject *py_iow_type;

struct py_iow {
	PyObject_HEAD struct py_iow *next; /* of the controller */
	struct py_ns *ns;
	struct nvp_iow *w; /* NULL: not started, or ended */
	struct nvp_iow_plan plan;
	struct nvp_iow_result result;
	PyObject *seconds; /* list: commands completed in each second */
	PyObject *ppm; /* list of percentiles to read at the end, in millionths; then of their latencies in ns */
	char reason[256];
	bool ended;
};

static struct py_arg init_args[] = {
	{ "ns", ARG_TYPE, .type = &py_ns_type },
	{ "io_size", .kind = ARG_U32 },
	{ "lba_align", .kind = ARG_U32 },
	{ "lba_step", .kind = ARG_I32 },
	{ "random_percent", .kind = ARG_U32 },
	{ "read_percent", .kind = ARG_U32 },
	{ "qdepth", .kind = ARG_U32 },
	{ "time_ns", .kind = ARG_U64 },
	{ "io_count", .kind = ARG_U64 },
	{ "region_start", .kind = ARG_U64 },
	{ "region_end", .kind = ARG_U64 },
	{ "lba_start", .kind = ARG_U64 },
	{ "ptype", .kind = ARG_U32 },
	{ "pvalue", .kind = ARG_U32 },
	{ "io_flags", .kind = ARG_U32 },
	{ "cpu", .kind = ARG_I32 },
	{ "verify", .kind = ARG_BOOL },
	{ "exit_on_error", .kind = ARG_BOOL },
	{ "ppm", .kind = ARG_OBJ },
};
enum {
	A_NS,
	A_SIZE,
	A_ALIGN,
	A_STEP,
	A_RANDOM,
	A_READ,
	A_QDEPTH,
	A_TIME,
	A_COUNT,
	A_START,
	A_END,
	A_LBA,
	A_PTYPE,
	A_PVALUE,
	A_FLAGS,
	A_CPU,
	A_VERIFY,
	A_EXIT,
	A_PPM,
	A_NR
};

static struct py_iow *
iow(PyObject *o)
{
	return (struct py_iow *)o;
}

static int
iow_init(PyObject *o, PyObject *args, PyObject *kwargs)
{
	union py_val v[A_NR];

	if (iow(o)->ns) {
		PyErr_SetString(PyExc_RuntimeError, "IOWorker is initialised already");
		return -1;
	}
	if (py_args_init("IOWorker", init_args, A_NR, A_NR, args, kwargs, v) < 0)
		return -1;
	if (!v[A_NS].obj || v[A_FLAGS].u > 0xffff || v[A_CPU].i > INT16_MAX) {
		PyErr_SetString(PyExc_AssertionError, "ioworker: a namespace, io_flags of 16 bits");
		return -1;
	}
	iow(o)->ns = (struct py_ns *)v[A_NS].obj;
	Py_INCREF(v[A_NS].obj);
	iow(o)->ppm = v[A_PPM].obj ? PySequence_List(v[A_PPM].obj) : PyList_New(0);
	if (!iow(o)->ppm)
		return -1;
	iow(o)->plan = (struct nvp_iow_plan){
		.io_size = (uint32_t)v[A_SIZE].u,
		.lba_align = (uint32_t)v[A_ALIGN].u,
		.lba_step = (int32_t)v[A_STEP].i,
		.random_percent = (uint32_t)v[A_RANDOM].u,
		.read_percent = (uint32_t)v[A_READ].u,
		.qdepth = (uint32_t)v[A_QDEPTH].u,
		.time_ns = v[A_TIME].u,
		.io_count = v[A_COUNT].u,
		.region_start = v[A_START].u,
		.region_end = v[A_END].u,
		.lba_start = v[A_LBA].u,
		.seed = ut_rng_next(&py_rng),
		.ptype = (uint32_t)v[A_PTYPE].u,
		.pvalue = (uint32_t)v[A_PVALUE].u,
		.io_flags = (uint16_t)v[A_FLAGS].u,
		.cpu = (int16_t)v[A_CPU].i,
		.verify = v[A_VERIFY].u,
		.exit_on_error = v[A_EXIT].u,
	};
	return 0;
}

/* The list of percentiles becomes the list of their latencies; errors leave what is there. */
static void
read_percentiles(struct py_iow *self)
{
	for (Py_ssize_t i = 0; i < PyList_Size(self->ppm); i++) {
		unsigned long ppm = PyLong_AsUnsignedLong(PyList_GetItem(self->ppm, i));
		PyObject *ns = NULL;

		if (!PyErr_Occurred())
			ns = PyLong_FromUnsignedLongLong(nvp_iow_percentile_ns(self->w, (uint32_t)ppm));
		if (ns)
			PyList_SetItem(self->ppm, i, ns);
		PyErr_Clear();
	}
}

static void
read_seconds(struct py_iow *self)
{
	uint32_t n = 0;
	const uint32_t *count = nvp_iow_seconds(self->w, &n);

	self->seconds = PyList_New(0);
	for (uint32_t i = 0; self->seconds && i < n; i++) {
		PyObject *v = PyLong_FromUnsignedLong(count[i]);

		if (v)
			PyList_Append(self->seconds, v);
		Py_XDECREF(v);
	}
	PyErr_Clear();
}

/* Collect the result and let the process go; its queue pair is deleted. */
static void
finish(struct py_iow *self)
{
	struct py_ctrlr *c = self->ns->ctrlr;
	struct py_iow **p = &c->workers;
	PyObject *type, *value, *trace;
	const char *why;

	if (!self->w)
		return;
	PyErr_Fetch(&type, &value, &trace);
	why = nvp_iow_reason(self->w);
	snprintf(self->reason, sizeof(self->reason), "%s", why ? why : "");
	read_seconds(self);
	read_percentiles(self);
	nvp_iow_close(self->w, &self->result);
	self->w = NULL;
	self->ended = true;
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
		nvp_iow_stop(iow(o)->w);
		finish(iow(o));
	}
	Py_XDECREF((PyObject *)iow(o)->ns);
	Py_XDECREF(iow(o)->seconds);
	Py_XDECREF(iow(o)->ppm);
	PyErr_Restore(type, value, trace);
	py_object_free(o);
}

static int
iow_traverse(PyObject *o, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(o));
	Py_VISIT((PyObject *)iow(o)->ns);
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

static int
start_locked(struct py_iow *self)
{
	struct py_ctrlr *c = self->ns->ctrlr;
	int rc;

	self->plan.timeout_ms = nvp_ctrlr_timeout_ms(c->c);
	rc = nvp_iow_start(&self->ns->ns, &self->plan, py_vtab_verify(self->ns->vtab), &self->w);
	if (rc) {
		self->w = NULL;
		raise_start(rc);
		return -1;
	}
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

/* At most ms; 1: it ended. */
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
		nvp_iow_stop(self->w);
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

	return Py_BuildValue("{sK sK sK sK sK sK sK si si sK ss sO sO}", "reads", (unsigned long long)r->reads,
			     "writes", (unsigned long long)r->writes, "bytes", (unsigned long long)r->bytes, "ns",
			     (unsigned long long)r->ns, "latency_max_ns", (unsigned long long)r->latency_max_ns,
			     "latency_sum_ns", (unsigned long long)r->latency_sum_ns, "cpu_ns",
			     (unsigned long long)r->cpu_ns, "status", (int)r->status, "error", (int)r->error,
			     "miscompare_lba", (unsigned long long)r->miscompare_lba, "reason", self->reason, "seconds",
			     self->seconds ? self->seconds : Py_None, "percentiles_ns", self->ppm);
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
		nvp_iow_stop(iow(o)->w);
	Py_RETURN_NONE;
}

static PyObject *
iow_live(PyObject *o, PyObject *unused)
{
	uint64_t ios = iow(o)->result.reads + iow(o)->result.writes, bytes = iow(o)->result.bytes;

	(void)unused;
	if (iow(o)->w)
		nvp_iow_live(iow(o)->w, &ios, &bytes);
	return Py_BuildValue("(KK)", (unsigned long long)ios, (unsigned long long)bytes);
}

static PyObject *
get_running(PyObject *o, void *closure)
{
	(void)closure;
	return PyBool_FromLong(iow(o)->w && nvp_iow_running(iow(o)->w));
}

/* The device is about to be reset under them.  Their objects keep what was measured. */
int
py_iow_stop_all(struct py_ctrlr *c, uint32_t ms)
{
	uint32_t spent = 0;

	for (struct py_iow *w = c->workers; w; w = w->next)
		nvp_iow_stop(w->w);
	for (struct py_iow *w = c->workers; w; w = w->next)
		while (!wait_slice(w->w, SLICE_MS)) {
			spent += SLICE_MS;
			if (spent < ms)
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
		nvp_iow_stop(w->w);
	while (c->workers)
		finish(c->workers);
}

static PyMethodDef iow_methods[] = {
	{ "start", iow_start, METH_NOARGS, "start()\n--\n\nStart the process and wait until it runs." },
	{ "stop", iow_stop, METH_NOARGS, "stop()\n--\n\nAsk it to end." },
	{ "live", iow_live, METH_NOARGS, "live()\n--\n\n(commands, bytes) so far." },
	{ "close", iow_close, METH_NOARGS,
	  "close()\n--\n\nWait for its end; the raw result.  KeyboardInterrupt stops it." },
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
	if (py_args_intern(init_args, A_NR) < 0)
		return -1;
	return py_setup_type(m, "IOWorker", &iow_spec, &py_iow_type);
}
