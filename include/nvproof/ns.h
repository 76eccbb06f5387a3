/* SPDX-License-Identifier: BSD-3-Clause */
/* A namespace: its geometry, read once by Identify. */
#pragma once
#include <stdint.h>
#include "nvproof/ctrlr.h"
#include "nvproof/pi.h"
#include "nvproof/spec/id_ns.h"

struct nvp_ns {
	struct nvp_ctrlr *ctrlr;
	uint32_t nsid;
	uint64_t nsze; /* LBAs */
	uint32_t lba_size; /* data bytes of one LBA */
	uint16_t meta_size; /* metadata bytes of one LBA */
	bool extended; /* metadata is interleaved with the data */
	uint64_t zsze; /* LBAs from one zone to the next; 0: it has no zones */
	struct nvp_pi pi; /* protection information of the current format */
	struct nvme_id_ns id;
};

/* -ENODEV: no such namespace (or not attached); -EIO: Identify failed, *cqe (may be NULL) says how. */
int nvp_ns_open(struct nvp_ctrlr *c, uint32_t nsid, struct nvp_ns *out, struct nvme_cqe *cqe);

/* Bytes of the data buffer that a block takes; pract: as with PRINFO.PRACT set. */
static inline uint32_t
nvp_ns_block(const struct nvp_ns *ns, bool pract)
{
	bool stripped = pract && ns->pi.type && ns->meta_size == ns->pi.size;

	return ns->lba_size + (ns->extended && !stripped ? ns->meta_size : 0u);
}
