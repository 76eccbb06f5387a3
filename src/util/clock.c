/* SPDX-License-Identifier: BSD-3-Clause */
/* The real clock: TSC ticks calibrated once, and how a poller gives way. */
#include "util/clock.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#define NSEC_PER_SEC 1000000000ull
#define CALIBRATE_NS 2000000ull
#define STAMP_TRIES 8

static uint64_t
clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t
ut_mono_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t
ut_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

/* Spin first: an answer within microseconds must not cost a context switch.  Then leave the core to others. */
static void
real_relax(struct ut_clock *clk, uint32_t idle)
{
	(void)clk;
	if (idle < 200) {
#if defined(__x86_64__)
		__builtin_ia32_pause();
#elif defined(__aarch64__)
		__asm__ volatile("yield");
#endif
	} else if (idle < 5000) {
		sched_yield();
	} else {
		struct timespec ts = { .tv_nsec = idle < 10000 ? 50000 : 500000 };

		nanosleep(&ts, NULL);
	}
}

static struct ut_clock real_clock = { .relax = real_relax };

struct stamp {
	uint64_t ns, tsc;
};

/* Both clocks at one instant: of several tries the quickest one, in which nobody interrupted us in between. */
static struct stamp
both(void)
{
	uint64_t best = UINT64_MAX;
	struct stamp s = { 0 };

	for (int i = 0; i < STAMP_TRIES; i++) {
		uint64_t before = ut_tsc(), ns = ut_mono_ns(), after = ut_tsc();

		if (after - before < best) {
			best = after - before;
			s = (struct stamp){ .ns = ns, .tsc = before + best / 2 };
		}
	}
	return s;
}

static void
calibrate(void)
{
	struct stamp from = both(), to;

	do
		to = both();
	while (to.ns - from.ns < CALIBRATE_NS || to.tsc == from.tsc);
	real_clock.mult = ((to.ns - from.ns) << UT_CLOCK_SHIFT) / (to.tsc - from.tsc);
}

struct ut_clock *
ut_clock_real(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, calibrate);
	return &real_clock;
}
