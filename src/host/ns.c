/* SPDX-License-Identifier: BSD-3-Clause */
/* A namespace: Identify, and the geometry of its current LBA format. */
#include "nvproof/ns.h"

#include <errno.h>

#include "host/ctrlr_int.h"
#include "nvproof/spec/status.h"

/* NVM Command Set, "Identify Namespace Data Structure": FLBAS chooses one of the LBA formats. */
static int
read_geometry(struct nvp_ns *ns)
{
	const struct nvme_lbaf *f = &ns->id.lbaf[nvme_flbas_fidx(ns->id.flbas) % NVME_LBAF_MAX];

	ns->nsze = le64_get(ns->id.nsze);
	if (!ns->nsze) /* all zero: an inactive namespace */
		return -ENODEV;
	if (f->lbads < 9 || f->lbads > 31)
		return ctrlr_fail(ns->ctrlr, -EIO, "namespace %u: LBADS is %u", ns->nsid, f->lbads);
	ns->lba_size = 1u << f->lbads;
	ns->meta_size = le16_get(f->ms);
	ns->extended = ns->meta_size && nvme_get(ns->id.flbas, NVME_FLBAS_MTELBA);
	return 0;
}

static int
no_such(struct nvp_ctrlr *c, uint32_t nsid)
{
	return ctrlr_fail(c, -ENODEV, "there is no active namespace %u", nsid);
}

int
nvp_ns_open(struct nvp_ctrlr *c, uint32_t nsid, struct nvp_ns *out, struct nvme_cqe *cqe)
{
	struct nvme_cqe answer = { 0 };
	nvme_status st;
	int rc;

	nvp_bus_set_error("%s", "");
	*out = (struct nvp_ns){ .ctrlr = c, .nsid = nsid };
	rc = ctrlr_identify(c, NVME_CNS_NS, nsid, &out->id, &answer);
	if (cqe)
		*cqe = answer;
	if (rc)
		return rc;
	st = nvme_status_code(nvme_status_of(le16_get(answer.status)));
	if (st == NVME_SC_INVALID_NS)
		return no_such(c, nsid);
	if (st)
		return ctrlr_fail(c, -EIO, "Identify Namespace %u failed: %02x/%02x %s", nsid, st >> 8, st & 0xff,
				  nvp_status_text(st));
	rc = read_geometry(out);
	return rc == -ENODEV ? no_such(c, nsid) : rc;
}
