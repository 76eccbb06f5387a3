/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker does all day: turns.  What happens per command is in lean.c and full.c. */
#include "ioworker/engine.h"

#include <errno.h>
#include <stdlib.h>
#include "host/ctrlr_int.h"
#include "ioworker/hold.h"
#include "ioworker/limit.h"
#include "ioworker/setup.h"
#include "ioworker/zoned.h"
#include "util/alloc.h"
#include "util/barrier.h"
#include "util/bits.h"

#define EXPIRE_EVERY 64u /* idle turns */
#define DRAIN_NS 500000000ull
#define SECOND_NS 1000000000ull

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* --- seconds --- */

/* What came since the last time is added to line i. */
static void
add_second(struct iow_engine *e, uint32_t i, const struct nvp_iow_result *sum)
{
	struct nvp_iow_second *s = &e->view.second[i];
	const struct nvp_iow_result *base = &e->second_base;
	uint64_t max_ns = 0;
	uint32_t k;

	for (k = 0; k < e->sh->dims.nops; k++) {
		max_ns = UT_MAX(max_ns, e->view.stat[k].second_max_ns);
		e->view.stat[k].second_max_ns = e->view.stat[k].watch_ns = 0;
	}
	s->reads += (uint32_t)(sum->reads - base->reads);
	s->writes += (uint32_t)(sum->writes - base->writes);
	s->others += (uint32_t)(sum->others - base->others);
	s->bytes += sum->bytes - base->bytes;
	s->latency_sum_ns += sum->latency_sum_ns - base->latency_sum_ns;
	s->latency_max_us = UT_MAX(s->latency_max_us, (uint32_t)(max_ns / 1000));
	e->second_base = *sum;
}

static void
each_second(struct iow_engine *e)
{
	struct nvp_iow_result sum;

	iow_view_sum(&e->view, e->sh, &sum);
	if (e->sh->seconds < e->sh->dims.nseconds) {
		add_second(e, e->sh->seconds, &sum);
		ut_store(&e->sh->seconds, e->sh->seconds + 1);
	}
	e->second_end += ut_ns_to_ticks(e->clock, SECOND_NS);
}

/* The rest of a second that has begun: its own line if it was most of one, else part of the last. */
static void
last_second(struct iow_engine *e, const struct nvp_iow_result *sum)
{
	struct iow_shared *sh = e->sh;
	uint64_t ios = sum->reads + sum->writes + sum->others;

	if (ios == e->second_base.reads + e->second_base.writes + e->second_base.others ||
	    sh->seconds >= sh->dims.nseconds)
		return;
	if (!sh->seconds || e->second_end - e->now < ut_ns_to_ticks(e->clock, SECOND_NS / 2))
		sh->seconds++;
	add_second(e, sh->seconds - 1, sum);
}

/* --- begin and end --- */

static void
start(struct iow_engine *e)
{
	uint64_t time_ns = e->sh->plan.time_ns;

	e->started = true;
	e->sh->first_ticks = e->sh->last_ticks = e->now;
	e->sh->first_ns = ut_now_ns(e->clock);
	e->deadline = time_ns ? e->now + ut_ns_to_ticks(e->clock, time_ns) : UINT64_MAX;
	e->second_end = e->now + ut_ns_to_ticks(e->clock, SECOND_NS);
	e->rate.due = e->now;
	ut_store(&e->sh->state, (uint32_t)IOW_RUNNING);
}

static void
tell_ring(struct iow_engine *e)
{
	const struct memq *mq = &e->q->mq;

	e->sh->ring = (struct nvp_qpair_ring){ mq->sq_tail, mq->cq_head, mq->phase };
	e->sh->ring_valid = !e->q->outstanding && e->room == e->sh->plan.qdepth;
}

static void
finish(struct iow_engine *e)
{
	struct iow_shared *sh = e->sh;
	uint32_t i;

	/* One that was to run for a time did so, also when nothing was due at the end of it. */
	if (e->now >= e->deadline && !sh->res.error)
		sh->last_ticks = UT_MAX(sh->last_ticks, e->deadline);
	iow_view_sum(&e->view, sh, &sh->res);
	for (i = 0; i < sh->dims.nops; i++)
		e->view.stat[i].hist.count = e->view.stat[i].ios;
	last_second(e, &sh->res);
	if (sh->last_ticks > sh->first_ticks)
		sh->res.ns = ut_ticks_to_ns(e->clock, sh->last_ticks - sh->first_ticks);
	tell_ring(e);
	e->ended = true;
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
		iow_drain(e, NVP_IOW_TERMINATED);
	}
	if (asked == IOW_STOP_RESET || e->now >= e->drain_deadline)
		finish(e);
}

static void
gone(struct iow_engine *e)
{
	iow_reason(e->sh, "the device is gone");
	iow_drain(e, NVP_IOW_TERMINATED);
	finish(e);
}

/* --- turns --- */

static uint32_t
send_some(struct iow_engine *e)
{
	uint64_t n = UT_MIN((uint64_t)e->room, e->left), allowed;

	if (e->allow)
		n = e->allow(e, (uint32_t)n);
	if (!n)
		return 0;
	allowed = n;
	n = e->send(e, (uint32_t)n);
	if (unlikely(n < allowed) && e->allow)
		iow_limit_unused(e, (uint32_t)(allowed - n));
	e->room -= (uint32_t)n;
	e->left -= n;
	return (uint32_t)n;
}

static void
nothing_came(struct iow_engine *e)
{
	if (unlikely(e->q->ctrlr && e->q->ctrlr->gone))
		gone(e);
	else if (++e->idle % EXPIRE_EVERY == 0)
		nvp_qpair_expire(e->q);
}

static bool
all_done(const struct iow_engine *e)
{
	if (e->draining && e->sh->plan.fw_debug && e->sh->res.status)
		return true; /* not one more access */
	/* Nothing outstanding and nothing that could be sent: all is done, or every place was lost to a timeout. */
	return !e->q->outstanding && !e->waiting.n && (e->draining || !e->left || !e->room);
}

bool
iow_engine_turn(struct iow_engine *e)
{
	uint32_t reaped, sent = 0;

	if (e->ended)
		return false;
	e->now = ut_ticks(e->clock);
	if (unlikely(!e->started))
		start(e);
	reaped = e->reap(e);
	if (reaped) {
		ut_store(&e->sh->last_ticks, e->now);
		e->idle = 0;
	} else {
		nothing_came(e);
	}
	if (!e->ended)
		look_around(e);
	if (unlikely(e->ended))
		return true;
	if (unlikely(e->waiting.n))
		sent = iow_resume(e);
	if (!e->draining)
		sent += send_some(e);
	if (all_done(e))
		finish(e);
	return sent || reaped;
}

int
iow_engine_open(struct iow_engine *e)
{
	int rc = iow_setup(e);

	if (rc)
		iow_engine_close(e);
	return rc;
}

void
iow_engine_close(struct iow_engine *e)
{
	iow_hold_close(e);
	iow_zoned_close(e);
	iow_gen_close(&e->gen);
	free(e->place);
	free(e->extra);
	free(e->same);
	e->place = NULL;
	e->extra = NULL;
}
