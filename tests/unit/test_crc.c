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
#include "crc_bits.h"
#include "util/crc.h"
#include "util/rng.h"

static void
check_values(void **state)
{
	static const char digits[] = "123456789";

	(void)state;
	/* The "check" of the CRC catalogues: the checksum of these nine characters. */
	assert_int_equal(ut_crc16_t10dif(0, digits, 9), 0xd0db);
	assert_int_equal(ut_crc32c(0, digits, 9), 0xe3069283);
	assert_true(ut_crc64_nvme(0, digits, 9) == 0xae8b14860a799888ull);
	assert_int_equal(bits_crc(&bits_t10dif, (const uint8_t *)digits, 9), 0xd0db);
	assert_int_equal(bits_crc(&bits_crc32c, (const uint8_t *)digits, 9), 0xe3069283);
	assert_true(bits_crc(&bits_nvme64, (const uint8_t *)digits, 9) == 0xae8b14860a799888ull);
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

		assert_int_equal(ut_crc16_t10dif(0, p, len), bits_crc(&bits_t10dif, p, len));
		assert_int_equal(ut_crc16_t10dif(ut_crc16_t10dif(0, p, half), p + half, len - half),
				 bits_crc(&bits_t10dif, p, len));
		assert_int_equal(ut_crc32c(0, p, len), bits_crc(&bits_crc32c, p, len));
		assert_int_equal(ut_crc32c(ut_crc32c(0, p, half), p + half, len - half),
				 bits_crc(&bits_crc32c, p, len));
		assert_true(ut_crc64_nvme(0, p, len) == bits_crc(&bits_nvme64, p, len));
		assert_true(ut_crc64_nvme(ut_crc64_nvme(0, p, half), p + half, len - half) ==
			    bits_crc(&bits_nvme64, p, len));
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
