/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests of metadata and protection information on the SSD: commands with a metadata buffer and tags, and protection
 * information made by hand, from the figures of the specification and bit by bit.
 */
#pragma once
#include "crc_bits.h"
#include "ssd_io.h"
#include "ssd/nvm/pi.h"

#define NS 2u
#define GUARD NVM_PRINFO_GUARD
#define APP NVM_PRINFO_APP
#define REF NVM_PRINFO_REF
#define PRACT NVM_PRINFO_PRACT
#define ALL (GUARD | APP | REF)

struct tags {
	uint8_t prinfo;
	bool stc;
	uint64_t st, rt; /* storage and reference tag */
	uint16_t app, mask;
};

static inline struct ssd_ns *
pi_ns(struct io *io)
{
	return &io->r->sub->ns[NS - 1];
}

static inline nvme_status
pi_format(struct io *io, uint32_t lbaf, bool extended, uint32_t type, bool first)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_FORMAT_NVM, .nsid = le32_from(NS) };

	sqe.cdw10 = le32_from(nvme_put32(NVME_FORMAT_LBAFL, lbaf) | nvme_put32(NVME_FORMAT_LBAFU, lbaf >> 4) |
			      nvme_put32(NVME_FORMAT_MSET, extended) | nvme_put32(NVME_FORMAT_PI, type) |
			      nvme_put32(NVME_FORMAT_PIL, first));
	return io_admin(io, &sqe, 0);
}

static inline void
pi_lbafee(struct io *io, bool on)
{
	memset(io_buf(io), 0, 512);
	io_buf(io)[2] = on;
	assert_int_equal(io_feature_set(io, 0x16, 0, 0, false), 0);
}

/* The metadata buffer is in the upper half of the data buffer. */
#define META_PAGE 256u
static inline uint8_t *
pi_meta(struct io *io)
{
	return io_buf(io) + META_PAGE * SSD_PAGE;
}

/* Storage and reference tag into the dwords: CDW14 is the lowest, then CDW3, then CDW2. */
static inline void
pi_tags(struct nvme_sqe *sqe, const struct ssd_ns *ns, const struct tags *t)
{
	unsigned ref = ns->pi.sr * 8u - ns->pi.sts;
	unsigned __int128 sr = (unsigned __int128)t->st << ref | t->rt;

	sqe->cdw12 = le32_from(le32_get(sqe->cdw12) | nvme_put32(NVME_RW_PRINFO, t->prinfo) |
			       nvme_put32(NVME_RW_STC, t->stc));
	sqe->cdw14 = le32_from((uint32_t)sr);
	sqe->cdw3 = le32_from((uint32_t)(sr >> 32));
	sqe->cdw2 = le32_from((uint32_t)(sr >> 64));
	sqe->cdw15 = le32_from(t->app | (uint32_t)t->mask << 16);
}

/* Any of the commands on a range.  Data and metadata are where the format wants them. */
static inline nvme_status
pi_cmd(struct io *io, uint8_t opc, uint64_t slba, uint32_t nlb, const struct tags *t)
{
	struct ssd_ns *ns = pi_ns(io);
	bool stripped = ns->pi.type && t && (t->prinfo & PRACT) && ns->meta_size == ns->pi.size;
	uint32_t block = ns->lba_size + (ns->format.extended && !stripped ? ns->meta_size : 0);
	struct nvme_sqe sqe;

	nvme_prep_lba_cmd(&sqe, opc, NS, slba, nlb);
	if (t)
		pi_tags(&sqe, ns, t);
	sqe.mptr = le64_from(io->buf + META_PAGE * SSD_PAGE);
	return io_cmd(io, &sqe, (uint64_t)nlb * block); /* exactly: PRP2 is a page or a list */
}

/* Block i of a transfer, and its metadata. */
static inline uint8_t *
pi_data_at(struct io *io, uint32_t i)
{
	const struct ssd_ns *ns = pi_ns(io);

	return io_buf(io) + i * (ns->lba_size + (ns->format.extended ? ns->meta_size : 0));
}

static inline uint8_t *
pi_meta_at(struct io *io, uint32_t i)
{
	const struct ssd_ns *ns = pi_ns(io);

	return ns->format.extended ? pi_data_at(io, i) + ns->lba_size : pi_meta(io) + i * ns->meta_size;
}

/* The protection information of a block into `out`. */
static inline void
pi_make(const struct ssd_ns *ns, const uint8_t *data, const uint8_t *meta, const struct tags *t, uint64_t rt,
	uint8_t *out)
{
	const struct bits_poly *poly = ns->pi.guard == 2   ? &bits_t10dif
				       : ns->pi.guard == 4 ? &bits_crc32c
							   : &bits_nvme64;
	unsigned ref = ns->pi.sr * 8u - ns->pi.sts;
	unsigned __int128 sr = (unsigned __int128)t->st << ref;
	uint8_t block[4096 + 256];
	uint64_t guard;

	sr |= ref < 64 ? rt & ((1ull << ref) - 1) : rt;
	memcpy(block, data, ns->lba_size);
	memcpy(block + ns->lba_size, meta, ns->pi.off);
	guard = bits_crc(poly, block, ns->lba_size + ns->pi.off);
	for (int i = ns->pi.guard - 1; i >= 0; i--, guard >>= 8)
		out[i] = (uint8_t)guard;
	out[ns->pi.guard] = (uint8_t)(t->app >> 8);
	out[ns->pi.guard + 1] = (uint8_t)t->app;
	for (int i = ns->pi.size - 1; i >= ns->pi.guard + 2; i--, sr >>= 8)
		out[i] = (uint8_t)sr;
}

/* Blocks of data and metadata that follow from `seed`, with their protection information. */
static inline void
pi_fill(struct io *io, uint32_t nlb, const struct tags *t, uint32_t seed)
{
	const struct ssd_ns *ns = pi_ns(io);

	for (uint32_t i = 0; i < nlb; i++) {
		uint8_t *data = pi_data_at(io, i), *meta = pi_meta_at(io, i);

		for (uint32_t k = 0; k < ns->lba_size; k++)
			data[k] = (uint8_t)(seed + i * 7 + k * 13);
		for (uint32_t k = 0; k < ns->meta_size; k++)
			meta[k] = (uint8_t)(seed + i * 5 + k + 1);
		if (ns->pi.type)
			pi_make(ns, data, meta, t, ns->pi.type == 3 ? t->rt : t->rt + i, meta + ns->pi.off);
	}
}

static inline void
pi_clear(struct io *io)
{
	memset(io_buf(io), 0xa5, IO_PAGES * SSD_PAGE);
}
