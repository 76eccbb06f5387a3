/* SPDX-License-Identifier: BSD-3-Clause */
/* The host's protection information: blocks written out byte by byte, every bit that can be wrong, tags in a command's dwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "crc_bits.h"
#include "nvproof/pi.h"
#include "nvproof/spec/nvm.h"
#include "util/rng.h"

static const struct nvp_pi pi16 = { .type = 1, .guard = 2, .size = 8, .meta_size = 8, .lba_size = 512 };
static const struct nvp_pi pi32 = {
	.type = 1, .guard = 4, .size = 16, .sts = 32, .meta_size = 16, .lba_size = 4096, .lbstm = UINT32_MAX
};
static const struct nvp_pi pi64 = {
	.type = 1, .guard = 8, .size = 16, .sts = 16, .meta_size = 16, .lba_size = 4096, .lbstm = UINT16_MAX
};

/* 4 KiB of zeros have published checksums; the tags are counted out by hand. */
static void
known_blocks(void **state)
{
	static const uint8_t want16[] = { 0x00, 0x00, 0xca, 0xfe, 0x12, 0x34, 0x56, 0x78 };
	static const uint8_t want32[] = { 0x98, 0xf9, 0x41, 0x89, 0xca, 0xfe, 0xaa, 0xbb,
					  0xcc, 0xdd, 0x56, 0x78, 0x9a, 0xbc, 0xde, 0xf0 };
	static const uint8_t want64[] = { 0x64, 0x82, 0xd3, 0x67, 0xeb, 0x22, 0xb6, 0x4e,
					  0xca, 0xfe, 0xcc, 0xdd, 0x9a, 0xbc, 0xde, 0xf0 };
	static const struct nvp_pi_tags narrow = { .ref = 0x12345678, .app = 0xcafe };
	static const struct nvp_pi_tags wide = { .storage = 0xaabbccdd, .ref = 0x123456789abcdef0, .app = 0xcafe };
	static uint8_t data[4096], meta[16];

	(void)state;
	nvp_pi_make(&pi16, &narrow, data, meta, 1);
	assert_memory_equal(meta, want16, 8);
	nvp_pi_make(&pi32, &wide, data, meta, 1);
	assert_memory_equal(meta, want32, 16);
	nvp_pi_make(&pi64, &wide, data, meta, 1);
	assert_memory_equal(meta, want64, 16);
}

/* Every format that there can be. */
static void
for_each(void (*run)(const struct nvp_pi *pi, struct ut_rng *rng))
{
	static const uint8_t guards[] = { 2, 4, 8 };
	struct ut_rng rng;

	ut_rng_seed(&rng, 3);
	for (unsigned g = 0; g < 3; g++) {
		unsigned size = g ? 16 : 8, space = (size - guards[g] - 2u) * 8;

		for (unsigned sts = g == 1 ? 16 : 0; sts <= space && sts <= 64; sts += 4) {
			struct nvp_pi pi = {
				.type = (uint8_t)(1 + sts / 4 % 3),
				.guard = guards[g],
				.size = (uint8_t)size,
				.sts = (uint8_t)sts,
				.extended = sts & 8,
				.meta_size = (uint16_t)(size + sts),
				.off = sts & 16 ? (uint16_t)sts : 0,
				.lba_size = 512,
				.lbstm = sts ? UINT64_MAX >> (64 - sts) : 0,
			};

			run(&pi, &rng);
		}
	}
}

static uint64_t
cut(uint64_t v, unsigned bits)
{
	return bits < 64 ? v & ((1ull << bits) - 1) : v;
}

static struct nvp_pi_tags
random_tags(const struct nvp_pi *pi, struct ut_rng *rng)
{
	return (struct nvp_pi_tags){
		.storage = cut(ut_rng_next(rng), pi->sts),
		.ref = cut(ut_rng_next(rng), (pi->size - pi->guard - 2u) * 8 - pi->sts),
		.app = (uint16_t)(ut_rng_next(rng) & 0x7fff),
		.app_mask = 0xffff,
	};
}

/* Into the dwords and back; only as many of them as the format has are its own. */
static void
tags_one(const struct nvp_pi *pi, struct ut_rng *rng)
{
	struct nvp_pi_tags t = random_tags(pi, rng), back;
	struct nvme_sqe sqe = { .cdw12 = le32_from(77) };
	unsigned space = (pi->size - pi->guard - 2u) * 8;

	nvp_pi_put_tags(pi, &t, &sqe);
	assert_int_equal(le32_get(sqe.cdw12), 77);
	assert_int_equal(le32_get(sqe.cdw2) >> 16, 0);
	if (space <= 64)
		assert_int_equal(le32_get(sqe.cdw2), 0);
	if (space == 32)
		assert_int_equal(le32_get(sqe.cdw3), 0);
	sqe.cdw2 = le32_from(le32_get(sqe.cdw2) | (space > 64 ? 0xffff0000u : 0xffffffffu));
	if (space < 64)
		sqe.cdw3 = le32_from(le32_get(sqe.cdw3) | (space == 32 ? 0xffffffffu : 0xffff0000u));
	nvp_pi_get_tags(pi, &sqe, &back);
	assert_true(back.storage == t.storage && back.ref == t.ref && back.app == t.app && back.app_mask == 0xffff);
}

static void
tags(void **state)
{
	(void)state;
	for_each(tags_one);
}

struct blocks {
	uint8_t data[3 * (512 + 96)], meta[3 * 96];
};

static uint8_t *
meta_at(const struct nvp_pi *pi, struct blocks *b, uint32_t i)
{
	return pi->extended ? b->data + i * (512u + pi->meta_size) + 512 : b->meta + i * pi->meta_size;
}

/* What is made is right; each bit that is turned is found, as what it is, in the block that it is in. */
static void
bits_one(const struct nvp_pi *pi, struct ut_rng *rng)
{
	const struct bits_poly *poly = pi->guard == 2 ? &bits_t10dif : pi->guard == 4 ? &bits_crc32c : &bits_nvme64;
	struct nvp_pi_tags t = random_tags(pi, rng);
	unsigned all = NVP_PI_GUARD | NVP_PI_APP | NVP_PI_REF | NVP_PI_STORAGE;
	struct nvp_pi_error err;
	uint8_t flat[512 + 96], *info;
	struct blocks b;

	for (size_t i = 0; i < sizeof(b); i++)
		((uint8_t *)&b)[i] = (uint8_t)ut_rng_next(rng);
	nvp_pi_make(pi, &t, b.data, b.meta, 3);
	assert_int_equal(nvp_pi_check(pi, &t, all, b.data, b.meta, 3, NULL), 0);
	info = meta_at(pi, &b, 2) + pi->off + pi->size - 1; /* the lowest byte of the third one's reference tag */
	if ((pi->size - pi->guard - 2u) * 8 - pi->sts >= 8)
		assert_int_equal(*info, (uint8_t)(t.ref + (pi->type == 3 ? 0 : 2)));
	info = meta_at(pi, &b, 1);
	memcpy(flat, pi->extended ? info - 512 : b.data + 512, 512);
	memcpy(flat + 512, info, pi->off);
	info += pi->off;
	assert_true(nvme_be_get(info, pi->guard) == bits_crc(poly, flat, 512u + pi->off));
	for (unsigned bit = 0; bit < pi->size * 8u; bit++) {
		unsigned in_tags = bit - (pi->guard + 2u) * 8, want = NVP_PI_REF;

		if (bit < pi->guard * 8u)
			want = NVP_PI_GUARD;
		else if (bit < (pi->guard + 2u) * 8)
			want = NVP_PI_APP;
		else if (in_tags < pi->sts)
			want = NVP_PI_STORAGE;
		info[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		if (want == NVP_PI_REF && pi->type == 3) {
			assert_int_equal(nvp_pi_check(pi, &t, all, b.data, b.meta, 3, &err), 0);
		} else {
			assert_int_equal(nvp_pi_check(pi, &t, all, b.data, b.meta, 3, &err), 1);
			assert_int_equal(err.what, want);
			assert_int_equal(err.block, 1);
			assert_true(err.expected != err.got);
			assert_int_equal(nvp_pi_check(pi, &t, all & ~want, b.data, b.meta, 3, &err), 0);
		}
		info[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	}
}

static void
every_bit(void **state)
{
	(void)state;
	for_each(bits_one);
}

static void
escape_one(const struct nvp_pi *pi, struct ut_rng *rng)
{
	struct nvp_pi_tags t = random_tags(pi, rng), other = random_tags(pi, rng);
	unsigned ref = (pi->size - pi->guard - 2u) * 8 - pi->sts;
	struct blocks b = { 0 };

	t.app = 0xffff;
	nvp_pi_make(pi, &t, b.data, b.meta, 3);
	meta_at(pi, &b, 2)[pi->off] ^= 1;
	assert_int_equal(nvp_pi_check(pi, &other, NVP_PI_GUARD | NVP_PI_REF, b.data, b.meta, 3, NULL),
			 pi->type == 3 && ref);
	memset(meta_at(pi, &b, 2) + pi->off, 0xff, pi->size);
	assert_int_equal(nvp_pi_check(pi, &other, NVP_PI_GUARD | NVP_PI_REF, b.data, b.meta, 3, NULL), 0);
}

static void
escapes(void **state)
{
	(void)state;
	for_each(escape_one);
}

static void
masks_and_names(void **state)
{
	struct nvp_pi pi = pi64;
	struct nvp_pi_tags t = { .storage = 0x1234, .ref = 5, .app = 0x00ff, .app_mask = 0xff00 };
	static uint8_t data[4096], meta[16];

	(void)state;
	nvp_pi_make(&pi, &t, data, meta, 1);
	t.app = 0x0055;
	t.storage = 0x1235;
	assert_int_equal(nvp_pi_check(&pi, &t, NVP_PI_APP, data, meta, 1, NULL), 0);
	assert_int_equal(nvp_pi_check(&pi, &t, NVP_PI_STORAGE, data, meta, 1, NULL), 1);
	pi.lbstm = 0xfffe;
	assert_int_equal(nvp_pi_check(&pi, &t, NVP_PI_STORAGE, data, meta, 1, NULL), 0);
	assert_string_equal(nvp_pi_what(NVP_PI_GUARD), "guard");
	assert_string_equal(nvp_pi_what(NVP_PI_APP), "application tag");
	assert_string_equal(nvp_pi_what(NVP_PI_REF), "reference tag");
	assert_string_equal(nvp_pi_what(NVP_PI_STORAGE), "storage tag");
}

static void
stripped(void **state)
{
	struct nvme_sqe sqe = { .cdw12 = le32_from((uint32_t)NVME_RW_PRACT) }, plain = { 0 };
	struct nvp_pi room = pi16, none = pi16;

	(void)state;
	room.meta_size = 16;
	none.type = 0;
	assert_true(nvp_pi_stripped(&pi16, &sqe));
	assert_false(nvp_pi_stripped(&pi16, &plain));
	assert_false(nvp_pi_stripped(&room, &sqe));
	assert_false(nvp_pi_stripped(&none, &sqe));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_blocks),	   cmocka_unit_test(tags),
		cmocka_unit_test(every_bit),	   cmocka_unit_test(escapes),
		cmocka_unit_test(masks_and_names), cmocka_unit_test(stripped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
