/* SPDX-License-Identifier: BSD-3-Clause */
/* Controller: registers as nvme0[offset], and the timeouts of single opcodes. */
#include "pyext/ctrlr.h"

#include "util/alloc.h"

static struct py_ctrlr *
ctrlr(PyObject *o)
{
	return (struct py_ctrlr *)o;
}

static int
reg_offset(PyObject *key, uint32_t *off)
{
	unsigned long v = PyLong_Check(key) ? PyLong_AsUnsignedLong(key) : 1;

	if (PyErr_Occurred() || !PyLong_Check(key) || v % 4 || v > UINT32_MAX) {
		PyErr_SetString(PyExc_AssertionError, "a register's offset is a multiple of 4");
		return -1;
	}
	*off = (uint32_t)v;
	return 0;
}

PyObject *
py_ctrlr_reg_get(PyObject *o, PyObject *key)
{
	uint32_t off, val;
	int rc;

	if (reg_offset(key, &off) < 0 || !py_ctrlr_get(ctrlr(o)))
		return NULL;
	rc = nvp_reg_read32(ctrlr(o)->c, off, &val);
	if (!rc)
		return PyLong_FromUnsignedLong(val);
	PyErr_Format(PyExc_SystemError, "register 0x%x cannot be read: %s", off, strerror(-rc));
	return NULL;
}

int
py_ctrlr_reg_set(PyObject *o, PyObject *key, PyObject *value)
{
	unsigned long v;
	uint32_t off;
	int rc;

	if (!value || reg_offset(key, &off) < 0 || !py_ctrlr_get(ctrlr(o)))
		return -1;
	v = PyLong_AsUnsignedLong(value);
	if (PyErr_Occurred())
		return -1;
	if (v > UINT32_MAX) {
		PyErr_SetString(PyExc_OverflowError, "a register has 32 bits");
		return -1;
	}
	rc = nvp_reg_write32(ctrlr(o)->c, off, (uint32_t)v);
	if (rc)
		PyErr_Format(PyExc_SystemError, "register 0x%x cannot be written: %s", off, strerror(-rc));
	return rc ? -1 : 0;
}

uint32_t
py_ctrlr_timeout(const struct py_ctrlr *self, bool io, uint8_t opc)
{
	return self->opc_timeout_ms[io] ? self->opc_timeout_ms[io][opc] : 0;
}

PyObject *
py_ctrlr_set_opcode_timeout(PyObject *o, PyObject *args)
{
	struct py_ctrlr *self = ctrlr(o);
	int io, opc;
	unsigned int ms;

	if (!PyArg_ParseTuple(args, "piI:set_opcode_timeout", &io, &opc, &ms))
		return NULL;
	if (opc < 0 || opc > 255) {
		PyErr_SetString(PyExc_AssertionError, "an opcode is 0 to 255");
		return NULL;
	}
	if (!self->opc_timeout_ms[io])
		self->opc_timeout_ms[io] = ut_calloc(256, sizeof(uint32_t));
	if (!self->opc_timeout_ms[io])
		return PyErr_NoMemory();
	self->opc_timeout_ms[io][opc] = ms;
	Py_RETURN_NONE;
}

PyObject *
py_ctrlr_get_opcode_timeout(PyObject *o, PyObject *args)
{
	int io, opc;
	uint32_t ms;

	if (!PyArg_ParseTuple(args, "pi:get_opcode_timeout", &io, &opc) || !py_ctrlr_get(ctrlr(o)))
		return NULL;
	ms = opc >= 0 && opc < 256 ? py_ctrlr_timeout(ctrlr(o), io, (uint8_t)opc) : 0;
	return PyLong_FromUnsignedLong(ms ? ms : nvp_ctrlr_timeout_ms(ctrlr(o)->c));
}
