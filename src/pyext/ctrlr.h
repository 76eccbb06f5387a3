/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of class Controller share: controller.c, ctrlr_cmd.c, ctrlr_aer.c. */
#pragma once
#include "pyext/queue.h"

int py_ctrlr_cmd_setup(void);
PyObject *py_ctrlr_send_cmd(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_ctrlr_sync_cmd(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_ctrlr_iostat(PyObject *o, PyObject *unused);
PyObject *py_ctrlr_cmdlog(PyObject *o, PyObject *args);
PyObject *py_ctrlr_reg_get(PyObject *o, PyObject *key);
int py_ctrlr_reg_set(PyObject *o, PyObject *key, PyObject *value);
PyObject *py_ctrlr_set_opcode_timeout(PyObject *o, PyObject *args);
PyObject *py_ctrlr_get_opcode_timeout(PyObject *o, PyObject *args);
