/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Placement handles: which reclaim unit handles a namespace has.  Namespaces may share those that a host named; one that the
 * controller chose is shared by those for which nobody named any.   NVMe Base 2.2, "Namespace Management command", "Reclaim
 * Unit Handle Usage".
 */
#include "ssd/fdp/fdp.h"

static struct ssd_fdp_ns_kept *
of(const struct ssd_ns *ns)
{
	return &ns->sub->fdp.kept.ns[ns->nsid - 1];
}

static bool
has(const struct ssd_fdp_ns_kept *k, uint32_t ruh)
{
	uint32_t i = 0;

	while (i < k->n && k->ruh[i] != ruh)
		i++;
	return i < k->n;
}

uint8_t
ssd_fdp_attribute(const struct ssd_subsys *sub, uint32_t ruh)
{
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		if (has(&sub->fdp.kept.ns[i], ruh))
			return sub->fdp.kept.ns[i].how;
	}
	return NVME_RUHA_UNUSED;
}

/* The one that is the controller's already, or one that nobody has; `handles`: there is none. */
static uint32_t
choose(const struct ssd_subsys *sub)
{
	uint32_t handles = ssd_fdp_handles(sub), best = handles;

	for (uint32_t ruh = 0; ruh < handles; ruh++) {
		uint8_t a = ssd_fdp_attribute(sub, ruh);

		if (a == NVME_RUHA_CTRL)
			return ruh;
		if (a == NVME_RUHA_UNUSED && best == handles)
			best = ruh;
	}
	return best;
}

bool
ssd_fdp_list_ok(const struct ssd_subsys *sub, const le16 *ruhid, uint32_t n)
{
	uint32_t handles = ssd_fdp_handles(sub), given = 0;

	if (!n)
		return choose(sub) < handles;
	if (n > handles)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t ruh = le16_get(ruhid[i]);

		if (ruh >= handles || (given >> ruh & 1) || ssd_fdp_attribute(sub, ruh) == NVME_RUHA_CTRL)
			return false;
		given |= 1u << ruh;
	}
	return true;
}

void
ssd_fdp_ns_created(struct ssd_ns *ns, const le16 *ruhid, uint32_t n)
{
	struct ssd_fdp_ns_kept k = { .n = (uint8_t)UT_MAX(n, 1), .how = n ? NVME_RUHA_HOST : NVME_RUHA_CTRL };

	ns->fdp = ssd_fdp_on(ns->sub);
	if (!ns->fdp)
		return;
	k.ruh[0] = (uint8_t)choose(ns->sub);
	for (uint32_t i = 0; i < n; i++)
		k.ruh[i] = (uint8_t)le16_get(ruhid[i]);
	*of(ns) = k;
	ssd_part_save(ns->sub, SSD_PART_FDP);
}

void
ssd_fdp_ns_deleted(struct ssd_ns *ns)
{
	if (!of(ns)->n)
		return;
	*of(ns) = (struct ssd_fdp_ns_kept){ .n = 0 };
	ssd_part_save(ns->sub, SSD_PART_FDP);
}

uint32_t
ssd_fdp_ns_count(const struct ssd_ns *ns)
{
	return of(ns)->n;
}

uint32_t
ssd_fdp_ns_ruh(const struct ssd_ns *ns, uint32_t ph)
{
	return of(ns)->ruh[ph];
}
