/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker in this process, on virtual time.  All workers of one simulated device advance together, in the order of
 * their start: one seed, one run.
 */
#include "ioworker/parent.h"

#include <errno.h>

#define MS 1000000ull
#define SLICE_MS 10u /* of virtual time that pass when somebody only asks whether it runs */
#define END_MS 1000u
#define STUCK 1000000u /* turns without any progress: the simulation's clock does not move */

int
iow_local_start(struct nvp_iow *w)
{
	struct iow_engine *e = &w->engine;

	w->local = true;
	e->q = w->q;
	e->sh = w->sh;
	e->verify = w->verify;
	e->clock = w->ctrlr->bus->clock;
	e->buf = w->buf;
	return iow_engine_open(e);
}

int
iow_local_wait(struct nvp_iow *w, uint32_t ms)
{
	struct ut_clock *clk = w->engine.clock;
	uint64_t end = ut_ticks(clk) + ut_ns_to_ticks(clk, (ms ? ms : SLICE_MS) * MS);
	uint32_t idle = 0;

	while (!w->engine.ended && ut_ticks(clk) < end && idle < STUCK) {
		if (iow_turn_all(w->ctrlr->bus))
			idle = 0;
		else
			clk->relax(clk, idle++);
	}
	if (!w->engine.ended)
		return 0;
	iow_collect(w, NVP_IOW_OK);
	return 1;
}

void
iow_local_end(struct nvp_iow *w, enum iow_stop how)
{
	w->sh->stop = how;
	if (!w->ended && !iow_local_wait(w, END_MS))
		iow_collect(w, NVP_IOW_TERMINATED);
	w->engine.ended = true; /* what still completes comes too late */
}
