/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Create and Delete I/O Submission and Completion Queue.
 *
 * NVMe Base, the commands of these names in "Admin Command Set" (in later revisions under "Memory-Based Transport
 * Admin Commands"), and "Number of Queues" feature.
 */
#include "ssd/admin/admin.h"
#include "nvproof/spec/feat.h"
#include "ssd/core.h"
#include "ssd/fault/fault.h"

#define CDW(n) offsetof(struct nvme_sqe, cdw##n)

/* Identifiers go from 1 to what Number of Queues granted. */
static bool
qid_valid(const struct ssd *ssd, uint32_t qid, bool cq)
{
	uint32_t max = ssd_queues_max(ssd);

	max = UT_MIN(max, nvme_get32(ssd->feat.nr_queues, cq ? NVME_FEAT_NQ_NCQA : NVME_FEAT_NQ_NSQA) + 1);
	return qid >= 1 && qid <= max;
}

/* QSIZE is 0's based: two entries at least.  CC.IOSQES and IOCQES must have been set before. */
static bool
qsize_valid(const struct ssd *ssd, uint32_t qsize, uint64_t cc_field, uint32_t log2_entry)
{
	return qsize >= 1 && qsize <= nvme_get(ssd->cap, NVME_CAP_MQES) && nvme_get(ssd->cc, cc_field) == log2_entry;
}

/* How many vectors there are depends on what the host enabled: MSI-X, MSI with so many messages, or the one INTx. */
static bool
vector_valid(const struct ssd *ssd, bool ien, uint32_t iv)
{
	if (iv >= ssd->nr_vectors)
		return false;
	if (!ien || ssd->msix_on)
		return true;
	return iv < (ssd->msi_on ? ssd->msi_nr : 1);
}

static struct ssd_queue_attr
attr_of(const struct nvme_sqe *sqe)
{
	uint32_t cdw10 = le32_get(sqe->cdw10);

	return (struct ssd_queue_attr){
		.id = (uint16_t)nvme_get(cdw10, NVME_SQ_QID),
		.size = nvme_get32(cdw10, NVME_SQ_QSIZE) + 1,
		.pc = nvme_get(le32_get(sqe->cdw11), NVME_SQ_PC),
		.base = le64_get(sqe->prp1),
	};
}

/* In both forms of PRP1, contiguous ring or PRP list, the offset is 0h. */
static nvme_status
base_check(struct ssd_cmd *c, const struct ssd_queue_attr *a)
{
	if (a->base % SSD_PAGE)
		return ssd_fail(c, NVME_SC_PRP_INVALID_OFFSET, offsetof(struct nvme_sqe, prp1));
	return NVME_SC_SUCCESS;
}

static nvme_status
created(struct ssd_cmd *c, nvme_status st)
{
	return st ? ssd_fail(c, st, offsetof(struct nvme_sqe, prp1)) : st;
}

nvme_status
ssd_adm_create_cq(struct ssd_cmd *c)
{
	struct ssd *ssd = c->ssd;
	uint32_t cdw11 = le32_get(c->sqe->cdw11);
	struct ssd_queue_attr a = attr_of(c->sqe);
	nvme_status st;

	a.ien = nvme_get(cdw11, NVME_CQ_IEN);
	a.iv = (uint16_t)nvme_get(cdw11, NVME_CQ_IV);
	if (!qid_valid(ssd, a.id, true) || ssd->cq[a.id].live)
		return ssd_fail(c, NVME_SC_INVALID_QID, CDW(10));
	if (!qsize_valid(ssd, a.size - 1, NVME_CC_IOCQES, 4))
		return ssd_fail(c, NVME_SC_INVALID_QSIZE, CDW(10) + 2);
	if (!vector_valid(ssd, a.ien, a.iv))
		return ssd_fail(c, NVME_SC_INVALID_VECTOR, CDW(11) + 2);
	st = base_check(c, &a);
	return st ? st : created(c, ssd_cq_create(ssd, &a));
}

nvme_status
ssd_adm_create_sq(struct ssd_cmd *c)
{
	struct ssd *ssd = c->ssd;
	uint32_t cdw11 = le32_get(c->sqe->cdw11);
	uint32_t cqid = nvme_get32(cdw11, NVME_SQ_CQID);
	struct ssd_queue_attr a = attr_of(c->sqe);
	nvme_status st;

	a.prio = (uint8_t)nvme_get(cdw11, NVME_SQ_QPRIO); /* arb.c looks at it with weighted round robin only */
	if (!qid_valid(ssd, a.id, false) || ssd->sq[a.id].live)
		return ssd_fail(c, NVME_SC_INVALID_QID, CDW(10));
	if (!qsize_valid(ssd, a.size - 1, NVME_CC_IOSQES, 6))
		return ssd_fail(c, NVME_SC_INVALID_QSIZE, CDW(10) + 2);
	if (!qid_valid(ssd, cqid, true))
		return ssd_fail(c, NVME_SC_INVALID_QID, CDW(11) + 2);
	if (!ssd->cq[cqid].live)
		return ssd_fail(c, NVME_SC_CQ_INVALID, CDW(11) + 2);
	st = base_check(c, &a);
	return st ? st : created(c, ssd_sq_create(ssd, &a, &ssd->cq[cqid]));
}

/* Commands that were fetched have completed; those that were not are gone with the queue. */
nvme_status
ssd_adm_delete_sq(struct ssd_cmd *c)
{
	uint32_t qid = nvme_get32(le32_get(c->sqe->cdw10), NVME_SQ_QID);

	if (!qid || qid >= SSD_MAX_QUEUES || !c->ssd->sq[qid].live)
		return ssd_fail(c, NVME_SC_INVALID_QID, CDW(10));
	ssd_sq_delete(c->ssd, &c->ssd->sq[qid]);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_adm_delete_cq(struct ssd_cmd *c)
{
	uint32_t qid = nvme_get32(le32_get(c->sqe->cdw10), NVME_CQ_QID);

	if (!qid || qid >= SSD_MAX_QUEUES || !c->ssd->cq[qid].live)
		return ssd_fail(c, NVME_SC_INVALID_QID, CDW(10));
	if (c->ssd->cq[qid].refs && !ssd_fault(c->ssd, SSD_FAULT_CQ_DELETE_SHARED, &(uint64_t){ 0 }))
		return ssd_fail(c, NVME_SC_INVALID_QUEUE_DELETION, CDW(10));
	ssd_cq_delete(c->ssd, &c->ssd->cq[qid]);
	return NVME_SC_SUCCESS;
}
