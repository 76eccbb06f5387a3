/* SPDX-License-Identifier: BSD-3-Clause */
/* The reservation of a namespace: registrants, the holder, and what is left of them after resets and power cycles. */
#include "ssd/nvm/resv.h"
#include <string.h>

static const uint8_t no_id[16];

struct ssd_resv_kept *
ssd_resv_of(const struct ssd_ns *ns)
{
	return &ns->sub->resv[ns->nsid - 1];
}

bool
ssd_resv_is_host(const struct ssd *ssd, const struct ssd_resv_host *h)
{
	const struct ssd_feat *f = &ssd->feat;

	if (memcmp(h->id, f->host_id, sizeof(h->id)))
		return false;
	return memcmp(h->id, no_id, sizeof(h->id)) ? h->wide == f->host_id_wide : le16_get(h->cntlid) == ssd->cntlid;
}

uint32_t
ssd_resv_find(const struct ssd *ssd, const struct ssd_resv_kept *r)
{
	for (uint32_t i = 0; i < SSD_RESV_HOSTS; i++) {
		if (r->host[i].there && ssd_resv_is_host(ssd, &r->host[i]))
			return i;
	}
	return SSD_RESV_NOBODY;
}

bool
ssd_resv_holds(const struct ssd_resv_kept *r, uint32_t i)
{
	if (!r->rtype || i == SSD_RESV_NOBODY)
		return false;
	return ssd_resv_all_registrants(r->rtype) || i == r->holder;
}

/* Figures "Command Behavior in the Presence of a Reservation". */
bool
ssd_resv_conflict(const struct ssd *ssd, const struct ssd_ns *ns, bool write)
{
	const struct ssd_resv_kept *r = ssd_resv_of(ns);
	uint32_t me = ssd_resv_find(ssd, r);

	if (ssd_resv_holds(r, me))
		return false;
	switch (r->rtype) {
	case NVME_RTYPE_WE:
		return write;
	case NVME_RTYPE_EA:
		return true;
	case NVME_RTYPE_WERO:
	case NVME_RTYPE_WEAR:
		return write && me == SSD_RESV_NOBODY;
	case NVME_RTYPE_EARO:
	case NVME_RTYPE_EAAR:
		return me == SSD_RESV_NOBODY;
	default:
		return false;
	}
}

bool
ssd_resv_add(const struct ssd *ssd, struct ssd_resv_kept *r, uint64_t key)
{
	for (uint32_t i = 0; i < SSD_RESV_HOSTS; i++) {
		struct ssd_resv_host *h = &r->host[i];

		if (h->there)
			continue;
		*h = (struct ssd_resv_host){ .rkey = le64_from(key),
					     .there = 1,
					     .wide = ssd->feat.host_id_wide,
					     .cntlid = le16_from(ssd->cntlid) };
		memcpy(h->id, ssd->feat.host_id, sizeof(h->id));
		return true;
	}
	return false;
}

/* The last of all registrants takes their reservation with it; another one only its own. */
bool
ssd_resv_remove(struct ssd_resv_kept *r, uint32_t i)
{
	bool held = ssd_resv_holds(r, i);
	uint32_t left = 0;

	r->host[i] = (struct ssd_resv_host){ .there = 0 };
	for (uint32_t k = 0; k < SSD_RESV_HOSTS; k++)
		left += r->host[k].there;
	if (!held || (ssd_resv_all_registrants(r->rtype) && left))
		return false;
	r->rtype = NVME_RTYPE_NONE;
	r->holder = SSD_RESV_NOBODY;
	return true;
}

void
ssd_resv_changed(struct ssd_ns *ns)
{
	ssd_ns_gate(ns->sub);
	ssd_part_save(ns->sub, SSD_PART_RESV);
}

nvme_status
ssd_resv_check(struct ssd_cmd *c, uint64_t crkey, uint32_t *me)
{
	const struct ssd_resv_kept *r = ssd_resv_of(c->ns);

	if (le32_get(c->sqe->cdw10) & NVME_RESV_IEKEY)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw10));
	*me = ssd_resv_find(c->ssd, r);
	if (*me == SSD_RESV_NOBODY || le64_get(r->host[*me].rkey) != crkey)
		return ssd_fail(c, NVME_SC_RESV_CONFLICT, offsetof(struct nvme_sqe, prp1));
	return NVME_SC_SUCCESS;
}

static void
clear(struct ssd_resv_kept *r)
{
	*r = (struct ssd_resv_kept){ .holder = SSD_RESV_NOBODY };
}

void
ssd_resv_init(struct ssd_subsys *sub)
{
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++)
		clear(&sub->resv[i]);
}

static bool
kept_ok(const struct ssd_resv_kept *r)
{
	if (r->rtype > NVME_RTYPE_EAAR || r->ptpl > 1 || (r->holder >= SSD_RESV_HOSTS && r->holder != SSD_RESV_NOBODY))
		return false;
	for (uint32_t i = 0; i < SSD_RESV_HOSTS; i++) {
		if (r->host[i].there > 1 || r->host[i].wide > 1)
			return false;
	}
	if (!r->rtype || ssd_resv_all_registrants(r->rtype))
		return r->holder == SSD_RESV_NOBODY;
	return r->holder != SSD_RESV_NOBODY && r->host[r->holder].there;
}

bool
ssd_resv_kept_ok(const struct ssd_subsys *sub)
{
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		if (!kept_ok(&sub->resv[i]))
			return false;
	}
	return true;
}

static bool
nameless(const struct ssd_resv_host *h)
{
	return h->there && !memcmp(h->id, no_id, sizeof(h->id));
}

/* Without Persist Through Power Loss a namespace forgets; who had no Host Identifier is gone in any case. */
static bool
forget(const struct ssd_ns *ns, struct ssd_resv_kept *r)
{
	const struct ssd_resv_kept was = *r;

	if (!r->ptpl || !ns->nsze)
		clear(r);
	for (uint32_t k = 0; k < SSD_RESV_HOSTS; k++) {
		if (nameless(&r->host[k]))
			ssd_resv_remove(r, k);
	}
	return memcmp(r, &was, sizeof(was)) != 0;
}

void
ssd_resv_power_lost(struct ssd_subsys *sub)
{
	bool changed = false;

	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++)
		changed |= forget(&sub->ns[i], &sub->resv[i]);
	if (!changed)
		return;
	ssd_ns_gate(sub);
	ssd_part_save(sub, SSD_PART_RESV);
}

/* Who used no Host Identifier is somebody else after a Controller Level Reset. */
void
ssd_resv_ctrlr_reset(struct ssd *ssd)
{
	ssd_resv_notes_reset(ssd);
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		struct ssd_ns *ns = &ssd->sub->ns[i];
		struct ssd_resv_kept *r = &ssd->sub->resv[i];
		uint8_t rtype = r->rtype;
		bool changed = false, released = false;

		for (uint32_t k = 0; ns->nsze && k < SSD_RESV_HOSTS; k++) {
			const struct ssd_resv_host *h = &r->host[k];

			if (!nameless(h) || le16_get(h->cntlid) != ssd->cntlid)
				continue;
			released = ssd_resv_remove(r, k);
			changed = true;
		}
		if (released && (rtype == NVME_RTYPE_WERO || rtype == NVME_RTYPE_EARO))
			ssd_resv_note_all(ssd, ns, NVME_RNLPT_RESV_RELEASED);
		if (changed)
			ssd_resv_changed(ns);
	}
}

void
ssd_resv_ns_deleted(struct ssd_ns *ns)
{
	clear(ssd_resv_of(ns));
	ssd_resv_changed(ns);
}
