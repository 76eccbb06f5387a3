/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Primary and secondary controllers: who has which resources, and what Identify tells of it.
 *
 * NVMe Base, "Virtualization Enhancements", "Primary Controller Capabilities Structure", "Secondary Controller List".
 */
#include "ssd/admin/virt.h"
#include "nvproof/spec/id_lists.h"
#include "ssd/core.h"

uint32_t
ssd_virt_free(const struct ssd_subsys *sub, uint32_t rt, uint32_t cntlid)
{
	uint32_t used = cntlid == 1 ? 0 : UT_MAX(sub->virt.rfap[rt], sub->virt.rfap_now[rt]);

	for (uint32_t i = 1; i < SSD_MAX_CTRLRS; i++)
		used += i + 1 == cntlid ? 0 : sub->virt.sec[i].has[rt];
	return SSD_VFRT - used;
}

/* What a controller has: one queue pair is the admin queue's.  An offline one needs none; 1 keeps the arithmetic whole. */
static void
use_resources(struct ssd *ssd)
{
	const struct ssd_virt *v = &ssd->sub->virt;
	uint32_t vq, vi;

	if (ssd->cntlid == 1) {
		vq = SSD_VQPRT + v->rfap_now[NVME_VIRT_RT_VQ];
		vi = SSD_VIPRT + v->rfap_now[NVME_VIRT_RT_VI];
	} else {
		vq = v->sec[ssd->cntlid - 1].has[NVME_VIRT_RT_VQ];
		vi = v->sec[ssd->cntlid - 1].has[NVME_VIRT_RT_VI];
	}
	ssd->nr_ioqs = UT_MAX(vq, 2u) - 1;
	ssd->nr_ioqs = UT_MIN(ssd->nr_ioqs, SSD_MAX_QUEUES - 1);
	ssd->nr_vectors = UT_MIN(UT_MAX(vi, 1u), SSD_NR_VECTORS);
}

static void
take_offline(struct ssd_subsys *sub, uint32_t cntlid)
{
	struct ssd_virt_sec *s = &sub->virt.sec[cntlid - 1];
	bool was = s->online;

	*s = (struct ssd_virt_sec){ .online = false };
	if (was && sub->ctrlr[cntlid - 1])
		ssd_function_reset(sub->ctrlr[cntlid - 1]);
}

void
ssd_virt_off(struct ssd_subsys *sub, uint32_t cntlid)
{
	take_offline(sub, cntlid);
	if (sub->ctrlr[cntlid - 1])
		use_resources(sub->ctrlr[cntlid - 1]);
}

bool
ssd_virt_online(struct ssd_subsys *sub, uint32_t cntlid)
{
	struct ssd_virt_sec *s = &sub->virt.sec[cntlid - 1];

	if (s->has[NVME_VIRT_RT_VQ] < 2 || !s->has[NVME_VIRT_RT_VI])
		return false;
	if (s->online)
		return true;
	s->online = true;
	ssd_function_reset(sub->ctrlr[cntlid - 1]);
	return true;
}

void
ssd_virt_reset(struct ssd *ssd)
{
	struct ssd_virt *v = &ssd->sub->virt;

	if (!ssd->sub->cfg.virt)
		return;
	if (ssd->cntlid == 1) {
		for (uint32_t i = 2; i <= SSD_MAX_CTRLRS; i++)
			take_offline(ssd->sub, i);
		v->rfap_now[NVME_VIRT_RT_VQ] = v->rfap[NVME_VIRT_RT_VQ];
		v->rfap_now[NVME_VIRT_RT_VI] = v->rfap[NVME_VIRT_RT_VI];
	}
	use_resources(ssd);
}

static uint32_t
assigned(const struct ssd_subsys *sub, uint32_t rt)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < SSD_MAX_CTRLRS; i++)
		n += sub->virt.sec[i].has[rt];
	return n;
}

/* Only a primary controller has these data structures. */
static nvme_status
primary_only(struct ssd_cmd *c)
{
	return ssd_virt_primary(c->ssd) ? NVME_SC_SUCCESS
					: ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw10));
}

nvme_status
ssd_id_primary(struct ssd_cmd *c, void *buf)
{
	const struct ssd_virt *v = &c->ssd->sub->virt;
	struct nvme_primary_ctrl_cap *cap = buf;
	nvme_status st = primary_only(c);

	if (st)
		return st;
	cap->cntlid = le16_from(c->ssd->cntlid);
	cap->crt = (uint8_t)(NVME_CRT_VQRS | NVME_CRT_VIRS);
	cap->vqfrt = cap->vifrt = le32_from(SSD_VFRT);
	cap->vqrfa = le32_from(assigned(c->ssd->sub, NVME_VIRT_RT_VQ));
	cap->virfa = le32_from(assigned(c->ssd->sub, NVME_VIRT_RT_VI));
	cap->vqrfap = le16_from(v->rfap[NVME_VIRT_RT_VQ]);
	cap->virfap = le16_from(v->rfap[NVME_VIRT_RT_VI]);
	cap->vqprt = le16_from(SSD_VQPRT);
	cap->viprt = le16_from(SSD_VIPRT);
	cap->vqfrsm = cap->vifrsm = le16_from(SSD_VFRSM);
	cap->vqgran = cap->vigran = le16_from(1);
	return NVME_SC_SUCCESS;
}

/* From CDW10.CNTID on.  The n-th of them is virtual function n. */
nvme_status
ssd_id_secondary(struct ssd_cmd *c, void *buf)
{
	uint32_t from = nvme_get32(le32_get(c->sqe->cdw10), NVME_IDENTIFY_CNTID);
	const struct ssd_subsys *sub = c->ssd->sub;
	struct nvme_secondary_ctrl_list *list = buf;
	nvme_status st = primary_only(c);

	if (st)
		return st;
	for (uint32_t id = UT_MAX(from, 2u); id <= SSD_MAX_CTRLRS; id++) {
		const struct ssd_virt_sec *s = &sub->virt.sec[id - 1];

		if (!sub->ctrlr[id - 1])
			continue;
		list->sc[list->num++] = (struct nvme_secondary_ctrl){
			.scid = le16_from((uint16_t)id),
			.pcid = le16_from(c->ssd->cntlid),
			.scs = (uint8_t)nvme_put(NVME_SCS_ONLINE, s->online),
			.vfn = le16_from((uint16_t)(id - 1)),
			.nvq = le16_from(s->has[NVME_VIRT_RT_VQ]),
			.nvi = le16_from(s->has[NVME_VIRT_RT_VI]),
		};
	}
	return NVME_SC_SUCCESS;
}
