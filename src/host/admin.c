/* SPDX-License-Identifier: BSD-3-Clause */
/* One command, and wait for it. */
#include "host/ctrlr_int.h"

#include <errno.h>
#include <string.h>

#include "nvproof/spec/prep_admin.h"

#define IDENTIFY_LEN 4096u

struct waiter {
	bool done;
	struct nvme_cqe cqe;
	const void *page; /* what the device wrote, and where it is wanted; NULL: nowhere */
	void *data;
};

/* The page belongs to the request, which somebody else may take as soon as this returns. */
static void
on_done(void *arg, const struct nvme_cqe *cqe)
{
	struct waiter *w = arg;

	if (w->data)
		memcpy(w->data, w->page, IDENTIFY_LEN);
	w->cqe = *cqe;
	w->done = true;
}

static int
wait_for(struct nvp_qpair *q, struct nvp_req *r, struct waiter *w)
{
	uint32_t idle = 0;
	int n;

	while (!w->done) { /* the request has a deadline */
		n = qpair_turn(q, q->mq.depth, &idle);
		if (n < 0 && !w->done) {
			r->cb = NULL; /* it is still outstanding, and w is about to vanish */
			return n;
		}
	}
	return 0;
}

/* A request with this SQE in it.  An AER is refused: it has no deadline, so waiting for it may never end. */
static int
take(struct nvp_qpair *q, const struct nvme_sqe *sqe, struct nvp_req **out)
{
	if (!q || !q->live || (q->ctrlr && q->ctrlr->gone))
		return -ENODEV;
	if (q->in_poll)
		return -EDEADLK;
	if (!q->mq.id && sqe->opc == NVME_ADM_ASYNC_EVENT)
		return -EINVAL;
	*out = qpair_get(q);
	if (!*out)
		return -EAGAIN;
	(*out)->sqe = *sqe;
	return 0;
}

static int
send_and_wait(struct nvp_req *r, struct waiter *w, struct nvme_cqe *cqe)
{
	struct nvp_qpair *q = r->q;
	int rc;

	qpair_submit(r, on_done, w);
	rc = wait_for(q, r, w);
	if (!rc && cqe)
		*cqe = w->cqe;
	return rc;
}

int
nvp_io(struct nvp_qpair *q, const struct nvme_sqe *sqe, const struct nvp_buf *buf, uint32_t len, struct nvme_cqe *cqe)
{
	struct waiter w = { 0 };
	struct nvp_req *r;
	int rc = take(q, sqe, &r);

	if (rc)
		return rc;
	rc = buf && len ? nvp_req_data(r, buf, 0, len) : 0;
	if (rc) {
		nvp_req_put(r);
		return rc;
	}
	return send_and_wait(r, &w, cqe);
}

int
nvp_admin(struct nvp_ctrlr *c, const struct nvme_sqe *sqe, const struct nvp_buf *buf, uint32_t len,
	  struct nvme_cqe *cqe)
{
	return nvp_io(c->adminq, sqe, buf, len, cqe);
}

/*
 * The data go to the list page of the request, which such a command does not need for a list: that one stays the
 * device's even if the command times out, while a page of the controller's would be used for the next Identify.
 */
int
ctrlr_identify(struct nvp_ctrlr *c, uint8_t cns, uint32_t nsid, void *data, struct nvme_cqe *cqe)
{
	return ctrlr_identify_csi(c, cns, NVME_CSI_NVM, nsid, data, cqe);
}

int
ctrlr_identify_csi(struct nvp_ctrlr *c, uint8_t cns, uint8_t csi, uint32_t nsid, void *data, struct nvme_cqe *cqe)
{
	struct waiter w = { .data = data };
	struct prp_list list;
	struct nvme_sqe sqe;
	struct nvp_req *r;
	int rc;

	nvme_prep_identify(&sqe, cns, nsid, 0);
	sqe.cdw11 = le32_from((uint32_t)csi << 24);
	rc = take(c->adminq, &sqe, &r);
	if (rc)
		return rc;
	list = qpair_list(r);
	w.page = memset(list.va, 0, IDENTIFY_LEN);
	r->sqe.prp1 = le64_from(list.iova);
	r->bytes = IDENTIFY_LEN;
	return send_and_wait(r, &w, cqe);
}

/* The same way: what the device reads may be read late. */
int
ctrlr_admin_out(struct nvp_ctrlr *c, const struct nvme_sqe *sqe, const void *data, uint32_t len, struct nvme_cqe *cqe)
{
	struct waiter w = { 0 };
	struct prp_list list;
	struct nvp_req *r;
	int rc = take(c->adminq, sqe, &r);

	if (rc)
		return rc;
	list = qpair_list(r);
	memcpy(list.va, data, len);
	r->sqe.prp1 = le64_from(list.iova);
	r->bytes = len;
	return send_and_wait(r, &w, cqe);
}
