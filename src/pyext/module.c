/* SPDX-License-Identifier: BSD-3-Clause */
/* The extension module nvproof._native: its classes, exceptions, and a few functions.  Importing it opens nothing. */
#include "pyext/pyext.h"

#include <pthread.h>
#include "nvproof/err.h"
#include "nvproof/sim.h"
#include "util/rng.h"

PyObject *py_exc_enumerate, *py_exc_deletion, *py_exc_shutdown, *py_exc_qpair_creation, *py_exc_qpair_deletion,
	*py_exc_ns_creation, *py_exc_ns_deletion;
struct ut_rng py_rng;
uint64_t py_seed;
uint32_t py_generation;

static const struct {
	const char *name, *doc;
	PyObject **exc;
} exceptions[] = {
	{ "NvmeEnumerateError", "A controller cannot be reached, or does not come up.", &py_exc_enumerate },
	{ "NvmeDeletionError", "A controller cannot be let go.", &py_exc_deletion },
	{ "NvmeShutdownStatusTimeoutError", "CSTS.SHST did not show a completed shutdown in time.", &py_exc_shutdown },
	{ "QpairCreationError", "An I/O queue pair cannot be created.", &py_exc_qpair_creation },
	{ "QpairDeletionError", "An I/O queue pair cannot be deleted.", &py_exc_qpair_deletion },
	{ "NamespaceCreationError", "There is no such namespace.", &py_exc_ns_creation },
	{ "NamespaceDeletionError", "A namespace cannot be let go.", &py_exc_ns_deletion },
};

void
py_object_free(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);
	freefunc tp_free = (freefunc)PyType_GetSlot(type, Py_tp_free);

	tp_free(self);
	Py_DECREF((PyObject *)type);
}

int
py_setup_type(PyObject *m, const char *name, PyType_Spec *spec, PyTypeObject **out)
{
	PyObject *type = PyType_FromModuleAndSpec(m, spec, NULL);

	*out = (PyTypeObject *)type;
	return type ? PyModule_AddObjectRef(m, name, type) : -1;
}

static PyObject *
native_srand(PyObject *m, PyObject *seed)
{
	unsigned long long v = PyLong_AsUnsignedLongLongMask(seed);

	(void)m;
	if (PyErr_Occurred())
		return NULL;
	py_seed = v;
	ut_rng_seed(&py_rng, v);
	Py_RETURN_NONE;
}

static PyObject *
name_of(PyObject *args, const char *(*lookup)(uint8_t))
{
	int opc;

	if (!PyArg_ParseTuple(args, "i:name", &opc))
		return NULL;
	return PyUnicode_FromString(lookup((uint8_t)opc));
}

static PyObject *
admin_name(PyObject *m, PyObject *args)
{
	(void)m;
	return name_of(args, nvp_admin_name);
}

static PyObject *
io_name(PyObject *m, PyObject *args)
{
	(void)m;
	return name_of(args, nvp_io_name);
}

static PyObject *
status_text(PyObject *m, PyObject *args)
{
	int status;

	(void)m;
	if (!PyArg_ParseTuple(args, "i:status_text", &status))
		return NULL;
	return PyUnicode_FromString(nvp_status_text((uint16_t)status));
}

static PyMethodDef functions[] = {
	{ "srand", native_srand, METH_O,
	  "srand($module, seed, /)\n--\n\nSeed the random numbers of buffers and ioworkers." },
	{ "admin_name", admin_name, METH_VARARGS, "admin_name($module, opcode, /)\n--\n\nName of an admin command." },
	{ "io_name", io_name, METH_VARARGS, "io_name($module, opcode, /)\n--\n\nName of an I/O command." },
	{ "status_text", status_text, METH_VARARGS,
	  "status_text($module, status, /)\n--\n\nText of a status, SCT << 8 | SC." },
	{ NULL, NULL, 0, NULL },
};

static int
add_exceptions(PyObject *m)
{
	char name[64];

	for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
		snprintf(name, sizeof(name), "nvproof.%s", exceptions[i].name);
		*exceptions[i].exc = PyErr_NewExceptionWithDoc(name, exceptions[i].doc, NULL, NULL);
		if (!*exceptions[i].exc || PyModule_AddObjectRef(m, exceptions[i].name, *exceptions[i].exc) < 0)
			return -1;
	}
	return 0;
}

/* What the parent opened is the parent's: two processes in one conversation with a device would garble it. */
static void
in_forked_child(void)
{
	py_generation++;
}

static int
module_exec(PyObject *m)
{
	static bool once;

	if (!once && pthread_atfork(NULL, NULL, in_forked_child)) {
		PyErr_NoMemory();
		return -1;
	}
	once = true;
	ut_rng_seed(&py_rng, 1);
	nvp_sim_register();
	if (add_exceptions(m) < 0 || py_cqe_setup(m) < 0 || py_buffer_setup(m) < 0 || py_pcie_setup(m) < 0)
		return -1;
	if (py_ctrlr_setup(m) < 0 || py_qpair_setup(m) < 0 || py_ns_setup(m) < 0)
		return -1;
	if (py_meta_setup(m) < 0 || py_monitor_setup(m) < 0 || py_time_setup(m) < 0 || py_cmdlog_setup(m) < 0)
		return -1;
	return py_iow_setup(m);
}

static PyModuleDef_Slot slots[] = {
	{ Py_mod_exec, module_exec },
	{ 0, NULL },
};

static struct PyModuleDef module = {
	PyModuleDef_HEAD_INIT,	.m_name = "_native", .m_doc = "The driver, as Python objects.",
	.m_methods = functions, .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__native(void)
{
	return PyModuleDef_Init(&module);
}
