/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plans that need more per command than to be sent and counted: verification, data that differ from write to write,
 * metadata, SGLs, ranges, long PRP lists, a log of the last commands, a limit in LBAs, a trace.
 */
#include "ioworker/step.h"

#include <string.h>
#include "ioworker/hold.h"
#include "ioworker/plan.h"
#include "util/bits.h"

#define SKIP_MAX 4096u
#define BURST 32u /* commands whose LBAs are locked before the first of them is put into the queue */
#define TAKE 8u /* completions whose memory is asked for before the first of them is looked at */
#define READ_AHEAD 1024u /* bytes of what was read: the processor goes on by itself */
#define DATA_AHEAD 8192u
#define in_order() __atomic_signal_fence(__ATOMIC_SEQ_CST) /* see hold.c */

/* --- the data --- */

/*
 * Each LBA says where it belongs and which write it is, so that a lost or misplaced write is seen even with equal
 * patterns.
 */
static void
inject(struct iow_engine *e, uint32_t cid, const struct iow_io *io)
{
	const struct iow_target *t = &e->sh->target;

	if (e->verify && !e->stamps)
		e->stamp = nvp_verify_tokens(e->verify, 1);
	else
		e->stamp++;
	e->stamps -= e->stamps > 0;
	e->extra[cid].verify.token = e->stamp;
	nvp_verify_inject(iow_write_slot(e, cid), t->data_bytes, t->lba_bytes, nvp_verify_id(t->nsid, io->slba),
			  io->nlb, e->stamp, e->inject);
}

/*
 * Dataset Management names its LBAs in its data: one range, to be deallocated.  NVM Command Set, "Dataset Management
 * command".
 */
static void
fill_range(struct iow_engine *e, struct nvme_sqe *sqe, uint32_t cid, const struct iow_io *io)
{
	uint64_t off = e->sh->target.range_off + cid * sizeof(struct nvme_dsm_range);
	struct nvme_dsm_range *r = (void *)((char *)e->buf.va + off);

	*r = (struct nvme_dsm_range){ .nlb = le32_from(io->nlb), .slba = le64_from(io->slba) };
	sqe->prp1 = le64_from(e->buf.iova + off);
	sqe->cdw11 = le32_from(NVME_DSM_AD);
}

/*
 * More than a page of list: here, because where one page leads to the next depends on the length.  NVMe Base, "PRP
 * List": the last entry of a page is a pointer to the next page when more entries follow.
 */
static void
fill_big(struct iow_engine *e, uint32_t cid, const struct iow_io *io)
{
	const struct iow_op *op = &e->op[io->op];
	uint64_t page = 1ull << e->q->page_shift, per_page = page / sizeof(le64), i;
	uint64_t list = op->list + cid * e->list_bytes, next = op->data + cid * e->slot_bytes + page;
	uint64_t left = (((uint64_t)io->nlb * e->sh->target.lba_bytes + page - 1) >> e->q->page_shift) - 1;
	le64 *entry = (void *)((char *)e->buf.va + (list - e->buf.iova));

	for (i = 0; left; i++) {
		if ((i + 1) % per_page == 0 && left > 1) {
			entry[i] = le64_from(list + (i + 1) * sizeof(le64));
			continue;
		}
		entry[i] = le64_from(next);
		next += page;
		left--;
	}
}

static void
fill_meta(struct iow_engine *e, struct nvme_sqe *sqe, uint32_t cid)
{
	const struct iow_target *t = &e->sh->target;

	sqe->mptr = le64_from(e->buf.iova + t->meta_off + (uint64_t)cid * t->meta_bytes);
}

static void
fill_sgl(struct iow_engine *e, struct nvme_sqe *sqe, uint32_t cid, const struct iow_io *io)
{
	uint64_t data = e->op[io->op].data + cid * e->slot_bytes;

	sgl_build(sqe, data, io->nlb * e->sh->target.lba_bytes);
}

static void
fill_data(struct iow_engine *e, struct nvme_sqe *sqe, uint32_t cid, const struct iow_io *io)
{
	const struct iow_op *op = &e->op[io->op];

	if (op->opc == NVME_OPC_DSM)
		fill_range(e, sqe, cid, io);
	if (!op->data_mask)
		return;
	if (e->sh->target.meta_bytes)
		fill_meta(e, sqe, cid);
	if (e->extra[cid].sgl)
		fill_sgl(e, sqe, cid, io);
	else if (e->big && io->nlb > e->two_pages)
		fill_big(e, cid, io);
	if (e->inject && op->is_write) /* what is compared is what was written */
		inject(e, cid, io);
}

/* --- the log of the last commands --- */

static void
log_sent(struct iow_engine *e, uint32_t cid, const struct iow_io *io)
{
	uint64_t seq = ++e->sh->log_seq;
	struct iow_log *l = &e->view.log[(seq - 1) % e->sh->dims.nlog];

	l->seq = 0;
	in_order();
	*l = (struct iow_log){ .slba = io->slba, .nlb = io->nlb, .opc = e->op[io->op].opc };
	l->status = IOW_STATUS_TIMEOUT; /* until it completes */
	l->sent = e->now;
	in_order();
	l->seq = seq;
	e->extra[cid].log_seq = seq;
}

static void
log_completed(struct iow_engine *e, uint32_t cid, uint16_t status)
{
	struct iow_log *l = &e->view.log[(e->extra[cid].log_seq - 1) % e->sh->dims.nlog];

	if (l->seq != e->extra[cid].log_seq)
		return;
	l->status = status;
	l->completed = e->now;
}

/* --- send --- */

static void
send_place(struct iow_engine *e, struct nvp_req *r, const struct iow_io *io)
{
	struct nvme_sqe *sqe = qpair_batch_sqe(e->q);
	uint32_t cid = r->cid;

	iow_fill(e, sqe, r->cid, io);
	fill_data(e, sqe, cid, io);
	qpair_batch_put(e->q, r, e->now);
}

void
iow_full_launch(struct iow_engine *e, uint32_t cid)
{
	const struct iow_place *p = &e->place[cid];
	const struct iow_io io = { p->slba, p->nlb, p->op };

	if (e->view.log && !e->extra[cid].retries)
		log_sent(e, cid, &io);
	send_place(e, &e->q->reqs[cid], &io);
}

/* The next command; of a sequential run not one of those that are left out, unless they are many.  false: none is left. */
static bool
next_io(struct iow_engine *e, struct iow_io *io, uint32_t sent)
{
	uint32_t tries = SKIP_MAX;

	e->next(&e->gen, io);
	while (iow_unlikely(e->skip) && tries-- && iow_skips(e, io)) {
		if (e->sh->plan.once && --e->left <= sent) /* it counts as done */
			return false;
		e->next(&e->gen, io);
	}
	return true;
}

/* A place for it, and its LBAs; whether it has both: if not, it waits in its place. */
static bool
hold_one(struct iow_engine *e, const struct iow_io *io, uint32_t *cid)
{
	struct nvp_req *r = qpair_batch_get(e->q);
	struct iow_extra *x = &e->extra[r->cid];

	e->place[r->cid] = (struct iow_place){ io->slba, io->nlb, io->op };
	if (io->slba < e->sh->target.nsze) /* a trace may say anything */
		e->view.heat[io->slba >> e->heat_shift]++;
	x->retries = 0;
	x->sgl = e->sgl_below && ut_rng_next(&e->gen.rng) >> 32 < e->sgl_below;
	e->lbas_left -= UT_MIN(e->lbas_left, (uint64_t)io->nlb);
	if (iow_unlikely(!iow_hold(e, r->cid))) {
		iow_wait(e, r->cid);
		return false;
	}
	*cid = r->cid;
	return true;
}

/* The next one: chosen a turn ago, or now. */
static bool
planned(struct iow_engine *e, struct iow_io *io, uint32_t sent)
{
	if (e->ahead.at == e->ahead.n)
		return next_io(e, io, sent);
	*io = e->ahead.io[e->ahead.at++];
	return true;
}

/* Commands of the next turn are chosen now, so that what is known of their LBAs is in the cache by then. */
static void
look_ahead(struct iow_engine *e)
{
	e->ahead.at = 0;
	for (e->ahead.n = 0; e->ahead.n < IOW_AHEAD; e->ahead.n++) {
		e->next(&e->gen, &e->ahead.io[e->ahead.n]);
		nvp_verify_prefetch(e->verify, e->ahead.io[e->ahead.n].slba);
	}
}

/*
 * Up to n; how many were taken from the plan.  Locks come before the entries of the queue: an atomic operation waits
 * until all that was stored before it is out, and the lines of the queue are in the device's cache.
 */
static uint32_t
hold_some(struct iow_engine *e, uint32_t n, uint32_t before, uint32_t *cid, uint32_t *held, bool *more)
{
	struct iow_io io;
	uint32_t i;

	*held = 0;
	for (i = 0; i < n && (*more = e->lbas_left && before + i < e->left && planned(e, &io, before + i)); i++)
		*held += hold_one(e, &io, &cid[*held]);
	return i;
}

/* For writes whose LBAs are locked already, so that who writes there next gets a later one. */
static void
take_tokens(struct iow_engine *e, uint32_t n)
{
	if (!e->inject || !e->verify || !n)
		return;
	e->stamp = nvp_verify_tokens(e->verify, n) - 1;
	e->stamps = n;
}

static uint32_t
send(struct iow_engine *e, uint32_t n)
{
	uint32_t i = 0, k, held, sent = 0, cid[BURST];
	bool more = true;

	while (i < n && more) {
		i += hold_some(e, UT_MIN(n - i, BURST), i, cid, &held, &more);
		e->now = ut_ticks(e->clock); /* what it took to lock is no latency */
		take_tokens(e, held);
		for (k = 0; k < held; k++)
			iow_full_launch(e, cid[k]);
		e->stamps = 0; /* of reads: too old for a lock of later */
		sent += held;
	}
	qpair_batch_ring(e->q, sent, e->now);
	if (!e->lbas_left)
		e->left = i; /* what the caller subtracts: nothing is left */
	if (e->ahead.on && e->ahead.at == e->ahead.n)
		look_ahead(e);
	return i;
}

/* --- reap --- */

/* What was read wrong, once more into the same memory.  Its request was put back just now, so it is the next one. */
static bool
read_again(struct iow_engine *e, uint32_t cid)
{
	const struct iow_place *p = &e->place[cid];
	const struct iow_io io = { p->slba, p->nlb, p->op };
	struct nvp_req *r;

	if (e->extra[cid].retries >= e->sh->plan.retry_max || e->draining)
		return false;
	e->extra[cid].retries++;
	e->sh->res.retries++;
	r = qpair_batch_get(e->q);
	if (!iow_hold(e, cid)) {
		iow_wait(e, cid); /* somebody writes there now */
		return true;
	}
	e->now = ut_ticks(e->clock);
	send_place(e, r, &io);
	qpair_batch_ring(e->q, 1, e->now);
	return true;
}

uint16_t
iow_full_end(struct iow_engine *e, uint32_t cid, const struct nvme_cqe *cqe, uint16_t status, bool *retry)
{
	uint16_t was = status;

	(void)cqe;
	if (e->verify)
		status = iow_release(e, cid, status, e->extra[cid].retries >= e->sh->plan.retry_max || e->draining);
	if (retry && status == IOW_STATUS_MISCOMPARE && !was) {
		*retry = read_again(e, cid);
		if (*retry)
			return status;
	}
	if (e->view.log)
		log_completed(e, cid, status);
	return status;
}

static bool
asks(const struct iow_engine *e, const struct nvme_cqe *cqe)
{
	return e->verify && cqe->cid < e->sh->plan.qdepth && e->op[e->place[cqe->cid].op].held;
}

/* What is there, up to TAKE; what looking at it needs is asked for. */
static uint32_t
take(struct iow_engine *e, struct nvme_cqe *cqe)
{
	struct memq *mq = &e->q->mq;
	uint32_t n = 0;

	while (n < TAKE && memq_peek(mq, &cqe[n])) {
		memq_pop(mq);
		if (asks(e, &cqe[n]))
			nvp_verify_prefetch(e->verify, e->place[cqe[n].cid].slba);
		n++;
	}
	return n;
}

/* One that ended; whether its place is free again.  *ended: whether it was a command at all. */
static bool
end_one(struct iow_engine *e, const struct nvme_cqe *cqe, uint32_t *ended)
{
	struct nvp_req *r = qpair_batch_end(e->q, cqe, e->now);
	uint16_t status;
	uint64_t ticks;
	bool retry = false;

	if (iow_unlikely(!r))
		return false;
	++*ended;
	ticks = r->submit_ticks < e->now ? e->now - r->submit_ticks : 0;
	status = iow_full_end(e, r->cid, cqe, iow_status(cqe), &retry);
	if (iow_unlikely(retry))
		return false;
	iow_count(e, &e->place[r->cid], ticks, status);
	if (iow_unlikely(status))
		iow_failed(e, cqe, status);
	return true;
}

/*
 * The data of a command that will be looked at next.  What was read comes from the device's cache; where the next write
 * of this place puts its ids and tokens, the lines have to be our own again.
 */
static void
ask_for_data(const struct iow_engine *e, uint32_t cid)
{
	const struct iow_op *op = &e->op[e->place[cid].op];
	uint32_t step = e->sh->target.lba_bytes, len = UT_MIN(e->place[cid].nlb * step, DATA_AHEAD), k;
	const uint8_t *d;

	if (op->is_read)
		for (d = iow_read_slot(e, cid), k = 0; k < UT_MIN(len, READ_AHEAD); k += 64)
			__builtin_prefetch(d + k);
	if (op->is_write && e->inject)
		for (d = iow_write_slot(e, cid), k = 0; k < len; k += step) {
			__builtin_prefetch(d + k, 1);
			__builtin_prefetch(d + k + step - 1, 1);
		}
}

static uint32_t
reap(struct iow_engine *e)
{
	uint32_t i, got, seen = 0, n = 0, max = e->verify ? TAKE : IOW_REAP_MAX;
	struct nvme_cqe cqe[TAKE];

	/* Who looks at all data takes few at a time: the device goes on with the next ones meanwhile. */
	while (seen < max && (got = take(e, cqe)) > 0) {
		seen += got;
		e->now = ut_ticks(e->clock); /* what they take to be looked at is nobody's latency */
		for (i = 0; i < got; i++) {
			if (i + 1 < got && asks(e, &cqe[i + 1]))
				ask_for_data(e, cqe[i + 1].cid);
			e->room += end_one(e, &cqe[i], &n);
		}
	}
	if (seen)
		qpair_batch_done(e->q, seen, n);
	return n;
}

/* --- which generator --- */

#define NEXT(flags)                                                    \
	static void next_##flags(struct iow_gen *g, struct iow_io *io) \
	{                                                              \
		iow_gen_next(g, io, flags);                            \
	}

NEXT(0)
NEXT(1)
NEXT(2)
NEXT(3)
NEXT(4)
NEXT(5)
NEXT(6)
NEXT(7)
NEXT(8)
NEXT(9)
NEXT(10)
NEXT(11)
NEXT(12)
NEXT(13)
NEXT(14)
NEXT(15)

static void (*const nexts[])(struct iow_gen *g, struct iow_io *io) = {
	next_0, next_1, next_2,	 next_3,  next_4,  next_5,  next_6,  next_7,
	next_8, next_9, next_10, next_11, next_12, next_13, next_14, next_15,
};
_Static_assert(UT_ARRAY_LEN(nexts) == IOW_GEN_NR, "one function for each combination");

void
iow_full_init(struct iow_engine *e)
{
	e->next = e->sh->dims.nsteps ? iow_gen_trace : nexts[e->gen.flags];
	/* What is left out, when a limit is reached, and where a zone is written next is known only then. */
	e->ahead.on = e->verify && !e->skip && !e->sh->dims.nzones && !e->sh->dims.nsteps && e->lbas_left == UINT64_MAX;
	e->send = send;
	e->reap = reap;
}
