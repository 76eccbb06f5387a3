/* SPDX-License-Identifier: BSD-3-Clause */
/* CQE: a completion as four dwords in a sequence, and its fields as attributes.  NVMe Base, "Common Completion Queue Entry". */
#include "pyext/pyext.h"

#include <structmember.h>

struct py_cqe {
	PyObject_HEAD uint32_t dw[4];
};

PyTypeObject *py_cqe_type;

PyObject *
py_cqe_new(const struct nvme_cqe *cqe)
{
	struct py_cqe *self = (struct py_cqe *)PyType_GenericAlloc(py_cqe_type, 0);

	if (!self)
		return NULL;
	self->dw[0] = le32_get(cqe->dw0);
	self->dw[1] = le32_get(cqe->dw1);
	self->dw[2] = le16_get(cqe->sqhd) | (uint32_t)le16_get(cqe->sqid) << 16;
	self->dw[3] = cqe->cid | (uint32_t)le16_get(cqe->status) << 16;
	return (PyObject *)self;
}

static int
cqe_init(PyObject *o, PyObject *args, PyObject *kwargs)
{
	struct py_cqe *self = (struct py_cqe *)o;
	PyObject *seq;

	if (kwargs && PyDict_Size(kwargs)) {
		PyErr_SetString(PyExc_TypeError, "CQE() takes a list of 4 dwords");
		return -1;
	}
	if (!PyArg_ParseTuple(args, "O:CQE", &seq))
		return -1;
	if (PySequence_Size(seq) != 4) {
		if (!PyErr_Occurred())
			PyErr_SetString(PyExc_ValueError, "CQE() takes a list of 4 dwords");
		return -1;
	}
	for (int i = 0; i < 4; i++) {
		PyObject *item = PySequence_GetItem(seq, i);
		unsigned long v = item ? PyLong_AsUnsignedLong(item) : 0;

		Py_XDECREF(item);
		if (PyErr_Occurred())
			return -1;
		self->dw[i] = (uint32_t)v;
	}
	return 0;
}

static void
cqe_dealloc(PyObject *o)
{
	py_object_free(o);
}

static Py_ssize_t
cqe_length(PyObject *o)
{
	(void)o;
	return 4;
}

static PyObject *
cqe_item(PyObject *o, Py_ssize_t i)
{
	if (i < 0 || i > 3) {
		PyErr_SetString(PyExc_IndexError, "a completion has 4 dwords");
		return NULL;
	}
	return PyLong_FromUnsignedLong(((struct py_cqe *)o)->dw[i]);
}

static PyObject *
cqe_list(PyObject *o)
{
	const uint32_t *dw = ((struct py_cqe *)o)->dw;

	return Py_BuildValue("[IIII]", dw[0], dw[1], dw[2], dw[3]);
}

static PyObject *
cqe_subscript(PyObject *o, PyObject *key)
{
	PyObject *list, *r;

	if (PyLong_Check(key)) {
		Py_ssize_t i = PyLong_AsSsize_t(key);

		if (i == -1 && PyErr_Occurred())
			return NULL;
		return cqe_item(o, i < 0 ? i + 4 : i);
	}
	list = cqe_list(o);
	r = list ? PyObject_GetItem(list, key) : NULL;
	Py_XDECREF(list);
	return r;
}

/* Equal to any sequence of the same four numbers. */
static PyObject *
cqe_compare(PyObject *a, PyObject *b, int op)
{
	PyObject *la, *lb, *r = NULL;

	if ((op != Py_EQ && op != Py_NE) || !PySequence_Check(b))
		Py_RETURN_NOTIMPLEMENTED;
	la = PySequence_List(a);
	lb = PySequence_List(b);
	if (la && lb)
		r = PyObject_RichCompare(la, lb, op);
	Py_XDECREF(la);
	Py_XDECREF(lb);
	return r;
}

static PyObject *
cqe_repr(PyObject *o)
{
	const uint32_t *dw = ((struct py_cqe *)o)->dw;
	char text[96];

	snprintf(text, sizeof(text), "<CQE: 0x%08x, 0x%08x, 0x%08x, 0x%08x>", dw[0], dw[1], dw[2], dw[3]);
	return PyUnicode_FromString(text);
}

/* The closure of a getter: dword, lowest bit, width. */
#define FIELD(dw, lo, width) ((void *)(uintptr_t)((dw) << 16 | (lo) << 8 | (width)))

static PyObject *
cqe_field(PyObject *o, void *closure)
{
	uintptr_t f = (uintptr_t)closure;
	uint64_t v = ((struct py_cqe *)o)->dw[f >> 16] >> (f >> 8 & 0xff);

	return PyLong_FromUnsignedLongLong(v & ((1ull << (f & 0xff)) - 1));
}

static PyGetSetDef cqe_getset[] = {
	{ "cdw0", cqe_field, NULL, "dword 0: the command's result", FIELD(0, 0, 32) },
	{ "cdw1", cqe_field, NULL, "dword 1: of the command set", FIELD(1, 0, 32) },
	{ "sqhd", cqe_field, NULL, "submission queue head", FIELD(2, 0, 16) },
	{ "sqid", cqe_field, NULL, "submission queue identifier", FIELD(2, 16, 16) },
	{ "cid", cqe_field, NULL, "command identifier", FIELD(3, 0, 16) },
	{ "p", cqe_field, NULL, "phase tag (P): changes with each round of the queue", FIELD(3, 16, 1) },
	{ "status", cqe_field, NULL, "SCT << 8 | SC; 0 is success", FIELD(3, 17, 11) },
	{ "sc", cqe_field, NULL, "status code (SC) in its type", FIELD(3, 17, 8) },
	{ "sct", cqe_field, NULL, "status code type", FIELD(3, 25, 3) },
	{ "crd", cqe_field, NULL, "command retry delay", FIELD(3, 28, 2) },
	{ "m", cqe_field, NULL, "more: the error log has an entry", FIELD(3, 30, 1) },
	{ "dnr", cqe_field, NULL, "do not retry (DNR)", FIELD(3, 31, 1) },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot cqe_slots[] = {
	{ Py_tp_doc, "CQE(dwords)\n--\n\nA completion queue entry, a sequence of 4 dwords with named fields." },
	{ Py_tp_init, cqe_init },
	{ Py_tp_dealloc, cqe_dealloc },
	{ Py_tp_repr, cqe_repr },
	{ Py_tp_richcompare, cqe_compare },
	{ Py_tp_hash, PyObject_HashNotImplemented },
	{ Py_tp_getset, cqe_getset },
	{ Py_sq_length, cqe_length },
	{ Py_sq_item, cqe_item },
	{ Py_mp_length, cqe_length },
	{ Py_mp_subscript, cqe_subscript },
	{ 0, NULL },
};

static PyType_Spec cqe_spec = {
	.name = "nvproof._native.CQE",
	.basicsize = sizeof(struct py_cqe),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = cqe_slots,
};

int
py_cqe_setup(PyObject *m)
{
	return py_setup_type(m, "CQE", &cqe_spec, &py_cqe_type);
}
