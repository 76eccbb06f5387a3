/* SPDX-License-Identifier: BSD-3-Clause */
/* Reservation Register: register, unregister, replace a key.   NVMe Base 2.1, "Registering", "Unregistering". */
#include "ssd/nvm/resv.h"

#define CDW10 offsetof(struct nvme_sqe, cdw10)
#define DATA offsetof(struct nvme_sqe, prp1)

static nvme_status
add(struct ssd_cmd *c, struct ssd_resv_kept *r, uint64_t key)
{
	return ssd_resv_add(c->ssd, r, key) ? NVME_SC_SUCCESS : NVME_SC_INTERNAL;
}

/* The same key again is fine.  IEKEY means nothing here. */
static nvme_status
enroll(struct ssd_cmd *c, struct ssd_resv_kept *r, uint64_t nrkey)
{
	uint32_t me = ssd_resv_find(c->ssd, r);

	if (me == SSD_RESV_NOBODY)
		return add(c, r, nrkey);
	return le64_get(r->host[me].rkey) == nrkey ? NVME_SC_SUCCESS : ssd_fail(c, NVME_SC_RESV_CONFLICT, DATA);
}

/* With IEKEY nothing is checked, not even whether there is a key. */
static nvme_status
check_key(struct ssd_cmd *c, const struct ssd_resv_kept *r, uint32_t me, uint64_t crkey)
{
	if (le32_get(c->sqe->cdw10) & NVME_RESV_IEKEY)
		return NVME_SC_SUCCESS;
	if (me == SSD_RESV_NOBODY || le64_get(r->host[me].rkey) != crkey)
		return ssd_fail(c, NVME_SC_RESV_CONFLICT, DATA);
	return NVME_SC_SUCCESS;
}

static nvme_status
replace(struct ssd_cmd *c, struct ssd_resv_kept *r, const struct nvme_resv_register *d)
{
	uint32_t me = ssd_resv_find(c->ssd, r);
	nvme_status st = check_key(c, r, me, le64_get(d->crkey));

	if (st)
		return st;
	if (me == SSD_RESV_NOBODY)
		return add(c, r, le64_get(d->nrkey));
	r->host[me].rkey = d->nrkey;
	return NVME_SC_SUCCESS;
}

/* A reservation that goes with it is news for those to whom it mattered: of the types for registrants only. */
static nvme_status
leave(struct ssd_cmd *c, struct ssd_resv_kept *r, uint64_t crkey)
{
	uint32_t me = ssd_resv_find(c->ssd, r);
	nvme_status st = check_key(c, r, me, crkey);
	uint8_t rtype = r->rtype;

	if (st || me == SSD_RESV_NOBODY)
		return st;
	if (ssd_resv_remove(r, me) && (rtype == NVME_RTYPE_WERO || rtype == NVME_RTYPE_EARO))
		ssd_resv_note_all(c->ssd, c->ns, NVME_RNLPT_RESV_RELEASED);
	return NVME_SC_SUCCESS;
}

/* A key of 0h could not be told from none in a preempt. */
static nvme_status
check_fields(struct ssd_cmd *c, const struct nvme_resv_register *d)
{
	uint32_t cdw10 = le32_get(c->sqe->cdw10);
	uint64_t action = nvme_get(cdw10, NVME_RESV_ACTION);

	if (action > NVME_RREGA_REPLACE)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10);
	if (nvme_get(cdw10, NVME_RESV_CPTPL) == 1)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10 + 3);
	if (action != NVME_RREGA_UNREGISTER && !le64_get(d->nrkey))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, DATA);
	return NVME_SC_SUCCESS;
}

static nvme_status
act(struct ssd_cmd *c, struct ssd_resv_kept *r, const struct nvme_resv_register *d)
{
	switch (nvme_get(le32_get(c->sqe->cdw10), NVME_RESV_ACTION)) {
	case NVME_RREGA_REGISTER:
		return enroll(c, r, le64_get(d->nrkey));
	case NVME_RREGA_UNREGISTER:
		return leave(c, r, le64_get(d->crkey));
	default:
		return replace(c, r, d);
	}
}

nvme_status
ssd_nvm_resv_register(struct ssd_cmd *c)
{
	uint64_t cptpl = nvme_get(le32_get(c->sqe->cdw10), NVME_RESV_CPTPL);
	struct ssd_resv_kept *r = ssd_resv_of(c->ns);
	struct nvme_resv_register d;
	nvme_status st = ssd_data(c, sizeof(d));

	if (!st)
		st = ssd_from_host(c, 0, &d, sizeof(d));
	if (!st)
		st = check_fields(c, &d);
	if (!st)
		st = act(c, r, &d);
	if (st)
		return st;
	if (cptpl)
		r->ptpl = cptpl == NVME_CPTPL_SET;
	r->gen = le32_from(le32_get(r->gen) + 1);
	ssd_resv_changed(c->ns);
	return NVME_SC_SUCCESS;
}
