/* SPDX-License-Identifier: BSD-3-Clause */
/* Write Zeroes, with and without deallocation. */
#include "ssd/nvm/lba_map.h"
#include "ssd/nvm/nvm.h"

void
ssd_nvm_zero(struct ssd_ns *ns, uint64_t slba, uint64_t nlb, bool dealloc)
{
	struct ssd_media *m = ns->sub->media;

	if (!nlb)
		return;
	m->ops->discard(m, ssd_nvm_off(ns, slba), nlb << ns->lba_shift);
	ssd_lba_map_clear(ns->bad, slba, nlb);
	if (dealloc)
		ssd_lba_map_clear(ns->alloc, slba, nlb);
	else
		ssd_lba_map_set(ns->alloc, slba, nlb);
}

/*
 * NVM Command Set 1.1, "Write Zeroes command".  MDTS does not apply: no data is transferred.  With DEAC the blocks are
 * deallocated and read as zeros, as DLFEAT announces; NSZ (the whole namespace) is not announced in ONCS.
 */
nvme_status
ssd_nvm_write_zeroes(struct ssd_cmd *c)
{
	const struct nvme_rw_cmd *cmd = (const void *)c->sqe;
	uint32_t cdw12 = nvme_rw_cdw12(cmd);
	struct nvm_range r;
	nvme_status st = ssd_nvm_range(c, &r);

	if (!st && (cdw12 & NVME_WZ_NSZ))
		st = ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_rw_cmd, nlb) + 2);
	if (st)
		return st;
	ssd_nvm_zero(c->ns, r.slba, r.nlb, cdw12 & NVME_WZ_DEAC);
	return ssd_nvm_settle(c, cdw12);
}
