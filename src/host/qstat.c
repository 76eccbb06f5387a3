/* SPDX-License-Identifier: BSD-3-Clause */
/* What can be asked of a queue pair. */
#include "host/ctrlr_int.h"
#include "host/logbook.h"

#define NSEC_PER_MSEC 1000000ull

uint16_t
nvp_qpair_id(const struct nvp_qpair *q)
{
	return q->mq.id;
}

bool
nvp_qpair_is_live(const struct nvp_qpair *q)
{
	return q->live;
}

uint16_t
nvp_qpair_vector(const struct nvp_qpair *q)
{
	return q->opts.ien ? q->opts.iv : 0xffff;
}

void
nvp_qpair_memory(const struct nvp_qpair *q, uint64_t *sq, uint64_t *cq)
{
	*sq = q->sq_buf.iova;
	*cq = q->cq_buf.iova;
}

bool
nvp_qpair_is_exported(const struct nvp_qpair *q)
{
	return q->exported;
}

uint32_t
nvp_qpair_depth(const struct nvp_qpair *q)
{
	return q->mq.depth;
}

uint32_t
nvp_qpair_outstanding(const struct nvp_qpair *q)
{
	return q->outstanding;
}

uint16_t
nvp_qpair_latest_cid(const struct nvp_qpair *q)
{
	return q->latest_cid;
}

uint64_t
nvp_qpair_latest_latency_ns(const struct nvp_qpair *q)
{
	return ut_ticks_to_ns(q->clock, q->latest_ticks);
}

/* From any thread: each counter is whole, the two may differ by a command. */
void
nvp_qpair_stat(const struct nvp_qpair *q, uint64_t *cmds, uint64_t *bytes)
{
	*cmds = ut_load(&q->counted);
	*bytes = ut_load(&q->bytes);
}

void
nvp_qpair_set_timeout_ms(struct nvp_qpair *q, uint32_t ms)
{
	q->timeout_ticks = ut_ns_to_ticks(q->clock, ms * NSEC_PER_MSEC);
}

struct nvp_cmdlog_ring *
nvp_qpair_cmdlog(struct nvp_qpair *q)
{
	return q->log;
}

struct nvp_cmdlog_ring *
nvp_ctrlr_cmdlog(const struct nvp_ctrlr *c, uint16_t qid)
{
	const struct nvp_qpair *q = qid ? c->ioqs : c->adminq;

	while (q && q->mq.id != qid)
		q = q->next;
	return q ? q->log : logbook_find(c->log_id, qid); /* a queue that somebody runs by himself */
}

uint32_t
nvp_ctrlr_qids(const struct nvp_ctrlr *c, uint16_t *out, uint32_t max)
{
	uint32_t n = 0;

	for (const struct nvp_qpair *q = c->ioqs; q; q = q->next, n++)
		if (n < max)
			out[n] = q->mq.id;
	return n;
}
