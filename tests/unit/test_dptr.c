/* SPDX-License-Identifier: BSD-3-Clause */
/* PRPs and SGL against expectations made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "util/bits.h"
#include "xport/dptr.h"

#define LIST 0x700000000ull

static le64 page[512];
static const struct prp_list list = { .va = page, .iova = LIST, .page_shift = 12 };

static const struct {
	uint64_t iova;
	uint32_t len;
	uint64_t prp2;
	uint32_t entries; /* in the list */
	uint64_t first, last; /* of the list */
} cases[] = {
	/* one page, and parts of it */
	{ 0x100000000, 0, 0, 0, 0, 0 },
	{ 0x100000000, 1, 0, 0, 0, 0 },
	{ 0x100000000, 4096, 0, 0, 0, 0 },
	{ 0x100000200, 3584, 0, 0, 0, 0 },
	/* two pages */
	{ 0x100000200, 3585, 0x100001000, 0, 0, 0 },
	{ 0x100000000, 4097, 0x100001000, 0, 0, 0 },
	{ 0x100000000, 8192, 0x100001000, 0, 0, 0 },
	{ 0x100000ffc, 4100, 0x100001000, 0, 0, 0 },
	/* a list */
	{ 0x100000ffc, 4101, LIST, 2, 0x100001000, 0x100002000 },
	{ 0x100000000, 8193, LIST, 2, 0x100001000, 0x100002000 },
	{ 0x100000000, 12288, LIST, 2, 0x100001000, 0x100002000 },
	{ 0x100000800, 12288, LIST, 3, 0x100001000, 0x100003000 },
	{ 0x100000000, 513 * 4096, LIST, 512, 0x100001000, 0x100200000 },
};

static void
prp_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < UT_ARRAY_LEN(cases); i++) {
		struct nvme_sqe sqe = { .flags = 0 };

		memset(page, 0xee, sizeof(page));
		assert_int_equal(prp_build(&sqe, cases[i].iova, cases[i].len, &list), 0);
		assert_int_equal(le64_get(sqe.prp1), cases[i].iova);
		assert_int_equal(le64_get(sqe.prp2), cases[i].prp2);
		if (cases[i].entries) {
			assert_int_equal(le64_get(page[0]), cases[i].first);
			assert_int_equal(le64_get(page[cases[i].entries - 1]), cases[i].last);
		}
		if (cases[i].entries < 512) /* nothing is written past the last entry */
			assert_int_equal(le64_get(page[cases[i].entries]), 0xeeeeeeeeeeeeeeee);
	}
}

static void
prp_list_has_an_end(void **state)
{
	struct nvme_sqe sqe;

	(void)state;
	assert_int_equal(prp_build(&sqe, 0x100000000, 513 * 4096 + 1, &list), -EINVAL);
	assert_int_equal(prp_build(&sqe, 0x100000004, 513 * 4096, &list), -EINVAL);
	assert_int_equal(prp_build(&sqe, 0x100000000, UINT32_MAX, &list), -EINVAL);
}

static void
prp_large_pages(void **state)
{
	struct prp_list large = { .va = page, .iova = LIST, .page_shift = 16 };
	struct nvme_sqe sqe;

	(void)state;
	assert_int_equal(prp_build(&sqe, 0x100001000, 0x10000, &large), 0);
	assert_int_equal(le64_get(sqe.prp2), 0x100010000);
	assert_int_equal(prp_build(&sqe, 0x100001000, 0x20000, &large), 0);
	assert_int_equal(le64_get(sqe.prp2), LIST);
	assert_int_equal(le64_get(page[1]), 0x100020000);
	/* The list is not longer than with small pages. */
	assert_int_equal(prp_build(&sqe, 0x100000000, 513 * 0x10000, &large), 0);
	assert_int_equal(prp_build(&sqe, 0x100000000, 513 * 0x10000 + 1, &large), -EINVAL);
}

static void
sgl_in_the_sqe(void **state)
{
	struct nvme_sqe sqe = { .flags = 0x01 };
	static const uint8_t expected[16] = { 0x78, 0x56, 0x34, 0x12, 0x01, 0, 0, 0, 0x00, 0x10, 0, 0, 0, 0, 0, 0x00 };

	(void)state;
	sgl_build(&sqe, 0x112345678, 4096);
	assert_memory_equal(&sqe.sgl, expected, 16);
	assert_int_equal(sqe.flags, 0x41); /* PSDT 01b, FUSE as it was */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prp_cases),
		cmocka_unit_test(prp_list_has_an_end),
		cmocka_unit_test(prp_large_pages),
		cmocka_unit_test(sgl_in_the_sqe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
