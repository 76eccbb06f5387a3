/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A choice of one out of n with given weights, in constant time and without a division: Walker's alias method.  Each
 * of the n equally likely entries is shared by at most two outcomes.
 */
#pragma once
#include <stdint.h>

struct iow_alias_entry {
	uint32_t keep; /* up to here the outcome is the entry's own */
	uint32_t other;
};

struct iow_alias {
	struct iow_alias_entry *entry;
	uint32_t n;
};

/* All weights are above 0 and their sum is below 2^63; n is 1 or more.  -ENOMEM. */
int iow_alias_open(struct iow_alias *a, const uint64_t *weight, uint32_t n);
void iow_alias_close(struct iow_alias *a); /* a zeroed one is fine */

/* r: 32 random bits. */
static inline uint32_t
iow_alias_pick(const struct iow_alias *a, uint32_t r)
{
	uint64_t x = (uint64_t)r * a->n;
	uint32_t i = (uint32_t)(x >> 32), other = a->entry[i].other;

	return (uint32_t)x <= a->entry[i].keep ? i : other;
}
