/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Data patterns, numbered as test scripts know them (Buffer.fill_pattern(pvalue, ptype)).  What is random comes from
 * the caller's generator, so that a seed repeats it.
 */
#pragma once
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "util/bits.h"
#include "util/rng.h"

enum ut_ptype {
	UT_PTYPE_CONST = 0, /* pvalue 0: zeros, 1: ones */
	UT_PTYPE_WORD = 32, /* pvalue repeated */
	UT_PTYPE_RANDOM = 0xbeef, /* pvalue percent random, the rest zero: how well it compresses */
	UT_PTYPE_FILE = 0xf17e, /* not here: who knows the path reads the file */
	UT_PTYPE_UP = 0x1234, /* 16-bit words, increasing from pvalue */
	UT_PTYPE_DOWN = 0x4321,
};

#define UT_PATTERN_CHUNK 512u /* each so many bytes are equally random */

static inline void
ut_pattern_random(uint8_t *p, size_t len, uint32_t percent, struct ut_rng *rng)
{
	size_t off, i, n, random;
	uint64_t v;

	for (off = 0; off < len; off += UT_PATTERN_CHUNK) {
		n = UT_MIN(len - off, (size_t)UT_PATTERN_CHUNK);
		random = n * percent / 100;
		for (i = 0; i < random; i += sizeof(v)) {
			v = ut_rng_next(rng);
			memcpy(p + off + i, &v, UT_MIN(random - i, sizeof(v)));
		}
		memset(p + off + random, 0, n - random);
	}
}

static inline void
ut_pattern_words(uint8_t *p, size_t len, uint32_t first, uint32_t step)
{
	uint32_t v = first;
	size_t i;

	for (i = 0; i < len; i++) {
		p[i] = (uint8_t)(i & 1 ? v >> 8 : v);
		if (i & 1)
			v += step;
	}
}

/* -EINVAL: no such pattern, or a percentage above 100. */
static inline int
ut_pattern_fill(void *buf, size_t len, uint32_t ptype, uint32_t pvalue, struct ut_rng *rng)
{
	uint8_t *p = buf;
	size_t i;

	switch (ptype) {
	case UT_PTYPE_CONST:
		if (pvalue > 1)
			return -EINVAL;
		memset(p, pvalue ? 0xff : 0, len);
		return 0;
	case UT_PTYPE_WORD:
		for (i = 0; i < len; i++)
			p[i] = (uint8_t)(pvalue >> 8 * (i & 3));
		return 0;
	case UT_PTYPE_RANDOM:
		if (pvalue > 100)
			return -EINVAL;
		ut_pattern_random(p, len, pvalue, rng);
		return 0;
	case UT_PTYPE_UP:
		ut_pattern_words(p, len, pvalue, 1);
		return 0;
	case UT_PTYPE_DOWN:
		ut_pattern_words(p, len, pvalue, UINT32_MAX);
		return 0;
	default:
		return -EINVAL;
	}
}
