/* SPDX-License-Identifier: BSD-3-Clause */
/* Flush: what was written, and what the subsystem knows about it, survives from here on. */
#include "ssd/nvm/nvm.h"

/* NVMe Base 2.1, "Flush command": NSID FFFFFFFFh is all namespaces (VWC.FB says so); they share the media. */
nvme_status
ssd_nvm_flush(struct ssd_cmd *c)
{
	struct ssd_subsys *sub = c->ssd->sub;

	if (le32_get(c->sqe->nsid) != NVME_NSID_ALL && !c->ns)
		return ssd_fail(c, NVME_SC_INVALID_NS, offsetof(struct nvme_sqe, nsid));
	if (ssd_persist_save(sub))
		return NVME_SC_WRITE_FAULT;
	return NVME_SC_SUCCESS;
}
