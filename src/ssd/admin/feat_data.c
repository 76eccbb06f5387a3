/* SPDX-License-Identifier: BSD-3-Clause */
/* Features with a data structure: Timestamp and Host Behavior Support. */
#include "ssd/admin/feat.h"
#include "ssd/admin/pel.h"
#include <string.h>

void
ssd_timestamp(const struct ssd *ssd, struct nvme_timestamp *ts)
{
	const struct ssd_feat *f = &ssd->feat;
	uint64_t ms = f->timestamp_ms + (ssd->now_ns - f->timestamp_set_ns) / 1000000;

	*ts = (struct nvme_timestamp){ .attr = (uint8_t)nvme_put(NVME_TIMESTAMP_TO, f->timestamp_synced) };
	for (int i = 0; i < 6; i++)
		ts->timestamp[i] = (uint8_t)(ms >> 8 * i);
}

/* 48 bits of milliseconds since 1970, and since then what the subsystem's clock says.  NVMe Base 2.1, "Timestamp". */
nvme_status
ssd_feat_timestamp_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	struct nvme_timestamp ts, old;
	struct ssd_feat *f = &c->ssd->feat;
	nvme_status st = ssd_data(c, sizeof(ts));

	(void)cdw11;
	(void)save;
	if (!st)
		st = ssd_from_host(c, 0, &ts, sizeof(ts));
	if (st)
		return st;
	ssd_timestamp(c->ssd, &old);
	f->timestamp_ms = 0;
	for (int i = 5; i >= 0; i--)
		f->timestamp_ms = f->timestamp_ms << 8 | ts.timestamp[i];
	f->timestamp_set_ns = c->ssd->now_ns;
	f->timestamp_synced = true;
	ssd_pel_timestamp(c->ssd, &old);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_timestamp_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	struct nvme_timestamp ts = { .attr = 0 };

	(void)cdw11;
	if (sel == NVME_FEAT_SEL_CURRENT)
		ssd_timestamp(c->ssd, &ts);
	return ssd_reply(c, &ts, sizeof(ts));
}

/*
 * NVMe Base 2.1, "Host Behavior Support".  What is not there cannot be enabled: telemetry area 4,
 * dispersed namespaces, Copy formats 2h to 4h.  Advanced retry is accepted: CRDT1 to CRDT3 are 0h.
 */
nvme_status
ssd_feat_behavior_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	struct nvme_host_behavior hb;
	nvme_status st = ssd_data(c, sizeof(hb));

	(void)cdw11;
	(void)save;
	if (!st)
		st = ssd_from_host(c, 0, &hb, sizeof(hb));
	if (st)
		return st;
	if (hb.acre > 1 || hb.etdas || hb.lbafee > 1 || hb.hdisns || le16_get(hb.cdfe))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, prp1));
	c->ssd->feat.acre = hb.acre;
	c->ssd->feat.lbafee = hb.lbafee;
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_behavior_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	struct nvme_host_behavior hb = { 0 };

	(void)cdw11;
	if (sel == NVME_FEAT_SEL_CURRENT) {
		hb.acre = c->ssd->feat.acre;
		hb.lbafee = c->ssd->feat.lbafee;
	}
	return ssd_reply(c, &hb, sizeof(hb));
}
