/* SPDX-License-Identifier: BSD-3-Clause */
/* A namespace: Identify, and the geometry of its current LBA format. */
#include "nvproof/ns.h"

#include <errno.h>

#include "host/ctrlr_int.h"
#include "nvproof/spec/status.h"
#include "nvproof/spec/zns.h"
#include "util/bits.h"

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

/* LBA formats from before there were extended ones have a 16-bit guard and no storage tag. */
static int
read_elbaf(struct nvp_ns *ns, uint32_t *elbaf)
{
	struct nvme_id_ns_nvm id = { 0 };
	struct nvme_cqe cqe;
	int rc;

	*elbaf = 0;
	if (!(le32_get(ns->ctrlr->id.ctratt) & NVME_CTRATT_ELBAS))
		return 0;
	rc = ctrlr_identify(ns->ctrlr, NVME_CNS_CSI_NS, ns->nsid, &id, &cqe);
	if (rc || nvme_status_code(nvme_status_of(le16_get(cqe.status))))
		return rc;
	*elbaf = le32_get(id.elbaf[nvme_flbas_fidx(ns->id.flbas) % NVME_LBAF_MAX]);
	ns->pi.lbstm = le64_get(id.lbstm);
	return 0;
}

/* NVM Command Set, "Protection Information Formats", "Extended LBA Format data structure". */
static int
read_protection(struct nvp_ns *ns)
{
	static const uint8_t guards[] = { [NVME_PIF_16B] = 2, [NVME_PIF_32B] = 4, [NVME_PIF_64B] = 8 };
	struct nvp_pi *pi = &ns->pi;
	uint32_t elbaf, pif;
	int rc;

	*pi = (struct nvp_pi){ .lba_size = ns->lba_size, .meta_size = ns->meta_size, .extended = ns->extended };
	pi->type = (uint8_t)nvme_get(ns->id.dps, NVME_DPS_PIT);
	if (!pi->type)
		return 0;
	rc = read_elbaf(ns, &elbaf);
	if (rc)
		return rc;
	pif = nvme_get32(elbaf, NVME_ELBAF_PIF);
	if (pif == NVME_PIF_QUALIFIED)
		pif = nvme_get32(elbaf, NVME_ELBAF_QPIF);
	pi->guard = pif < UT_ARRAY_LEN(guards) ? guards[pif] : 0;
	pi->size = pi->guard == 2 ? 8 : 16;
	pi->sts = (uint8_t)nvme_get(elbaf, NVME_ELBAF_STS);
	if (!pi->guard || pi->type > 3 || ns->meta_size < pi->size ||
	    pi->sts > UT_MIN((pi->size - pi->guard - 2) * 8, 64) ||
	    (pi->guard == 4 && pi->sts < 16)) /* neither tag has more than 64 bits */
		return ctrlr_fail(ns->ctrlr, -EIO, "namespace %u: DPS is %02x, ELBAF %x, %u bytes of metadata",
				  ns->nsid, ns->id.dps, elbaf, ns->meta_size);
	pi->off = nvme_get(ns->id.dps, NVME_DPS_PIP) ? 0 : (uint16_t)(ns->meta_size - pi->size);
	return 0;
}

/* NVMe Base, "Namespace Identification Descriptor list": the command set that the namespace is of. */
static uint8_t
csi_in(const uint8_t *list, uint32_t len)
{
	uint32_t at;

	for (at = 0; at + 4 < len && list[at + 1]; at += 4u + list[at + 1])
		if (list[at] == NVME_NIDT_CSI)
			return list[at + 4];
	return NVME_CSI_NVM;
}

static int
identify_ok(struct nvp_ns *ns, uint8_t cns, uint8_t csi, void *data, bool *ok)
{
	struct nvme_cqe cqe = { 0 };
	int rc = ctrlr_identify_csi(ns->ctrlr, cns, csi, ns->nsid, data, &cqe);

	*ok = !rc && !nvme_status_code(nvme_status_of(le16_get(cqe.status)));
	return rc;
}

/* ZNS Command Set, "LBA Format Extension data structure".  Only asked where a namespace may be zoned. */
static int
read_zones(struct nvp_ns *ns)
{
	struct nvme_id_ns_zns id = { 0 };
	bool ok;
	int rc;

	if (!nvme_get(ns->ctrlr->cap, NVME_CAP_CSS_IOCSS))
		return 0;
	rc = identify_ok(ns, NVME_CNS_NS_DESC_LIST, NVME_CSI_NVM, &id, &ok);
	if (rc || !ok || csi_in((const uint8_t *)&id, sizeof(id)) != NVME_CSI_ZNS)
		return rc;
	rc = identify_ok(ns, NVME_CNS_CSI_NS, NVME_CSI_ZNS, &id, &ok);
	if (!rc && ok)
		ns->zsze = le64_get(id.lbafe[nvme_flbas_fidx(ns->id.flbas) % UT_ARRAY_LEN(id.lbafe)].zsze);
	return rc;
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
	if (!rc)
		rc = read_protection(out);
	if (!rc)
		rc = read_zones(out);
	return rc == -ENODEV ? no_such(c, nsid) : rc;
}
