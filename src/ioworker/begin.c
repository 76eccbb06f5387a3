/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When workers begin: at a tick of a tenth of a second, and those that are started one soon after the other at the
 * same one.  How many will come nobody knows, so who is ready waits for the tick, and is told a later one when
 * another is being started.
 */
#include "ioworker/parent.h"

#include "util/barrier.h"
#include "util/bits.h"

#define MS 1000000ull
#define TICK_NS (100 * MS)
#define AHEAD_NS (10 * MS) /* a tick is at least so far away: all have to hear of it */
#define LATE_NS (5 * MS) /* nobody is moved whose beginning is nearer than that */
#define COMING_NS (150 * MS) /* what the start of another takes at most, usually */
#define SLIDE_NS (1000 * MS) /* nobody is kept waiting for longer */

static uint64_t
tick_after(uint64_t ns)
{
	return (ns + TICK_NS - 1) / TICK_NS * TICK_NS;
}

static void
move_waiting(uint64_t now, uint64_t to)
{
	struct nvp_iow *w;

	for (w = iow_all_lock(); w; w = w->next)
		if (!w->ended && ut_load(&w->sh->begin_ns) > now + LATE_NS && to <= w->tick_ns + SLIDE_NS)
			ut_store(&w->sh->begin_ns, to);
	iow_all_unlock();
}

void
iow_begin_announce(void)
{
	uint64_t now = ut_mono_ns();

	move_waiting(now, tick_after(now + COMING_NS));
}

void
iow_begin_set(struct nvp_iow *w)
{
	uint64_t now = ut_mono_ns();

	w->tick_ns = tick_after(now + AHEAD_NS);
	move_waiting(now, w->tick_ns);
	ut_store(&w->sh->begin_ns, w->tick_ns);
}
