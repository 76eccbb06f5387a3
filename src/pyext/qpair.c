/* SPDX-License-Identifier: BSD-3-Clause */
/* Qpair: an I/O submission queue with its completion queue. */
#include "pyext/qpair.h"
#include "pyext/defer.h"

#include <errno.h>

PyTypeObject *py_qpair_type;

static struct py_arg init_args[] = {
	{ "nvme", ARG_TYPE, .type = &py_ctrlr_type },
	{ "depth", .kind = ARG_U32 },
	{ "prio", .kind = ARG_U32 },
	{ "ien", ARG_BOOL, .def = 1 },
	{ "iv", ARG_U32, .def = 0xffff },
	{ "sqid", .kind = ARG_U32 },
	{ "lazy_doorbell", .kind = ARG_BOOL },
	{ "sq_buf", ARG_TYPE, .type = &py_buffer_type },
	{ "cq_buf", ARG_TYPE, .type = &py_buffer_type },
};
enum { A_NVME, A_DEPTH, A_PRIO, A_IEN, A_IV, A_SQID, A_LAZY, A_SQBUF, A_CQBUF, A_NR };

static struct py_arg waitdone_args[] = { { "expected", ARG_U32, .def = 1 } };

static struct py_qpair *
qpair(PyObject *o)
{
	return (struct py_qpair *)o;
}

static int
check_init(const union py_val *v)
{
	struct py_ctrlr *c = (struct py_ctrlr *)v[A_NVME].obj;
	uint64_t limit;

	if (!c || !py_ctrlr_get(c))
		return PyErr_Occurred() ? -1 : (PyErr_SetString(PyExc_TypeError, "Qpair(): needs a Controller"), -1);
	limit = nvme_get(nvp_ctrlr_cap(c->c), NVME_CAP_MQES) + 1;
	if (v[A_DEPTH].u < 2 || v[A_DEPTH].u > limit) {
		PyErr_Format(PyExc_AssertionError, "Qpair(): depth is 2 to %llu (CAP.MQES + 1)",
			     (unsigned long long)limit);
		return -1;
	}
	if (v[A_PRIO].u > 3 || v[A_IV].u > 0xffff || v[A_SQID].u > 0xffff) {
		PyErr_SetString(PyExc_AssertionError, "Qpair(): prio is 0 to 3, iv and sqid have 16 bits");
		return -1;
	}
	return 0;
}

/* The script's memory for a ring; its offset and fake address are as the device is to see them. */
static int
ring_memory(PyObject *obj, uint64_t len, struct nvp_buf *out)
{
	const struct py_buffer *b = (struct py_buffer *)obj;

	if (!b)
		return 0;
	if (b->size < len || !b->mem.va) {
		PyErr_Format(PyExc_AssertionError, "Qpair(): the queue needs %llu bytes, buffer '%U' has %llu",
			     (unsigned long long)len, b->name, (unsigned long long)b->size);
		return -1;
	}
	*out = (struct nvp_buf){ .va = (uint8_t *)b->mem.va + b->offset, .iova = py_buffer_addr(b), .len = b->size };
	return 0;
}

/* Memory that the device may still use, because it did not confirm a deletion, is kept as long as the controller. */
static void
keep_memory(struct py_ctrlr *c, PyObject *a, PyObject *b)
{
	if (!c->kept)
		c->kept = PyList_New(0);
	if (c->kept && (!a || !PyList_Append(c->kept, a)) && (!b || !PyList_Append(c->kept, b)))
		return;
	PyErr_Clear(); /* no memory: lost on purpose */
	Py_XINCREF(a);
	Py_XINCREF(b);
}

static void
let_go_of_memory(struct py_qpair *self, bool confirmed)
{
	if (!confirmed && self->ctrlr)
		keep_memory(self->ctrlr, self->sq_buf, self->cq_buf);
	Py_CLEAR(self->sq_buf);
	Py_CLEAR(self->cq_buf);
}

/* The device's answer is a warning, and that there is no queue an exception. */
static void
raise_creation(int rc, const struct nvme_cqe *cqe)
{
	uint16_t status = py_status(cqe);

	if (rc == -EIO && status && py_warn_status(status) < 0)
		return;
	if (rc == -ENOMEM)
		PyErr_SetString(PyExc_MemoryError, "no DMA memory for the queues");
	else if (rc == -ENOSPC)
		PyErr_SetString(py_exc_qpair_creation, "no queue identifier is left: the controller granted no more "
						       "(init_queues(), Number of Queues)");
	else if (rc == -EIO)
		PyErr_Format(py_exc_qpair_creation, "the device refused the queue: %s",
			     status ? nvp_status_text(status) : nvp_error());
	else
		PyErr_Format(py_exc_qpair_creation, "the queue cannot be created: %s", strerror(-rc));
}

static int
create(struct py_qpair *self, const union py_val *v)
{
	struct nvp_qpair_opts opts = {
		.depth = (uint32_t)v[A_DEPTH].u,
		.qid = (uint16_t)v[A_SQID].u,
		.iv = (uint16_t)v[A_IV].u,
		.prio = (uint8_t)v[A_PRIO].u,
		.ien = v[A_IEN].u,
		.lazy = v[A_LAZY].u,
	};
	struct py_ctrlr *c = (struct py_ctrlr *)v[A_NVME].obj;
	struct nvme_cqe cqe = { 0 };
	struct nvp_qpair *q;
	int rc;

	if (ring_memory(v[A_SQBUF].obj, opts.depth * sizeof(struct nvme_sqe), &opts.sq_mem) < 0 ||
	    ring_memory(v[A_CQBUF].obj, opts.depth * sizeof(struct nvme_cqe), &opts.cq_mem) < 0)
		return -1;
	rc = nvp_qpair_create(c->c, &opts, &q, &cqe);
	if (rc == -ETIMEDOUT || rc == -ENODEV)
		keep_memory(c, v[A_SQBUF].obj, v[A_CQBUF].obj);
	if (rc) {
		raise_creation(rc, &cqe);
		return -1;
	}
	self->pq = py_queue_new(c, q);
	if (!self->pq) {
		nvp_qpair_delete(q, NULL);
		return -1;
	}
	self->pq->next = c->queues;
	c->queues = self->pq;
	nvp_qpair_set_timeout_ms(q, nvp_ctrlr_timeout_ms(c->c));
	self->ctrlr = c;
	Py_INCREF((PyObject *)c);
	self->depth = opts.depth;
	self->prio = opts.prio;
	self->ien = opts.ien;
	self->sq_buf = v[A_SQBUF].obj;
	self->cq_buf = v[A_CQBUF].obj;
	Py_XINCREF(self->sq_buf);
	Py_XINCREF(self->cq_buf);
	return 0;
}

static int
qpair_init(PyObject *o, PyObject *args, PyObject *kwargs)
{
	union py_val v[A_NR];

	if (qpair(o)->ctrlr) {
		PyErr_SetString(PyExc_RuntimeError, "Qpair is initialised already");
		return -1;
	}
	if (py_args_init("Qpair", init_args, A_NR, 2, args, kwargs, v) < 0 || check_init(v) < 0)
		return -1;
	if (py_wait_enter("Qpair") < 0)
		return -1;
	if (create(qpair(o), v) < 0) {
		py_wait_leave_quiet();
		return -1;
	}
	return py_wait_leave();
}

static void
qpair_dealloc(PyObject *o)
{
	struct py_qpair *self = qpair(o);
	PyObject *type, *value, *trace;

	PyObject_GC_UnTrack(o);
	PyErr_Fetch(&type, &value, &trace);
	if (self->pq && self->pq->q) {
		py_queue_retire(self->pq);
		let_go_of_memory(self, false); /* it is deleted later */
		py_queue_bury(self->pq, self->ctrlr);
	} else {
		py_queue_free(self->pq);
	}
	let_go_of_memory(self, true);
	Py_XDECREF((PyObject *)self->ctrlr);
	PyErr_Restore(type, value, trace);
	py_object_free(o);
}

static int
qpair_traverse(PyObject *o, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(o));
	Py_VISIT((PyObject *)qpair(o)->ctrlr);
	return 0;
}

struct py_queue *
py_qpair_queue(PyObject *o)
{
	struct py_queue *pq = qpair(o)->pq;

	if (pq && pq->q && pq->generation == py_generation)
		return pq;
	PyErr_SetString(PyExc_SystemError,
			pq && pq->q ? "the queue belongs to the process that created it" : "the queue is deleted");
	return NULL;
}

static int
delete_locked(struct py_qpair *self)
{
	struct py_queue *pq = self->pq;
	struct nvme_cqe cqe = { 0 };
	uint16_t status;
	int rc;

	pq->ending = true;
	py_defer_abort(pq);
	py_queue_retire(pq);
	rc = nvp_qpair_delete(pq->q, &cqe);
	pq->q = NULL;
	let_go_of_memory(self, !rc);
	status = py_status(&cqe);
	if (rc == -EIO && status) {
		if (py_warn_status(status) < 0)
			return -1;
		PyErr_Format(py_exc_qpair_deletion, "the device does not delete the queue: %02x/%02x", status >> 8,
			     status & 0xff);
		return -1;
	}
	if (rc && rc != -ENODEV) {
		PyErr_Format(py_exc_qpair_deletion, "the queue cannot be deleted: %s", strerror(-rc));
		return -1;
	}
	return 0;
}

static PyObject *
qpair_delete(PyObject *o, PyObject *unused)
{
	(void)unused;
	if (!qpair(o)->pq || !qpair(o)->pq->q)
		Py_RETURN_NONE;
	if (qpair(o)->pq->lent) {
		PyErr_SetString(PyExc_AssertionError, "the queue cannot be deleted: an ioworker uses it");
		return NULL;
	}
	if (!py_qpair_queue(o) || py_wait_enter("delete") < 0)
		return NULL;
	if (delete_locked(qpair(o)) < 0) {
		py_wait_leave_quiet();
		return NULL;
	}
	if (py_wait_leave() < 0)
		return NULL;
	Py_RETURN_NONE;
}

static PyObject *
qpair_waitdone(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	struct py_queue *pq = py_qpair_queue(o);
	union py_val v[1];

	if (!pq || py_args("waitdone", waitdone_args, 1, 0, args, nargs, kwnames, v) < 0)
		return NULL;
	if (py_queue_waitdone(pq, (uint32_t)v[0].u, false) < 0)
		return NULL;
	return PyLong_FromUnsignedLong(pq->last_dw0);
}

static PyObject *
ring_doorbell(PyObject *o, PyObject *unused)
{
	struct py_queue *pq = py_qpair_queue(o);

	(void)unused;
	if (!pq)
		return NULL;
	nvp_qpair_ring(pq->q);
	Py_RETURN_NONE;
}

static PyObject *
qpair_repr(PyObject *o)
{
	struct py_queue *pq = qpair(o)->pq;

	return pq && pq->q ? PyUnicode_FromFormat("<qpair: %u>", nvp_qpair_id(pq->q))
			   : PyUnicode_FromString("<qpair: deleted>");
}

enum { P_DEPTH, P_PRIO, P_SQID, P_CID, P_LATENCY, P_OUTSTANDING, P_IV };

static PyObject *
get_number(PyObject *o, void *which)
{
	struct py_queue *pq = qpair(o)->pq;
	uint64_t v = 0;

	switch ((uintptr_t)which) {
	case P_DEPTH:
		v = qpair(o)->depth;
		break;
	case P_PRIO:
		v = qpair(o)->prio;
		break;
	case P_SQID:
		v = pq && pq->q ? nvp_qpair_id(pq->q) : 0;
		break;
	case P_CID:
		v = pq ? pq->last_cid : 0;
		break;
	case P_LATENCY:
		v = pq ? pq->last_latency_ns / 1000 : 0;
		break;
	case P_IV:
		v = pq && pq->q ? nvp_qpair_vector(pq->q) : 0xffff;
		break;
	case P_OUTSTANDING:
		v = pq && pq->q ? nvp_qpair_outstanding(pq->q) : 0;
		break;
	}
	return PyLong_FromUnsignedLongLong(v);
}

static PyObject *
get_nvme(PyObject *o, void *closure)
{
	PyObject *c = qpair(o)->ctrlr ? (PyObject *)qpair(o)->ctrlr : Py_None;

	(void)closure;
	Py_INCREF(c);
	return c;
}

static PyObject *
get_ien(PyObject *o, void *closure)
{
	(void)closure;
	return PyBool_FromLong(qpair(o)->ien);
}

#define INTERRUPT(prefix)                                                                                         \
	{ prefix "_isset", py_qpair_int_isset, METH_NOARGS,                                                       \
	  prefix "_isset($self, /)\n--\n\nWhether an interrupt came since " prefix                                \
		 "_clear().  AssertionError: ien is False." },                                                    \
		{ prefix "_clear", py_qpair_int_clear, METH_NOARGS,                                               \
		  prefix "_clear($self, /)\n--\n\nForget interrupts that came." },                                \
		{ prefix "_mask", py_qpair_int_mask, METH_NOARGS,                                                 \
		  prefix "_mask($self, /)\n--\n\nMask the queue's vector in the MSI-X table: interrupts wait." }, \
		{ prefix "_unmask", py_qpair_int_unmask, METH_NOARGS,                                             \
		  prefix "_unmask($self, /)\n--\n\nUnmask it: one that waited comes." },                          \
	{                                                                                                         \
		"wait_" prefix, (PyCFunction)(void (*)(void))py_qpair_wait_int, METH_FASTCALL | METH_KEYWORDS,    \
			"wait_" prefix "($self, /, timeout=10)\n--\n\nWait for an interrupt, at most `timeout` "  \
			"seconds: TimeoutError."                                                                  \
	}

static PyMethodDef qpair_methods[] = {
	{ "waitdone", (PyCFunction)(void (*)(void))qpair_waitdone, METH_FASTCALL | METH_KEYWORDS,
	  "waitdone($self, /, expected=1)\n--\n\nReap exactly `expected` commands and run their callbacks; dword 0 of "
	  "the last completion.\nAssertionError: inside of a callback, or fewer are outstanding.  SystemError: the "
	  "device is gone." },
	{ "delete", qpair_delete, METH_NOARGS,
	  "delete($self, /)\n--\n\nDelete both queues on the device.  QpairDeletionError: it refuses, after its "
	  "warning; the object is deleted all the same." },
	{ "ring_doorbell", ring_doorbell, METH_NOARGS,
	  "ring_doorbell($self, /)\n--\n\nWith lazy_doorbell: tell the device now." },
	INTERRUPT("int"),
	INTERRUPT("msix"),
	{ NULL, NULL, 0, NULL },
};

static PyGetSetDef qpair_getset[] = {
	{ "depth", get_number, NULL, "entries; depth - 1 commands can be outstanding", (void *)P_DEPTH },
	{ "prio", get_number, NULL, "SQ priority, 0 urgent to 3 low", (void *)P_PRIO },
	{ "sqid", get_number, NULL, "queue identifier; 0: deleted", (void *)P_SQID },
	{ "latest_cid", get_number, NULL, "of the last command sent", (void *)P_CID },
	{ "latest_latency", get_number, NULL, "of the last completion, in microseconds", (void *)P_LATENCY },
	{ "outstanding", get_number, NULL, "commands that the device has", (void *)P_OUTSTANDING },
	{ "iv", get_number, NULL, "interrupt vector; 0xffff: none", (void *)P_IV },
	{ "ien", get_ien, NULL, "whether the completion queue has interrupts", NULL },
	{ "nvme", get_nvme, NULL, "the Controller that it was made with", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot qpair_slots[] = {
	{ Py_tp_doc,
	  "Qpair(nvme, depth, prio=0, ien=True, iv=0xffff, sqid=0, lazy_doorbell=False, sq_buf=None, "
	  "cq_buf=None)\n--\n\n"
	  "iv 0xffff and sqid 0: the driver chooses.  AssertionError: depth; QpairCreationError: the device refuses." },
	{ Py_tp_init, qpair_init },
	{ Py_tp_dealloc, qpair_dealloc },
	{ Py_tp_traverse, qpair_traverse },
	{ Py_tp_repr, qpair_repr },
	{ Py_tp_methods, qpair_methods },
	{ Py_tp_getset, qpair_getset },
	{ 0, NULL },
};

static PyType_Spec qpair_spec = {
	.name = "nvproof._native.Qpair",
	.basicsize = sizeof(struct py_qpair),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
	.slots = qpair_slots,
};

int
py_qpair_setup(PyObject *m)
{
	if (py_args_intern(init_args, A_NR) < 0 || py_args_intern(waitdone_args, 1) < 0 || py_qpair_irq_setup() < 0)
		return -1;
	return py_setup_type(m, "Qpair", &qpair_spec, &py_qpair_type);
}
