/* SPDX-License-Identifier: BSD-3-Clause */
/* Argument tables: see args.h. */
#include "pyext/args.h"

#include <string.h>

int
py_args_intern(struct py_arg *spec, int n)
{
	for (int i = 0; i < n; i++) {
		if (!spec[i].key)
			spec[i].key = PyUnicode_InternFromString(spec[i].name);
		if (!spec[i].key)
			return -1;
	}
	return 0;
}

/* -1: no such parameter; -2: an exception is set. */
static int
find(const struct py_arg *spec, int n, PyObject *key)
{
	for (int i = 0; i < n; i++)
		if (spec[i].key == key) /* interned: nearly always hits */
			return i;
	for (int i = 0; i < n; i++) {
		int eq = PyObject_RichCompareBool(spec[i].key, key, Py_EQ);

		if (eq)
			return eq < 0 ? -2 : i;
	}
	return -1;
}

static int
overflow(const char *func, const struct py_arg *a, const char *bits)
{
	PyErr_Format(PyExc_OverflowError, "%s(): %s does not fit %s bits", func, a->name, bits);
	return -1;
}

static int
convert_signed(const char *func, const struct py_arg *a, PyObject *obj, union py_val *out)
{
	long v = PyLong_AsLong(obj);

	if (v == -1 && PyErr_Occurred())
		return -1;
	out->i = v;
	return v < INT32_MIN || v > INT32_MAX ? overflow(func, a, "32") : 0;
}

static const struct {
	uint64_t max;
	const char *bits;
} limits[] = {
	[ARG_U16] = { UINT16_MAX, "16 unsigned" },
	[ARG_U32] = { UINT32_MAX, "32 unsigned" },
	[ARG_U64] = { UINT64_MAX, "64 unsigned" },
};

static int
convert_unsigned(const char *func, const struct py_arg *a, PyObject *obj, union py_val *out)
{
	if (Py_TYPE(obj) == &PyLong_Type) {
		out->u = PyLong_AsUnsignedLongLong(obj);
	} else if (!PyLong_Check(obj)) { /* numpy's and others' integers */
		PyObject *num = PyNumber_Index(obj);

		if (!num)
			return -1;
		out->u = PyLong_AsUnsignedLongLong(num);
		Py_DECREF(num);
	} else {
		out->u = PyLong_AsUnsignedLongLong(obj);
	}
	if (out->u == UINT64_MAX && PyErr_Occurred()) {
		if (!PyErr_ExceptionMatches(PyExc_OverflowError))
			return -1;
		PyErr_Clear();
		return overflow(func, a, limits[a->kind].bits);
	}
	return out->u > limits[a->kind].max ? overflow(func, a, limits[a->kind].bits) : 0;
}

static int
convert(const char *func, const struct py_arg *a, PyObject *obj, union py_val *out)
{
	int truth;

	switch (a->kind) {
	case ARG_U16:
	case ARG_U32:
	case ARG_U64:
		return convert_unsigned(func, a, obj, out);
	case ARG_I32:
		return convert_signed(func, a, obj, out);
	case ARG_BOOL:
		truth = PyObject_IsTrue(obj);
		out->u = truth > 0;
		return truth < 0 ? -1 : 0;
	case ARG_CALLABLE:
		out->obj = obj == Py_None ? NULL : obj;
		if (!out->obj || PyCallable_Check(obj))
			return 0;
		break;
	case ARG_OBJ:
	case ARG_ALIAS:
		out->obj = obj == Py_None ? NULL : obj;
		return 0;
	case ARG_TYPE:
		out->obj = obj == Py_None ? NULL : obj;
		if (!out->obj || PyObject_TypeCheck(obj, *a->type))
			return 0;
		break;
	}
	PyErr_Format(PyExc_TypeError, "%s(): wrong type for %s", func, a->name);
	return -1;
}

static int
fill(const char *func, const struct py_arg *spec, int n, int required, PyObject *const *got, union py_val *out)
{
	for (int i = 0; i < n; i++) {
		if (got[i]) {
			if (convert(func, &spec[i], got[i], &out[i]) < 0)
				return -1;
		} else if (i < required) {
			PyErr_Format(PyExc_TypeError, "%s() needs %s", func, spec[i].name);
			return -1;
		} else {
			out[i].u = spec[i].kind == ARG_ALIAS ? 0 : spec[i].def;
		}
	}
	return 0;
}

static int
place(const char *func, const struct py_arg *spec, int n, PyObject *key, PyObject *val, PyObject **got)
{
	int i = find(spec, n, key);

	if (i == -2)
		return -1;
	if (i >= 0 && spec[i].kind == ARG_ALIAS)
		i = (int)spec[i].def;
	if (i < 0 || got[i]) {
		PyErr_Format(PyExc_TypeError, "%s() got %s argument '%U'", func, i < 0 ? "an unexpected" : "a repeated",
			     key);
		return -1;
	}
	got[i] = val;
	return 0;
}

static int
too_many(const char *func, int n)
{
	PyErr_Format(PyExc_TypeError, "%s() takes at most %d arguments", func, n);
	return -1;
}

/*
 * The names in a call are one tuple that belongs to the code which calls: the same each time that it is run.  Which row each
 * name is, is looked up once and kept with the tuple, so that a name costs next to nothing.  A call with **dictionary makes
 * a new tuple each time, and then takes the long way each time.
 */
#define SITES 512u

struct site {
	const struct py_arg *spec;
	PyObject *names; /* a reference: no other tuple can come to lie here */
	uint8_t nr, lowest; /* names; the first row that they fill */
	uint8_t row[PY_MAX_ARGS];
};
static struct site sites[SITES];

static struct site *
site_of(const struct py_arg *spec, PyObject *names)
{
	uint64_t key = (uint64_t)(uintptr_t)names ^ (uint64_t)(uintptr_t)spec << 16;

	return &sites[key * 0x9e3779b97f4a7c15ull >> 55];
}

/* place() has taken all of them. */
static void
remember(struct site *s, const struct py_arg *spec, int n, PyObject *names, Py_ssize_t nr)
{
	Py_XDECREF(s->names);
	*s = (struct site){ .spec = spec, .names = names, .nr = (uint8_t)nr, .lowest = PY_MAX_ARGS };
	Py_INCREF(names);
	for (Py_ssize_t k = 0; k < nr; k++) {
		int row = find(spec, n, PyTuple_GetItem(names, k));

		if (spec[row].kind == ARG_ALIAS)
			row = (int)spec[row].def;
		s->row[k] = (uint8_t)row;
		if (row < s->lowest)
			s->lowest = (uint8_t)row;
	}
}

static int
place_all(const char *func, const struct py_arg *spec, int n, PyObject *const *vals, Py_ssize_t nargs, PyObject *names,
	  PyObject **got)
{
	struct site *s = site_of(spec, names);
	Py_ssize_t nr;

	if (s->names == names && s->spec == spec && nargs <= s->lowest) {
		for (uint8_t k = 0; k < s->nr; k++)
			got[s->row[k]] = vals[k];
		return 0;
	}
	nr = PyTuple_Size(names);
	for (Py_ssize_t k = 0; k < nr; k++)
		if (place(func, spec, n, PyTuple_GetItem(names, k), vals[k], got) < 0)
			return -1;
	remember(s, spec, n, names, nr);
	return 0;
}

int
py_args(const char *func, const struct py_arg *spec, int n, int required, PyObject *const *args, Py_ssize_t nargs,
	PyObject *kwnames, union py_val *out)
{
	PyObject *got[PY_MAX_ARGS];

	if (nargs > n || (nargs && spec[nargs - 1].kind == ARG_ALIAS))
		return too_many(func, n);
	memset(got, 0, (size_t)n * sizeof(*got));
	for (Py_ssize_t i = 0; i < nargs; i++)
		got[i] = args[i];
	if (kwnames && place_all(func, spec, n, args + nargs, nargs, kwnames, got) < 0)
		return -1;
	return fill(func, spec, n, required, got, out);
}

int
py_args_init(const char *func, const struct py_arg *spec, int n, int required, PyObject *args, PyObject *kwargs,
	     union py_val *out)
{
	PyObject *got[PY_MAX_ARGS] = { 0 }, *key, *val;
	Py_ssize_t nargs = PyTuple_Size(args), pos = 0;

	if (nargs > n || (nargs && spec[nargs - 1].kind == ARG_ALIAS))
		return too_many(func, n);
	for (Py_ssize_t i = 0; i < nargs; i++)
		got[i] = PyTuple_GetItem(args, i);
	while (kwargs && PyDict_Next(kwargs, &pos, &key, &val))
		if (place(func, spec, n, key, val, got) < 0)
			return -1;
	return fill(func, spec, n, required, got, out);
}
