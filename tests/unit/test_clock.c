/* SPDX-License-Identifier: BSD-3-Clause */
/* Ticks against CLOCK_MONOTONIC: deadlines and latencies are only as good as the calibration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <time.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ticks_are_time),
		cmocka_unit_test(conversions_are_inverse),
		cmocka_unit_test(relax_never_sleeps_long),
		cmocka_unit_test(virtual_time_is_what_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
