/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plans that only read, or write what need not differ: the loops that decide how many commands a second a core does.
 * One function for each kind of generator, so that none asks per command what its plan is.
 */
#include "ioworker/step.h"

#include "util/bits.h"

static inline __attribute__((always_inline)) uint32_t
send(struct iow_engine *e, uint32_t n, const unsigned flags)
{
	struct nvp_qpair *q = e->q;
	uint64_t now = e->now;
	struct nvp_req *r;
	struct iow_io io;
	uint32_t i;

	for (i = 0; i < n; i++) {
		iow_gen_next(&e->gen, &io, flags);
		r = qpair_batch_get(q);
		e->place[r->cid] = (struct iow_place){ io.slba, io.nlb, io.op };
		e->view.heat[io.slba >> e->heat_shift]++;
		iow_fill(e, qpair_batch_sqe(q), r->cid, &io);
		qpair_batch_put(q, r, now);
	}
	qpair_batch_ring(q, n, now);
	return n;
}

static uint32_t
reap(struct iow_engine *e)
{
	struct nvp_qpair *q = e->q;
	uint32_t seen = 0, n = 0;
	struct nvme_cqe cqe;
	struct nvp_req *r;
	uint16_t status;

	while (seen < IOW_REAP_MAX && memq_peek(&q->mq, &cqe)) {
		seen++;
		memq_pop(&q->mq);
		r = qpair_batch_end(q, &cqe, e->now);
		if (iow_unlikely(!r))
			continue;
		n++;
		status = iow_status(&cqe);
		iow_count(e, &e->place[r->cid], e->now - r->submit_ticks, status);
		if (iow_unlikely(status))
			iow_failed(e, &cqe, status);
	}
	e->room += n;
	if (seen)
		qpair_batch_done(q, seen, n);
	return n;
}

#define SEND(flags)                                                    \
	static uint32_t send_##flags(struct iow_engine *e, uint32_t n) \
	{                                                              \
		return send(e, n, flags);                              \
	}

SEND(0)
SEND(1)
SEND(2)
SEND(3)
SEND(4)
SEND(5)
SEND(6)
SEND(7)
SEND(8)
SEND(9)
SEND(10)
SEND(11)
SEND(12)
SEND(13)
SEND(14)
SEND(15)

static uint32_t (*const senders[])(struct iow_engine *e, uint32_t n) = {
	send_0, send_1, send_2,	 send_3,  send_4,  send_5,  send_6,  send_7,
	send_8, send_9, send_10, send_11, send_12, send_13, send_14, send_15,
};
_Static_assert(UT_ARRAY_LEN(senders) == IOW_GEN_NR, "one function for each combination");

void
iow_lean_init(struct iow_engine *e)
{
	e->send = senders[e->gen.flags];
	e->reap = reap;
}
