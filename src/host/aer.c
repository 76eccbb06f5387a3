/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asynchronous Event Requests.  One is outstanding from bring-up on; each may have its own callback and is sent again
 * when an event came.  NVMe Base, "Asynchronous Event Request command".
 */
#include "host/ctrlr_int.h"

#include <errno.h>

#include "nvproof/spec/status.h"

static void aer_done(void *arg, const struct nvme_cqe *cqe);

static int
aer_send(struct ctrlr_aer *a)
{
	struct nvp_req *r = qpair_get(a->ctrlr->adminq);

	if (!r)
		return -EAGAIN;
	r->sqe = (struct nvme_sqe){ .opc = NVME_ADM_ASYNC_EVENT };
	qpair_submit(r, aer_done, a);
	return 0;
}

/*
 * A failed one (limit exceeded, aborted) ends its slot and is told to its owner; 00/08 is a queue that was reset:
 * silent.
 */
static void
aer_done(void *arg, const struct nvme_cqe *cqe)
{
	struct ctrlr_aer *a = arg;
	struct nvp_ctrlr *c = a->ctrlr;
	nvp_cb cb = a->cb ? a->cb : c->aer_cb;
	void *cb_arg = a->cb ? a->arg : c->aer_arg;
	nvme_status st = nvme_status_code(nvme_status_of(le16_get(cqe->status)));

	if (st == NVME_SC_ABORT_SQ_DELETION)
		return;
	a->used = !st && a->refill && !aer_send(a);
	if (cb)
		cb(cb_arg, cqe);
}

static struct ctrlr_aer *
free_slot(struct nvp_ctrlr *c)
{
	for (uint32_t i = 0; i < AER_SLOTS; i++)
		if (!c->aers[i].used)
			return &c->aers[i];
	return NULL;
}

int
nvp_ctrlr_aer(struct nvp_ctrlr *c, nvp_cb cb, void *arg, bool refill)
{
	struct ctrlr_aer *a = free_slot(c);

	if (!c->adminq || !c->adminq->live)
		return -ENODEV;
	if (!a)
		return -EAGAIN;
	*a = (struct ctrlr_aer){ .ctrlr = c, .cb = cb, .arg = arg, .refill = refill };
	a->used = !aer_send(a);
	return a->used ? 0 : -EAGAIN;
}

void
nvp_ctrlr_on_aer(struct nvp_ctrlr *c, nvp_cb cb, void *arg)
{
	c->aer_cb = cb;
	c->aer_arg = arg;
}

/* A queue of two entries holds one command: it is left to those that end. */
int
ctrlr_aer_up(struct nvp_ctrlr *c)
{
	if (c->adminq->nreqs < 2)
		return 0;
	return nvp_ctrlr_aer(c, NULL, NULL, true);
}

void
ctrlr_aer_drop(struct nvp_ctrlr *c)
{
	for (uint32_t i = 0; i < AER_SLOTS; i++)
		c->aers[i].used = false;
}
