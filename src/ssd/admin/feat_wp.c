/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Namespace Write Protection.  It holds on every controller and survives resets and power cycles.  "Until power cycle" and
 * "permanent" are not announced in NWPC: they need a Replay Protected Memory Block, which is not there.
 *
 * NVMe Base 2.1, "Namespace Write Protection Config", "Namespace Write Protection".
 */
#include "ssd/admin/feat.h"
#include "ssd/nvm/streams.h"

static void
protect(struct ssd *by, struct ssd_ns *ns, uint8_t wps)
{
	if (ns->wps == wps)
		return;
	ns->wps = wps;
	if (wps)
		ssd_streams_ns_protected(ns);
	ssd_ns_changed(by, ns, ns->attached); /* NSATTR */
}

/* What is in the volatile write cache is made durable before the namespace is protected. */
nvme_status
ssd_feat_wp_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	struct ssd_subsys *sub = c->ssd->sub;
	uint8_t wps = (uint8_t)nvme_get(cdw11, NVME_FEAT_WP_WPS);

	(void)save;
	if (wps > NVME_WPS_WRITE_PROTECT)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, SSD_FEAT_CDW11);
	if (wps && sub->media->ops->flush(sub->media))
		return NVME_SC_INTERNAL;
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		if (c->ns ? c->ns == &sub->ns[i] : ssd_ns_active(c->ssd, i + 1) != NULL)
			protect(c->ssd, &sub->ns[i], wps);
	}
	ssd_ns_gate(sub);
	ssd_ns_save(sub);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_wp_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	(void)cdw11;
	c->dw0 = sel == NVME_FEAT_SEL_CURRENT ? c->ns->wps : NVME_WPS_NONE;
	return NVME_SC_SUCCESS;
}
