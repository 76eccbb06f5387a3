/* SPDX-License-Identifier: BSD-3-Clause */
/* Namespace: the methods that steer data verification. */
#include "pyext/ns.h"

#include <errno.h>
#include <string.h>

static struct py_arg enable_args[] = { { "enable", ARG_BOOL, .def = 1 } };
static struct py_arg nomapping_args[] = {
	{ "lba", .kind = ARG_U64 },
	{ "lba_count", .kind = ARG_U64 },
	{ "uncorr", .kind = ARG_BOOL },
};

static struct py_ns *namespace(PyObject *o)
{
	return (struct py_ns *)o;
}

PyObject *
py_ns_verify_enable(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	struct nvp_verify *v = py_vtab_verify(namespace(o)->vtab);
	union py_val arg[1];

	if (py_args("verify_enable", enable_args, 1, 0, args, nargs, kwnames, arg) < 0)
		return NULL;
	if (v)
		nvp_verify_enable(v, arg[0].u);
	return PyBool_FromLong(v != NULL);
}

PyObject *
py_ns_mark_nomapping(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	struct nvp_verify *v = py_vtab_verify(namespace(o)->vtab);
	union py_val arg[3];

	if (py_args("mark_nomapping", nomapping_args, 3, 2, args, nargs, kwnames, arg) < 0)
		return NULL;
	if (v)
		nvp_verify_mark(v, arg[0].u, arg[1].u, arg[2].u);
	return PyBool_FromLong(v != NULL);
}

/* --- what goes into written data --- */

static PyObject *
set_inject(PyObject *o, unsigned what, bool on)
{
	struct py_ns *ns = namespace(o);

	ns->inject = (uint8_t)(on ? ns->inject | what : ns->inject & ~what);
	Py_RETURN_TRUE;
}

static PyObject *
set_tell(PyObject *o, unsigned what, bool on)
{
	struct py_vtab *vt = namespace(o)->vtab;

	if (vt)
		py_vtab_tell(vt, what, on);
	return PyBool_FromLong(vt != NULL);
}

#define SWITCH(name, set, what)                                 \
	PyObject *py_ns_##name(PyObject *o, PyObject *on)       \
	{                                                       \
		int yes = PyObject_IsTrue(on);                  \
                                                                \
		return yes < 0 ? NULL : set(o, what, yes == 1); \
	}
SWITCH(inject_id, set_inject, NVP_INJECT_ID)
SWITCH(inject_token, set_inject, NVP_INJECT_TOKEN)
SWITCH(tell_dump, set_tell, PY_TELL_DUMP)
SWITCH(tell_log, set_tell, PY_TELL_LOG)

/* --- snapshots --- */

static PyObject *
snapshot(PyObject *o, PyObject *arg, const char *what, int (*act)(struct nvp_verify *v, const char *path))
{
	struct nvp_verify *v = py_vtab_verify(namespace(o)->vtab);
	const char *path = PyUnicode_AsUTF8AndSize(arg, NULL);
	int rc;

	if (!path)
		return NULL;
	if (!v)
		Py_RETURN_FALSE;
	rc = act(v, path);
	if (!rc)
		Py_RETURN_TRUE;
	if (rc == -EPROTO)
		PyErr_Format(PyExc_ValueError, "%s: %s is no snapshot of this version, or it is damaged", what, path);
	else if (rc == -ENXIO)
		PyErr_Format(PyExc_ValueError, "%s: %s is of a namespace of another size or format", what, path);
	else if (rc == -ENOMEM)
		PyErr_NoMemory();
	else {
		errno = -rc;
		PyErr_SetFromErrnoWithFilename(PyExc_OSError, path);
	}
	return NULL;
}

PyObject *
py_ns_save_crc(PyObject *o, PyObject *path)
{
	return snapshot(o, path, "save_crc", nvp_verify_save);
}

PyObject *
py_ns_load_crc(PyObject *o, PyObject *path)
{
	return snapshot(o, path, "load_crc", nvp_verify_load);
}

/* --- what an ioworker found --- */

void
py_ns_report(struct py_ns *ns, const struct nvp_miscompare *mis)
{
	if (ns->vtab && ns->ctrlr)
		py_vtab_report(ns->vtab, ns->ctrlr->c, mis, NULL);
}

int
py_ns_verify_setup(void)
{
	return py_args_intern(enable_args, 1) < 0 ? -1 : py_args_intern(nomapping_args, 3);
}
