/* SPDX-License-Identifier: BSD-3-Clause */
/* The device's clock, for code in Python that waits: virtual time passes only while somebody gives way to the device. */
#include "pyext/pyext.h"

#define MAX_SECONDS 1e9

static struct ut_clock *
clock_of(PyObject *o)
{
	struct nvp_ctrlr *c;

	if (!PyObject_TypeCheck(o, py_ctrlr_type)) {
		PyErr_SetString(PyExc_TypeError, "a Controller is needed");
		return NULL;
	}
	c = py_ctrlr_get((struct py_ctrlr *)o);
	return c ? nvp_ctrlr_bus(c)->clock : NULL;
}

static PyObject *
now(PyObject *m, PyObject *o)
{
	struct ut_clock *clk = clock_of(o);

	(void)m;
	return clk ? PyFloat_FromDouble((double)ut_now_ns(clk) / 1e9) : NULL;
}

static int
sleep_until(struct ut_clock *clk, uint64_t end)
{
	for (uint32_t idle = 0; ut_now_ns(clk) < end; idle += idle < UINT32_MAX) {
		if (clk->virtual_ns) {
			clk->relax(clk, idle);
		} else {
			Py_BEGIN_ALLOW_THREADS clk->relax(clk, UINT32_MAX);
			Py_END_ALLOW_THREADS
		}
		if (PyErr_CheckSignals() < 0)
			return -1;
	}
	return 0;
}

static PyObject *
pause_for(PyObject *m, PyObject *args)
{
	struct ut_clock *clk;
	PyObject *ctrlr;
	double seconds;

	(void)m;
	if (!PyArg_ParseTuple(args, "Od:pause", &ctrlr, &seconds))
		return NULL;
	if (!(seconds >= 0 && seconds <= MAX_SECONDS)) {
		PyErr_SetString(PyExc_ValueError, "a pause is a number of seconds");
		return NULL;
	}
	clk = clock_of(ctrlr);
	if (!clk || sleep_until(clk, ut_now_ns(clk) + (uint64_t)(seconds * 1e9)) < 0)
		return NULL;
	Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
	{ "now", now, METH_O, "now($module, ctrlr, /)\n--\n\nSeconds of the clock that the device goes by." },
	{ "pause", pause_for, METH_VARARGS, "pause($module, ctrlr, seconds, /)\n--\n\nLet time pass." },
	{ NULL, NULL, 0, NULL },
};

int
py_time_setup(PyObject *m)
{
	return PyModule_AddFunctions(m, functions);
}
