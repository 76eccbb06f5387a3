/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IOWorker between its files: ioworker.c: the object and its life; iow_plan.c: arguments to plan; iow_result.c:
 * results to objects.
 */
#pragma once
#include "nvproof/ioworker.h"
#include "pyext/queue.h"

struct py_iow {
	PyObject_HEAD struct py_iow *next; /* of the controller */
	struct py_ns *ns;
	struct py_qpair *qpair; /* NULL: it has its own */
	struct py_vtab *vtab; /* a reference while it runs; NULL: none */
	struct nvp_iow *w; /* NULL: not started, or ended */
	struct nvp_iow_plan plan; /* with arrays of its own */
	struct nvp_iow_result result;
	PyObject *measured; /* dict; NULL: not yet */
	char reason[256];
	struct nvme_id_ctrl id; /* of the controller that it ran on */
	bool ended;
};

/* From the arguments of IOWorker().  0, or -1 with an exception. */
int py_iow_plan(struct py_iow *self, PyObject *args, PyObject *kwargs);
int py_iow_plan_setup(void);
void py_iow_plan_free(struct nvp_iow_plan *p);
/* All that only the worker knows, as a dict; NULL with an exception. */
PyObject *py_iow_measured(const struct nvp_iow *w, uint32_t log_entries);
