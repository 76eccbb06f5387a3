/* SPDX-License-Identifier: BSD-3-Clause */
/* Controller: sending admin commands, and what can be read about commands: statistics and logs. */
#include "pyext/ctrlr.h"

#include <errno.h>
#include <stdlib.h>
#include "nvproof/cmdlog.h"
#include "nvproof/ioworker.h"
#include "util/alloc.h"

#define MAX_LOGS 1024u

static struct py_arg cmd_args[] = {
	{ "opcode", .kind = ARG_U32 }, { "buf", ARG_TYPE, .type = &py_buffer_type },
	{ "nsid", .kind = ARG_U32 },   { "cdw10", .kind = ARG_U32 },
	{ "cdw11", .kind = ARG_U32 },  { "cdw12", .kind = ARG_U32 },
	{ "cdw13", .kind = ARG_U32 },  { "cdw14", .kind = ARG_U32 },
	{ "cdw15", .kind = ARG_U32 },  { "cdw02", .kind = ARG_U32 },
	{ "cdw03", .kind = ARG_U32 },  { "cb", .kind = ARG_CALLABLE },
	{ "length", .kind = ARG_U32 },
};
enum { C_OPC, C_BUF, C_NSID, C_DW10, C_DW2 = 9, C_DW3, C_CB, C_LENGTH, C_NR };

static struct py_arg clear_args[] = { { "nsid", ARG_U32, .def = NVME_NSID_ALL } };

static void
fill_sqe(struct nvme_sqe *sqe, const union py_val *v)
{
	*sqe = (struct nvme_sqe){
		.opc = (uint8_t)v[C_OPC].u,
		.flags = (uint8_t)(v[C_OPC].u >> 8),
		.nsid = le32_from((uint32_t)v[C_NSID].u),
		.cdw2 = le32_from((uint32_t)v[C_DW2].u),
		.cdw3 = le32_from((uint32_t)v[C_DW3].u),
		.cdw10 = le32_from((uint32_t)v[C_DW10].u),
		.cdw11 = le32_from((uint32_t)v[C_DW10 + 1].u),
		.cdw12 = le32_from((uint32_t)v[C_DW10 + 2].u),
		.cdw13 = le32_from((uint32_t)v[C_DW10 + 3].u),
		.cdw14 = le32_from((uint32_t)v[C_DW10 + 4].u),
		.cdw15 = le32_from((uint32_t)v[C_DW10 + 5].u),
	};
}

/* A request that only needs to be submitted. */
static struct nvp_req *
prepare(PyObject *o, const char *name, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, struct py_cmd **cmd)
{
	struct py_ctrlr *self = (struct py_ctrlr *)o;
	union py_val v[C_NR];
	struct py_buffer *buf;
	struct nvp_req *r;

	if (py_args(name, cmd_args, C_NR, 1, args, nargs, kwnames, v) < 0 || !py_ctrlr_get(self))
		return NULL;
	if (v[C_OPC].u > 0xffff) {
		PyErr_SetString(PyExc_AssertionError, "an opcode has 8 bits, with the flags 16");
		return NULL;
	}
	r = py_queue_get(self->adminq, name, cmd);
	if (!r)
		return NULL;
	fill_sqe(nvp_req_sqe(r), v);
	buf = (struct py_buffer *)v[C_BUF].obj;
	if (buf && py_buffer_attach(buf, r, v[C_LENGTH].u ? v[C_LENGTH].u : buf->size) < 0) {
		py_queue_abort(r, *cmd);
		return NULL;
	}
	py_cmd_hold(*cmd, buf, NULL, v[C_CB].obj);
	py_verify_note_admin(&(*cmd)->verify, self->c, nvp_req_sqe(r));
	return r;
}

PyObject *
py_ctrlr_send_cmd(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	struct py_cmd *cmd;
	struct nvp_req *r = prepare(o, "send_cmd", args, nargs, kwnames, &cmd);

	if (!r)
		return NULL;
	py_queue_submit(r, cmd);
	Py_INCREF(o);
	return o;
}

PyObject *
py_ctrlr_sync_cmd(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	struct py_sync sync;
	struct py_cmd *cmd;
	struct nvp_req *r;

	if (py_wait_enter("sync_cmd") < 0)
		return NULL;
	r = prepare(o, "sync_cmd", args, nargs, kwnames, &cmd);
	if (!r || (py_queue_sync(r, cmd, &sync) < 0 && PyErr_Occurred())) {
		py_wait_leave_quiet();
		return NULL;
	}
	if (py_wait_leave() < 0)
		return NULL;
	return py_cqe_new(&sync.cqe);
}

/* A lazy admin queue tells the device here, or in the next wait. */
PyObject *
py_ctrlr_ring_doorbell(PyObject *o, PyObject *unused)
{
	struct py_ctrlr *self = (struct py_ctrlr *)o;

	(void)unused;
	if (!py_ctrlr_get(self))
		return NULL;
	if (self->adminq)
		nvp_qpair_ring(self->adminq->q);
	Py_RETURN_NONE;
}

PyObject *
py_ctrlr_ns_clear(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	union py_val v[1];

	if (py_args("ns_clear", clear_args, 1, 0, args, nargs, kwnames, v) < 0 || !py_ctrlr_get((struct py_ctrlr *)o))
		return NULL;
	py_verify_forget(((struct py_ctrlr *)o)->c, (uint32_t)v[0].u);
	Py_RETURN_NONE;
}

PyObject *
py_ctrlr_power_event(PyObject *o, PyObject *lost)
{
	int yes = PyObject_IsTrue(lost);

	if (yes < 0 || !py_ctrlr_get((struct py_ctrlr *)o))
		return NULL;
	py_verify_power(((struct py_ctrlr *)o)->c, yes == 1);
	Py_RETURN_NONE;
}

PyObject *
py_ctrlr_use_vector(PyObject *o, PyObject *arg)
{
	unsigned long v = PyLong_AsUnsignedLong(arg);
	int rc;

	if (PyErr_Occurred() || !py_ctrlr_get((struct py_ctrlr *)o))
		return NULL;
	rc = v <= UINT16_MAX ? nvp_ctrlr_use_vector(((struct py_ctrlr *)o)->c, (uint16_t)v) : -EINVAL;
	return PyBool_FromLong(!rc);
}

/* --- statistics --- */

static void
totals(struct py_ctrlr *self, uint64_t *ios, uint64_t *bytes)
{
	uint64_t n, b;

	nvp_iow_total(self->c, ios, bytes);
	*ios += self->retired_ios;
	*bytes += self->retired_bytes;
	for (struct py_queue *pq = self->queues; pq; pq = pq->next) {
		nvp_qpair_stat(pq->q, &n, &b);
		*ios += n;
		*bytes += b;
	}
}

PyObject *
py_ctrlr_iostat(PyObject *o, PyObject *unused)
{
	struct py_ctrlr *self = (struct py_ctrlr *)o;
	uint64_t ios = 0, bytes = 0, now = ut_mono_ns(), dios, dbytes, ns;

	(void)unused;
	if (!py_ctrlr_get(self))
		return NULL;
	totals(self, &ios, &bytes);
	dios = ios > self->stat_ios ? ios - self->stat_ios : 0;
	dbytes = bytes > self->stat_bytes ? bytes - self->stat_bytes : 0;
	ns = now - self->stat_ns + 1;
	self->stat_ios = ios;
	self->stat_bytes = bytes;
	self->stat_ns = now;
	return Py_BuildValue("[KK]", (unsigned long long)((double)dbytes * 1e9 / (double)ns),
			     (unsigned long long)((double)dios * 1e9 / (double)ns));
}

/* Counters of the driver only: any thread that holds the GIL, and nobody's iostat() notices. */
PyObject *
py_ctrlr_totals(PyObject *o, PyObject *unused)
{
	struct py_ctrlr *self = (struct py_ctrlr *)o;
	const struct nvme_id_ctrl *id;
	uint64_t ios, bytes;

	(void)unused;
	if (!py_ctrlr_get(self))
		return NULL;
	totals(self, &ios, &bytes);
	id = nvp_ctrlr_id(self->c);
	return Py_BuildValue("(KKy#)", (unsigned long long)ios, (unsigned long long)bytes, (const char *)id->mn,
			     (Py_ssize_t)sizeof(id->mn));
}

/* --- command logs --- */

static int
collect_logs(struct py_ctrlr *self, PyObject *sqids, const struct nvp_cmdlog_ring **rings)
{
	Py_ssize_t n = PyTuple_Size(sqids);

	if (n < 0 || n > (Py_ssize_t)MAX_LOGS) {
		PyErr_SetString(PyExc_ValueError, "too many queues");
		return -1;
	}
	for (Py_ssize_t i = 0; i < n; i++) {
		unsigned long sqid = PyLong_AsUnsignedLong(PyTuple_GetItem(sqids, i));

		if (PyErr_Occurred())
			return -1;
		rings[i] = sqid <= UINT16_MAX ? nvp_ctrlr_cmdlog(self->c, (uint16_t)sqid) : NULL;
		if (!rings[i]) {
			PyErr_Format(PyExc_ValueError, "no command log of queue %lu", sqid);
			return -1;
		}
	}
	return (int)n;
}

static PyObject *
log_lines(const struct nvp_cmdlog_rec *rec, uint32_t from, uint32_t n)
{
	PyObject *list = PyList_New(0);
	char text[512];

	for (uint32_t i = from; list && i < n; i++) {
		PyObject *line;

		nvp_cmdlog_text(&rec[i], text, sizeof(text));
		line = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
		if (!line || PyList_Append(list, line) < 0)
			Py_CLEAR(list);
		Py_XDECREF(line);
	}
	return list;
}

PyObject *
py_cmdlog_lines(const struct nvp_cmdlog_ring *const *rings, uint32_t n, uint32_t count, uint32_t offset)
{
	uint32_t max = n * NVP_CMDLOG_ENTRIES;
	struct nvp_cmdlog_rec *rec;
	PyObject *list;

	offset = offset < max ? offset : max;
	max = count < max - offset ? count + offset : max;
	rec = ut_calloc(max + 1ull, sizeof(*rec));
	if (!rec)
		return PyErr_NoMemory();
	list = log_lines(rec, offset, nvp_cmdlog_merge(rings, n, rec, max));
	free(rec);
	return list;
}

PyObject *
py_ctrlr_cmdlog(PyObject *o, PyObject *args)
{
	const struct nvp_cmdlog_ring *rings[MAX_LOGS];
	unsigned int count, offset;
	PyObject *sqids;
	int n;

	if (!PyArg_ParseTuple(args, "O!II:cmdlog_text", &PyTuple_Type, &sqids, &count, &offset) ||
	    !py_ctrlr_get((struct py_ctrlr *)o))
		return NULL;
	n = collect_logs((struct py_ctrlr *)o, sqids, rings);
	return n < 0 ? NULL : py_cmdlog_lines(rings, (uint32_t)n, count, offset);
}

int
py_ctrlr_cmd_setup(void)
{
	return py_args_intern(clear_args, 1) < 0 ? -1 : py_args_intern(cmd_args, C_NR);
}
