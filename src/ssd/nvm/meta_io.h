/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands on namespaces with metadata: what they check first, and chunks of blocks between host and memory of ours. */
#pragma once
#include "ssd/nvm/nvm.h"
#include "ssd/nvm/pi.h"

struct nvm_meta_io {
	struct nvm_range r;
	struct nvm_pi pi; /* all off where the namespace has none */
	bool stripped; /* only data crosses the bus */
	bool extended; /* as it crosses the bus: metadata after each block's data */
	struct ssd_cmd meta; /* its pieces of host memory, when it has a buffer of its own */
};

/* LBA range, format, protection information.  Nothing of the host's memory is looked at. */
nvme_status nvm_meta_start(struct ssd_cmd *c, struct nvm_meta_io *io);
/* MDTS, data pointer and metadata pointer. */
nvme_status nvm_meta_attach(struct ssd_cmd *c, struct nvm_meta_io *io);

/* How many blocks from number `first` of the command on make the next chunk, and what they look like in `buf`. */
struct nvm_blocks nvm_meta_chunk(const struct ssd_cmd *c, const struct nvm_meta_io *io, uint32_t first, uint8_t *buf);
/* Move a chunk.  Stripped metadata is not touched. */
nvme_status nvm_meta_from_host(struct ssd_cmd *c, struct nvm_meta_io *io, uint32_t first, const struct nvm_blocks *b);
nvme_status nvm_meta_to_host(struct ssd_cmd *c, struct nvm_meta_io *io, uint32_t first, const struct nvm_blocks *b);
