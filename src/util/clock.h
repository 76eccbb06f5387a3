/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time comes in from outside: the driver core reads no clock of its own.  A real clock counts TSC ticks; a
 * simulated one counts virtual nanoseconds that the simulation advances.  One predictable branch tells them apart,
 * so that the I/O path takes a time stamp without an indirect call.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct ut_clock {
	const uint64_t *virtual_ns; /* NULL: real time, in TSC ticks */
	uint64_t mult; /* ns = ticks * mult >> UT_CLOCK_SHIFT */
	/*
	 * The caller has nothing to do; `idle` is how often in a row.  Real: pause, then yield, then sleep for at
	 * most a millisecond.  Simulated: let the device work, and jump to the next instant at which it has to.
	 */
	void (*relax)(struct ut_clock *clk, uint32_t idle);
};

#define UT_CLOCK_SHIFT 24

/* The machine's clock; calibrated against CLOCK_MONOTONIC on first use.  Any thread. */
struct ut_clock *ut_clock_real(void);

/* What one process knows of the ticks, for another one that need not measure them again. */
struct ut_clock_base {
	uint64_t ns, ticks; /* both at one instant, which is a while ago */
	uint64_t mult;
};

/* Of ut_clock_real(). */
struct ut_clock_base ut_clock_base(void);
/*
 * Before the first use of ut_clock_real(): the ticks since the base's instant are held against CLOCK_MONOTONIC.
 * False: they disagree by more than 0.1 %, or it comes too late; then ut_clock_real() is what it would have been.
 */
bool ut_clock_adopt(const struct ut_clock_base *base);

/* CLOCK_MONOTONIC in ns, for what is not on the I/O path.  CLOCK_REALTIME in ns. */
uint64_t ut_mono_ns(void);
uint64_t ut_wall_ns(void);

static inline uint64_t
ut_tsc(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t v;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
	return v;
#else
	return ut_mono_ns();
#endif
}

static inline uint64_t
ut_ticks(const struct ut_clock *clk)
{
	return clk->virtual_ns ? *clk->virtual_ns : ut_tsc();
}

/* CLOCK_MONOTONIC or virtual time, for what people read.  Ticks drift against both by some parts per million. */
static inline uint64_t
ut_now_ns(const struct ut_clock *clk)
{
	return clk->virtual_ns ? *clk->virtual_ns : ut_mono_ns();
}

static inline uint64_t
ut_ticks_to_ns(const struct ut_clock *clk, uint64_t ticks)
{
	return (uint64_t)((unsigned __int128)ticks * clk->mult >> UT_CLOCK_SHIFT);
}

static inline uint64_t
ut_ns_to_ticks(const struct ut_clock *clk, uint64_t ns)
{
	return (uint64_t)(((unsigned __int128)ns << UT_CLOCK_SHIFT) / clk->mult);
}
