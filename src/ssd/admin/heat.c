/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Host Controlled Thermal Management: from TMT1 on the drive goes a little slower, from TMT2 on a lot: after I/O commands it
 * pauses.  SMART counts how often, and how long.
 *
 * NVMe Base 2.1, "Host Controlled Thermal Management", and the feature of that name.
 */
#include "ssd/admin/feat.h"
#include "ssd/admin/pstate.h"
#include "ssd/core.h"

static const uint64_t pause_ns[] = { 0, 50000, 500000 };

static struct ssd_power_kept *
kept(struct ssd *ssd)
{
	return &ssd->sub->power_kept[ssd->cntlid - 1];
}

bool
ssd_heat_kept_ok(const struct ssd_subsys *sub)
{
	(void)sub;
	return true; /* counters: any value will do */
}

static uint8_t
level_now(const struct ssd *ssd)
{
	uint32_t k = ssd->sub->temperature_k;
	uint32_t tmt1 = nvme_get32(ssd->feat.hctm, NVME_FEAT_HCTM_TMT1);
	uint32_t tmt2 = nvme_get32(ssd->feat.hctm, NVME_FEAT_HCTM_TMT2);

	if (tmt2 && k >= tmt2)
		return 2;
	return tmt1 && k >= tmt1;
}

/* The time up to now counts for the level that was. */
static void
account(struct ssd *ssd)
{
	struct ssd_heat_kept *k = &ssd->sub->heat;
	struct ssd_heat *h = &ssd->heat;

	if (h->level)
		k->ns[h->level - 1] = le64_from(le64_get(k->ns[h->level - 1]) +
						(ssd->sub->last_ns - UT_MIN(h->since_ns, ssd->sub->last_ns)));
	h->since_ns = ssd->sub->last_ns;
}

void
ssd_heat_check(struct ssd *ssd)
{
	struct ssd_heat_kept *k = &ssd->sub->heat;
	uint8_t level = level_now(ssd);

	if (level == ssd->heat.level || !ssd->sub->stepped)
		return;
	account(ssd);
	if (level > ssd->heat.level)
		k->count[level - 1] = le32_from(le32_get(k->count[level - 1]) + 1);
	ssd->heat.level = level;
	ssd_part_save(ssd->sub, SSD_PART_HEAT);
}

void
ssd_heat_io(struct ssd *ssd)
{
	ssd->heat.until_ns = ssd->now_ns + pause_ns[ssd->heat.level];
	ssd->hold |= SSD_HOLD_HEAT;
	ssd_timer_arm(ssd, ssd->heat.until_ns);
}

void
ssd_heat_off(struct ssd *ssd)
{
	account(ssd);
	ssd->heat.level = 0;
}

uint64_t
ssd_heat_tick(struct ssd *ssd)
{
	ssd_heat_check(ssd);
	if (!(ssd->hold & SSD_HOLD_HEAT))
		return SSD_NEVER;
	if (ssd->now_ns < ssd->heat.until_ns)
		return ssd->heat.until_ns;
	ssd->hold &= (uint8_t)~SSD_HOLD_HEAT;
	ssd->busy = true;
	return SSD_NEVER;
}

void
ssd_heat_smart(const struct ssd *ssd, struct nvme_smart_log *log)
{
	const struct ssd_heat_kept *k = &ssd->sub->heat;
	uint64_t now[2] = { 0, 0 };

	if (ssd->heat.level && ssd->sub->last_ns > ssd->heat.since_ns)
		now[ssd->heat.level - 1] = ssd->sub->last_ns - ssd->heat.since_ns;
	log->tmt1tc = k->count[0];
	log->tmt2tc = k->count[1];
	log->tttmt1 = le32_from((uint32_t)((le64_get(k->ns[0]) + now[0]) / 1000000000));
	log->tttmt2 = le32_from((uint32_t)((le64_get(k->ns[1]) + now[1]) / 1000000000));
}

static bool
tmt_ok(uint32_t tmt)
{
	return !tmt || (tmt >= SSD_MNTMT && tmt <= SSD_MXTMT);
}

/* 0h turns one off.  Both: TMT1 is the lower one. */
nvme_status
ssd_feat_hctm_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	uint32_t tmt1 = nvme_get32(cdw11, NVME_FEAT_HCTM_TMT1), tmt2 = nvme_get32(cdw11, NVME_FEAT_HCTM_TMT2);
	struct ssd_power_kept *k = kept(c->ssd);

	if (!tmt_ok(tmt2))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, SSD_FEAT_CDW11);
	if (!tmt_ok(tmt1) || (tmt1 && tmt2 && tmt1 >= tmt2))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, SSD_FEAT_CDW11 + 2);
	c->ssd->feat.hctm = cdw11;
	if (save) {
		k->set |= SSD_POWER_HCTM;
		k->hctm = le32_from(cdw11);
		ssd_part_save(c->ssd->sub, SSD_PART_POWER);
	}
	ssd_heat_check(c->ssd);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_hctm_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	const struct ssd_power_kept *k = kept(c->ssd);

	(void)cdw11;
	if (sel == NVME_FEAT_SEL_CURRENT)
		c->dw0 = c->ssd->feat.hctm;
	else if (sel == NVME_FEAT_SEL_SAVED && (k->set & SSD_POWER_HCTM))
		c->dw0 = le32_get(k->hctm);
	return NVME_SC_SUCCESS;
}
