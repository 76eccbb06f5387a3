/* SPDX-License-Identifier: BSD-3-Clause */
/* Pcie: how a device is reached.  Bytes in and out of configuration space and BARs, resets; the rest is nvproof/pcie.py. */
#include "nvproof/sim.h"
#include "pyext/queue.h"

#include <structmember.h>

#define MAX_ACCESS 4096u

PyTypeObject *py_pcie_type;

static struct py_pcie *
pcie(PyObject *o)
{
	return (struct py_pcie *)o;
}

static struct nvp_bus *
get_bus(PyObject *o)
{
	if (!pcie(o)->bus)
		PyErr_SetString(PyExc_SystemError, "the device is closed");
	else if (pcie(o)->generation != py_generation)
		PyErr_SetString(PyExc_SystemError,
				"the device belongs to the process that opened it; open it here again");
	else
		return pcie(o)->bus;
	return NULL;
}

static int
pcie_init(PyObject *o, PyObject *args, PyObject *kwargs)
{
	struct nvp_bus *bus = NULL;
	const char *addr;
	int rc;

	if ((kwargs && PyDict_Size(kwargs)) || !PyArg_ParseTuple(args, "s:Pcie", &addr))
		return PyErr_Occurred() ? -1 : (PyErr_SetString(PyExc_TypeError, "Pcie(addr)"), -1);
	if (pcie(o)->bus) {
		PyErr_SetString(PyExc_RuntimeError, "Pcie is open already");
		return -1;
	}
	Py_BEGIN_ALLOW_THREADS rc = nvp_bus_open(addr, &bus);
	Py_END_ALLOW_THREADS if (rc)
	{
		const char *why = nvp_bus_error();

		PyErr_Format(py_exc_enumerate, "%s", why && *why ? why : strerror(-rc));
		return -1;
	}
	pcie(o)->bus = bus;
	pcie(o)->generation = py_generation;
	return 0;
}

/* In a forked child the objects vanish, and the device does not notice. */
static void
pcie_shut(struct py_pcie *p)
{
	if (p->generation != py_generation)
		return;
	while (p->ctrlrs)
		py_ctrlr_shut(p->ctrlrs);
	nvp_bus_close(p->bus);
	p->bus = NULL;
}

/* Controllers hold a reference, so none is left here. */
static void
pcie_dealloc(PyObject *o)
{
	PyObject_GC_UnTrack(o);
	pcie_shut(pcie(o));
	py_object_free(o);
}

static int
pcie_traverse(PyObject *o, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(o));
	return 0;
}

static PyObject *
pcie_close(PyObject *o, PyObject *unused)
{
	(void)unused;
	if (!pcie(o)->bus)
		Py_RETURN_NONE;
	if (py_wait_enter("close") < 0)
		return NULL;
	pcie_shut(pcie(o));
	if (py_wait_leave() < 0)
		return NULL;
	Py_RETURN_NONE;
}

static int
failed(int rc, const char *what, unsigned long long off)
{
	char where[24];

	if (!rc)
		return 0;
	snprintf(where, sizeof(where), "0x%llx", off); /* which PyErr_Format() cannot print */
	PyErr_Format(PyExc_SystemError, "%s at %s: %s", what, where, strerror(-rc));
	return -1;
}

static int
bad_range(unsigned long long off, Py_ssize_t len)
{
	if (len > 0 && len <= (Py_ssize_t)MAX_ACCESS && off <= UINT32_MAX)
		return 0;
	PyErr_SetString(PyExc_IndexError, "access outside of the device's space");
	return -1;
}

static PyObject *
cfg_read(PyObject *o, PyObject *args)
{
	uint8_t data[MAX_ACCESS];
	unsigned long long off;
	Py_ssize_t len;

	if (!PyArg_ParseTuple(args, "Kn:cfg_read", &off, &len) || bad_range(off, len) < 0 || !get_bus(o))
		return NULL;
	if (failed(pcie(o)->bus->ops->cfg_read(pcie(o)->bus, (uint32_t)off, data, (uint32_t)len), "cfg read", off) < 0)
		return NULL;
	return PyBytes_FromStringAndSize((char *)data, len);
}

static PyObject *
cfg_write(PyObject *o, PyObject *args)
{
	unsigned long long off;
	const char *data;
	Py_ssize_t len;

	if (!PyArg_ParseTuple(args, "Ky#:cfg_write", &off, &data, &len) || bad_range(off, len) < 0 || !get_bus(o))
		return NULL;
	if (failed(pcie(o)->bus->ops->cfg_write(pcie(o)->bus, (uint32_t)off, data, (uint32_t)len), "cfg write", off) <
	    0)
		return NULL;
	Py_RETURN_NONE;
}

static PyObject *
bar_read(PyObject *o, PyObject *args)
{
	uint8_t data[MAX_ACCESS];
	unsigned long long off;
	Py_ssize_t len;

	if (!PyArg_ParseTuple(args, "Kn:bar_read", &off, &len) || bad_range(off, len) < 0 || !get_bus(o))
		return NULL;
	if (failed(pcie(o)->bus->ops->bar_read(pcie(o)->bus, 0, off, data, (uint32_t)len), "BAR0 read", off) < 0)
		return NULL;
	return PyBytes_FromStringAndSize((char *)data, len);
}

static PyObject *
bar_write(PyObject *o, PyObject *args)
{
	unsigned long long off;
	const char *data;
	Py_ssize_t len;

	if (!PyArg_ParseTuple(args, "Ky#:bar_write", &off, &data, &len) || bad_range(off, len) < 0 || !get_bus(o))
		return NULL;
	if (failed(pcie(o)->bus->ops->bar_write(pcie(o)->bus, 0, off, data, (uint32_t)len), "BAR0 write", off) < 0)
		return NULL;
	Py_RETURN_NONE;
}

static PyObject *
pcie_reset_device(PyObject *o, PyObject *args)
{
	int kind, rc;

	if (!PyArg_ParseTuple(args, "i:reset_device", &kind) || !get_bus(o))
		return NULL;
	if (kind < NVP_RESET_FUNCTION || kind > NVP_RESET_RESCAN) {
		PyErr_SetString(PyExc_ValueError, "no such kind of reset");
		return NULL;
	}
	for (struct py_ctrlr *c = pcie(o)->ctrlrs; c; c = c->next)
		if (py_iow_stop_all(c, 1000) < 0)
			return NULL;
	nvp_bus_set_error("%s", "");
	rc = pcie(o)->bus->ops->reset(pcie(o)->bus, (enum nvp_reset)kind);
	if (!rc)
		Py_RETURN_NONE;
	PyErr_Format(PyExc_SystemError, "reset: %s", nvp_bus_error()[0] ? nvp_bus_error() : strerror(-rc));
	return NULL;
}

/* An SSD in this process has no other switch. */
static PyObject *
sim_power(PyObject *o, PyObject *on)
{
	int truth = PyObject_IsTrue(on);

	if (truth < 0 || !get_bus(o))
		return NULL;
	return PyBool_FromLong(!nvp_sim_power(pcie(o)->bus, truth));
}

static PyObject *
get_addr(PyObject *o, void *closure)
{
	(void)closure;
	return get_bus(o) ? PyUnicode_FromString(pcie(o)->bus->addr) : NULL;
}

static PyObject *
get_closed(PyObject *o, void *closure)
{
	(void)closure;
	return PyBool_FromLong(!pcie(o)->bus);
}

static PyObject *
use_msi(PyObject *o, PyObject *unused)
{
	struct nvp_bus *bus = get_bus(o);

	(void)unused;
	if (!bus)
		return NULL;
	bus->msi = bus->ops->has_msi;
	return PyBool_FromLong(bus->msi);
}

static PyMethodDef pcie_methods[] = {
	{ "close", pcie_close, METH_NOARGS,
	  "close($self, /)\n--\n\nGive the device back; its controllers are closed first." },
	{ "cfg_read", cfg_read, METH_VARARGS,
	  "cfg_read($self, offset, length, /)\n--\n\nBytes of configuration space." },
	{ "cfg_write", cfg_write, METH_VARARGS,
	  "cfg_write($self, offset, data, /)\n--\n\nWrite bytes of configuration space." },
	{ "bar_read", bar_read, METH_VARARGS,
	  "bar_read($self, offset, length, /)\n--\n\nOne read of BAR0, length 1, 2, 4 or 8." },
	{ "bar_write", bar_write, METH_VARARGS, "bar_write($self, offset, data, /)\n--\n\nOne write of BAR0." },
	{ "use_msi", use_msi, METH_NOARGS,
	  "use_msi($self, /)\n--\n\nInterrupts are MSI from now on, not MSI-X; False: not on this bus." },
	{ "reset_device", pcie_reset_device, METH_VARARGS,
	  "reset_device($self, kind, /)\n--\n\n0: function level, 1: hot, 2: link disable and enable, 3: removed and "
	  "found again." },
	{ "sim_power", sim_power, METH_O,
	  "sim_power($self, on, /)\n--\n\nPower of an SSD in this process; False: it is none." },
	{ "sim_fault_add", py_sim_fault_add, METH_O,
	  "sim_fault_add($self, rule, /)\n--\n\nArm a rule on an SSD in this process; its number.  ValueError: what is "
	  "allowed." },
	{ "sim_fault_clear", py_sim_fault_clear, METH_O,
	  "sim_fault_clear($self, id, /)\n--\n\nDisarm it, 0: all; how many there were." },
	{ "sim_faults", py_sim_faults, METH_NOARGS, "sim_faults($self, /)\n--\n\n[(id, rule, seen, hits)]" },
	{ NULL, NULL, 0, NULL },
};

static PyGetSetDef pcie_getset[] = {
	{ "addr", get_addr, NULL, "the address as opened", NULL },
	{ "closed", get_closed, NULL, "whether close() was called", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot pcie_slots[] = {
	{ Py_tp_doc, "Pcie(addr): a device, not yet a controller.  NvmeEnumerateError: it cannot be reached." },
	{ Py_tp_init, pcie_init },
	{ Py_tp_dealloc, pcie_dealloc },
	{ Py_tp_traverse, pcie_traverse },
	{ Py_tp_methods, pcie_methods },
	{ Py_tp_getset, pcie_getset },
	{ 0, NULL },
};

static PyType_Spec pcie_spec = {
	.name = "nvproof._native.Pcie",
	.basicsize = sizeof(struct py_pcie),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
	.slots = pcie_slots,
};

int
py_pcie_setup(PyObject *m)
{
	return py_setup_type(m, "Pcie", &pcie_spec, &py_pcie_type);
}
