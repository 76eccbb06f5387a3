/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The verification table: states and codes, step by step.  The two things that matter: it finds what is wrong, and it
 * never accuses a drive that is right.
 */
#include "verify_rig.h"

static void
a_changed_byte_is_found(void **state)
{
	struct nvp_miscompare mis;

	(void)state;
	write_ok(8, 8);
	assert_int_equal(read_back(8, 8, &mis), 0);
	spoil(10);
	spoil(13);
	assert_int_equal(read_back(8, 8, &mis), 1);
	assert_int_equal(mis.lba, 10);
	assert_int_not_equal(mis.expected_crc, mis.got_crc);
	assert_int_equal(read_back(8, 2, &mis), 0);
	assert_int_equal(read_back(13, 1, NULL), 1);
}

/* Each bit of an LBA, alone. */
static void
each_bit_counts(void **state)
{
	uint32_t i, missed = 0;

	(void)state;
	write_ok(4, 1);
	for (i = 0; i < BYTES * 8; i++) {
		data[4 * BYTES + i / 8] ^= (uint8_t)(1u << i % 8);
		missed += read_back(4, 1, NULL) == 0;
		data[4 * BYTES + i / 8] ^= (uint8_t)(1u << i % 8);
	}
	assert_true(missed <= (table->crc32 ? 0 : BYTES * 8 / 64)); /* a byte of CRC is a byte */
	assert_int_equal(read_back(4, 1, NULL), 0);
}

static void
disabled_checks_nothing_but_still_records(void **state)
{
	(void)state;
	nvp_verify_enable(table, false);
	write_ok(0, 4);
	spoil(0);
	assert_int_equal(read_back(0, 4, NULL), 0);
	nvp_verify_enable(table, true);
	assert_int_equal(read_back(0, 4, NULL), 1);
}

static void
what_is_not_known_is_not_judged(void **state)
{
	(void)state;
	assert_int_equal(read_back(0, 8, NULL), 0);
	write_ok(0, 8);
	run_op(NVP_VERIFY_WRITE, 2, 1, NVP_VERIFY_FAILED); /* old, new or torn */
	spoil(2);
	run_op(NVP_VERIFY_ZERO, 3, 1, NVP_VERIFY_OK);
	spoil(3);
	run_op(NVP_VERIFY_CHANGE, 4, 1, NVP_VERIFY_OK);
	spoil(4);
	nvp_verify_mark(table, 5, 1, false);
	spoil(5);
	assert_int_equal(read_back(0, 8, NULL), 0);
	spoil(6);
	assert_int_equal(read_back(0, 8, NULL), 1);
	nvp_verify_clear(table);
	assert_int_equal(read_back(0, 8, NULL), 0);
}

/* A read that succeeds after Write Uncorrectable is wrong, also when that failed; a write makes it right. */
static void
uncorrectable(void **state)
{
	struct nvp_miscompare mis;
	char text[200];

	(void)state;
	write_ok(0, 4);
	assert_false(nvp_verify_any_uncorr(table));
	run_op(NVP_VERIFY_UNCORR, 1, 1, NVP_VERIFY_OK);
	run_op(NVP_VERIFY_UNCORR, 2, 1, NVP_VERIFY_FAILED);
	nvp_verify_mark(table, 3, 1, true);
	assert_true(nvp_verify_any_uncorr(table) && nvp_verify_is_uncorr(table, 2));
	assert_int_equal(read_back(0, 1, NULL), 0);
	assert_int_equal(read_back(1, 1, &mis), 1);
	nvp_verify_diagnose(table, &(struct nvp_verify_op){ .slba = 1, .nlb = 1, .n = 1 }, data + BYTES, NULL, &mis);
	nvp_miscompare_text(&mis, text, sizeof(text));
	assert_non_null(strstr(text, "uncorrectable"));
	assert_int_equal(read_back(2, 1, NULL), 1);
	assert_int_equal(read_back(3, 1, NULL), 1);
	write_ok(0, 4);
	assert_int_equal(read_back(0, 4, NULL), 0);
}

/* Whoever comes after a write that was given up cannot know which of the two the drive executes last. */
static void
a_lost_write_taints(void **state)
{
	(void)state;
	write_ok(0, 4);
	run_op(NVP_VERIFY_WRITE, 1, 1, NVP_VERIFY_LOST);
	write_ok(0, 4);
	spoil(1);
	assert_int_equal(read_back(0, 4, NULL), 0);
	spoil(0);
	assert_int_equal(read_back(0, 4, NULL), 1);
	nvp_verify_over(table, 1, 1);
	write_ok(0, 4);
	spoil(1);
	assert_int_equal(read_back(1, 1, NULL), 1);
}

/* A write that began while an earlier one was in doubt proves nothing, whenever it ends. */
static void
over_in_the_middle_of_a_write(void **state)
{
	struct nvp_verify_op op;

	(void)state;
	run_op(NVP_VERIFY_WRITE, 1, 1, NVP_VERIFY_LOST);
	op = begin(NVP_VERIFY_WRITE, 1, 1);
	nvp_verify_over(table, 1, 1);
	assert_int_equal(end(&op, NVP_VERIFY_OK), 0);
	spoil(1);
	assert_int_equal(read_back(1, 1, NULL), 0);
	write_ok(1, 1);
	spoil(1);
	assert_int_equal(read_back(1, 1, NULL), 1);
}

static void
forgotten_in_the_middle_of_a_write(void **state)
{
	struct nvp_verify_op op = begin(NVP_VERIFY_WRITE, 0, 8);

	(void)state;
	nvp_verify_mark(table, 3, 1, false);
	assert_int_equal(end(&op, NVP_VERIFY_OK), 0);
	spoil(3);
	assert_int_equal(read_back(0, 8, NULL), 0);
	spoil(4);
	assert_int_equal(read_back(0, 8, NULL), 1);
	op = begin(NVP_VERIFY_WRITE, 0, 8);
	nvp_verify_clear(table);
	assert_int_equal(end(&op, NVP_VERIFY_OK), 0);
	spoil(0);
	assert_int_equal(read_back(0, 8, NULL), 0);
}

/* The buffer was written to while the device had it: nobody knows what it took. */
static void
data_that_changed_on_the_way(void **state)
{
	struct nvp_verify_op op = begin(NVP_VERIFY_WRITE, 0, 2);

	(void)state;
	nvp_verify_note(table, &op, data);
	assert_int_equal(end(&op, NVP_VERIFY_OK), 0);
	op = begin(NVP_VERIFY_WRITE, 2, 2);
	nvp_verify_note(table, &op, data + 2 * BYTES);
	spoil(2);
	assert_int_equal(end(&op, NVP_VERIFY_OK), 0);
	spoil(2);
	assert_int_equal(read_back(0, 4, NULL), 0);
	spoil(0);
	assert_int_equal(read_back(0, 1, NULL), 1);
}

static void
copies_carry_their_code(void **state)
{
	const struct nvp_verify_range src[] = { { 8, 2 }, { 12, 2 } };
	struct nvp_verify_op op = op_of(NVP_VERIFY_COPY, 32, 4);

	(void)state;
	write_ok(8, 2);
	op.ranges = src;
	op.nranges = 2;
	assert_int_equal(nvp_verify_begin(table, &op), 0);
	assert_false(is_free(NVP_VERIFY_READ, 35, 1));
	assert_false(is_free(NVP_VERIFY_WRITE, 12, 1));
	assert_true(is_free(NVP_VERIFY_WRITE, 10, 2));
	assert_int_equal(nvp_verify_end(table, &op, NVP_VERIFY_OK, NULL, NULL), 0);
	memcpy(data + 32 * BYTES, data + 8 * BYTES, 2 * BYTES);
	assert_int_equal(read_back(32, 4, NULL), 0); /* with the ids of where they come from */
	spoil(34); /* 12 was not known, so neither is this */
	assert_int_equal(read_back(32, 4, NULL), 0);
	spoil(33);
	assert_int_equal(read_back(32, 4, NULL), 1);
	assert_int_equal(read_back(8, 2, NULL), 0);
}

static void
ids_tell_where_data_belong(void **state)
{
	struct nvp_miscompare mis;
	uint64_t id = nvp_verify_id(NSID, 9);
	uint32_t i, by_code = 0;

	(void)state;
	write_ok(0, 64);
	for (i = 0; i < 64; i++) { /* other data, whatever their code is */
		if (i == 9)
			continue;
		memcpy(data + i * BYTES, &id, 8);
		assert_int_equal(read_back(i, 1, &mis), 1);
		assert_true(mis.lba_mismatch);
		by_code += mis.expected_crc != mis.got_crc;
	}
	assert_true(by_code >= 60);
	fill();
	data[5 * BYTES] ^= 0x40; /* this one is written without its id: nothing is wrong with that */
	write_ok(5, 1);
	assert_int_equal(read_back(5, 1, NULL), 0);
	memset(data + 6 * BYTES, 0, BYTES);
	write_ok(6, 1);
	assert_int_equal(read_back(6, 1, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_changed_byte_is_found),
		TEST32(a_changed_byte_is_found),
		TEST(each_bit_counts),
		TEST32(each_bit_counts),
		TEST(disabled_checks_nothing_but_still_records),
		TEST(what_is_not_known_is_not_judged),
		TEST32(what_is_not_known_is_not_judged),
		TEST(uncorrectable),
		TEST32(uncorrectable),
		TEST(a_lost_write_taints),
		TEST32(a_lost_write_taints),
		TEST(over_in_the_middle_of_a_write),
		TEST32(over_in_the_middle_of_a_write),
		TEST(forgotten_in_the_middle_of_a_write),
		TEST32(forgotten_in_the_middle_of_a_write),
		TEST(data_that_changed_on_the_way),
		TEST32(data_that_changed_on_the_way),
		TEST(copies_carry_their_code),
		TEST32(copies_carry_their_code),
		TEST(ids_tell_where_data_belong),
		TEST32(ids_tell_where_data_belong),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
