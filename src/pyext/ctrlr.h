/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of class Controller share: controller.c, ctrlr_init.c, ctrlr_cmd.c, ctrlr_aer.c. */
#pragma once
#include "pyext/queue.h"

int py_ctrlr_cmd_setup(void);
int py_ctrlr_init_setup(void);
/* The admin queue appears with the first bring-up, so it may be missing before. */
int py_ctrlr_adopt_adminq(struct py_ctrlr *self);
PyObject *py_ctrlr_reset(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_ctrlr_init_begin(PyObject *o, PyObject *unused);
PyObject *py_ctrlr_init_adminq(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_ctrlr_init_identify(PyObject *o, PyObject *unused);
PyObject *py_ctrlr_init_queues(PyObject *o, PyObject *arg);
PyObject *py_ctrlr_init_end(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_ctrlr_init_fail(PyObject *o, PyObject *unused);
PyObject *py_ctrlr_send_cmd(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_ctrlr_sync_cmd(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_ctrlr_ring_doorbell(PyObject *o, PyObject *unused);
PyObject *py_ctrlr_use_vector(PyObject *o, PyObject *arg);
PyObject *py_ctrlr_ns_clear(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *py_ctrlr_power_event(PyObject *o, PyObject *lost);
PyObject *py_ctrlr_iostat(PyObject *o, PyObject *unused);
PyObject *py_ctrlr_totals(PyObject *o, PyObject *unused);
PyObject *py_ctrlr_cmdlog(PyObject *o, PyObject *args);
PyObject *py_ctrlr_reg_get(PyObject *o, PyObject *key);
int py_ctrlr_reg_set(PyObject *o, PyObject *key, PyObject *value);
PyObject *py_ctrlr_set_opcode_timeout(PyObject *o, PyObject *args);
PyObject *py_ctrlr_get_opcode_timeout(PyObject *o, PyObject *args);
