/* SPDX-License-Identifier: BSD-3-Clause */
/* Namespace.send_cmd: any I/O command, dword by dword, with what verification can make of it. */
#include "pyext/ns.h"

#include "nvproof/spec/nvm.h"

enum { ZSA_RESET = 4, ZSA_OFFLINE = 5 };

static struct py_arg cmd_args[] = {
	{ "opcode", .kind = ARG_U32 },
	{ "qpair", ARG_TYPE, .type = &py_qpair_type },
	{ "buf", ARG_TYPE, .type = &py_buffer_type },
	{ "nsid", .kind = ARG_OBJ },
	{ "cdw10", .kind = ARG_U32 },
	{ "cdw11", .kind = ARG_U32 },
	{ "cdw12", .kind = ARG_U32 },
	{ "cdw13", .kind = ARG_U32 },
	{ "cdw14", .kind = ARG_U32 },
	{ "cdw15", .kind = ARG_U32 },
	{ "cdw02", .kind = ARG_U32 },
	{ "cdw03", .kind = ARG_U32 },
	{ "meta", ARG_TYPE, .type = &py_buffer_type },
	{ "cb", .kind = ARG_CALLABLE },
	{ "length", .kind = ARG_U32 },
};
enum { A_OPC, A_QPAIR, A_BUF, A_NSID, A_DW10, A_DW2 = 10, A_DW3, A_META, A_CB, A_LENGTH, A_NR };

static void
fill_sqe(struct nvme_sqe *sqe, const union py_val *v, uint32_t nsid)
{
	*sqe = (struct nvme_sqe){
		.opc = (uint8_t)v[A_OPC].u,
		.flags = (uint8_t)(v[A_OPC].u >> 8), /* fused: opcode | 1 << 8, then | 2 << 8 */
		.nsid = le32_from(nsid),
		.cdw2 = le32_from((uint32_t)v[A_DW2].u),
		.cdw3 = le32_from((uint32_t)v[A_DW3].u),
		.cdw10 = le32_from((uint32_t)v[A_DW10].u),
		.cdw11 = le32_from((uint32_t)v[A_DW10 + 1].u),
		.cdw12 = le32_from((uint32_t)v[A_DW10 + 2].u),
		.cdw13 = le32_from((uint32_t)v[A_DW10 + 3].u),
		.cdw14 = le32_from((uint32_t)v[A_DW10 + 4].u),
		.cdw15 = le32_from((uint32_t)v[A_DW10 + 5].u),
	};
}

/*
 * Zone Management Send: what a reset zone held, or that of all zones, is gone.  Zone Append tells where it wrote when it is
 * done, and that is not recorded.  ZNS Command Set, "Zone Management Send command", "Zone Append command".
 */
static void
note_zone(const struct py_ns *ns, const struct nvme_sqe *sqe, struct py_vcmd *out)
{
	uint32_t dw13 = le32_get(sqe->cdw13), action = dw13 & 0xff;
	bool all = dw13 >> 8 & 1;
	uint64_t zsze = ns->ns.zsze;

	out->kind = PY_V_NONE;
	if (sqe->opc == NVME_OPC_ZONE_MGMT_SEND && action != ZSA_RESET && action != ZSA_OFFLINE)
		return;
	if (ns->vtab)
		nvp_verify_mark(py_vtab_verify(ns->vtab), all ? 0 : out->op.slba, all || !zsze ? UINT64_MAX : zsze,
				false);
}

/*
 * Read and Write are verified like read() and write() when the data is all there, but nothing is put into it; what else changes
 * data makes it unknown.
 */
static void
note_verify(const struct py_ns *ns, const struct nvme_sqe *sqe, struct py_buffer *buf, struct py_vcmd *out)
{
	uint32_t nlb = nvme_get32(le32_get(sqe->cdw12), NVME_RW_NLB) + 1, dw10 = le32_get(sqe->cdw10);
	uint32_t block = nvp_ns_block(&ns->ns, le32_get(sqe->cdw12) & NVME_RW_PRACT);
	bool whole = buf && !buf->fake && !buf->prp2 && buf->size >= (uint64_t)nlb * block;

	*out = (struct py_vcmd){
		.kind = PY_V_TRACK,
		.op = { .slba = dw10 | (uint64_t)le32_get(sqe->cdw11) << 32, .nlb = nlb },
		.data = buf ? (uint8_t *)buf->mem.va + buf->offset : NULL,
		.len = buf ? buf->size : 0,
		.lba_size = ns->ns.lba_size,
		.stride = block,
		.ctrlr = ns->ctrlr->c,
		.nsid = ns->ns.nsid,
	};
	out->op.kind = py_verify_kind(sqe->opc);
	switch (sqe->opc) {
	case NVME_OPC_FLUSH:
		out->kind = PY_V_FLUSH;
		out->op.kind = NVP_VERIFY_LOOK;
		break;
	case NVME_OPC_WRITE:
	case NVME_OPC_READ:
		out->op.durable = (le32_get(sqe->cdw12) & NVME_RW_FUA) != 0;
		out->data = whole ? out->data : NULL;
		break;
	case NVME_OPC_COMPARE:
	case NVME_OPC_VERIFY:
	case NVME_OPC_WRITE_ZEROES:
	case NVME_OPC_WRITE_UNCOR:
		break;
	case NVME_OPC_DSM:
		out->kind = nvme_get32(le32_get(sqe->cdw11), NVME_DSM_AD) ? PY_V_DSM : PY_V_NONE;
		out->op.kind = NVP_VERIFY_ZERO;
		out->op.nranges = nvme_get32(dw10, NVME_DSM_NR) + 1;
		break;
	case NVME_OPC_COPY:
		out->kind = PY_V_COPY;
		out->op.kind = NVP_VERIFY_COPY;
		out->op.nranges = nvme_get32(le32_get(sqe->cdw12), NVME_COPY_NR) + 1;
		out->format = (uint8_t)nvme_get32(le32_get(sqe->cdw12), NVME_COPY_DESFMT);
		break;
	case NVME_OPC_ZONE_MGMT_SEND:
	case NVME_OPC_ZONE_APPEND:
		note_zone(ns, sqe, out);
		break;
	default:
		out->kind = PY_V_NONE;
	}
}

static int
get_nsid(const struct py_ns *ns, PyObject *obj, uint32_t *nsid)
{
	unsigned long v = obj ? PyLong_AsUnsignedLong(obj) : ns->ns.nsid;

	if (PyErr_Occurred())
		return -1;
	if (v > UINT32_MAX) {
		PyErr_SetString(PyExc_OverflowError, "send_cmd(): nsid has 32 bits");
		return -1;
	}
	*nsid = (uint32_t)v;
	return 0;
}

PyObject *
py_ns_send_cmd(PyObject *o, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
	struct py_ns *ns = (struct py_ns *)o;
	struct py_buffer *buf, *meta;
	union py_val v[A_NR];
	struct py_cmd *cmd;
	struct nvp_req *r;
	uint32_t nsid;

	if (py_args("send_cmd", cmd_args, A_NR, 2, args, nargs, kwnames, v) < 0 ||
	    get_nsid(ns, v[A_NSID].obj, &nsid) < 0)
		return NULL;
	if (v[A_OPC].u > 0xffff) {
		PyErr_SetString(PyExc_AssertionError, "an opcode has 8 bits, with the flags 16");
		return NULL;
	}
	r = py_ns_get(ns, v[A_QPAIR].obj, "send_cmd", &cmd);
	if (!r)
		return NULL;
	buf = (struct py_buffer *)v[A_BUF].obj;
	meta = (struct py_buffer *)v[A_META].obj;
	fill_sqe(nvp_req_sqe(r), v, nsid);
	if (buf && py_buffer_attach(buf, r, v[A_LENGTH].u ? v[A_LENGTH].u : buf->size) < 0) {
		py_queue_abort(r, cmd);
		return NULL;
	}
	if (meta)
		nvp_req_sqe(r)->mptr = le64_from(py_buffer_addr(meta));
	py_cmd_hold(cmd, buf, meta, v[A_CB].obj);
	if (nsid == ns->ns.nsid)
		note_verify(ns, nvp_req_sqe(r), buf, &cmd->verify);
	return py_ns_submit(ns, v[A_QPAIR].obj, r, cmd);
}

int
py_ns_raw_setup(void)
{
	return py_args_intern(cmd_args, A_NR);
}
