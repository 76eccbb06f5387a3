/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Qpair: the interrupt of its completion queue.  MSI-X is what the driver enables, so int_*() and msix_*() are the same.
 * NVMe over PCIe Transport, "Interrupts"; PCI Local Bus Specification, "MSI-X Capability and Table Structure".
 */
#include <errno.h>
#include "pyext/qpair.h"

#define SIM_TURNS 256u /* on virtual time the device works only while somebody gives way */

static struct py_arg wait_args[] = { { "timeout", .kind = ARG_OBJ } };

static struct nvp_qpair *
get(PyObject *o)
{
	struct py_queue *pq = py_qpair_queue(o);

	return pq ? pq->q : NULL;
}

static struct ut_clock *
clock_of(PyObject *o)
{
	return nvp_ctrlr_bus(((struct py_qpair *)o)->ctrlr->c)->clock;
}

/* 0 or 1, or -1 with an exception. */
static int
answer(int rc)
{
	if (rc >= 0)
		return rc;
	if (rc == -ENOTSUP)
		PyErr_SetString(PyExc_AssertionError, "no interrupts: the queue has ien=False, or there is no MSI-X");
	else
		PyErr_Format(PyExc_SystemError, "interrupt: %s", strerror(-rc));
	return -1;
}

static int
pending(PyObject *o)
{
	struct ut_clock *clk = clock_of(o);
	struct nvp_qpair *q = get(o);
	int rc = nvp_qpair_irq_pending(q);

	for (uint32_t i = 0; !rc && clk->virtual_ns && i < SIM_TURNS; i++) {
		clk->relax(clk, i);
		rc = nvp_qpair_irq_pending(q);
	}
	return answer(rc);
}

PyObject *
py_qpair_int_isset(PyObject *o, PyObject *unused)
{
	int rc = get(o) ? pending(o) : -1;

	(void)unused;
	return rc < 0 ? NULL : PyBool_FromLong(rc);
}

PyObject *
py_qpair_int_clear(PyObject *o, PyObject *unused)
{
	struct nvp_qpair *q = get(o);

	(void)unused;
	if (!q || answer(nvp_qpair_irq_clear(q)) < 0)
		return NULL;
	Py_RETURN_NONE;
}

static PyObject *
mask(PyObject *o, bool masked)
{
	struct nvp_qpair *q = get(o);

	if (!q || answer(nvp_qpair_irq_mask(q, masked)) < 0)
		return NULL;
	Py_RETURN_NONE;
}

PyObject *
py_qpair_int_mask(PyObject *o, PyObject *unused)
{
	(void)unused;
	return mask(o, true);
}

PyObject *
py_qpair_int_unmask(PyObject *o, PyObject *unused)
{
	(void)unused;
	return mask(o, false);
}

/* An interrupt is no completion: nothing is reaped here. */
static int
wait_for(PyObject *o, double seconds)
{
	struct ut_clock *clk = clock_of(o);
	uint64_t end = ut_ticks(clk) + ut_ns_to_ticks(clk, (uint64_t)(seconds * 1e9));
	bool last = false; /* look once more after the deadline: this process may have been stopped meanwhile */

	for (uint32_t idle = 0;; idle += idle < UINT32_MAX) {
		int rc = pending(o);

		if (rc)
			return rc < 0 ? -1 : 0;
		if (last)
			break;
		last = ut_ticks(clk) >= end;
		if (clk->virtual_ns) {
			clk->relax(clk, idle);
		} else {
			Py_BEGIN_ALLOW_THREADS clk->relax(clk, idle);
			Py_END_ALLOW_THREADS
		}
		if (PyErr_CheckSignals() < 0)
			return -1;
	}
	PyErr_SetString(PyExc_TimeoutError, "no interrupt came");
	return -1;
}

PyObject *
py_qpair_wait_int(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	double seconds = 10;
	union py_val v[1];

	if (py_args("wait_msix", wait_args, 1, 0, args, nargs, kwnames, v) < 0 || !get(o))
		return NULL;
	if (v[0].obj)
		seconds = PyFloat_AsDouble(v[0].obj);
	if (PyErr_Occurred())
		return NULL;
	if (!(seconds >= 0 && seconds <= 1e9)) {
		PyErr_SetString(PyExc_ValueError, "a timeout is a number of seconds");
		return NULL;
	}
	if (py_wait_enter("wait_msix") < 0)
		return NULL;
	return py_wait_result(wait_for(o, seconds));
}

int
py_qpair_irq_setup(void)
{
	return py_args_intern(wait_args, PY_NARGS(wait_args));
}
