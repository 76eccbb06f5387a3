/* SPDX-License-Identifier: BSD-3-Clause */
/* The books of the zones. */
#include "ioworker/zones.h"

#include <errno.h>
#include <stdlib.h>
#include "util/alloc.h"
#include "util/bits.h"

static void
take(struct iow_zones *s, struct iow_zone *z, const struct nvp_iow_zone *from)
{
	*z = (struct iow_zone){ .slba = from->slba, .cap = from->cap, .sent = from->wp, .done = from->wp };
	z->kept = from->kept;
	z->active = z->sent && z->sent < z->cap && !z->kept;
	s->active += z->active;
}

int
iow_zones_open(struct iow_zones *s, const struct nvp_iow_plan *p)
{
	uint32_t i;

	*s = (struct iow_zones){ .nr = p->nzones, .one_write = p->zone_one_write };
	s->width = UT_MIN(UT_MAX(p->zone_width, 1u), p->nzones);
	s->max_active = p->zone_active ? p->zone_active : UINT32_MAX;
	s->zone = ut_calloc(s->nr, sizeof(*s->zone));
	s->chosen = ut_calloc(s->width, sizeof(*s->chosen));
	if (!s->zone || !s->chosen)
		return -ENOMEM;
	for (i = 0; i < s->nr; i++)
		take(s, &s->zone[i], &p->zones[i]);
	return 0;
}

void
iow_zones_close(struct iow_zones *s)
{
	free(s->zone);
	free(s->chosen);
	*s = (struct iow_zones){ 0 };
}

static bool
has_room(const struct iow_zone *z)
{
	return !z->kept && !z->broken && !z->resetting && z->sent < z->cap;
}

static void
drop_filled(struct iow_zones *s)
{
	uint32_t i, n = 0;

	for (i = 0; i < s->nr_chosen; i++) {
		struct iow_zone *z = &s->zone[s->chosen[i]];

		z->chosen = has_room(z);
		if (z->chosen)
			s->chosen[n++] = s->chosen[i];
	}
	s->nr_chosen = n;
}

/* Another zone to write: one that has data already, or an empty one. */
static bool
choose(struct iow_zones *s, bool begun)
{
	uint32_t i, k;

	for (k = 0; k < s->nr; k++) {
		struct iow_zone *z = &s->zone[i = (s->next + k) % s->nr];

		if (!has_room(z) || z->chosen || (z->sent != 0) != begun)
			continue;
		z->chosen = true;
		s->active += !z->active;
		z->active = true;
		s->chosen[s->nr_chosen++] = i;
		s->next = (i + 1) % s->nr;
		return true;
	}
	return false;
}

uint64_t
iow_zones_choose(struct iow_zones *s)
{
	uint64_t room = 0;
	uint32_t i;

	drop_filled(s);
	while (s->nr_chosen < s->width && (choose(s, true) || (s->active < s->max_active && choose(s, false))))
		;
	for (i = 0; i < s->nr_chosen; i++)
		room += s->zone[s->chosen[i]].cap - s->zone[s->chosen[i]].sent;
	return room;
}

struct iow_zone *
iow_zones_pick(struct iow_zones *s)
{
	uint32_t i, k;

	iow_zones_choose(s);
	for (i = 0; i < s->nr_chosen; i++) {
		struct iow_zone *z = &s->zone[s->chosen[k = (s->turn + i) % s->nr_chosen]];

		if (s->one_write && z->writes)
			continue;
		s->turn = k + 1;
		return z;
	}
	return NULL;
}

struct iow_zone *
iow_zones_stale(struct iow_zones *s)
{
	uint32_t k;

	if (s->nr_chosen + s->resetting >= s->width)
		return NULL;
	for (k = 0; k < s->nr; k++) {
		struct iow_zone *z = &s->zone[(s->next + k) % s->nr];

		if (z->kept || z->resetting || z->chosen || z->writes || z->reads)
			continue;
		if (z->broken || (z->sent == z->cap && s->active < s->max_active))
			return z;
	}
	return NULL;
}

struct iow_zone *
iow_zones_filled(struct iow_zones *s, uint32_t from)
{
	uint32_t k;

	for (k = 0; k < s->nr; k++) {
		struct iow_zone *z = &s->zone[(from + k) % s->nr];

		if (z->done && !z->resetting)
			return z;
	}
	return NULL;
}

void
iow_zone_sends(struct iow_zone *z, uint32_t nlb)
{
	z->sent += nlb;
	z->writes++;
}

static void
passive(struct iow_zones *s, struct iow_zone *z)
{
	s->active -= z->active;
	z->active = false;
}

void
iow_zone_wrote(struct iow_zones *s, struct iow_zone *z, uint64_t at, uint32_t nlb, bool ok)
{
	z->writes--;
	z->broken |= !ok;
	if (ok && !z->gap && at == z->done)
		z->done += nlb;
	else
		z->gap = true;
	if (z->writes || z->broken)
		return;
	z->done = z->sent;
	z->gap = false;
	if (z->sent == z->cap)
		passive(s, z);
}

void
iow_zone_resets(struct iow_zones *s, struct iow_zone *z)
{
	z->sent = z->done = 0;
	z->resetting = true;
	s->resetting++;
}

void
iow_zone_was_reset(struct iow_zones *s, struct iow_zone *z, bool ok)
{
	z->resetting = false;
	s->resetting--;
	z->broken = !ok;
	z->kept |= !ok; /* what cannot be reset is left alone: it would be tried for ever */
	z->gap = false;
	if (ok)
		passive(s, z);
}
