/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two forms of callbacks are in the field: cb(cqe) and cb(cdw0, status1).  Which one it is is read from the callable,
 * never tried out: a TypeError raised inside a callback is the script's own.  What was read is kept per code object,
 * since scripts pass the same lambda again and again.
 */
#include "pyext/pyext.h"

#define CO_VARARGS 0x04

static PyObject *known_code, *function_type; /* references */
static int known_args;

/* An int attribute of a code object; -1 without an exception when there is none. */
static long
int_attr(PyObject *o, const char *name)
{
	PyObject *v = PyObject_GetAttrString(o, name);
	long n = v ? PyLong_AsLong(v) : -1;

	Py_XDECREF(v);
	PyErr_Clear();
	return n;
}

static long
tuple_attr_len(PyObject *o, const char *name)
{
	PyObject *v = PyObject_GetAttrString(o, name);
	long n = v && PyTuple_Check(v) ? (long)PyTuple_Size(v) : 0;

	Py_XDECREF(v);
	PyErr_Clear();
	return n;
}

/* How many arguments to pass to a Python function: 1 when it can take one, else 2. */
static int
function_args(PyObject *func, PyObject *code, long bound)
{
	long argc = int_attr(code, "co_argcount") - bound;
	long required = argc - tuple_attr_len(func, "__defaults__");

	if (required <= 1 && (argc >= 1 || int_attr(code, "co_flags") & CO_VARARGS))
		return 1;
	return required == 2 || argc >= 2 ? 2 : 1;
}

/* Anything else that can be called: does its signature accept one argument, or two? */
static int
signature_args(PyObject *cb)
{
	PyObject *inspect = PyImport_ImportModule("inspect"), *sig = NULL, *r;
	int n = 1;

	if (inspect)
		sig = PyObject_CallMethod(inspect, "signature", "O", cb);
	if (sig) {
		r = PyObject_CallMethod(sig, "bind", "i", 0);
		if (!r) {
			PyErr_Clear();
			r = PyObject_CallMethod(sig, "bind", "ii", 0, 0);
			n = r ? 2 : 1;
		}
		Py_XDECREF(r);
	}
	PyErr_Clear();
	Py_XDECREF(sig);
	Py_XDECREF(inspect);
	return n;
}

/* A plain function: its attributes are its own, while a bound method shows those of its function. */
static bool
is_function(PyObject *cb)
{
	if (!function_type) {
		PyObject *types = PyImport_ImportModule("types");

		function_type = types ? PyObject_GetAttrString(types, "FunctionType") : NULL;
		Py_XDECREF(types);
		PyErr_Clear();
	}
	return (PyObject *)Py_TYPE(cb) == function_type;
}

static int
count_function(PyObject *cb)
{
	PyObject *code = PyObject_GetAttrString(cb, "__code__");

	if (code && code != known_code) {
		known_args = function_args(cb, code, 0);
		Py_XDECREF(known_code);
		known_code = code;
		Py_INCREF(code);
	}
	Py_XDECREF(code);
	PyErr_Clear();
	return known_args;
}

static int
count_args(PyObject *cb)
{
	PyObject *func, *code;
	int n;

	if (is_function(cb))
		return count_function(cb);
	func = PyObject_GetAttrString(cb, "__func__"); /* a bound method */
	code = func && is_function(func) ? PyObject_GetAttrString(func, "__code__") : NULL;
	PyErr_Clear();
	n = code ? function_args(func, code, 1) : signature_args(cb);
	Py_XDECREF(func);
	Py_XDECREF(code);
	return n;
}

int
py_callback(PyObject *cb, const struct nvme_cqe *cqe)
{
	PyObject *arg, *r;

	if (count_args(cb) == 2) {
		r = PyObject_CallFunction(cb, "kk", (unsigned long)le32_get(cqe->dw0),
					  (unsigned long)le16_get(cqe->status));
	} else {
		arg = py_cqe_new(cqe);
		r = arg ? PyObject_CallFunctionObjArgs(cb, arg, NULL) : NULL;
		Py_XDECREF(arg);
	}
	Py_XDECREF(r);
	return r ? 0 : -1;
}
