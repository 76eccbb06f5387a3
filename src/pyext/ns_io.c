/* SPDX-License-Identifier: BSD-3-Clause */
/* Namespace: the I/O commands.  Each fills one SQE; what verification has to know goes into the context. */
#include "pyext/ns.h"
#include "pyext/defer.h"
#include "pyext/pi.h"

#include "nvproof/spec/prep_nvm.h"

#define TAIL                                                                                              \
	{ "io_flags", .kind = ARG_U16 }, { "cdw13", .kind = ARG_U32 }, { "cdw14", .kind = ARG_U32 },      \
		{ "cdw15", .kind = ARG_U32 }, { "cdw02", .kind = ARG_U32 }, { "cdw03", .kind = ARG_U32 }, \
	{                                                                                                 \
		"cb", .kind = ARG_CALLABLE                                                                \
	}
#define ALIASES(first)                                                                              \
	{ "dword13", ARG_ALIAS, .def = (first) + 1 }, { "dword14", ARG_ALIAS, .def = (first) + 2 }, \
	{                                                                                           \
		"dword15", ARG_ALIAS, .def = (first) + 3                                            \
	}
#define PRACT ((uint32_t)NVME_RW_PRACT >> 16) /* in io_flags */
enum { T_FLAGS, T_DW13, T_DW14, T_DW15, T_DW2, T_DW3, T_CB, T_NR };

static struct py_arg rw_args[] = {
	{ "qpair", ARG_TYPE, .type = &py_qpair_type },
	{ "buf", ARG_TYPE, .type = &py_buffer_type },
	{ "lba", .kind = ARG_U64 },
	{ "lba_count", ARG_U32, .def = 1 },
	TAIL,
	{ "meta", ARG_TYPE, .type = &py_buffer_type },
	{ "verify_disable", .kind = ARG_BOOL },
	ALIASES(4),
};
enum { RW_QPAIR, RW_BUF, RW_LBA, RW_NLB, RW_TAIL, RW_META = RW_TAIL + T_NR, RW_NOVERIFY };

static struct py_arg range_args[] = {
	{ "qpair", ARG_TYPE, .type = &py_qpair_type },
	{ "lba", .kind = ARG_U64 },
	{ "lba_count", ARG_U32, .def = 1 },
	TAIL,
	ALIASES(3),
};
enum { RG_QPAIR, RG_LBA, RG_NLB, RG_TAIL };

static struct py_arg flush_args[] = {
	{ "qpair", ARG_TYPE, .type = &py_qpair_type },
	{ "cb", .kind = ARG_CALLABLE },
};

static struct py_arg dsm_args[] = {
	{ "qpair", ARG_TYPE, .type = &py_qpair_type },
	{ "buf", ARG_TYPE, .type = &py_buffer_type },
	{ "range_count", .kind = ARG_U32 },
	{ "attribute", ARG_U32, .def = NVME_DSM_AD },
	{ "cb", .kind = ARG_CALLABLE },
};

static struct py_arg copy_args[] = {
	{ "qpair", ARG_TYPE, .type = &py_qpair_type },
	{ "buf", ARG_TYPE, .type = &py_buffer_type },
	{ "range_count", .kind = ARG_U32 },
	{ "sdlba", .kind = ARG_U64 },
	{ "io_flags", .kind = ARG_U16 },
	{ "prinfor", .kind = ARG_U32 },
	{ "format", .kind = ARG_U32 },
	{ "cdw13", .kind = ARG_U32 },
	{ "cdw14", .kind = ARG_U32 },
	{ "cdw15", .kind = ARG_U32 },
	{ "cdw02", .kind = ARG_U32 },
	{ "cdw03", .kind = ARG_U32 },
	{ "cb", .kind = ARG_CALLABLE },
};
enum { CP_QPAIR, CP_BUF, CP_NR, CP_SDLBA, CP_FLAGS, CP_PRINFOR, CP_FORMAT, CP_DW13, CP_CB = CP_DW13 + 5 };

static struct py_ns *namespace(PyObject *o)
{
	return (struct py_ns *)o;
}

struct nvp_req *
py_ns_get(struct py_ns *ns, PyObject *qpair, const char *what, struct py_cmd **cmd)
{
	struct py_qpair *q = (struct py_qpair *)qpair;

	if (!ns->open || !ns->ctrlr->c) {
		PyErr_SetString(PyExc_SystemError, "the namespace is closed");
		return NULL;
	}
	if (!q) {
		PyErr_Format(PyExc_TypeError, "%s() needs a qpair", what);
		return NULL;
	}
	return py_queue_get(q->pq, what, cmd);
}

PyObject *
py_ns_submit(struct py_ns *ns, PyObject *qpair, struct nvp_req *r, struct py_cmd *cmd)
{
	uint64_t fuse = nvme_get(nvp_req_sqe(r)->flags, NVME_SQE_FUSE);

	/* Of a fused pair the second half has the LBAs for itself; the first is on the same ones, and must not hold them. */
	if (fuse == NVME_FUSE_FIRST && cmd->verify.op.kind == NVP_VERIFY_LOOK)
		cmd->verify = (struct py_vcmd){ 0 };
	py_verify_aim(&cmd->verify, ns->vtab);
	if (fuse)
		py_defer_never(r, cmd);
	else
		py_defer_submit(r, cmd);
	Py_INCREF(qpair);
	return qpair;
}

static int
check_count(const char *what, uint64_t nlb)
{
	if (nlb >= 1 && nlb <= 65536)
		return 0;
	PyErr_Format(PyExc_AssertionError, "%s(): lba_count is 1 to 65536", what);
	return -1;
}

/* The optional dwords, after the command's own. */
static void
set_tail(struct nvme_sqe *sqe, const union py_val *t)
{
	sqe->cdw12 = le32_from(le32_get(sqe->cdw12) | (uint32_t)t[T_FLAGS].u << 16);
	sqe->cdw13 = le32_from((uint32_t)t[T_DW13].u);
	sqe->cdw14 = le32_from((uint32_t)t[T_DW14].u);
	sqe->cdw15 = le32_from((uint32_t)t[T_DW15].u);
	sqe->cdw2 = le32_from((uint32_t)t[T_DW2].u);
	sqe->cdw3 = le32_from((uint32_t)t[T_DW3].u);
}

/* What verification does with a Read, Write or Compare. */
static void
track(struct py_ns *ns, uint8_t opc, const union py_val *v, uint64_t len, struct py_vcmd *out)
{
	const struct py_buffer *buf = (struct py_buffer *)v[RW_BUF].obj;
	bool plain = buf && !buf->fake && !buf->prp2;

	if (opc == NVME_OPC_READ && (v[RW_NOVERIFY].u || !buf))
		return;
	*out = (struct py_vcmd){
		.kind = PY_V_TRACK,
		.op = { .slba = v[RW_LBA].u, .nlb = (uint32_t)v[RW_NLB].u, .kind = NVP_VERIFY_LOOK },
		.data = plain ? (uint8_t *)buf->mem.va + buf->offset : NULL,
		.len = len,
		.lba_size = ns->ns.lba_size,
		.stride = (uint32_t)(len / v[RW_NLB].u),
		.ctrlr = ns->ctrlr->c,
		.nsid = ns->ns.nsid,
	};
	if (opc == NVME_OPC_WRITE) {
		out->op.kind = NVP_VERIFY_WRITE;
		out->op.durable = v[RW_TAIL + T_FLAGS].u & (uint32_t)NVME_RW_FUA >> 16;
		out->inject = ns->inject;
	} else if (opc == NVME_OPC_READ) {
		out->op.kind = NVP_VERIFY_READ;
	}
}

/* Read, Write, Compare; v as in rw_args. */
static PyObject *
rw(PyObject *o, uint8_t opc, const char *what, const union py_val *v)
{
	struct py_ns *ns = namespace(o);
	struct py_buffer *buf = (struct py_buffer *)v[RW_BUF].obj, *meta = (struct py_buffer *)v[RW_META].obj;
	uint32_t nlb = (uint32_t)v[RW_NLB].u;
	uint64_t len = (uint64_t)nlb * (v[RW_TAIL + T_FLAGS].u & PRACT ? nvp_ns_block(&ns->ns, true) : ns->block);
	struct py_cmd *cmd;
	struct nvp_req *r;

	if (check_count(what, v[RW_NLB].u) < 0)
		return NULL;
	r = py_ns_get(ns, v[RW_QPAIR].obj, what, &cmd);
	if (!r)
		return NULL;
	nvme_prep_lba_cmd(nvp_req_sqe(r), opc, ns->ns.nsid, v[RW_LBA].u, nlb);
	set_tail(nvp_req_sqe(r), &v[RW_TAIL]);
	if (buf && py_buffer_attach(buf, r, len) < 0) {
		py_queue_abort(r, cmd);
		return NULL;
	}
	if (meta)
		nvp_req_sqe(r)->mptr = le64_from(py_buffer_addr(meta));
	py_cmd_hold(cmd, buf, meta, v[RW_TAIL + T_CB].obj);
	if (ns->ns.meta_size && py_pi_attach(ns, cmd, r) < 0) {
		py_queue_abort(r, cmd);
		return NULL;
	}
	track(ns, opc, v, len, &cmd->verify);
	return py_ns_submit(ns, v[RW_QPAIR].obj, r, cmd);
}

#define RW_METHOD(name, opc)                                                                            \
	PyObject *py_ns_##name(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames) \
	{                                                                                               \
		union py_val v[PY_NARGS(rw_args)];                                                      \
                                                                                                        \
		if (py_args(#name, rw_args, PY_NARGS(rw_args), 3, args, nargs, kwnames, v) < 0)         \
			return NULL;                                                                    \
		return rw(o, opc, #name, v);                                                            \
	}
RW_METHOD(read, NVME_OPC_READ)
RW_METHOD(write, NVME_OPC_WRITE)
RW_METHOD(compare, NVME_OPC_COMPARE)

uint8_t
py_verify_kind(uint8_t opc)
{
	switch (opc) {
	case NVME_OPC_READ:
		return NVP_VERIFY_READ;
	case NVME_OPC_WRITE:
		return NVP_VERIFY_WRITE;
	case NVME_OPC_COMPARE:
	case NVME_OPC_VERIFY:
		return NVP_VERIFY_LOOK;
	case NVME_OPC_WRITE_ZEROES:
		return NVP_VERIFY_ZERO;
	case NVME_OPC_WRITE_UNCOR:
		return NVP_VERIFY_UNCORR;
	default:
		return NVP_VERIFY_CHANGE;
	}
}

/* Commands on an LBA range without data; v as in range_args. */
static PyObject *
range_cmd(PyObject *o, uint8_t opc, const char *what, const union py_val *v)
{
	struct py_ns *ns = namespace(o);
	struct py_cmd *cmd;
	struct nvp_req *r;

	if (check_count(what, v[RG_NLB].u) < 0)
		return NULL;
	r = py_ns_get(ns, v[RG_QPAIR].obj, what, &cmd);
	if (!r)
		return NULL;
	nvme_prep_lba_cmd(nvp_req_sqe(r), opc, ns->ns.nsid, v[RG_LBA].u, (uint32_t)v[RG_NLB].u);
	set_tail(nvp_req_sqe(r), &v[RG_TAIL]);
	py_cmd_hold(cmd, NULL, NULL, v[RG_TAIL + T_CB].obj);
	cmd->verify = (struct py_vcmd){
		.kind = PY_V_TRACK,
		.op = { .slba = v[RG_LBA].u, .nlb = (uint32_t)v[RG_NLB].u, .kind = py_verify_kind(opc) },
	};
	return py_ns_submit(ns, v[RG_QPAIR].obj, r, cmd);
}

#define RANGE_METHOD(name, opc)                                                                         \
	PyObject *py_ns_##name(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames) \
	{                                                                                               \
		union py_val v[PY_NARGS(range_args)];                                                   \
                                                                                                        \
		if (py_args(#name, range_args, PY_NARGS(range_args), 2, args, nargs, kwnames, v) < 0)   \
			return NULL;                                                                    \
		return range_cmd(o, opc, #name, v);                                                     \
	}
RANGE_METHOD(write_zeroes, NVME_OPC_WRITE_ZEROES)
RANGE_METHOD(write_uncorrectable, NVME_OPC_WRITE_UNCOR)
RANGE_METHOD(verify, NVME_OPC_VERIFY)

PyObject *
py_ns_flush(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	struct py_ns *ns = namespace(o);
	struct py_cmd *cmd;
	struct nvp_req *r;
	union py_val v[2];

	if (py_args("flush", flush_args, 2, 1, args, nargs, kwnames, v) < 0)
		return NULL;
	r = py_ns_get(ns, v[0].obj, "flush", &cmd);
	if (!r)
		return NULL;
	nvme_prep_flush(nvp_req_sqe(r), ns->ns.nsid);
	cmd->verify = (struct py_vcmd){ .kind = PY_V_FLUSH, .op = { .kind = NVP_VERIFY_LOOK } };
	py_cmd_hold(cmd, NULL, NULL, v[1].obj);
	return py_ns_submit(ns, v[0].obj, r, cmd);
}

/* Attach a list of ranges and remember it.  The request is put back when that fails. */
static int
attach_ranges(struct nvp_req *r, struct py_cmd *cmd, PyObject *obj, PyObject *cb, uint64_t len)
{
	struct py_buffer *buf = (struct py_buffer *)obj;

	if (buf && py_buffer_attach(buf, r, len) < 0) {
		py_queue_abort(r, cmd);
		return -1;
	}
	py_cmd_hold(cmd, buf, NULL, cb);
	return 0;
}

static int
check_ranges(const char *what, uint64_t n)
{
	if (n >= 1 && n <= NVME_DSM_MAX_RANGES)
		return 0;
	PyErr_Format(PyExc_AssertionError, "%s(): range_count is 1 to 256", what);
	return -1;
}

PyObject *
py_ns_dsm(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	struct py_ns *ns = namespace(o);
	struct py_buffer *buf;
	struct py_cmd *cmd;
	struct nvp_req *r;
	union py_val v[5];
	uint64_t len;

	if (py_args("dsm", dsm_args, 5, 3, args, nargs, kwnames, v) < 0 || check_ranges("dsm", v[2].u) < 0)
		return NULL;
	r = py_ns_get(ns, v[0].obj, "dsm", &cmd);
	if (!r)
		return NULL;
	buf = (struct py_buffer *)v[1].obj;
	len = v[2].u * sizeof(struct nvme_dsm_range);
	nvme_prep_dsm(nvp_req_sqe(r), ns->ns.nsid, (uint32_t)v[2].u, (uint32_t)v[3].u);
	if (attach_ranges(r, cmd, v[1].obj, v[4].obj, len) < 0)
		return NULL;
	if (buf && len <= buf->size && v[3].u & NVME_DSM_AD)
		cmd->verify = (struct py_vcmd){
			.kind = PY_V_DSM,
			.op = { .kind = NVP_VERIFY_ZERO, .nranges = (uint32_t)v[2].u },
			.data = (uint8_t *)buf->mem.va + buf->offset,
			.len = len,
		};
	return py_ns_submit(ns, v[0].obj, r, cmd);
}

PyObject *
py_ns_copy(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	struct py_ns *ns = namespace(o);
	union py_val v[PY_NARGS(copy_args)], tail[T_NR] = { 0 };
	struct nvme_sqe *sqe;
	struct py_cmd *cmd;
	struct nvp_req *r;
	uint64_t size;

	if (py_args("copy", copy_args, PY_NARGS(copy_args), 4, args, nargs, kwnames, v) < 0 ||
	    check_ranges("copy", v[CP_NR].u) < 0)
		return NULL;
	r = py_ns_get(ns, v[CP_QPAIR].obj, "copy", &cmd);
	if (!r)
		return NULL;
	sqe = nvp_req_sqe(r);
	nvme_prep_copy(sqe, ns->ns.nsid, v[CP_SDLBA].u, (uint32_t)v[CP_NR].u, (uint8_t)(v[CP_FORMAT].u & 0xf));
	sqe->cdw12 = le32_from(le32_get(sqe->cdw12) | nvme_put32(NVME_COPY_PRINFOR, v[CP_PRINFOR].u & 0xf));
	tail[T_FLAGS] = v[CP_FLAGS];
	memcpy(&tail[T_DW13], &v[CP_DW13], 5 * sizeof(*tail));
	set_tail(sqe, tail);
	size = v[CP_FORMAT].u & 1 ? sizeof(struct nvme_copy_range_ext) : sizeof(struct nvme_copy_range);
	if (attach_ranges(r, cmd, v[CP_BUF].obj, v[CP_CB].obj, v[CP_NR].u * size) < 0)
		return NULL;
	if (v[CP_BUF].obj)
		cmd->verify = (struct py_vcmd){
			.kind = PY_V_COPY,
			.op = { .kind = NVP_VERIFY_COPY, .slba = v[CP_SDLBA].u, .nranges = (uint32_t)v[CP_NR].u },
			.format = (uint8_t)(v[CP_FORMAT].u & 0xf),
			.data = (uint8_t *)((struct py_buffer *)v[CP_BUF].obj)->mem.va +
				((struct py_buffer *)v[CP_BUF].obj)->offset,
			.len = ((struct py_buffer *)v[CP_BUF].obj)->size,
		};
	return py_ns_submit(ns, v[CP_QPAIR].obj, r, cmd);
}

int
py_ns_io_setup(void)
{
	if (py_args_intern(rw_args, PY_NARGS(rw_args)) < 0 || py_args_intern(range_args, PY_NARGS(range_args)) < 0 ||
	    py_args_intern(flush_args, PY_NARGS(flush_args)) < 0 || py_args_intern(dsm_args, PY_NARGS(dsm_args)) < 0)
		return -1;
	return py_args_intern(copy_args, PY_NARGS(copy_args));
}
