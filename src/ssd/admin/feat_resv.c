/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Features of reservations: Host Identifier, Reservation Notification Mask, Reservation Persistence.
 *
 * NVMe Base 2.1, the sections of these names in "Set Features command".
 */
#include "ssd/admin/feat.h"
#include "ssd/nvm/resv.h"
#include "ssd/nvm/streams.h"
#include <string.h>

static const uint8_t no_id[16];

static bool
has_id(const struct ssd *ssd)
{
	return memcmp(ssd->feat.host_id, no_id, sizeof(no_id)) != 0;
}

/* Once it is set it stays, until a reset.  The controllers of a subsystem use one format. */
nvme_status
ssd_feat_host_id_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	bool wide = cdw11 & NVME_FEAT_HOST_ID_EXHID;
	uint8_t id[16] = { 0 };
	nvme_status st;

	(void)save;
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		const struct ssd *ssd = c->ssd->sub->ctrlr[i];

		if (ssd && ssd != c->ssd && has_id(ssd) && ssd->feat.host_id_wide != wide)
			return ssd_fail(c, NVME_SC_HOSTID_FORMAT, SSD_FEAT_CDW11);
	}
	if (has_id(c->ssd))
		return ssd_fail(c, NVME_SC_CMD_SEQUENCE, offsetof(struct nvme_sqe, cdw10));
	st = ssd_data(c, wide ? 16 : 8);
	if (!st)
		st = ssd_from_host(c, 0, id, wide ? 16 : 8);
	if (st)
		return st;
	memcpy(c->ssd->feat.host_id, id, sizeof(id));
	c->ssd->feat.host_id_wide = wide;
	ssd_streams_host_id(c->ssd);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_host_id_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	bool wide = cdw11 & NVME_FEAT_HOST_ID_EXHID, current = sel == NVME_FEAT_SEL_CURRENT;

	if (current && has_id(c->ssd) && c->ssd->feat.host_id_wide != wide)
		return ssd_fail(c, NVME_SC_HOSTID_FORMAT, SSD_FEAT_CDW11);
	return ssd_reply(c, current ? c->ssd->feat.host_id : no_id, wide ? 16 : 8);
}

/* FFFFFFFFh: all namespaces that are attached to this controller. */
static bool
meant(const struct ssd_cmd *c, uint32_t i)
{
	return c->ns ? c->ns->nsid == i + 1 : ssd_ns_active(c->ssd, i + 1) != NULL;
}

nvme_status
ssd_feat_resv_mask_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	const uint64_t bits = NVME_FEAT_RESV_REGPRE | NVME_FEAT_RESV_RESREL | NVME_FEAT_RESV_RESPRE;

	(void)save;
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		if (meant(c, i))
			c->ssd->feat.resv_mask[i] = (uint8_t)(cdw11 & bits);
	}
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_resv_mask_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	(void)cdw11;
	c->dw0 = sel == NVME_FEAT_SEL_CURRENT ? c->ssd->feat.resv_mask[c->ns->nsid - 1] : 0;
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_resv_persist_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	(void)save;
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		if (meant(c, i))
			c->ssd->sub->resv[i].ptpl = (uint8_t)nvme_get(cdw11, NVME_FEAT_RESV_PTPL);
	}
	ssd_part_save(c->ssd->sub, SSD_PART_RESV);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_resv_persist_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	(void)cdw11;
	c->dw0 = sel == NVME_FEAT_SEL_CURRENT ? ssd_resv_of(c->ns)->ptpl : 0;
	return NVME_SC_SUCCESS;
}
