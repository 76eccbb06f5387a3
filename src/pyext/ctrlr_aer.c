/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asynchronous events.  One request is armed at bring-up; aer() sends more, each with the script's callback.
 * NVMe Base, "Asynchronous Event Request command".
 */
#include <errno.h>
#include <stdlib.h>
#include "pyext/ctrlr.h"
#include "util/alloc.h"

struct py_aer {
	struct py_aer *next;
	struct py_ctrlr *ctrlr;
	PyObject *cb; /* a reference, or NULL */
	bool refill;
};

static void
event(struct py_ctrlr *self, PyObject *cb, const struct nvme_cqe *cqe)
{
	uint16_t status = py_status(cqe);
	int rc;

	if (!self->adminq || self->adminq->mute)
		return;
	self->adminq->aer_reaped++;
	self->adminq->aer_dw0 = le32_get(cqe->dw0);
	self->adminq->last_status = status;
	if (status == NVME_SC_ABORT_SQ_DELETION)
		return; /* its queue is gone: no news */
	if (!status)
		py_log(30, "AER triggered, dword0: 0x%x", le32_get(cqe->dw0));
	if (cb && py_callback(cb, cqe) < 0 && py_warn_callback() < 0)
		py_keep_error();
	if (status)
		rc = py_warn_status(status);
	else
		rc = py_warn("AER notification is triggered: 0x%x", le32_get(cqe->dw0));
	if (rc < 0)
		py_keep_error();
}

/* The one that is armed at bring-up. */
static void
on_event(void *arg, const struct nvme_cqe *cqe)
{
	struct py_ctrlr *self = arg;
	PyObject *cb = self->aer_cb;

	Py_XINCREF(cb);
	event(self, cb, cqe);
	Py_XDECREF(cb);
}

static void
aer_free(struct py_aer *a)
{
	struct py_aer **p = &a->ctrlr->aers;

	while (*p && *p != a)
		p = &(*p)->next;
	if (*p)
		*p = a->next;
	Py_XDECREF(a->cb);
	free(a);
}

/* One of the script's.  The driver sends it again only after a success. */
static void
on_own_event(void *arg, const struct nvme_cqe *cqe)
{
	struct py_aer *a = arg;
	bool last = !a->refill || py_status(cqe);
	PyObject *cb = a->cb;

	Py_XINCREF(cb);
	event(a->ctrlr, cb, cqe);
	Py_XDECREF(cb);
	if (last)
		aer_free(a);
}

int
py_aer_start(struct py_ctrlr *self)
{
	nvp_ctrlr_on_aer(self->c, on_event, self);
	return 0;
}

int
py_aer_send(struct py_ctrlr *self, PyObject *cb, bool refill)
{
	struct py_aer *a;
	PyObject *old;
	int rc;

	if (!self->adminq) {
		PyErr_SetString(PyExc_SystemError, "the controller has no admin queue: it was not initialised");
		return -1;
	}
	a = ut_calloc(1, sizeof(*a));
	if (!a) {
		PyErr_NoMemory();
		return -1;
	}
	*a = (struct py_aer){ .next = self->aers, .ctrlr = self, .cb = cb, .refill = refill };
	Py_XINCREF(cb);
	self->aers = a;
	rc = nvp_ctrlr_aer(self->c, on_own_event, a, refill);
	if (rc) {
		PyErr_Format(PyExc_AssertionError, "error in submitting aer: %s",
			     rc == -EAGAIN ? "the queue is full" : strerror(-rc));
		aer_free(a);
		return -1;
	}
	if (cb) {
		old = self->aer_cb;
		Py_INCREF(cb);
		self->aer_cb = cb;
		Py_XDECREF(old);
	}
	self->adminq->last_cid = nvp_qpair_latest_cid(self->adminq->q);
	return 0;
}

/* After a reset or close: the driver calls none of them any more. */
void
py_aer_drop(struct py_ctrlr *self)
{
	while (self->aers)
		aer_free(self->aers);
}
