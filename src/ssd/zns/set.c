/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The zones of the namespaces: whose they are, what survives, and what a power loss leaves.
 *
 * All zones of a drive are in one table, which an image keeps.  It is written when a command changes states.  A write pointer is not
 * written for each write: what lies behind the kept one, and is allocated, was written since.
 */
#include "ssd/zns/zns.h"
#include <errno.h>
#include <string.h>
#include "ssd/media/flash.h"
#include "ssd/media/media.h"
#include "ssd/nvm/lba_map.h"
#include "ssd/nvm/nvm.h"

#define FLUSH_BYTES (16u << 10) /* ZRWAFG: a page */

static uint32_t
most_zones(const struct ssd_ns *ns)
{
	uint64_t n = ns->media_size / ns->sub->cfg.profile.zones.size;

	return (uint32_t)UT_MIN(n, SSD_ZONES + 1);
}

bool
ssd_zns_place_ok(const struct ssd_subsys *sub, uint64_t size, uint32_t first)
{
	uint64_t zone = sub->cfg.profile.zones.size;

	return ssd_zns_there(sub) && size >= zone && first < SSD_ZONES && size / zone <= SSD_ZONES - first;
}

uint32_t
ssd_zns_zde_bytes(const struct ssd_subsys *sub)
{
	return sub->cfg.profile.zones.descriptor_bytes & ~63u;
}

int
ssd_zns_check(const struct ssd_config *cfg, const char **why)
{
	const struct ssd_profile_zones *z = &cfg->profile.zones;
	uint64_t n = 0;

	*why = NULL;
	if (cfg->profile.set != SSD_PROFILE_ZONED)
		return 0;
	for (uint32_t i = 0; i < cfg->nr_ns; i++) {
		uint64_t lba = cfg->ns[i].lba_size;

		n += cfg->ns[i].size / z->size;
		if (cfg->ns[i].size < z->size)
			*why = "a zoned namespace has at least one zone";
		if (z->size % lba || z->capacity % lba || z->zrwa % lba || z->zrwa / lba > 0xffff)
			*why = "zones, and their random write area of up to 65,535 blocks, are whole blocks";
		if (z->zrwa > FLUSH_BYTES && z->zrwa % FLUSH_BYTES)
			*why = "a zone random write area is whole 16 KiB";
	}
	if (n > SSD_ZONES)
		*why = "a drive has at most 8,192 zones: larger zones make it fewer";
	if (n * (z->descriptor_bytes & ~63u) > SSD_ZONE_ZDE_ROOM)
		*why = "there are at most 96 KiB of zone descriptor extensions";
	return *why ? -EINVAL : 0;
}

/* Whether zones [first, first + n) are nobody's. */
static bool
is_free(const struct ssd_subsys *sub, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		const struct ssd_ns *ns = &sub->ns[i];

		if (ns->zones && first < ns->first_zone + most_zones(ns) && ns->first_zone < first + n)
			return false;
	}
	return true;
}

int
ssd_zns_open(struct ssd_ns *ns)
{
	uint32_t n = most_zones(ns), first = 0;

	while (first + n <= SSD_ZONES && !is_free(ns->sub, first, n))
		first++;
	if (first + n > SSD_ZONES)
		return -ENOSPC;
	ns->first_zone = first;
	ns->zones = &ns->sub->zone_sets[ns->nsid - 1];
	memset(&ns->sub->zns.zone[first], 0, n * sizeof(struct ssd_zone));
	memset(&ns->sub->zone_changed[first], 0, n);
	return 0;
}

void
ssd_zns_close(struct ssd_ns *ns)
{
	ns->zones = NULL;
}

uint32_t
ssd_zns_index(const struct ssd_ns *ns, const struct ssd_zone *z)
{
	return ns->first_zone + (uint32_t)(z - ns->zones->zone);
}

uint8_t *
ssd_zns_zde(const struct ssd_ns *ns, const struct ssd_zone *z)
{
	return ns->sub->zns.zde + (size_t)ssd_zns_index(ns, z) * ssd_zns_zde_bytes(ns->sub);
}

/* A zone that was never looked at is empty; the counts follow the states. */
static void
settle(struct ssd_zones *s)
{
	for (uint32_t i = 0; i < s->nr; i++) {
		struct ssd_zone *z = &s->zone[i];

		if (!z->zs)
			z->zs = NVME_ZS_EMPTY;
		if (le64_get(z->wp) > s->zcap)
			z->wp = le64_from(s->zcap);
	}
	ssd_zones_count(s);
}

void
ssd_zns_use_format(struct ssd_ns *ns)
{
	const struct ssd_profile_zones *p = &ns->sub->cfg.profile.zones;
	struct ssd_zones *s = ns->zones;
	uint64_t fg;

	*s = (struct ssd_zones){
		.zone = &ns->sub->zns.zone[ns->first_zone],
		.zsze = p->size >> ns->lba_shift,
		.zcap = p->capacity >> ns->lba_shift,
		.max_open = p->max_open,
		.max_active = p->max_active,
		.max_zrwa = p->zrwa ? p->zrwa_zones : 0,
		.zrwasz = p->zrwa >> ns->lba_shift,
	};
	fg = FLUSH_BYTES >> ns->lba_shift;
	s->zrwafg = UT_MIN(fg, s->zrwasz);
	s->nr = (uint32_t)(ns->nsze / s->zsze);
	ns->nsze = s->nr * s->zsze;
	settle(s);
}

void
ssd_zns_erased(struct ssd_ns *ns)
{
	for (uint32_t i = 0; ns->zones && i < ns->zones->nr; i++)
		ssd_zone_to(ns->zones, &ns->zones->zone[i], NVME_ZS_EMPTY);
	if (ns->zones)
		ssd_part_save(ns->sub, SSD_PART_ZNS);
}

void
ssd_zns_init(struct ssd_subsys *sub)
{
	memset(&sub->zns, 0, sizeof(sub->zns));
}

bool
ssd_zns_kept_ok(const struct ssd_subsys *sub)
{
	for (uint32_t i = 0; i < SSD_ZONES; i++) {
		uint8_t zs = sub->zns.zone[i].zs;

		if (zs > NVME_ZS_CLOSED && (zs < NVME_ZS_READ_ONLY || zs > NVME_ZS_OFFLINE))
			return false;
	}
	return true;
}

/* Blocks of the zone from the first one that the flash has lost. */
static uint64_t
first_lost(const struct ssd_ns *ns, const struct ssd_zone *z)
{
	struct ssd_media *m = ns->sub->media;
	uint64_t wp = le64_get(z->wp), at = 0, len, zslba = ssd_zns_zslba(ns, z);

	for (; at < wp; at += UT_MAX(len >> ns->lba_shift, 1u)) {
		len = (wp - at) << ns->lba_shift;
		if (m->ops->peek(m, ssd_nvm_off(ns, zslba + at), &len) == ssd_zeros)
			return at;
	}
	return wp;
}

/* What was written, and not flushed, may be gone: the zone ends where its data do. */
static void
recover_flash(struct ssd_ns *ns, struct ssd_zone *z)
{
	struct ssd_zones *s = ns->zones;
	uint64_t zslba = ssd_zns_zslba(ns, z), wp = le64_get(z->wp), end = first_lost(ns, z);

	if (end == wp)
		return;
	ssd_nvm_zero(ns, zslba + end, s->zcap - end, true);
	if (z->zs == NVME_ZS_FULL && wp == s->zcap)
		ssd_zone_to(s, z, NVME_ZS_CLOSED);
	z->wp = le64_from(end);
}

/* A process that ended without a word wrote more than the table knows of. */
static void
recover_image(struct ssd_ns *ns, struct ssd_zone *z)
{
	struct ssd_zones *s = ns->zones;
	uint64_t zslba = ssd_zns_zslba(ns, z), wp = le64_get(z->wp), end = zslba + s->zcap;

	if (z->zs > NVME_ZS_CLOSED || (z->za & NVME_ZA_ZRWAV) || wp >= s->zcap)
		return;
	ssd_lba_map_find(ns->alloc, zslba + wp, s->zcap - wp, false, &end);
	if (end == zslba + wp)
		return;
	z->wp = le64_from(end - zslba);
	ssd_zone_to(s, z, end == zslba + s->zcap ? NVME_ZS_FULL : NVME_ZS_CLOSED);
}

static void
power_on(struct ssd_ns *ns)
{
	bool flash = ssd_flash_ftl(ns->sub->media), image = ssd_image_state(ns->sub->media);

	for (uint32_t i = 0; i < ns->zones->nr; i++) {
		struct ssd_zone *z = &ns->zones->zone[i];

		if (image)
			recover_image(ns, z);
		if (flash)
			recover_flash(ns, z);
	}
	ssd_zones_power_on(ns->zones);
}

void
ssd_zns_power_on(struct ssd_subsys *sub)
{
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		if (!sub->ns[i].zones)
			continue;
		settle(sub->ns[i].zones);
		power_on(&sub->ns[i]);
	}
	sub->io_due_ns = 0; /* the recovery has a time of its own */
}

void
ssd_zns_subsys_reset(struct ssd_subsys *sub)
{
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		if (sub->ns[i].zones)
			ssd_zones_power_on(sub->ns[i].zones);
	}
}
