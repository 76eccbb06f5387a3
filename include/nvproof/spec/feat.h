/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Features: identifiers, the fields of their attributes, their data structures; asynchronous events.
 *
 * NVMe Base 2.3, "Set Features command", "Get Features command", "Asynchronous Event Request command";
 * NVM Command Set 1.1, "Set Features" (error recovery, write atomicity, LBA range type).
 *
 * NVME_FEAT_<feature>_<field> is a field of CDW11 and of DW0 of the completion, unless a comment says otherwise.
 */
#pragma once

#include "nvproof/spec/types.h"

enum nvme_fid {
	NVME_FEAT_ARBITRATION = 0x01,
	NVME_FEAT_POWER_MGMT = 0x02,
	NVME_FEAT_LBA_RANGE = 0x03,
	NVME_FEAT_TEMP_THRESH = 0x04,
	NVME_FEAT_ERR_RECOVERY = 0x05,
	NVME_FEAT_VWC = 0x06,
	NVME_FEAT_NUM_QUEUES = 0x07,
	NVME_FEAT_IRQ_COALESCE = 0x08,
	NVME_FEAT_IRQ_CONFIG = 0x09,
	NVME_FEAT_WRITE_ATOMIC = 0x0a,
	NVME_FEAT_ASYNC_EVENT = 0x0b,
	NVME_FEAT_APST = 0x0c,
	NVME_FEAT_HMB = 0x0d,
	NVME_FEAT_TIMESTAMP = 0x0e,
	NVME_FEAT_KATO = 0x0f,
	NVME_FEAT_HCTM = 0x10,
	NVME_FEAT_NOPSC = 0x11,
	NVME_FEAT_RRL = 0x12,
	NVME_FEAT_PLM_CONFIG = 0x13,
	NVME_FEAT_PLM_WINDOW = 0x14,
	NVME_FEAT_LBA_STATUS = 0x15,
	NVME_FEAT_HOST_BEHAVIOR = 0x16,
	NVME_FEAT_SANITIZE = 0x17,
	NVME_FEAT_ENDGRP_EVENT = 0x18,
	NVME_FEAT_IOCS_PROFILE = 0x19,
	NVME_FEAT_SPINUP = 0x1a,
	NVME_FEAT_POWER_LOSS = 0x1b,
	NVME_FEAT_PERF_CHAR = 0x1c,
	NVME_FEAT_FDP = 0x1d,
	NVME_FEAT_FDP_EVENTS = 0x1e,
	NVME_FEAT_NS_LABEL = 0x1f,
	NVME_FEAT_KV_CONFIG = 0x20,
	NVME_FEAT_CDQ = 0x21,
	NVME_FEAT_PERSONALITY = 0x22,
	NVME_FEAT_POWER_LIMIT = 0x23,
	NVME_FEAT_POWER_THRESH = 0x24,
	NVME_FEAT_POWER_MEAS = 0x25,
	NVME_FEAT_VOLTAGE_THRESH = 0x26,
	NVME_FEAT_VOLTAGE_MEAS = 0x27,
	NVME_FEAT_RATE_LIMIT = 0x28,
	NVME_FEAT_EMC_ADDR = 0x78, /* embedded management controller address */
	NVME_FEAT_HMA_ADDR = 0x79, /* host management agent address */
	NVME_FEAT_ENH_CTRLR_META = 0x7d,
	NVME_FEAT_CTRLR_META = 0x7e,
	NVME_FEAT_NS_META = 0x7f,
	NVME_FEAT_SW_PROGRESS = 0x80,
	NVME_FEAT_HOST_ID = 0x81,
	NVME_FEAT_RESV_NOTIFY = 0x82,
	NVME_FEAT_RESV_PERSIST = 0x83,
	NVME_FEAT_WRITE_PROTECT = 0x84,
	NVME_FEAT_BP_WRITE_PROTECT = 0x85,
	NVME_FEAT_VENDOR = 0xc0, /* first of the vendor specific ones */
};

/* Set and Get Features, CDW10, CDW14 */
#define NVME_FEAT_FID NVME_BITS(7, 0)
#define NVME_FEAT_SEL NVME_BITS(10, 8) /* Get Features only */
#define NVME_FEAT_SV NVME_BIT(31) /* Set Features only */
#define NVME_FEAT_UUIDX NVME_BITS(6, 0)

enum nvme_feat_sel {
	NVME_FEAT_SEL_CURRENT = 0,
	NVME_FEAT_SEL_DEFAULT = 1,
	NVME_FEAT_SEL_SAVED = 2,
	NVME_FEAT_SEL_CAPS = 3,
};

/* DW0 of Get Features with SEL = supported capabilities */
#define NVME_FEAT_CAPS_SAVEABLE NVME_BIT(0)
#define NVME_FEAT_CAPS_NS_SPEC NVME_BIT(1)
#define NVME_FEAT_CAPS_CHANGEABLE NVME_BIT(2)

/* 01h Arbitration */
#define NVME_FEAT_ARB_AB NVME_BITS(2, 0) /* log2 */
#define NVME_FEAT_ARB_AB_NO_LIMIT 7
#define NVME_FEAT_ARB_LPW NVME_BITS(15, 8) /* weights are 0's based */
#define NVME_FEAT_ARB_MPW NVME_BITS(23, 16)
#define NVME_FEAT_ARB_HPW NVME_BITS(31, 24)

/* 02h Power Management */
#define NVME_FEAT_PM_PS NVME_BITS(4, 0)
#define NVME_FEAT_PM_WH NVME_BITS(7, 5)

/* 03h LBA Range Type: NUM is 0's based, the data is an array of 64 of these */
#define NVME_FEAT_LBART_NUM NVME_BITS(5, 0)

struct nvme_lba_range_type {
	uint8_t type;
	uint8_t attributes;
	uint8_t rsvd2[14];
	le64 slba;
	le64 nlb; /* 0's based */
	uint8_t guid[16];
	uint8_t rsvd48[16];
};
static_assert(sizeof(struct nvme_lba_range_type) == 64, "LBA range type");
static_assert(offsetof(struct nvme_lba_range_type, slba) == 16, "SLBA");

/* 04h Temperature Threshold, in kelvin */
#define NVME_FEAT_TT_TMPTH NVME_BITS(15, 0)
#define NVME_FEAT_TT_TMPSEL NVME_BITS(19, 16)
#define NVME_FEAT_TT_THSEL NVME_BITS(21, 20)
#define NVME_FEAT_TT_TMPTHH NVME_BITS(24, 22)

enum nvme_tmpsel {
	NVME_TMPSEL_COMPOSITE = 0x0, /* 1h-8h: temperature sensor 1-8 */
	NVME_TMPSEL_ALL = 0xf,
};

enum nvme_thsel {
	NVME_THSEL_OVER = 0,
	NVME_THSEL_UNDER = 1,
};

/* 05h Error Recovery */
#define NVME_FEAT_ER_TLER NVME_BITS(15, 0) /* 100 ms units */
#define NVME_FEAT_ER_DULBE NVME_BIT(16)

/* 06h Volatile Write Cache */
#define NVME_FEAT_VWC_WCE NVME_BIT(0)

/* 07h Number of Queues: requested in CDW11, allocated in DW0; all are 0's based */
#define NVME_FEAT_NQ_NSQR NVME_BITS(15, 0)
#define NVME_FEAT_NQ_NCQR NVME_BITS(31, 16)
#define NVME_FEAT_NQ_NSQA NVME_BITS(15, 0)
#define NVME_FEAT_NQ_NCQA NVME_BITS(31, 16)

/* 08h Interrupt Coalescing */
#define NVME_FEAT_IC_THR NVME_BITS(7, 0) /* 0's based */
#define NVME_FEAT_IC_TIME NVME_BITS(15, 8) /* 100 us units */

/* 09h Interrupt Vector Configuration */
#define NVME_FEAT_IVC_IV NVME_BITS(15, 0)
#define NVME_FEAT_IVC_CD NVME_BIT(16)

/* 0Ah Write Atomicity Normal */
#define NVME_FEAT_WAN_DN NVME_BIT(0)

/* 0Bh Asynchronous Event Configuration */
#define NVME_FEAT_AEC_SHCW NVME_BITS(7, 0) /* SMART critical warnings, the bits of that byte */
#define NVME_FEAT_AEC_ATTR NVME_BIT(8) /* attached namespace attribute */
#define NVME_FEAT_AEC_FAN NVME_BIT(9) /* firmware activation */
#define NVME_FEAT_AEC_TLN NVME_BIT(10) /* telemetry log */
#define NVME_FEAT_AEC_ANACN NVME_BIT(11) /* asymmetric namespace access change */
#define NVME_FEAT_AEC_PLEALCN NVME_BIT(12) /* predictable latency event aggregate log */
#define NVME_FEAT_AEC_LSIAN NVME_BIT(13) /* LBA status information alert */
#define NVME_FEAT_AEC_EGEALCN NVME_BIT(14) /* endurance group event aggregate log */
#define NVME_FEAT_AEC_NNSSHDN NVME_BIT(15) /* normal NVM subsystem shutdown */
#define NVME_FEAT_AEC_TTHRY NVME_BIT(16) /* temperature threshold hysteresis recovery */
#define NVME_FEAT_AEC_RASSN NVME_BIT(17) /* reachability association */
#define NVME_FEAT_AEC_RGRP0 NVME_BIT(18) /* reachability group */
#define NVME_FEAT_AEC_ANSAN NVME_BIT(19) /* allocated namespace attribute */
#define NVME_FEAT_AEC_CCRCN NVME_BIT(20) /* cross-controller reset completed */
#define NVME_FEAT_AEC_LHCN NVME_BIT(21) /* lost host communication */
#define NVME_FEAT_AEC_ZDCN NVME_BIT(27) /* zone descriptor changed */
#define NVME_FEAT_AEC_PMDRLPCN NVME_BIT(28) /* pull model DDC request log */
#define NVME_FEAT_AEC_ADLPCN NVME_BIT(29) /* AVE discovery log */
#define NVME_FEAT_AEC_HDLPCN NVME_BIT(30) /* host discovery log */
#define NVME_FEAT_AEC_DLPCN NVME_BIT(31) /* discovery log */

/* 0Ch Autonomous Power State Transition; the data is 32 little-endian qwords of ITPS and ITPT */
#define NVME_FEAT_APST_APSTE NVME_BIT(0)
#define NVME_APST_ITPS NVME_BITS(7, 3)
#define NVME_APST_ITPT NVME_BITS(31, 8) /* ms */

struct nvme_apst {
	le64 entry[32];
};
static_assert(sizeof(struct nvme_apst) == 256, "APST data");

/* 0Dh Host Memory Buffer, CDW11.  CDW12 HSIZE (pages of CC.MPS), CDW13/14 list address, CDW15 entry count. */
#define NVME_FEAT_HMB_EHM NVME_BIT(0)
#define NVME_FEAT_HMB_MR NVME_BIT(1)
#define NVME_FEAT_HMB_HMNARE NVME_BIT(2)

struct nvme_hmb_desc {
	le64 badd; /* aligned to CC.MPS */
	le32 bsize; /* pages of CC.MPS */
	uint8_t rsvd12[4];
};
static_assert(sizeof(struct nvme_hmb_desc) == 16, "HMB descriptor entry");

/* What Get Features returns as data */
struct nvme_hmb_attr {
	le32 hsize;
	le32 hmdlal, hmdlau;
	le32 hmdlec;
	uint8_t rsvd16[4080];
};
static_assert(sizeof(struct nvme_hmb_attr) == 4096, "HMB attributes");

/* 0Eh Timestamp (data) */
struct nvme_timestamp {
	uint8_t timestamp[6]; /* ms since 1970, little-endian */
	uint8_t attr;
	uint8_t rsvd7;
};
static_assert(sizeof(struct nvme_timestamp) == 8, "timestamp");

#define NVME_TIMESTAMP_SYNCH NVME_BIT(0)
#define NVME_TIMESTAMP_TO NVME_BITS(3, 1) /* origin: 0 a reset, 1 Set Features */

/* 0Fh Keep Alive Timer */
#define NVME_FEAT_KATO_KATO NVME_BITS(31, 0) /* ms */

/* 10h Host Controlled Thermal Management, in kelvin */
#define NVME_FEAT_HCTM_TMT2 NVME_BITS(15, 0)
#define NVME_FEAT_HCTM_TMT1 NVME_BITS(31, 16)

/* 11h Non-Operational Power State Config */
#define NVME_FEAT_NOPSC_NOPPME NVME_BIT(0)

/* 12h Read Recovery Level Config: CDW11, CDW12 */
#define NVME_FEAT_RRL_NVMSETID NVME_BITS(15, 0)
#define NVME_FEAT_RRL_RRL NVME_BITS(3, 0)

/* 13h, 14h Predictable Latency Mode: CDW11, CDW12 */
#define NVME_FEAT_PLM_NVMSETID NVME_BITS(15, 0)
#define NVME_FEAT_PLM_LPE NVME_BIT(0)
#define NVME_FEAT_PLM_WS NVME_BITS(2, 0)

/* 15h LBA Status Information Attributes, 100 ms units */
#define NVME_FEAT_LSI_LSIRI NVME_BITS(15, 0)
#define NVME_FEAT_LSI_LSIPI NVME_BITS(31, 16)

/* 16h Host Behavior Support (data) */
struct nvme_host_behavior {
	uint8_t acre; /* advanced command retry enable */
	uint8_t etdas; /* extended telemetry data area 4 supported */
	uint8_t lbafee; /* LBA format extension enable */
	uint8_t hdisns; /* host dispersed namespace support */
	le16 cdfe; /* copy descriptor formats 2h-4h enable, a bit per format */
	uint8_t rsvd6[506];
};
static_assert(sizeof(struct nvme_host_behavior) == 512, "host behavior");
static_assert(offsetof(struct nvme_host_behavior, cdfe) == 4, "CDFE");

/* 17h Sanitize Config */
#define NVME_FEAT_SANITIZE_NODRM NVME_BIT(0)

/* 18h Endurance Group Event Configuration */
#define NVME_FEAT_EGE_ENDGID NVME_BITS(15, 0)
#define NVME_FEAT_EGE_EGCW NVME_BITS(23, 16)

/* 19h I/O Command Set Profile */
#define NVME_FEAT_IOCSP_IOCSCI NVME_BITS(8, 0)

/* 1Ah Spinup Control */
#define NVME_FEAT_SPINUP_ENABLE NVME_BIT(0)

/* 1Bh Power Loss Signaling Config */
#define NVME_FEAT_PLS_PLSM NVME_BITS(1, 0)

/* 1Ch Performance Characteristics */
#define NVME_FEAT_PERF_ATTRI NVME_BITS(7, 0)
#define NVME_FEAT_PERF_RVSPA NVME_BIT(8)

/* 1Dh Flexible Data Placement: CDW11, CDW12 (DW0 as CDW12) */
#define NVME_FEAT_FDP_ENDGID NVME_BITS(15, 0)
#define NVME_FEAT_FDP_FDPE NVME_BIT(0)
#define NVME_FEAT_FDP_FDPCIDX NVME_BITS(15, 8)

/* 1Eh FDP Events: CDW11, CDW12; DW0 is the number of event descriptors in the data */
#define NVME_FEAT_FDPEV_PHNDL NVME_BITS(15, 0)
#define NVME_FEAT_FDPEV_NOET NVME_BITS(23, 16)
#define NVME_FEAT_FDPEV_FDPEE NVME_BIT(0)

/* 1Fh Namespace Admin Label: the data is 256 bytes, UTF-8 */
#define NVME_NS_LABEL_SIZE 256

/* 20h Key Value Configuration */
#define NVME_FEAT_KV_EDNEK NVME_BIT(0) /* error on delete of a key that does not exist */

/* 21h Controller Data Queue: CDW11.  CDW12 is the head pointer, CDW13 the tail pointer trigger. */
#define NVME_FEAT_CDQ_CDQID NVME_BITS(15, 0)
#define NVME_FEAT_CDQ_ETPT NVME_BIT(31)

/* 80h Software Progress Marker */
#define NVME_FEAT_SPM_PBSLC NVME_BITS(7, 0)

/* 81h Host Identifier: the data is 8 bytes, or 16 with EXHID */
#define NVME_FEAT_HOST_ID_EXHID NVME_BIT(0)

/* 82h Reservation Notification Mask, 83h Reservation Persistence */
#define NVME_FEAT_RESV_REGPRE NVME_BIT(1)
#define NVME_FEAT_RESV_RESREL NVME_BIT(2)
#define NVME_FEAT_RESV_RESPRE NVME_BIT(3)
#define NVME_FEAT_RESV_PTPL NVME_BIT(0)

/* 84h Namespace Write Protection Config */
#define NVME_FEAT_WP_WPS NVME_BITS(2, 0)

enum nvme_wps {
	NVME_WPS_NONE = 0,
	NVME_WPS_WRITE_PROTECT = 1,
	NVME_WPS_UNTIL_POWER_CYCLE = 2,
	NVME_WPS_PERMANENT = 3,
};

/* 85h Boot Partition Write Protection Config */
#define NVME_FEAT_BPWP_BP0WPS NVME_BITS(2, 0)
#define NVME_FEAT_BPWP_BP1WPS NVME_BITS(5, 3)

enum nvme_bpwps {
	NVME_BPWPS_NO_CHANGE = 0, /* Set Features only */
	NVME_BPWPS_UNLOCKED = 1,
	NVME_BPWPS_LOCKED = 2,
	NVME_BPWPS_UNTIL_POWER_CYCLE = 3,
	NVME_BPWPS_RPMB = 4, /* Get Features only */
};

/* Asynchronous Event Request, DW0 of the completion.  DW1 is the event specific parameter. */
#define NVME_AER_TYPE NVME_BITS(2, 0)
#define NVME_AER_INFO NVME_BITS(15, 8)
#define NVME_AER_LID NVME_BITS(23, 16)

enum nvme_aer_type {
	NVME_AER_ERROR = 0,
	NVME_AER_SMART = 1,
	NVME_AER_NOTICE = 2,
	NVME_AER_IMMEDIATE = 3,
	NVME_AER_ONE_SHOT = 4,
	NVME_AER_IOCS = 6, /* I/O command specific */
	NVME_AER_VENDOR = 7,
};

enum nvme_aer_error {
	NVME_AER_ERROR_INVALID_DB_REG = 0x00,
	NVME_AER_ERROR_INVALID_DB_VALUE = 0x01,
	NVME_AER_ERROR_DIAG_FAILURE = 0x02,
	NVME_AER_ERROR_PERSISTENT = 0x03,
	NVME_AER_ERROR_TRANSIENT = 0x04,
	NVME_AER_ERROR_FW_IMAGE_LOAD = 0x05,
};

enum nvme_aer_smart {
	NVME_AER_SMART_RELIABILITY = 0x00,
	NVME_AER_SMART_TEMPERATURE = 0x01,
	NVME_AER_SMART_SPARE = 0x02,
};

enum nvme_aer_notice {
	NVME_AER_NOTICE_NS_ATTR = 0x00,
	NVME_AER_NOTICE_FW_ACTIVATION = 0x01,
	NVME_AER_NOTICE_TELEMETRY = 0x02,
	NVME_AER_NOTICE_ANA = 0x03,
	NVME_AER_NOTICE_PLEA = 0x04,
	NVME_AER_NOTICE_LBA_STATUS = 0x05,
	NVME_AER_NOTICE_ENDGRP = 0x06,
	NVME_AER_NOTICE_REACH_GROUP = 0x07,
	NVME_AER_NOTICE_REACH_ASSOC = 0x08,
	NVME_AER_NOTICE_ALLOC_NS_ATTR = 0x09,
	NVME_AER_NOTICE_ZONE_DESC = 0xef,
	NVME_AER_NOTICE_DISCOVERY = 0xf0,
	NVME_AER_NOTICE_HOST_DISCOVERY = 0xf1,
	NVME_AER_NOTICE_AVE_DISCOVERY = 0xf2,
	NVME_AER_NOTICE_PULL_DDC = 0xf3,
	NVME_AER_NOTICE_CCR = 0xf4,
	NVME_AER_NOTICE_LOST_HOST = 0xf5,
};

enum nvme_aer_immediate {
	NVME_AER_IMMEDIATE_SHUTDOWN = 0x00,
	NVME_AER_IMMEDIATE_TEMP_HYST = 0x01,
};

enum nvme_aer_iocs {
	NVME_AER_IOCS_RESV = 0x00,
	NVME_AER_IOCS_SANITIZE = 0x01,
	NVME_AER_IOCS_SANITIZE_DEALLOC = 0x02, /* completed with unexpected deallocation */
	NVME_AER_IOCS_SANITIZE_VERIF = 0x03, /* entered the media verification state */
};
