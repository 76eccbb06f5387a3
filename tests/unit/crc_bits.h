/* SPDX-License-Identifier: BSD-3-Clause */
/* Checksums as what they are, the remainder of a division by a polynomial: one bit at a time, no table, for tests to compare with. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Most significant bit of the polynomial first; reflected: the bits of each byte and of the result are turned. */
struct bits_poly {
	unsigned width;
	uint64_t poly;
	int reflected;
	uint64_t first, last; /* start value, final exclusive or */
};

static const struct bits_poly bits_t10dif = { 16, 0x8bb7, 0, 0, 0 };
static const struct bits_poly bits_crc32c = { 32, 0x1edc6f41, 1, 0xffffffff, 0xffffffff };
static const struct bits_poly bits_nvme64 = { 64, 0xad93d23594c93659ull, 1, UINT64_MAX, UINT64_MAX };

static inline uint64_t
bits_turn(uint64_t v, unsigned width)
{
	uint64_t out = 0;

	for (unsigned i = 0; i < width; i++)
		out |= (v >> i & 1) << (width - 1 - i);
	return out;
}

static inline uint64_t
bits_crc(const struct bits_poly *p, const uint8_t *data, size_t len)
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
	return (p->reflected ? bits_turn(crc, p->width) : crc) ^ p->last;
}
