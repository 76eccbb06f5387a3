/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Command logs as Python objects: LogRing, which metamode writes for its queues, and LogView, which reads all logs of a
 * process, this one or another.
 */
#include "nvproof/cmdlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "pyext/pyext.h"
#include "util/alloc.h"

#define TITLE 256u

/* --- LogRing --- */

struct py_ring {
	PyObject_HEAD struct nvp_cmdlog_ring *ring; /* no reference to the controller: that one keeps its queues */
	uint32_t generation;
};

static int
ring_init(PyObject *o, PyObject *args, PyObject *kwargs)
{
	struct py_ring *self = (struct py_ring *)o;
	struct nvp_ctrlr *c;
	PyObject *ctrlr;
	int qid, rc;

	if (kwargs || self->ring || !PyArg_ParseTuple(args, "O!i:LogRing", py_ctrlr_type, &ctrlr, &qid)) {
		if (!PyErr_Occurred())
			PyErr_SetString(PyExc_TypeError, "LogRing(ctrlr, qid)");
		return -1;
	}
	c = py_ctrlr_get((struct py_ctrlr *)ctrlr);
	if (!c)
		return -1;
	rc = nvp_cmdlog_begin(c, (uint16_t)qid, &self->ring);
	if (rc) {
		PyErr_Format(PyExc_MemoryError, "no command log for queue %d: %s", qid, strerror(-rc));
		return -1;
	}
	self->generation = py_generation;
	return 0;
}

static void
ring_dealloc(PyObject *o)
{
	struct py_ring *self = (struct py_ring *)o;

	nvp_cmdlog_end(self->ring);
	py_object_free(o);
}

/* The controller, while there is one to take the time from and the ring is ours. */
static struct nvp_ctrlr *
ring_ctrlr(const struct py_ring *self, PyObject *ctrlr)
{
	return self->ring && self->generation == py_generation ? ((struct py_ctrlr *)ctrlr)->c : NULL;
}

static PyObject *
ring_submit(PyObject *o, PyObject *args)
{
	struct py_ring *self = (struct py_ring *)o;
	struct nvme_sqe sqe;
	struct nvp_ctrlr *c;
	PyObject *ctrlr;
	const char *raw;
	Py_ssize_t len;

	if (!PyArg_ParseTuple(args, "O!y#:submit", py_ctrlr_type, &ctrlr, &raw, &len))
		return NULL;
	if (len != sizeof(sqe)) {
		PyErr_SetString(PyExc_ValueError, "an SQE has 64 bytes");
		return NULL;
	}
	c = ring_ctrlr(self, ctrlr);
	memcpy(&sqe, raw, sizeof(sqe));
	return PyLong_FromUnsignedLongLong(c ? nvp_cmdlog_submit(c, self->ring, &sqe) : 0);
}

static PyObject *
ring_complete(PyObject *o, PyObject *args)
{
	struct py_ring *self = (struct py_ring *)o;
	unsigned long long seq;
	struct nvme_cqe cqe;
	struct nvp_ctrlr *c;
	PyObject *ctrlr;
	const char *raw;
	Py_ssize_t len;

	if (!PyArg_ParseTuple(args, "O!Ky#:complete", py_ctrlr_type, &ctrlr, &seq, &raw, &len))
		return NULL;
	if (len != sizeof(cqe)) {
		PyErr_SetString(PyExc_ValueError, "a CQE has 16 bytes");
		return NULL;
	}
	c = ring_ctrlr(self, ctrlr);
	memcpy(&cqe, raw, sizeof(cqe));
	if (c && seq)
		nvp_cmdlog_complete(c, self->ring, seq, &cqe);
	Py_RETURN_NONE;
}

static PyObject *
ring_lines(PyObject *o, PyObject *args)
{
	struct py_ring *self = (struct py_ring *)o;
	unsigned int count, offset;

	if (!PyArg_ParseTuple(args, "II:lines", &count, &offset))
		return NULL;
	if (!self->ring)
		return PyList_New(0);
	return py_cmdlog_lines((const struct nvp_cmdlog_ring *const *)&self->ring, 1, count, offset);
}

static PyMethodDef ring_methods[] = {
	{ "submit", ring_submit, METH_VARARGS,
	  "submit($self, ctrlr, sqe, /)\n--\n\nLog a command, 64 bytes; its number, for complete()." },
	{ "complete", ring_complete, METH_VARARGS,
	  "complete($self, ctrlr, number, cqe, /)\n--\n\nLog the completion of a command, 16 bytes." },
	{ "lines", ring_lines, METH_VARARGS,
	  "lines($self, count, offset, /)\n--\n\nThe last commands as text, newest first." },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot ring_slots[] = {
	{ Py_tp_doc, "LogRing(ctrlr, qid): the command log of a queue that a script runs by itself.\n\n"
		     "MemoryError: there are too many." },
	{ Py_tp_init, ring_init },
	{ Py_tp_dealloc, ring_dealloc },
	{ Py_tp_methods, ring_methods },
	{ 0, NULL },
};

static PyType_Spec ring_spec = {
	.name = "nvproof._native.LogRing",
	.basicsize = sizeof(struct py_ring),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = ring_slots,
};

/* --- LogView --- */

struct py_view {
	PyObject_HEAD struct nvp_cmdlog_view *view;
};

static int
view_init(PyObject *o, PyObject *args, PyObject *kwargs)
{
	struct py_view *self = (struct py_view *)o;
	int pid, rc;

	if (kwargs || self->view || !PyArg_ParseTuple(args, "i:LogView", &pid)) {
		if (!PyErr_Occurred())
			PyErr_SetString(PyExc_TypeError, "LogView(pid)");
		return -1;
	}
	rc = nvp_cmdlog_attach(pid, &self->view);
	if (!rc)
		return 0;
	errno = -rc;
	if (rc == -ENOMEM)
		PyErr_NoMemory();
	else
		PyErr_SetFromErrno(PyExc_OSError);
	return -1;
}

static void
view_dealloc(PyObject *o)
{
	nvp_cmdlog_detach(((struct py_view *)o)->view);
	py_object_free(o);
}

static struct nvp_cmdlog_view *
view_get(PyObject *o)
{
	struct nvp_cmdlog_view *v = ((struct py_view *)o)->view;

	if (!v)
		PyErr_SetString(PyExc_ValueError, "LogView was not made");
	return v;
}

static PyObject *
view_title(PyObject *o, void *closure)
{
	struct nvp_cmdlog_view *v = view_get(o);
	char title[TITLE];

	(void)closure;
	if (!v)
		return NULL;
	nvp_cmdlog_view_title(v, title, sizeof(title));
	return PyUnicode_DecodeUTF8(title, (Py_ssize_t)strlen(title), "replace");
}

static PyObject *
slot_tuple(const struct nvp_cmdlog_view *v, uint32_t i, const struct nvp_cmdlog_slot *s)
{
	PyObject *addr = PyUnicode_DecodeUTF8(s->addr, (Py_ssize_t)strlen(s->addr), "replace");

	if (!addr)
		return NULL;
	return Py_BuildValue("(IKIiNiKKK)", i, (unsigned long long)s->gen, s->ctrlr, (int)s->qid, addr,
			     s->state == NVP_CMDLOG_LIVE, (unsigned long long)s->begun_ns,
			     (unsigned long long)s->ended_ns, (unsigned long long)nvp_cmdlog_view_count(v, i));
}

static PyObject *
view_queues(PyObject *o, PyObject *unused)
{
	struct nvp_cmdlog_view *v = view_get(o);
	PyObject *list = v ? PyList_New(0) : NULL, *item;
	struct nvp_cmdlog_slot s;

	(void)unused;
	for (uint32_t i = 0; list && i < NVP_CMDLOG_SLOTS; i++) {
		if (!nvp_cmdlog_view_slot(v, i, &s))
			continue;
		item = slot_tuple(v, i, &s);
		if (!item || PyList_Append(list, item) < 0)
			Py_CLEAR(list);
		Py_XDECREF(item);
	}
	return list;
}

static int
slot_numbers(PyObject *seq, uint16_t *out, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		PyObject *item = PySequence_GetItem(seq, (Py_ssize_t)i);
		unsigned long v = item ? PyLong_AsUnsignedLong(item) : 0;

		Py_XDECREF(item);
		if (PyErr_Occurred())
			return -1;
		if (v >= NVP_CMDLOG_SLOTS) {
			PyErr_Format(PyExc_ValueError, "there is no command log %lu", v);
			return -1;
		}
		out[i] = (uint16_t)v;
	}
	return 0;
}

static PyObject *
rec_tuple(const struct nvp_cmdlog_rec *r)
{
	char text[512];

	nvp_cmdlog_text(r, text, sizeof(text));
	return Py_BuildValue("(iKKKy#y#N)", (int)r->slot, (unsigned long long)r->seq, (unsigned long long)r->submit_ns,
			     (unsigned long long)r->complete_ns, (const char *)&r->sqe, (Py_ssize_t)sizeof(r->sqe),
			     (const char *)&r->cqe, (Py_ssize_t)sizeof(r->cqe),
			     PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace"));
}

static PyObject *
rec_list(const struct nvp_cmdlog_rec *rec, uint32_t n)
{
	PyObject *list = PyList_New(0);

	for (uint32_t i = 0; list && i < n; i++) {
		PyObject *item = rec_tuple(&rec[i]);

		if (!item || PyList_Append(list, item) < 0)
			Py_CLEAR(list);
		Py_XDECREF(item);
	}
	return list;
}

static PyObject *
view_read(PyObject *o, PyObject *args)
{
	struct nvp_cmdlog_view *v = view_get(o);
	uint16_t slots[NVP_CMDLOG_SLOTS];
	struct nvp_cmdlog_rec *rec;
	PyObject *seq, *list = NULL;
	unsigned int count;
	Py_ssize_t n;

	if (!v || !PyArg_ParseTuple(args, "OI:read", &seq, &count))
		return NULL;
	n = PySequence_Size(seq);
	if (n < 0 || n > (Py_ssize_t)NVP_CMDLOG_SLOTS || slot_numbers(seq, slots, (uint32_t)n) < 0)
		return PyErr_Occurred() ? NULL : (PyErr_SetString(PyExc_ValueError, "too many queues"), NULL);
	if (count > (uint64_t)n * NVP_CMDLOG_ENTRIES)
		count = (unsigned)n * NVP_CMDLOG_ENTRIES;
	rec = ut_calloc(count + 1ull, sizeof(*rec));
	if (!rec)
		return PyErr_NoMemory();
	list = rec_list(rec, nvp_cmdlog_view_read(v, slots, (uint32_t)n, rec, count));
	free(rec);
	return list;
}

static PyMethodDef view_methods[] = {
	{ "queues", view_queues, METH_NOARGS,
	  "queues($self, /)\n--\n\n(number, generation, controller, queue, address, alive, begun_ns, ended_ns, "
	  "commands) of each." },
	{ "read", view_read, METH_VARARGS,
	  "read($self, numbers, count, /)\n--\n\nThe last commands of these queues in time order, newest first, as "
	  "tuples:\n(number of the queue, number of the command, submit_ns, complete_ns, sqe, cqe, text)." },
	{ NULL, NULL, 0, NULL },
};

static PyGetSetDef view_getset[] = {
	{ "title", view_title, NULL, "what the process says that it is busy with", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot view_slots[] = {
	{ Py_tp_doc, "LogView(pid): the command logs of a process.\n\n"
		     "ProcessLookupError: there is none; FileNotFoundError: it has no log; PermissionError: it is "
		     "another user's;\n"
		     "OSError with EPROTO: it is of another version." },
	{ Py_tp_init, view_init },
	{ Py_tp_dealloc, view_dealloc },
	{ Py_tp_methods, view_methods },
	{ Py_tp_getset, view_getset },
	{ 0, NULL },
};

static PyType_Spec view_spec = {
	.name = "nvproof._native.LogView",
	.basicsize = sizeof(struct py_view),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = view_slots,
};

static PyObject *
cmdlog_title(PyObject *m, PyObject *args)
{
	const char *title;

	(void)m;
	if (!PyArg_ParseTuple(args, "z:cmdlog_title", &title))
		return NULL;
	nvp_cmdlog_title(title);
	Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
	{ "cmdlog_title", cmdlog_title, METH_VARARGS,
	  "cmdlog_title($module, text, /)\n--\n\nSay what this process is busy with, for who reads its command logs; "
	  "None: nothing." },
	{ NULL, NULL, 0, NULL },
};

int
py_cmdlog_setup(PyObject *m)
{
	static PyTypeObject *ring_type, *view_type;

	if (PyModule_AddFunctions(m, functions) < 0 || py_setup_type(m, "LogRing", &ring_spec, &ring_type) < 0)
		return -1;
	return py_setup_type(m, "LogView", &view_spec, &view_type);
}
