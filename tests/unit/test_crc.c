/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums against published values, and against a division by the polynomial, bit after bit, that knows nothing of tables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "util/crc.h"
#include "util/rng.h"

/* One bit at a time, most significant bit of the polynomial first; reflected: the bits of each byte and of the result turned. */
struct poly {
	unsigned width;
	uint64_t poly;
	int reflected;
	uint64_t first, last; /* start value, final exclusive or */
};

static const struct poly t10dif = { 16, 0x8bb7, 0, 0, 0 };
static const struct poly crc32c = { 32, 0x1edc6f41, 1, 0xffffffff, 0xffffffff };
static const struct poly nvme64 = { 64, 0xad93d23594c93659ull, 1, UINT64_MAX, UINT64_MAX };

static uint64_t
turn(uint64_t v, unsigned width)
{
	uint64_t out = 0;

	for (unsigned i = 0; i < width; i++)
		out |= (v >> i & 1) << (width - 1 - i);
	return out;
}

static uint64_t
divide(const struct poly *p, const uint8_t *data, size_t len)
{
	uint64_t top = 1ull << (p->width - 1), crc = p->first;

	for (size_t i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			unsigned in = (unsigned)(p->reflected ? data[i] >> bit : data[i] >> (7 - bit)) & 1;
			unsigned out = (crc & top) != 0;

			crc <<= 1;
			if (in ^ out)
				crc ^= p->poly;
		}
	}
	if (p->width < 64)
		crc &= (1ull << p->width) - 1;
	return (p->reflected ? turn(crc, p->width) : crc) ^ p->last;
}

static void
check_values(void **state)
{
	static const char digits[] = "123456789";

	(void)state;
	/* The "check" of the CRC catalogues: the checksum of these nine characters. */
	assert_int_equal(ut_crc16_t10dif(0, digits, 9), 0xd0db);
	assert_int_equal(ut_crc32c(0, digits, 9), 0xe3069283);
	assert_true(ut_crc64_nvme(0, digits, 9) == 0xae8b14860a799888ull);
	assert_int_equal(divide(&t10dif, (const uint8_t *)digits, 9), 0xd0db);
	assert_int_equal(divide(&crc32c, (const uint8_t *)digits, 9), 0xe3069283);
	assert_true(divide(&nvme64, (const uint8_t *)digits, 9) == 0xae8b14860a799888ull);
}

/* NVM Command Set, "32b Guard Protection Information" and "64b Guard Protection Information": test cases of 4 KiB. */
static void
specification_values(void **state)
{
	static uint8_t data[4096];

	(void)state;
	memset(data, 0, sizeof(data));
	assert_int_equal(ut_crc32c(0, data, sizeof(data)), 0x98f94189);
	assert_true(ut_crc64_nvme(0, data, sizeof(data)) == 0x6482d367eb22b64eull);
	memset(data, 0xff, sizeof(data));
	assert_int_equal(ut_crc32c(0, data, sizeof(data)), 0x25c1fe13);
	assert_true(ut_crc64_nvme(0, data, sizeof(data)) == 0xc0ddba7302eca3acull);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	assert_int_equal(ut_crc32c(0, data, sizeof(data)), 0x9c71fe32);
	assert_true(ut_crc64_nvme(0, data, sizeof(data)) == 0x3e729f5f6750449cull);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)~i;
	assert_int_equal(ut_crc32c(0, data, sizeof(data)), 0x214941a8);
	assert_true(ut_crc64_nvme(0, data, sizeof(data)) == 0x9a2df64b8e9e517eull);
}

/* Every length to 600 and some more, at every alignment, in one piece and in two. */
static void
as_divided(void **state)
{
	static uint8_t data[4200];
	struct ut_rng rng;

	(void)state;
	ut_rng_seed(&rng, 7);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)ut_rng_next(&rng);
	for (size_t len = 0; len <= 4104; len += len < 600 ? 1 : 292) {
		const uint8_t *p = data + len % 16;
		size_t half = len ? ut_rng_below(&rng, len) : 0;

		assert_int_equal(ut_crc16_t10dif(0, p, len), divide(&t10dif, p, len));
		assert_int_equal(ut_crc16_t10dif(ut_crc16_t10dif(0, p, half), p + half, len - half),
				 divide(&t10dif, p, len));
		assert_int_equal(ut_crc32c(0, p, len), divide(&crc32c, p, len));
		assert_int_equal(ut_crc32c(ut_crc32c(0, p, half), p + half, len - half), divide(&crc32c, p, len));
		assert_true(ut_crc64_nvme(0, p, len) == divide(&nvme64, p, len));
		assert_true(ut_crc64_nvme(ut_crc64_nvme(0, p, half), p + half, len - half) == divide(&nvme64, p, len));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_values),
		cmocka_unit_test(specification_values),
		cmocka_unit_test(as_divided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
