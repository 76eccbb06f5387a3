/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queue entries, data pointers, opcodes, and the command dwords of the admin commands.
 *
 * NVMe Base 2.0, "Common Command Format", "Common Completion Queue Entry", "Scatter Gather List (SGL)",
 * "Admin Command Set"; opcodes as far as NVMe Base 2.3, "Opcodes for Admin Commands".
 *
 * Fields of a command dword are named NVME_<command>_<field>; the comment above a group says which dword.
 */
#pragma once

#include "nvproof/spec/types.h"

#define NVME_NSID_ALL 0xffffffffu
#define NVME_CNTLID_ALL 0xffffu

/* SGL Data Block, Bit Bucket, Segment, Last Segment and Transport Data Block descriptor */
struct nvme_sgl_desc {
	le64 addr; /* or an offset, if the subtype says so */
	le32 len; /* bytes */
	uint8_t rsvd12[3];
	uint8_t type; /* NVME_SGL_TYPE, NVME_SGL_SUBTYPE */
};
static_assert(sizeof(struct nvme_sgl_desc) == 16, "SGL descriptor");
static_assert(offsetof(struct nvme_sgl_desc, type) == 15, "SGL identifier");

/* Keyed SGL Data Block descriptor.  len and key are little-endian, and not aligned. */
struct nvme_sgl_keyed {
	le64 addr;
	uint8_t len[3];
	uint8_t key[4];
	uint8_t type;
};
static_assert(sizeof(struct nvme_sgl_keyed) == 16, "keyed SGL descriptor");
static_assert(offsetof(struct nvme_sgl_keyed, key) == 11, "key");

#define NVME_SGL_SUBTYPE NVME_BITS(3, 0)
#define NVME_SGL_TYPE NVME_BITS(7, 4)

enum nvme_sgl_type {
	NVME_SGL_DATA_BLOCK = 0x0,
	NVME_SGL_BIT_BUCKET = 0x1,
	NVME_SGL_SEGMENT = 0x2,
	NVME_SGL_LAST_SEGMENT = 0x3,
	NVME_SGL_KEYED_DATA_BLOCK = 0x4,
	NVME_SGL_TRANSPORT_DATA_BLOCK = 0x5,
	NVME_SGL_VENDOR = 0xf,
};

enum nvme_sgl_subtype {
	NVME_SGL_SUBTYPE_ADDRESS = 0x0,
	NVME_SGL_SUBTYPE_OFFSET = 0x1,
	NVME_SGL_SUBTYPE_TRANSPORT = 0xa,
	NVME_SGL_SUBTYPE_INVALIDATE = 0xf, /* keyed only, RDMA: remote invalidate of the key */
};

/* The identifier byte of an SGL descriptor. */
static inline uint8_t
nvme_sgl_id(enum nvme_sgl_type type, enum nvme_sgl_subtype subtype)
{
	return (uint8_t)(nvme_put(NVME_SGL_TYPE, type) | nvme_put(NVME_SGL_SUBTYPE, subtype));
}

/* Submission queue entry */
struct nvme_sqe {
	uint8_t opc;
	uint8_t flags; /* NVME_SQE_FUSE, NVME_SQE_PSDT */
	uint16_t cid; /* opaque to the device: no byte order */
	le32 nsid;
	le32 cdw2, cdw3;
	le64 mptr;
	union {
		struct {
			le64 prp1, prp2;
		};
		struct nvme_sgl_desc sgl;
		struct nvme_sgl_keyed sgl_keyed;
	};
	le32 cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};
static_assert(sizeof(struct nvme_sqe) == 64, "SQE");
static_assert(offsetof(struct nvme_sqe, mptr) == 16, "MPTR");
static_assert(offsetof(struct nvme_sqe, prp1) == 24, "DPTR");
static_assert(offsetof(struct nvme_sqe, cdw10) == 40, "CDW10");

/* sqe.flags: CDW0 bits 15:8 */
#define NVME_SQE_FUSE NVME_BITS(1, 0)
#define NVME_SQE_PSDT NVME_BITS(7, 6)

enum nvme_fuse {
	NVME_FUSE_NONE = 0,
	NVME_FUSE_FIRST = 1,
	NVME_FUSE_SECOND = 2,
};

enum nvme_psdt {
	NVME_PSDT_PRP = 0,
	NVME_PSDT_SGL = 1, /* MPTR is one contiguous buffer */
	NVME_PSDT_SGL_MPTR = 2, /* MPTR is one SGL segment */
};

/* Completion queue entry */
struct nvme_cqe {
	le32 dw0, dw1;
	le16 sqhd, sqid;
	uint16_t cid;
	le16 status; /* the phase tag included: NVME_CQE_* */
};
static_assert(sizeof(struct nvme_cqe) == 16, "CQE");
static_assert(offsetof(struct nvme_cqe, sqhd) == 8, "DW2");
static_assert(offsetof(struct nvme_cqe, status) == 14, "DW3");

/* cqe.status: DW3 bits 31:16.  status.h names what is above the phase tag. */
#define NVME_CQE_PHASE NVME_BIT(0)
#define NVME_CQE_STATUS NVME_BITS(15, 1) /* an nvme_status */
#define NVME_CQE_SC NVME_BITS(8, 1)
#define NVME_CQE_SCT NVME_BITS(11, 9)
#define NVME_CQE_CRD NVME_BITS(13, 12)
#define NVME_CQE_M NVME_BIT(14)
#define NVME_CQE_DNR NVME_BIT(15)

/* Opcode bits 1:0: where the data goes */
#define NVME_OPC_DTD NVME_BITS(1, 0)

enum nvme_dtd {
	NVME_DTD_NONE = 0,
	NVME_DTD_TO_CTRLR = 1,
	NVME_DTD_TO_HOST = 2,
	NVME_DTD_BIDIR = 3,
};

enum nvme_adm_opc {
	NVME_ADM_DELETE_IO_SQ = 0x00,
	NVME_ADM_CREATE_IO_SQ = 0x01,
	NVME_ADM_GET_LOG_PAGE = 0x02,
	NVME_ADM_DELETE_IO_CQ = 0x04,
	NVME_ADM_CREATE_IO_CQ = 0x05,
	NVME_ADM_IDENTIFY = 0x06,
	NVME_ADM_ABORT = 0x08,
	NVME_ADM_SET_FEATURES = 0x09,
	NVME_ADM_GET_FEATURES = 0x0a,
	NVME_ADM_ASYNC_EVENT = 0x0c,
	NVME_ADM_NS_MGMT = 0x0d,
	NVME_ADM_FW_COMMIT = 0x10,
	NVME_ADM_FW_DOWNLOAD = 0x11,
	NVME_ADM_DEV_SELF_TEST = 0x14,
	NVME_ADM_NS_ATTACH = 0x15,
	NVME_ADM_KEEP_ALIVE = 0x18,
	NVME_ADM_DIRECTIVE_SEND = 0x19,
	NVME_ADM_DIRECTIVE_RECV = 0x1a,
	NVME_ADM_VIRT_MGMT = 0x1c,
	NVME_ADM_MI_SEND = 0x1d,
	NVME_ADM_MI_RECV = 0x1e,
	NVME_ADM_CAPACITY_MGMT = 0x20,
	NVME_ADM_DISCOVERY_INFO_MGMT = 0x21,
	NVME_ADM_FABRIC_ZONING_RECV = 0x22,
	NVME_ADM_LOCKDOWN = 0x24,
	NVME_ADM_FABRIC_ZONING_LOOKUP = 0x25,
	NVME_ADM_CLEAR_EXPORTED_CONFIG = 0x28,
	NVME_ADM_FABRIC_ZONING_SEND = 0x29,
	NVME_ADM_CREATE_EXPORTED_SUBSYS = 0x2a,
	NVME_ADM_MANAGE_EXPORTED_SUBSYS = 0x2d,
	NVME_ADM_MANAGE_EXPORTED_NS = 0x31,
	NVME_ADM_MANAGE_EXPORTED_PORT = 0x35,
	NVME_ADM_CROSS_CTRLR_RESET = 0x38,
	NVME_ADM_SEND_DISCOVERY_LOG = 0x39,
	NVME_ADM_TRACK_SEND = 0x3d,
	NVME_ADM_TRACK_RECV = 0x3e,
	NVME_ADM_MIGRATION_SEND = 0x41,
	NVME_ADM_MIGRATION_RECV = 0x42,
	NVME_ADM_CTRLR_DATA_QUEUE = 0x45,
	NVME_ADM_DBBUF_CONFIG = 0x7c,
	NVME_ADM_FABRICS = 0x7f,
	NVME_ADM_FORMAT_NVM = 0x80,
	NVME_ADM_SECURITY_SEND = 0x81,
	NVME_ADM_SECURITY_RECV = 0x82,
	NVME_ADM_SANITIZE = 0x84,
	NVME_ADM_LOAD_PROGRAM = 0x85,
	NVME_ADM_GET_LBA_STATUS = 0x86,
	NVME_ADM_PROGRAM_ACTIVATION = 0x88,
	NVME_ADM_MEM_RANGE_SET_MGMT = 0x89,
	NVME_ADM_SANITIZE_NS = 0x8c,
	NVME_ADM_VENDOR = 0xc0, /* first of the vendor specific ones */
};

/* I/O commands: those of all command sets, of the NVM command set, of ZNS */
enum nvme_opc {
	NVME_OPC_FLUSH = 0x00,
	NVME_OPC_WRITE = 0x01,
	NVME_OPC_READ = 0x02,
	NVME_OPC_WRITE_UNCOR = 0x04,
	NVME_OPC_COMPARE = 0x05,
	NVME_OPC_WRITE_ZEROES = 0x08,
	NVME_OPC_DSM = 0x09,
	NVME_OPC_VERIFY = 0x0c,
	NVME_OPC_RESV_REGISTER = 0x0d,
	NVME_OPC_RESV_REPORT = 0x0e,
	NVME_OPC_RESV_ACQUIRE = 0x11,
	NVME_OPC_IO_MGMT_RECV = 0x12,
	NVME_OPC_RESV_RELEASE = 0x15,
	NVME_OPC_CANCEL = 0x18,
	NVME_OPC_COPY = 0x19,
	NVME_OPC_IO_MGMT_SEND = 0x1d,
	NVME_OPC_ZONE_MGMT_SEND = 0x79,
	NVME_OPC_ZONE_MGMT_RECV = 0x7a,
	NVME_OPC_ZONE_APPEND = 0x7d,
	NVME_OPC_FABRICS = 0x7f,
	NVME_OPC_VENDOR = 0x80,
};

/* Create (and Delete) I/O SQ and CQ, CDW10 */
#define NVME_CQ_QID NVME_BITS(15, 0)
#define NVME_CQ_QSIZE NVME_BITS(31, 16) /* 0's based */
#define NVME_SQ_QID NVME_BITS(15, 0)
#define NVME_SQ_QSIZE NVME_BITS(31, 16)

/* Create I/O CQ, CDW11 */
#define NVME_CQ_PC NVME_BIT(0)
#define NVME_CQ_IEN NVME_BIT(1)
#define NVME_CQ_IV NVME_BITS(31, 16)

/* Create I/O SQ, CDW11 and CDW12 */
#define NVME_SQ_PC NVME_BIT(0)
#define NVME_SQ_QPRIO NVME_BITS(2, 1)
#define NVME_SQ_CQID NVME_BITS(31, 16)
#define NVME_SQ_NVMSETID NVME_BITS(15, 0)

enum nvme_qprio {
	NVME_QPRIO_URGENT = 0,
	NVME_QPRIO_HIGH = 1,
	NVME_QPRIO_MEDIUM = 2,
	NVME_QPRIO_LOW = 3,
};

/* Abort, CDW10; and DW0 of its completion */
#define NVME_ABORT_SQID NVME_BITS(15, 0)
#define NVME_ABORT_CID NVME_BITS(31, 16)
#define NVME_ABORT_IANP NVME_BIT(0) /* immediate abort not performed: the command was not aborted */

/* Cancel (I/O), CDW10, CDW11 */
#define NVME_CANCEL_SQID NVME_BITS(15, 0)
#define NVME_CANCEL_CID NVME_BITS(31, 16)
#define NVME_CANCEL_ACTION NVME_BITS(1, 0)

/* Identify, CDW10, CDW11, CDW14 */
#define NVME_IDENTIFY_CNS NVME_BITS(7, 0)
#define NVME_IDENTIFY_CNTID NVME_BITS(31, 16)
#define NVME_IDENTIFY_CNSSID NVME_BITS(15, 0)
#define NVME_IDENTIFY_CSI NVME_BITS(31, 24)
#define NVME_IDENTIFY_UUIDX NVME_BITS(6, 0)

/* Get Log Page, CDW10, CDW11, CDW14.  NUMD is 0's based and in dwords; LPO is CDW12 and CDW13. */
#define NVME_GLP_LID NVME_BITS(7, 0)
#define NVME_GLP_LSP NVME_BITS(14, 8)
#define NVME_GLP_RAE NVME_BIT(15)
#define NVME_GLP_NUMDL NVME_BITS(31, 16)
#define NVME_GLP_NUMDU NVME_BITS(15, 0)
#define NVME_GLP_LSI NVME_BITS(31, 16)
#define NVME_GLP_UUIDX NVME_BITS(6, 0)
#define NVME_GLP_OT NVME_BIT(23) /* LPO is an index, not a byte offset */
#define NVME_GLP_CSI NVME_BITS(31, 24)

/* Format NVM, CDW10 */
#define NVME_FORMAT_LBAFL NVME_BITS(3, 0)
#define NVME_FORMAT_MSET NVME_BIT(4)
#define NVME_FORMAT_PI NVME_BITS(7, 5)
#define NVME_FORMAT_PIL NVME_BIT(8)
#define NVME_FORMAT_SES NVME_BITS(11, 9)
#define NVME_FORMAT_LBAFU NVME_BITS(13, 12)

enum nvme_format_ses {
	NVME_FORMAT_SES_NONE = 0,
	NVME_FORMAT_SES_USER = 1,
	NVME_FORMAT_SES_CRYPTO = 2,
};

/* Firmware Commit, CDW10; and DW0 of its completion */
#define NVME_FW_FS NVME_BITS(2, 0)
#define NVME_FW_CA NVME_BITS(5, 3)
#define NVME_FW_BPID NVME_BIT(31)
#define NVME_FW_MUD NVME_BITS(1, 0) /* multiple update detected */

enum nvme_fw_ca {
	NVME_FW_CA_REPLACE = 0,
	NVME_FW_CA_REPLACE_ACTIVATE = 1, /* at the next controller level reset */
	NVME_FW_CA_ACTIVATE = 2, /* at the next controller level reset */
	NVME_FW_CA_ACTIVATE_NOW = 3,
	NVME_FW_CA_BP_REPLACE = 6,
	NVME_FW_CA_BP_ACTIVATE = 7,
};

/* Namespace Management, CDW10, CDW11.  Namespace Attachment, CDW10. */
#define NVME_NS_MGMT_SEL NVME_BITS(3, 0)
#define NVME_NS_MGMT_CSI NVME_BITS(31, 24)
#define NVME_NS_ATTACH_SEL NVME_BITS(3, 0)

enum nvme_ns_mgmt_sel {
	NVME_NS_MGMT_CREATE = 0,
	NVME_NS_MGMT_DELETE = 1,
};

enum nvme_ns_attach_sel {
	NVME_NS_ATTACH_ATTACH = 0,
	NVME_NS_ATTACH_DETACH = 1,
};

/* Device Self-test, CDW10, CDW15 */
#define NVME_DST_STC NVME_BITS(3, 0)
#define NVME_DST_DSTP NVME_BITS(15, 0)

enum nvme_dst_stc {
	NVME_DST_SHORT = 0x1,
	NVME_DST_EXTENDED = 0x2,
	NVME_DST_HIR = 0x3, /* host-initiated refresh */
	NVME_DST_VENDOR = 0xe,
	NVME_DST_ABORT = 0xf,
};

/* Sanitize, CDW10.  CDW11 is the overwrite pattern. */
#define NVME_SANITIZE_SANACT NVME_BITS(2, 0)
#define NVME_SANITIZE_AUSE NVME_BIT(3)
#define NVME_SANITIZE_OWPASS NVME_BITS(7, 4) /* 0 is 16 passes */
#define NVME_SANITIZE_OIPBP NVME_BIT(8)
#define NVME_SANITIZE_NDAS NVME_BIT(9)
#define NVME_SANITIZE_EMVS NVME_BIT(10)

enum nvme_sanact {
	NVME_SANACT_EXIT_FAILURE = 1,
	NVME_SANACT_BLOCK_ERASE = 2,
	NVME_SANACT_OVERWRITE = 3,
	NVME_SANACT_CRYPTO_ERASE = 4,
	NVME_SANACT_EXIT_MEDIA_VERIF = 5,
};

/* Security Send and Receive, CDW10.  CDW11 is the transfer or allocation length in bytes. */
#define NVME_SECURITY_NSSF NVME_BITS(7, 0)
#define NVME_SECURITY_SPSP NVME_BITS(23, 8) /* SPSP1, SPSP0 */
#define NVME_SECURITY_SECP NVME_BITS(31, 24)

/* Directive Send and Receive, CDW11.  CDW10 is NUMD, 0's based. */
#define NVME_DIRECTIVE_DOPER NVME_BITS(7, 0)
#define NVME_DIRECTIVE_DTYPE NVME_BITS(15, 8)
#define NVME_DIRECTIVE_DSPEC NVME_BITS(31, 16)

/* Virtualization Management, CDW10, CDW11 */
#define NVME_VIRT_ACT NVME_BITS(3, 0)
#define NVME_VIRT_RT NVME_BITS(10, 8)
#define NVME_VIRT_CNTLID NVME_BITS(31, 16)
#define NVME_VIRT_NR NVME_BITS(15, 0)

enum nvme_virt_act {
	NVME_VIRT_ACT_PRIMARY = 1, /* primary controller flexible allocation */
	NVME_VIRT_ACT_OFFLINE = 7,
	NVME_VIRT_ACT_ASSIGN = 8,
	NVME_VIRT_ACT_ONLINE = 9,
};

enum nvme_virt_rt {
	NVME_VIRT_RT_VQ = 0,
	NVME_VIRT_RT_VI = 1,
};

/* Capacity Management, CDW10.  CDW11 and CDW12 are the capacity in bytes. */
#define NVME_CAPACITY_OPER NVME_BITS(3, 0)
#define NVME_CAPACITY_ELID NVME_BITS(31, 16)

/* Lockdown, CDW10, CDW14 */
#define NVME_LOCKDOWN_SCP NVME_BITS(3, 0)
#define NVME_LOCKDOWN_PRHBT NVME_BIT(4)
#define NVME_LOCKDOWN_IFC NVME_BITS(6, 5)
#define NVME_LOCKDOWN_OFI NVME_BITS(15, 8)
#define NVME_LOCKDOWN_UUIDX NVME_BITS(6, 0)

/* Get LBA Status, CDW13.  CDW10-11 is the SLBA, CDW12 is MNDW (0's based). */
#define NVME_GET_LBA_STATUS_RL NVME_BITS(15, 0)
#define NVME_GET_LBA_STATUS_ATYPE NVME_BITS(31, 24)
