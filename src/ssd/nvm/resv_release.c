/* SPDX-License-Identifier: BSD-3-Clause */
/* Reservation Release: release, clear.   NVMe Base 2.1, "Releasing a Reservation", "Clearing a Reservation". */
#include "ssd/nvm/resv.h"

#define CDW10 offsetof(struct nvme_sqe, cdw10)

/* Who holds nothing releases nothing, successfully. */
static nvme_status
release(struct ssd_cmd *c, struct ssd_resv_kept *r, uint32_t me)
{
	uint8_t rtype = r->rtype;

	if (!ssd_resv_holds(r, me))
		return NVME_SC_SUCCESS;
	if (nvme_get(le32_get(c->sqe->cdw10), NVME_RESV_RTYPE) != rtype)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10 + 1);
	r->rtype = NVME_RTYPE_NONE;
	r->holder = SSD_RESV_NOBODY;
	if (rtype != NVME_RTYPE_WE && rtype != NVME_RTYPE_EA)
		ssd_resv_note_all(c->ssd, c->ns, NVME_RNLPT_RESV_RELEASED);
	return NVME_SC_SUCCESS;
}

static void
clear(struct ssd_cmd *c, struct ssd_resv_kept *r)
{
	ssd_resv_note_all(c->ssd, c->ns, NVME_RNLPT_RESV_PREEMPTED);
	for (uint32_t i = 0; i < SSD_RESV_HOSTS; i++)
		r->host[i] = (struct ssd_resv_host){ .there = 0 };
	r->rtype = NVME_RTYPE_NONE;
	r->holder = SSD_RESV_NOBODY;
	r->gen = le32_from(le32_get(r->gen) + 1);
}

nvme_status
ssd_nvm_resv_release(struct ssd_cmd *c)
{
	uint64_t action = nvme_get(le32_get(c->sqe->cdw10), NVME_RESV_ACTION);
	struct ssd_resv_kept *r = ssd_resv_of(c->ns);
	struct nvme_resv_release d = { 0 };
	nvme_status st;
	uint32_t me;

	if (action > NVME_RRELA_CLEAR)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10);
	st = ssd_data(c, sizeof(d));
	if (!st)
		st = ssd_from_host(c, 0, &d, sizeof(d));
	if (!st)
		st = ssd_resv_check(c, le64_get(d.crkey), &me);
	if (st)
		return st;
	if (action == NVME_RRELA_CLEAR)
		clear(c, r);
	else
		st = release(c, r, me);
	if (!st)
		ssd_resv_changed(c->ns);
	return st;
}
