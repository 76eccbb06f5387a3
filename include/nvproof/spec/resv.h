/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reservations: the four commands and their data.  The features are NVME_FEAT_RESV_* and NVME_FEAT_HOST_ID_* (feat.h), the log is
 * struct nvme_resv_log (log.h).
 *
 * NVMe Base 2.1, "Reservation Register command", "Reservation Acquire command", "Reservation Release command", "Reservation
 * Report command".
 */
#pragma once

#include "nvproof/spec/types.h"

/* CDW10 of Register, Acquire and Release */
#define NVME_RESV_ACTION NVME_BITS(2, 0)
#define NVME_RESV_IEKEY NVME_BIT(3) /* ignore existing key: Register only */
#define NVME_RESV_DISNSRS NVME_BIT(4)
#define NVME_RESV_RTYPE NVME_BITS(15, 8) /* Acquire, Release */
#define NVME_RESV_CPTPL NVME_BITS(31, 30) /* Register */

enum nvme_rrega {
	NVME_RREGA_REGISTER = 0,
	NVME_RREGA_UNREGISTER = 1,
	NVME_RREGA_REPLACE = 2,
};

enum nvme_racqa {
	NVME_RACQA_ACQUIRE = 0,
	NVME_RACQA_PREEMPT = 1,
	NVME_RACQA_PREEMPT_ABORT = 2,
};

enum nvme_rrela {
	NVME_RRELA_RELEASE = 0,
	NVME_RRELA_CLEAR = 1,
};

enum nvme_cptpl {
	NVME_CPTPL_NO_CHANGE = 0,
	NVME_CPTPL_CLEAR = 2,
	NVME_CPTPL_SET = 3,
};

enum nvme_rtype {
	NVME_RTYPE_NONE = 0,
	NVME_RTYPE_WE = 1, /* write exclusive */
	NVME_RTYPE_EA = 2, /* exclusive access */
	NVME_RTYPE_WERO = 3, /* RO: registrants only */
	NVME_RTYPE_EARO = 4,
	NVME_RTYPE_WEAR = 5, /* AR: all registrants */
	NVME_RTYPE_EAAR = 6,
};

struct nvme_resv_register {
	le64 crkey, nrkey;
};
static_assert(sizeof(struct nvme_resv_register) == 16, "Reservation Register");

struct nvme_resv_acquire {
	le64 crkey, prkey;
};
static_assert(sizeof(struct nvme_resv_acquire) == 16, "Reservation Acquire");

struct nvme_resv_release {
	le64 crkey;
};
static_assert(sizeof(struct nvme_resv_release) == 8, "Reservation Release");

/* Reservation Report: CDW10 is NUMD, 0's based; CDW11 */
#define NVME_RESV_REPORT_EDS NVME_BIT(0) /* extended data structure: for 128-bit host identifiers */
#define NVME_RESV_REPORT_DISNSRS NVME_BIT(1)

struct nvme_resv_status {
	le32 gen;
	uint8_t rtype;
	uint8_t regstrnt[2]; /* registrants, little-endian; formerly REGCTL */
	uint8_t rsvd7[2];
	uint8_t ptpls;
	uint8_t rsvd10[14];
};
static_assert(sizeof(struct nvme_resv_status) == 24, "Reservation Status header");
static_assert(offsetof(struct nvme_resv_status, ptpls) == 9, "PTPLS");

#define NVME_RCSTS_AHHR NVME_BIT(0) /* holds the reservation */

struct nvme_resv_registrant {
	le16 cntlid; /* FFFFh: no controller is its host's */
	uint8_t rcsts;
	uint8_t rsvd3[5];
	uint8_t hostid[8];
	le64 rkey;
};
static_assert(sizeof(struct nvme_resv_registrant) == 24, "Registrant");

/* With EDS: the header, reserved up to byte 64, then these. */
#define NVME_RESV_STATUS_EXT 64u
struct nvme_resv_registrant_ext {
	le16 cntlid;
	uint8_t rcsts;
	uint8_t rsvd3[5];
	le64 rkey;
	uint8_t hostid[16];
	uint8_t rsvd32[32];
};
static_assert(sizeof(struct nvme_resv_registrant_ext) == 64, "Registrant, extended");
