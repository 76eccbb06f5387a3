/* SPDX-License-Identifier: BSD-3-Clause */
/* Codes of buffers in which only ids and tokens change: they have to be those of the data. */
#include "verify_rig.h"

#define SLOT_LBAS 16u
#define LBA_MAX 4096u

static uint8_t slot[SLOT_LBAS * (LBA_MAX + 8)];

static void
open_same(uint32_t lba_size, bool crc32, uint32_t stride, struct nvp_verify_same **same)
{
	const struct nvp_verify_opts opts = { .crc32 = crc32 };
	struct ut_rng rng;

	ut_rng_seed(&rng, 7);
	for (uint32_t i = 0; i + 8 <= sizeof(slot); i += 8)
		memcpy(slot + i, &(uint64_t){ ut_rng_next(&rng) }, 8);
	assert_int_equal(nvp_verify_open(LBAS, lba_size, &opts, &table), 0);
	nvp_verify_set_nsid(table, NSID);
	nvp_verify_enable(table, true);
	assert_int_equal(nvp_verify_same_init(table), 0);
	*same = calloc(1, nvp_verify_same_bytes(table, SLOT_LBAS));
	assert_non_null(*same);
	assert_true(stride >= lba_size);
}

static void
write_same(struct nvp_verify_same *same, uint64_t slba, uint32_t nlb, uint32_t stride, uint64_t token)
{
	struct nvp_verify_op op = begin(NVP_VERIFY_WRITE, slba, nlb);

	op.stride = stride;
	op.same = same;
	op.token = token;
	nvp_verify_inject(slot, table->lba_size, stride, nvp_verify_id(NSID, slba), nlb, token,
			  NVP_INJECT_ID | NVP_INJECT_TOKEN);
	assert_int_equal(nvp_verify_end(table, &op, NVP_VERIFY_OK, slot, NULL), 0);
}

/* What a read of these LBAs says when the slot's data come back. */
static int
read_slot(uint64_t slba, uint32_t nlb, uint32_t stride, struct nvp_miscompare *mis)
{
	struct nvp_verify_op op = begin(NVP_VERIFY_READ, slba, nlb);

	op.stride = stride;
	return nvp_verify_end(table, &op, NVP_VERIFY_OK, slot, mis);
}

/* Random places, lengths and tokens; each is read back right, and wrong with a bit changed anywhere, in all but a few cases. */
static void
as_the_data(uint32_t lba_size, bool crc32, uint32_t stride)
{
	struct nvp_verify_same *same;
	struct nvp_miscompare mis;
	uint32_t missed = 0, i, bit, nlb;
	struct ut_rng rng;
	uint64_t slba;

	open_same(lba_size, crc32, stride, &same);
	ut_rng_seed(&rng, 11);
	for (i = 0; i < 2000; i++) {
		nlb = 1 + (uint32_t)ut_rng_below(&rng, SLOT_LBAS);
		slba = ut_rng_below(&rng, LBAS - nlb + 1);
		write_same(same, slba, nlb, stride, ut_rng_next(&rng));
		assert_int_equal(read_slot(slba, nlb, stride, NULL), 0);
		bit = (uint32_t)ut_rng_below(&rng, lba_size * 8);
		slot[(nlb - 1) * stride + bit / 8] ^= (uint8_t)(1u << bit % 8);
		missed += !read_slot(slba, nlb, stride, &mis);
		slot[(nlb - 1) * stride + bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_true(missed <= (crc32 ? 0 : 40)); /* a byte of CRC is a byte */
	free(same);
	nvp_verify_close(table);
}

static void
codes_are_those_of_the_data(void **state)
{
	(void)state;
	as_the_data(512, false, 512);
	as_the_data(512, true, 512);
	as_the_data(4096, false, 4096);
	as_the_data(4096, true, 4096);
	as_the_data(512, false, 520); /* metadata between */
	as_the_data(4096, true, 4104);
}

/* Data that were not what they always are: the code is that of what they should have been, so that the read is found wrong. */
static void
a_buffer_that_changed_is_found(void **state)
{
	struct nvp_verify_same *same;

	(void)state;
	open_same(512, true, 512, &same);
	write_same(same, 0, 8, 512, 1);
	slot[3 * 512 + 99] ^= 1;
	write_same(same, 8, 8, 512, 2);
	assert_int_equal(read_slot(8, 8, 512, NULL), 1);
	slot[3 * 512 + 99] ^= 1;
	assert_int_equal(read_slot(8, 8, 512, NULL), 0);
	free(same);
	nvp_verify_close(table);
}

/* The kind of a miscompare needs the last token of the place. */
static void
the_token_is_remembered(void **state)
{
	struct nvp_verify_same *same;

	(void)state;
	open_same(512, false, 512, &same);
	write_same(same, 16, 8, 512, 77);
	assert_int_equal(table->group[2].token, 77);
	assert_int_equal(table->group[2].last, 16u << 16 | 7);
	free(same);
	nvp_verify_close(table);
}

static void
not_for_huge_blocks(void **state)
{
	const struct nvp_verify_opts opts = { 0 };

	(void)state;
	assert_int_equal(nvp_verify_open(LBAS, 1u << 20, &opts, &table), 0);
	assert_int_equal(nvp_verify_same_init(table), -EOPNOTSUPP);
	nvp_verify_close(table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_are_those_of_the_data),
		cmocka_unit_test(a_buffer_that_changed_is_found),
		cmocka_unit_test(the_token_is_remembered),
		cmocka_unit_test(not_for_huge_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
