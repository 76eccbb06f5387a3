/* SPDX-License-Identifier: BSD-3-Clause */
/* Virtualization Management.  NVMe Base, the command of this name, figure "Virtualization Management - Command Dword 10". */
#include "ssd/admin/admin.h"
#include "ssd/admin/virt.h"
#include "ssd/core.h"

#define CDW10 offsetof(struct nvme_sqe, cdw10)
#define CDW11 offsetof(struct nvme_sqe, cdw11)

static nvme_status
resource_count(struct ssd_cmd *c)
{
	return ssd_fail(c, NVME_SC_INVALID_CTRLR_RES_COUNT, CDW11);
}

/* What the primary controller is to have for itself from its next controller level reset on. */
static nvme_status
primary_flexible(struct ssd_cmd *c, uint32_t cntlid, uint32_t rt, uint32_t nr)
{
	struct ssd_virt *v = &c->ssd->sub->virt;

	if (cntlid != c->ssd->cntlid)
		return ssd_fail(c, NVME_SC_INVALID_CNTLID, CDW10 + 2);
	if (nr > ssd_virt_free(c->ssd->sub, rt, cntlid))
		return resource_count(c);
	v->rfap[rt] = (uint16_t)nr;
	c->dw0 = nr;
	return NVME_SC_SUCCESS;
}

static nvme_status
secondary_assign(struct ssd_cmd *c, uint32_t cntlid, uint32_t rt, uint32_t nr)
{
	struct ssd_virt_sec *s = &c->ssd->sub->virt.sec[cntlid - 1];

	if (s->online)
		return ssd_fail(c, NVME_SC_INVALID_SEC_CTRLR_STATE, CDW10 + 2);
	if (nr > SSD_VFRSM || nr > ssd_virt_free(c->ssd->sub, rt, cntlid))
		return resource_count(c);
	s->has[rt] = (uint16_t)nr;
	c->dw0 = nr;
	return NVME_SC_SUCCESS;
}

static nvme_status
secondary_online(struct ssd_cmd *c, uint32_t cntlid)
{
	if (!ssd_virt_online(c->ssd->sub, cntlid))
		return ssd_fail(c, NVME_SC_INVALID_SEC_CTRLR_STATE, CDW10 + 2);
	return NVME_SC_SUCCESS;
}

static bool
takes_resources(uint32_t act)
{
	return act == NVME_VIRT_ACT_PRIMARY || act == NVME_VIRT_ACT_ASSIGN;
}

static nvme_status
run(struct ssd_cmd *c, uint32_t act, uint32_t cntlid)
{
	uint32_t rt = nvme_get32(le32_get(c->sqe->cdw10), NVME_VIRT_RT);
	uint32_t nr = nvme_get32(le32_get(c->sqe->cdw11), NVME_VIRT_NR);

	if (takes_resources(act) && rt > NVME_VIRT_RT_VI)
		return ssd_fail(c, NVME_SC_INVALID_RESOURCE_ID, CDW10 + 1);
	if (act == NVME_VIRT_ACT_PRIMARY)
		return primary_flexible(c, cntlid, rt, nr);
	if (cntlid < 2 || cntlid > SSD_MAX_CTRLRS || !c->ssd->sub->ctrlr[cntlid - 1])
		return ssd_fail(c, NVME_SC_INVALID_CNTLID, CDW10 + 2);
	if (act == NVME_VIRT_ACT_ASSIGN)
		return secondary_assign(c, cntlid, rt, nr);
	if (act == NVME_VIRT_ACT_ONLINE)
		return secondary_online(c, cntlid);
	ssd_virt_off(c->ssd->sub, cntlid);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_adm_virt_mgmt(struct ssd_cmd *c)
{
	uint32_t cdw10 = le32_get(c->sqe->cdw10), act = nvme_get32(cdw10, NVME_VIRT_ACT);

	if (!ssd_virt_primary(c->ssd))
		return ssd_fail(c, NVME_SC_INVALID_OPCODE, offsetof(struct nvme_sqe, opc));
	if (!takes_resources(act) && act != NVME_VIRT_ACT_OFFLINE && act != NVME_VIRT_ACT_ONLINE)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10);
	return run(c, act, nvme_get32(cdw10, NVME_VIRT_CNTLID));
}
