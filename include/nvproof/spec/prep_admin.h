/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One inline per admin command: fills the whole SQE and touches nothing else.
 *
 * All of *sqe is overwritten, so cid, the data pointer and optional fields are set afterwards.  Nothing is
 * checked: a value too wide for its field is cut to it, a wrong one goes to the device.
 *
 * NVMe Base 2.3, "Admin Command Set".
 */
#pragma once

#include "nvproof/spec/cmd.h"
#include "nvproof/spec/feat.h"

/* Optional: CNSSID and CSI in cdw11 (NVME_IDENTIFY_CNSSID, _CSI), UUIDX in cdw14. */
static inline void
nvme_prep_identify(struct nvme_sqe *sqe, uint8_t cns, uint32_t nsid, uint16_t cntid)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_IDENTIFY,
		.nsid = le32_from(nsid),
		.cdw10 = le32_from(nvme_put32(NVME_IDENTIFY_CNS, cns) | nvme_put32(NVME_IDENTIFY_CNTID, cntid)),
	};
}

/* Identify, of an I/O command set. */
static inline void
nvme_prep_identify_csi(struct nvme_sqe *sqe, uint8_t cns, uint32_t nsid, uint16_t cntid, uint8_t csi)
{
	nvme_prep_identify(sqe, cns, nsid, cntid);
	sqe->cdw11 = le32_from(nvme_put32(NVME_IDENTIFY_CSI, csi));
}

/*
 * iova is the queue, physically contiguous; vector < 0 leaves interrupts off.  qsize counts entries.
 */
static inline void
nvme_prep_create_io_cq(struct nvme_sqe *sqe, uint16_t qid, uint32_t qsize, uint64_t iova, int vector)
{
	uint32_t irq = 0;

	if (vector >= 0)
		irq = nvme_put32(NVME_CQ_IEN, 1) | nvme_put32(NVME_CQ_IV, vector);
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_CREATE_IO_CQ,
		.prp1 = le64_from(iova),
		.cdw10 = le32_from(nvme_put32(NVME_CQ_QID, qid) | nvme_put32(NVME_CQ_QSIZE, qsize - 1)),
		.cdw11 = le32_from(nvme_put32(NVME_CQ_PC, 1) | irq),
	};
}

static inline void
nvme_prep_create_io_sq(struct nvme_sqe *sqe, uint16_t qid, uint32_t qsize, uint64_t iova, uint16_t cqid,
		       enum nvme_qprio qprio)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_CREATE_IO_SQ,
		.prp1 = le64_from(iova),
		.cdw10 = le32_from(nvme_put32(NVME_SQ_QID, qid) | nvme_put32(NVME_SQ_QSIZE, qsize - 1)),
		.cdw11 = le32_from(nvme_put32(NVME_SQ_PC, 1) | nvme_put32(NVME_SQ_QPRIO, qprio) |
				   nvme_put32(NVME_SQ_CQID, cqid)),
	};
}

static inline void
nvme_prep_delete_io_sq(struct nvme_sqe *sqe, uint16_t qid)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_DELETE_IO_SQ,
		.cdw10 = le32_from(nvme_put32(NVME_SQ_QID, qid)),
	};
}

static inline void
nvme_prep_delete_io_cq(struct nvme_sqe *sqe, uint16_t qid)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_DELETE_IO_CQ,
		.cdw10 = le32_from(nvme_put32(NVME_CQ_QID, qid)),
	};
}

/* cid is that of the victim, as it stands in its SQE. */
static inline void
nvme_prep_abort(struct nvme_sqe *sqe, uint16_t sqid, uint16_t cid)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_ABORT,
		.cdw10 = le32_from(nvme_put32(NVME_ABORT_SQID, sqid) | nvme_put32(NVME_ABORT_CID, cid)),
	};
}

static inline void
nvme_prep_get_features(struct nvme_sqe *sqe, uint8_t fid, enum nvme_feat_sel sel, uint32_t nsid)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_GET_FEATURES,
		.nsid = le32_from(nsid),
		.cdw10 = le32_from(nvme_put32(NVME_FEAT_FID, fid) | nvme_put32(NVME_FEAT_SEL, sel)),
	};
}

/* save is 0 or 1. */
static inline void
nvme_prep_set_features(struct nvme_sqe *sqe, uint8_t fid, uint32_t nsid, uint32_t cdw11, int save)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_SET_FEATURES,
		.nsid = le32_from(nsid),
		.cdw10 = le32_from(nvme_put32(NVME_FEAT_FID, fid) | nvme_put32(NVME_FEAT_SV, save)),
		.cdw11 = le32_from(cdw11),
	};
}

/* len and off are bytes; len is a multiple of 4 and not 0.  Optional: LSP, RAE in cdw10, LSI in cdw11. */
static inline void
nvme_prep_get_log_page(struct nvme_sqe *sqe, uint8_t lid, uint32_t nsid, uint32_t len, uint64_t off)
{
	uint32_t numd = len / 4 - 1; /* 0's based */

	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_GET_LOG_PAGE,
		.nsid = le32_from(nsid),
		.cdw10 = le32_from(nvme_put32(NVME_GLP_LID, lid) | nvme_put32(NVME_GLP_NUMDL, numd)),
		.cdw11 = le32_from(nvme_put32(NVME_GLP_NUMDU, numd >> 16)),
		.cdw12 = le32_from((uint32_t)off),
		.cdw13 = le32_from((uint32_t)(off >> 32)),
	};
}

static inline void
nvme_prep_aer(struct nvme_sqe *sqe)
{
	*sqe = (struct nvme_sqe){ .opc = NVME_ADM_ASYNC_EVENT };
}

static inline void
nvme_prep_keep_alive(struct nvme_sqe *sqe)
{
	*sqe = (struct nvme_sqe){ .opc = NVME_ADM_KEEP_ALIVE };
}

/* lbaf has six bits, LBAFU:LBAFL.  Optional: NVME_FORMAT_PI, _PIL, _MSET in cdw10. */
static inline void
nvme_prep_format(struct nvme_sqe *sqe, uint32_t nsid, uint8_t lbaf, enum nvme_format_ses ses)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_FORMAT_NVM,
		.nsid = le32_from(nsid),
		.cdw10 = le32_from(nvme_put32(NVME_FORMAT_LBAFL, lbaf) | nvme_put32(NVME_FORMAT_LBAFU, lbaf >> 4) |
				   nvme_put32(NVME_FORMAT_SES, ses)),
	};
}

/* slot 0 lets the controller choose.  Optional: NVME_FW_BPID in cdw10. */
static inline void
nvme_prep_fw_commit(struct nvme_sqe *sqe, uint8_t slot, enum nvme_fw_ca ca)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_FW_COMMIT,
		.cdw10 = le32_from(nvme_put32(NVME_FW_FS, slot) | nvme_put32(NVME_FW_CA, ca)),
	};
}

/* len and off are bytes, multiples of 4. */
static inline void
nvme_prep_fw_download(struct nvme_sqe *sqe, uint32_t len, uint32_t off)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_FW_DOWNLOAD,
		.cdw10 = le32_from(len / 4 - 1), /* NUMD is 0's based */
		.cdw11 = le32_from(off / 4),
	};
}

static inline void
nvme_prep_ns_mgmt(struct nvme_sqe *sqe, uint32_t nsid, enum nvme_ns_mgmt_sel sel, uint8_t csi)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_NS_MGMT,
		.nsid = le32_from(nsid),
		.cdw10 = le32_from(nvme_put32(NVME_NS_MGMT_SEL, sel)),
		.cdw11 = le32_from(nvme_put32(NVME_NS_MGMT_CSI, csi)),
	};
}

/* The data is a controller list. */
static inline void
nvme_prep_ns_attach(struct nvme_sqe *sqe, uint32_t nsid, enum nvme_ns_attach_sel sel)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_NS_ATTACH,
		.nsid = le32_from(nsid),
		.cdw10 = le32_from(nvme_put32(NVME_NS_ATTACH_SEL, sel)),
	};
}

static inline void
nvme_prep_dst(struct nvme_sqe *sqe, uint32_t nsid, enum nvme_dst_stc stc)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_DEV_SELF_TEST,
		.nsid = le32_from(nsid),
		.cdw10 = le32_from(nvme_put32(NVME_DST_STC, stc)),
	};
}

/* ovrpat is the pattern of an overwrite.  Optional: NVME_SANITIZE_* in cdw10. */
static inline void
nvme_prep_sanitize(struct nvme_sqe *sqe, enum nvme_sanact sanact, uint32_t ovrpat)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_SANITIZE,
		.cdw10 = le32_from(nvme_put32(NVME_SANITIZE_SANACT, sanact)),
		.cdw11 = le32_from(ovrpat),
	};
}

/* secp: security protocol, spsp: SPSP1:SPSP0, len: transfer length in bytes. */
static inline void
nvme_prep_security_send(struct nvme_sqe *sqe, uint32_t nsid, uint8_t secp, uint16_t spsp, uint32_t len)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_SECURITY_SEND,
		.nsid = le32_from(nsid),
		.cdw10 = le32_from(nvme_put32(NVME_SECURITY_SECP, secp) | nvme_put32(NVME_SECURITY_SPSP, spsp)),
		.cdw11 = le32_from(len),
	};
}

/* len: allocation length in bytes. */
static inline void
nvme_prep_security_recv(struct nvme_sqe *sqe, uint32_t nsid, uint8_t secp, uint16_t spsp, uint32_t len)
{
	nvme_prep_security_send(sqe, nsid, secp, spsp, len);
	sqe->opc = NVME_ADM_SECURITY_RECV;
}

/* len is in bytes, a multiple of 4. */
static inline void
nvme_prep_directive_send(struct nvme_sqe *sqe, uint32_t nsid, uint8_t doper, uint8_t dtype, uint16_t dspec,
			 uint32_t len)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_DIRECTIVE_SEND,
		.nsid = le32_from(nsid),
		.cdw10 = le32_from(len ? len / 4 - 1 : 0), /* NUMD is 0's based */
		.cdw11 = le32_from(nvme_put32(NVME_DIRECTIVE_DOPER, doper) | nvme_put32(NVME_DIRECTIVE_DTYPE, dtype) |
				   nvme_put32(NVME_DIRECTIVE_DSPEC, dspec)),
	};
}

static inline void
nvme_prep_directive_recv(struct nvme_sqe *sqe, uint32_t nsid, uint8_t doper, uint8_t dtype, uint16_t dspec,
			 uint32_t len)
{
	nvme_prep_directive_send(sqe, nsid, doper, dtype, dspec, len);
	sqe->opc = NVME_ADM_DIRECTIVE_RECV;
}

static inline void
nvme_prep_virt_mgmt(struct nvme_sqe *sqe, uint8_t act, uint8_t rt, uint16_t cntlid, uint16_t nr)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_VIRT_MGMT,
		.cdw10 = le32_from(nvme_put32(NVME_VIRT_ACT, act) | nvme_put32(NVME_VIRT_RT, rt) |
				   nvme_put32(NVME_VIRT_CNTLID, cntlid)),
		.cdw11 = le32_from(nvme_put32(NVME_VIRT_NR, nr)),
	};
}

/* Both buffers are one page: shadow doorbells, and event indexes. */
static inline void
nvme_prep_dbbuf_config(struct nvme_sqe *sqe, uint64_t shadow_iova, uint64_t eventidx_iova)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_DBBUF_CONFIG,
		.prp1 = le64_from(shadow_iova),
		.prp2 = le64_from(eventidx_iova),
	};
}

/* mndw: dwords to return, not 0's based here.  rl: 0 is to the end of the namespace. */
static inline void
nvme_prep_get_lba_status(struct nvme_sqe *sqe, uint32_t nsid, uint64_t slba, uint32_t mndw, uint16_t rl, uint8_t atype)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_ADM_GET_LBA_STATUS,
		.nsid = le32_from(nsid),
		.cdw10 = le32_from((uint32_t)slba),
		.cdw11 = le32_from((uint32_t)(slba >> 32)),
		.cdw12 = le32_from(mndw - 1),
		.cdw13 = le32_from(nvme_put32(NVME_GET_LBA_STATUS_RL, rl) |
				   nvme_put32(NVME_GET_LBA_STATUS_ATYPE, atype)),
	};
}
