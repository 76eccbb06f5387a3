/* SPDX-License-Identifier: BSD-3-Clause */
/* The latency histogram: buckets without gaps, the promised precision, percentiles, merging. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "util/hist.h"
#include "util/rng.h"

static struct ut_hist a, b;

static int
clear(void **state)
{
	(void)state;
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	return 0;
}

static void
buckets_follow_each_other(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < UT_HIST_BUCKETS; i++) {
		assert_int_equal(ut_hist_index(ut_hist_low(i)), i);
		if (i)
			assert_int_equal(ut_hist_index(ut_hist_low(i) - 1), i - 1);
	}
	assert_int_equal(ut_hist_low(0), 0);
	assert_int_equal(ut_hist_index(UINT64_MAX), UT_HIST_BUCKETS - 1);
}

static void
a_value_is_within_one_percent(void **state)
{
	struct ut_rng rng;
	uint64_t v, low;
	int i;

	(void)state;
	ut_rng_seed(&rng, 1);
	for (i = 0; i < 100000; i++) {
		v = ut_rng_next(&rng) >> (64 - ut_rng_below(&rng, UT_HIST_MAX_BITS) - 1);
		low = ut_hist_low(ut_hist_index(v));
		assert_true(low <= v && v - low <= v / 128);
	}
}

static void
percentiles(void **state)
{
	uint32_t i;

	(void)state;
	assert_int_equal(ut_hist_percentile(&a, 500000), 0);
	for (i = 1; i <= 100; i++)
		ut_hist_add(&a, i);
	assert_int_equal(ut_hist_percentile(&a, 500000), 50);
	assert_int_equal(ut_hist_percentile(&a, 990000), 99);
	assert_int_equal(ut_hist_percentile(&a, 999900), 100);
	assert_int_equal(ut_hist_percentile(&a, 0), 1);
	assert_int_equal(ut_hist_percentile(&a, 1000000), 100);
}

static void
merging_is_adding(void **state)
{
	struct ut_hist all = { 0 };
	struct ut_rng rng;
	uint64_t v;
	int i;

	(void)state;
	ut_rng_seed(&rng, 2);
	for (i = 0; i < 1000; i++) {
		v = ut_rng_below(&rng, 1000000);
		ut_hist_add(i & 1 ? &a : &b, v);
		ut_hist_add(&all, v);
	}
	ut_hist_merge(&a, &b);
	assert_memory_equal(&a, &all, sizeof(all));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(buckets_follow_each_other, clear),
		cmocka_unit_test_setup(a_value_is_within_one_percent, clear),
		cmocka_unit_test_setup(percentiles, clear),
		cmocka_unit_test_setup(merging_is_adding, clear),
	};

	return cmocka_run_group_tests_name("hist", tests, NULL, NULL);
}
