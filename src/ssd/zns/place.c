/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zones on flash: each zone that is being written has flash blocks of its own, so that a reset leaves them without anything
 * that is valid.  A zone begins in fresh blocks; where its capacity is as large as a block of each die, it fills them.
 */
#include "ssd/zns/zns.h"
#include "ssd/media/flash.h"

static bool
is_in_use(const struct ssd_subsys *sub, uint32_t owner)
{
	return owner && ssd_zone_active(&sub->zns.zone[owner - 1]);
}

/* The place of a zone; one that begins takes that of a zone which is no longer active, or in the end anybody's. */
static uint32_t
place_of(struct ssd_subsys *sub, uint32_t owner, uint32_t places, bool begins)
{
	uint32_t free = 0;

	for (uint32_t p = 1; p < places; p++) {
		if (!is_in_use(sub, sub->zone_place[p])) /* what it was has ended: full, reset, or with its namespace */
			sub->zone_place[p] = 0;
		if (sub->zone_place[p] == owner && !begins)
			return p;
		if (!free && !sub->zone_place[p])
			free = p;
	}
	if (!free)
		free = 1 + owner % (places - 1);
	sub->zone_place[free] = owner;
	ssd_flash_place_end(sub->media, free);
	return free;
}

uint32_t
ssd_zns_place(struct ssd_ns *ns, const struct ssd_zone *z)
{
	uint32_t places = ssd_flash_places(ns->sub->media);

	if (places < 2)
		return 0;
	return place_of(ns->sub, ssd_zns_index(ns, z) + 1, places, z->zs == NVME_ZS_EMPTY);
}
