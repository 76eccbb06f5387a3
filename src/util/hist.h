/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A histogram of nanoseconds: log-linear, 128 buckets an octave, so a value read back is within 0.8 % of what was
 * put in.  Plain memory without pointers: it may lie in shared memory, and two are merged by adding them up.
 */
#pragma once
#include <stdint.h>
#include "util/barrier.h"

#define UT_HIST_SUB_BITS 7
#define UT_HIST_SUB (1u << UT_HIST_SUB_BITS) /* buckets an octave */
#define UT_HIST_MAX_BITS 40 /* above 2^40 ns (18 minutes) all is one bucket */
#define UT_HIST_BUCKETS ((UT_HIST_MAX_BITS - UT_HIST_SUB_BITS + 1) * UT_HIST_SUB)

struct ut_hist {
	uint64_t count;
	uint64_t bucket[UT_HIST_BUCKETS];
};

static inline uint32_t
ut_hist_index(uint64_t v)
{
	uint32_t shift;

	if (v < UT_HIST_SUB)
		return (uint32_t)v;
	if (v >> UT_HIST_MAX_BITS)
		return UT_HIST_BUCKETS - 1;
	shift = 63u - (uint32_t)__builtin_clzll(v) - UT_HIST_SUB_BITS;
	/* The leading one of v >> shift is UT_HIST_SUB itself, which makes room for the linear part at the start. */
	return shift * UT_HIST_SUB + (uint32_t)(v >> shift);
}

/* The smallest value of a bucket. */
static inline uint64_t
ut_hist_low(uint32_t index)
{
	uint32_t shift = index < 2 * UT_HIST_SUB ? 0 : index / UT_HIST_SUB - 1;

	return (uint64_t)(index - shift * UT_HIST_SUB) << shift;
}

/* One writer; readers in other processes see each bucket whole. */
static inline void
ut_hist_add(struct ut_hist *h, uint64_t v)
{
	uint64_t *b = &h->bucket[ut_hist_index(v)];

	ut_store(b, *b + 1);
	ut_store(&h->count, h->count + 1);
}

static inline void
ut_hist_merge(struct ut_hist *to, const struct ut_hist *from)
{
	uint32_t i;

	for (i = 0; i < UT_HIST_BUCKETS; i++)
		to->bucket[i] += ut_load(&from->bucket[i]);
	to->count += ut_load(&from->count);
}

/*
 * The value that `ppm` of a million are not above (500000: the median), as the highest value of its bucket.  0 when
 * the histogram is empty.
 */
static inline uint64_t
ut_hist_percentile(const struct ut_hist *h, uint32_t ppm)
{
	uint64_t total = 0, seen = 0, rank;
	uint32_t i;

	for (i = 0; i < UT_HIST_BUCKETS; i++)
		total += ut_load(&h->bucket[i]);
	rank = (uint64_t)(((unsigned __int128)total * ppm + 999999u) / 1000000u);
	for (i = 0; i < UT_HIST_BUCKETS && total; i++) {
		seen += ut_load(&h->bucket[i]);
		if (seen >= rank && seen)
			return ut_hist_low(i + 1) - 1;
	}
	return 0;
}
