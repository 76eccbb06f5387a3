/* SPDX-License-Identifier: BSD-3-Clause */
/* Flush: what was written, and what the subsystem knows about it, survives from here on. */
#include "ssd/nvm/nvm.h"

/* NVMe Base 2.1, "Flush command": NSID FFFFFFFFh is all namespaces (VWC.FB says so); they share the media. */
nvme_status
ssd_nvm_flush(struct ssd_cmd *c)
{
	struct ssd_media *m = c->ssd->sub->media;

	return ssd_persist_save(c->ssd->sub) || m->ops->flush(m) ? NVME_SC_WRITE_FAULT : NVME_SC_SUCCESS;
}
