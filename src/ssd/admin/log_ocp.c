/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SMART / Health Information Extended, of drives with modelled flash.   Open Compute Project, Datacenter NVMe SSD specification 2.0,
 * log C0h.  All of it derives from the counters that SMART and the statistics come from: bytes written to the media over bytes
 * that the host wrote is the write amplification of both.
 */
#include "nvproof/spec/ocp.h"
#include "ssd/admin/log.h"
#include "ssd/core.h"
#include "ssd/media/flash.h"
#include "ssd/nvm/lba_map.h"
#include <string.h>

static void
put(uint8_t *to, size_t bytes, uint64_t v)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t
programmed_bytes(const struct ftl *ftl)
{
	uint64_t units = 0;

	for (int s = 0; s < FTL_STREAMS; s++)
		units += ftl_stats(ftl)->programmed[s];
	return units * NAND_UNIT;
}

/* System and user data share their blocks here. */
static void
fill_blocks(const struct ftl *ftl, struct ocp_smart_log *log)
{
	struct ftl_wear wear = ftl_wear(ftl);
	struct ftl_health health = ftl_health(ftl);

	put(log->bad_user_raw, sizeof(log->bad_user_raw), health.bad);
	log->bad_user_normalized = le16_from(health.spare);
	put(log->bad_system_raw, sizeof(log->bad_system_raw), OCP_SHARED_RAW);
	log->bad_system_normalized = le16_from(OCP_SHARED_NORMALIZED);
	log->system_used = health.used;
	log->erases_max = le32_from(wear.most);
	log->erases_min = le32_from(wear.least);
	log->free_blocks = wear.free_percent;
}

static void
fill_reads(const struct ftl *ftl, struct ocp_smart_log *log)
{
	const struct ftl_stats *s = ftl_stats(ftl);

	log->written[0] = le64_from(programmed_bytes(ftl));
	log->read[0] = le64_from(ftl_nand(ftl)->stats.units_read * NAND_UNIT);
	log->uncorrectable_reads = le64_from(s->unreadable);
	log->soft_ecc_errors = le64_from(s->hard);
	log->unaligned = le64_from(s->partial);
	put(log->refreshes, sizeof(log->refreshes), s->refreshed);
}

/* Without a capacitor what was in the write buffer at a loss of power is not completed. */
static void
fill_power(const struct ssd_subsys *sub, struct ocp_smart_log *log)
{
	bool capacitor = sub->cfg.profile.flash.capacitor;

	log->capacitor = le16_from(capacitor ? 100 : OCP_NO_CAPACITOR);
	log->incomplete_shutdowns = le32_from(capacitor ? 0 : (uint32_t)sub->smart.unsafe_shutdowns);
	log->plp_starts[0] = le64_from(capacitor ? sub->smart.unsafe_shutdowns : 0);
}

static void
fill_use(const struct ssd_subsys *sub, const struct ftl *ftl, struct ocp_smart_log *log)
{
	const struct nand *n = ftl_nand(ftl);
	uint64_t nuse = 0;

	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++)
		nuse += sub->ns[i].nsze ? sub->ns[i].alloc->count : 0;
	log->nuse = le64_from(nuse);
	log->endurance[0] = le64_from((uint64_t)n->nr_pages * n->cfg.units * NAND_UNIT * n->cfg.endurance);
}

static void
fill_heat(const struct ssd *ssd, struct ocp_smart_log *log)
{
	const struct ssd_heat_kept *k = &ssd->sub->heat;

	log->throttlings = (uint8_t)UT_MIN(le32_get(k->count[0]) + le32_get(k->count[1]), 255u);
	log->throttled = ssd->heat.level;
}

void
ssd_log_ocp_smart(struct ssd *ssd, void *buf)
{
	static const uint8_t guid[16] = OCP_SMART_GUID;
	const struct ftl *ftl = ssd_flash_ftl(ssd->sub->media);
	struct ocp_smart_log *log = buf;

	fill_blocks(ftl, log);
	fill_reads(ftl, log);
	fill_power(ssd->sub, log);
	fill_use(ssd->sub, ftl, log);
	fill_heat(ssd, log);
	log->major = 2;
	put(log->version, sizeof(log->version), OCP_SMART_VERSION);
	memcpy(log->guid, guid, sizeof(guid));
}
