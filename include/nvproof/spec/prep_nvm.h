/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One inline per command of the NVM command set: fills the whole SQE and touches nothing else.
 *
 * All of *sqe is overwritten, so cid, the data pointer and optional fields are set afterwards.  Nothing is
 * checked: nlb counts blocks, is 1 to 65536, and is cut to NLB's 16 bits (0 goes out as 65536).
 *
 * NVM Command Set 1.1, "NVM Command Set Commands".
 */
#pragma once

#include "nvproof/spec/cmd.h"
#include "nvproof/spec/nvm.h"

/* What all commands on one LBA range have in common.  The public ones are below. */
static inline void
nvme_prep_lba_cmd(struct nvme_sqe *sqe, uint8_t opc, uint32_t nsid, uint64_t slba, uint32_t nlb)
{
	*sqe = (struct nvme_sqe){
		.opc = opc,
		.nsid = le32_from(nsid),
		.cdw10 = le32_from((uint32_t)slba),
		.cdw11 = le32_from((uint32_t)(slba >> 32)),
		.cdw12 = le32_from(nvme_put32(NVME_RW_NLB, nlb - 1)), /* NLB is 0's based */
	};
}

static inline void
nvme_prep_flush(struct nvme_sqe *sqe, uint32_t nsid)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_OPC_FLUSH,
		.nsid = le32_from(nsid),
	};
}

static inline void
nvme_prep_read(struct nvme_sqe *sqe, uint32_t nsid, uint64_t slba, uint32_t nlb)
{
	nvme_prep_lba_cmd(sqe, NVME_OPC_READ, nsid, slba, nlb);
}

static inline void
nvme_prep_write(struct nvme_sqe *sqe, uint32_t nsid, uint64_t slba, uint32_t nlb)
{
	nvme_prep_lba_cmd(sqe, NVME_OPC_WRITE, nsid, slba, nlb);
}

static inline void
nvme_prep_compare(struct nvme_sqe *sqe, uint32_t nsid, uint64_t slba, uint32_t nlb)
{
	nvme_prep_lba_cmd(sqe, NVME_OPC_COMPARE, nsid, slba, nlb);
}

static inline void
nvme_prep_verify(struct nvme_sqe *sqe, uint32_t nsid, uint64_t slba, uint32_t nlb)
{
	nvme_prep_lba_cmd(sqe, NVME_OPC_VERIFY, nsid, slba, nlb);
}

/* Optional: NVME_WZ_DEAC, NVME_WZ_NSZ in cdw12. */
static inline void
nvme_prep_write_zeroes(struct nvme_sqe *sqe, uint32_t nsid, uint64_t slba, uint32_t nlb)
{
	nvme_prep_lba_cmd(sqe, NVME_OPC_WRITE_ZEROES, nsid, slba, nlb);
}

static inline void
nvme_prep_write_uncor(struct nvme_sqe *sqe, uint32_t nsid, uint64_t slba, uint32_t nlb)
{
	nvme_prep_lba_cmd(sqe, NVME_OPC_WRITE_UNCOR, nsid, slba, nlb);
}

/* nr counts struct nvme_dsm_range, 1 to 256.  attr is NVME_DSM_AD, _IDW, _IDR. */
static inline void
nvme_prep_dsm(struct nvme_sqe *sqe, uint32_t nsid, uint32_t nr, uint32_t attr)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_OPC_DSM,
		.nsid = le32_from(nsid),
		.cdw10 = le32_from(nvme_put32(NVME_DSM_NR, nr - 1)),
		.cdw11 = le32_from(attr),
	};
}

/* nr counts source ranges of format desfmt, 1 to 256. */
static inline void
nvme_prep_copy(struct nvme_sqe *sqe, uint32_t nsid, uint64_t sdlba, uint32_t nr, uint8_t desfmt)
{
	*sqe = (struct nvme_sqe){
		.opc = NVME_OPC_COPY,
		.nsid = le32_from(nsid),
		.cdw10 = le32_from((uint32_t)sdlba),
		.cdw11 = le32_from((uint32_t)(sdlba >> 32)),
		.cdw12 = le32_from(nvme_put32(NVME_COPY_NR, nr - 1) | nvme_put32(NVME_COPY_DESFMT, desfmt)),
	};
}
