/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffer: memory that host and device share, as a sequence of bytes.  The helpers that decode it (data, dump, ranges) are
 * Python, in nvproof/buffer.py.
 */
#include "pyext/pyext.h"
#include "pyext/vtab.h"

#include <structmember.h>
#include "nvproof/req.h"
#include "util/pattern.h"

PyTypeObject *py_buffer_type;

static struct py_arg init_args[] = {
	{ "length", ARG_U64, .def = 4096 },
	{ "name", .kind = ARG_OBJ },
	{ "pvalue", .kind = ARG_OBJ },
	{ "ptype", .kind = ARG_U32 },
	{ "offset", .kind = ARG_U64 },
	{ "nvme", .kind = ARG_OBJ },
	{ "fake_phys_addr", .kind = ARG_OBJ },
	{ "align", ARG_U64, .def = 4096 },
	{ "prp2", ARG_TYPE, .type = &py_buffer_type },
	{ "size", ARG_ALIAS, .def = 0 },
};
enum { A_LENGTH, A_NAME, A_PVALUE, A_PTYPE, A_OFFSET, A_NVME, A_FAKE, A_ALIGN, A_PRP2 };

static struct py_arg fill_args[] = {
	{ "pvalue", .kind = ARG_OBJ },
	{ "ptype", .kind = ARG_U32 },
};

static struct py_buffer *
buffer(PyObject *o)
{
	return (struct py_buffer *)o;
}

/* Bytes that can be indexed: up to the end of what the device sees. */
static uint64_t
visible(const struct py_buffer *b)
{
	return b->mem.va ? b->offset + b->size : 0;
}

static int
fill_from_file(struct py_buffer *b, PyObject *path)
{
	PyObject *io = PyImport_ImportModule("io");
	PyObject *f = io ? PyObject_CallMethod(io, "open", "Os", path, "rb") : NULL;
	PyObject *data = f ? PyObject_CallMethod(f, "read", "n", (Py_ssize_t)b->mem.len) : NULL;
	PyObject *closed = NULL;
	Py_ssize_t n = 0;
	char *p = NULL;
	int rc = data ? PyBytes_AsStringAndSize(data, &p, &n) : -1;

	if (!rc)
		memcpy(b->mem.va, p, (size_t)n);
	if (f && !rc)
		closed = PyObject_CallMethod(f, "close", NULL);
	Py_XDECREF(closed);
	Py_XDECREF(data);
	Py_XDECREF(f);
	Py_XDECREF(io);
	return rc;
}

static int
buffer_fill(struct py_buffer *b, uint32_t ptype, PyObject *pvalue)
{
	unsigned long v = 0;

	if (!b->mem.va) {
		PyErr_SetString(PyExc_ValueError, "Buffer has no memory: __init__() was not called");
		return -1;
	}
	if (ptype == UT_PTYPE_FILE && pvalue)
		return fill_from_file(b, pvalue);
	if (pvalue)
		v = PyLong_AsUnsignedLong(pvalue);
	if (PyErr_Occurred())
		return -1;
	if (v > UINT32_MAX || ut_pattern_fill(b->mem.va, b->mem.len, ptype, (uint32_t)v, &py_rng)) {
		PyErr_Format(PyExc_AssertionError, "no such data pattern: ptype 0x%x, pvalue %lu", ptype, v);
		return -1;
	}
	return 0;
}

static int
check_args(const union py_val *v)
{
	uint64_t align = v[A_ALIGN].u;

	if (!v[A_LENGTH].u || v[A_OFFSET].u >= v[A_LENGTH].u) {
		PyErr_SetString(PyExc_AssertionError, "Buffer(): needs a length above 0 and an offset below it");
		return -1;
	}
	if (align & (align - 1)) {
		PyErr_SetString(PyExc_AssertionError, "Buffer(): align must be a power of two");
		return -1;
	}
	return 0;
}

static int
set_fake(struct py_buffer *b, PyObject *addr)
{
	if (!addr)
		return 0;
	b->fake_addr = PyLong_AsUnsignedLongLong(addr);
	b->fake = true;
	return PyErr_Occurred() ? -1 : 0;
}

static int
host_memory(struct py_buffer *b, uint64_t len, uint64_t align)
{
	if (!nvp_buf_alloc(len, align, &b->mem))
		return 0;
	PyErr_Format(PyExc_MemoryError, "no DMA memory for a buffer of %llu bytes", (unsigned long long)len);
	return -1;
}

static int
buffer_init(PyObject *o, PyObject *args, PyObject *kwargs)
{
	struct py_buffer *b = buffer(o);
	union py_val v[PY_NARGS(init_args)];
	int rc;

	if (b->mem.va) {
		PyErr_SetString(PyExc_RuntimeError, "Buffer is initialised already");
		return -1;
	}
	if (py_args_init("Buffer", init_args, PY_NARGS(init_args), 0, args, kwargs, v) < 0 || check_args(v) < 0)
		return -1;
	if (v[A_NVME].obj)
		rc = py_buffer_cmb_alloc(b, v[A_NVME].obj, v[A_LENGTH].u, v[A_ALIGN].u);
	else
		rc = host_memory(b, v[A_LENGTH].u, v[A_ALIGN].u);
	if (rc)
		return -1;
	b->offset = v[A_OFFSET].u;
	b->size = v[A_LENGTH].u - b->offset;
	b->name = v[A_NAME].obj ? PyObject_Str(v[A_NAME].obj) : PyUnicode_FromString("buffer");
	b->prp2 = (struct py_buffer *)v[A_PRP2].obj;
	Py_XINCREF((PyObject *)b->prp2);
	if (!b->name || set_fake(b, v[A_FAKE].obj) < 0)
		return -1;
	if (!v[A_PTYPE].u && !v[A_PVALUE].obj)
		return 0;
	return buffer_fill(b, (uint32_t)v[A_PTYPE].u, v[A_PVALUE].obj);
}

static void
buffer_dealloc(PyObject *o)
{
	struct py_buffer *b = buffer(o);

	py_verify_buffer_gone(b);
	if (b->ctrlr)
		py_buffer_cmb_free(b);
	nvp_buf_free(&b->mem);
	Py_XDECREF(b->name);
	Py_XDECREF((PyObject *)b->prp2);
	py_object_free(o);
}

uint64_t
py_buffer_addr(const struct py_buffer *b)
{
	return (b->fake ? b->fake_addr : b->mem.iova) + b->offset;
}

int
py_buffer_attach(struct py_buffer *b, struct nvp_req *r, uint64_t len)
{
	struct nvp_buf mem = b->mem;
	int rc = -EINVAL;

	if (b->fake)
		mem.iova = b->fake_addr;
	if (b->prp2) {
		nvp_req_sqe(r)->prp1 = le64_from(py_buffer_addr(b));
		nvp_req_sqe(r)->prp2 = le64_from(py_buffer_addr(b->prp2));
		return 0;
	}
	if (len <= b->size && len <= UINT32_MAX)
		rc = (b->sgl ? nvp_req_data_sgl : nvp_req_data)(r, &mem, b->offset, (uint32_t)len);
	if (rc)
		PyErr_Format(PyExc_AssertionError, "%llu bytes do not fit: buffer '%U' has %llu bytes",
			     (unsigned long long)len, b->name, (unsigned long long)b->size);
	return rc ? -1 : 0;
}

/* --- a sequence of bytes --- */

static Py_ssize_t
buffer_length(PyObject *o)
{
	return (Py_ssize_t)buffer(o)->size;
}

/* 0 with *out the position, or -1 with IndexError. */
static int
position(struct py_buffer *b, PyObject *key, uint64_t *out)
{
	Py_ssize_t i = PyNumber_AsSsize_t(key, PyExc_IndexError), end = (Py_ssize_t)visible(b);

	if (i == -1 && PyErr_Occurred())
		return -1;
	if (i < 0)
		i += end;
	if (i < 0 || i >= end) {
		PyErr_Format(PyExc_IndexError, "index is outside of buffer '%U' (%zd bytes)", b->name, end);
		return -1;
	}
	*out = (uint64_t)i;
	return 0;
}

static int
slice(struct py_buffer *b, PyObject *key, Py_ssize_t *start, Py_ssize_t *step, Py_ssize_t *n)
{
	Py_ssize_t stop;

	if (PySlice_Unpack(key, start, &stop, step) < 0)
		return -1;
	*n = PySlice_AdjustIndices((Py_ssize_t)visible(b), start, &stop, *step);
	return 0;
}

static bool
is_slice(PyObject *key)
{
	return PyObject_TypeCheck(key, &PySlice_Type);
}

static PyObject *
buffer_subscript(PyObject *o, PyObject *key)
{
	struct py_buffer *b = buffer(o);
	Py_ssize_t start, step, n;
	const uint8_t *p = b->mem.va;
	PyObject *out;
	char *dst;
	uint64_t i;

	if (!is_slice(key))
		return position(b, key, &i) < 0 ? NULL : PyLong_FromLong(p[i]);
	if (slice(b, key, &start, &step, &n) < 0)
		return NULL;
	out = PyBytes_FromStringAndSize(NULL, n);
	if (!out)
		return NULL;
	dst = PyBytes_AsString(out);
	for (Py_ssize_t k = 0; k < n; k++)
		dst[k] = (char)p[start + k * step];
	return out;
}

static int
assign_slice(struct py_buffer *b, PyObject *key, PyObject *value)
{
	Py_ssize_t start, step, n, len;
	uint8_t *p = b->mem.va;
	PyObject *bytes;
	const char *src;

	if (slice(b, key, &start, &step, &n) < 0)
		return -1;
	bytes = PyBytes_FromObject(value);
	if (!bytes)
		return -1;
	len = PyBytes_Size(bytes);
	src = PyBytes_AsString(bytes);
	if (len > n) {
		PyErr_Format(PyExc_IndexError, "%zd bytes do not fit into %zd of buffer '%U'", len, n, b->name);
		Py_DECREF(bytes);
		return -1;
	}
	for (Py_ssize_t k = 0; k < len; k++)
		p[start + k * step] = (uint8_t)src[k];
	Py_DECREF(bytes);
	return 0;
}

static int
buffer_assign(PyObject *o, PyObject *key, PyObject *value)
{
	struct py_buffer *b = buffer(o);
	uint64_t i;
	long v;

	if (!value) {
		PyErr_SetString(PyExc_TypeError, "bytes of a buffer cannot be deleted");
		return -1;
	}
	if (is_slice(key))
		return assign_slice(b, key, value);
	if (position(b, key, &i) < 0)
		return -1;
	v = PyLong_AsLong(value);
	if (v == -1 && PyErr_Occurred())
		return -1;
	if (v < 0 || v > 255) {
		PyErr_SetString(PyExc_ValueError, "a byte is 0 to 255");
		return -1;
	}
	((uint8_t *)b->mem.va)[i] = (uint8_t)v;
	return 0;
}

static PyObject *
buffer_item(PyObject *o, Py_ssize_t i)
{
	struct py_buffer *b = buffer(o);

	if (i < 0 || (uint64_t)i >= visible(b)) {
		PyErr_SetString(PyExc_IndexError, "index is outside of the buffer");
		return NULL;
	}
	return PyLong_FromLong(((const uint8_t *)b->mem.va)[i]);
}

static int
buffer_getbuffer(PyObject *o, Py_buffer *view, int flags)
{
	struct py_buffer *b = buffer(o);

	if (b->ctrlr) { /* a view would outlive the mapping */
		PyErr_SetString(PyExc_BufferError, "memory of the controller has no views: use slices");
		return -1;
	}
	return PyBuffer_FillInfo(view, o, b->mem.va, (Py_ssize_t)visible(b), 0, flags);
}

static PyObject *
buffer_repr(PyObject *o)
{
	return PyUnicode_FromFormat("<buffer name: %S>", buffer(o)->name ? buffer(o)->name : Py_None);
}

/* --- attributes and methods --- */

static PyObject *
fill_pattern(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	union py_val v[2];

	if (py_args("fill_pattern", fill_args, 2, 0, args, nargs, kwnames, v) < 0)
		return NULL;
	if (buffer_fill(buffer(o), (uint32_t)v[1].u, v[0].obj) < 0)
		return NULL;
	Py_RETURN_NONE;
}

static PyObject *
get_u64(PyObject *o, void *which)
{
	struct py_buffer *b = buffer(o);

	switch ((uintptr_t)which) {
	case 0:
		return PyLong_FromUnsignedLongLong(py_buffer_addr(b));
	case 1:
		return PyLong_FromUnsignedLongLong(b->offset);
	case 2:
		return PyLong_FromUnsignedLongLong(b->size);
	default:
		return PyLong_FromUnsignedLongLong(b->mem.len);
	}
}

/* Offset and size: together never beyond the memory. */
static int
set_u64(PyObject *o, PyObject *value, void *which)
{
	struct py_buffer *b = buffer(o);
	bool is_offset = (uintptr_t)which == 1;
	uint64_t v = value ? PyLong_AsUnsignedLongLong(value) : 0;

	if (PyErr_Occurred())
		return -1;
	if (!value || v > b->mem.len - (is_offset ? 0 : b->offset) || (is_offset && v == b->mem.len)) {
		PyErr_Format(PyExc_AssertionError, "%s is beyond the %llu bytes of buffer '%U'",
			     is_offset ? "offset" : "size", (unsigned long long)b->mem.len, b->name);
		return -1;
	}
	if (is_offset) {
		b->offset = v;
		b->size = b->mem.len - v;
	} else {
		b->size = v;
	}
	return 0;
}

static PyObject *
get_name(PyObject *o, void *closure)
{
	PyObject *name = buffer(o)->name ? buffer(o)->name : Py_None;

	(void)closure;
	Py_INCREF(name);
	return name;
}

static PyObject *
get_sgl(PyObject *o, void *closure)
{
	(void)closure;
	return PyBool_FromLong(buffer(o)->sgl);
}

static int
set_sgl(PyObject *o, PyObject *value, void *closure)
{
	int truth = value ? PyObject_IsTrue(value) : 0;

	(void)closure;
	buffer(o)->sgl = truth > 0;
	return truth < 0 ? -1 : 0;
}

static PyMethodDef buffer_methods[] = {
	{ "fill_pattern", (PyCFunction)(void (*)(void))fill_pattern, METH_FASTCALL | METH_KEYWORDS,
	  "fill_pattern($self, /, pvalue=0, ptype=0)\n--\n\nFill the whole block: ptype 0 constant (pvalue 0 zeros, 1 "
	  "ones), 32 dword, 0xbeef random percent,\n0xf17e file (pvalue is the path), 0x1234 increasing, 0x4321 "
	  "decreasing words.  AssertionError: anything else." },
	{ NULL, NULL, 0, NULL },
};

static PyGetSetDef buffer_getset[] = {
	{ "phys_addr", get_u64, NULL, "the address that the device sees, offset included", (void *)0 },
	{ "offset", get_u64, set_u64, "first byte that the device sees; setting it makes size the rest", (void *)1 },
	{ "size", get_u64, set_u64, "bytes that the device sees; AssertionError beyond the memory", (void *)2 },
	{ "length", get_u64, NULL, "bytes of memory", (void *)3 },
	{ "name", get_name, NULL, "for logs and repr", NULL },
	{ "sgl", get_sgl, set_sgl, "send as an SGL instead of PRPs", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot buffer_slots[] = {
	{ Py_tp_doc, "Buffer(length=4096, name='buffer', pvalue=0, ptype=0, offset=0, nvme=None, fake_phys_addr=None, "
		     "align=4096, prp2=None)\n--\n\nZero-filled memory that the device can reach, contiguous for it." },
	{ Py_tp_init, buffer_init },
	{ Py_tp_dealloc, buffer_dealloc },
	{ Py_tp_repr, buffer_repr },
	{ Py_tp_methods, buffer_methods },
	{ Py_tp_getset, buffer_getset },
	{ Py_sq_length, buffer_length },
	{ Py_sq_item, buffer_item },
	{ Py_mp_length, buffer_length },
	{ Py_mp_subscript, buffer_subscript },
	{ Py_mp_ass_subscript, buffer_assign },
	{ Py_bf_getbuffer, buffer_getbuffer },
	{ 0, NULL },
};

static PyType_Spec buffer_spec = {
	.name = "nvproof._native.Buffer",
	.basicsize = sizeof(struct py_buffer),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.slots = buffer_slots,
};

int
py_buffer_setup(PyObject *m)
{
	if (py_args_intern(init_args, PY_NARGS(init_args)) < 0 || py_args_intern(fill_args, PY_NARGS(fill_args)) < 0)
		return -1;
	return py_setup_type(m, "Buffer", &buffer_spec, &py_buffer_type);
}
