/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asynchronous events: what happened waits here until the host has an Asynchronous Event Request outstanding.
 *
 * Reporting an event masks its type until the host reads the log that belongs to it; events that come meanwhile wait.
 * The same event waits only once.
 *
 * NVMe Base, "Asynchronous Event Request command"; "Asynchronous Event Configuration" feature.
 */
#include "ssd/core.h"
#include "ssd/fault/fault.h"
#include "ssd/zns/zns.h"
#include "nvproof/spec/feat.h"
#include <string.h>

/* The bit of the configuration feature that lets an event through; 0: it cannot be configured. */
static uint32_t
config_bit(uint8_t type, uint8_t info)
{
	static const uint32_t smart[] = {
		[NVME_AER_SMART_RELIABILITY] = 1u << 2,
		[NVME_AER_SMART_TEMPERATURE] = 1u << 1,
		[NVME_AER_SMART_SPARE] = 1u << 0,
	};
	static const uint32_t notice[] = {
		[NVME_AER_NOTICE_NS_ATTR] = (uint32_t)NVME_FEAT_AEC_ATTR,
		[NVME_AER_NOTICE_FW_ACTIVATION] = (uint32_t)NVME_FEAT_AEC_FAN,
		[NVME_AER_NOTICE_TELEMETRY] = (uint32_t)NVME_FEAT_AEC_TLN,
		[NVME_AER_NOTICE_ANA] = (uint32_t)NVME_FEAT_AEC_ANACN,
		[NVME_AER_NOTICE_PLEA] = (uint32_t)NVME_FEAT_AEC_PLEALCN,
		[NVME_AER_NOTICE_LBA_STATUS] = (uint32_t)NVME_FEAT_AEC_LSIAN,
		[NVME_AER_NOTICE_ENDGRP] = (uint32_t)NVME_FEAT_AEC_EGEALCN,
	};

	if (type == NVME_AER_NOTICE && info == NVME_AER_NOTICE_ZONE_DESC)
		return (uint32_t)NVME_FEAT_AEC_ZDCN;
	if (type == NVME_AER_SMART && info < UT_ARRAY_LEN(smart))
		return smart[info];
	if (type == NVME_AER_NOTICE && info < UT_ARRAY_LEN(notice))
		return notice[info];
	return 0;
}

void
ssd_event(struct ssd *ssd, uint8_t type, uint8_t info, uint8_t lid)
{
	uint32_t dw0 =
		nvme_put32(NVME_AER_TYPE, type) | nvme_put32(NVME_AER_INFO, info) | nvme_put32(NVME_AER_LID, lid);
	uint32_t bit = config_bit(type, info);

	uint64_t wrong;

	if (ssd->stopped || (bit && !(ssd->feat.aec & bit)) || ssd_fault(ssd, SSD_FAULT_AER_LOST, &wrong))
		return;
	if (ssd_fault(ssd, SSD_FAULT_AER_WRONG, &wrong))
		dw0 ^= nvme_put32(NVME_AER_INFO, wrong & 0xff);
	for (uint32_t i = 0; i < ssd->nr_aer_events; i++) {
		if (ssd->aer_events[i] == dw0)
			return;
	}
	if (ssd->nr_aer_events < SSD_MAX_EVENTS)
		ssd->aer_events[ssd->nr_aer_events++] = dw0;
}

void
ssd_event_drop(struct ssd *ssd, uint8_t type, uint8_t lid)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ssd->nr_aer_events; i++) {
		uint32_t dw0 = ssd->aer_events[i];

		if (nvme_get(dw0, NVME_AER_TYPE) != type || nvme_get(dw0, NVME_AER_LID) != lid)
			ssd->aer_events[n++] = dw0;
	}
	ssd->nr_aer_events = n;
}

void
ssd_event_all(struct ssd_subsys *sub, uint8_t type, uint8_t info, uint8_t lid)
{
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (sub->ctrlr[i])
			ssd_event(sub->ctrlr[i], type, info, lid);
	}
}

void
ssd_event_unmask(struct ssd *ssd, uint8_t lid)
{
	for (uint32_t type = 0; type < UT_ARRAY_LEN(ssd->aer_lid); type++) {
		if ((ssd->aer_masked & 1u << type) && ssd->aer_lid[type] == lid)
			ssd->aer_masked &= ~(1u << type);
	}
}

nvme_status
ssd_aer_add(struct ssd *ssd, uint16_t cid)
{
	if (ssd->nr_aers == ssd->sub->cfg.profile.aers)
		return NVME_SC_AER_LIMIT;
	ssd->aer_cid[ssd->nr_aers++] = cid;
	return NVME_SC_SUCCESS;
}

static void
aer_drop(struct ssd *ssd, uint32_t i)
{
	ssd->nr_aers--;
	memmove(&ssd->aer_cid[i], &ssd->aer_cid[i + 1], (ssd->nr_aers - i) * sizeof(ssd->aer_cid[0]));
}

bool
ssd_aer_take(struct ssd *ssd, uint16_t cid)
{
	for (uint32_t i = 0; i < ssd->nr_aers; i++) {
		if (ssd->aer_cid[i] == cid) {
			aer_drop(ssd, i);
			return true;
		}
	}
	return false;
}

/* The oldest event whose type is not masked, taken from the list. */
static bool
event_next(struct ssd *ssd, uint32_t *dw0)
{
	for (uint32_t i = 0; i < ssd->nr_aer_events; i++) {
		*dw0 = ssd->aer_events[i];
		if (ssd->aer_masked & 1u << nvme_get(*dw0, NVME_AER_TYPE))
			continue;
		ssd->nr_aer_events--;
		memmove(&ssd->aer_events[i], &ssd->aer_events[i + 1],
			(ssd->nr_aer_events - i) * sizeof(ssd->aer_events[0]));
		return true;
	}
	return false;
}

/* Immediate and one-shot events have no log that could clear them. */
static void
event_mask(struct ssd *ssd, uint32_t dw0)
{
	uint32_t type = nvme_get32(dw0, NVME_AER_TYPE);

	if (type == NVME_AER_IMMEDIATE || type == NVME_AER_ONE_SHOT)
		return;
	ssd->aer_masked |= 1u << type;
	ssd->aer_lid[type] = (uint8_t)nvme_get(dw0, NVME_AER_LID);
}

/* Event Specific Parameter: the namespace whose zones changed. */
static uint32_t
event_dw1(const struct ssd *ssd, uint32_t dw0)
{
	return nvme_get(dw0, NVME_AER_LID) == NVME_LOG_ZNS_CHANGED ? ssd_zns_event_nsid(ssd) : 0;
}

bool
ssd_aer_deliver(struct ssd *ssd)
{
	struct ssd_sq *sq = &ssd->sq[0];
	bool any = false;
	uint32_t dw0;

	while (ssd->nr_aers && ssd->nr_aer_events && !ssd->stopped && ssd_cq_room(ssd, sq->cq) &&
	       event_next(ssd, &dw0)) {
		uint16_t cid = ssd->aer_cid[0];

		aer_drop(ssd, 0);
		event_mask(ssd, dw0);
		ssd_cqe_post(ssd, sq, cid, dw0, event_dw1(ssd, dw0), NVME_SC_SUCCESS);
		any = true;
	}
	return any;
}

void
ssd_aer_reset(struct ssd *ssd)
{
	ssd->nr_aers = 0;
	ssd->nr_aer_events = 0;
	ssd->aer_masked = 0;
}
