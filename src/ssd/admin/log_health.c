/* SPDX-License-Identifier: BSD-3-Clause */
/* Logs of what happened: errors, SMART, changed namespaces. */
#include "nvproof/spec/feat.h"
#include "ssd/admin/admin.h"
#include "ssd/admin/feat.h"
#include "ssd/admin/log.h"
#include "ssd/admin/sanitize.h"
#include "ssd/admin/pstate.h"
#include "ssd/core.h"
#include "ssd/fdp/fdp.h"
#include "ssd/media/flash.h"
#include <string.h>

/*
 * Newest first.   NVMe Base 2.1, "Error Information".  While data is sanitized, nobody is told where it was: NVM Command Set 1.1,
 * "Sanitize Operations".
 */
void
ssd_log_error(struct ssd *ssd, void *buf)
{
	struct nvme_error_log_entry *e = buf;
	uint64_t n = UT_MIN(ssd->error_count, SSD_ERROR_ENTRIES);

	for (uint64_t i = 0; i < n; i++)
		e[i] = ssd->errors[(ssd->error_count - 1 - i) % SSD_ERROR_ENTRIES];
	for (uint64_t i = 0; ssd_sanitize_status(ssd->sub) && i < n; i++)
		e[i].lba = le64_from(0);
}

/*
 * NVMe Base 2.1, "Asynchronous Event Information - SMART / Health Status": the spare is below its threshold; reliability is
 * compromised, by the media being read-only too.  Once each.
 */
void
ssd_media_warn(struct ssd_subsys *sub)
{
	uint8_t fresh = sub->media->warning & (uint8_t)~sub->media->warned;

	sub->media->warned |= fresh;
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (sub->ctrlr[i] && (fresh & NVME_CW_ASCBT))
			ssd_event(sub->ctrlr[i], NVME_AER_SMART, NVME_AER_SMART_SPARE, NVME_LOG_SMART);
		if (sub->ctrlr[i] && (fresh & NVME_CW_AMRO))
			ssd_event(sub->ctrlr[i], NVME_AER_SMART, NVME_AER_SMART_RELIABILITY, NVME_LOG_SMART);
		if (sub->ctrlr[i])
			ssd_endgrp_warn(sub->ctrlr[i], fresh);
	}
}

/* Of the controller; counters are the subsystem's since it was made.  Thousands are rounded up. */
void
ssd_log_smart(struct ssd *ssd, void *buf)
{
	const struct ssd_smart *s = &ssd->sub->smart;
	struct nvme_smart_log *log = buf;
	uint32_t wctt, cctt;

	ssd_temp_minutes(ssd->sub, &wctt, &cctt);
	log->cw = (uint8_t)(ssd_temp_warning(ssd) | ssd->sub->media->warning);
	log->ctemp[0] = (uint8_t)ssd->sub->temperature_k;
	log->ctemp[1] = (uint8_t)(ssd->sub->temperature_k >> 8);
	log->avsp = 100;
	log->avspt = SSD_SPARE_THRESHOLD;
	if (ssd_flash_ftl(ssd->sub->media)) {
		log->avsp = ftl_health(ssd_flash_ftl(ssd->sub->media)).spare;
		log->pused = ftl_health(ssd_flash_ftl(ssd->sub->media)).used;
	}
	log->dur[0] = le64_from((s->units_read_512 + 999) / 1000);
	log->duw[0] = le64_from((s->units_written_512 + 999) / 1000);
	log->hrc[0] = le64_from(s->host_reads);
	log->hwc[0] = le64_from(s->host_writes);
	log->cbt[0] = le64_from(s->busy_ns / 60000000000ull);
	log->pwrc[0] = le64_from(s->power_cycles);
	log->poh[0] = le64_from(s->power_on_ns / 3600000000000ull);
	log->upl[0] = le64_from(s->unsafe_shutdowns);
	log->mdie[0] = le64_from(s->media_errors);
	log->neile[0] = le64_from(s->error_entries);
	log->wctt = le32_from(wctt);
	log->cctt = le32_from(cctt);
	for (uint32_t i = 0; i < SSD_SENSORS; i++)
		log->tsen[i] = le16_from(ssd_sensor_k(ssd->sub, i + 1));
	ssd_heat_smart(ssd, log);
}

void
ssd_log_changed_ns(struct ssd *ssd, void *buf)
{
	struct nvme_ns_list *log = buf;
	uint32_t n = 0;

	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		if (ssd->changed_ns[i / 64] >> (i % 64) & 1)
			log->nsid[n++] = le32_from(i + 1);
	}
}

/* A notice that waited until now is about what the host has just read. */
void
ssd_log_changed_ns_read(struct ssd *ssd)
{
	memset(ssd->changed_ns, 0, sizeof(ssd->changed_ns));
	ssd_event_drop(ssd, NVME_AER_NOTICE, NVME_LOG_CHANGED_NS);
}
