/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of namespaces.  A namespace has one contiguous piece of the media, which begins at a multiple of SSD_NS_ALIGN; the
 * first gap that is large enough is taken.
 */
#include "ssd/ns.h"
#include "nvproof/spec/feat.h"
#include "ssd/admin/mi.h"
#include "ssd/fdp/fdp.h"
#include "ssd/nvm/lba_map.h"
#include "ssd/nvm/resv.h"
#include "ssd/nvm/streams.h"
#include "ssd/ssd_int.h"
#include "ssd/zns/zns.h"
#include <errno.h>
#include <string.h>

/* ssd_ns_kept.how */
#define NS_EXTENDED NVME_BIT(0)
#define NS_PI NVME_BITS(2, 1)
#define NS_PI_FIRST NVME_BIT(3)
#define NS_CREATED NVME_BIT(4)
#define NS_ZONED NVME_BIT(5)

#define ALL_CTRLRS ((1u << SSD_MAX_CTRLRS) - 1)

/*
 * Identifiers that stay the same for the same drive: made from serial number, seed, NSID and, for a namespace that a host
 * created, a number that is never used again.  EUI-64 and the second half of NGUID begin with the profile's OUI; the UUID is of
 * version 8 (custom).
 */
static void
identifiers(const struct ssd_config *cfg, struct ssd_ns *ns)
{
	struct ut_rng rng;
	uint64_t v[5], h = 0xcbf29ce484222325ull;

	for (const char *p = cfg->sn; *p; p++)
		h = (h ^ (uint8_t)*p) * 0x100000001b3ull;
	ut_rng_seed(&rng, h ^ cfg->seed ^ ((uint64_t)ns->nsid << 32) ^ ns->made);
	for (size_t i = 0; i < UT_ARRAY_LEN(v); i++)
		v[i] = ut_rng_next(&rng);
	memcpy(ns->eui64, &v[0], sizeof(ns->eui64));
	memcpy(ns->nguid, &v[1], sizeof(ns->nguid));
	memcpy(ns->uuid, &v[3], sizeof(ns->uuid));
	for (int i = 0; i < 3; i++)
		ns->eui64[i] = ns->nguid[8 + i] = (uint8_t)(cfg->profile.oui >> (16 - 8 * i));
	ns->uuid[6] = (uint8_t)((ns->uuid[6] & 0x0f) | 0x80);
	ns->uuid[8] = (uint8_t)((ns->uuid[8] & 0x3f) | 0x80);
}

uint64_t
ssd_ns_default(struct ssd_subsys *sub)
{
	uint64_t off = 0;

	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		struct ssd_ns *ns = &sub->ns[i];

		ns->sub = sub;
		ns->nsid = i + 1;
		if (i >= sub->cfg.nr_ns)
			continue;
		ns->media_off = off;
		ns->media_size = sub->cfg.ns[i].size & ~511ull;
		ns->attached = ALL_CTRLRS;
		ns->nmic = (uint8_t)NVME_NMIC_SHRNS;
		if (ssd_zns_there(sub))
			ssd_zns_open(ns); /* subsys.c has seen that there is room */
		ssd_ns_use_format(ns, &(struct ssd_format){ .lbaf = sub->cfg.ns[i].lba_size == 4096 });
		identifiers(&sub->cfg, ns);
		off = ut_align_up(off + ns->media_size, SSD_NS_ALIGN);
	}
	sub->capacity = off;
	return off;
}

static struct ssd_ns_kept
encode(const struct ssd_ns *ns)
{
	const struct ssd_format *f = &ns->format;

	if (!ns->nsze)
		return (struct ssd_ns_kept){ .lbaf = 0 };
	return (struct ssd_ns_kept){
		.off = le64_from(ns->media_off),
		.size = le64_from(ns->media_size),
		.made = le32_from(ns->made),
		.attached = le32_from(ns->attached),
		.lbaf = f->lbaf,
		.how = (uint8_t)(nvme_put(NS_EXTENDED, f->extended) | nvme_put(NS_PI, f->pi) |
				 nvme_put(NS_PI_FIRST, f->pi_first) | nvme_put(NS_CREATED, ns->created) |
				 nvme_put(NS_ZONED, ns->zones != NULL)),
		.first_zone = le32_from(ns->first_zone),
		.nmic = ns->nmic,
		.wps = ns->wps,
		.lbstm = le64_from(ns->pi.lbstm),
	};
}

static struct ssd_format
format_of(const struct ssd_ns_kept *k)
{
	return (struct ssd_format){
		.lbaf = k->lbaf,
		.extended = nvme_get(k->how, NS_EXTENDED),
		.pi = (uint8_t)nvme_get(k->how, NS_PI),
		.pi_first = nvme_get(k->how, NS_PI_FIRST),
	};
}

static void
decode(struct ssd_ns *ns, const struct ssd_ns_kept *k)
{
	struct ssd_format f = format_of(k);

	*ns = (struct ssd_ns){ .sub = ns->sub, .nsid = ns->nsid };
	if (!le64_get(k->size))
		return;
	ns->media_off = le64_get(k->off);
	ns->media_size = le64_get(k->size);
	ns->made = le32_get(k->made);
	ns->attached = le32_get(k->attached);
	ns->nmic = k->nmic;
	ns->wps = k->wps;
	ns->created = nvme_get(k->how, NS_CREATED);
	if (nvme_get(k->how, NS_ZONED)) {
		ns->first_zone = le32_get(k->first_zone);
		ns->zones = &ns->sub->zone_sets[ns->nsid - 1];
	}
	ssd_ns_use_format(ns, &f);
	ns->pi.lbstm = le64_get(k->lbstm);
	identifiers(&ns->sub->cfg, ns);
}

/* A new drive: nothing is kept yet, and the configuration holds. */
void
ssd_ns_kept_init(struct ssd_subsys *sub)
{
	memset(&sub->ns_kept, 0, sizeof(sub->ns_kept));
}

static bool
kept_ok(const struct ssd_subsys *sub, const struct ssd_ns_kept *k)
{
	uint64_t off = le64_get(k->off), size = le64_get(k->size);
	struct ssd_format f = format_of(k);

	if (!size)
		return true;
	return off % SSD_NS_ALIGN == 0 && off < sub->capacity && size <= sub->capacity - off && ssd_format_ok(&f) &&
	       size >= ssd_format_block(&f) && le32_get(k->attached) <= ALL_CTRLRS && k->nmic <= NVME_NMIC_SHRNS &&
	       k->wps <= NVME_WPS_WRITE_PROTECT &&
	       (!nvme_get(k->how, NS_ZONED) || ssd_zns_place_ok(sub, size, le32_get(k->first_zone)));
}

static bool
overlap(const struct ssd_ns_kept *a, const struct ssd_ns_kept *b)
{
	return le64_get(a->off) < le64_get(b->off) + le64_get(b->size) &&
	       le64_get(b->off) < le64_get(a->off) + le64_get(a->size);
}

bool
ssd_ns_kept_ok(const struct ssd_subsys *sub)
{
	const struct ssd_ns_kept *k = sub->ns_kept.ns;

	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		if (!kept_ok(sub, &k[i]))
			return false;
		for (uint32_t j = 0; j < i; j++) {
			if (overlap(&k[i], &k[j]))
				return false;
		}
	}
	return true;
}

void
ssd_ns_restore(struct ssd_subsys *sub)
{
	if (!sub->ns_kept.there)
		return;
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++)
		decode(&sub->ns[i], &sub->ns_kept.ns[i]);
}

void
ssd_ns_save(struct ssd_subsys *sub)
{
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++)
		sub->ns_kept.ns[i] = encode(&sub->ns[i]);
	sub->ns_kept.there = 1;
	ssd_part_save(sub, SSD_PART_NS);
}

uint64_t
ssd_ns_capacity(const struct ssd_ns *ns)
{
	return ns->nsze ? ut_align_up(ns->media_size, SSD_NS_ALIGN) : 0;
}

uint64_t
ssd_ns_unallocated(const struct ssd_subsys *sub)
{
	uint64_t used = 0;

	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++)
		used += ssd_ns_capacity(&sub->ns[i]);
	return sub->capacity - used;
}

/* The first namespace that overlaps [off, off + size). */
static const struct ssd_ns *
in_the_way(const struct ssd_subsys *sub, uint64_t off, uint64_t size)
{
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		const struct ssd_ns *ns = &sub->ns[i];

		if (ns->nsze && off < ns->media_off + ssd_ns_capacity(ns) && ns->media_off < off + size)
			return ns;
	}
	return NULL;
}

static bool
find_gap(const struct ssd_subsys *sub, uint64_t size, uint64_t *off)
{
	const struct ssd_ns *ns;

	for (*off = 0; *off <= sub->capacity && size <= sub->capacity - *off;
	     *off = ns->media_off + ssd_ns_capacity(ns)) {
		ns = in_the_way(sub, *off, size);
		if (!ns)
			return true;
	}
	return false;
}

static int
take_gap(struct ssd_subsys *sub, uint64_t size, uint64_t *off)
{
	int rc;

	if (size > ssd_ns_unallocated(sub))
		return -ENOSPC;
	if (find_gap(sub, size, off))
		return 0;
	rc = ssd_ns_compact(sub);
	if (!rc && !find_gap(sub, size, off))
		rc = -ENOSPC;
	return rc;
}

static struct ssd_ns *
free_slot(struct ssd_subsys *sub)
{
	uint32_t i = 0;

	while (i < SSD_MAX_NAMESPACES && sub->ns[i].nsze)
		i++;
	return i < SSD_MAX_NAMESPACES ? &sub->ns[i] : NULL;
}

int
ssd_ns_create(struct ssd_subsys *sub, const struct ssd_ns_want *want, struct ssd_ns **out)
{
	struct ssd_ns *ns = free_slot(sub), none;
	int rc;

	assert(ns);
	none = *ns;
	rc = take_gap(sub, ut_align_up(want->size, SSD_NS_ALIGN), &ns->media_off);
	ns->media_size = want->size;
	if (!rc && want->zoned)
		rc = ssd_zns_open(ns);
	if (!rc)
		rc = ssd_ns_maps_open(ns);
	if (rc) {
		*ns = none;
		return rc;
	}
	ns->made = le32_get(sub->ns_kept.made) + 1;
	sub->ns_kept.made = le32_from(ns->made);
	ns->created = true;
	ns->nmic = want->shared ? (uint8_t)NVME_NMIC_SHRNS : 0;
	ssd_ns_use_format(ns, &want->format);
	if (ns->pi.type)
		ns->pi.lbstm = want->lbstm;
	identifiers(&sub->cfg, ns);
	ssd_fdp_ns_created(ns, want->ruhid, want->nphndls);
	ssd_ns_gate(sub);
	*out = ns;
	return 0;
}

void
ssd_ns_erase(struct ssd_ns *ns)
{
	struct ssd_media *m = ns->sub->media;

	m->ops->discard(m, ns->media_off, ns->media_size);
	m->ops->flush(m); /* what is erased does not come back with the power */
	ssd_lba_map_clear_all(ns->alloc);
	ssd_lba_map_clear_all(ns->bad);
	ssd_zns_erased(ns);
}

void
ssd_ns_delete(struct ssd_ns *ns)
{
	ssd_streams_ns_deleted(ns);
	ssd_fdp_ns_deleted(ns);
	ssd_ns_erase(ns);
	ssd_ns_maps_close(ns);
	*ns = (struct ssd_ns){ .sub = ns->sub, .nsid = ns->nsid };
	ssd_resv_ns_deleted(ns);
}

void
ssd_ns_gate(struct ssd_subsys *sub)
{
	uint8_t all = (sub->sanitize.kept.state != SSD_SANITIZE_IDLE ? SSD_GATE_SANITIZE : 0) |
		      (sub->sanitize.kept.erased ? SSD_GATE_ERASED : 0) | (ssd_zns_there(sub) ? SSD_GATE_ZONED : 0) |
		      (sub->cfg.profile.without ? SSD_GATE_LEFT_OUT : 0);

	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++)
		sub->ns[i].gate =
			all | (sub->ns[i].wps ? SSD_GATE_PROTECTED : 0) | (sub->resv[i].rtype ? SSD_GATE_RESERVED : 0);
}

void
ssd_ns_changed(const struct ssd *by, const struct ssd_ns *ns, uint32_t ctrlrs)
{
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		struct ssd *ssd = ns->sub->ctrlr[i];

		if (!ssd || ssd == by || !(ctrlrs & 1u << i))
			continue;
		ssd->changed_ns[0] |= 1ull << (ns->nsid - 1);
		ssd_event(ssd, NVME_AER_NOTICE, NVME_AER_NOTICE_NS_ATTR, NVME_LOG_CHANGED_NS);
		ssd_mi_happened(ssd, NVME_MI_CCS_NAC);
	}
}
