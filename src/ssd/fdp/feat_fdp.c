/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Features of Flexible Data Placement: whether it is enabled, and which events are kept of which handle.  Both are as they were
 * after a reset and after a power cycle.   NVMe Base 2.2, "Flexible Data Placement", "FDP Events" in "Set Features command".
 */
#include "ssd/admin/feat.h"
#include "ssd/fdp/fdp.h"

#define CDW12 offsetof(struct nvme_sqe, cdw12)

static nvme_status
check_group(struct ssd_cmd *c, uint32_t cdw11)
{
	return nvme_get(cdw11, NVME_FEAT_FDP_ENDGID) == SSD_ENDGID ? NVME_SC_SUCCESS
								   : ssd_fail(c, NVME_SC_INVALID_FIELD, SSD_FEAT_CDW11);
}

/* Only while no namespace is there. */
nvme_status
ssd_feat_fdp_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	uint32_t cdw12 = le32_get(c->sqe->cdw12);
	nvme_status st = check_group(c, cdw11);

	(void)save;
	if (st)
		return st;
	if ((cdw12 & NVME_FEAT_FDP_FDPE) && nvme_get(cdw12, NVME_FEAT_FDP_FDPCIDX))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW12 + 1);
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		if (c->ssd->sub->ns[i].nsze)
			return ssd_fail(c, NVME_SC_CMD_SEQUENCE, offsetof(struct nvme_sqe, cdw10));
	}
	ssd_fdp_enable(c->ssd->sub, cdw12 & NVME_FEAT_FDP_FDPE);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_fdp_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	bool on = sel == NVME_FEAT_SEL_DEFAULT ? c->ssd->sub->cfg.profile.fdp.enabled : ssd_fdp_on(c->ssd->sub);
	nvme_status st = check_group(c, cdw11);

	if (!st)
		c->dw0 = nvme_put32(NVME_FEAT_FDP_FDPE, on);
	return st;
}

static nvme_status
check_handle(struct ssd_cmd *c, uint32_t cdw11)
{
	if (!c->ns)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, nsid));
	if (!c->ns->fdp)
		return ssd_fail(c, NVME_SC_FDP_DISABLED, offsetof(struct nvme_sqe, nsid));
	if (nvme_get(cdw11, NVME_FEAT_FDPEV_PHNDL) >= ssd_fdp_ns_count(c->ns))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, SSD_FEAT_CDW11);
	return NVME_SC_SUCCESS;
}

static uint8_t *
filter_of(struct ssd_cmd *c, uint32_t cdw11)
{
	return &c->ssd->sub->fdp.kept.filter[ssd_fdp_ns_ruh(c->ns, nvme_get32(cdw11, NVME_FEAT_FDPEV_PHNDL))];
}

/* A list of event types, all of which are enabled, or disabled. */
nvme_status
ssd_feat_fdp_events_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	uint32_t n = nvme_get32(cdw11, NVME_FEAT_FDPEV_NOET);
	uint8_t types[UINT8_MAX], bits = 0, *filter;
	nvme_status st = check_handle(c, cdw11);

	(void)save;
	if (!st && !n)
		st = ssd_fail(c, NVME_SC_INVALID_FIELD, SSD_FEAT_CDW11 + 2);
	if (!st)
		st = ssd_data(c, n);
	if (!st)
		st = ssd_from_host(c, 0, types, n);
	for (uint32_t i = 0; !st && i < n; i++) {
		int index = ssd_fdp_event_index(types[i]);

		if (index < 0)
			return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, prp1));
		bits |= (uint8_t)(1u << index);
	}
	if (st)
		return st;
	filter = filter_of(c, cdw11);
	*filter = le32_get(c->sqe->cdw12) & NVME_FEAT_FDPEV_FDPEE ? *filter | bits : *filter & (uint8_t)~bits;
	ssd_part_save(c->ssd->sub, SSD_PART_FDP);
	return NVME_SC_SUCCESS;
}

/* None is enabled by default. */
nvme_status
ssd_feat_fdp_events_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	uint32_t n = UT_MIN(nvme_get32(cdw11, NVME_FEAT_FDPEV_NOET), SSD_FDP_EVENT_TYPES);
	struct nvme_fdp_event_desc d[SSD_FDP_EVENT_TYPES];
	nvme_status st = check_handle(c, cdw11);

	if (st)
		return st;
	for (uint32_t i = 0; i < SSD_FDP_EVENT_TYPES; i++) {
		bool on = sel != NVME_FEAT_SEL_DEFAULT && (*filter_of(c, cdw11) >> i & 1);

		d[i] = (struct nvme_fdp_event_desc){ ssd_fdp_event_types[i], on ? (uint8_t)NVME_FDPETA_FDPEE : 0 };
	}
	c->dw0 = n;
	return n ? ssd_reply(c, d, n * sizeof(d[0])) : NVME_SC_SUCCESS;
}
