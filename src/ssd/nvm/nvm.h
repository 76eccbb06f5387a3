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
#define SSD_COPY_MSSRL(ns) (SSD_BOUNCE >> (ns)->lba_shift) /* a source range fits the scratch memory */
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

struct nvm_range {
	uint64_t slba;
	uint32_t nlb; /* not 0's based */
};

/* rw.c: what all commands on one LBA range check first: CETYPE, range.  Fills *r. */
nvme_status ssd_nvm_range(struct ssd_cmd *c, struct nvm_range *r);
/* The same for those that transfer the range: MDTS too. */
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

static inline uint64_t
ssd_nvm_off(const struct ssd_ns *ns, uint64_t slba)
{
	return ns->media_off + (slba << ns->lba_shift);
}
