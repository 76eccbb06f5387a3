/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Identify: the command's selectors, and the data structures that describe a controller and its subsystem.
 *
 * NVMe Base Specification 2.2, "Identify command", figures "Identify - CNS Values" and "Identify
 * Controller Data Structure"; NVM Command Set, "I/O Command Set specific Identify Controller".
 * The fields of the command itself are NVME_IDENTIFY_* in cmd.h.
 * Fields that came with Base 2.3 or 2.4 are marked; a controller that announces an older VS reports 0h there.
 */
#pragma once

#include "nvproof/spec/types.h"

/* I/O command set identifiers.  Base, "I/O Command Set Identifier". */
enum {
	NVME_CSI_NVM = 0,
	NVME_CSI_KV = 1,
	NVME_CSI_ZNS = 2,
	NVME_CSI_SLM = 3,
	NVME_CSI_CP = 4,
};

/* Base, "Identify - CNS Values".  _CSI_: what is returned depends on CDW11.CSI. */
enum {
	NVME_CNS_NS = 0x00,
	NVME_CNS_CTRL = 0x01,
	NVME_CNS_ACTIVE_NS_LIST = 0x02,
	NVME_CNS_NS_DESC_LIST = 0x03,
	NVME_CNS_NVMSET_LIST = 0x04,
	NVME_CNS_CSI_NS = 0x05,
	NVME_CNS_CSI_CTRL = 0x06,
	NVME_CNS_CSI_ACTIVE_NS_LIST = 0x07,
	NVME_CNS_IND_NS = 0x08, /* I/O command set independent */
	NVME_CNS_NS_FORMAT = 0x09, /* for one user data format index */
	NVME_CNS_CSI_NS_FORMAT = 0x0a,
	NVME_CNS_ALLOC_NS_LIST = 0x10,
	NVME_CNS_ALLOC_NS = 0x11,
	NVME_CNS_NS_CTRL_LIST = 0x12, /* controllers attached to the NSID */
	NVME_CNS_CTRL_LIST = 0x13,
	NVME_CNS_PRIMARY_CTRL_CAP = 0x14,
	NVME_CNS_SECONDARY_CTRL_LIST = 0x15,
	NVME_CNS_NS_GRANULARITY_LIST = 0x16,
	NVME_CNS_UUID_LIST = 0x17,
	NVME_CNS_DOMAIN_LIST = 0x18,
	NVME_CNS_ENDGRP_LIST = 0x19,
	NVME_CNS_CSI_ALLOC_NS_LIST = 0x1a,
	NVME_CNS_CSI_ALLOC_NS = 0x1b,
	NVME_CNS_IOCS = 0x1c, /* I/O Command Set data structure */
	NVME_CNS_UNDERLYING_NS_LIST = 0x1d,
	NVME_CNS_PORTS_LIST = 0x1e,
	NVME_CNS_IND_ALLOC_NS = 0x1f,
	NVME_CNS_CTRL_STATE_FORMATS = 0x20,
};

#define NVME_ID_SIZE 4096 /* every Identify data structure has this size */

/* Power State Descriptor. */
struct nvme_psd {
	le16 mp; /* in units chosen by MXPS: 10 mW or 100 uW */
	uint8_t rsvd2;
	uint8_t flags; /* NVME_PSD_MXPS, NVME_PSD_NOPS */
	le32 enlat, exlat; /* in us */
	uint8_t rrt, rrl, rwt, rwl;
	le16 idlp;
	uint8_t ips;
	uint8_t rsvd19;
	le16 actp;
	uint8_t apws; /* NVME_PSD_APW, NVME_PSD_APS */
	uint8_t epfrt, fqvt, epfvt;
	uint8_t epfrt_fqvt_ts; /* NVME_PSD_EPFRTS, NVME_PSD_FQVTS */
	uint8_t epfvts;
	uint8_t rsvd28[2];
	le16 miiell; /* Base 2.4 */
};
static_assert(sizeof(struct nvme_psd) == 32, "PSD");
static_assert(offsetof(struct nvme_psd, actp) == 20, "PSD ACTP");

#define NVME_PSD_MXPS NVME_BITS(0, 0) /* 1: MP is in 100 uW, 0: in 10 mW */
#define NVME_PSD_NOPS NVME_BITS(1, 1)
#define NVME_PSD_IPS NVME_BITS(7, 6)
#define NVME_PSD_APW NVME_BITS(2, 0)
#define NVME_PSD_APS NVME_BITS(7, 6)
#define NVME_PSD_EPFRTS NVME_BITS(3, 0)
#define NVME_PSD_FQVTS NVME_BITS(7, 4)
#define NVME_PSD_EPFVTS NVME_BITS(3, 0)

/* IPS and APS. */
enum {
	NVME_PSD_SCALE_NONE = 0,
	NVME_PSD_SCALE_100UW = 1,
	NVME_PSD_SCALE_10MW = 2,
};

/* Identify Controller, CNS 01h. */
struct nvme_id_ctrl {
	le16 vid, ssvid;
	char sn[20], mn[40], fr[8]; /* ASCII, padded with spaces, not terminated */
	uint8_t rab;
	uint8_t ieee[3];
	uint8_t cmic;
	uint8_t mdts; /* 2^MDTS pages of CAP.MPSMIN; 0: no limit */
	le16 cntlid;
	le32 ver;
	le32 rtd3r, rtd3e; /* in us */
	le32 oaes;
	le32 ctratt;
	le16 rrls;
	uint8_t bpcap;
	uint8_t chsi; /* Base 2.4 */
	le32 nssl;
	uint8_t rsvd108[2];
	uint8_t plsi;
	uint8_t cntrltype;
	uint8_t fguid[16];
	le16 crdt1, crdt2, crdt3; /* in 100 ms */
	uint8_t crcap;
	uint8_t ciu;
	le64 cirn;
	uint8_t rsvd144[96];
	uint8_t rsvd240[13]; /* NVMe Management Interface */
	uint8_t nvmsr, vwci, mec;

	le16 oacs; /* byte 256 */
	uint8_t acl, aerl; /* 0's based */
	uint8_t frmw;
	uint8_t lpa;
	uint8_t elpe, npss; /* 0's based */
	uint8_t avscc, apsta;
	le16 wctemp, cctemp; /* in K */
	le16 mtfa; /* in 100 ms */
	le32 hmpre, hmmin; /* in 4 KiB */
	le64 tnvmcap[2], unvmcap[2]; /* in bytes, low half first */
	le32 rpmbs;
	le16 edstt; /* in minutes */
	uint8_t dsto;
	uint8_t fwug; /* in 4 KiB */
	le16 kas; /* in 100 ms */
	le16 hctma;
	le16 mntmt, mxtmt; /* in K */
	le32 sanicap;
	le32 hmminds; /* in 4 KiB */
	le16 hmmaxd;
	le16 nsetidmax, endgidmax;
	uint8_t anatt, anacap;
	le32 anagrpmax, nanagrpid;
	le32 pels; /* in 64 KiB */
	le16 domainid;
	uint8_t kpioc;
	uint8_t rsvd359;
	le16 mptfawr; /* in 100 ms */
	uint8_t rmdca; /* Base 2.3 */
	uint8_t rsvd363[5];
	le64 megcap[2];
	uint8_t tmpthha;
	uint8_t rsvd385;
	le16 cqt; /* in ms */
	le16 cdpa, mup, ipmsr, msmt; /* Base 2.3 */
	uint8_t rsvd396[10];
	le16 vsen[4][2]; /* Base 2.4; dwords, but not dword aligned: low half first */
	le16 msvmt; /* Base 2.4, in minutes */
	uint8_t rsvd424[88];

	uint8_t sqes, cqes; /* byte 512 */
	le16 maxcmd;
	le32 nn;
	le16 oncs;
	le16 fuses;
	uint8_t fna;
	uint8_t vwc;
	le16 awun, awupf; /* 0's based */
	uint8_t icsvscc;
	uint8_t nwpc;
	le16 acwu; /* 0's based */
	le16 cdfs; /* Copy descriptor formats; named OCFS before Base 2.1 */
	le32 sgls;
	le32 mnan;
	le64 maxdna[2];
	le32 maxcna;
	le32 oaqd;
	uint8_t rhiri;
	uint8_t hirt;
	le16 cmmrtd, nmmrtd;
	uint8_t minmrtg, maxmrtg;
	uint8_t trattr;
	uint8_t rsvd577;
	le16 mcudmq, mnsudmq, mcmr, nmcmr, mcdqpc;
	uint8_t rsvd588[180];
	char subnqn[256]; /* UTF-8, terminated by a null */
	uint8_t rsvd1024[768];

	le32 ioccsz, iorcsz; /* byte 1792: fabrics only; in 16 bytes */
	le16 icdoff;
	uint8_t fcatt;
	uint8_t msdbd;
	le16 ofcs;
	uint8_t dctype;
	uint8_t ccrl;
	uint8_t rsvd1808[240];

	struct nvme_psd psd[32]; /* byte 2048 */
	uint8_t vs[1024];
};
static_assert(sizeof(struct nvme_id_ctrl) == NVME_ID_SIZE, "Identify Controller");
static_assert(offsetof(struct nvme_id_ctrl, mdts) == 77, "MDTS");
static_assert(offsetof(struct nvme_id_ctrl, cntrltype) == 111, "CNTRLTYPE");
static_assert(offsetof(struct nvme_id_ctrl, cirn) == 136, "CIRN");
static_assert(offsetof(struct nvme_id_ctrl, oacs) == 256, "OACS");
static_assert(offsetof(struct nvme_id_ctrl, tnvmcap) == 280, "TNVMCAP");
static_assert(offsetof(struct nvme_id_ctrl, sanicap) == 328, "SANICAP");
static_assert(offsetof(struct nvme_id_ctrl, megcap) == 368, "MEGCAP");
static_assert(offsetof(struct nvme_id_ctrl, vsen) == 406, "VSEN1");
static_assert(offsetof(struct nvme_id_ctrl, sqes) == 512, "SQES");
static_assert(offsetof(struct nvme_id_ctrl, sgls) == 536, "SGLS");
static_assert(offsetof(struct nvme_id_ctrl, trattr) == 576, "TRATTR");
static_assert(offsetof(struct nvme_id_ctrl, subnqn) == 768, "SUBNQN");
static_assert(offsetof(struct nvme_id_ctrl, ioccsz) == 1792, "IOCCSZ");
static_assert(offsetof(struct nvme_id_ctrl, psd) == 2048, "PSD0");

#define NVME_CMIC_MPORTS NVME_BITS(0, 0)
#define NVME_CMIC_MCTRS NVME_BITS(1, 1)
#define NVME_CMIC_FT NVME_BITS(2, 2) /* 1: an SR-IOV virtual function */
#define NVME_CMIC_ANARS NVME_BITS(3, 3)

#define NVME_OAES_NSAN NVME_BITS(8, 8)
#define NVME_OAES_FAN NVME_BITS(9, 9)
#define NVME_OAES_ANACN NVME_BITS(11, 11)
#define NVME_OAES_PLEALCN NVME_BITS(12, 12)
#define NVME_OAES_LBASIAN NVME_BITS(13, 13)
#define NVME_OAES_EGEALPCN NVME_BITS(14, 14)
#define NVME_OAES_NNVMSS NVME_BITS(15, 15)
#define NVME_OAES_TTHR NVME_BITS(16, 16)
#define NVME_OAES_RGCNS NVME_BITS(17, 17)
#define NVME_OAES_ANSAN NVME_BITS(19, 19)
#define NVME_OAES_RLCC NVME_BITS(22, 22) /* Base 2.4 */
#define NVME_OAES_ZDCN NVME_BITS(27, 27)
#define NVME_OAES_DLPCN NVME_BITS(31, 31)

#define NVME_CTRATT_HIDS NVME_BITS(0, 0) /* 128-bit host identifier */
#define NVME_CTRATT_NOPSPM NVME_BITS(1, 1)
#define NVME_CTRATT_NSETS NVME_BITS(2, 2)
#define NVME_CTRATT_RRLVLS NVME_BITS(3, 3)
#define NVME_CTRATT_EGS NVME_BITS(4, 4)
#define NVME_CTRATT_PLM NVME_BITS(5, 5)
#define NVME_CTRATT_TBKAS NVME_BITS(6, 6)
#define NVME_CTRATT_NG NVME_BITS(7, 7)
#define NVME_CTRATT_SQA NVME_BITS(8, 8)
#define NVME_CTRATT_ULIST NVME_BITS(9, 9)
#define NVME_CTRATT_MDS NVME_BITS(10, 10)
#define NVME_CTRATT_FCM NVME_BITS(11, 11)
#define NVME_CTRATT_VCM NVME_BITS(12, 12)
#define NVME_CTRATT_DEG NVME_BITS(13, 13)
#define NVME_CTRATT_DNVMS NVME_BITS(14, 14)
#define NVME_CTRATT_ELBAS NVME_BITS(15, 15)
#define NVME_CTRATT_MEM NVME_BITS(16, 16) /* MDTS excludes metadata */
#define NVME_CTRATT_HMBR NVME_BITS(17, 17)
#define NVME_CTRATT_RHII NVME_BITS(18, 18)
#define NVME_CTRATT_FDPS NVME_BITS(19, 19)
#define NVME_CTRATT_PLS NVME_BITS(20, 20)
#define NVME_CTRATT_PMS NVME_BITS(21, 21)
#define NVME_CTRATT_VMS NVME_BITS(22, 22) /* Base 2.4 */
#define NVME_CTRATT_IIELLSS NVME_BITS(24, 23) /* Base 2.4 */

#define NVME_BPCAP_RPMBBPWPS NVME_BITS(1, 0)
enum {
	NVME_BPCAP_RPMB_NO = 1, /* RPMBBPWPS: not supported */
};
#define NVME_BPCAP_SFBPWPS NVME_BITS(2, 2)
#define NVME_PLSI_PLSEPF NVME_BITS(0, 0)
#define NVME_PLSI_PLSFQ NVME_BITS(1, 1)
#define NVME_CRCAP_RRSUP NVME_BITS(0, 0)
#define NVME_CRCAP_RGIDC NVME_BITS(1, 1)
#define NVME_NVMSR_NVMESD NVME_BITS(0, 0)
#define NVME_NVMSR_NVMEE NVME_BITS(1, 1)
#define NVME_VWCI_VWCR NVME_BITS(6, 0)
#define NVME_VWCI_VWCRV NVME_BITS(7, 7)
#define NVME_MEC_SMBUSME NVME_BITS(0, 0)
#define NVME_MEC_PCIEME NVME_BITS(1, 1)

enum {
	NVME_CNTRLTYPE_NONE = 0,
	NVME_CNTRLTYPE_IO = 1,
	NVME_CNTRLTYPE_DISCOVERY = 2,
	NVME_CNTRLTYPE_ADMIN = 3,
};

enum {
	NVME_DCTYPE_NONE = 0,
	NVME_DCTYPE_DDC = 1,
	NVME_DCTYPE_CDC = 2,
};

#define NVME_OACS_SSRS NVME_BITS(0, 0) /* Security Send, Security Receive */
#define NVME_OACS_FNVMS NVME_BITS(1, 1) /* Format NVM */
#define NVME_OACS_FWDS NVME_BITS(2, 2) /* Firmware Commit, Firmware Image Download */
#define NVME_OACS_NMS NVME_BITS(3, 3) /* Namespace Management, Attachment */
#define NVME_OACS_DSTS NVME_BITS(4, 4) /* Device Self-test */
#define NVME_OACS_DIRS NVME_BITS(5, 5) /* Directive Send, Directive Receive */
#define NVME_OACS_NSRS NVME_BITS(6, 6) /* NVMe-MI Send, NVMe-MI Receive */
#define NVME_OACS_VMS NVME_BITS(7, 7) /* Virtualization Management */
#define NVME_OACS_DBCS NVME_BITS(8, 8) /* Doorbell Buffer Config */
#define NVME_OACS_GLSS NVME_BITS(9, 9) /* Get LBA Status */
#define NVME_OACS_CFLS NVME_BITS(10, 10) /* Lockdown */
#define NVME_OACS_HMLMS NVME_BITS(11, 11) /* host managed live migration */
#define NVME_OACS_CCFLS NVME_BITS(13, 13) /* Base 2.4 */

#define NVME_FRMW_FFSRO NVME_BITS(0, 0) /* slot 1 is read only */
#define NVME_FRMW_NOFS NVME_BITS(3, 1) /* number of slots, 1 to 7 */
#define NVME_FRMW_FAWR NVME_BITS(4, 4) /* activation without reset */
#define NVME_FRMW_SMUD NVME_BITS(5, 5) /* detects overlapping updates */

#define NVME_LPA_SMARTS NVME_BITS(0, 0) /* SMART per namespace */
#define NVME_LPA_CSES NVME_BITS(1, 1) /* Commands Supported and Effects */
#define NVME_LPA_LPEDS NVME_BITS(2, 2) /* offsets and the long NUMD */
#define NVME_LPA_TS NVME_BITS(3, 3) /* Telemetry */
#define NVME_LPA_PES NVME_BITS(4, 4) /* Persistent Event */
#define NVME_LPA_MLPS NVME_BITS(5, 5) /* LIDs 00h, 12h, 13h, and scopes in 05h */
#define NVME_LPA_DA4S NVME_BITS(6, 6) /* Telemetry data area 4 */

#define NVME_AVSCC_VSAS NVME_BITS(0, 0)
#define NVME_APSTA_APSTS NVME_BITS(0, 0)
#define NVME_HCTMA_HCTMS NVME_BITS(0, 0)

#define NVME_RPMBS_RPMBU NVME_BITS(2, 0)
#define NVME_RPMBS_AM NVME_BITS(5, 3)
#define NVME_RPMBS_TSZE NVME_BITS(23, 16) /* in 128 KiB, 0's based */
#define NVME_RPMBS_ASZE NVME_BITS(31, 24) /* in 512 B, 0's based */

#define NVME_DSTO_SDSO NVME_BITS(0, 0) /* one operation a subsystem, not a controller */
#define NVME_DSTO_HIRS NVME_BITS(1, 1)

#define NVME_SANICAP_CES NVME_BITS(0, 0)
#define NVME_SANICAP_BES NVME_BITS(1, 1)
#define NVME_SANICAP_OWS NVME_BITS(2, 2)
#define NVME_SANICAP_VERS NVME_BITS(3, 3)
#define NVME_SANICAP_NVERS NVME_BITS(4, 4) /* Base 2.3 */
#define NVME_SANICAP_SPRRS NVME_BITS(5, 5) /* Base 2.4 */
#define NVME_SANICAP_NDI NVME_BITS(29, 29)
#define NVME_SANICAP_NODMMAS NVME_BITS(31, 30)

#define NVME_ANACAP_ROS NVME_BITS(0, 0) /* may report Optimized */
#define NVME_ANACAP_RNOS NVME_BITS(1, 1) /* Non-Optimized */
#define NVME_ANACAP_RIS NVME_BITS(2, 2) /* Inaccessible */
#define NVME_ANACAP_RPLS NVME_BITS(3, 3) /* Persistent Loss */
#define NVME_ANACAP_RCS NVME_BITS(4, 4) /* Change */
#define NVME_ANACAP_ANAGIDS NVME_BITS(6, 6) /* ANAGRPID does not change while attached */
#define NVME_ANACAP_NZANAGIDS NVME_BITS(7, 7) /* Namespace Management takes an ANAGRPID */

#define NVME_KPIOC_KPIOS NVME_BITS(0, 0)
#define NVME_KPIOC_KPIOSC NVME_BITS(1, 1)
#define NVME_TMPTHHA_TMPTHMH NVME_BITS(2, 0)

#define NVME_SQES_MIN NVME_BITS(3, 0) /* 2^n bytes */
#define NVME_SQES_MAX NVME_BITS(7, 4)
#define NVME_CQES_MIN NVME_BITS(3, 0)
#define NVME_CQES_MAX NVME_BITS(7, 4)

#define NVME_ONCS_NVMCMPS NVME_BITS(0, 0) /* Compare */
#define NVME_ONCS_NVMWUSV NVME_BITS(1, 1) /* Write Uncorrectable */
#define NVME_ONCS_NVMDSMSV NVME_BITS(2, 2) /* Dataset Management */
#define NVME_ONCS_NVMWZSV NVME_BITS(3, 3) /* Write Zeroes */
#define NVME_ONCS_SSFS NVME_BITS(4, 4) /* Set Features Save, Get Features Select */
#define NVME_ONCS_RESERVS NVME_BITS(5, 5)
#define NVME_ONCS_TSS NVME_BITS(6, 6) /* Timestamp */
#define NVME_ONCS_NVMVFYS NVME_BITS(7, 7) /* Verify */
#define NVME_ONCS_NVMCPYS NVME_BITS(8, 8) /* Copy */
#define NVME_ONCS_NVMCSA NVME_BITS(9, 9) /* Copy has the atomicity of Write */
#define NVME_ONCS_NVMAFC NVME_BITS(10, 10) /* all copies are fast */
#define NVME_ONCS_MAXWZD NVME_BITS(11, 11) /* WZDSL applies when DEAC is set */
#define NVME_ONCS_NSZS NVME_BITS(12, 12) /* Namespace Zeroes */

#define NVME_FUSES_FCWS NVME_BITS(0, 0) /* Compare and Write */

#define NVME_FNA_FNS NVME_BITS(0, 0) /* formats every namespace */
#define NVME_FNA_SENS NVME_BITS(1, 1) /* erases every namespace */
#define NVME_FNA_CRYES NVME_BITS(2, 2)
#define NVME_FNA_BCNSID NVME_BITS(3, 3) /* 1: NSID FFFFFFFFh is NOT supported */

#define NVME_VWC_VWCP NVME_BITS(0, 0)
#define NVME_VWC_FB NVME_BITS(2, 1) /* Flush with NSID FFFFFFFFh */
enum {
	NVME_VWC_FB_UNKNOWN = 0,
	NVME_VWC_FB_NO = 2,
	NVME_VWC_FB_YES = 3,
};

#define NVME_ICSVSCC_SNVSCC NVME_BITS(0, 0)
#define NVME_NWPC_NWPWPS NVME_BITS(0, 0)
#define NVME_NWPC_WPUPCS NVME_BITS(1, 1)
#define NVME_NWPC_PWPS NVME_BITS(2, 2)

/* CDFS is one bit a Copy descriptor format. */
#define NVME_CDFS_CDF(n) NVME_BITS(n, n)

#define NVME_SGLS_SUPP NVME_BITS(1, 0)
#define NVME_SGLS_KEYED NVME_BITS(2, 2)
#define NVME_SGLS_SDT NVME_BITS(15, 8) /* descriptor threshold, a hint */
#define NVME_SGLS_BIT_BUCKET NVME_BITS(16, 16)
#define NVME_SGLS_MPTR_BYTE NVME_BITS(17, 17) /* MPTR of any byte alignment */
#define NVME_SGLS_OVERSIZE NVME_BITS(18, 18) /* SGL may be longer than the data */
#define NVME_SGLS_MPTR_SGL NVME_BITS(19, 19) /* PSDT 10b: MPTR names a descriptor */
#define NVME_SGLS_OFFSET NVME_BITS(20, 20) /* address may be an offset */
#define NVME_SGLS_TRANSPORT NVME_BITS(21, 21)
enum {
	NVME_SGLS_SUPP_NO = 0,
	NVME_SGLS_SUPP_BYTE = 1, /* any length and alignment */
	NVME_SGLS_SUPP_DWORD = 2,
};

#define NVME_TRATTR_THMCS NVME_BITS(0, 0)
#define NVME_TRATTR_TUDCS NVME_BITS(1, 1)
#define NVME_TRATTR_MRTLL NVME_BITS(2, 2)
#define NVME_FCATT_CRTLM NVME_BITS(0, 0) /* 1: static controller model */
#define NVME_OFCS_DISCS NVME_BITS(0, 0)

/* CNS 06h, CSI 0.  NVM Command Set, "I/O Command Set Specific Identify Controller Data Structure". */
struct nvme_id_ctrl_nvm {
	uint8_t vsl, wzsl, wusl; /* 2^n pages of CAP.MPSMIN; 0: no limit told */
	uint8_t dmrl; /* ranges */
	le32 dmrsl; /* logical blocks a range */
	le64 dmsl; /* logical blocks a command */
	uint8_t kpiocap;
	uint8_t wzdsl; /* as wzsl, with DEAC set */
	le16 aocs;
	le32 ver;
	uint8_t lbamqf;
	uint8_t rsvd25[4071];
};
static_assert(sizeof(struct nvme_id_ctrl_nvm) == NVME_ID_SIZE, "Identify Controller, NVM");
static_assert(offsetof(struct nvme_id_ctrl_nvm, dmsl) == 8, "DMSL");
static_assert(offsetof(struct nvme_id_ctrl_nvm, lbamqf) == 24, "LBAMQF");
