/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks with metadata: where they are in the media, and in memory of ours on their way to or from the host.
 *
 * In the media the data of a namespace is in front, as without metadata, and the metadata of all blocks follows it: block n
 * has lba_size bytes at media_off and meta_size bytes at meta_off, n times as far on.
 */
#pragma once
#include "ssd/ssd_int.h"

struct nvm_blocks {
	uint8_t *data, *meta; /* of the first */
	uint32_t data_step, meta_step; /* to the next */
	uint32_t nlb;
};

/* How many blocks fit SSD_BOUNCE bytes. */
static inline uint32_t
nvm_blocks_max(const struct ssd_ns *ns)
{
	return SSD_BOUNCE / (ns->lba_size + ns->meta_size);
}

/* At most that many in buf: each block followed by its metadata, or all data and then all metadata. */
struct nvm_blocks nvm_blocks_lay(const struct ssd_ns *ns, uint8_t *buf, uint32_t nlb, bool extended);

/*
 * From the media.  Unwritten and deallocated blocks are zeros, and their protection information is all ones: nobody checks it.
 * NVM Command Set 1.1, "Deallocated or Unwritten Logical Blocks".
 */
void nvm_blocks_load(struct ssd_ns *ns, uint64_t slba, const struct nvm_blocks *b);
/* To the media; the blocks are written then. */
nvme_status nvm_blocks_store(struct ssd_cmd *c, uint64_t slba, const struct nvm_blocks *b);
/* Only their metadata. */
nvme_status nvm_blocks_store_meta(struct ssd_cmd *c, uint64_t slba, const struct nvm_blocks *b);
