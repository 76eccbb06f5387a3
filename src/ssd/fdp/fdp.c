/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reclaim units: which one a handle is at, when it goes on to the next, and what the host is told of that.   NVMe Base 2.2,
 * "Flexible Data Placement".
 */
#include "ssd/fdp/fdp.h"
#include "nvproof/spec/nvm.h"
#include "ssd/media/flash.h"
#include <string.h>

uint32_t
ssd_fdp_handles(const struct ssd_subsys *sub)
{
	return sub->cfg.profile.fdp.handles;
}

bool
ssd_fdp_there(const struct ssd_subsys *sub)
{
	return ssd_fdp_handles(sub) && ssd_flash_places(sub->media) >= ssd_fdp_handles(sub);
}

bool
ssd_fdp_on(const struct ssd_subsys *sub)
{
	return sub->fdp.kept.enabled;
}

/* The counters of the flash are those of all its life. */
static void
start_counting(struct ssd_subsys *sub)
{
	struct ssd_stats s;

	ssd_get_stats(sub, &s);
	sub->fdp.kept.base[0] = le64_from(s.flash_host_bytes);
	sub->fdp.kept.base[1] = le64_from(s.flash_programmed_bytes);
	sub->fdp.kept.base[2] = le64_from(s.flash_erases);
}

/* The namespaces of the configuration share all handles. */
void
ssd_fdp_init(struct ssd_subsys *sub)
{
	struct ssd_fdp_kept *k = &sub->fdp.kept;

	memset(k, 0, sizeof(*k));
	if (!ssd_fdp_there(sub))
		return;
	k->enabled = sub->cfg.profile.fdp.enabled;
	for (uint32_t i = 0; i < sub->cfg.nr_ns && k->enabled; i++) {
		k->ns[i] = (struct ssd_fdp_ns_kept){ .n = (uint8_t)ssd_fdp_handles(sub), .how = NVME_RUHA_HOST };
		for (uint32_t ph = 0; ph < k->ns[i].n; ph++)
			k->ns[i].ruh[ph] = (uint8_t)ph;
	}
	start_counting(sub);
}

static bool
ns_ok(const struct ssd_fdp_ns_kept *k, uint32_t handles)
{
	for (uint32_t i = 0; i < k->n; i++) {
		if (k->n > SSD_FDP_HANDLES || k->ruh[i] >= handles)
			return false;
	}
	return k->how <= NVME_RUHA_CTRL;
}

bool
ssd_fdp_kept_ok(const struct ssd_subsys *sub)
{
	const struct ssd_fdp_kept *k = &sub->fdp.kept;
	bool ok = k->enabled <= ssd_fdp_there(sub);

	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++)
		ok = ok && ns_ok(&k->ns[i], ssd_fdp_handles(sub));
	return ok && le32_get(k->events[0].n) <= NVME_FDP_EVENTS_MAX && le32_get(k->events[1].n) <= NVME_FDP_EVENTS_MAX;
}

/* From now on nothing has happened to the units. */
static void
seen(struct ssd_subsys *sub, uint32_t ruh)
{
	sub->fdp.ru[ruh] = ftl_ru_number(ssd_flash_ftl(sub->media), ruh);
	sub->fdp.since_ns[ruh] = 0;
}

void
ssd_fdp_open(struct ssd_subsys *sub)
{
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++)
		sub->ns[i].fdp = sub->ns[i].nsze && ssd_fdp_on(sub);
	for (uint32_t ruh = 0; ssd_fdp_there(sub) && ruh < ssd_fdp_handles(sub); ruh++)
		seen(sub, ruh);
	if (ssd_fdp_there(sub))
		sub->fdp.reallocs = ftl_reallocs(ssd_flash_ftl(sub->media));
}

void
ssd_fdp_enable(struct ssd_subsys *sub, bool on)
{
	memset(&sub->fdp.kept, 0, sizeof(sub->fdp.kept));
	sub->fdp.kept.enabled = on;
	start_counting(sub);
	ssd_fdp_open(sub);
	ssd_part_save(sub, SSD_PART_FDP);
}

static struct ssd *
any_ctrlr(struct ssd_subsys *sub)
{
	uint32_t i = 0;

	while (i < SSD_MAX_CTRLRS - 1 && !sub->ctrlr[i])
		i++;
	return sub->ctrlr[i];
}

/* What a unit had that was being written to when the power went is closed: the handle is at another one. */
void
ssd_fdp_power_on(struct ssd_subsys *sub)
{
	struct ssd *ssd = any_ctrlr(sub);

	for (uint32_t ruh = 0; ssd && ssd_fdp_on(sub) && ruh < ssd_fdp_handles(sub); ruh++) {
		if (sub->fdp.ru[ruh] != ftl_ru_number(ssd_flash_ftl(sub->media), ruh))
			ssd_fdp_event(ssd, &(struct ssd_fdp_note){
						   .type = NVME_FDP_EVENT_RESET, .ruh = ruh, .pid = SSD_FDP_ANY_PID });
		seen(sub, ruh);
	}
}

static uint64_t
limit_ns(const struct ssd_subsys *sub)
{
	return sub->cfg.profile.fdp.time_limit_s * 1000000000ull;
}

uint32_t
ssd_fdp_time_left(const struct ssd *ssd, uint32_t ruh)
{
	uint64_t limit = limit_ns(ssd->sub), since = ssd->sub->fdp.since_ns[ruh];
	uint64_t gone = since ? UT_MIN(ssd->now_ns - since, limit) : 0;

	return (uint32_t)((limit - gone + 999999999) / 1000000000);
}

static void
next_unit(struct ssd_subsys *sub, uint32_t ruh)
{
	ssd_flash_place_end(sub->media, ruh);
	seen(sub, ruh);
}

/* Written to capacity: the controller went on to another one by itself. */
static void
look_at_full(struct ssd *ssd, uint32_t ruh)
{
	struct ssd_fdp *f = &ssd->sub->fdp;
	uint32_t n = ftl_ru_number(ssd_flash_ftl(ssd->sub->media), ruh) - f->ru[ruh];

	if (!n)
		return;
	for (n = UT_MIN(n, NVME_FDP_EVENTS_MAX); n; n--)
		ssd_fdp_event(ssd, &(struct ssd_fdp_note){
					   .type = NVME_FDP_EVENT_MODIFY, .ruh = ruh, .pid = SSD_FDP_ANY_PID });
	seen(ssd->sub, ruh);
}

static void
look_at_time(struct ssd *ssd, uint32_t ruh)
{
	struct ssd_fdp *f = &ssd->sub->fdp;
	uint64_t limit = limit_ns(ssd->sub), end = f->since_ns[ruh] + limit;

	if (!ftl_ru_used(ssd_flash_ftl(ssd->sub->media), ruh))
		return;
	if (!f->since_ns[ruh]) {
		f->since_ns[ruh] = UT_MAX(ssd->now_ns, 1);
		return;
	}
	if (!limit || ssd->now_ns < end)
		return;
	ssd_fdp_event(ssd, &(struct ssd_fdp_note){ .type = NVME_FDP_EVENT_RUTLE,
						   .ruh = ruh,
						   .ago_ns = ssd->now_ns - end,
						   .pid = SSD_FDP_ANY_PID });
	next_unit(ssd->sub, ruh);
}

void
ssd_fdp_look(struct ssd *ssd, uint32_t ruh)
{
	look_at_full(ssd, ruh);
	look_at_time(ssd, ruh);
}

/*
 * Without the directive it is placement handle 0h; an identifier that is not valid is the same, and an event.   NVMe Base 2.2,
 * "Data Placement (Directive Type 02h)"; the streams directive cannot be enabled beside it.
 */
nvme_status
ssd_fdp_direct(struct ssd_cmd *c, uint32_t dtype, uint16_t pid)
{
	uint32_t ph = dtype == NVME_DTYPE_DATA_PLACEMENT ? pid : 0;

	if (dtype && dtype != NVME_DTYPE_DATA_PLACEMENT)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw12) + 2);
	if (ph >= ssd_fdp_ns_count(c->ns)) {
		ph = 0;
		ssd_fdp_event(c->ssd, &(struct ssd_fdp_note){ .type = NVME_FDP_EVENT_PID,
							      .ruh = ssd_fdp_ns_ruh(c->ns, 0),
							      .ns = c->ns,
							      .pid = pid,
							      .nowhere = true });
	}
	c->place = ssd_fdp_ns_ruh(c->ns, ph);
	ssd_fdp_look(c->ssd, c->place);
	return NVME_SC_SUCCESS;
}

/* One that holds nothing is as good as another. */
void
ssd_fdp_update(struct ssd_cmd *c, uint32_t ph, bool told)
{
	uint32_t ruh = ssd_fdp_ns_ruh(c->ns, ph);

	ssd_fdp_look(c->ssd, ruh);
	if (!ftl_ru_used(ssd_flash_ftl(c->ns->sub->media), ruh))
		return;
	if (told)
		ssd_fdp_event(c->ssd, &(struct ssd_fdp_note){
					      .type = NVME_FDP_EVENT_RUNFW, .ruh = ruh, .ns = c->ns, .pid = ph });
	next_unit(c->ns->sub, ruh);
}
