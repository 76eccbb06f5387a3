/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Features that are a dword with rules of its own: queues, vectors, error recovery, command set profile.
 */
#include "ssd/admin/feat.h"
#include "ssd/core.h"

uint32_t
ssd_feat_queues_max(const struct ssd *ssd)
{
	uint32_t max = ssd_queues_max(ssd) - 1u;

	return nvme_put32(NVME_FEAT_NQ_NSQA, max) | nvme_put32(NVME_FEAT_NQ_NCQA, max);
}

/*
 * NVMe Base 2.1, "Number of Queues": asked for once, before there are I/O queues.  65,535 queues (FFFFh, 0's based
 * 65,536) cannot be asked for.
 */
nvme_status
ssd_feat_queues_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	uint32_t nsq = nvme_get32(cdw11, NVME_FEAT_NQ_NSQR), ncq = nvme_get32(cdw11, NVME_FEAT_NQ_NCQR);
	uint32_t max = ssd_queues_max(c->ssd) - 1u;

	(void)save;
	if (nsq == 0xffff || ncq == 0xffff)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, SSD_FEAT_CDW11 + (nsq == 0xffff ? 0 : 2));
	for (uint32_t i = 1; i < SSD_MAX_QUEUES; i++) {
		if (c->ssd->sq[i].live || c->ssd->cq[i].live)
			return ssd_fail(c, NVME_SC_CMD_SEQUENCE, offsetof(struct nvme_sqe, cdw10));
	}
	c->ssd->feat.nr_queues =
		nvme_put32(NVME_FEAT_NQ_NSQA, UT_MIN(nsq, max)) | nvme_put32(NVME_FEAT_NQ_NCQA, UT_MIN(ncq, max));
	c->dw0 = c->ssd->feat.nr_queues;
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_queues_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	(void)cdw11;
	c->dw0 = sel == NVME_FEAT_SEL_CURRENT ? c->ssd->feat.nr_queues : ssd_feat_queues_max(c->ssd);
	return NVME_SC_SUCCESS;
}

/* NVMe Base 2.1, "Interrupt Vector Configuration": one vector a command. */
static nvme_status
vector(struct ssd_cmd *c, uint32_t cdw11, uint32_t *iv)
{
	*iv = nvme_get32(cdw11, NVME_FEAT_IVC_IV);
	return *iv < c->ssd->nr_vectors ? NVME_SC_SUCCESS : ssd_fail(c, NVME_SC_INVALID_FIELD, SSD_FEAT_CDW11);
}

nvme_status
ssd_feat_vector_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	uint32_t iv;
	nvme_status st = vector(c, cdw11, &iv);

	(void)save;
	if (st)
		return st;
	if (cdw11 & NVME_FEAT_IVC_CD)
		c->ssd->feat.irq_cd[iv / 64] |= 1ull << (iv % 64);
	else
		c->ssd->feat.irq_cd[iv / 64] &= ~(1ull << (iv % 64));
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_vector_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	uint32_t iv;
	nvme_status st = vector(c, cdw11, &iv);

	if (st)
		return st;
	c->dw0 = iv;
	if (sel == NVME_FEAT_SEL_CURRENT && (c->ssd->feat.irq_cd[iv / 64] >> (iv % 64) & 1))
		c->dw0 |= (uint32_t)NVME_FEAT_IVC_CD;
	return NVME_SC_SUCCESS;
}

/* Of a namespace, or of all with FFFFFFFFh.  NVM Command Set 1.1, "Error Recovery". */
nvme_status
ssd_feat_recovery_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	uint32_t v = cdw11 & (uint32_t)(NVME_FEAT_ER_TLER | NVME_FEAT_ER_DULBE);

	(void)save;
	if (c->ns) {
		c->ns->err_recovery = v;
		return NVME_SC_SUCCESS;
	}
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++)
		c->ssd->sub->ns[i].err_recovery = v;
	return NVME_SC_SUCCESS;
}

/* It is the namespace's: the reset of one controller does not take it from the hosts of the others. */
void
ssd_feat_recovery_reset(struct ssd *ssd)
{
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		const struct ssd *other = ssd->sub->ctrlr[i];

		if (other && other != ssd && nvme_get(other->cc, NVME_CC_EN))
			return;
	}
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++)
		ssd->sub->ns[i].err_recovery = 0;
}

nvme_status
ssd_feat_recovery_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	(void)cdw11;
	c->dw0 = sel == NVME_FEAT_SEL_CURRENT ? c->ns->err_recovery : 0;
	return NVME_SC_SUCCESS;
}

/* Index 0: the NVM command set with zones, the only combination.  NVMe Base, "I/O Command Set Profile". */
nvme_status
ssd_feat_profile_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	(void)save;
	return nvme_get(cdw11, NVME_BITS(8, 0)) ? ssd_fail(c, NVME_SC_IOCS_COMBINATION, SSD_FEAT_CDW11)
						: NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_profile_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	(void)cdw11;
	(void)sel;
	c->dw0 = 0;
	return NVME_SC_SUCCESS;
}
