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

static struct stamp first; /* where the ticks were first held against CLOCK_MONOTONIC */

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
	first = from;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

struct ut_clock *
ut_clock_real(void)
{
	pthread_once(&once, calibrate);
	return &real_clock;
}

struct ut_clock_base
ut_clock_base(void)
{
	return (struct ut_clock_base){ .mult = ut_clock_real()->mult, .ns = first.ns, .ticks = first.tsc };
}

/* What is to be adopted; only pthread_once()'s function may write the clock. */
static const struct ut_clock_base *offered;
static bool adopted;

static void
adopt_or_calibrate(void)
{
	struct stamp now = both();
	uint64_t ns = now.ns - offered->ns, ticks = now.tsc - offered->ticks;
	uint64_t told = (uint64_t)((unsigned __int128)ticks * offered->mult >> UT_CLOCK_SHIFT);
	uint64_t off = told > ns ? told - ns : ns - told;

	adopted = now.ns > offered->ns && now.tsc > offered->ticks && ns >= CALIBRATE_NS && off <= ns / 1000;
	if (!adopted) {
		calibrate();
		return;
	}
	/* The longer the time, the less the instant of each stamp matters. */
	real_clock.mult = (uint64_t)(((unsigned __int128)ns << UT_CLOCK_SHIFT) / ticks);
	first = (struct stamp){ .ns = offered->ns, .tsc = offered->ticks };
}

bool
ut_clock_adopt(const struct ut_clock_base *base)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	offered = base;
	adopted = false;
	pthread_once(&once, adopt_or_calibrate);
	offered = NULL;
	pthread_mutex_unlock(&lock);
	return adopted;
}
