/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Format NVM: one of the LBA formats (lbaf.c), with or without protection information.  Every format empties the namespace, so that erase and
 * cryptographic erase are the same: nothing of the old data can be read.
 *
 * NVMe Base 2.1, "Format NVM command"; the formats are those of Identify Namespace.
 */
#include "ssd/admin/admin.h"
#include "nvproof/spec/feat.h"
#include "ssd/admin/dst.h"
#include "ssd/admin/identify.h"
#include "ssd/admin/pel.h"
#include "ssd/nvm/lba_map.h"
#include "ssd/nvm/streams.h"

#define CDW10 offsetof(struct nvme_sqe, cdw10)

/* Formats that need LBAFEE are not there without it.  Protection information needs room in the metadata. */
static nvme_status
check(struct ssd_cmd *c, uint32_t cdw10, struct ssd_format *f)
{
	uint64_t index = nvme_get(cdw10, NVME_FORMAT_LBAFU) << 4 | nvme_get(cdw10, NVME_FORMAT_LBAFL);

	*f = (struct ssd_format){
		.lbaf = (uint8_t)index,
		.extended = nvme_get(cdw10, NVME_FORMAT_MSET),
		.pi = (uint8_t)nvme_get(cdw10, NVME_FORMAT_PI),
		.pi_first = nvme_get(cdw10, NVME_FORMAT_PIL),
	};
	if (f->pi > 3) /* reserved */
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10);
	if (index >= ssd_nr_lbafs(c->ssd) || !ssd_format_ok(f))
		return ssd_fail(c, NVME_SC_INVALID_FORMAT, CDW10);
	if (nvme_get(cdw10, NVME_FORMAT_SES) > NVME_FORMAT_SES_CRYPTO)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10 + 1);
	return NVME_SC_SUCCESS;
}

static void
format_one(struct ssd *ssd, struct ssd_ns *ns, const struct ssd_format *f)
{
	struct ssd_format old = ns->format;

	ssd_streams_ns_formatted(ns);
	ssd_ns_erase(ns);
	ssd_ns_use_format(ns, f);
	if (old.lbaf != ns->format.lbaf || old.extended != ns->format.extended || old.pi != ns->format.pi ||
	    old.pi_first != ns->format.pi_first)
		ssd_ns_changed(ssd, ns, ns->attached); /* hosts have to look at it again */
}

/* Zoned namespaces have no protection information: DPC is 0h. */
static bool
zoned(const struct ssd_cmd *c, uint32_t nsid)
{
	for (uint32_t i = 1; i <= SSD_MAX_NAMESPACES; i++) {
		const struct ssd_ns *ns = nsid == i || nsid == NVME_NSID_ALL ? ssd_ns_active(c->ssd, i) : NULL;

		if (ns && ns->zones)
			return true;
	}
	return false;
}

nvme_status
ssd_adm_format(struct ssd_cmd *c)
{
	struct ssd_subsys *sub = c->ssd->sub;
	uint32_t nsid = le32_get(c->sqe->nsid);
	struct ssd_format f;
	nvme_status st;

	if (nsid != NVME_NSID_ALL && (!nsid || nsid > ssd_nn(sub)))
		return ssd_fail(c, NVME_SC_INVALID_NS, offsetof(struct nvme_sqe, nsid));
	if (nsid != NVME_NSID_ALL && !ssd_ns_active(c->ssd, nsid))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, nsid));
	st = check(c, le32_get(c->sqe->cdw10), &f);
	if (!st && f.pi && zoned(c, nsid))
		st = ssd_fail(c, NVME_SC_INVALID_FORMAT, CDW10);
	if (st)
		return st;
	ssd_pel_format_start(c, SSD_FNA);
	ssd_dst_abort_ns(sub, nsid, NVME_DSTS_ABORT_FORMAT);
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		if (ssd_ns_active(c->ssd, i + 1) && (nsid == NVME_NSID_ALL || nsid == i + 1))
			format_one(c->ssd, &sub->ns[i], &f);
	}
	if (sub->ns_kept.there)
		ssd_ns_save(sub);
	st = ssd_persist_save(sub) ? NVME_SC_INTERNAL : NVME_SC_SUCCESS;
	ssd_pel_format_done(c, st);
	return st;
}
