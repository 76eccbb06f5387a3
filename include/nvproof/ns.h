/* SPDX-License-Identifier: BSD-3-Clause */
/* A namespace: its geometry, read once by Identify. */
#pragma once
#include <stdint.h>
#include "nvproof/ctrlr.h"
#include "nvproof/spec/id_ns.h"

struct nvp_ns {
	struct nvp_ctrlr *ctrlr;
	uint32_t nsid;
	uint64_t nsze; /* LBAs */
	uint32_t lba_size; /* data bytes of one LBA */
	uint16_t meta_size; /* metadata bytes of one LBA */
	bool extended; /* metadata is interleaved with the data */
	struct nvme_id_ns id;
};

/* -ENODEV: no such namespace (or not attached); -EIO: Identify failed, *cqe (may be NULL) says how. */
int nvp_ns_open(struct nvp_ctrlr *c, uint32_t nsid, struct nvp_ns *out, struct nvme_cqe *cqe);
