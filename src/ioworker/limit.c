/* SPDX-License-Identifier: BSD-3-Clause */
/* Once a turn: of the commands that there is room for, how many are due. */
#include "ioworker/limit.h"

#include "util/bits.h"

#define LAG_NS 100000000ull /* what a drive that stalled longer did not do is not made up for */

static uint32_t
allow_rate(struct iow_engine *e, uint32_t n)
{
	uint64_t frac;
	uint32_t k;

	if (e->now - e->rate.due > e->rate.lag && e->now > e->rate.due)
		e->rate.due = e->now - e->rate.lag;
	for (k = 0; k < n && e->rate.due <= e->now; k++) {
		frac = (uint64_t)e->rate.frac + (uint32_t)e->rate.every;
		e->rate.frac = (uint32_t)frac;
		e->rate.due += (e->rate.every >> 32) + (frac >> 32);
	}
	return k;
}

void
iow_limit_unused(struct iow_engine *e, uint32_t n)
{
	uint32_t part = (uint32_t)e->rate.every;

	for (; e->allow == allow_rate && n; n--) {
		e->rate.due -= (e->rate.every >> 32) + (e->rate.frac < part);
		e->rate.frac -= part;
	}
}

static uint32_t
allow_trace(struct iow_engine *e, uint32_t n)
{
	uint64_t us = ut_ticks_to_ns(e->clock, e->now - e->sh->first_ticks) / 1000;
	uint32_t k = 0;

	while (k < n && e->gen.step_at + k < e->gen.step_end && e->gen.step_at[k].time_us <= us)
		k++;
	return k;
}

void
iow_limit_init(struct iow_engine *e)
{
	const struct nvp_iow_plan *p = &e->sh->plan;

	if (e->sh->dims.nsteps)
		e->allow = allow_trace;
	if (e->sh->dims.nsteps || !p->iops)
		return;
	e->allow = allow_rate;
	e->rate.lag = ut_ns_to_ticks(e->clock, LAG_NS);
	/* Ticks a second, over commands a second, in 32.32. */
	e->rate.every = (uint64_t)((unsigned __int128)ut_ns_to_ticks(e->clock, 1000000000u) * (1ull << 32) / p->iops);
}
