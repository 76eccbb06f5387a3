/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Namespace Management: create and delete.
 *
 * NVMe Base 2.1, "Namespace Management command", "Namespace Management"; NVM Command Set 1.1, "Namespace Management command".
 */
#include "ssd/admin/admin.h"
#include "nvproof/spec/ns_mgmt.h"
#include "ssd/admin/dst.h"
#include "ssd/admin/pel.h"
#include "ssd/fdp/fdp.h"
#include "ssd/zns/zns.h"
#include <errno.h>

#define DATA offsetof(struct nvme_sqe, prp1)

/* NVMe Base 2.2, "Flexible Data Placement": placement handles, where that is there and enabled. */
static nvme_status
check_handles(struct ssd_cmd *c, const struct nvme_ns_create *d)
{
	const struct ssd_subsys *sub = c->ssd->sub;
	uint32_t n = le16_get(d->nphndls);

	if (!ssd_fdp_there(sub))
		return n ? ssd_fail(c, NVME_SC_INVALID_FIELD, DATA) : NVME_SC_SUCCESS;
	if (!ssd_fdp_on(sub))
		return n ? ssd_fail(c, NVME_SC_FDP_DISABLED, DATA) : NVME_SC_SUCCESS;
	return ssd_fdp_list_ok(sub, d->phndl, n) ? NVME_SC_SUCCESS : ssd_fail(c, NVME_SC_INVALID_PLACEMENT_LIST, DATA);
}

/* No NVM sets are announced, no or one endurance group, and no ANA group can be chosen (ANACAP is 0h). */
static nvme_status
check_groups(struct ssd_cmd *c, const struct nvme_ns_create *d)
{
	uint32_t group = ssd_fdp_there(c->ssd->sub) ? SSD_ENDGID : 0;

	if (le16_get(d->nvmsetid) || (le16_get(d->endgid) && le16_get(d->endgid) != group))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, DATA);
	if (le32_get(d->anagrpid))
		return ssd_fail(c, NVME_SC_ANA_GROUP_INVALID, DATA);
	if (d->nmic & ~NVME_NMIC_SHRNS) /* dispersed namespaces, reserved bits */
		return ssd_fail(c, NVME_SC_INVALID_FIELD, DATA);
	return check_handles(c, d);
}

static nvme_status
check_format(struct ssd_cmd *c, const struct nvme_ns_create *d, struct ssd_ns_want *want)
{
	unsigned lbaf = nvme_flbas_fidx(d->flbas);
	uint64_t lbstm = le64_get(d->lbstm);

	want->lbstm = lbstm;
	want->format = (struct ssd_format){
		.lbaf = (uint8_t)lbaf,
		.extended = nvme_get(d->flbas, NVME_FLBAS_MTELBA),
		.pi = (uint8_t)nvme_get(d->dps, NVME_DPS_PIT),
		.pi_first = nvme_get(d->dps, NVME_DPS_PIP),
	};
	if (lbaf >= ssd_nr_lbafs(c->ssd) || !ssd_format_ok(&want->format))
		return ssd_fail(c, NVME_SC_INVALID_FORMAT, DATA);
	if (want->format.pi && ssd_lbafs[lbaf].sts < 64 && lbstm >> ssd_lbafs[lbaf].sts)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, DATA);
	return NVME_SC_SUCCESS;
}

/* Whole zones.  No resources are set aside for a namespace: RAR, ROR and RNUMZRWA, in the place of LBSTM and behind it, are 0h. */
static bool
zones_fit(const struct ssd_cmd *c, const struct nvme_ns_create *d, const struct ssd_ns_want *want)
{
	const struct ssd_profile_zones *z = &c->ssd->sub->cfg.profile.zones;
	uint64_t nsze = le64_get(d->nsze), shift = ssd_lbafs[want->format.lbaf].lbads;

	if (want->format.pi || want->lbstm || nsze % (z->size >> shift))
		return false;
	return le64_get(d->ncap) == nsze / (z->size >> shift) * (z->capacity >> shift);
}

/* NSFEAT.THINP is 0: a namespace has all the capacity that it shows. */
static nvme_status
check_size(struct ssd_cmd *c, const struct nvme_ns_create *d, struct ssd_ns_want *want)
{
	uint64_t nsze = le64_get(d->nsze), ncap = le64_get(d->ncap), block = ssd_format_block(&want->format);

	if (want->zoned && !zones_fit(c, d, want))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, DATA);
	if (!ncap || ncap > nsze)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, DATA);
	if (ncap < nsze && !want->zoned)
		return ssd_fail(c, NVME_SC_THIN_NOT_SUPPORTED, DATA);
	if (nsze > SSD_NS_MAX / block) {
		c->err_cs = nsze > UINT64_MAX / block ? UINT64_MAX : nsze * block;
		return ssd_fail(c, NVME_SC_NS_INSUFFICIENT_CAP, DATA);
	}
	want->size = nsze * block;
	return NVME_SC_SUCCESS;
}

static bool
nsid_free(const struct ssd_subsys *sub)
{
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		if (!sub->ns[i].nsze)
			return true;
	}
	return false;
}

static nvme_status
make(struct ssd_cmd *c, const struct ssd_ns_want *want)
{
	struct ssd_subsys *sub = c->ssd->sub;
	struct ssd_ns *ns;
	int rc;

	if (!nsid_free(sub))
		return ssd_fail(c, NVME_SC_NSID_UNAVAILABLE, offsetof(struct nvme_sqe, cdw10));
	rc = ssd_ns_create(sub, want, &ns);
	if (rc == -ENOSPC) {
		c->err_cs = ut_align_up(want->size, SSD_NS_ALIGN);
		return ssd_fail(c, NVME_SC_NS_INSUFFICIENT_CAP, DATA);
	}
	if (rc)
		return NVME_SC_INTERNAL;
	c->dw0 = ns->nsid;
	ssd_ns_save(sub);
	ssd_pel_ns_change(c, ns);
	return NVME_SC_SUCCESS;
}

/* The NSID of the command is reserved here. */
static nvme_status
create(struct ssd_cmd *c)
{
	struct nvme_ns_create *d = (void *)c->ssd->bounce;
	uint64_t csi = nvme_get(le32_get(c->sqe->cdw11), NVME_NS_MGMT_CSI);
	struct ssd_ns_want want = { .size = 0 };
	nvme_status st;

	want.zoned = csi == NVME_CSI_ZNS && ssd_zns_there(c->ssd->sub);
	if (csi != NVME_CSI_NVM && !want.zoned)
		return ssd_fail(c, NVME_SC_IOCS_NOT_SUPPORTED, offsetof(struct nvme_sqe, cdw11) + 3);
	st = ssd_data(c, sizeof(*d));
	if (!st)
		st = ssd_from_host(c, 0, d, sizeof(*d));
	if (!st)
		st = check_format(c, d, &want);
	if (!st)
		st = check_size(c, d, &want);
	if (!st)
		st = check_groups(c, d);
	if (st)
		return st;
	want.shared = d->nmic & NVME_NMIC_SHRNS;
	want.ruhid = d->phndl;
	want.nphndls = le16_get(d->nphndls);
	return make(c, &want);
}

static void
delete_one(struct ssd_cmd *c, struct ssd_ns *ns)
{
	ssd_dst_abort_ns(c->ssd->sub, ns->nsid, NVME_DSTS_ABORT_NS_REMOVED);
	ssd_pel_ns_change(c, ns);
	ssd_ns_changed(c->ssd, ns, ns->attached);
	ssd_ns_delete(ns);
}

/* FFFFFFFFh: all there are, and none is fine too. */
static nvme_status delete (struct ssd_cmd *c)
{
	struct ssd_subsys *sub = c->ssd->sub;
	uint32_t nsid = le32_get(c->sqe->nsid);

	if (!nsid || (nsid > ssd_nn(sub) && nsid != NVME_NSID_ALL))
		return ssd_fail(c, NVME_SC_INVALID_NS, offsetof(struct nvme_sqe, nsid));
	if (nsid != NVME_NSID_ALL && !ssd_ns_get(sub, nsid))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, nsid));
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		if (sub->ns[i].nsze && (nsid == NVME_NSID_ALL || nsid == i + 1))
			delete_one(c, &sub->ns[i]);
	}
	ssd_ns_save(sub);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_adm_ns_mgmt(struct ssd_cmd *c)
{
	switch (nvme_get(le32_get(c->sqe->cdw10), NVME_NS_MGMT_SEL)) {
	case NVME_NS_MGMT_CREATE:
		return create(c);
	case NVME_NS_MGMT_DELETE:
		return delete (c);
	default:
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw10));
	}
}
