/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Read, Write, Compare and Verify where blocks have metadata, with protection information or without.  They go in chunks
 * through the scratch memory, where the guards are made and checked.
 *
 * NVM Command Set 1.1, "Metadata Handling", "Control of Protection Information Checking - PRCHK", "PRACT".
 */
#include "ssd/nvm/meta_io.h"
#include "ssd/nvm/streams.h"
#include <string.h>

#define PRACT_BYTE (offsetof(struct nvme_sqe, cdw12) + 3)

static nvme_status
read_chunks(struct ssd_cmd *c, struct nvm_meta_io *io)
{
	nvme_status st = NVME_SC_SUCCESS;
	struct nvm_blocks b;

	for (uint32_t at = 0; !st && at < io->r.nlb; at += b.nlb) {
		b = nvm_meta_chunk(c, io, at, c->ssd->bounce);
		nvm_blocks_load(c->ns, io->r.slba + at, &b);
		st = nvm_pi_check_media(c, &io->pi, &b, at, io->r.slba + at);
		if (!st)
			st = nvm_meta_to_host(c, io, at, &b);
	}
	return st;
}

nvme_status
ssd_nvm_read_meta(struct ssd_cmd *c)
{
	uint32_t cdw12 = le32_get(c->sqe->cdw12);
	struct nvm_meta_io io;
	nvme_status st = nvm_meta_start(c, &io);

	if (!st)
		st = ssd_nvm_readable(c, io.r.slba, io.r.nlb);
	if (!st && (cdw12 & NVME_RW_FUA))
		st = ssd_nvm_settle(c, NVME_RW_FUA);
	if (!st)
		st = nvm_meta_attach(c, &io);
	if (!st && !c->ns->sub->media->null)
		st = read_chunks(c, &io);
	if (!st)
		ssd_nvm_did_read(c, (uint64_t)io.r.nlb << c->ns->lba_shift);
	return st;
}

/* PRACT makes protection information, and without it the host's is checked. */
static nvme_status
take_chunk(struct ssd_cmd *c, struct nvm_meta_io *io, uint32_t at, const struct nvm_blocks *b)
{
	nvme_status st = nvm_meta_from_host(c, io, at, b);

	if (st || !c->ns->pi.type)
		return st;
	if (!io->pi.pract)
		return nvm_pi_check(c, &io->pi, b, at, io->r.slba + at);
	nvm_pi_make(c->ns, &io->pi, b, at);
	return NVME_SC_SUCCESS;
}

/* All chunks; what was checked is what is stored, whatever the host does to its memory meanwhile. */
static nvme_status
write_chunks(struct ssd_cmd *c, struct nvm_meta_io *io, bool store)
{
	nvme_status st = NVME_SC_SUCCESS;
	struct nvm_blocks b;

	for (uint32_t at = 0; !st && at < io->r.nlb; at += b.nlb) {
		b = nvm_meta_chunk(c, io, at, c->ssd->bounce);
		if (!c->ns->sub->media->null)
			st = take_chunk(c, io, at, &b);
		if (!st && store)
			st = nvm_blocks_store(c, io->r.slba + at, &b);
	}
	return st;
}

/* A write of several chunks is looked at as a whole first, so that one that fails a check changes nothing. */
nvme_status
ssd_nvm_write_meta(struct ssd_cmd *c)
{
	uint32_t cdw12 = le32_get(c->sqe->cdw12);
	struct nvm_meta_io io;
	nvme_status st = nvm_meta_start(c, &io);

	if (!st && (c->ns->fdp || nvme_get(cdw12, NVME_RW_DTYPE)))
		st = ssd_nvm_directive(c);
	if (!st)
		st = nvm_meta_attach(c, &io);
	if (!st && io.r.nlb > nvm_blocks_max(c->ns) && c->ns->pi.type && !io.pi.pract)
		st = write_chunks(c, &io, false);
	if (!st)
		st = write_chunks(c, &io, true);
	if (!st)
		st = ssd_nvm_settle(c, cdw12);
	if (!st)
		ssd_nvm_did_write(c, (uint64_t)io.r.nlb << c->ns->lba_shift);
	return st;
}

/* "The metadata ... excluding protection information". */
static bool
meta_differs(const struct ssd_ns *ns, const uint8_t *a, const uint8_t *b)
{
	uint32_t front = ns->pi.type ? ns->pi.off : ns->meta_size, back = front + ns->pi.size;

	if (memcmp(a, b, front))
		return true;
	return ns->pi.type && memcmp(a + back, b + back, ns->meta_size - back);
}

static nvme_status
compare_blocks(struct ssd_cmd *c, const struct nvm_blocks *a, const struct nvm_blocks *b, uint64_t slba)
{
	for (uint32_t i = 0; i < a->nlb; i++) {
		if (memcmp(a->data + (size_t)i * a->data_step, b->data + (size_t)i * b->data_step, c->ns->lba_size) ||
		    meta_differs(c->ns, a->meta + (size_t)i * a->meta_step, b->meta + (size_t)i * b->meta_step))
			return ssd_fail_lba(c, NVME_SC_COMPARE_FAILED, slba + i);
	}
	return NVME_SC_SUCCESS;
}

/* The checks are those of a Write on what the host sends and those of a Read on what the media has. */
static nvme_status
compare_chunks(struct ssd_cmd *c, struct nvm_meta_io *io)
{
	nvme_status st = NVME_SC_SUCCESS;
	struct nvm_blocks theirs, mine;

	for (uint32_t at = 0; !st && at < io->r.nlb; at += mine.nlb) {
		uint64_t lba = io->r.slba + at;

		theirs = nvm_meta_chunk(c, io, at, c->ssd->bounce);
		mine = nvm_meta_chunk(c, io, at, c->ssd->bounce2);
		nvm_blocks_load(c->ns, lba, &mine);
		st = take_chunk(c, io, at, &theirs);
		if (!st)
			st = nvm_pi_check_media(c, &io->pi, &mine, at, lba);
		if (!st)
			st = compare_blocks(c, &theirs, &mine, lba);
	}
	return st;
}

/* NVM Command Set 1.1, "Compare command", "Verify command": PRACT is 0, else Invalid Protection Information. */
static nvme_status
start_no_pract(struct ssd_cmd *c, struct nvm_meta_io *io)
{
	uint32_t cdw12 = le32_get(c->sqe->cdw12);
	nvme_status st = nvm_meta_start(c, io);

	if (!st && io->pi.pract)
		st = ssd_fail(c, NVME_SC_INVALID_PI, PRACT_BYTE);
	if (!st)
		st = ssd_nvm_readable(c, io->r.slba, io->r.nlb);
	if (!st && (cdw12 & NVME_RW_FUA))
		st = ssd_nvm_settle(c, NVME_RW_FUA);
	return st;
}

nvme_status
ssd_nvm_compare_meta(struct ssd_cmd *c)
{
	struct nvm_meta_io io;
	nvme_status st = start_no_pract(c, &io);

	if (!st)
		st = ssd_nvm_acwu(c, io.r.nlb);
	if (!st)
		st = nvm_meta_attach(c, &io);
	if (!st && !c->ns->sub->media->null)
		st = compare_chunks(c, &io);
	if (!st)
		ssd_nvm_did_read(c, (uint64_t)io.r.nlb << c->ns->lba_shift);
	return st;
}

nvme_status
ssd_nvm_verify_meta(struct ssd_cmd *c)
{
	struct nvm_meta_io io;
	nvme_status st = start_no_pract(c, &io);
	struct nvm_blocks b;

	for (uint32_t at = 0; !st && !c->ns->sub->media->null && at < io.r.nlb; at += b.nlb) {
		b = nvm_meta_chunk(c, &io, at, c->ssd->bounce);
		nvm_blocks_load(c->ns, io.r.slba + at, &b);
		st = nvm_pi_check_media(c, &io.pi, &b, at, io.r.slba + at);
	}
	if (st)
		return st;
	ssd_nvm_did_verify(c, (uint64_t)io.r.nlb << c->ns->lba_shift);
	return NVME_SC_SUCCESS;
}
