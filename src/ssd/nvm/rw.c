/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Read and Write, and what every command on one LBA range has in common.
 *
 * Here blocks have no metadata and no protection information, so PRINFO, STC and the tags are ignored, as the NVM
 * Command Set asks for ("if the namespace is not formatted to use end-to-end protection information ..."); the others go to
 * rw_meta.c.
 */
#include "ssd/gather.h"
#include "ssd/nvm/atomic.h"
#include "ssd/nvm/lba_map.h"
#include "ssd/nvm/nvm.h"
#include "ssd/nvm/streams.h"
#include <string.h>
#include "nvproof/spec/feat.h"

#define CDW12_BYTE(bit) (offsetof(struct nvme_rw_cmd, nlb) + (bit) / 8)

/* NVM Command Set 1.1, "Read command": SLBA, NLB, CETYPE.  No command extension is announced, so CETYPE is 0h. */
static inline __attribute__((always_inline)) nvme_status
range_of(struct ssd_cmd *c, struct nvm_range *r)
{
	const struct nvme_rw_cmd *cmd = (const void *)c->sqe;

	r->slba = le64_get(cmd->slba);
	r->nlb = le16_get(cmd->nlb) + 1u;
	if (nvme_get(nvme_rw_cdw12(cmd), NVME_RW_CETYPE))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW12_BYTE(16));
	if (!ssd_nvm_in_range(c->ns, r->slba, r->nlb)) {
		c->err_lba = UT_MAX(r->slba, c->ns->nsze); /* the first that is not there */
		return ssd_fail(c, NVME_SC_LBA_RANGE, offsetof(struct nvme_rw_cmd, slba));
	}
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_nvm_range(struct ssd_cmd *c, struct nvm_range *r)
{
	return range_of(c, r);
}

static inline __attribute__((always_inline)) nvme_status
data_range_of(struct ssd_cmd *c, struct nvm_range *r)
{
	nvme_status st = range_of(c, r);

	return st ? st : ssd_nvm_mdts(c, (uint64_t)r->nlb << c->ns->lba_shift);
}

nvme_status
ssd_nvm_data_range(struct ssd_cmd *c, struct nvm_range *r)
{
	return data_range_of(c, r);
}

/* Whether ssd_nvm_readable() can find anything: it is not even called in the usual case. */
static inline bool
may_not_read(const struct ssd_ns *ns)
{
	return ns->bad->count || (ns->err_recovery & NVME_FEAT_ER_DULBE);
}

/* NVM Command Set 1.1, "Write Uncorrectable command" and "Deallocated or Unwritten Logical Blocks". */
nvme_status
ssd_nvm_readable(struct ssd_cmd *c, uint64_t slba, uint32_t nlb)
{
	struct ssd_ns *ns = c->ns;
	uint64_t lba;

	if (ns->bad->count && ssd_lba_map_find(ns->bad, slba, nlb, true, &lba)) {
		ns->sub->smart.media_errors++;
		return ssd_fail_lba(c, NVME_SC_UNRECOVERED_READ, lba);
	}
	if ((ns->err_recovery & NVME_FEAT_ER_DULBE) && ssd_lba_map_find(ns->alloc, slba, nlb, false, &lba))
		return ssd_fail_lba(c, NVME_SC_UNWRITTEN_BLOCK, lba);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_nvm_settle(struct ssd_cmd *c, uint32_t cdw12)
{
	struct ssd_media *m = c->ns->sub->media;

	if (!(cdw12 & NVME_RW_FUA) && (c->ssd->feat.vwc & NVME_FEAT_VWC_WCE))
		return NVME_SC_SUCCESS;
	return m->ops->flush(m) ? ssd_fail_lba(c, NVME_SC_WRITE_FAULT,
					       le64_get(((const struct nvme_rw_cmd *)(const void *)c->sqe)->slba))
				: NVME_SC_SUCCESS;
}

/* Space for writing from slba on, which is allocated from now on.  NULL: there is none. */
static void *
poke(struct ssd_cmd *c, uint64_t slba, uint64_t *len)
{
	struct ssd_ns *ns = c->ns;
	struct ssd_media *m = ns->sub->media;
	void *p = m->ops->poke(m, ssd_nvm_off(ns, slba), len, c->place);

	if (p)
		ssd_lba_map_set(ns->alloc, slba, *len >> ns->lba_shift);
	return p;
}

nvme_status
ssd_nvm_store(struct ssd_cmd *c, uint64_t slba, const uint8_t *src, uint32_t nlb)
{
	uint64_t total = (uint64_t)nlb << c->ns->lba_shift, done, len;

	for (done = 0; done < total; done += len) {
		void *dst;

		len = total - done;
		dst = poke(c, slba + (done >> c->ns->lba_shift), &len);
		if (!dst)
			return ssd_fail_lba(c, NVME_SC_WRITE_FAULT, slba + (done >> c->ns->lba_shift));
		if (!c->ns->sub->media->null)
			memcpy(dst, src + done, len);
	}
	ssd_lba_map_clear(c->ns->bad, slba, nlb);
	return NVME_SC_SUCCESS;
}

void
ssd_nvm_load(struct ssd_cmd *c, uint64_t slba, uint8_t *dst, uint32_t nlb)
{
	struct ssd_media *m = c->ns->sub->media;
	uint64_t total = (uint64_t)nlb << c->ns->lba_shift, done, len;

	for (done = 0; done < total; done += len) {
		len = total - done;
		memcpy(dst + done, m->ops->peek(m, ssd_nvm_off(c->ns, slba) + done, &len), len);
	}
}

static nvme_status
send_data(struct ssd_cmd *c, const struct nvm_range *r, uint64_t total)
{
	struct ssd_media *m = c->ns->sub->media;
	nvme_status st = ssd_data(c, total);
	uint64_t done, len;

	for (done = 0; !st && !m->null && done < total; done += len) {
		const void *src;

		len = total - done;
		src = m->ops->peek(m, ssd_nvm_off(c->ns, r->slba) + done, &len);
		if (len != total || !ssd_copy_later(c, (uint8_t *)(uintptr_t)src, len, true))
			st = ssd_to_host(c, done, src, len);
	}
	return st;
}

nvme_status
ssd_nvm_read(struct ssd_cmd *c)
{
	const struct nvme_rw_cmd *cmd = (const void *)c->sqe;
	struct nvm_range r;
	uint64_t total;
	nvme_status st;

	if (__builtin_expect(c->ns->meta_size != 0, 0))
		return ssd_nvm_read_meta(c);
	st = data_range_of(c, &r);
	if (!st && __builtin_expect(may_not_read(c->ns), 0))
		st = ssd_nvm_readable(c, r.slba, r.nlb);
	if (!st && (nvme_rw_cdw12(cmd) & NVME_RW_FUA))
		st = ssd_nvm_settle(c, NVME_RW_FUA); /* "commit to the medium, then read": Read command, FUA */
	if (st)
		return st;
	total = (uint64_t)r.nlb << c->ns->lba_shift;
	st = send_data(c, &r, total);
	if (!st)
		ssd_nvm_did_read(c, total);
	return st;
}

static nvme_status
receive_data(struct ssd_cmd *c, const struct nvm_range *r, uint64_t total)
{
	nvme_status st = ssd_data(c, total);
	uint64_t done, len;

	for (done = 0; !st && done < total; done += len) {
		uint64_t lba = r->slba + (done >> c->ns->lba_shift);
		void *dst;

		len = total - done;
		dst = poke(c, lba, &len);
		if (!dst)
			return ssd_fail_lba(c, NVME_SC_WRITE_FAULT, lba);
		if (!c->ns->sub->media->null && (len != total || !ssd_copy_later(c, dst, len, false)))
			st = ssd_from_host(c, done, dst, len);
	}
	if (!st) /* all the data is there: uncorrectable blocks are whole again */
		ssd_lba_map_clear(c->ns->bad, r->slba, r->nlb);
	return st;
}

/* On media that would otherwise keep a part of it. */
static nvme_status
receive_together(struct ssd_cmd *c, const struct nvm_range *r, uint64_t total)
{
	nvme_status st;

	if (!ssd_atomic_begin(c, r->slba, r->nlb))
		return ssd_fail_lba(c, NVME_SC_WRITE_FAULT, r->slba);
	st = receive_data(c, r, total);
	ssd_atomic_end(c->ns);
	return st;
}

static inline __attribute__((always_inline)) nvme_status
write_range(struct ssd_cmd *c, const struct nvm_range *r)
{
	uint64_t total = (uint64_t)r->nlb << c->ns->lba_shift;
	nvme_status st =
		r->nlb > 1 && !c->ns->sub->media->flat ? receive_together(c, r, total) : receive_data(c, r, total);

	if (!st)
		st = ssd_nvm_settle(c, nvme_rw_cdw12((const void *)c->sqe));
	if (!st)
		ssd_nvm_did_write(c, total);
	return st;
}

/* With a directive, or Flexible Data Placement: the data may have a place of its own on the media. */
static nvme_status
write_directed(struct ssd_cmd *c, const struct nvm_range *r)
{
	nvme_status st = ssd_nvm_directive(c);

	return st ? st : write_range(c, r);
}

nvme_status
ssd_nvm_write(struct ssd_cmd *c)
{
	const struct nvme_rw_cmd *cmd = (const void *)c->sqe;
	struct nvm_range r;
	nvme_status st;

	if (__builtin_expect(c->ns->meta_size != 0, 0))
		return ssd_nvm_write_meta(c);
	st = data_range_of(c, &r);
	if (st)
		return st;
	return c->ns->fdp || nvme_get(nvme_rw_cdw12(cmd), NVME_RW_DTYPE) ? write_directed(c, &r) : write_range(c, &r);
}
