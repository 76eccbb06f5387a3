/* SPDX-License-Identifier: BSD-3-Clause */
/* What is recorded in the Persistent Event log, and in which form.   NVMe Base 2.1, "Persistent Event Log Events". */
#include "ssd/admin/feat.h"
#include "ssd/admin/fw.h"
#include "ssd/admin/identify.h"
#include "ssd/admin/log.h"
#include "ssd/admin/pel.h"
#include "ssd/admin/sanitize.h"
#include "ssd/core.h"
#include <stdlib.h>
#include <string.h>

#define DAY_NS (24 * 3600000000000ull)
#define MS_NS 1000000u

static void
put64(le32 to[2], uint64_t v)
{
	to[0] = le32_from((uint32_t)v);
	to[1] = le32_from((uint32_t)(v >> 32));
}

/* "At least once every 24 power on hours", and once when the controller comes up. */
uint64_t
ssd_pel_tick(struct ssd *ssd)
{
	struct nvme_smart_log log;

	if (ssd->now_ns < ssd->pel_smart_ns)
		return ssd->pel_smart_ns;
	memset(&log, 0, sizeof(log));
	ssd_log_smart(ssd, &log);
	ssd_pel_add(ssd->sub, ssd, NVME_PEL_SMART, &log, sizeof(log));
	ssd->pel_smart_ns = ssd->now_ns + DAY_NS;
	return ssd->pel_smart_ns;
}

static void
reset_info(const struct ssd *ssd, bool fwact, struct nvme_pel_reset *r)
{
	struct nvme_timestamp ts;

	*r = (struct nvme_pel_reset){
		.cid = le16_from(ssd->cntlid),
		.fwact = fwact,
		.cpc = le32_from((uint32_t)ssd->sub->smart.power_cycles),
	};
	put64(r->poms, ssd->sub->smart.power_on_ns / MS_NS);
	ssd_timestamp(ssd, &ts);
	memcpy(r->cts, &ts, sizeof(ts));
}

void
ssd_pel_reset(struct ssd *ssd)
{
	uint8_t data[8 + sizeof(struct nvme_pel_reset)];
	struct nvme_pel_reset r;

	reset_info(ssd, ssd->sub->fw.activated, &r);
	ssd->sub->fw.activated = false;
	memcpy(data, ssd->sub->fw.fr, 8);
	memcpy(data + 8, &r, sizeof(r));
	ssd_pel_add(ssd->sub, ssd, NVME_PEL_RESET, data, sizeof(data));
}

void
ssd_pel_power_on(struct ssd_subsys *sub, bool unsafe)
{
	const struct nvme_pel_hw_error e = { .code = le16_from(NVME_PEL_HW_UNSAFE_SHUTDOWN) };
	uint8_t data[8 + SSD_MAX_CTRLRS * sizeof(struct nvme_pel_reset)];
	struct nvme_pel_reset r;
	size_t len = 8;

	memcpy(data, sub->fw.fr, 8);
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (!sub->ctrlr[i])
			continue;
		reset_info(sub->ctrlr[i], sub->fw.activated, &r);
		memcpy(data + len, &r, sizeof(r));
		len += sizeof(r);
	}
	sub->fw.activated = false;
	if (unsafe)
		ssd_pel_add(sub, NULL, NVME_PEL_HW_ERROR, &e, sizeof(e));
	ssd_pel_add(sub, NULL, NVME_PEL_RESET, data, len);
}

void
ssd_pel_hw_error(struct ssd *ssd, enum nvme_pel_hw_error_code code)
{
	const struct nvme_pel_hw_error e = { .code = le16_from((uint16_t)code) };

	ssd_pel_add(ssd->sub, ssd, NVME_PEL_HW_ERROR, &e, sizeof(e));
}

void
ssd_pel_fw_commit(struct ssd_cmd *c, const char old[8], const char new[8], nvme_status st)
{
	uint32_t cdw10 = le32_get(c->sqe->cdw10);
	struct nvme_pel_fw_commit e = {
		.fca = (uint8_t)nvme_get(cdw10, NVME_FW_CA),
		.fslt = (uint8_t)nvme_get(cdw10, NVME_FW_FS),
		.sct = (uint8_t)nvme_get(st == SSD_PENDING ? 0 : st, NVME_STATUS_SCT),
		.sc = (uint8_t)nvme_get(st == SSD_PENDING ? 0 : st, NVME_STATUS_SC),
	};

	memcpy(e.ofr, old, 8);
	memcpy(e.nfr, new, 8);
	ssd_pel_add(c->ssd->sub, c->ssd, NVME_PEL_FW_COMMIT, &e, sizeof(e));
}

void
ssd_pel_timestamp(struct ssd *ssd, const struct nvme_timestamp *old)
{
	struct nvme_pel_timestamp e;

	memcpy(e.ptstp, old, sizeof(e.ptstp));
	put64(e.msr, (ssd->now_ns - ssd->reset_ns) / MS_NS);
	ssd_pel_add(ssd->sub, ssd, NVME_PEL_TIMESTAMP, &e, sizeof(e));
}

void
ssd_pel_format_start(struct ssd_cmd *c, uint8_t fna)
{
	const struct nvme_pel_format_start e = { .nsid = c->sqe->nsid, .fna = fna, .cdw10 = c->sqe->cdw10 };

	ssd_pel_add(c->ssd->sub, c->ssd, NVME_PEL_FORMAT_START, &e, sizeof(e));
}

void
ssd_pel_format_done(struct ssd_cmd *c, nvme_status st)
{
	const struct nvme_pel_format_done e = { .nsid = c->sqe->nsid, .sf = le32_from(st) };

	ssd_pel_add(c->ssd->sub, c->ssd, NVME_PEL_FORMAT_DONE, &e, sizeof(e));
}

void
ssd_pel_ns_change(struct ssd_cmd *c, const struct ssd_ns *ns)
{
	const struct nvme_pel_ns_change e = {
		.cdw10 = c->sqe->cdw10,
		.nsze = le64_from(ns->nsze),
		.ncap = le64_from(ns->nsze),
		.flbas = (uint8_t)(nvme_put(NVME_FLBAS_FIDXL, ns->format.lbaf) |
				   nvme_put(NVME_FLBAS_FIDXU, ns->format.lbaf >> 4) |
				   nvme_put(NVME_FLBAS_MTELBA, ns->format.extended)),
		.dps = (uint8_t)(nvme_put(NVME_DPS_PIT, ns->format.pi) | nvme_put(NVME_DPS_PIP, ns->format.pi_first)),
		.nmic = ns->nmic,
		.nsid = le32_from(ns->nsid),
	};

	ssd_pel_add(c->ssd->sub, c->ssd, NVME_PEL_NS_CHANGE, &e, sizeof(e));
}

void
ssd_pel_sanitize_start(struct ssd *ssd, uint32_t cdw10, uint32_t cdw11)
{
	const struct nvme_pel_sanitize_start e = { .sanicap = le32_from(SSD_SANICAP),
						   .cdw10 = le32_from(cdw10),
						   .cdw11 = le32_from(cdw11) };

	ssd_pel_add(ssd->sub, ssd, NVME_PEL_SANITIZE_START, &e, sizeof(e));
}

void
ssd_pel_sanitize_done(struct ssd_subsys *sub, const struct ssd *ssd)
{
	struct nvme_pel_sanitize_done e = { .ci = le16_from(0) };
	struct nvme_sanitize_log log = { .sprog = le16_from(0) };

	ssd_sanitize_log(sub, &log);
	e.sprog = log.sprog;
	e.sstat = log.sstat;
	ssd_pel_add(sub, ssd, NVME_PEL_SANITIZE_DONE, &e, sizeof(e));
}

static void
thermal(struct ssd_subsys *sub, enum nvme_pel_thresh thresh, uint32_t at)
{
	int delta = abs((int)sub->temperature_k - (int)at);
	const struct nvme_pel_thermal e = { .otmp = (uint8_t)UT_MIN(delta, 255), .thresh = (uint8_t)thresh };

	ssd_pel_add(sub, NULL, NVME_PEL_THERMAL, &e, sizeof(e));
}

/* Up through a threshold (0: there is none). */
static void
rise(struct ssd_subsys *sub, uint16_t was, uint32_t at, enum nvme_pel_thresh thresh)
{
	if (at && was < at && sub->temperature_k >= at)
		thermal(sub, thresh, at);
}

void
ssd_pel_temperature(struct ssd_subsys *sub, uint16_t was)
{
	rise(sub, was, ssd_wctemp(sub), NVME_PEL_THRESH_WCTEMP);
	rise(sub, was, ssd_cctemp(sub), NVME_PEL_THRESH_CCTEMP);
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		const struct ssd *ssd = sub->ctrlr[i];

		if (!ssd)
			continue;
		rise(sub, was, nvme_get32(ssd->feat.hctm, NVME_FEAT_HCTM_TMT1), NVME_PEL_THRESH_TMT1);
		rise(sub, was, nvme_get32(ssd->feat.hctm, NVME_FEAT_HCTM_TMT2), NVME_PEL_THRESH_TMT2);
		if (was > ssd->feat.temp_under && sub->temperature_k <= ssd->feat.temp_under)
			thermal(sub, NVME_PEL_THRESH_UNDER, ssd->feat.temp_under);
	}
	if (was >= ssd_wctemp(sub) && sub->temperature_k < ssd_wctemp(sub))
		thermal(sub, NVME_PEL_THRESH_NORMAL, ssd_wctemp(sub));
}
