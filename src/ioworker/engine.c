/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker does all day.  The I/O path is submit_one() and on_done(): no allocation, no lock, no system call. */
#include "ioworker/engine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "nvproof/spec/prep_nvm.h"
#include "nvproof/spec/status.h"
#include "util/alloc.h"
#include "util/barrier.h"
#include "util/pattern.h"

#define REAP_MAX 64u
#define EXPIRE_EVERY 64u /* idle turns */
#define DRAIN_NS 500000000ull
#define SECOND_NS 1000000000ull
#define STATUS_MISCOMPARE 0x781u /* what test scripts know as a failed verification: 07/81 */
#define STATUS_TIMEOUT 0x7ffu

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

void
iow_reason(struct iow_shared *sh, const char *fmt, ...)
{
	va_list ap;

	if (sh->reason[0])
		return;
	va_start(ap, fmt);
	vsnprintf(sh->reason, sizeof(sh->reason), fmt, ap);
	va_end(ap);
}

/* The end of submitting: what is outstanding still completes, or times out. */
static void
drain(struct iow_engine *e, enum nvp_iow_error error)
{
	e->draining = true;
	if (!e->sh->res.error)
		ut_store(&e->sh->res.error, (int32_t)error);
}

static void
failed(struct iow_engine *e, const struct iow_ctx *x, uint16_t status, const struct nvme_cqe *cqe)
{
	bool host_made = status == STATUS_TIMEOUT && le32_get(cqe->dw0) == UINT32_MAX;
	struct nvp_iow_result *res = &e->sh->res;

	/* The queue was deleted under its commands.  Nobody made a mistake, so it is no failed command. */
	if (status == NVME_SC_ABORT_SQ_DELETION) {
		iow_reason(e->sh, "the controller was reset");
		drain(e, NVP_IOW_TERMINATED);
		return;
	}
	if (!res->status)
		ut_store(&res->status, status);
	iow_reason(e->sh,
		   host_made ? "%s of %u LBAs at %llu got no completion within %u ms" : "%s of %u LBAs at %llu failed",
		   x->write ? "write" : "read", x->nlb, (unsigned long long)x->slba, e->sh->plan.timeout_ms);
	if (!res->error)
		ut_store(&res->error, (int32_t)(host_made ? NVP_IOW_TIMEOUT : NVP_IOW_IO));
	if (e->sh->plan.exit_on_error)
		e->draining = true;
}

static uint8_t *
read_slot(const struct iow_engine *e, uint32_t index)
{
	return (uint8_t *)e->buf.va + index * e->sh->target.slot_bytes;
}

static uint8_t *
write_slot(const struct iow_engine *e, uint32_t index)
{
	return read_slot(e, index) + e->sh->target.write_off;
}

/* A kill comes between any two instructions, so they have to be in this order; no other processor looks on. */
#define in_order() __atomic_signal_fence(__ATOMIC_SEQ_CST)

static void
count_in(struct iow_engine *e, const struct iow_ctx *x)
{
	struct iow_slot *slot = &e->sh->slot[x->index];
	uint32_t i;

	slot->slba = x->slba;
	slot->nlb = x->nlb;
	slot->done = 0;
	in_order();
	slot->phase = IOW_COUNTING_IN;
	for (i = 0; i < x->nlb; i++) {
		slot->done = i;
		in_order();
		nvp_verify_write_begin(e->verify, x->slba + i, 1);
		in_order();
	}
	slot->phase = IOW_IN_FLIGHT;
}

static void
count_out(struct iow_engine *e, const struct iow_ctx *x, bool ok)
{
	struct iow_slot *slot = &e->sh->slot[x->index];
	const uint8_t *data = write_slot(e, x->index);
	uint32_t i;

	slot->done = 0;
	in_order();
	slot->phase = IOW_COUNTING_OUT;
	for (i = 0; i < x->nlb; i++, data += e->sh->target.lba_bytes) {
		slot->done = i;
		in_order();
		nvp_verify_write_end(e->verify, x->slba + i, 1, data, ok, 0);
		in_order();
	}
	slot->phase = IOW_FREE;
}

/* Returns the status that the command has after its data were looked at. */
static uint16_t
verify_end(struct iow_engine *e, struct iow_ctx *x, uint16_t status)
{
	struct nvp_miscompare mis;

	if (x->write) {
		count_out(e, x, !status);
		return status;
	}
	if (status || !nvp_verify_read_end(e->verify, x->slba, x->nlb, read_slot(e, x->index), x->token, &mis))
		return status;
	if (e->sh->res.miscompare_lba == UINT64_MAX) {
		ut_store(&e->sh->res.miscompare_lba, mis.lba);
		iow_reason(e->sh, "crc mismatch: lba %llu, expected 0x%08x, but got 0x%08x",
			   (unsigned long long)mis.lba, mis.expected_crc, mis.got_crc);
	}
	return STATUS_MISCOMPARE;
}

/*
 * The driver ended the command by itself, so the device may still be at it: its buffer is not used again, and its
 * LBAs stay counted in until the parent has deleted the queue.
 */
static bool
given_up(uint16_t status, const struct nvme_cqe *cqe)
{
	return status == NVME_SC_ABORT_SQ_DELETION || (status == STATUS_TIMEOUT && le32_get(cqe->dw0) == UINT32_MAX);
}

static void
count(struct iow_engine *e, const struct iow_ctx *x, uint16_t status)
{
	struct nvp_iow_result *res = &e->sh->res;
	uint64_t *ios = x->write ? &res->writes : &res->reads;
	uint64_t ns = nvp_qpair_latest_latency_ns(e->q);

	ut_store(ios, *ios + 1);
	if (likely(!status))
		ut_store(&res->bytes, res->bytes + (uint64_t)x->nlb * e->sh->target.lba_bytes);
	res->latency_sum_ns += ns;
	if (ns > res->latency_max_ns)
		res->latency_max_ns = ns;
	ut_hist_add(&e->sh->hist, ns);
}

static void
on_done(void *arg, const struct nvme_cqe *cqe)
{
	uint16_t status = nvme_status_code(nvme_status_of(le16_get(cqe->status)));
	struct iow_ctx *x = arg;
	struct iow_engine *e = x->e;

	if (e->ended)
		return;
	e->in_flight--;
	if (likely(!given_up(status, cqe))) {
		if (e->verify)
			status = verify_end(e, x, status);
		e->free[e->nfree++] = x->index;
	}
	count(e, x, status);
	if (unlikely(status))
		failed(e, x, status, cqe);
}

/* Each LBA says where it belongs and which write it is, so that a lost or misplaced write is seen even with equal patterns. */
static void
stamp(struct iow_engine *e, const struct iow_ctx *x)
{
	uint32_t bytes = e->sh->target.lba_bytes, i;
	uint8_t *p = write_slot(e, x->index);
	uint64_t lba, n = ++e->stamp;

	for (i = 0; i < x->nlb; i++, p += bytes) {
		lba = x->slba + i;
		memcpy(p, &lba, sizeof(lba));
		memcpy(p + bytes - sizeof(n), &n, sizeof(n));
	}
}

static void
verify_begin(struct iow_engine *e, struct iow_ctx *x)
{
	if (x->write)
		count_in(e, x);
	else
		x->token = nvp_verify_read_begin(e->verify, x->slba, x->nlb);
}

static int
prepare(struct iow_engine *e, struct nvp_req *r, const struct iow_ctx *x)
{
	const struct iow_target *t = &e->sh->target;
	uint64_t off = x->index * t->slot_bytes + (x->write ? t->write_off : 0);
	struct nvme_sqe *sqe = nvp_req_sqe(r);

	if (x->write)
		nvme_prep_write(sqe, t->nsid, x->slba, x->nlb);
	else
		nvme_prep_read(sqe, t->nsid, x->slba, x->nlb);
	sqe->cdw12 = le32_from(le32_get(sqe->cdw12) | (uint32_t)e->sh->plan.io_flags << 16);
	if (t->meta_bytes)
		sqe->mptr = le64_from(e->buf.iova + t->meta_off + (uint64_t)x->index * t->meta_bytes);
	return nvp_req_data(r, &e->buf, off, x->nlb * t->lba_bytes);
}

static bool
submit_one(struct iow_engine *e)
{
	struct nvp_req *r = nvp_req_get(e->q);
	struct iow_ctx *x;

	if (unlikely(!r))
		return false;
	x = &e->ctx[e->free[e->nfree - 1]];
	x->nlb = iow_lba_next(&e->lba, &e->rng, &x->slba);
	x->write = !iow_percent(&e->rng, e->sh->plan.read_percent);
	if (unlikely(prepare(e, r, x))) {
		nvp_req_put(r);
		iow_reason(e->sh, "the driver cannot describe %u LBAs of data", x->nlb);
		drain(e, NVP_IOW_INIT);
		return false;
	}
	e->nfree--;
	e->in_flight++;
	e->left--;
	if (x->write && e->stamped)
		stamp(e, x);
	if (e->verify)
		verify_begin(e, x);
	nvp_req_submit(r, on_done, x);
	return true;
}

static uint32_t
submit(struct iow_engine *e)
{
	uint32_t n = 0;

	while (e->nfree && e->left && submit_one(e))
		n++;
	return n;
}

static void
finish(struct iow_engine *e)
{
	struct iow_shared *sh = e->sh;
	uint64_t ios = sh->res.reads + sh->res.writes;

	/* The rest of a second that has begun: its own line if it was most of one, else part of the last. */
	if (ios > e->second_base && sh->seconds < sh->seconds_max) {
		if (!sh->seconds || e->second_end - e->now < ut_ns_to_ticks(e->clock, SECOND_NS / 2))
			sh->seconds++;
		iow_shared_seconds(sh)[sh->seconds - 1] += (uint32_t)(ios - e->second_base);
	}
	if (sh->last_ticks > sh->first_ticks)
		sh->res.ns = ut_ticks_to_ns(e->clock, sh->last_ticks - sh->first_ticks);
	e->ended = true;
}

static void
each_second(struct iow_engine *e)
{
	uint64_t ios = e->sh->res.reads + e->sh->res.writes;

	if (e->sh->seconds < e->sh->seconds_max) {
		iow_shared_seconds(e->sh)[e->sh->seconds] = (uint32_t)(ios - e->second_base);
		ut_store(&e->sh->seconds, e->sh->seconds + 1);
	}
	e->second_base = ios;
	e->second_end += ut_ns_to_ticks(e->clock, SECOND_NS);
}

static void
start(struct iow_engine *e)
{
	uint64_t time_ns = e->sh->plan.time_ns;

	e->started = true;
	e->now = ut_ticks(e->clock);
	e->sh->first_ticks = e->sh->last_ticks = e->now;
	e->deadline = time_ns ? e->now + ut_ns_to_ticks(e->clock, time_ns) : UINT64_MAX;
	e->second_end = e->now + ut_ns_to_ticks(e->clock, SECOND_NS);
	ut_store(&e->sh->state, (uint32_t)IOW_RUNNING);
}

/* What the parent or the clock asks for. */
static void
look_around(struct iow_engine *e)
{
	uint32_t asked = ut_load(&e->sh->stop);

	while (unlikely(e->now >= e->second_end))
		each_second(e);
	if (unlikely(e->now >= e->deadline))
		e->draining = true;
	if (likely(!asked))
		return;
	if (!e->drain_deadline) {
		e->drain_deadline = e->now + ut_ns_to_ticks(e->clock, DRAIN_NS);
		drain(e, NVP_IOW_TERMINATED);
	}
	if (asked == IOW_STOP_RESET || e->now >= e->drain_deadline)
		finish(e);
}

static void
gone(struct iow_engine *e)
{
	iow_reason(e->sh, "the device is gone");
	drain(e, NVP_IOW_TERMINATED);
	finish(e);
}

bool
iow_engine_turn(struct iow_engine *e)
{
	uint32_t sent = 0;
	int reaped;

	if (e->ended)
		return false;
	if (unlikely(!e->started))
		start(e);
	look_around(e);
	if (unlikely(e->ended))
		return true;
	if (!e->draining)
		sent = submit(e);
	reaped = nvp_qpair_poll(e->q, REAP_MAX);
	e->now = ut_ticks(e->clock);
	if (reaped > 0) {
		ut_store(&e->sh->last_ticks, e->now);
		e->idle = 0;
	} else if (unlikely(reaped < 0)) {
		gone(e);
	} else if (++e->idle % EXPIRE_EVERY == 0) {
		nvp_qpair_expire(e->q);
	}
	/* Nothing outstanding and nothing that could be sent: all is done, or every place was lost to a timeout. */
	if (!e->ended && !e->in_flight && (e->draining || !e->left || !e->nfree))
		finish(e);
	return sent || reaped > 0;
}

static int
fill_writes(struct iow_engine *e)
{
	const struct iow_shared *sh = e->sh;

	if (sh->plan.read_percent == 100)
		return 0;
	return ut_pattern_fill(write_slot(e, 0), sh->plan.qdepth * sh->target.slot_bytes, sh->plan.ptype,
			       sh->plan.pvalue, &e->rng);
}

int
iow_engine_open(struct iow_engine *e)
{
	const struct nvp_iow_plan *p = &e->sh->plan;
	uint32_t i;

	e->ctx = ut_calloc(p->qdepth, sizeof(*e->ctx));
	e->free = ut_calloc(p->qdepth, sizeof(*e->free));
	if (!e->ctx || !e->free) {
		iow_engine_close(e);
		return -ENOMEM;
	}
	for (i = 0; i < p->qdepth; i++) {
		e->ctx[i] = (struct iow_ctx){ .e = e, .index = i };
		e->free[e->nfree++] = p->qdepth - 1 - i;
	}
	e->left = p->io_count ? p->io_count : UINT64_MAX;
	e->stamped = p->ptype == UT_PTYPE_RANDOM && p->pvalue && e->sh->target.lba_bytes >= 16;
	e->sh->res.miscompare_lba = UINT64_MAX;
	e->sh->mult = e->clock->mult;
	ut_rng_seed(&e->rng, p->seed);
	iow_lba_init(&e->lba, p);
	e->stamp = ut_rng_next(&e->rng);
	nvp_qpair_set_timeout_ms(e->q, p->timeout_ms);
	return fill_writes(e);
}

void
iow_engine_close(struct iow_engine *e)
{
	free(e->ctx);
	free(e->free);
	e->ctx = NULL;
	e->free = NULL;
}
