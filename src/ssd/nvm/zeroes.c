/* SPDX-License-Identifier: BSD-3-Clause */
/* Write Zeroes, with and without deallocation. */
#include "ssd/nvm/atomic.h"
#include "ssd/nvm/lba_map.h"
#include "ssd/nvm/meta_io.h"
#include "ssd/nvm/streams.h"
#include <string.h>

void
ssd_nvm_zero(struct ssd_ns *ns, uint64_t slba, uint64_t nlb, bool dealloc)
{
	struct ssd_media *m = ns->sub->media;

	if (!nlb)
		return;
	m->ops->discard(m, ssd_nvm_off(ns, slba), nlb << ns->lba_shift);
	if (ns->meta_size)
		m->ops->discard(m, ssd_nvm_meta_off(ns, slba), nlb * ns->meta_size);
	ssd_lba_map_clear(ns->bad, slba, nlb);
	if (dealloc)
		ssd_lba_map_clear(ns->alloc, slba, nlb);
	else
		ssd_lba_map_set(ns->alloc, slba, nlb);
}

/* Protection information of blocks that are zeros, as PRACT asks for. */
static nvme_status
protect(struct ssd_cmd *c, const struct nvm_pi *pi, const struct nvm_range *r)
{
	nvme_status st = NVME_SC_SUCCESS;
	struct nvm_blocks b;

	memset(c->ssd->bounce, 0, SSD_BOUNCE);
	for (uint32_t at = 0; !st && at < r->nlb; at += b.nlb) {
		b = nvm_blocks_lay(c->ns, c->ssd->bounce, UT_MIN(r->nlb - at, nvm_blocks_max(c->ns)), false);
		nvm_pi_make(c->ns, pi, &b, at);
		st = nvm_blocks_store_meta(c, r->slba + at, &b);
	}
	return st;
}

/* A part of a unit of flash is written with zeros, and the rest of the range is trimmed: they would survive apart. */
static bool
must_be_written(const struct ssd_ns *ns, const struct nvm_range *r)
{
	uint32_t unit = ssd_atomic_needed(ns) ? 4096 : 0;

	if (!unit || r->nlb > ssd_atomic_nlb(ns))
		return false;
	return ns->meta_size || ssd_nvm_off(ns, r->slba) % unit || ((uint64_t)r->nlb << ns->lba_shift) % unit;
}

static nvme_status
write_zeros(struct ssd_cmd *c, const struct nvm_pi *pi, const struct nvm_range *r, bool dealloc)
{
	struct nvm_blocks b = nvm_blocks_lay(c->ns, c->ssd->bounce, r->nlb, false);
	nvme_status st;

	memset(c->ssd->bounce, 0, SSD_BOUNCE);
	if (c->ns->pi.type && pi->pract && !dealloc)
		nvm_pi_make(c->ns, pi, &b, 0);
	st = nvm_blocks_store(c, r->slba, &b);
	if (!st && dealloc)
		ssd_lba_map_clear(c->ns->alloc, r->slba, r->nlb);
	return st;
}

/* NVM Command Set 1.1, "Write Zeroes command": there is nothing to check, so PRCHK is 000b. */
static nvme_status
protection(struct ssd_cmd *c, const struct nvm_range *r, struct nvm_pi *pi)
{
	struct nvm_pi_fields fields = nvm_pi_fields(c->sqe);
	nvme_status st = nvm_pi_known(c);

	*pi = (struct nvm_pi){ 0 };
	if (st || !c->ns->pi.type)
		return st;
	if (fields.prinfo & NVM_PRINFO_PRCHK)
		return ssd_fail(c, NVME_SC_INVALID_PI, offsetof(struct nvme_sqe, cdw12) + 3);
	return nvm_pi_parse(c, &fields, r->slba, pi);
}

/*
 * NVM Command Set 1.1, "Write Zeroes command".  Protection information is zeros too, unless PRACT makes it.  MDTS does not
 * apply: no data is transferred.  With DEAC the blocks are deallocated and read as zeros, as DLFEAT announces; NSZ (the
 * whole namespace) is not announced in ONCS.
 */
nvme_status
ssd_nvm_write_zeroes(struct ssd_cmd *c)
{
	const struct nvme_rw_cmd *cmd = (const void *)c->sqe;
	uint32_t cdw12 = nvme_rw_cdw12(cmd);
	struct nvm_range r;
	struct nvm_pi pi;
	nvme_status st = ssd_nvm_range(c, &r);

	if (!st)
		st = protection(c, &r, &pi);
	if (!st && (cdw12 & NVME_WZ_NSZ))
		st = ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_rw_cmd, nlb) + 2);
	if (!st && c->ns->fdp)
		st = ssd_nvm_directive(c);
	if (st)
		return st;
	if (must_be_written(c->ns, &r)) {
		st = write_zeros(c, &pi, &r, cdw12 & NVME_WZ_DEAC);
		return st ? st : ssd_nvm_settle(c, cdw12);
	}
	ssd_nvm_zero(c->ns, r.slba, r.nlb, cdw12 & NVME_WZ_DEAC);
	if (pi.pract && !(cdw12 & NVME_WZ_DEAC))
		st = protect(c, &pi, &r);
	return st ? st : ssd_nvm_settle(c, cdw12);
}
