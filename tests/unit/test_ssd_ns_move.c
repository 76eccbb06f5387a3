/* SPDX-License-Identifier: BSD-3-Clause */
/* Gaps between namespaces are closed when a new one needs them; nobody's data changes. */
#include "ssd_ns_io.h"

/* Gaps that are too small one by one are enough together; nobody's data changes. */
static void
compaction(void **state)
{
	struct two *t = *state;
	struct nvme_sqe sqe;

	assert_int_equal(ns_delete(&t->a, NVME_NSID_ALL), 0);
	for (uint32_t i = 1; i <= 16; i++) {
		assert_int_equal(ns_create(&t->a, 2 * MIB / 512, 0, 0), i);
		assert_int_equal(ns_attach(&t->a, i, 1), 0);
		assert_int_equal(io_write(&t->a, i, 0, 16, (uint8_t)(0x10 + i)), 0);
		assert_int_equal(io_write(&t->a, i, 4000, 96, (uint8_t)(0x80 + i)), 0);
	}
	nvme_prep_write_uncor(&sqe, 16, 77, 1);
	assert_int_equal(io_cmd(&t->a, &sqe, 0), 0);
	for (uint32_t i = 1; i <= 16; i += 2)
		assert_int_equal(ns_delete(&t->a, i), 0);
	assert_int_equal(ns_unallocated(&t->a), 16 * MIB);
	assert_int_equal(ns_create(&t->a, 16 * MIB / 512, 0, 0), 1);
	assert_int_equal(ns_attach(&t->a, 1, 1), 0);
	for (uint64_t lba = 0; lba < 32768; lba += 1024)
		io_expect(&t->a, 1, lba, 1024, 0);
	assert_int_equal(io_write(&t->a, 1, 0, 4096, 0xff), 0);
	assert_int_equal(io_write(&t->a, 1, 32768 - 4096, 4096, 0xff), 0);
	for (uint32_t i = 2; i <= 16; i += 2) {
		io_expect(&t->a, i, 0, 16, (uint8_t)(0x10 + i));
		io_expect(&t->a, i, 16, 16, 0);
		io_expect(&t->a, i, 4000, 96, (uint8_t)(0x80 + i));
	}
	assert_int_equal(io_read(&t->a, 16, 77, 1), NVME_SC_UNRECOVERED_READ);
	assert_int_equal(io_read(&t->a, 16, 78, 1), 0);
}

/* A move by less than its own size, over what was there before. */
static void
compaction_overlaps(void **state)
{
	struct two *t = *state;

	assert_int_equal(ns_delete(&t->a, NVME_NSID_ALL), 0);
	assert_int_equal(ns_create(&t->a, MIB / 512, 0, 0), 1);
	assert_int_equal(ns_create(&t->a, 29 * MIB / 512, 0, 0), 2);
	assert_int_equal(ns_create(&t->a, MIB / 512, 0, 0), 3);
	assert_int_equal(ns_attach(&t->a, 2, 1), 0);
	for (uint64_t mib = 0; mib < 29; mib += 2)
		assert_int_equal(io_write(&t->a, 2, mib * 2048, 2048, (uint8_t)(1 + mib)), 0);
	assert_int_equal(ns_delete(&t->a, 1), 0);
	assert_int_equal(ns_create(&t->a, 2 * MIB / 512, 0, 0), 1);
	for (uint64_t mib = 0; mib < 29; mib++)
		io_expect(&t->a, 2, mib * 2048, 2048, (uint8_t)(mib % 2 ? 0 : 1 + mib));
}

/* What cannot be moved stays where it is. */
static void
compaction_without_room(void **state)
{
	struct ssd_config cfg = {
		.nr_ns = 1, .ns = { { 10 * MIB, 512 } }, .media = SSD_MEDIA_RAM, .ram_limit = 2 * MIB
	};
	struct two t;

	(void)state;
	two_open(&t, &cfg);
	assert_int_equal(ns_delete(&t.a, 1), 0);
	for (uint32_t i = 1; i <= 5; i++)
		assert_int_equal(ns_create(&t.a, 2 * MIB / 512, 0, 0), i);
	assert_int_equal(ns_attach(&t.a, 4, 1), 0);
	assert_int_equal(io_write(&t.a, 4, 0, 8, 0x31), 0); /* all the memory there is */
	assert_int_equal(ns_delete(&t.a, 1), 0);
	assert_int_equal(ns_delete(&t.a, 3), 0);
	ns_want(&t.a, 4 * MIB / 512, 0, 0);
	assert_int_equal(ns_send_create(&t.a), NVME_SC_NS_INSUFFICIENT_CAP);
	io_expect(&t.a, 4, 0, 8, 0x31);
	assert_int_equal(io_write(&t.a, 4, 0, 8, 0x32), 0);
	assert_int_equal(ns_delete(&t.a, 4), 0);
	assert_int_equal(ns_create(&t.a, 4 * MIB / 512, 0, 0), 1);
	two_close(&t);
}

#define T(f) cmocka_unit_test_setup_teardown(f, two_setup, two_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(compaction),
		T(compaction_overlaps),
		cmocka_unit_test(compaction_without_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
