/* SPDX-License-Identifier: BSD-3-Clause */
/* Write Uncorrectable, and the two maps that each namespace has: uncorrectable LBAs, and allocated ones. */
#include "ssd/media/media.h"
#include "ssd/nvm/lba_map.h"
#include "ssd/nvm/nvm.h"

int
ssd_ns_maps_open(struct ssd_ns *ns)
{
	uint64_t bytes = ssd_map_bytes(ns->media_size);
	struct ssd_media *m = ns->sub->media;
	int rc;

	rc = ssd_lba_map_open(ssd_image_lba_map(m, ns->media_off, SSD_MAP_ALLOC), bytes, &ns->alloc);
	if (rc)
		return rc;
	rc = ssd_lba_map_open(ssd_image_lba_map(m, ns->media_off, SSD_MAP_BAD), bytes, &ns->bad);
	if (rc)
		ssd_ns_maps_close(ns);
	return rc;
}

void
ssd_ns_maps_close(struct ssd_ns *ns)
{
	ssd_lba_map_close(ns->alloc);
	ssd_lba_map_close(ns->bad);
	ns->alloc = ns->bad = NULL;
}

void
ssd_ns_maps_move(struct ssd_ns *ns)
{
	struct ssd_media *m = ns->sub->media;

	if (!ssd_image_lba_map(m, 0, SSD_MAP_ALLOC))
		return;
	ssd_lba_map_move(ns->alloc, ssd_image_lba_map(m, ns->media_off, SSD_MAP_ALLOC));
	ssd_lba_map_move(ns->bad, ssd_image_lba_map(m, ns->media_off, SSD_MAP_BAD));
}

/*
 * NVM Command Set 1.1, "Write Uncorrectable command": reads fail until the blocks are written again.  They count as
 * allocated.  The data under them stays; nobody can see it.
 */
nvme_status
ssd_nvm_write_uncor(struct ssd_cmd *c)
{
	struct nvm_range r;
	nvme_status st = ssd_nvm_range(c, &r);

	if (st)
		return st;
	ssd_lba_map_set(c->ns->bad, r.slba, r.nlb);
	ssd_lba_map_set(c->ns->alloc, r.slba, r.nlb);
	return ssd_nvm_settle(c, 0);
}
