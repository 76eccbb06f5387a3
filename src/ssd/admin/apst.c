/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Autonomous Power State Transition: after so much time without an I/O command, to the state that the host chose for that.
 *
 * NVMe Base 2.1, "Autonomous Power State Transitions", features "Autonomous Power State Transition" and "Non-Operational Power
 * State Config".
 */
#include "ssd/admin/feat.h"
#include "ssd/admin/pstate.h"
#include "ssd/core.h"
#include <string.h>

static struct ssd_power_kept *
kept(struct ssd *ssd)
{
	return &ssd->sub->power_kept[ssd->cntlid - 1];
}

/* 0: none. */
static uint64_t
entry_ms(const le64 *table, uint8_t ps, uint8_t *to)
{
	uint64_t e = le64_get(table[ps]);

	*to = (uint8_t)nvme_get(e, NVME_APST_ITPS);
	return nvme_get(e, NVME_APST_ITPT);
}

/* Where there is a time, there is a state to go to: one that is not operational.  What is beyond NPSS means nothing. */
static bool
table_ok(const le64 *table)
{
	for (uint8_t ps = 0; ps <= SSD_NPSS; ps++) {
		uint8_t to;

		if (entry_ms(table, ps, &to) && (to > SSD_NPSS || ssd_pstate_operational(to)))
			return false;
	}
	return true;
}

bool
ssd_power_kept_ok(const struct ssd_subsys *sub)
{
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (!table_ok(sub->power_kept[i].apst))
			return false;
	}
	return true;
}

void
ssd_power_features_reset(struct ssd *ssd)
{
	const struct ssd_power_kept *k = kept(ssd);

	if (k->set & SSD_POWER_APST) {
		ssd->feat.apste = k->apste;
		memcpy(ssd->feat.apst, k->apst, sizeof(k->apst));
	}
	if (k->set & SSD_POWER_NOPSC)
		ssd->feat.nopsc = k->nopsc;
	if (k->set & SSD_POWER_HCTM)
		ssd->feat.hctm = le32_get(k->hctm);
	ssd_heat_check(ssd);
}

/* Idle is since the last I/O command, and since the state that the drive is in was reached. */
uint64_t
ssd_apst_tick(struct ssd *ssd)
{
	struct ssd_power *p = &ssd->power;
	uint64_t ms, due;
	uint8_t to;

	if (!ssd->feat.apste || ssd->stopped)
		return SSD_NEVER;
	ms = entry_ms(ssd->feat.apst, p->ps, &to);
	if (!ms || to == p->ps)
		return SSD_NEVER;
	due = UT_MAX(p->idle_ns, p->ready_ns) + ms * 1000000;
	return ssd->now_ns < due ? due : ssd_pstate_enter(ssd, to);
}

nvme_status
ssd_feat_apst_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	struct ssd_power_kept *k = kept(c->ssd);
	struct nvme_apst table;
	nvme_status st = ssd_data(c, sizeof(table));

	if (!st)
		st = ssd_from_host(c, 0, &table, sizeof(table));
	if (st)
		return st;
	if (!table_ok(table.entry))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, prp1));
	c->ssd->feat.apste = nvme_get(cdw11, NVME_FEAT_APST_APSTE);
	memcpy(c->ssd->feat.apst, table.entry, sizeof(table));
	if (save) {
		k->set |= SSD_POWER_APST;
		k->apste = c->ssd->feat.apste;
		memcpy(k->apst, table.entry, sizeof(table));
		ssd_part_save(c->ssd->sub, SSD_PART_POWER);
	}
	ssd_timer_arm(c->ssd, c->ssd->now_ns);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_apst_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	const struct ssd_power_kept *k = kept(c->ssd);
	struct nvme_apst table = { 0 };

	(void)cdw11;
	if (sel == NVME_FEAT_SEL_CURRENT) {
		c->dw0 = c->ssd->feat.apste;
		memcpy(table.entry, c->ssd->feat.apst, sizeof(table));
	} else if (sel == NVME_FEAT_SEL_SAVED && (k->set & SSD_POWER_APST)) {
		c->dw0 = k->apste;
		memcpy(table.entry, k->apst, sizeof(table));
	}
	return ssd_reply(c, &table, sizeof(table));
}

/* There is nothing that the drive would do in the background: only what Get Features returns changes. */
nvme_status
ssd_feat_nopsc_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	struct ssd_power_kept *k = kept(c->ssd);

	c->ssd->feat.nopsc = cdw11 & (uint32_t)NVME_FEAT_NOPSC_NOPPME;
	if (save) {
		k->set |= SSD_POWER_NOPSC;
		k->nopsc = (uint8_t)c->ssd->feat.nopsc;
		ssd_part_save(c->ssd->sub, SSD_PART_POWER);
	}
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_nopsc_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	const struct ssd_power_kept *k = kept(c->ssd);

	(void)cdw11;
	if (sel == NVME_FEAT_SEL_CURRENT)
		c->dw0 = c->ssd->feat.nopsc;
	else if (sel == NVME_FEAT_SEL_SAVED && (k->set & SSD_POWER_NOPSC))
		c->dw0 = k->nopsc;
	return NVME_SC_SUCCESS;
}
