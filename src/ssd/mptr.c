/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The metadata of a command when it has a buffer of its own: MPTR is its address, or (PSDT 10b) that of an SGL segment with one
 * descriptor.
 *
 * NVMe Base 2.1, "Common Command Format": PSDT, MPTR.
 */
#include "ssd/core.h"

static nvme_status
mptr_bad(struct ssd_cmd *m, nvme_status sc)
{
	return ssd_fail(m, sc, offsetof(struct nvme_sqe, mptr));
}

static nvme_status
mptr_sgl(struct ssd_cmd *m, uint64_t mptr, uint64_t len)
{
	struct nvme_sgl_desc d;
	nvme_status st;

	if (mptr % 8)
		return mptr_bad(m, NVME_SC_INVALID_FIELD);
	if (ssd_mem_read(m->ssd, mptr, &d, sizeof(d)))
		return mptr_bad(m, NVME_SC_DATA_TRANSFER);
	st = ssd_sgl_walk_from(m, &d, len);
	return st ? mptr_bad(m, st) : st;
}

/* One contiguous buffer; page by page, because two pages that follow each other there need not do so here. */
static nvme_status
mptr_buffer(struct ssd_cmd *m, uint64_t mptr, uint64_t len)
{
	while (len) {
		uint32_t n = (uint32_t)UT_MIN(len, SSD_PAGE - mptr % SSD_PAGE);

		if (!ssd_seg_add(m, mptr, n))
			return mptr_bad(m, NVME_SC_INVALID_FIELD);
		mptr += n;
		len -= n;
	}
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_meta(struct ssd_cmd *c, uint64_t len, struct ssd_cmd *m)
{
	uint64_t mptr = le64_get(c->sqe->mptr), psdt = nvme_get(c->sqe->flags, NVME_SQE_PSDT);
	nvme_status st;

	*m = *c;
	m->segs = c->ssd->meta_segs;
	m->nsegs = 0;
	if (psdt == NVME_PSDT_PRP && mptr % 4) /* with SGLs any alignment is announced */
		st = mptr_bad(m, NVME_SC_INVALID_FIELD);
	else if (psdt == NVME_PSDT_SGL_MPTR)
		st = mptr_sgl(m, mptr, len);
	else
		st = mptr_buffer(m, mptr, len);
	c->err_byte = m->err_byte;
	return st;
}
