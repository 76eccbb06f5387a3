/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of class Namespace share: namespace.c, ns_io.c, ns_raw.c. */
#pragma once
#include "pyext/queue.h"

#define PY_METHOD(name) PyObject *name(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)

int py_ns_io_setup(void);
int py_ns_raw_setup(void);
int py_ns_verify_setup(void);
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

/* What an opcode does to its LBAs: enum nvp_verify_kind. */
uint8_t py_verify_kind(uint8_t opc);

/* verify.c */
PY_METHOD(py_ns_verify_enable);
PY_METHOD(py_ns_mark_nomapping);
PyObject *py_ns_inject_id(PyObject *o, PyObject *on);
PyObject *py_ns_inject_token(PyObject *o, PyObject *on);
PyObject *py_ns_tell_dump(PyObject *o, PyObject *on);
PyObject *py_ns_tell_log(PyObject *o, PyObject *on);
PyObject *py_ns_save_crc(PyObject *o, PyObject *path);
PyObject *py_ns_load_crc(PyObject *o, PyObject *path);
/* What an ioworker read wrong, in the log. */
void py_ns_report(struct py_ns *ns, const struct nvp_miscompare *mis);

/* A request on this queue for this namespace; NULL with an exception. */
struct nvp_req *py_ns_get(struct py_ns *ns, PyObject *qpair, const char *what, struct py_cmd **cmd);
/* Submit it; the qpair, for chaining. */
PyObject *py_ns_submit(struct py_ns *ns, PyObject *qpair, struct nvp_req *r, struct py_cmd *cmd);
