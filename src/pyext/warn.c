/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a device answers becomes a UserWarning that points at the user's line, every time: no registry is given, so that
 * the default filter does not hide the second one of a kind.
 */
#include "pyext/pyext.h"

#include <stdarg.h>
#include <stdio.h>

/* Whether the frame runs code of this package, which is not where a warning should point. */
static bool
is_ours(PyObject *globals)
{
	PyObject *name = PyDict_GetItemString(globals, "__name__"); /* borrowed */
	const char *s = name && PyUnicode_Check(name) ? PyUnicode_AsUTF8AndSize(name, NULL) : NULL;

	return s && (!strcmp(s, "nvproof") || !strncmp(s, "nvproof.", 8));
}

/* The innermost frame that is the user's; a new reference, NULL when there is none. */
static PyObject *
user_frame(void)
{
	PyObject *frame = (PyObject *)PyEval_GetFrame();

	Py_XINCREF(frame);
	while (frame) {
		PyObject *globals = PyObject_GetAttrString(frame, "f_globals"), *back;
		bool ours = globals && PyDict_Check(globals) && is_ours(globals);

		Py_XDECREF(globals);
		if (!ours)
			break;
		back = PyObject_GetAttrString(frame, "f_back");
		if (!back || back == Py_None) {
			Py_XDECREF(back);
			break;
		}
		Py_DECREF(frame);
		frame = back;
	}
	PyErr_Clear();
	return frame;
}

static int
warn_at(PyObject *frame, const char *text)
{
	PyObject *code = frame ? (PyObject *)PyFrame_GetCode((PyFrameObject *)frame) : NULL;
	PyObject *file = code ? PyObject_GetAttrString(code, "co_filename") : NULL;
	const char *name = file && PyUnicode_Check(file) ? PyUnicode_AsUTF8AndSize(file, NULL) : NULL;
	int line = frame ? PyFrame_GetLineNumber((PyFrameObject *)frame) : 1;
	int rc;

	PyErr_Clear();
	rc = PyErr_WarnExplicit(PyExc_UserWarning, text, name ? name : "nvproof", line, NULL, NULL);
	Py_XDECREF(file);
	Py_XDECREF(code);
	return rc;
}

int
py_warn(const char *fmt, ...)
{
	char text[512];
	PyObject *frame;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	frame = user_frame();
	rc = warn_at(frame, text);
	Py_XDECREF(frame);
	return rc;
}

int
py_warn_status(uint16_t status)
{
	return status ? py_warn("ERROR status: %02x/%02x", status >> 8 & 7, status & 0xff) : 0;
}

void
py_log(int level, const char *fmt, ...)
{
	PyObject *logging = PyImport_ImportModule("logging"), *logger = NULL, *r = NULL;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (logging)
		logger = PyObject_CallMethod(logging, "getLogger", "s", "nvproof");
	if (logger)
		r = PyObject_CallMethod(logger, "log", "iss", level, "%s", text);
	if (!r)
		PyErr_Clear();
	Py_XDECREF(r);
	Py_XDECREF(logger);
	Py_XDECREF(logging);
}

/* "AssertionError in a callback becomes ASSERT: text, TypeError and others callback: text". */
int
py_warn_callback(void)
{
	PyObject *type, *value, *trace, *text;
	const char *s;
	int rc;

	if (!PyErr_ExceptionMatches(PyExc_Exception))
		return -1;
	PyErr_Fetch(&type, &value, &trace);
	PyErr_NormalizeException(&type, &value, &trace);
	text = value ? PyObject_Str(value) : NULL;
	s = text ? PyUnicode_AsUTF8AndSize(text, NULL) : NULL;
	PyErr_Clear();
	if (PyErr_GivenExceptionMatches(type, PyExc_AssertionError))
		rc = py_warn("ASSERT: %s", s ? s : "");
	else
		rc = py_warn("callback: %s", s ? s : "");
	Py_XDECREF(text);
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(trace);
	return rc;
}
