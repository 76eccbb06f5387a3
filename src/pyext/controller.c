/* SPDX-License-Identifier: BSD-3-Clause */
/* Controller: bring-up, registers, the admin queue.  Each admin command's dwords are filled in nvproof/controller.py. */
#include "pyext/ctrlr.h"
#include "pyext/defer.h"

#include <stdlib.h>
#include "nvproof/cmdlog.h"
#include "util/alloc.h"

#define MAX_SQIDS 1024u

PyTypeObject *py_ctrlr_type;

static struct py_arg init_args[] = {
	{ "pcie", ARG_TYPE, .type = &py_pcie_type },
	{ "no_init", .kind = ARG_BOOL },
};

static struct py_ctrlr *
ctrlr(PyObject *o)
{
	return (struct py_ctrlr *)o;
}

struct nvp_ctrlr *
py_ctrlr_get(struct py_ctrlr *self)
{
	if (!self->c)
		PyErr_SetString(PyExc_SystemError, "the controller is closed");
	else if (self->pcie->generation != py_generation)
		PyErr_SetString(PyExc_SystemError, "the controller belongs to the process that opened it");
	else
		return self->c;
	return NULL;
}

static void
raise_enumerate(int rc)
{
	const char *why = nvp_error();

	PyErr_Format(py_exc_enumerate, "%s", why && *why ? why : strerror(-rc));
}

/* --- life --- */

static int
ctrlr_attach(struct py_ctrlr *self, bool no_init)
{
	struct nvp_ctrlr_opts opts = { .no_init = no_init };
	struct nvp_bus *bus = self->pcie->bus;
	struct nvp_ctrlr *c = NULL;
	int rc;

	Py_BEGIN_ALLOW_THREADS rc = nvp_ctrlr_attach(bus, &opts, &c);
	Py_END_ALLOW_THREADS if (rc)
	{
		raise_enumerate(rc);
		return -1;
	}
	self->c = c;
	self->next = self->pcie->ctrlrs;
	self->pcie->ctrlrs = self;
	self->stat_ns = ut_mono_ns();
	return py_ctrlr_adopt_adminq(self);
}

static int
ctrlr_init(PyObject *o, PyObject *args, PyObject *kwargs)
{
	struct py_ctrlr *self = ctrlr(o);
	union py_val v[2];

	if (self->pcie) {
		PyErr_SetString(PyExc_RuntimeError, "Controller is initialised already");
		return -1;
	}
	if (py_args_init("Controller", init_args, 2, 1, args, kwargs, v) < 0)
		return -1;
	if (!v[0].obj || !((struct py_pcie *)v[0].obj)->bus) {
		PyErr_SetString(py_exc_enumerate, "Controller(): needs an open Pcie");
		return -1;
	}
	if (py_wait_enter("Controller") < 0)
		return -1;
	self->pcie = (struct py_pcie *)v[0].obj;
	Py_INCREF(v[0].obj);
	if (ctrlr_attach(self, v[1].u) < 0) {
		py_wait_leave_quiet();
		return -1;
	}
	return py_wait_leave();
}

static void
shut_queues(struct py_ctrlr *self)
{
	struct py_queue *pq;

	while ((pq = self->queues)) {
		self->queues = pq->next;
		pq->mute = true;
		py_defer_abort(pq);
		nvp_qpair_delete(pq->q, NULL);
		pq->q = NULL;
		pq->ctrlr = NULL;
	}
}

void
py_ctrlr_shut(struct py_ctrlr *self)
{
	struct py_ctrlr **p = &self->pcie->ctrlrs;

	while (*p && *p != self)
		p = &(*p)->next;
	if (*p)
		*p = self->next;
	if (!self->c || self->pcie->generation != py_generation)
		return;
	py_iow_shut_all(self);
	shut_queues(self);
	if (self->adminq)
		self->adminq->mute = true;
	py_buffer_cmb_lost(self);
	nvp_ctrlr_close(self->c);
	self->c = NULL;
	py_aer_drop(self);
	py_queue_free(self->adminq);
	self->adminq = NULL;
	Py_CLEAR(self->kept);
}

static void
ctrlr_dealloc(PyObject *o)
{
	struct py_ctrlr *self = ctrlr(o);
	PyObject *type, *value, *trace;

	PyObject_GC_UnTrack(o);
	PyErr_Fetch(&type, &value, &trace);
	if (self->pcie)
		py_ctrlr_shut(self);
	Py_XDECREF(self->aer_cb);
	Py_XDECREF((PyObject *)self->pcie);
	free(self->opc_timeout_ms[0]);
	free(self->opc_timeout_ms[1]);
	PyErr_Restore(type, value, trace);
	py_object_free(o);
}

static int
ctrlr_traverse(PyObject *o, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(o));
	Py_VISIT((PyObject *)ctrlr(o)->pcie);
	Py_VISIT(ctrlr(o)->aer_cb);
	return 0;
}

/* The device is let go in dealloc, so pcie is kept until then. */
static int
ctrlr_clear(PyObject *o)
{
	Py_CLEAR(ctrlr(o)->aer_cb);
	return 0;
}

static PyObject *
ctrlr_close(PyObject *o, PyObject *unused)
{
	(void)unused;
	if (!ctrlr(o)->c)
		Py_RETURN_NONE;
	if (!py_ctrlr_get(ctrlr(o)) || py_wait_enter("close") < 0)
		return NULL;
	py_ctrlr_shut(ctrlr(o));
	if (py_wait_leave() < 0)
		return NULL;
	Py_RETURN_NONE;
}

static PyObject *
stop_workers(PyObject *o, PyObject *unused)
{
	(void)unused;
	if (!py_ctrlr_get(ctrlr(o)) || py_iow_stop_all(ctrlr(o), 1000) < 0)
		return NULL;
	Py_RETURN_NONE;
}

static PyObject *
waitdone(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	static struct py_arg table[] = { { "expected", ARG_U32, .def = 1 },
					 { "interrupt_enabled", ARG_BOOL, .def = 1 } };
	struct py_ctrlr *self = ctrlr(o);
	union py_val v[2];

	if (py_args_intern(table, 2) < 0 || py_args("waitdone", table, 2, 0, args, nargs, kwnames, v) < 0)
		return NULL;
	if (!py_ctrlr_get(self))
		return NULL;
	if (!self->adminq) {
		PyErr_SetString(PyExc_SystemError, "the controller has no admin queue: it was not initialised");
		return NULL;
	}
	if (py_queue_waitdone(self->adminq, (uint32_t)v[0].u, true) < 0)
		return NULL;
	return PyLong_FromUnsignedLong(self->adminq->last_dw0);
}

static PyObject *
aer(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	static struct py_arg table[] = { { "refill", ARG_BOOL, .def = 1 }, { "cb", .kind = ARG_CALLABLE } };
	union py_val v[2];

	if (py_args_intern(table, 2) < 0 || py_args("aer", table, 2, 0, args, nargs, kwnames, v) < 0)
		return NULL;
	if (!py_ctrlr_get(ctrlr(o)) || py_aer_send(ctrlr(o), v[1].obj, v[0].u) < 0)
		return NULL;
	Py_INCREF(o);
	return o;
}

static PyObject *
get_cmd(PyObject *o, PyObject *cpl)
{
	const struct nvme_sqe *sqe = py_current_sqe();
	PyObject *list;

	(void)o;
	(void)cpl;
	if (!sqe) {
		PyErr_SetString(PyExc_AssertionError, "get_cmd() works inside of a callback only");
		return NULL;
	}
	list = PyList_New(0);
	for (size_t i = 0; list && i < sizeof(*sqe) / 4; i++) {
		const le32 *dw = (const le32 *)(const void *)sqe;
		PyObject *v = PyLong_FromUnsignedLong(le32_get(dw[i]));

		if (!v || PyList_Append(list, v) < 0)
			Py_CLEAR(list);
		Py_XDECREF(v);
	}
	return list;
}

/* --- attributes --- */

enum { P_CAP, P_MDTS, P_TIMEOUT, P_CID, P_LATENCY, P_STATUS };

static PyObject *
get_number(PyObject *o, void *which)
{
	struct py_ctrlr *self = ctrlr(o);
	struct py_queue *pq = self->adminq;
	uint64_t v = 0;

	if (!py_ctrlr_get(self))
		return NULL;
	switch ((uintptr_t)which) {
	case P_CAP: /* known only after a bring-up */
		v = nvp_ctrlr_cap(self->c);
		if (!v && nvp_reg_read64(self->c, NVME_REG_CAP, &v)) {
			PyErr_SetString(PyExc_SystemError, "CAP cannot be read");
			return NULL;
		}
		break;
	case P_MDTS:
		v = nvp_ctrlr_mdts_bytes(self->c);
		break;
	case P_TIMEOUT:
		v = nvp_ctrlr_timeout_ms(self->c);
		break;
	case P_CID:
		v = pq ? pq->last_cid : 0;
		break;
	case P_LATENCY:
		v = pq ? pq->last_latency_ns / 1000 : 0;
		break;
	case P_STATUS:
		v = pq ? pq->last_status : 0;
		break;
	}
	return PyLong_FromUnsignedLongLong(v);
}

static int
set_timeout(PyObject *o, PyObject *value, void *closure)
{
	struct py_ctrlr *self = ctrlr(o);
	unsigned long ms = value ? PyLong_AsUnsignedLong(value) : 0;

	(void)closure;
	if (PyErr_Occurred() || !py_ctrlr_get(self))
		return -1;
	if (!ms || ms > UINT32_MAX) {
		PyErr_SetString(PyExc_AssertionError, "timeout is in milliseconds, at least 1");
		return -1;
	}
	nvp_ctrlr_set_timeout_ms(self->c, (uint32_t)ms);
	if (self->adminq)
		nvp_qpair_set_timeout_ms(self->adminq->q, (uint32_t)ms);
	for (struct py_queue *pq = self->queues; pq; pq = pq->next)
		nvp_qpair_set_timeout_ms(pq->q, (uint32_t)ms);
	return 0;
}

static PyObject *
get_backstop(PyObject *o, void *closure)
{
	struct py_ctrlr *self = ctrlr(o);

	(void)closure;
	if (!py_ctrlr_get(self))
		return NULL;
	if (self->backstop_ms)
		return PyLong_FromUnsignedLong(self->backstop_ms / 1000);
	return PyLong_FromUnsignedLong(nvp_ctrlr_timeout_ms(self->c) / 1000 + PY_BACKSTOP_MS / 1000);
}

static int
set_backstop(PyObject *o, PyObject *value, void *closure)
{
	unsigned long s = value ? PyLong_AsUnsignedLong(value) : 0;

	(void)closure;
	if (PyErr_Occurred())
		return -1;
	if (!s || s > UINT32_MAX / 1000) {
		PyErr_SetString(PyExc_AssertionError, "timeout_pynvme is in seconds, at least 1");
		return -1;
	}
	ctrlr(o)->backstop_ms = (uint32_t)s * 1000;
	return 0;
}

/* In the order of their creation. */
static PyObject *
get_sqids(PyObject *o, void *closure)
{
	struct nvp_ctrlr *c = py_ctrlr_get(ctrlr(o));
	PyObject *list = c ? PyList_New(0) : NULL;
	uint16_t ids[MAX_SQIDS];
	uint32_t n = c ? nvp_ctrlr_qids(c, ids, MAX_SQIDS) : 0;

	(void)closure;
	for (n = n < MAX_SQIDS ? n : MAX_SQIDS; list && n--;) {
		PyObject *id = PyLong_FromLong(ids[n]);

		if (!id || PyList_Append(list, id) < 0)
			Py_CLEAR(list);
		Py_XDECREF(id);
	}
	return list;
}

/* As the driver has it, whatever the registers say. */
static PyObject *
get_adminq(PyObject *o, void *closure)
{
	struct py_ctrlr *self = ctrlr(o);
	uint64_t sq, cq;
	uint32_t depth;

	(void)closure;
	if (!py_ctrlr_get(self))
		return NULL;
	if (!self->adminq) {
		PyErr_SetString(PyExc_SystemError, "the controller has no admin queue: it was not initialised");
		return NULL;
	}
	nvp_qpair_memory(self->adminq->q, &sq, &cq);
	depth = nvp_qpair_depth(self->adminq->q);
	return Py_BuildValue("(KIKI)", (unsigned long long)sq, depth, (unsigned long long)cq, depth);
}

static PyObject *
get_closed(PyObject *o, void *closure)
{
	(void)closure;
	return PyBool_FromLong(!ctrlr(o)->c);
}

#define CDWS "cdw10=0, cdw11=0, cdw12=0, cdw13=0, cdw14=0, cdw15=0, cdw02=0, cdw03=0"

static PyMethodDef ctrlr_methods[] = {
	{ "close", ctrlr_close, METH_NOARGS,
	  "close($self, /)\n--\n\nDelete the queues, disable and let go of the controller." },
	{ "reset", (PyCFunction)(void (*)(void))py_ctrlr_reset, METH_FASTCALL | METH_KEYWORDS,
	  "reset($self, /, bare=False)\n--\n\nCC.EN 1, 0, 1 and bring-up.  Queue pairs are created again, empty (bare: "
	  "they are gone); outstanding\ncommands complete with 00/08.  NvmeEnumerateError: the controller does not "
	  "come back." },
	{ "init_begin", py_ctrlr_init_begin, METH_NOARGS,
	  "init_begin($self, /)\n--\n\nThe script brings the controller up from now on: no queue reaches the device." },
	{ "init_adminq", (PyCFunction)(void (*)(void))py_ctrlr_init_adminq, METH_FASTCALL | METH_KEYWORDS,
	  "init_adminq($self, /, depth, skip_register=False, lazy_doorbell=False, reuse_adminq=False)\n--\n\nA new "
	  "admin queue; 0, or a negative errno." },
	{ "init_identify", py_ctrlr_init_identify, METH_NOARGS,
	  "init_identify($self, /)\n--\n\nIdentify Controller, which the driver keeps; 0, or a negative errno." },
	{ "init_queues", py_ctrlr_init_queues, METH_O,
	  "init_queues($self, cdw0, /)\n--\n\nHow many queue pairs the controller grants: dword 0 of the feature "
	  "Number of Queues." },
	{ "init_end", (PyCFunction)(void (*)(void))py_ctrlr_init_end, METH_FASTCALL | METH_KEYWORDS,
	  "init_end($self, /, bare=False)\n--\n\nQueue pairs that existed are created again (bare: they are gone)." },
	{ "init_fail", py_ctrlr_init_fail, METH_NOARGS,
	  "init_fail($self, /)\n--\n\nThe script's bring-up failed: disable, and end all commands." },
	{ "waitdone", (PyCFunction)(void (*)(void))waitdone, METH_FASTCALL | METH_KEYWORDS,
	  "waitdone($self, /, expected=1, interrupt_enabled=True)\n--\n\nReap at least `expected` admin commands; "
	  "dword 0 of the last." },
	{ "aer", (PyCFunction)(void (*)(void))aer, METH_FASTCALL | METH_KEYWORDS,
	  "aer($self, /, refill=True, cb=None)\n--\n\nSend an Asynchronous Event Request; refill: again after each "
	  "event.  \"Asynchronous Event Request command\"." },
	{ "send_cmd", (PyCFunction)(void (*)(void))py_ctrlr_send_cmd, METH_FASTCALL | METH_KEYWORDS,
	  "send_cmd($self, /, opcode, buf=None, nsid=0, " CDWS
	  ", cb=None, length=0)\n--\n\nSend any admin command.  AssertionError: the queue is full.  length: bytes of "
	  "buf (0: all)." },
	{ "sync_cmd", (PyCFunction)(void (*)(void))py_ctrlr_sync_cmd, METH_FASTCALL | METH_KEYWORDS,
	  "sync_cmd($self, /, opcode, buf=None, nsid=0, " CDWS
	  ", cb=None, length=0)\n--\n\nAs send_cmd(), but wait for this one and return its CQE; no warning." },
	{ "ring_doorbell", py_ctrlr_ring_doorbell, METH_NOARGS,
	  "ring_doorbell($self, /)\n--\n\nTell the device of admin commands that a lazy queue has not told it of." },
	{ "_power_event", py_ctrlr_power_event, METH_O,
	  "_power_event($self, lost, /)\n--\n\nFor data verification: the power went, or the drive was shut down in "
	  "order." },
	{ "ns_clear", (PyCFunction)(void (*)(void))py_ctrlr_ns_clear, METH_FASTCALL | METH_KEYWORDS,
	  "ns_clear($self, /, nsid=0xffffffff)\n--\n\nData verification forgets what was written to a namespace, or to "
	  "all." },
	{ "use_vector", py_ctrlr_use_vector, METH_O,
	  "use_vector($self, iv, /)\n--\n\nLet an interrupt vector come, for queues that the driver does not create; "
	  "False: there is none." },
	{ "get_cmd", get_cmd, METH_O,
	  "get_cmd($self, cpl, /)\n--\n\nInside of a callback: the 16 dwords of the command." },
	{ "stop_workers", stop_workers, METH_NOARGS,
	  "stop_workers($self, /)\n--\n\nEnd all ioworkers; TimeoutError after 1 s." },
	{ "set_opcode_timeout", py_ctrlr_set_opcode_timeout, METH_VARARGS,
	  "set_opcode_timeout($self, io, opcode, msec, /)\n--\n\nTimeout of an opcode in milliseconds; 0: that of the "
	  "controller." },
	{ "get_opcode_timeout", py_ctrlr_get_opcode_timeout, METH_VARARGS,
	  "get_opcode_timeout($self, io, opcode, /)\n--\n\nTimeout of an opcode in milliseconds." },
	{ "iostat", py_ctrlr_iostat, METH_NOARGS,
	  "iostat($self, /)\n--\n\n[bytes/s, IOPS] since the last call, over all queues and ioworkers of this "
	  "controller." },
	{ "totals", py_ctrlr_totals, METH_NOARGS,
	  "totals($self, /)\n--\n\n(commands, bytes, model number) so far; sends nothing." },
	{ "cmdlog_text", py_ctrlr_cmdlog, METH_VARARGS,
	  "cmdlog_text($self, sqids, count, offset, /)\n--\n\nLines of the command logs of these queues, newest "
	  "first." },
	{ NULL, NULL, 0, NULL },
};

static PyGetSetDef ctrlr_getset[] = {
	{ "cap", get_number, NULL, "Controller Capabilities (CAP), 64 bits", (void *)P_CAP },
	{ "mdts", get_number, NULL, "largest data transfer of a command in bytes (MDTS); 2**64 - 1: no limit",
	  (void *)P_MDTS },
	{ "timeout", get_number, set_timeout, "of a command, in milliseconds", (void *)P_TIMEOUT },
	{ "latest_cid", get_number, NULL, "of the last command sent", (void *)P_CID },
	{ "latest_latency", get_number, NULL, "of the last completion, in microseconds", (void *)P_LATENCY },
	{ "latest_status", get_number, NULL, "SCT << 8 | SC of the last completion", (void *)P_STATUS },
	{ "timeout_pynvme", get_backstop, set_backstop,
	  "seconds after which a wait gives up when no command is outstanding: TimeoutError", NULL },
	{ "sqids", get_sqids, NULL,
	  "identifiers of the I/O queue pairs, those of ioworkers too, in the order of their creation", NULL },
	{ "adminq", get_adminq, NULL, "(SQ address, entries, CQ address, entries) of the admin queue", NULL },
	{ "closed", get_closed, NULL, "whether it was closed", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot ctrlr_slots[] = {
	{ Py_tp_doc, "Controller(pcie, no_init=False).  NvmeEnumerateError: it does not come up." },
	{ Py_tp_init, ctrlr_init },
	{ Py_tp_dealloc, ctrlr_dealloc },
	{ Py_tp_traverse, ctrlr_traverse },
	{ Py_tp_clear, ctrlr_clear },
	{ Py_tp_methods, ctrlr_methods },
	{ Py_tp_getset, ctrlr_getset },
	{ Py_mp_subscript, py_ctrlr_reg_get },
	{ Py_mp_ass_subscript, py_ctrlr_reg_set },
	{ 0, NULL },
};

static PyType_Spec ctrlr_spec = {
	.name = "nvproof._native.Controller",
	.basicsize = sizeof(struct py_ctrlr),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
	.slots = ctrlr_slots,
};

int
py_ctrlr_setup(PyObject *m)
{
	if (py_args_intern(init_args, PY_NARGS(init_args)) < 0 || py_ctrlr_cmd_setup() < 0 || py_ctrlr_init_setup() < 0)
		return -1;
	return py_setup_type(m, "Controller", &ctrlr_spec, &py_ctrlr_type);
}
