/* SPDX-License-Identifier: BSD-3-Clause */
/* One command: the public, out-of-line form of what qpair_int.h does inline. */
#include "nvproof/req.h"

#include <errno.h>

#include "host/qpair_int.h"

struct nvp_req *
nvp_req_get(struct nvp_qpair *q)
{
	return qpair_get(q);
}

void
nvp_req_put(struct nvp_req *r)
{
	assert(r->state == REQ_GOT);
	qpair_put(r->q, r);
}

struct nvme_sqe *
nvp_req_sqe(struct nvp_req *r)
{
	return &r->sqe;
}

static bool
inside(const struct nvp_buf *buf, uint64_t off, uint32_t len)
{
	return off <= buf->len && len <= buf->len - off;
}

int
nvp_req_data(struct nvp_req *r, const struct nvp_buf *buf, uint64_t off, uint32_t len)
{
	struct prp_list list = qpair_list(r);

	if (!inside(buf, off, len))
		return -EINVAL;
	r->bytes = len;
	return prp_build(&r->sqe, buf->iova + off, len, &list);
}

int
nvp_req_data_sgl(struct nvp_req *r, const struct nvp_buf *buf, uint64_t off, uint32_t len)
{
	if (!inside(buf, off, len))
		return -EINVAL;
	r->bytes = len;
	sgl_build(&r->sqe, buf->iova + off, len);
	return 0;
}

int
nvp_req_meta(struct nvp_req *r, const struct nvp_buf *buf, uint64_t off, uint32_t len)
{
	if (!inside(buf, off, len))
		return -EINVAL;
	r->sqe.mptr = le64_from(buf->iova + off);
	return 0;
}

void
nvp_req_submit(struct nvp_req *r, nvp_cb cb, void *arg)
{
	qpair_submit(r, cb, arg);
}

uint16_t
nvp_req_cid(const struct nvp_req *r)
{
	return r->cid;
}
