/* SPDX-License-Identifier: BSD-3-Clause */
/* What a miscompare is called, for every way to make one, with both kinds of codes and two sizes of LBAs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "nvproof/verify.h"
#include "util/rng.h"

#define LBAS 64u
#define NSID 7u

struct shape {
	uint32_t lba_size;
	bool crc32;
};

static struct nvp_verify *table;
static uint32_t bytes;
static bool crc32;
static uint8_t *media, *body;
static struct nvp_verify_op read_op;

static int
setup(void **state)
{
	const struct shape *s = *state;
	const struct nvp_verify_opts opts = { .crc32 = s->crc32 };
	struct ut_rng rng;
	uint32_t i;

	bytes = s->lba_size;
	crc32 = s->crc32;
	media = calloc(LBAS, bytes);
	body = calloc(LBAS, bytes);
	if (!media || !body || nvp_verify_open(LBAS, bytes, &opts, &table))
		return -1;
	ut_rng_seed(&rng, bytes);
	for (i = 0; i < LBAS * bytes; i += 8)
		memcpy(body + i, &(uint64_t){ ut_rng_next(&rng) }, 8);
	nvp_verify_set_nsid(table, NSID);
	nvp_verify_enable(table, true);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	nvp_verify_close(table);
	free(media);
	free(body);
	return 0;
}

/* Through the drive; the token that it had. */
static uint64_t
write_lbas(uint64_t slba, uint32_t nlb)
{
	struct nvp_verify_op op = { .kind = NVP_VERIFY_WRITE, .slba = slba, .nlb = nlb };
	uint64_t token = nvp_verify_tokens(table, 1);
	uint8_t *d = media + slba * bytes;

	assert_int_equal(nvp_verify_begin(table, &op), 0);
	memcpy(d, body + slba * bytes, nlb * bytes);
	for (uint32_t i = 0; i < nlb * bytes; i += 64) /* other data each time */
		d[i + 20] = (uint8_t)(token * 37 + i);
	nvp_verify_inject(d, bytes, bytes, nvp_verify_id(NSID, slba), nlb, token, NVP_INJECT_ID | NVP_INJECT_TOKEN);
	assert_int_equal(nvp_verify_end(table, &op, NVP_VERIFY_OK, d, NULL), 0);
	return token;
}

static struct nvp_miscompare
diagnose(uint64_t slba, uint32_t nlb, const struct nvp_verify_source *src)
{
	struct nvp_miscompare mis = { 0 };

	read_op = (struct nvp_verify_op){ .kind = NVP_VERIFY_READ, .slba = slba, .nlb = nlb };
	assert_int_equal(nvp_verify_begin(table, &read_op), 0);
	assert_int_equal(nvp_verify_end(table, &read_op, NVP_VERIFY_OK, media + slba * bytes, &mis), 1);
	nvp_verify_diagnose(table, &read_op, media + slba * bytes, src, &mis);
	return mis;
}

static void
says(const struct nvp_miscompare *mis, const char *line, const char *text)
{
	char out[256];

	nvp_miscompare_line(mis, out, sizeof(out));
	assert_ptr_equal(strstr(out, line), out);
	nvp_miscompare_text(mis, out, sizeof(out));
	if (!strstr(out, text))
		print_error("%s\n", out);
	assert_non_null(strstr(out, text));
}

static void
stale(void **state)
{
	uint64_t old = write_lbas(8, 8), new;
	uint8_t *kept = malloc(bytes);
	struct nvp_miscompare mis;
	char text[100];

	(void)state;
	assert_non_null(kept);
	memcpy(kept, media + 8 * bytes, bytes);
	new = write_lbas(8, 1);
	memcpy(media + 8 * bytes, kept, bytes);
	mis = diagnose(8, 1, NULL);
	assert_int_equal(mis.kind, NVP_MIS_STALE);
	assert_int_equal(mis.got_token, old);
	assert_int_equal(mis.expected_token, new);
	snprintf(text, sizeof(text), "stale version: its token is %llu, the last write had %llu",
		 (unsigned long long)old, (unsigned long long)new);
	says(&mis, "crc mismatch: lba 0x8, expected 0x", text);
	free(kept);
}

static void
misdirected(void **state)
{
	struct nvp_miscompare mis;

	(void)state;
	write_lbas(0, 32);
	memcpy(media + 5 * bytes, media + 21 * bytes, bytes);
	mis = diagnose(0, 32, NULL);
	assert_int_equal(mis.lba, 5);
	assert_int_equal(mis.kind, NVP_MIS_MISDIRECTED);
	says(&mis, "lba mismatch: lba 0x5, but got 0x15", "misdirected: the data of LBA 0x15 of namespace 7");
}

/* Half of a write of 8 LBAs arrived: the first half, or the last. */
static void
torn(void **state)
{
	uint8_t *kept = malloc(8 * bytes);
	struct nvp_miscompare mis;
	uint32_t half;
	char text[60];

	(void)state;
	assert_non_null(kept);
	for (half = 0; half < 2; half++) {
		write_lbas(16, 8);
		memcpy(kept, media + 16 * bytes, 8 * bytes);
		write_lbas(16, 8);
		memcpy(media + (16 + 4 * half) * bytes, kept + 4 * half * bytes, 4 * bytes);
		mis = diagnose(16, 8, NULL);
		assert_int_equal(mis.kind, NVP_MIS_TORN);
		assert_int_equal(mis.lba, 16 + 4 * half);
		snprintf(text, sizeof(text), "torn: bytes %u to %u of the data", half ? 0 : 4 * bytes,
			 (half ? 4 : 8) * bytes - 1);
		says(&mis, "crc mismatch: lba 0x1", text);
	}
	free(kept);
}

/* An LBA of 4 KiB, of which the first parts arrived. */
static void
torn_inside(void **state)
{
	uint8_t *kept = malloc(bytes);
	struct nvp_miscompare mis;

	(void)state;
	assert_non_null(kept);
	if (bytes > 512 && !crc32) {
		write_lbas(3, 1);
		memcpy(kept, media + 3 * bytes, bytes);
		write_lbas(3, 1);
		memcpy(media + 3 * bytes + 1536, kept + 1536, bytes - 1536);
		mis = diagnose(3, 1, NULL);
		assert_int_equal(mis.kind, NVP_MIS_TORN);
		says(&mis, "crc mismatch: lba 0x3", "torn: bytes 0 to 1535 of the data");
	}
	free(kept);
}

/* With the data at hand each bit is named; without, 32 bits of CRC find a single one. */
static void
flipped(void **state)
{
	struct nvp_verify_source src = { body, NULL };
	struct nvp_miscompare mis;
	uint8_t *from = malloc(bytes);

	(void)state;
	assert_non_null(from);
	write_lbas(9, 4);
	memcpy(from, media + 10 * bytes, bytes);
	src = (struct nvp_verify_source){ from, &(struct nvp_verify_source){ body, NULL } };
	media[10 * bytes + 100] ^= 0x08;
	media[10 * bytes + 300] ^= 0x81;
	mis = diagnose(9, 4, &src);
	assert_int_equal(mis.kind, NVP_MIS_FLIPPED);
	says(&mis, "crc mismatch: lba 0xa",
	     "bit flips: 3 bits of the LBA: byte 100 bit 3, byte 300 bit 0, byte 300 bit 7");
	media[10 * bytes + 300] ^= 0x81;
	mis = diagnose(9, 4, NULL);
	assert_int_equal(mis.kind, NVP_MIS_FLIPPED);
	says(&mis, "crc mismatch: lba 0xa",
	     crc32 ? "bit flips: 1 bit of the LBA: byte 100 bit 3" : "bit flips: the last version");
	free(from);
}

/* In the token and in the id, which is another LBA's then. */
static void
flipped_marks(void **state)
{
	struct nvp_verify_source src;
	struct nvp_miscompare mis;
	uint8_t *from = malloc(bytes);

	(void)state;
	assert_non_null(from);
	write_lbas(9, 1);
	memcpy(from, media + 9 * bytes, bytes);
	src = (struct nvp_verify_source){ from, NULL };
	media[10 * bytes - 3] ^= 0x20;
	mis = diagnose(9, 1, &src);
	assert_int_equal(mis.kind, NVP_MIS_FLIPPED);
	assert_int_equal(mis.nbits, 1);
	assert_int_equal(mis.bit[0], (bytes - 3) * 8 + 5);
	media[10 * bytes - 3] ^= 0x20;
	media[9 * bytes] ^= 0x10; /* 9 becomes 25 */
	mis = diagnose(9, 1, &src);
	assert_int_equal(mis.kind, NVP_MIS_FLIPPED);
	assert_int_equal(mis.bit[0], 4);
	free(from);
}

static void
unwritten(void **state)
{
	struct nvp_miscompare mis;

	(void)state;
	write_lbas(0, 4);
	memset(media + 2 * bytes, 0, bytes);
	mis = diagnose(0, 4, NULL);
	assert_int_equal(mis.kind, NVP_MIS_UNWRITTEN);
	says(&mis, "crc mismatch: lba 0x2", "unwritten: all zeroes");
	memset(media + 2 * bytes, 0xff, bytes);
	mis = diagnose(0, 4, NULL);
	says(&mis, "crc mismatch: lba 0x2", "unwritten: all ones");
}

static void
something_else(void **state)
{
	struct nvp_miscompare mis;
	uint32_t i;

	(void)state;
	write_lbas(0, 4);
	for (i = 0; i < bytes; i++)
		media[bytes + i] = (uint8_t)(i * 11 + 3);
	mis = diagnose(0, 4, NULL);
	assert_int_equal(mis.kind, NVP_MIS_OTHER);
	says(&mis, "", "other data: id 0x");
}

static struct shape shapes[] = { { 512, false }, { 512, true }, { 4096, false }, { 4096, true } };

#define TEST(name, i)                                           \
	{                                                       \
#name " " #i, name, setup, teardown, &shapes[i] \
	}
#define EACH(name) TEST(name, 0), TEST(name, 1), TEST(name, 2), TEST(name, 3)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(stale),   EACH(misdirected),   EACH(torn),	     EACH(torn_inside),
		EACH(flipped), EACH(flipped_marks), EACH(unwritten), EACH(something_else),
	};

	return cmocka_run_group_tests_name("verify_diag", tests, NULL, NULL);
}
