/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffers in the controller memory buffer: Buffer(nvme=...).  The memory is a mapping of the device, so it goes with the
 * controller: a buffer whose controller was closed has no bytes any more.  NVMe Base, "Controller Memory Buffer".
 */
#include "pyext/pyext.h"

#include <errno.h>

int
py_buffer_cmb_alloc(struct py_buffer *b, PyObject *nvme, uint64_t len, uint64_t align)
{
	struct py_ctrlr *c = (struct py_ctrlr *)nvme;
	int rc;

	if (!PyObject_TypeCheck(nvme, py_ctrlr_type)) {
		PyErr_SetString(PyExc_TypeError, "Buffer(): nvme is a Controller");
		return -1;
	}
	if (!py_ctrlr_get(c))
		return -1;
	rc = nvp_ctrlr_cmb_alloc(c->c, len, align, &b->mem);
	if (rc == -ENODEV)
		PyErr_SetString(PyExc_SystemError, "Buffer(): the device is gone");
	else if (rc == -ENOTSUP)
		PyErr_SetString(PyExc_MemoryError, "the controller has no controller memory buffer that can be mapped "
						   "(CAP.CMBS, CMBLOC, CMBSZ)");
	else if (rc)
		PyErr_Format(PyExc_MemoryError, "no room for %llu bytes in the controller memory buffer",
			     (unsigned long long)len);
	if (rc)
		return -1;
	b->ctrlr = c;
	Py_INCREF(nvme);
	b->next_cmb = c->cmb_bufs;
	c->cmb_bufs = b;
	return 0;
}

void
py_buffer_cmb_free(struct py_buffer *b)
{
	struct py_ctrlr *c = b->ctrlr;
	struct py_buffer **at = &c->cmb_bufs;

	while (*at && *at != b)
		at = &(*at)->next_cmb;
	if (*at)
		*at = b->next_cmb;
	if (c->c && c->pcie->generation == py_generation)
		nvp_ctrlr_cmb_free(c->c, &b->mem);
	b->ctrlr = NULL;
	Py_DECREF((PyObject *)c);
}

void
py_buffer_cmb_lost(struct py_ctrlr *c)
{
	for (struct py_buffer *b; (b = c->cmb_bufs); c->cmb_bufs = b->next_cmb) {
		nvp_ctrlr_cmb_free(c->c, &b->mem);
		b->offset = b->size = 0;
	}
}
