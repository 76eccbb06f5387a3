/* SPDX-License-Identifier: BSD-3-Clause */
/* Metadata of a Read, Write or Compare, and the protection information engine of a namespace (Namespace.pi_engine_enable()). */
#pragma once
#include "pyext/queue.h"

/*
 * After py_cmd_hold(), for a namespace with metadata.  The metadata buffer must be long enough; with the engine on there is one
 * even if the script gave none, and tags that the script left at 0 are those of the LBA.  -1 with an exception.
 */
int py_pi_attach(struct py_ns *ns, struct py_cmd *cmd, struct nvp_req *r);
/* Just before submission: make what a Write or Compare sends. */
void py_pi_begin(struct py_pi *p);
/* After completion: check what a Read got; a mismatch rewrites the status in *cqe. */
void py_pi_end(const struct py_pi *p, struct nvme_cqe *cqe);
void py_pi_free(struct py_pi *p); /* NULL is fine */

PyObject *py_ns_pi_enable(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_ns_pi_disable(PyObject *o, PyObject *unused);
int py_pi_setup(void);
