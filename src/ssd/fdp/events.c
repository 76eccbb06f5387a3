/* SPDX-License-Identifier: BSD-3-Clause */
/* What happened to reclaim units and their handles.   NVMe Base 2.2, "FDP Events". */
#include "ssd/fdp/fdp.h"
#include "ssd/admin/feat.h"
#include "ssd/media/flash.h"
#include <string.h>

const uint8_t ssd_fdp_event_types[SSD_FDP_EVENT_TYPES] = {
	NVME_FDP_EVENT_RUNFW, NVME_FDP_EVENT_RUTLE,   NVME_FDP_EVENT_RESET,
	NVME_FDP_EVENT_PID,   NVME_FDP_EVENT_REALLOC, NVME_FDP_EVENT_MODIFY,
};

int
ssd_fdp_event_index(uint8_t type)
{
	const uint8_t *at = memchr(ssd_fdp_event_types, type, SSD_FDP_EVENT_TYPES);

	return at ? (int)(at - ssd_fdp_event_types) : -1;
}

/* The first placement identifier that has the handle; of one namespace, or of any. */
static const struct ssd_ns *
whose(struct ssd_subsys *sub, const struct ssd_fdp_note *note, uint32_t *pid)
{
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		struct ssd_ns *ns = &sub->ns[i];

		for (*pid = 0; ns->fdp && (!note->ns || note->ns == ns) && *pid < ssd_fdp_ns_count(ns); ++*pid) {
			if (ssd_fdp_ns_ruh(ns, *pid) == note->ruh)
				return ns;
		}
	}
	return NULL;
}

static void
stamp(const struct ssd *ssd, uint64_t ago_ns, uint8_t *out)
{
	struct nvme_timestamp ts;
	uint64_t ms = 0;

	ssd_timestamp(ssd, &ts);
	for (int i = 5; i >= 0; i--)
		ms = ms << 8 | ts.timestamp[i];
	ms -= UT_MIN(ms, ago_ns / 1000000);
	for (int i = 0; i < 6; i++)
		ts.timestamp[i] = (uint8_t)(ms >> 8 * i);
	memcpy(out, &ts, sizeof(ts));
}

static void
specific(struct nvme_fdp_event *e, const struct ssd_fdp_note *note)
{
	struct nvme_fdp_realloc r = { .sef = note->nlb ? NVME_FDP_REALLOC_LBAV : 0,
				      .nlbam = le16_from((uint16_t)UT_MIN(note->nlb, UINT16_MAX)) };

	if (note->type != NVME_FDP_EVENT_REALLOC)
		return;
	for (int i = 0; i < 8; i++)
		r.lba[i] = (uint8_t)((note->nlb ? note->lba : 0) >> 8 * i);
	memcpy(e->specific, &r, sizeof(r));
}

/* The oldest is forgotten for the newest. */
static struct nvme_fdp_event *
room(struct ssd_fdp_events *ring)
{
	uint32_t n = le32_get(ring->n);

	if (n == NVME_FDP_EVENTS_MAX)
		memmove(&ring->event[0], &ring->event[1], --n * sizeof(ring->event[0]));
	ring->n = le32_from(n + 1);
	return &ring->event[n];
}

void
ssd_fdp_event(struct ssd *ssd, const struct ssd_fdp_note *note)
{
	struct ssd_fdp_kept *k = &ssd->sub->fdp.kept;
	uint32_t pid = note->pid;
	const struct ssd_ns *ns = pid == SSD_FDP_ANY_PID ? whose(ssd->sub, note, &pid) : note->ns;
	struct nvme_fdp_event *e;

	if (!(k->filter[note->ruh] >> ssd_fdp_event_index(note->type) & 1))
		return;
	e = room(&k->events[note->type >= NVME_FDP_EVENT_REALLOC]);
	*e = (struct nvme_fdp_event){ .type = note->type };
	stamp(ssd, note->ago_ns, e->timestamp);
	if (ns) {
		e->fdpef = (uint8_t)(NVME_FDPEF_PIV | NVME_FDPEF_NSIDV);
		e->pid = le16_from((uint16_t)pid);
		e->nsid = le32_from(ns->nsid);
	}
	if (!note->nowhere) {
		e->fdpef |= (uint8_t)NVME_FDPEF_LV;
		e->ruhid = le16_from((uint16_t)note->ruh);
	}
	specific(e, note);
}

/* Data or metadata of a namespace: only the former are logical blocks of their own. */
static void
realloc_event(struct ssd *ssd, const struct ftl_realloc *r)
{
	uint64_t off = (uint64_t)r->unit * NAND_UNIT, len = (uint64_t)r->count * NAND_UNIT;

	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		struct ssd_ns *ns = &ssd->sub->ns[i];
		uint64_t at = off - ns->media_off, room = ns->nsze << ns->lba_shift;

		if (!ns->fdp || off < ns->media_off || at >= room)
			continue;
		ssd_fdp_event(ssd, &(struct ssd_fdp_note){
					   .type = NVME_FDP_EVENT_REALLOC,
					   .ruh = r->place,
					   .ago_ns = ssd->now_ns - UT_MIN(r->ns, ssd->now_ns),
					   .ns = ns,
					   .pid = SSD_FDP_ANY_PID,
					   .lba = at >> ns->lba_shift,
					   .nlb = (uint32_t)(UT_MIN(len, room - at) >> ns->lba_shift),
				   });
	}
}

/* What had been moved before is no longer anywhere that a handle knows of. */
void
ssd_fdp_reallocs(struct ssd *ssd)
{
	const struct ftl *ftl = ssd_flash_ftl(ssd->sub->media);
	uint64_t end = ftl_reallocs(ftl), n = ssd->sub->fdp.reallocs;

	if (end > FTL_REALLOCS)
		n = UT_MAX(n, end - FTL_REALLOCS);
	for (; n < end; n++) {
		if (ftl_realloc(ftl, n)->place < ssd_fdp_handles(ssd->sub))
			realloc_event(ssd, ftl_realloc(ftl, n));
	}
	ssd->sub->fdp.reallocs = end;
}
