/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker does per command: no allocation, no lock, no system call, no division, and no branch on what a plan
 * does not use.
 */
#pragma once
#include "ioworker/engine.h"
#include "nvproof/spec/status.h"

#define IOW_REAP_MAX 64u
#define IOW_STATUS_MISCOMPARE 0x781u /* what test scripts know as a failed verification: 07/81 */
#define IOW_STATUS_TIMEOUT 0x7ffu

#define iow_likely(x) __builtin_expect(!!(x), 1)
#define iow_unlikely(x) __builtin_expect(!!(x), 0)

/*
 * The SQE of a command.  PRP2 is nothing, the second page, or a list that was made beforehand; chosen by masks,
 * because sizes come in any order.  NVMe Base, "Physical Region Page Entry and List".
 */
static inline __attribute__((always_inline)) void
iow_fill(const struct iow_engine *e, struct nvme_sqe *sqe, uint16_t cid, const struct iow_io *io)
{
	const struct iow_op *op = &e->op[io->op];
	struct nvme_rw_cmd *c = (void *)sqe;
	uint64_t data = op->data + cid * e->slot_bytes;
	uint64_t second = (io->nlb > e->one_page && io->nlb <= e->two_pages ? UINT64_MAX : 0) & op->data_mask;
	uint64_t list = (io->nlb > e->two_pages ? UINT64_MAX : 0) & op->data_mask;

	*sqe = op->sqe;
	c->cid = cid;
	c->prp1 = le64_from(data & op->data_mask);
	c->prp2 = le64_from(((data + (1ull << e->q->page_shift)) & second) | ((op->list + cid * e->list_bytes) & list));
	c->slba = le64_from(io->slba & op->lba_mask);
	c->nlb = le16_from((uint16_t)(io->nlb - 1) & op->nlb_mask); /* NLB is 0's based */
}

/* A command that ended, for the results. */
static inline __attribute__((always_inline)) void
iow_count(struct iow_engine *e, const struct iow_place *p, uint64_t ticks, uint16_t status)
{
	struct iow_stat *s = e->op[p->op].stat;
	uint64_t ns = ut_ticks_to_ns(e->clock, ticks), *bucket = &s->hist.bucket[ut_hist_index(ns)];

	ut_store(&s->ios, s->ios + 1);
	s->sum_ns += ns;
	ut_store(bucket, *bucket + 1);
	if (iow_likely(!status))
		ut_store(&s->lbas, s->lbas + p->nlb);
	if (iow_unlikely(ns > s->watch_ns))
		iow_watched(s, ns, (uint64_t)e->sh->plan.slow_us * 1000);
}

static inline uint16_t
iow_status(const struct nvme_cqe *cqe)
{
	return nvme_status_code(nvme_status_of(le16_get(cqe->status)));
}
