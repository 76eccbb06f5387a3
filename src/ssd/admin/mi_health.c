/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Health over the management interface: what the SMART log and CSTS say, and which of it has changed.
 *
 * NVMe-MI 1.2, "NVM Subsystem Health Status Poll", "Controller Health Status Poll", "Health Status Change".
 */
#include "ssd/admin/log.h"
#include "ssd/admin/mi.h"
#include "ssd/admin/virt.h"
#include <string.h>

#define ZERO_C 273
#define CHANGED_BITS 0x1ff7u /* of NVME_MI_CCS_* */
#define STICKY ((uint32_t)(NVME_MI_CCS_CECO | NVME_MI_CCS_NAC | NVME_MI_CCS_FA)) /* in CSTS and in CCS alike */

static struct nvme_mi_ctrl_health
health(struct ssd *ssd)
{
	struct nvme_smart_log smart = { 0 };
	uint32_t csts = ssd->csts;

	ssd_log_smart(ssd, &smart);
	return (struct nvme_mi_ctrl_health){
		.ctlid = le16_from(ssd->cntlid),
		.csts = le16_from((uint16_t)(nvme_put(NVME_MI_CSTS_RDY, nvme_get(csts, NVME_CSTS_RDY)) |
					     nvme_put(NVME_MI_CSTS_CFS, nvme_get(csts, NVME_CSTS_CFS)) |
					     nvme_put(NVME_MI_CSTS_SHST, nvme_get(csts, NVME_CSTS_SHST)) |
					     nvme_put(NVME_MI_CSTS_NSSRO, nvme_get(csts, NVME_CSTS_NSSRO)) |
					     (ssd->mi.sticky & STICKY))),
		.ctemp = le16_from(nvme_smart_ctemp(&smart)),
		.pdlu = smart.pused,
		.spare = smart.avsp,
		.cwarn = smart.cw,
	};
}

static uint32_t
difference(const struct nvme_mi_ctrl_health *a, const struct nvme_mi_ctrl_health *b)
{
	uint32_t csts = le16_get(a->csts) ^ le16_get(b->csts), bits = 0;

	if (csts)
		bits = (uint32_t)NVME_MI_CCS_CSTS |
		       (csts & (uint32_t)(NVME_MI_CCS_RDY | NVME_MI_CCS_CFS | NVME_MI_CCS_NSSRO)) |
		       (csts & NVME_MI_CSTS_SHST ? (uint32_t)NVME_MI_CCS_SHST : 0);
	if (le16_get(a->ctemp) != le16_get(b->ctemp))
		bits |= (uint32_t)NVME_MI_CCS_CTEMP;
	if (a->pdlu != b->pdlu)
		bits |= (uint32_t)NVME_MI_CCS_PDLU;
	if (a->spare != b->spare)
		bits |= (uint32_t)NVME_MI_CCS_SPARE;
	if (a->cwarn != b->cwarn)
		bits |= (uint32_t)NVME_MI_CCS_CWARN;
	return bits;
}

static void
changed(struct ssd *ssd, uint32_t bits)
{
	ssd->mi.changed |= bits;
	ssd->sub->mi_ccs |= bits;
}

void
ssd_mi_look(struct ssd_subsys *sub)
{
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		struct ssd *ssd = sub->ctrlr[i];
		struct nvme_mi_ctrl_health now;

		if (!ssd)
			continue;
		now = health(ssd);
		changed(ssd, difference(&now, &ssd->mi.seen));
		ssd->mi.seen = now;
	}
}

void
ssd_mi_happened(struct ssd *ssd, uint32_t what)
{
	ssd->mi.sticky |= what;
	changed(ssd, what);
	ssd_mi_look(ssd->sub);
}

/* A signed byte: C4h is -60 or less, 7Fh 127 or more.   NVMe-MI 1.2, "NVM Subsystem Health Data Structure". */
static uint8_t
celsius(uint16_t kelvin)
{
	int t = kelvin - ZERO_C;

	return (uint8_t)(int8_t)(t < -60 ? -60 : UT_MIN(t, 127));
}

nvme_status
ssd_mi_subsys_health(struct ssd_cmd *c)
{
	struct ssd_subsys *sub = c->ssd->sub;
	struct nvme_mi_subsys_health h = {
		.nss = (uint8_t)(NVME_MI_NSS_P0LA | NVME_MI_NSS_RNR | NVME_MI_NSS_DF),
	};
	uint8_t warnings = 0;
	uint16_t warmest = 0;
	nvme_status st;

	ssd_mi_look(sub);
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		const struct nvme_mi_ctrl_health *seen = sub->ctrlr[i] ? &sub->ctrlr[i]->mi.seen : NULL;

		if (!seen)
			continue;
		warnings |= seen->cwarn;
		warmest = UT_MAX(warmest, le16_get(seen->ctemp));
		h.pdlu = UT_MAX(h.pdlu, seen->pdlu);
	}
	h.sw = (uint8_t)(~warnings & 0x3f);
	h.ctemp = celsius(warmest);
	h.ccs = le16_from((uint16_t)sub->mi_ccs);
	st = ssd_reply(c, &h, sizeof(h));
	if (!st && (ssd_mi_nmd1(c) & NVME_MI_HEALTH_CS))
		sub->mi_ccs = 0;
	return st;
}

/* Controllers are asked for by what function of SR-IOV they are: none, the physical one, a virtual one. */
static uint32_t
kind_of(const struct ssd *ssd)
{
	if (!ssd->sub->cfg.virt)
		return (uint32_t)NVME_MI_POLL_INCF;
	return ssd_virt_primary(ssd) ? (uint32_t)NVME_MI_POLL_INCPF : (uint32_t)NVME_MI_POLL_INCVF;
}

/* All of them, or those of which something that was asked for has changed. */
static bool
wanted(const struct ssd *ssd, uint32_t nmd0, uint32_t nmd1)
{
	uint32_t select = nvme_get32(nmd1, NVME_MI_POLL_SELECT) << 8; /* as in NVME_MI_CCS_* */

	if (!(nmd0 & kind_of(ssd)))
		return false;
	return (nmd0 & NVME_MI_POLL_ALL) || (ssd->mi.changed & select);
}

void
ssd_mi_forget(struct ssd *ssd)
{
	ssd->mi.changed = 0;
	ssd->mi.sticky = 0;
	ssd->mi.seen = health(ssd);
}

nvme_status
ssd_mi_ctrlr_health(struct ssd_cmd *c)
{
	uint32_t nmd0 = ssd_mi_nmd0(c), nmd1 = ssd_mi_nmd1(c), n = 0, first = nvme_get32(nmd0, NVME_MI_POLL_SCTLID);
	uint32_t max = nvme_get32(nmd0, NVME_MI_POLL_MAXRENT) + 1;
	struct nvme_mi_ctrl_health *list = (void *)c->ssd->bounce;
	struct ssd_subsys *sub = c->ssd->sub;
	nvme_status st = NVME_SC_SUCCESS;

	if (max == 256)
		return ssd_mi_bad(c, NVME_MI_BYTE_NMD0 + 2);
	ssd_mi_look(sub);
	for (uint32_t i = first ? first - 1 : 0; i < SSD_MAX_CTRLRS && n < max; i++) {
		if (sub->ctrlr[i] && wanted(sub->ctrlr[i], nmd0, nmd1))
			list[n++] = sub->ctrlr[i]->mi.seen;
	}
	if (n)
		st = ssd_reply(c, list, n * sizeof(*list));
	if (st)
		return st;
	c->dw0 = nvme_put32(NVME_MI_POLL_RENT, n);
	for (uint32_t i = 0; (nmd1 & NVME_MI_POLL_CCF) && i < n; i++)
		ssd_mi_forget(sub->ctrlr[le16_get(list[i].ctlid) - 1]);
	return NVME_SC_SUCCESS;
}

/* Frequency and transmission unit belong to Management Endpoints. */
static nvme_status
check_config(struct ssd_cmd *c)
{
	if (nvme_get(ssd_mi_nmd0(c), NVME_MI_CONFIG_ID) != NVME_MI_CONFIG_HEALTH)
		return ssd_mi_bad(c, NVME_MI_BYTE_NMD0);
	return NVME_SC_SUCCESS;
}

/* There is nothing to get of it, which is no error. */
nvme_status
ssd_mi_config_get(struct ssd_cmd *c)
{
	return check_config(c);
}

nvme_status
ssd_mi_config_set(struct ssd_cmd *c)
{
	nvme_status st = check_config(c);

	if (!st && !c->dw0)
		c->ssd->sub->mi_ccs &= ~(ssd_mi_nmd1(c) & CHANGED_BITS);
	return st;
}
