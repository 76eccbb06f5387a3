/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log pages: identifiers, and the pages that every device test reads.
 *
 * NVMe Base Specification 2.2, "Get Log Page command", figure "Get Log Page - Log Page Identifiers",
 * and one figure a page, named at each structure.  The fields of the
 * command itself are NVME_GLP_* in cmd.h.  Identifiers that came with 2.3 or 2.4 are marked.
 */
#pragma once

#include "nvproof/spec/types.h"
#include "nvproof/spec/id_ns.h" /* the changed namespace logs are namespace lists */

enum {
	NVME_LOG_SUPPORTED = 0x00,
	NVME_LOG_ERROR = 0x01,
	NVME_LOG_SMART = 0x02,
	NVME_LOG_FW_SLOT = 0x03,
	NVME_LOG_CHANGED_NS = 0x04,
	NVME_LOG_EFFECTS = 0x05,
	NVME_LOG_SELF_TEST = 0x06,
	NVME_LOG_TELEMETRY_HOST = 0x07,
	NVME_LOG_TELEMETRY_CTRL = 0x08,
	NVME_LOG_ENDGRP = 0x09,
	NVME_LOG_PL_NVMSET = 0x0a,
	NVME_LOG_PL_AGG = 0x0b,
	NVME_LOG_ANA = 0x0c,
	NVME_LOG_PEL = 0x0d,
	NVME_LOG_LBA_STATUS = 0x0e,
	NVME_LOG_ENDGRP_AGG = 0x0f,
	NVME_LOG_MEDIA_UNIT = 0x10,
	NVME_LOG_CAPACITY_CONFIG = 0x11,
	NVME_LOG_FID_EFFECTS = 0x12,
	NVME_LOG_MI_EFFECTS = 0x13,
	NVME_LOG_LOCKDOWN = 0x14,
	NVME_LOG_BOOT_PARTITION = 0x15,
	NVME_LOG_ROTATIONAL = 0x16,
	NVME_LOG_DISPERSED_NS = 0x17,
	NVME_LOG_MGMT_ADDR = 0x18,
	NVME_LOG_PHY_RX_EOM = 0x19,
	NVME_LOG_REACH_GROUPS = 0x1a,
	NVME_LOG_REACH_ASSOC = 0x1b,
	NVME_LOG_CHANGED_ALLOC_NS = 0x1c,
	NVME_LOG_PERSONALITIES = 0x1d, /* Base 2.3 */
	NVME_LOG_CCR = 0x1e, /* Base 2.3: Cross-Controller Reset */
	NVME_LOG_LOST_HOST = 0x1f, /* Base 2.3 */
	NVME_LOG_FDP_CONFIGS = 0x20,
	NVME_LOG_FDP_RUH_USAGE = 0x21,
	NVME_LOG_FDP_STATS = 0x22,
	NVME_LOG_FDP_EVENTS = 0x23,
	NVME_LOG_MFG_DEFAULT = 0x24, /* Base 2.3 */
	NVME_LOG_POWER = 0x25, /* Base 2.3 */
	NVME_LOG_VOLTAGE = 0x27, /* Base 2.4 */
	NVME_LOG_RATE_LIMIT = 0x28, /* Base 2.4 */
	NVME_LOG_DISCOVERY = 0x70,
	NVME_LOG_HOST_DISCOVERY = 0x71,
	NVME_LOG_AVE_DISCOVERY = 0x72,
	NVME_LOG_PULL_DDC_REQ = 0x73,
	NVME_LOG_SANITIZE_NS = 0x7f, /* Base 2.3 */
	NVME_LOG_RESV = 0x80,
	NVME_LOG_SANITIZE = 0x81,
	NVME_LOG_ZNS_CHANGED = 0xbf,
	NVME_LOG_VS_FIRST = 0xc0,
};

/* LID 00h, Supported Log Pages: one dword an identifier. */
struct nvme_supported_log_pages {
	le32 lids[256];
};
static_assert(sizeof(struct nvme_supported_log_pages) == 1024, "Supported Log Pages");

#define NVME_LIDS_LSUPP NVME_BITS(0, 0)
#define NVME_LIDS_IOS NVME_BITS(1, 1) /* index offset */
#define NVME_LIDS_LIDSP NVME_BITS(31, 16) /* means something else for each identifier */

/* LID 01h, Error Information: newest first; ELPE + 1 entries. */
struct nvme_error_log_entry {
	le64 ec; /* error count; 0h: this entry is not valid */
	le16 sqid, cid; /* FFFFh: not specific to a command */
	le16 si; /* bits 15:1 status field, bit 0 phase tag */
	le16 pel;
	le64 lba;
	le32 nsid;
	uint8_t vsia; /* a log identifier with more, or 0h */
	uint8_t trtype;
	uint8_t csi;
	uint8_t opc;
	le64 cs; /* command specific */
	le16 ttsi;
	uint8_t rsvd42[21];
	uint8_t lpver; /* 1h: CSI and OPC are valid */
};
static_assert(sizeof(struct nvme_error_log_entry) == 64, "Error Information Log Entry");
static_assert(offsetof(struct nvme_error_log_entry, lba) == 16, "LBA");
static_assert(offsetof(struct nvme_error_log_entry, ttsi) == 40, "TTSI");
static_assert(offsetof(struct nvme_error_log_entry, lpver) == 63, "LPVER");

#define NVME_SI_P NVME_BITS(0, 0)
#define NVME_SI_SF NVME_BITS(15, 1)
#define NVME_PEL_BYTE NVME_BITS(7, 0) /* of the SQE, 0 to 63 */
#define NVME_PEL_BIT NVME_BITS(10, 8)
#define NVME_PEL_NONE 0xffffu

/* LID 02h, SMART / Health Information. */
struct nvme_smart_log {
	uint8_t cw;
	uint8_t ctemp[2]; /* in K; odd offset: nvme_smart_ctemp() */
	uint8_t avsp, avspt, pused; /* in percent; PUSED may exceed 100 */
	uint8_t egcws;
	uint8_t rsvd7[25];
	le64 dur[2], duw[2]; /* in 1,000 units of 512 bytes, rounded up; low half first */
	le64 hrc[2], hwc[2]; /* commands */
	le64 cbt[2]; /* in minutes */
	le64 pwrc[2]; /* power cycles */
	le64 poh[2]; /* in hours */
	le64 upl[2]; /* unexpected power losses */
	le64 mdie[2];
	le64 neile[2]; /* error log entries over the life of the controller */
	le32 wctt, cctt; /* in minutes */
	le16 tsen[8]; /* in K; 0h: no such sensor */
	le32 tmt1tc, tmt2tc;
	le32 tttmt1, tttmt2; /* in seconds */
	le64 olec; /* Base 2.3: lifetime energy */
	le32 ipm; /* Base 2.3: interval power measurement */
	uint8_t rsvd244[268];
};
static_assert(sizeof(struct nvme_smart_log) == 512, "SMART / Health Information");
static_assert(offsetof(struct nvme_smart_log, dur) == 32, "DUR");
static_assert(offsetof(struct nvme_smart_log, poh) == 128, "POH");
static_assert(offsetof(struct nvme_smart_log, wctt) == 192, "WCTT");
static_assert(offsetof(struct nvme_smart_log, tsen) == 200, "TSEN1");
static_assert(offsetof(struct nvme_smart_log, tttmt2) == 228, "TTTMT2");

#define NVME_CW_ASCBT NVME_BITS(0, 0) /* spare below threshold */
#define NVME_CW_TTC NVME_BITS(1, 1) /* a temperature threshold is crossed */
#define NVME_CW_NDR NVME_BITS(2, 2) /* reliability degraded */
#define NVME_CW_AMRO NVME_BITS(3, 3) /* all media read only */
#define NVME_CW_VMBF NVME_BITS(4, 4) /* backup of volatile memory failed */
#define NVME_CW_PMRRO NVME_BITS(5, 5)

/* EGCWS, and the critical warning of one endurance group. */
#define NVME_EGCW_SPARE NVME_BITS(0, 0)
#define NVME_EGCW_DEGRADED NVME_BITS(2, 2)
#define NVME_EGCW_RO NVME_BITS(3, 3)

static inline uint16_t
nvme_smart_ctemp(const struct nvme_smart_log *log)
{
	return (uint16_t)(log->ctemp[0] | log->ctemp[1] << 8);
}

/* LID 03h, Firmware Slot Information. */
struct nvme_fw_slot_log {
	uint8_t afi;
	uint8_t rsvd1[7];
	char frs[7][8]; /* frs[0] is slot 1; all 0h: empty */
	uint8_t rsvd64[448];
};
static_assert(sizeof(struct nvme_fw_slot_log) == 512, "Firmware Slot Information");
static_assert(offsetof(struct nvme_fw_slot_log, frs) == 8, "FRS1");

#define NVME_AFI_CAFS NVME_BITS(2, 0) /* the slot that runs */
#define NVME_AFI_NAFS NVME_BITS(6, 4) /* the slot after the next reset, or 0h */

/* LID 04h and 1Ch.  More than 1,024 changes: the first entry is FFFFFFFFh. */
typedef struct nvme_ns_list nvme_changed_ns_log;

/* LID 05h, Commands Supported and Effects: one dword an opcode. */
struct nvme_effects_log {
	le32 acs[256];
	le32 iocs[256]; /* of the command set in CDW14.CSI */
	uint8_t rsvd2048[2048];
};
static_assert(sizeof(struct nvme_effects_log) == 4096, "Commands Supported and Effects");
static_assert(offsetof(struct nvme_effects_log, iocs) == 1024, "IOCS0");

#define NVME_EFFECTS_CSUPP NVME_BITS(0, 0)
#define NVME_EFFECTS_LBCC NVME_BITS(1, 1) /* logical block content change */
#define NVME_EFFECTS_NCC NVME_BITS(2, 2) /* namespace capability change */
#define NVME_EFFECTS_NIC NVME_BITS(3, 3) /* namespace inventory change */
#define NVME_EFFECTS_CCC NVME_BITS(4, 4) /* controller capability change */
#define NVME_EFFECTS_CSER NVME_BITS(15, 14)
#define NVME_EFFECTS_CSE NVME_BITS(18, 16)
#define NVME_EFFECTS_USS NVME_BITS(19, 19) /* takes a UUID index */
#define NVME_EFFECTS_CSP NVME_BITS(31, 20) /* scope: NVME_SCOPE_* */
enum {
	NVME_CSE_NONE = 0,
	NVME_CSE_NS = 1, /* no other command to the same namespace */
	NVME_CSE_ALL = 2, /* no other command to any namespace */
};

/* The scope fields CSP (05h), FSP (12h) and those of 13h share these bits, counted within the field. */
#define NVME_SCOPE_NS NVME_BITS(0, 0)
#define NVME_SCOPE_CTRL NVME_BITS(1, 1)
#define NVME_SCOPE_NVMSET NVME_BITS(2, 2)
#define NVME_SCOPE_ENDGRP NVME_BITS(3, 3)
#define NVME_SCOPE_DOMAIN NVME_BITS(4, 4)
#define NVME_SCOPE_NSS NVME_BITS(5, 5)
#define NVME_SCOPE_CDQ NVME_BITS(6, 6)

/* LID 06h, Device Self-test: 28-byte results, so the quadwords are pairs of dwords, low first. */
struct nvme_self_test_result {
	uint8_t dsts;
	uint8_t segn;
	uint8_t vdinfo;
	uint8_t rsvd3;
	le32 poh[2];
	le32 nsid;
	le32 flba[2];
	uint8_t sct, sc;
	uint8_t vs[2];
};
static_assert(sizeof(struct nvme_self_test_result) == 28, "Self-test Result");
static_assert(offsetof(struct nvme_self_test_result, flba) == 16, "FLBA");

#define NVME_SELF_TEST_RESULTS 20
struct nvme_self_test_log {
	uint8_t cdsto;
	uint8_t cdstc; /* in percent */
	uint8_t rsvd2[2];
	struct nvme_self_test_result result[NVME_SELF_TEST_RESULTS]; /* newest first */
};
static_assert(sizeof(struct nvme_self_test_log) == 564, "Device Self-test");

#define NVME_CDSTO_CDSTO NVME_BITS(3, 0) /* enum nvme_dst_stc of cmd.h; 0h: none */
#define NVME_CDSTC_PERCENT NVME_BITS(6, 0)
#define NVME_DSTS_RESULT NVME_BITS(3, 0)
#define NVME_DSTS_STC NVME_BITS(7, 4)
#define NVME_VDINFO_NSIDV NVME_BITS(0, 0)
#define NVME_VDINFO_FLBAV NVME_BITS(1, 1)
#define NVME_VDINFO_SCTV NVME_BITS(2, 2)
#define NVME_VDINFO_SCV NVME_BITS(3, 3)

enum {
	NVME_DSTS_OK = 0x0,
	NVME_DSTS_ABORT_CMD = 0x1,
	NVME_DSTS_ABORT_RESET = 0x2,
	NVME_DSTS_ABORT_NS_REMOVED = 0x3,
	NVME_DSTS_ABORT_FORMAT = 0x4,
	NVME_DSTS_FATAL = 0x5,
	NVME_DSTS_FAIL_UNKNOWN = 0x6,
	NVME_DSTS_FAIL_SEGMENT = 0x7,
	NVME_DSTS_ABORT_UNKNOWN = 0x8,
	NVME_DSTS_ABORT_SANITIZE = 0x9,
	NVME_DSTS_UNUSED = 0xf,
};

/* LID 07h and 08h, Telemetry: this header, then blocks of 512 bytes. */
struct nvme_telemetry_log {
	uint8_t lid;
	uint8_t rsvd1[4];
	uint8_t ieee[3];
	le16 da1lb, da2lb, da3lb; /* last block of each area; areas follow one another */
	uint8_t rsvd14[2];
	le32 da4lb;
	uint8_t rsvd20[360];
	uint8_t this; /* 07h: host-initiated scope (2.1) */
	uint8_t thdgn; /* 07h: generation number */
	uint8_t tcda; /* controller-initiated data available */
	uint8_t tcdgn;
	uint8_t rid[128];
};
static_assert(sizeof(struct nvme_telemetry_log) == 512, "Telemetry header");
static_assert(offsetof(struct nvme_telemetry_log, tcda) == 382, "TCDA");

#define NVME_TELEMETRY_LSP_CREATE NVME_BITS(0, 0) /* within LSP */

/* LID 09h, Endurance Group Information. */
struct nvme_endgrp_log {
	uint8_t cw;
	uint8_t egfeat;
	uint8_t rsvd2;
	uint8_t avsp, avspt, pused; /* in percent */
	le16 domainid;
	uint8_t rsvd8[24];
	le64 ee[2]; /* in 10^9 bytes, as are the next three; low half first */
	le64 dur[2], duw[2], muw[2];
	le64 hrc[2], hwc[2];
	le64 mdie[2], neile[2];
	le64 tegcap[2], uegcap[2]; /* in bytes */
	uint8_t rsvd192[320];
};
static_assert(sizeof(struct nvme_endgrp_log) == 512, "Endurance Group Information");
static_assert(offsetof(struct nvme_endgrp_log, tegcap) == 160, "TEGCAP");

/* LID 0Fh, Endurance Group Event Aggregate: the groups that have something to tell. */
#define NVME_ENDGRP_AGG_MAX 2044
struct nvme_endgrp_agg_log {
	le64 nument;
	le16 endgid[NVME_ENDGRP_AGG_MAX];
};
static_assert(sizeof(struct nvme_endgrp_agg_log) == 4096, "Endurance Group Event Aggregate");

/* LID 12h, Feature Identifiers Supported and Effects: one dword a feature. */
struct nvme_fid_effects_log {
	le32 fids[256];
};
static_assert(sizeof(struct nvme_fid_effects_log) == 1024, "FID Supported and Effects");

#define NVME_FIDS_FSUPP NVME_BITS(0, 0)
#define NVME_FIDS_UDCC NVME_BITS(1, 1) /* user data content change */
#define NVME_FIDS_NCC NVME_BITS(2, 2)
#define NVME_FIDS_NIC NVME_BITS(3, 3)
#define NVME_FIDS_CCC NVME_BITS(4, 4)
#define NVME_FIDS_USS NVME_BITS(19, 19)
#define NVME_FIDS_FSP NVME_BITS(31, 20) /* NVME_SCOPE_* */

/* LID 13h, NVMe-MI Commands Supported and Effects. */
struct nvme_mi_effects_log {
	le32 mics[256];
	uint8_t rsvd1024[3072];
};
static_assert(sizeof(struct nvme_mi_effects_log) == 4096, "NVMe-MI Commands Supported and Effects");

/* LID 15h, Boot Partition: this header, then the whole partition. */
struct nvme_boot_partition_log {
	uint8_t lid;
	uint8_t rsvd1[3];
	le32 bpinfo; /* NVME_BPINFO_BPSZ and NVME_BPINFO_ABPID */
	uint8_t rsvd8[8];
};
static_assert(sizeof(struct nvme_boot_partition_log) == 16, "Boot Partition");

#define NVME_BOOT_LSP_BPID NVME_BITS(0, 0) /* within LSP */

/* LID 80h, Reservation Notification. */
struct nvme_resv_log {
	le64 lpc; /* counts up from 1h; 0h: empty */
	uint8_t rnlpt;
	uint8_t nalp;
	uint8_t rsvd10[2];
	le32 nsid;
	uint8_t rsvd16[48];
};
static_assert(sizeof(struct nvme_resv_log) == 64, "Reservation Notification");

enum {
	NVME_RNLPT_EMPTY = 0,
	NVME_RNLPT_REG_PREEMPTED = 1,
	NVME_RNLPT_RESV_RELEASED = 2,
	NVME_RNLPT_RESV_PREEMPTED = 3,
};

/* LID 81h, Sanitize Status. */
struct nvme_sanitize_log {
	le16 sprog; /* in 1/65,536; FFFFh when none is in progress */
	le16 sstat;
	le32 scdw10; /* CDW10 of the Sanitize command */
	le32 eto, etbe, etce; /* estimates in seconds; FFFFFFFFh: not told */
	le32 etond, etbend, etcend; /* the same, with No-Deallocate */
	le32 etpvds;
	uint8_t ssi;
	uint8_t rsvd37[475];
};
static_assert(sizeof(struct nvme_sanitize_log) == 512, "Sanitize Status");
static_assert(offsetof(struct nvme_sanitize_log, ssi) == 36, "SSI");

#define NVME_SSTAT_SOS NVME_BITS(2, 0)
#define NVME_SSTAT_OPC NVME_BITS(7, 3) /* overwrite passes completed */
#define NVME_SSTAT_GDE NVME_BITS(8, 8) /* global data erased */
#define NVME_SSTAT_MVCNCLD NVME_BITS(9, 9) /* media verification canceled */
enum {
	NVME_SOS_NEVER = 0,
	NVME_SOS_OK = 1,
	NVME_SOS_IN_PROGRESS = 2,
	NVME_SOS_FAILED = 3,
	NVME_SOS_OK_DEALLOCATED = 4, /* though No-Deallocate was asked for */
};

#define NVME_SSI_SANS NVME_BITS(3, 0) /* state */
#define NVME_SSI_FAILS NVME_BITS(7, 4) /* the state in which it failed */
