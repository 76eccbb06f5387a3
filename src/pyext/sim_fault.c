/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults of an SSD in this process: what the control socket is for others. */
#include "nvproof/sim.h"
#include "pyext/queue.h"

#include <string.h>

/* NULL with an exception: it is none, or it is closed. */
static struct nvp_bus *
sim(PyObject *o)
{
	struct nvp_bus *bus = ((struct py_pcie *)o)->bus;

	if (bus && nvp_sim_subsys(bus))
		return bus;
	PyErr_SetString(PyExc_SystemError, "there is no open SSD in this process behind it");
	return NULL;
}

PyObject *
py_sim_fault_add(PyObject *o, PyObject *rule)
{
	struct nvp_bus *bus = sim(o);
	char err[256] = "";
	PyObject *text;
	uint32_t id;
	int rc;

	if (!bus)
		return NULL;
	text = PyUnicode_AsUTF8String(rule);
	if (!text)
		return NULL;
	rc = nvp_sim_fault_add(bus, PyBytes_AsString(text), &id, err, sizeof(err));
	Py_DECREF(text);
	if (!rc)
		return PyLong_FromUnsignedLong(id);
	PyErr_SetString(PyExc_ValueError, err[0] ? err : strerror(-rc));
	return NULL;
}

PyObject *
py_sim_fault_clear(PyObject *o, PyObject *id)
{
	struct nvp_bus *bus = sim(o);
	unsigned long which = bus ? PyLong_AsUnsignedLong(id) : 0;

	if (!bus || PyErr_Occurred())
		return NULL;
	return PyLong_FromUnsignedLong(nvp_sim_fault_clear(bus, (uint32_t)which));
}

/* [(id, rule, seen, hits)] */
PyObject *
py_sim_faults(PyObject *o, PyObject *unused)
{
	struct nvp_bus *bus = sim(o);
	PyObject *list = bus ? PyList_New(0) : NULL;
	struct nvp_sim_fault st;

	(void)unused;
	for (uint32_t i = 0; list && nvp_sim_fault(bus, i, &st); i++) {
		PyObject *one = Py_BuildValue("(IsKK)", st.id, st.rule, (unsigned long long)st.seen,
					      (unsigned long long)st.hits);

		if (!one || PyList_Append(list, one))
			Py_CLEAR(list);
		Py_XDECREF(one);
	}
	return list;
}
