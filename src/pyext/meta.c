/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What metamode (nvproof/metamode.py) cannot do in Python: look at a phase tag while the device works, deliver a completion as the
 * driver's own queues do, and print a command as their logs do.
 */
#include "pyext/queue.h"

#include "util/barrier.h"

#define SPIN 5000u /* turns with the GIL held: an answer within microseconds is not worth giving it up */

static int
relax(struct ut_clock *clk, uint32_t idle)
{
	if (idle < SPIN || clk->virtual_ns) {
		clk->relax(clk, idle);
		if (idle % 64)
			return 0;
	} else {
		Py_BEGIN_ALLOW_THREADS clk->relax(clk, idle);
		Py_END_ALLOW_THREADS
	}
	return PyErr_CheckSignals();
}

/* 1: it is so; 0: it was not until the deadline; -1 with an exception. */
static int
wait_for(struct ut_clock *clk, const uint8_t *byte, uint8_t mask, uint8_t value, uint64_t limit_ns)
{
	uint64_t end = ut_ticks(clk) + ut_ns_to_ticks(clk, limit_ns);
	bool last = false; /* look once more after the deadline: this process may have been stopped meanwhile */

	for (uint32_t idle = 0;; idle += idle < UINT32_MAX) {
		if ((ut_load(byte) & mask) == value) {
			ut_acquire_barrier(); /* the phase tag before the rest of the entry */
			return 1;
		}
		if (last)
			return 0;
		last = ut_ticks(clk) >= end;
		if (relax(clk, idle) < 0)
			return -1;
	}
}

static PyObject *
wait_byte(PyObject *m, PyObject *args)
{
	struct py_ctrlr *c;
	struct py_buffer *b;
	unsigned long long off;
	unsigned char mask, value;
	double seconds;
	int rc;

	(void)m;
	if (!PyArg_ParseTuple(args, "O!O!KBBd:wait_byte", py_ctrlr_type, &c, py_buffer_type, &b, &off, &mask, &value,
			      &seconds) ||
	    !py_ctrlr_get(c))
		return NULL;
	if (off >= b->mem.len) {
		PyErr_SetString(PyExc_IndexError, "the byte is outside of the buffer");
		return NULL;
	}
	if (!(seconds >= 0 && seconds <= 1e9)) {
		PyErr_SetString(PyExc_ValueError, "a timeout is a number of seconds");
		return NULL;
	}
	if (py_wait_enter("waitdone") < 0)
		return NULL;
	rc = wait_for(nvp_ctrlr_bus(c->c)->clock, (const uint8_t *)b->mem.va + off, mask, value,
		      (uint64_t)(seconds * 1e9));
	py_wait_leave_quiet();
	return rc < 0 ? NULL : PyBool_FromLong(rc);
}

static int
dwords(PyObject *seq, uint32_t *dw, Py_ssize_t n)
{
	for (Py_ssize_t i = 0; i < n; i++) {
		PyObject *item = PySequence_GetItem(seq, i);

		dw[i] = item ? (uint32_t)PyLong_AsUnsignedLongMask(item) : 0;
		Py_XDECREF(item);
		if (PyErr_Occurred())
			return -1;
	}
	return 0;
}

static int
cqe_of(PyObject *seq, struct nvme_cqe *cqe)
{
	uint32_t dw[4];

	if (dwords(seq, dw, 4) < 0)
		return -1;
	*cqe = (struct nvme_cqe){
		.dw0 = le32_from(dw[0]),
		.dw1 = le32_from(dw[1]),
		.sqhd = le16_from((uint16_t)dw[2]),
		.sqid = le16_from((uint16_t)(dw[2] >> 16)),
		.cid = (uint16_t)dw[3],
		.status = le16_from((uint16_t)(dw[3] >> 16)),
	};
	return 0;
}

/* The callback first, then the warning; the callback cannot wait. */
static PyObject *
complete(PyObject *m, PyObject *args)
{
	struct nvme_cqe cqe;
	PyObject *cb, *seq;
	int rc = 0;

	(void)m;
	if (!PyArg_ParseTuple(args, "OO:complete", &cb, &seq) || cqe_of(seq, &cqe) < 0 || py_wait_enter("waitdone") < 0)
		return NULL;
	if (cb != Py_None && py_callback(cb, &cqe) < 0)
		rc = py_warn_callback();
	if (!rc)
		rc = py_warn_status(py_status(&cqe));
	py_wait_leave_quiet();
	if (rc < 0)
		return NULL;
	Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
	{ "wait_byte", wait_byte, METH_VARARGS,
	  "wait_byte($module, ctrlr, buf, index, mask, value, seconds, /)\n--\n\nWait until buf[index] & mask == "
	  "value; False: it did not." },
	{ "complete", complete, METH_VARARGS,
	  "complete($module, cb, cqe, /)\n--\n\nCall cb (or None) with a completion, then warn of its status." },
	{ NULL, NULL, 0, NULL },
};

int
py_meta_setup(PyObject *m)
{
	return PyModule_AddFunctions(m, functions);
}
