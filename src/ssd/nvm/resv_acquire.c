/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reservation Acquire: acquire, preempt, preempt and abort.  Commands that were fetched are done by the time the next one is
 * looked at, so there is nothing to abort, and the two preempts are the same.
 *
 * NVMe Base 2.1, "Acquiring a Reservation", "Preempting a Reservation or Registration".
 */
#include "ssd/nvm/resv.h"

#define CDW10 offsetof(struct nvme_sqe, cdw10)
#define DATA offsetof(struct nvme_sqe, prp1)

static void
hold(struct ssd_resv_kept *r, uint32_t me, uint8_t rtype)
{
	r->rtype = rtype;
	r->holder = ssd_resv_all_registrants(rtype) ? SSD_RESV_NOBODY : (uint8_t)me;
}

static nvme_status
acquire(struct ssd_cmd *c, struct ssd_resv_kept *r, uint32_t me, uint8_t rtype)
{
	if (!r->rtype) {
		hold(r, me, rtype);
		return NVME_SC_SUCCESS;
	}
	if (ssd_resv_holds(r, me) && r->rtype == rtype)
		return NVME_SC_SUCCESS;
	return ssd_fail(c, NVME_SC_RESV_CONFLICT, CDW10);
}

/*
 * Unregister the hosts with this key, or with key 0h all; `spare` (SSD_RESV_NOBODY: nobody) stays.  They are told.  How many
 * they were.
 */
static uint32_t
expel(struct ssd_cmd *c, struct ssd_resv_kept *r, uint64_t key, uint32_t spare)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SSD_RESV_HOSTS; i++) {
		struct ssd_resv_host h = r->host[i];

		if (!h.there || i == spare || (key && le64_get(h.rkey) != key))
			continue;
		ssd_resv_remove(r, i);
		ssd_resv_note_host(c->ssd, c->ns, &h, NVME_RNLPT_REG_PREEMPTED);
		n++;
	}
	return n;
}

/* The reservation becomes this host's.  Who remains is told when its type changes. */
static void
take_over(struct ssd_cmd *c, struct ssd_resv_kept *r, uint32_t me, uint64_t key)
{
	uint8_t rtype = (uint8_t)nvme_get(le32_get(c->sqe->cdw10), NVME_RESV_RTYPE), old = r->rtype;

	expel(c, r, key, me);
	hold(r, me, rtype);
	if (old != rtype)
		ssd_resv_note_all(c->ssd, c->ns, NVME_RNLPT_RESV_RELEASED);
}

/* Whose reservation the key takes; for one of all registrants that is key 0h. */
static bool
hits_holder(const struct ssd_resv_kept *r, uint64_t prkey)
{
	if (!r->rtype)
		return false;
	return ssd_resv_all_registrants(r->rtype) ? !prkey : le64_get(r->host[r->holder].rkey) == prkey;
}

static nvme_status
preempt(struct ssd_cmd *c, struct ssd_resv_kept *r, uint32_t me, uint64_t prkey)
{
	if (hits_holder(r, prkey)) {
		take_over(c, r, me, prkey);
	} else {
		if (!prkey)
			return ssd_fail(c, NVME_SC_INVALID_FIELD, DATA);
		if (!expel(c, r, prkey, SSD_RESV_NOBODY))
			return ssd_fail(c, NVME_SC_RESV_CONFLICT, DATA);
	}
	r->gen = le32_from(le32_get(r->gen) + 1);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_nvm_resv_acquire(struct ssd_cmd *c)
{
	uint32_t cdw10 = le32_get(c->sqe->cdw10), action = nvme_get32(cdw10, NVME_RESV_ACTION), me;
	uint8_t rtype = (uint8_t)nvme_get(cdw10, NVME_RESV_RTYPE);
	struct ssd_resv_kept *r = ssd_resv_of(c->ns);
	struct nvme_resv_acquire d = { 0 };
	nvme_status st;

	if (action > NVME_RACQA_PREEMPT_ABORT)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10);
	if (!rtype || rtype > NVME_RTYPE_EAAR)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10 + 1);
	st = ssd_data(c, sizeof(d));
	if (!st)
		st = ssd_from_host(c, 0, &d, sizeof(d));
	if (!st)
		st = ssd_resv_check(c, le64_get(d.crkey), &me);
	if (!st)
		st = action == NVME_RACQA_ACQUIRE ? acquire(c, r, me, rtype) : preempt(c, r, me, le64_get(d.prkey));
	if (!st)
		ssd_resv_changed(c->ns);
	return st;
}
