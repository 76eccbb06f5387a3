/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The endurance group of drives with Flexible Data Placement: all there is.   NVMe Base 2.2, "Endurance Groups", "Endurance
 * Group Information", "Endurance Group Event Aggregate", "Endurance Group Event Configuration".
 */
#include "nvproof/spec/feat.h"
#include "nvproof/spec/id_lists.h"
#include "ssd/admin/feat.h"
#include "ssd/fdp/fdp.h"
#include "ssd/media/flash.h"

#define BILLION 1000000000ull

static uint64_t
billions(uint64_t bytes)
{
	return (bytes + BILLION - 1) / BILLION;
}

void
ssd_log_endgrp(struct ssd *ssd, void *buf)
{
	const struct ssd_subsys *sub = ssd->sub;
	struct ftl_health h = ftl_health(ssd_flash_ftl(sub->media));
	struct nvme_endgrp_log *log = buf;
	struct ssd_stats s;

	ssd_get_stats(sub, &s);
	log->cw = sub->media->warning;
	log->avsp = h.spare;
	log->avspt = SSD_SPARE_THRESHOLD;
	log->pused = h.used;
	log->dur[0] = le64_from(billions(sub->smart.units_read_512 * 512));
	log->duw[0] = le64_from(billions(sub->smart.units_written_512 * 512));
	log->muw[0] = le64_from(billions(s.flash_programmed_bytes));
	log->hrc[0] = le64_from(sub->smart.host_reads);
	log->hwc[0] = le64_from(sub->smart.host_writes);
	log->mdie[0] = le64_from(sub->smart.media_errors);
	log->neile[0] = le64_from(sub->smart.error_entries);
	log->tegcap[0] = le64_from(sub->capacity);
	log->uegcap[0] = le64_from(ssd_ns_unallocated(sub));
}

void
ssd_log_endgrp_agg(struct ssd *ssd, void *buf)
{
	struct nvme_endgrp_agg_log *log = buf;

	log->nument = le64_from(ssd->endgrp_event);
	log->endgid[0] = le16_from(ssd->endgrp_event ? SSD_ENDGID : 0);
}

void
ssd_log_endgrp_agg_read(struct ssd *ssd)
{
	ssd->endgrp_event = false;
	ssd_event_drop(ssd, NVME_AER_NOTICE, NVME_LOG_ENDGRP_AGG);
}

/* The bits of the critical warnings are where SMART has them. */
void
ssd_endgrp_warn(struct ssd *ssd, uint8_t fresh)
{
	if (!(fresh & ssd->feat.endgrp_warnings) || ssd->endgrp_event)
		return;
	ssd->endgrp_event = true;
	ssd_event(ssd, NVME_AER_NOTICE, NVME_AER_NOTICE_ENDGRP, NVME_LOG_ENDGRP_AGG);
}

nvme_status
ssd_feat_endgrp_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	const uint64_t bits = NVME_CW_ASCBT | NVME_CW_NDR | NVME_CW_AMRO;

	(void)save;
	if (nvme_get(cdw11, NVME_FEAT_EGE_ENDGID) != SSD_ENDGID)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, SSD_FEAT_CDW11);
	c->ssd->feat.endgrp_warnings = (uint8_t)(nvme_get(cdw11, NVME_FEAT_EGE_EGCW) & bits);
	ssd_endgrp_warn(c->ssd, c->ssd->sub->media->warning);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_endgrp_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	uint8_t warnings = sel == NVME_FEAT_SEL_CURRENT ? c->ssd->feat.endgrp_warnings : 0;

	if (nvme_get(cdw11, NVME_FEAT_EGE_ENDGID) != SSD_ENDGID)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, SSD_FEAT_CDW11);
	c->dw0 = SSD_ENDGID | nvme_put32(NVME_FEAT_EGE_EGCW, warnings);
	return NVME_SC_SUCCESS;
}

/* CNS 19h: identifiers from CNSSID on. */
nvme_status
ssd_id_endgrp_list(struct ssd_cmd *c, void *buf)
{
	struct nvme_endgrp_list *list = buf;

	if (!ssd_fdp_there(c->ssd->sub))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw10));
	if ((le32_get(c->sqe->cdw11) & 0xffff) > SSD_ENDGID)
		return NVME_SC_SUCCESS;
	list->num = le16_from(1);
	list->endgid[0] = le16_from(SSD_ENDGID);
	return NVME_SC_SUCCESS;
}
