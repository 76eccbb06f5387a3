/* SPDX-License-Identifier: BSD-3-Clause */
/* One command, and wait for it. */
#include "host/ctrlr_int.h"

#include <errno.h>

struct waiter {
	bool done;
	struct nvme_cqe cqe;
};

static void
on_done(void *arg, const struct nvme_cqe *cqe)
{
	struct waiter *w = arg;

	w->cqe = *cqe;
	w->done = true;
}

static int
wait_for(struct nvp_qpair *q, struct nvp_req *r, struct waiter *w)
{
	uint32_t idle = 0;
	int n;

	while (!w->done) { /* the request has a deadline */
		n = qpair_turn(q, &idle);
		if (n < 0 && !w->done) {
			r->cb = NULL; /* it is still outstanding, and w is about to vanish */
			return n;
		}
	}
	return 0;
}

static int
send_and_wait(struct nvp_qpair *q, const struct nvme_sqe *sqe, const struct nvp_buf *buf, uint32_t len,
	      struct nvme_cqe *cqe)
{
	struct waiter w = { 0 };
	struct nvp_req *r;
	int rc;

	if (!q || !q->live)
		return -ENODEV;
	if (q->in_poll)
		return -EDEADLK;
	r = qpair_get(q);
	if (!r)
		return -EAGAIN;
	r->sqe = *sqe;
	rc = buf && len ? nvp_req_data(r, buf, 0, len) : 0;
	if (rc) {
		nvp_req_put(r);
		return rc;
	}
	qpair_submit(r, on_done, &w);
	rc = wait_for(q, r, &w);
	if (!rc && cqe)
		*cqe = w.cqe;
	return rc;
}

int
nvp_admin(struct nvp_ctrlr *c, const struct nvme_sqe *sqe, const struct nvp_buf *buf, uint32_t len,
	  struct nvme_cqe *cqe)
{
	return send_and_wait(c->adminq, sqe, buf, len, cqe);
}

int
nvp_io(struct nvp_qpair *q, const struct nvme_sqe *sqe, const struct nvp_buf *buf, uint32_t len, struct nvme_cqe *cqe)
{
	return send_and_wait(q, sqe, buf, len, cqe);
}
