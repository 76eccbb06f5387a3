/* SPDX-License-Identifier: BSD-3-Clause */
/* Verify: a Read without the data. */
#include "ssd/nvm/nvm.h"

/* NVM Command Set 1.1, "Verify command".  No limit is announced in VSL. */
nvme_status
ssd_nvm_verify(struct ssd_cmd *c)
{
	const struct nvme_rw_cmd *cmd = (const void *)c->sqe;
	struct nvm_range r;
	nvme_status st;

	if (c->ns->meta_size)
		return ssd_nvm_verify_meta(c);
	st = ssd_nvm_range(c, &r);
	if (!st)
		st = ssd_nvm_readable(c, r.slba, r.nlb);
	if (!st && (nvme_rw_cdw12(cmd) & NVME_RW_FUA))
		st = ssd_nvm_settle(c, NVME_RW_FUA);
	if (st)
		return st;
	ssd_nvm_did_verify(c, (uint64_t)r.nlb << c->ns->lba_shift);
	return NVME_SC_SUCCESS;
}
