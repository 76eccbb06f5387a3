/* SPDX-License-Identifier: BSD-3-Clause */
/* The zone state machine; see zone.h. */
#include "ssd/zns/zone.h"
#include <stddef.h>

/* Built in by the test that has to find it, and nowhere else. */
#ifdef ZNS_WITH_BUGS
extern int zns_bug;
#define BUG(n) (zns_bug == (n))
#else
#define BUG(n) false
#endif

void
ssd_zone_to(struct ssd_zones *s, struct ssd_zone *z, enum nvme_zs to)
{
	struct ssd_zone was = *z;

	z->zs = (uint8_t)to;
	if (!ssd_zone_open(&was) && ssd_zone_open(z))
		z->seq = le32_from(s->seq++);
	s->open = s->open + ssd_zone_open(z) - ssd_zone_open(&was);
	s->active = s->active + ssd_zone_active(z) - (BUG(1) && was.zs == NVME_ZS_CLOSED ? 0 : ssd_zone_active(&was));
	if (!ssd_zone_active(z)) {
		s->zrwa -= !!(was.za & NVME_ZA_ZRWAV);
		z->za &= (uint8_t) ~(NVME_ZA_ZRWAV | NVME_ZA_FZR);
	}
	if (to == NVME_ZS_EMPTY) {
		z->wp = le64_from(0);
		z->za = 0;
	}
}

void
ssd_zones_count(struct ssd_zones *s)
{
	s->open = s->active = s->zrwa = s->seq = 0;
	for (uint32_t i = 0; i < s->nr; i++) {
		const struct ssd_zone *z = &s->zone[i];

		s->open += ssd_zone_open(z);
		s->active += ssd_zone_active(z);
		s->zrwa += !!(z->za & NVME_ZA_ZRWAV);
		if (le32_get(z->seq) >= s->seq)
			s->seq = le32_get(z->seq) + 1;
	}
}

/* The one that was opened implicitly longest ago, but for `but`.  NULL: there is none. */
static struct ssd_zone *
oldest_implicit(struct ssd_zones *s, const struct ssd_zone *but)
{
	struct ssd_zone *best = NULL;

	for (uint32_t i = 0; i < s->nr; i++) {
		struct ssd_zone *z = &s->zone[i];

		if (z->zs != NVME_ZS_IMPLICIT || z == but)
			continue;
		if (!best || (int32_t)(le32_get(z->seq) - le32_get(best->seq)) < 0)
			best = z;
	}
	return best;
}

nvme_status
ssd_zone_room(struct ssd_zones *s, const struct ssd_zone *z, bool make)
{
	struct ssd_zone *victim;

	if (s->max_active && !ssd_zone_active(z) && s->active >= s->max_active)
		return NVME_SC_ZONE_TOO_MANY_ACTIVE;
	if (!s->max_open || ssd_zone_open(z) || s->open < s->max_open)
		return NVME_SC_SUCCESS;
	victim = oldest_implicit(s, z);
	if (!victim)
		return NVME_SC_ZONE_TOO_MANY_OPEN;
	if (make)
		ssd_zone_to(s, victim, NVME_ZS_CLOSED);
	return NVME_SC_SUCCESS;
}

/* In order: what the zone is, whether the blocks are in it, where they begin, whether it can be open. */
nvme_status
ssd_zone_writable(struct ssd_zones *s, const struct ssd_zone *z, uint64_t at, uint64_t nlb)
{
	uint64_t wp = le64_get(z->wp);

	if (z->zs == NVME_ZS_FULL)
		return NVME_SC_ZONE_IS_FULL;
	if (z->zs == NVME_ZS_READ_ONLY)
		return NVME_SC_ZONE_IS_READ_ONLY;
	if (z->zs == NVME_ZS_OFFLINE)
		return NVME_SC_ZONE_IS_OFFLINE;
	if (at + nlb > (BUG(2) ? s->zsze : s->zcap))
		return NVME_SC_ZONE_BOUNDARY;
	if (z->za & NVME_ZA_ZRWAV) {
		if (at < wp || at + nlb > wp + 2 * s->zrwasz)
			return NVME_SC_ZONE_INVALID_WRITE;
	} else if (at != wp && !(BUG(3) && at < wp)) {
		return NVME_SC_ZONE_INVALID_WRITE;
	}
	return ssd_zone_room(s, z, false);
}

static void
advance(struct ssd_zones *s, struct ssd_zone *z, uint64_t wp)
{
	z->wp = le64_from(wp);
	if (wp >= s->zcap && !BUG(4))
		ssd_zone_to(s, z, NVME_ZS_FULL);
}

/* A write beyond the area commits, in units of the flush granularity, as much as has to leave it. */
static uint64_t
implicit_commit(const struct ssd_zones *s, uint64_t wp, uint64_t end)
{
	uint64_t over;

	if (end <= wp + s->zrwasz)
		return wp;
	over = end - (wp + s->zrwasz);
	wp += (over + s->zrwafg - 1) / s->zrwafg * s->zrwafg;
	return wp < s->zcap ? wp : s->zcap;
}

void
ssd_zone_written(struct ssd_zones *s, struct ssd_zone *z, uint64_t at, uint64_t nlb)
{
	if (!ssd_zone_open(z)) {
		if (!BUG(5))
			ssd_zone_room(s, z, true);
		ssd_zone_to(s, z, NVME_ZS_IMPLICIT);
	}
	if (z->za & NVME_ZA_ZRWAV)
		advance(s, z, implicit_commit(s, le64_get(z->wp), at + nlb));
	else
		advance(s, z, at + nlb);
}

/* "Zone Random Write Area": resources are given to an Empty zone, and stay until it is not active any more. */
static nvme_status
act_open(struct ssd_zones *s, struct ssd_zone *z, bool zrwaa)
{
	bool fresh = zrwaa && !(z->za & NVME_ZA_ZRWAV);
	nvme_status st;

	if (z->zs != NVME_ZS_EMPTY && !ssd_zone_active(z))
		return NVME_SC_ZONE_INVALID_TRANSITION;
	if (fresh && z->zs != NVME_ZS_EMPTY)
		return NVME_SC_ZONE_INVALID_TRANSITION;
	if (fresh && s->zrwa >= s->max_zrwa)
		return NVME_SC_ZRWA_UNAVAILABLE;
	st = ssd_zone_room(s, z, true);
	if (st)
		return st;
	ssd_zone_to(s, z, NVME_ZS_EXPLICIT);
	if (fresh) {
		z->za |= (uint8_t)NVME_ZA_ZRWAV;
		s->zrwa++;
	}
	return NVME_SC_SUCCESS;
}

static nvme_status
act_zde(struct ssd_zones *s, struct ssd_zone *z)
{
	if (z->zs != NVME_ZS_EMPTY)
		return NVME_SC_ZONE_INVALID_TRANSITION;
	if (s->max_active && s->active >= s->max_active)
		return NVME_SC_ZONE_TOO_MANY_ACTIVE;
	ssd_zone_to(s, z, NVME_ZS_CLOSED);
	z->za |= (uint8_t)NVME_ZA_ZDEV;
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_zone_act(struct ssd_zones *s, struct ssd_zone *z, enum nvme_zsa zsa, bool zrwaa)
{
	enum nvme_zs to;
	bool ok;

	switch (zsa) {
	case NVME_ZSA_OPEN:
		return act_open(s, z, zrwaa);
	case NVME_ZSA_SET_ZDE:
		return act_zde(s, z);
	case NVME_ZSA_CLOSE:
		to = NVME_ZS_CLOSED;
		ok = ssd_zone_open(z);
		break;
	case NVME_ZSA_FINISH:
		to = NVME_ZS_FULL;
		ok = ssd_zone_active(z) || z->zs == NVME_ZS_EMPTY;
		break;
	case NVME_ZSA_RESET:
		to = NVME_ZS_EMPTY;
		ok = ssd_zone_active(z) || z->zs == NVME_ZS_FULL;
		break;
	case NVME_ZSA_OFFLINE:
		to = NVME_ZS_OFFLINE;
		ok = z->zs == NVME_ZS_READ_ONLY;
		break;
	default:
		return NVME_SC_INVALID_FIELD;
	}
	if (ok)
		ssd_zone_to(s, z, to);
	return z->zs == to ? NVME_SC_SUCCESS : NVME_SC_ZONE_INVALID_TRANSITION;
}

nvme_status
ssd_zone_commit(struct ssd_zones *s, struct ssd_zone *z, uint64_t last)
{
	uint64_t wp = le64_get(z->wp);

	if (!(z->za & NVME_ZA_ZRWAV) || !ssd_zone_active(z))
		return NVME_SC_ZONE_INVALID_OP;
	if (last >= s->zcap)
		return NVME_SC_ZONE_BOUNDARY;
	if (last < wp || last >= wp + s->zrwasz || (last + 1 - wp) % s->zrwafg)
		return NVME_SC_INVALID_FIELD;
	advance(s, z, last + 1);
	return NVME_SC_SUCCESS;
}

bool
ssd_zone_selected(const struct ssd_zone *z, enum nvme_zsa zsa)
{
	switch (zsa) {
	case NVME_ZSA_OPEN:
		return z->zs == NVME_ZS_CLOSED;
	case NVME_ZSA_CLOSE:
		return ssd_zone_open(z);
	case NVME_ZSA_FINISH:
		return ssd_zone_active(z);
	case NVME_ZSA_RESET:
		return ssd_zone_active(z) || z->zs == NVME_ZS_FULL;
	case NVME_ZSA_OFFLINE:
		return z->zs == NVME_ZS_READ_ONLY;
	default:
		return false;
	}
}

/* A zone that was opened, and never written, holds nothing that would keep it active. */
void
ssd_zones_power_on(struct ssd_zones *s)
{
	for (uint32_t i = 0; i < s->nr; i++) {
		struct ssd_zone *z = &s->zone[i];

		if (ssd_zone_active(z) && !le64_get(z->wp) && !(z->za & NVME_ZA_ZDEV))
			ssd_zone_to(s, z, NVME_ZS_EMPTY);
		else if (ssd_zone_open(z))
			ssd_zone_to(s, z, NVME_ZS_CLOSED);
	}
}
