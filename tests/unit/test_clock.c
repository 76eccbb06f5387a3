/* SPDX-License-Identifier: BSD-3-Clause */
/* Ticks against CLOCK_MONOTONIC: deadlines and latencies are only as good as the calibration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/clock.h"

static void
ticks_are_time(void **state)
{
	struct ut_clock *clk = ut_clock_real();
	uint64_t ns0 = ut_mono_ns(), t0 = ut_ticks(clk), ns, by_ticks;
	struct timespec nap = { .tv_nsec = 50000000 };

	(void)state;
	nanosleep(&nap, NULL);
	by_ticks = ut_ticks_to_ns(clk, ut_ticks(clk) - t0);
	ns = ut_mono_ns() - ns0;
	assert_in_range(by_ticks, ns - ns / 100, ns + ns / 100);
	assert_ptr_equal(ut_clock_real(), clk);
}

static void
conversions_are_inverse(void **state)
{
	struct ut_clock *clk = ut_clock_real();
	uint64_t day = 86400ull * 1000000000;

	(void)state;
	for (uint64_t ns = 1000; ns < 4000 * day; ns *= 7) {
		uint64_t back = ut_ticks_to_ns(clk, ut_ns_to_ticks(clk, ns));

		assert_in_range(back, ns - ns / 1000 - 100, ns);
	}
}

/* However long nothing happens, an idle turn ends soon. */
static void
relax_never_sleeps_long(void **state)
{
	static const uint32_t idle[] = { 0, 199, 200, 4999, 5000, 9999, 10000, UINT32_MAX };
	struct ut_clock *clk = ut_clock_real();

	(void)state;
	for (size_t i = 0; i < sizeof(idle) / sizeof(*idle); i++) {
		uint64_t before = ut_mono_ns();

		clk->relax(clk, idle[i]);
		assert_true(ut_mono_ns() - before <
			    1000000000); /* it asks for half a millisecond; the machine may be busy */
	}
}

static void
virtual_time_is_what_it_says(void **state)
{
	uint64_t now = 12345;
	struct ut_clock clk = { .virtual_ns = &now, .mult = 1ull << UT_CLOCK_SHIFT };

	(void)state;
	assert_int_equal(ut_ticks(&clk), 12345);
	assert_int_equal(ut_now_ns(&clk), 12345);
	assert_int_equal(ut_ticks_to_ns(&clk, 77), 77);
	assert_int_equal(ut_ns_to_ticks(&clk, 77), 77);
}

/* What one process measured, in a process of its own: the clock here stays untouched. */
static struct ut_clock_base
measured_elsewhere(void)
{
	struct ut_clock_base base = { 0 };
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		base = ut_clock_base();
		_exit(write(fds[1], &base, sizeof(base)) != sizeof(base));
	}
	assert_int_equal(read(fds[0], &base, sizeof(base)), sizeof(base));
	waitpid(pid, &status, 0);
	close(fds[0]);
	close(fds[1]);
	return base;
}

/* Whether another process adopts it; however it is, ticks are time there afterwards. */
static bool
adopts(struct ut_clock_base base, bool late)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		bool did;

		if (late)
			ut_clock_real();
		did = ut_clock_adopt(&base);
		ticks_are_time(NULL);
		_exit(did);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
	return WEXITSTATUS(status);
}

/* First of all tests: a clock is measured once in a process. */
static void
adopted_when_it_agrees(void **state)
{
	struct ut_clock_base good = measured_elsewhere(), bad = good;
	struct timespec nap = { .tv_nsec = 10000000 };

	(void)state;
	nanosleep(&nap, NULL);
	assert_true(adopts(good, false));
	assert_false(adopts(good, true));
	bad.mult += good.mult / 300;
	assert_false(adopts(bad, false));
	bad.mult = good.mult - good.mult / 300;
	assert_false(adopts(bad, false));
	bad = good;
	bad.ns += 3600ull * 1000000000;
	assert_false(adopts(bad, false));
	bad = (struct ut_clock_base){ 0 };
	assert_false(adopts(bad, false));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adopted_when_it_agrees),	cmocka_unit_test(ticks_are_time),
		cmocka_unit_test(conversions_are_inverse),	cmocka_unit_test(relax_never_sleeps_long),
		cmocka_unit_test(virtual_time_is_what_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
