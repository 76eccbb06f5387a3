/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The NVM command set: one file a command or family, listed in table.c.
 *
 * NVM Command Set Specification 1.1, "NVM Command Set Commands".
 */
#pragma once
#include "nvproof/spec/nvm.h"
#include "ssd/ssd_int.h"

/* Limits that Identify announces and the handlers keep. */
#define SSD_COPY_MSRC 127u /* 0's based: 128 source ranges */
#define SSD_COPY_MCL(ns) (SSD_COPY_MSSRL(ns) * 64)
#define SSD_COPY_MSSRL(ns) \
	(SSD_BOUNCE / ((ns)->lba_size + (ns)->meta_size)) /* a source range fits the scratch memory */
#define SSD_ACWU 127u /* 0's based, logical blocks: fused Compare and Write */

/* c->ns is there (exec.c has checked the NSID); for Flush it is NULL when the NSID is FFFFFFFFh. */
nvme_status ssd_nvm_read(struct ssd_cmd *c);
nvme_status ssd_nvm_write(struct ssd_cmd *c);
nvme_status ssd_nvm_flush(struct ssd_cmd *c);
nvme_status ssd_nvm_compare(struct ssd_cmd *c);
nvme_status ssd_nvm_write_zeroes(struct ssd_cmd *c);
nvme_status ssd_nvm_write_uncor(struct ssd_cmd *c);
nvme_status ssd_nvm_dsm(struct ssd_cmd *c);
nvme_status ssd_nvm_verify(struct ssd_cmd *c);
nvme_status ssd_nvm_copy(struct ssd_cmd *c);

/* rw_meta.c: the same where blocks have metadata. */
nvme_status ssd_nvm_read_meta(struct ssd_cmd *c);
nvme_status ssd_nvm_write_meta(struct ssd_cmd *c);
nvme_status ssd_nvm_compare_meta(struct ssd_cmd *c);
nvme_status ssd_nvm_verify_meta(struct ssd_cmd *c);

struct nvm_range {
	uint64_t slba;
	uint32_t nlb; /* not 0's based */
};

/* rw.c: what all commands on one LBA range check first: CETYPE, range.  Fills *r. */
nvme_status ssd_nvm_range(struct ssd_cmd *c, struct nvm_range *r);
/* Range and MDTS, for those that transfer the range and no metadata. */
nvme_status ssd_nvm_data_range(struct ssd_cmd *c, struct nvm_range *r);
/* May the range be read?  Uncorrectable LBAs, and unwritten ones where DULBE is set. */
nvme_status ssd_nvm_readable(struct ssd_cmd *c, uint64_t slba, uint32_t nlb);
/* After a change of the media, before the CQE: with FUA, or without a volatile write cache, it is made durable. */
nvme_status ssd_nvm_settle(struct ssd_cmd *c, uint32_t cdw12);
/* Data to the media, from memory of ours. */
nvme_status ssd_nvm_store(struct ssd_cmd *c, uint64_t slba, const uint8_t *src, uint32_t nlb);
/* Media to memory of ours. */
void ssd_nvm_load(struct ssd_cmd *c, uint64_t slba, uint8_t *dst, uint32_t nlb);

/* zeroes.c: make them read as zeros; deallocated, or written with zeros. */
void ssd_nvm_zero(struct ssd_ns *ns, uint64_t slba, uint64_t nlb, bool dealloc);

static inline bool
ssd_nvm_in_range(const struct ssd_ns *ns, uint64_t slba, uint64_t nlb)
{
	return slba < ns->nsze && nlb <= ns->nsze - slba;
}

/* NVMe Base 2.1, "Identify Controller data structure": MDTS; in pages of CAP.MPSMIN. */
static inline nvme_status
ssd_nvm_mdts(struct ssd_cmd *c, uint64_t bytes)
{
	uint64_t max = ssd_max_xfer(c->ssd->sub);

	return bytes > max ? ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_rw_cmd, nlb)) : NVME_SC_SUCCESS;
}

/* The first half of Compare and Write is atomic up to ACWU blocks and refused beyond. */
static inline nvme_status
ssd_nvm_acwu(struct ssd_cmd *c, uint32_t nlb)
{
	if (nvme_get(c->sqe->flags, NVME_SQE_FUSE) && nlb > SSD_ACWU + 1)
		return ssd_fail(c, NVME_SC_ATOMIC_WRITE_UNIT, offsetof(struct nvme_rw_cmd, nlb));
	return NVME_SC_SUCCESS;
}

static inline void
ssd_nvm_did_read(struct ssd_cmd *c, uint64_t bytes)
{
	struct ssd_subsys *sub = c->ssd->sub;

	sub->smart.host_reads++;
	sub->smart.units_read_512 += bytes / 512;
	sub->stats.bytes_read += bytes;
}

/* Data is read, though not by the host: a SMART Data Units Read Command alone.  NVM Command Set 1.2, "Definitions". */
static inline void
ssd_nvm_did_verify(struct ssd_cmd *c, uint64_t bytes)
{
	c->ssd->sub->smart.units_read_512 += bytes / 512;
}

static inline void
ssd_nvm_did_write(struct ssd_cmd *c, uint64_t bytes)
{
	struct ssd_subsys *sub = c->ssd->sub;

	sub->smart.host_writes++;
	sub->smart.units_written_512 += bytes / 512;
	sub->stats.bytes_written += bytes;
}

static inline uint64_t
ssd_nvm_meta_off(const struct ssd_ns *ns, uint64_t slba)
{
	return ns->meta_off + slba * ns->meta_size;
}

static inline uint64_t
ssd_nvm_off(const struct ssd_ns *ns, uint64_t slba)
{
	return ns->media_off + (slba << ns->lba_shift);
}
