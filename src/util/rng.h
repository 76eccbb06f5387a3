/* SPDX-License-Identifier: BSD-3-Clause */
/* Seeded random numbers (xorshift64*): one seed, one run. */
#pragma once
#include <stdint.h>

struct ut_rng {
	uint64_t s;
};

static inline void
ut_rng_seed(struct ut_rng *r, uint64_t seed)
{
	/* One splitmix64 step spreads small seeds over all bits; the state must not be 0. */
	uint64_t z = seed + 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	r->s = (z ^ (z >> 31)) | 1;
}

static inline uint64_t
ut_rng_next(struct ut_rng *r)
{
	r->s ^= r->s >> 12;
	r->s ^= r->s << 25;
	r->s ^= r->s >> 27;
	return r->s * 0x2545f4914f6cdd1dull;
}

/* Uniform in [0, n); n > 0.  Multiply-shift: no division on the I/O path. */
static inline uint64_t
ut_rng_below(struct ut_rng *r, uint64_t n)
{
	return (uint64_t)((unsigned __int128)ut_rng_next(r) * n >> 64);
}
