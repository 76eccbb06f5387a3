/* SPDX-License-Identifier: BSD-3-Clause */
/* Sizes as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "util/bits.h"
#include "util/size.h"

static void
sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t val;
		const char *rest;
	} cases[] = {
		{ "0", 0, "" },
		{ "17", 17, "" },
		{ "010", 10, "" },
		{ "0x10", 16, "" },
		{ "4K", 4096, "" },
		{ "4k", 4096, "" },
		{ "3M", 3u << 20, "" },
		{ "2G", 2ull << 30, "" },
		{ "1T", 1ull << 40, "" },
		{ "1G:4096", 1 << 30, ":4096" },
		{ "5 6", 5, " 6" },
		{ "18446744073709551615", UINT64_MAX, "" },
		{ "16777215T", 16777215ull << 40, "" },
		{ "7KB", 7168, "B" },
	};

	(void)state;
	for (size_t i = 0; i < UT_ARRAY_LEN(cases); i++) {
		const char *end;
		uint64_t v;

		assert_true(ut_size(cases[i].text, &end, &v));
		assert_int_equal(v, cases[i].val);
		assert_string_equal(end, cases[i].rest);
	}
}

static void
no_sizes(void **state)
{
	static const char *const cases[] = { "", "-1", "+1", " 1", "K", "x", "18446744073709551616", "16777216T" };

	(void)state;
	for (size_t i = 0; i < UT_ARRAY_LEN(cases); i++) {
		const char *end = "same";
		uint64_t v = 5;

		assert_false(ut_size(cases[i], &end, &v));
		assert_int_equal(v, 5);
		assert_string_equal(end, "same");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(sizes), cmocka_unit_test(no_sizes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
