/* SPDX-License-Identifier: BSD-3-Clause */
/* What verification knows of the volatile write cache: flushes that fail, and a table that is mostly holes. */
#include "verify_rig.h"

#include <sys/stat.h>

static void
flush(bool ok)
{
	assert_true(nvp_verify_flush_begin(table));
	nvp_verify_flush_end(table, ok);
}

/* However many failed before: a flush that succeeds covers what was written, and nothing else. */
static void
failed_flushes_cover_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 600; i++) {
		write_ok(8, 1);
		flush(false);
	}
	nvp_verify_power_lost(table);
	spoil(8);
	assert_int_equal(read_back(8, 1, NULL), 0);
	fill();
	write_ok(8, 1);
	flush(true);
	write_ok(16, 1);
	nvp_verify_power_lost(table);
	spoil(8);
	spoil(16);
	assert_int_equal(read_back(8, 1, NULL), 1);
	assert_int_equal(read_back(16, 1, NULL), 0);
}

static long
blocks_of(const struct nvp_verify *v)
{
	struct stat st;

	assert_int_equal(fstat(nvp_verify_fd(v), &st), 0);
	return (long)st.st_blocks;
}

/* With a stamp on every LBA, a power loss looks at the pages that are there, and fills no other. */
static void
a_power_loss_fills_no_hole(void **state)
{
	struct nvp_verify_op op = { .slba = 4090, .nlb = 8, .kind = NVP_VERIFY_WRITE };
	const struct nvp_verify_opts opts = { .name = NULL };
	struct nvp_verify *big;
	long before;

	(void)state;
	assert_int_equal(nvp_verify_open(1u << 23, BYTES, &opts, &big), 0);
	if (!nvp_verify_huge(big)) {
		assert_int_equal(nvp_verify_begin(big, &op), 0);
		nvp_verify_end(big, &op, NVP_VERIFY_OK, data, NULL);
		memset(big->stamp, 200, VERIFY_LOCKS);
		before = blocks_of(big);
		nvp_verify_power_lost(big);
		assert_int_equal(blocks_of(big), before);
	} else {
		print_message("huge pages: there are no holes\n");
	}
	nvp_verify_close(big);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(failed_flushes_cover_nothing),
		TEST32(failed_flushes_cover_nothing),
		TEST(a_power_loss_fills_no_hole),
	};

	return cmocka_run_group_tests_name("verify_cache", tests, NULL, NULL);
}
