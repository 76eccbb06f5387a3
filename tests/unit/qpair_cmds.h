/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands for a scripted queue pair: what is sent, and what came of it. */
#pragma once
#include "fake_queue.h"

#include <errno.h>

#include "nvproof/spec/prep_nvm.h"

struct result {
	int calls;
	uint32_t dw0;
	uint16_t status; /* as in the CQE */
	uint16_t cid;
	struct nvp_qpair *again; /* submit another one from the callback */
};

static inline void
on_done(void *arg, const struct nvme_cqe *cqe)
{
	struct result *res = arg;
	struct nvp_req *r;

	res->calls++;
	res->dw0 = le32_get(cqe->dw0);
	res->status = le16_get(cqe->status);
	res->cid = cqe->cid;
	if (!res->again)
		return;
	assert_int_equal(nvp_qpair_poll(res->again, 1), -EDEADLK);
	r = nvp_req_get(res->again);
	assert_non_null(r); /* the request that just ended is free again */
	nvme_prep_flush(nvp_req_sqe(r), 1);
	res->again = NULL;
	nvp_req_submit(r, on_done, res);
}

static inline uint16_t
send_read(struct nvp_qpair *q, struct result *res)
{
	struct nvp_req *r = nvp_req_get(q);

	assert_non_null(r);
	nvme_prep_read(nvp_req_sqe(r), 1, 0x1234, 8);
	nvp_req_submit(r, on_done, res);
	return nvp_req_cid(r);
}

static inline uint32_t
events(struct fake_queue *f, enum nvp_event_kind kind)
{
	struct nvp_event ev[16];
	uint32_t n = nvp_qpair_events(f->q, ev, 16);

	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(ev[i].kind, kind);
		assert_int_equal(ev[i].qid, FAKE_QID);
	}
	return n;
}
