/* SPDX-License-Identifier: BSD-3-Clause */
/* The real clock: TSC ticks calibrated once, and how a poller gives way. */
#include "util/clock.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#define NSEC_PER_SEC 1000000000ull
#define CALIBRATE_NS 2000000ull

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
#endif
	} else if (idle < 5000) {
		sched_yield();
	} else {
		struct timespec ts = { .tv_nsec = idle < 10000 ? 50000 : 500000 };

		nanosleep(&ts, NULL);
	}
}

static struct ut_clock real_clock = { .relax = real_relax };

static void
calibrate(void)
{
	uint64_t ns0 = ut_mono_ns(), tsc0 = ut_tsc(), ns1, tsc1;

	do {
		ns1 = ut_mono_ns();
		tsc1 = ut_tsc();
	} while (ns1 - ns0 < CALIBRATE_NS || tsc1 == tsc0);
	real_clock.mult = ((ns1 - ns0) << UT_CLOCK_SHIFT) / (tsc1 - tsc0);
}

struct ut_clock *
ut_clock_real(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, calibrate);
	return &real_clock;
}
