/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zones whose descriptor the drive has changed by itself: the event, and the log that names them.  Each controller has a bit of
 * its own for each zone.  Zoned Namespace Command Set, "Changed Zone List", "Asynchronous Event Information".
 */
#include "ssd/zns/zns.h"
#include "nvproof/spec/feat.h"

void
ssd_zns_changed(struct ssd_ns *ns, const struct ssd_zone *z)
{
	struct ssd_subsys *sub = ns->sub;

	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (!sub->ctrlr[i] || !(ns->attached >> i & 1))
			continue;
		sub->zone_changed[ssd_zns_index(ns, z)] |= (uint8_t)(1u << i);
		ssd_event(sub->ctrlr[i], NVME_AER_NOTICE, NVME_AER_NOTICE_ZONE_DESC, NVME_LOG_ZNS_CHANGED);
	}
}

static bool
changed_for(const struct ssd *ssd, const struct ssd_ns *ns, uint32_t zone)
{
	return ns->sub->zone_changed[ns->first_zone + zone] >> (ssd->cntlid - 1) & 1;
}

uint32_t
ssd_zns_event_nsid(const struct ssd *ssd)
{
	for (uint32_t nsid = 1; nsid <= SSD_MAX_NAMESPACES; nsid++) {
		const struct ssd_ns *ns = ssd_ns_active(ssd, nsid);

		for (uint32_t i = 0; ns && ns->zones && i < ns->zones->nr; i++) {
			if (changed_for(ssd, ns, i))
				return nsid;
		}
	}
	return 0;
}

/* The log is a namespace's. */
nvme_status
ssd_log_changed_zones_check(struct ssd_cmd *c)
{
	uint32_t nsid = le32_get(c->sqe->nsid);
	const struct ssd_ns *ns = ssd_ns_active(c->ssd, nsid);

	if (!ns)
		return ssd_fail(c, NVME_SC_INVALID_NS, offsetof(struct nvme_sqe, nsid));
	return ns->zones ? NVME_SC_SUCCESS : ssd_fail(c, NVME_SC_INVALID_LOG_PAGE, offsetof(struct nvme_sqe, cdw10));
}

void
ssd_log_changed_zones(struct ssd *ssd, void *buf)
{
	const struct ssd_ns *ns = ssd_ns_active(ssd, ssd->log_nsid);
	struct nvme_changed_zones_log *log = buf;
	uint32_t n = 0;

	for (uint32_t i = 0; i < ns->zones->nr; i++) {
		if (!changed_for(ssd, ns, i))
			continue;
		if (n < NVME_CHANGED_ZONES_MAX)
			log->zid[n] = le64_from(i * ns->zones->zsze);
		n++;
	}
	log->nrzid = le16_from(n > NVME_CHANGED_ZONES_MAX ? 0xffff : (uint16_t)n);
}

void
ssd_log_changed_zones_read(struct ssd *ssd)
{
	const struct ssd_ns *ns = ssd_ns_active(ssd, ssd->log_nsid);

	for (uint32_t i = 0; i < ns->zones->nr; i++)
		ns->sub->zone_changed[ns->first_zone + i] &= (uint8_t) ~(1u << (ssd->cntlid - 1));
	if (!ssd_zns_event_nsid(ssd))
		ssd_event_drop(ssd, NVME_AER_NOTICE, NVME_LOG_ZNS_CHANGED);
}

/* zone: by number; what the drive does to it: a state (read only, offline, full), or attributes that recommend something. */
int
ssd_zone_change(struct ssd_subsys *sub, uint32_t nsid, uint32_t zone, enum ssd_zone_change what)
{
	struct ssd_ns *ns = ssd_ns_get(sub, nsid);
	struct ssd_zone *z;

	if (!ns || !ns->zones || zone >= ns->zones->nr)
		return -1;
	z = &ns->zones->zone[zone];
	switch (what) {
	case SSD_ZONE_READ_ONLY:
		ssd_zone_to(ns->zones, z, NVME_ZS_READ_ONLY);
		break;
	case SSD_ZONE_OFFLINE:
		ssd_zone_to(ns->zones, z, NVME_ZS_OFFLINE);
		break;
	case SSD_ZONE_FINISHED:
		if (!ssd_zone_active(z))
			return -1;
		ssd_zone_to(ns->zones, z, NVME_ZS_FULL);
		z->za |= (uint8_t)NVME_ZA_ZFC;
		break;
	case SSD_ZONE_RECOMMEND_FINISH:
		if (!ssd_zone_active(z))
			return -1;
		z->za |= (uint8_t)NVME_ZA_FZR;
		break;
	case SSD_ZONE_RECOMMEND_RESET:
		if (z->zs != NVME_ZS_FULL)
			return -1;
		z->za |= (uint8_t)NVME_ZA_RZR;
		break;
	}
	ssd_part_save(sub, SSD_PART_ZNS);
	ssd_zns_changed(ns, z);
	return 0;
}
