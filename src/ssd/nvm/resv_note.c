/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reservation notifications: each controller has a queue of them, which the Reservation Notification log takes from the front.
 *
 * NVMe Base 2.1, "Reservation Notifications", "Reservation Notification" log, "Reservation Notification Mask" feature.
 */
#include "nvproof/spec/feat.h"
#include "ssd/nvm/resv.h"
#include <string.h>

/* When there is no room the notification is lost; the last one that was kept gets its number. */
static void
put(struct ssd *ssd, uint32_t nsid, uint8_t type)
{
	struct ssd_resv_notes *n = &ssd->resv_notes;

	n->count += n->count == UINT64_MAX ? 2 : 1; /* 0h means empty */
	if (n->n == SSD_RESV_NOTES) {
		n->note[n->n - 1].count = n->count;
		return;
	}
	n->note[n->n++] = (struct ssd_resv_note){ .count = n->count, .nsid = nsid, .type = type };
	ssd_event(ssd, NVME_AER_IOCS, NVME_AER_IOCS_RESV, NVME_LOG_RESV);
}

/* The bits of the mask are in the order of the types. */
static void
tell(struct ssd *ssd, const struct ssd_ns *ns, uint8_t type)
{
	if (!ssd->stopped && ssd_ns_active(ssd, ns->nsid) && !(ssd->feat.resv_mask[ns->nsid - 1] & 1u << type))
		put(ssd, ns->nsid, type);
}

void
ssd_resv_note_host(const struct ssd *by, const struct ssd_ns *ns, const struct ssd_resv_host *h, uint8_t type)
{
	if (ssd_resv_is_host(by, h))
		return;
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		struct ssd *ssd = ns->sub->ctrlr[i];

		if (ssd && ssd_resv_is_host(ssd, h))
			tell(ssd, ns, type);
	}
}

void
ssd_resv_note_all(const struct ssd *by, const struct ssd_ns *ns, uint8_t type)
{
	const struct ssd_resv_kept *r = ssd_resv_of(ns);

	for (uint32_t i = 0; i < SSD_RESV_HOSTS; i++) {
		if (r->host[i].there)
			ssd_resv_note_host(by, ns, &r->host[i], type);
	}
}

void
ssd_resv_notes_reset(struct ssd *ssd)
{
	memset(&ssd->resv_notes, 0, sizeof(ssd->resv_notes));
}

void
ssd_log_resv(struct ssd *ssd, void *buf)
{
	const struct ssd_resv_notes *n = &ssd->resv_notes;
	struct nvme_resv_log *log = buf;

	if (!n->n)
		return;
	log->lpc = le64_from(n->note[0].count);
	log->rnlpt = n->note[0].type;
	log->nalp = (uint8_t)(n->n - 1);
	log->nsid = le32_from(n->note[0].nsid);
}

void
ssd_log_resv_taken(struct ssd *ssd)
{
	struct ssd_resv_notes *n = &ssd->resv_notes;

	if (!n->n)
		return;
	n->n--;
	memmove(&n->note[0], &n->note[1], n->n * sizeof(n->note[0]));
	if (!n->n)
		ssd_event_drop(ssd, NVME_AER_IOCS, NVME_LOG_RESV);
}
