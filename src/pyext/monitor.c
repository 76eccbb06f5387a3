/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Monitors (nvproof/monitor.py) are functions of the script that run now and then in a thread of their own and use the admin
 * queue.  While one runs, whoever else wants to send or wait is held up; it begins only when nobody is in a wait and no admin command
 * is left to wait for, so that it never takes a completion that somebody else expects.  One that finds no such moment asks for it.
 */
#include "pyext/queue.h"

#define GIVE_WAY 5u /* milliseconds that a monitor has to take what it asked for */

unsigned long py_monitor_owner;
bool py_monitor_wanted;

/* A script that sends and waits all the time leaves no moment between: it makes one, outside of waits. */
static void
give_way(void)
{
	struct ut_clock *clk = ut_clock_real();

	for (unsigned i = 0; i < GIVE_WAY && py_monitor_wanted && !py_monitor_owner && !py_waiting(); i++) {
		Py_BEGIN_ALLOW_THREADS clk->relax(clk, 1u << 20); /* about a millisecond */
		Py_END_ALLOW_THREADS
	}
	py_monitor_wanted = false;
}

int
py_monitor_wait(void)
{
	unsigned long me = PyThread_get_thread_ident();
	struct ut_clock *clk = ut_clock_real();

	if (py_monitor_wanted && py_monitor_owner != me)
		give_way();
	while (py_monitor_owner && py_monitor_owner != me) {
		Py_BEGIN_ALLOW_THREADS clk->relax(clk, 1u << 20); /* about a millisecond */
		Py_END_ALLOW_THREADS if (PyErr_CheckSignals() < 0) return -1;
	}
	return 0;
}

/* True: this thread has the device for itself until monitor_end(). */
static PyObject *
monitor_begin(PyObject *m, PyObject *arg)
{
	struct py_ctrlr *c = (struct py_ctrlr *)arg;

	(void)m;
	if (!PyObject_TypeCheck(arg, py_ctrlr_type)) {
		PyErr_SetString(PyExc_TypeError, "monitor_begin() needs a Controller");
		return NULL;
	}
	if (py_monitor_owner || !c->c || !c->adminq || !py_queue_quiet(c->adminq))
		Py_RETURN_FALSE;
	if (py_waiting()) {
		py_monitor_wanted = true;
		Py_RETURN_FALSE;
	}
	py_monitor_wanted = false;
	py_monitor_owner = PyThread_get_thread_ident();
	Py_RETURN_TRUE;
}

static PyObject *
monitor_end(PyObject *m, PyObject *unused)
{
	(void)m;
	(void)unused;
	if (py_monitor_owner == PyThread_get_thread_ident())
		py_monitor_owner = 0;
	Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
	{ "monitor_begin", monitor_begin, METH_O,
	  "monitor_begin($module, ctrlr, /)\n--\n\nHold up all other threads; False: not now." },
	{ "monitor_end", monitor_end, METH_NOARGS, "monitor_end($module, /)\n--\n\nLet them go on." },
	{ NULL, NULL, 0, NULL },
};

int
py_monitor_setup(PyObject *m)
{
	return PyModule_AddFunctions(m, functions);
}
