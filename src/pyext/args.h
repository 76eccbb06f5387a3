/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Argument tables for METH_FASTCALL | METH_KEYWORDS methods: one row a parameter, the names of a call found by the tuple
 * that the calling code has for them, no tuple or dictionary is built.  A keyword costs a few nanoseconds more than a
 * positional argument.
 */
#pragma once
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define PY_MAX_ARGS 32

enum py_kind {
	ARG_U16,
	ARG_U32,
	ARG_U64,
	ARG_I32,
	ARG_BOOL,
	ARG_CALLABLE,
	ARG_OBJ,
	ARG_TYPE,
	ARG_ALIAS, /* another name, keyword only, of row number `def` */
};

struct py_arg {
	const char *name;
	enum py_kind kind;
	PyTypeObject **type; /* ARG_TYPE: the class wanted */
	uint64_t def; /* value when absent */
	PyObject *key; /* name, interned by py_args_intern() */
};

union py_val {
	uint64_t u;
	int64_t i;
	PyObject *obj; /* borrowed; NULL when absent or None */
};

#define PY_NARGS(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* Call once per table, when the module is made. */
int py_args_intern(struct py_arg *spec, int n);

/*
 * Fill out[0..n-1] from a FASTCALL argument vector.  The first `required` arguments must be present.
 * Returns 0, or -1 with an exception set.
 */
int py_args(const char *func, const struct py_arg *spec, int n, int required, PyObject *const *args, Py_ssize_t nargs,
	    PyObject *kwnames, union py_val *out);

/* The same for tp_init, which gets a tuple and a dictionary (or NULL). */
int py_args_init(const char *func, const struct py_arg *spec, int n, int required, PyObject *args, PyObject *kwargs,
		 union py_val *out);
