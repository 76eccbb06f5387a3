/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NVM command set: command dwords, data structures and protection information.
 *
 * NVM Command Set 1.1, "NVM Command Set Commands", "End-to-end Data Protection".
 */
#pragma once

#include "nvproof/spec/types.h"

/* Read, Write, Compare, Verify, Write Zeroes and Write Uncorrectable, with the fields that they share */
struct nvme_rw_cmd {
	uint8_t opc, flags;
	uint16_t cid; /* opaque to the device: no byte order */
	le32 nsid;
	le32 cdw2, cdw3; /* upper part of the storage and reference tag; Verify and friends alike */
	le64 mptr;
	le64 prp1, prp2;
	le64 slba;
	le16 nlb; /* 0's based */
	le16 control; /* CDW12 bits 31:16: see nvme_rw_cdw12() */
	le32 dsm; /* CDW13: dataset management hints, DSPEC */
	le32 reftag; /* CDW14: lower part of the storage and reference tag */
	le16 apptag, appmask;
};
static_assert(sizeof(struct nvme_rw_cmd) == 64, "SQE");
static_assert(offsetof(struct nvme_rw_cmd, slba) == 40, "CDW10");
static_assert(offsetof(struct nvme_rw_cmd, nlb) == 48, "CDW12");
static_assert(offsetof(struct nvme_rw_cmd, apptag) == 60, "CDW15");

/* CDW12 */
#define NVME_RW_NLB NVME_BITS(15, 0) /* 0's based */
#define NVME_RW_CETYPE NVME_BITS(19, 16)
#define NVME_RW_DTYPE NVME_BITS(23, 20)
#define NVME_RW_STC NVME_BIT(24)
#define NVME_RW_PRINFO NVME_BITS(29, 26)
#define NVME_RW_PRCHK_REF NVME_BIT(26)
#define NVME_RW_PRCHK_APP NVME_BIT(27)
#define NVME_RW_PRCHK_GUARD NVME_BIT(28)
#define NVME_RW_PRACT NVME_BIT(29)
#define NVME_RW_FUA NVME_BIT(30)
#define NVME_RW_LR NVME_BIT(31)

/* CDW12 of Write Zeroes: where others have DTYPE and STC */
#define NVME_WZ_NSZ NVME_BIT(23)
#define NVME_WZ_DEAC NVME_BIT(25)

/* CDW13 */
#define NVME_RW_DSM NVME_BITS(7, 0)
#define NVME_RW_DSM_FREQ NVME_BITS(3, 0)
#define NVME_RW_DSM_LATENCY NVME_BITS(5, 4)
#define NVME_RW_DSM_SEQ NVME_BIT(6)
#define NVME_RW_DSM_INCPRS NVME_BIT(7)
#define NVME_RW_CEV NVME_BITS(15, 0) /* where CETYPE is not 0 */
#define NVME_RW_DSPEC NVME_BITS(31, 16)

/* CDW15 */
#define NVME_RW_LBAT NVME_BITS(15, 0)
#define NVME_RW_LBATM NVME_BITS(31, 16)

enum nvme_dtype {
	NVME_DTYPE_IDENTIFY = 0,
	NVME_DTYPE_STREAMS = 1,
	NVME_DTYPE_DATA_PLACEMENT = 2,
};

/* CDW12 of a command, to take NVME_RW_* from. */
static inline uint32_t
nvme_rw_cdw12(const struct nvme_rw_cmd *cmd)
{
	return le16_get(cmd->nlb) | (uint32_t)le16_get(cmd->control) << 16;
}

/* Dataset Management, CDW10, CDW11 */
#define NVME_DSM_NR NVME_BITS(7, 0) /* 0's based */
#define NVME_DSM_IDR NVME_BIT(0)
#define NVME_DSM_IDW NVME_BIT(1)
#define NVME_DSM_AD NVME_BIT(2)
#define NVME_DSM_MAX_RANGES 256

struct nvme_dsm_range {
	le32 cattr; /* NVME_DSM_CATTR_* */
	le32 nlb; /* not 0's based */
	le64 slba;
};
static_assert(sizeof(struct nvme_dsm_range) == 16, "DSM range");
static_assert(offsetof(struct nvme_dsm_range, slba) == 8, "SLBA");

#define NVME_DSM_CATTR_AF NVME_BITS(3, 0)
#define NVME_DSM_CATTR_AL NVME_BITS(5, 4)
#define NVME_DSM_CATTR_SR NVME_BIT(8)
#define NVME_DSM_CATTR_SW NVME_BIT(9)
#define NVME_DSM_CATTR_WP NVME_BIT(10)
#define NVME_DSM_CATTR_CAS NVME_BITS(31, 24)

/* Copy, CDW12.  CDW10-11 is the SDLBA; CDW13-15 are as those of Write. */
#define NVME_COPY_NR NVME_BITS(7, 0) /* 0's based */
#define NVME_COPY_DESFMT NVME_BITS(11, 8)
#define NVME_COPY_PRINFOR NVME_BITS(15, 12)
#define NVME_COPY_CETYPE NVME_BITS(19, 16)
#define NVME_COPY_DTYPE NVME_BITS(23, 20)
#define NVME_COPY_STCW NVME_BIT(24)
#define NVME_COPY_STCR NVME_BIT(25)
#define NVME_COPY_PRINFOW NVME_BITS(29, 26)
#define NVME_COPY_FUA NVME_BIT(30)
#define NVME_COPY_LR NVME_BIT(31)
#define NVME_COPY_MAX_RANGES 256

/* Source range of format 0h; of 2h, which has snsid and sopt too (reserved in 0h) */
struct nvme_copy_range {
	le32 snsid;
	uint8_t rsvd4[4];
	le64 slba;
	le16 nlb; /* 0's based */
	uint8_t rsvd18[4];
	le16 sopt;
	le32 elbrt;
	le16 elbat, elbatm;
};
static_assert(sizeof(struct nvme_copy_range) == 32, "copy descriptor formats 0h, 2h");
static_assert(offsetof(struct nvme_copy_range, sopt) == 22, "SOPT");
static_assert(offsetof(struct nvme_copy_range, elbrt) == 24, "ELBRT");

/* Source range of format 1h; of 3h, which has snsid and sopt too.  For 32b and 64b guards. */
struct nvme_copy_range_ext {
	le32 snsid;
	uint8_t rsvd4[4];
	le64 slba;
	le16 nlb;
	uint8_t rsvd18[4];
	le16 sopt;
	uint8_t rsvd24[2];
	uint8_t elbt[10]; /* storage and reference tag, big-endian */
	le16 elbat, elbatm;
};
static_assert(sizeof(struct nvme_copy_range_ext) == 40, "copy descriptor formats 1h, 3h");
static_assert(offsetof(struct nvme_copy_range_ext, elbt) == 26, "ELBT");

#define NVME_COPY_SOPT_FCO NVME_BIT(15) /* fast copy only */

/*
 * Protection information: the only big-endian thing in NVMe, hence bytes.  sr is the storage tag (the upper
 * STS bits of the namespace's format, maybe none) followed by the logical block reference tag.
 */
struct nvme_pi16 {
	uint8_t guard[2];
	uint8_t apptag[2];
	uint8_t sr[4];
};
static_assert(sizeof(struct nvme_pi16) == 8, "16b guard PI");

struct nvme_pi32 {
	uint8_t guard[4];
	uint8_t apptag[2];
	uint8_t sr[10];
};
static_assert(sizeof(struct nvme_pi32) == 16, "32b guard PI");
static_assert(offsetof(struct nvme_pi32, sr) == 6, "tags");

struct nvme_pi64 {
	uint8_t guard[8];
	uint8_t apptag[2];
	uint8_t sr[6];
};
static_assert(sizeof(struct nvme_pi64) == 16, "64b guard PI");
static_assert(offsetof(struct nvme_pi64, sr) == 10, "tags");

/* Big-endian integer of n bytes, n at most 8. */
static inline uint64_t
nvme_be_get(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static inline void
nvme_be_put(uint8_t *p, unsigned n, uint64_t v)
{
	while (n--) {
		p[n] = (uint8_t)v;
		v >>= 8;
	}
}
