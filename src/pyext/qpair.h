/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of class Qpair share: qpair.c and qpair_irq.c. */
#pragma once
#include "pyext/queue.h"

/* NULL with SystemError: it is deleted. */
struct py_queue *py_qpair_queue(PyObject *o);

int py_qpair_irq_setup(void);
PyObject *py_qpair_int_isset(PyObject *o, PyObject *unused);
PyObject *py_qpair_int_clear(PyObject *o, PyObject *unused);
PyObject *py_qpair_int_mask(PyObject *o, PyObject *unused);
PyObject *py_qpair_int_unmask(PyObject *o, PyObject *unused);
PyObject *py_qpair_wait_int(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
