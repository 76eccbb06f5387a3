/* SPDX-License-Identifier: BSD-3-Clause */
/* Dataset Management: deallocation.  The other attributes are hints, which are accepted and change nothing. */
#include "ssd/nvm/nvm.h"

/*
 * NVM Command Set 1.1, "Dataset Management command".  Every range is checked before any is deallocated.  No processing
 * limits are announced (DMRL, DMRSL and DMSL are 0h).
 */
nvme_status
ssd_nvm_dsm(struct ssd_cmd *c)
{
	const struct nvme_dsm_range *range = (const void *)c->ssd->bounce;
	uint32_t nr = nvme_get32(le32_get(c->sqe->cdw10), NVME_DSM_NR) + 1, i;
	nvme_status st;

	st = ssd_data(c, nr * sizeof(*range));
	if (!st)
		st = ssd_from_host(c, 0, c->ssd->bounce, nr * sizeof(*range));
	for (i = 0; !st && i < nr; i++) {
		uint64_t slba = le64_get(range[i].slba), nlb = le32_get(range[i].nlb);

		if (slba > c->ns->nsze || nlb > c->ns->nsze - slba)
			st = ssd_fail_lba(c, NVME_SC_LBA_RANGE, UT_MAX(slba, c->ns->nsze));
	}
	if (st || !(le32_get(c->sqe->cdw11) & NVME_DSM_AD))
		return st;
	for (i = 0; i < nr; i++)
		ssd_nvm_zero(c->ns, le64_get(range[i].slba), le32_get(range[i].nlb), true);
	return NVME_SC_SUCCESS;
}
