/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of class Namespace share: namespace.c, ns_io.c, ns_raw.c. */
#pragma once
#include "pyext/queue.h"

#define PY_METHOD(name) PyObject *name(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)

int py_ns_io_setup(void);
int py_ns_raw_setup(void);
PY_METHOD(py_ns_read);
PY_METHOD(py_ns_write);
PY_METHOD(py_ns_compare);
PY_METHOD(py_ns_write_zeroes);
PY_METHOD(py_ns_write_uncorrectable);
PY_METHOD(py_ns_verify);
PY_METHOD(py_ns_flush);
PY_METHOD(py_ns_dsm);
PY_METHOD(py_ns_copy);
PY_METHOD(py_ns_send_cmd);

/* A request on this queue for this namespace; NULL with an exception. */
struct nvp_req *py_ns_get(struct py_ns *ns, PyObject *qpair, const char *what, struct py_cmd **cmd);
/* Submit it; the qpair, for chaining. */
PyObject *py_ns_submit(struct py_ns *ns, PyObject *qpair, struct nvp_req *r, struct py_cmd *cmd);
