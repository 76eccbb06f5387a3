/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Identify: which data structure, of which namespace, for which command set.
 *
 * NVMe Base 2.1, "Identify command", figure "Identify - CNS Values".  An active namespace is attached to this controller; an
 * allocated one is there, attached or not.
 */
#include "ssd/admin/identify.h"
#include "ssd/admin/admin.h"
#include "ssd/admin/virt.h"
#include "ssd/fdp/fdp.h"
#include "ssd/nvm/lba_map.h"
#include "ssd/zns/zns.h"
#include <string.h>

#define CDW10 offsetof(struct nvme_sqe, cdw10)
#define CSI_BYTE (offsetof(struct nvme_sqe, cdw11) + 3)
#define NSID offsetof(struct nvme_sqe, nsid)

enum what {
	W_NONE = 0, /* no such CNS */
	W_CTRLR, /* .ctrlr */
	W_NS, /* .ns of an NSID; zeros when that is inactive */
	W_NS_COMMON, /* the same, and with NSID FFFFFFFFh what all namespaces have in common */
	W_ALLOC, /* .ns of an NSID; zeros when that is not allocated */
	W_LIST, /* .list, which looks at the command itself */
};

struct cns {
	enum what what;
	bool csi; /* CDW11.CSI says for which command set */
	void (*ctrlr)(struct ssd *ssd, void *buf);
	void (*ns)(struct ssd *ssd, struct ssd_ns *ns, void *buf);
	nvme_status (*list)(struct ssd_cmd *c, void *buf);
};

/* The lists of one command set have its namespaces; one that is not enabled has no active ones.  NVMe Base, "CC.CSS". */
static bool
in_set(const struct ssd_cmd *c, const struct ssd_ns *ns, bool allocated)
{
	uint64_t cns = nvme_get(le32_get(c->sqe->cdw10), NVME_IDENTIFY_CNS);
	uint64_t csi = nvme_get(le32_get(c->sqe->cdw11), NVME_IDENTIFY_CSI);

	if (ns->zones && !allocated && nvme_get(c->ssd->cc, NVME_CC_CSS) != NVME_CC_CSS_IOCSS)
		return false;
	if (cns != NVME_CNS_CSI_ACTIVE_NS_LIST && cns != NVME_CNS_CSI_ALLOC_NS_LIST)
		return true;
	return csi == (ns->zones ? NVME_CSI_ZNS : NVME_CSI_NVM);
}

/* NSIDs above the one given; FFFFFFFEh and FFFFFFFFh cannot have any above them and are refused. */
static nvme_status
ns_list(struct ssd_cmd *c, struct nvme_ns_list *list, bool allocated)
{
	uint32_t after = le32_get(c->sqe->nsid), n = 0;

	if (after >= 0xfffffffeu)
		return ssd_fail(c, NVME_SC_INVALID_NS, NSID);
	for (uint32_t nsid = 1; nsid <= ssd_nn(c->ssd->sub); nsid++) {
		const struct ssd_ns *ns = allocated ? ssd_ns_get(c->ssd->sub, nsid) : ssd_ns_active(c->ssd, nsid);

		if (nsid > after && ns && in_set(c, ns, allocated))
			list->nsid[n++] = le32_from(nsid);
	}
	return NVME_SC_SUCCESS;
}

static nvme_status
active_list(struct ssd_cmd *c, void *buf)
{
	return ns_list(c, buf, false);
}

static nvme_status
allocated_list(struct ssd_cmd *c, void *buf)
{
	return ns_list(c, buf, true);
}

/* 0h, FFFFFFFFh and what is above NN are invalid. */
static nvme_status
check_nsid(struct ssd_cmd *c, bool allocated)
{
	uint32_t nsid = le32_get(c->sqe->nsid);

	if (!nsid || nsid > ssd_nn(c->ssd->sub))
		return ssd_fail(c, NVME_SC_INVALID_NS, NSID);
	c->ns = allocated ? ssd_ns_get(c->ssd->sub, nsid) : ssd_ns_active(c->ssd, nsid);
	return NVME_SC_SUCCESS;
}

/* 12h: the controllers that the namespace is attached to. */
static nvme_status
ns_ctrlr_list(struct ssd_cmd *c, void *buf)
{
	nvme_status st = check_nsid(c, true);

	return st || !c->ns ? st : ssd_id_ctrl_list(c, buf);
}

static const struct cns table[256] = {
	[NVME_CNS_NS] = { W_NS_COMMON, .ns = ssd_id_ns },
	[NVME_CNS_CTRL] = { W_CTRLR, .ctrlr = ssd_id_ctrl },
	[NVME_CNS_ACTIVE_NS_LIST] = { W_LIST, .list = active_list },
	[NVME_CNS_NS_DESC_LIST] = { W_NS, .ns = ssd_id_ns_descs },
	[NVME_CNS_CSI_NS] = { W_NS_COMMON, true, .ns = ssd_id_ns_nvm },
	[NVME_CNS_CSI_CTRL] = { W_CTRLR, true, .ctrlr = ssd_id_ctrl_nvm },
	[NVME_CNS_CSI_ACTIVE_NS_LIST] = { W_LIST, true, .list = active_list },
	[NVME_CNS_IND_NS] = { W_NS_COMMON, .ns = ssd_id_ns_ind },
	[NVME_CNS_ALLOC_NS_LIST] = { W_LIST, .list = allocated_list },
	[NVME_CNS_ALLOC_NS] = { W_ALLOC, .ns = ssd_id_ns },
	[NVME_CNS_NS_CTRL_LIST] = { W_LIST, .list = ns_ctrlr_list },
	[NVME_CNS_CTRL_LIST] = { W_LIST, .list = ssd_id_ctrl_list },
	[NVME_CNS_PRIMARY_CTRL_CAP] = { W_LIST, .list = ssd_id_primary },
	[NVME_CNS_SECONDARY_CTRL_LIST] = { W_LIST, .list = ssd_id_secondary },
	[NVME_CNS_ENDGRP_LIST] = { W_LIST, .list = ssd_id_endgrp_list },
	[NVME_CNS_CSI_ALLOC_NS_LIST] = { W_LIST, true, .list = allocated_list },
	[NVME_CNS_CSI_ALLOC_NS] = { W_ALLOC, true, .ns = ssd_id_ns_nvm },
	[NVME_CNS_IOCS] = { W_LIST, .list = ssd_id_iocs },
	[NVME_CNS_IND_ALLOC_NS] = { W_ALLOC, .ns = ssd_id_ns_ind },
};

/* With CSI 2. */
static const struct cns zns_table[256] = {
	[NVME_CNS_CSI_NS] = { W_NS, true, .ns = ssd_id_ns_zns },
	[NVME_CNS_CSI_CTRL] = { W_CTRLR, true, .ctrlr = ssd_id_ctrl_zns },
	[NVME_CNS_CSI_ACTIVE_NS_LIST] = { W_LIST, true, .list = active_list },
	[NVME_CNS_CSI_ALLOC_NS_LIST] = { W_LIST, true, .list = allocated_list },
	[NVME_CNS_CSI_ALLOC_NS] = { W_ALLOC, true, .ns = ssd_id_ns_zns },
};

/* NSID FFFFFFFFh: capabilities, and none of what a namespace has for itself. */
static void
fill_common(struct ssd *ssd, const struct cns *cns, void *buf)
{
	struct ssd_lba_map none = { .count = 0 };
	struct ssd_ns ns = { .sub = ssd->sub, .nsid = NVME_NSID_ALL, .alloc = &none, .bad = &none };

	ssd_ns_use_format(&ns, &(struct ssd_format){ .lbaf = 0 });
	cns->ns(ssd, &ns, buf);
}

static nvme_status
fill_ns(struct ssd_cmd *c, const struct cns *cns, void *buf)
{
	nvme_status st;

	if (cns->what == W_NS_COMMON && le32_get(c->sqe->nsid) == NVME_NSID_ALL) {
		fill_common(c->ssd, cns, buf);
		return NVME_SC_SUCCESS;
	}
	st = check_nsid(c, cns->what == W_ALLOC);
	if (!st && c->ns && cns->ns == ssd_id_ns_zns && !c->ns->zones)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, NSID);
	if (!st && c->ns)
		cns->ns(c->ssd, c->ns, buf);
	return st;
}

static nvme_status
fill(struct ssd_cmd *c, const struct cns *cns, void *buf)
{
	switch (cns->what) {
	case W_CTRLR:
		cns->ctrlr(c->ssd, buf);
		break;
	case W_NS:
	case W_NS_COMMON:
	case W_ALLOC:
		return fill_ns(c, cns, buf);
	case W_LIST:
		return cns->list(c, buf);
	case W_NONE:
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10);
	}
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_adm_identify(struct ssd_cmd *c)
{
	uint64_t n = nvme_get(le32_get(c->sqe->cdw10), NVME_IDENTIFY_CNS);
	uint64_t csi = nvme_get(le32_get(c->sqe->cdw11), NVME_IDENTIFY_CSI);
	const struct cns *cns = &table[n];
	nvme_status st;

	if (cns->csi && csi == NVME_CSI_ZNS && ssd_zns_there(c->ssd->sub))
		cns = &zns_table[n];
	else if (cns->csi && csi != NVME_CSI_NVM)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CSI_BYTE);
	memset(c->ssd->bounce, 0, NVME_ID_SIZE);
	st = fill(c, cns, c->ssd->bounce);
	return st ? st : ssd_reply(c, c->ssd->bounce, NVME_ID_SIZE);
}
