/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Namespace Attachment: which controllers a namespace is there for.  The list is worked through in order, up to the first
 * entry that cannot be done; the error log tells where that is.
 *
 * NVMe Base 2.1, "Namespace Attachment command".
 */
#include "ssd/admin/admin.h"
#include "nvproof/spec/id_lists.h"
#include "ssd/admin/dst.h"

#define DATA offsetof(struct nvme_sqe, prp1)

static nvme_status
attach(struct ssd_ns *ns, uint32_t bit)
{
	if (ns->attached & bit)
		return NVME_SC_NS_ALREADY_ATTACHED;
	if (ns->attached && !(ns->nmic & NVME_NMIC_SHRNS))
		return NVME_SC_NS_IS_PRIVATE;
	ns->attached |= bit;
	return NVME_SC_SUCCESS;
}

static nvme_status
detach(struct ssd_ns *ns, uint32_t bit)
{
	if (!(ns->attached & bit))
		return NVME_SC_NS_NOT_ATTACHED;
	ns->attached &= ~bit;
	return NVME_SC_SUCCESS;
}

/* Identifiers of controllers that there are, in ascending order. */
static bool
entry_ok(const struct ssd_subsys *sub, const struct nvme_ctrl_list *list, uint32_t i)
{
	uint32_t cntlid = le16_get(list->cntlid[i]);

	if (!cntlid || cntlid > SSD_MAX_CTRLRS || !sub->ctrlr[cntlid - 1])
		return false;
	return !i || cntlid > le16_get(list->cntlid[i - 1]);
}

static nvme_status
work(struct ssd_cmd *c, const struct nvme_ctrl_list *list, bool detaching)
{
	uint32_t n = le16_get(list->num);
	nvme_status st = n && n <= NVME_CTRL_LIST_MAX ? NVME_SC_SUCCESS : NVME_SC_CTRLR_LIST_INVALID;

	for (uint32_t i = 0; !st && i < n; i++) {
		uint32_t bit;

		c->err_cs = offsetof(struct nvme_ctrl_list, cntlid) + i * sizeof(list->cntlid[0]);
		if (!entry_ok(c->ssd->sub, list, i))
			return ssd_fail(c, NVME_SC_CTRLR_LIST_INVALID, DATA);
		bit = 1u << (le16_get(list->cntlid[i]) - 1);
		st = detaching ? detach(c->ns, bit) : attach(c->ns, bit);
	}
	return st ? ssd_fail(c, st, DATA) : st;
}

static nvme_status
check(struct ssd_cmd *c)
{
	struct ssd_subsys *sub = c->ssd->sub;
	uint32_t nsid = le32_get(c->sqe->nsid);

	if (nvme_get(le32_get(c->sqe->cdw10), NVME_NS_ATTACH_SEL) > NVME_NS_ATTACH_DETACH)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw10));
	if (!nsid || nsid > ssd_nn(sub))
		return ssd_fail(c, NVME_SC_INVALID_NS, offsetof(struct nvme_sqe, nsid));
	c->ns = ssd_ns_get(sub, nsid);
	return c->ns ? NVME_SC_SUCCESS : ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, nsid));
}

nvme_status
ssd_adm_ns_attach(struct ssd_cmd *c)
{
	struct nvme_ctrl_list *list = (void *)c->ssd->bounce;
	bool detaching = nvme_get(le32_get(c->sqe->cdw10), NVME_NS_ATTACH_SEL) == NVME_NS_ATTACH_DETACH;
	nvme_status st = check(c);
	uint32_t before;

	if (!st)
		st = ssd_data(c, sizeof(*list));
	if (!st)
		st = ssd_from_host(c, 0, list, sizeof(*list));
	if (st)
		return st;
	before = c->ns->attached;
	st = work(c, list, detaching);
	if (c->ns->attached == before)
		return st;
	if (detaching)
		ssd_dst_abort_ns(c->ssd->sub, c->ns->nsid, NVME_DSTS_ABORT_NS_REMOVED);
	ssd_ns_changed(c->ssd, c->ns, c->ns->attached ^ before);
	ssd_ns_save(c->ssd->sub);
	return st;
}
