/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Old or new: what an LBA may hold after a power loss, when its last write was not durable.
 *
 * Of each lane of a group, when a write begins whose LBA is durable until then, the code of that durable version is kept,
 * folded into a byte, and which LBA it is (lanes are shared by LBAs that are a multiple of VERIFY_LOCKS apart).  Another
 * write before the next flush leaves it, and says that there are versions between, which are not kept.  When another LBA
 * of the lane is written meanwhile, nothing is known of either.
 *
 * A power loss gives such a lane the stamp STAMP_DOUBT: its LBA holds the newest version (whose code is in the table), or
 * the durable one, or, if there were any, one between, which at least bears the LBA's id.  Only a read that does not match
 * the newest version looks at this.  The lane's LBA is forgotten when another LBA needs the lane.
 *
 * Who holds a lane's lock as a writer may change what belongs to it.
 */
#pragma once
#include "verify/code.h"

#define STAMP_LAST 126u /* stamps fit into 7 bits, so that 8 of them are compared at once */
#define STAMP_DOUBT 127u
#define WHOSE_MANY 0x8000u /* there are versions between */
#define WHOSE_LANES 0x0001000100010001ull
#define DOUBT_ONES 0x0101010101010101ull
#define DOUBT_HIGHS 0x8080808080808080ull

/* Which of a lane's LBAs; 0: one of those that are too far behind to be told apart. */
static inline uint16_t
doubt_whose(uint64_t lba)
{
	uint64_t n = lba / VERIFY_LOCKS + 1;

	return (uint16_t)(n < WHOSE_MANY ? n : 0);
}

/* Of 8 stamps, those that are above what a flush has covered. */
static inline uint64_t
doubt_above(uint64_t stamps, uint32_t covered)
{
	return (stamps + (STAMP_DOUBT - covered) * DOUBT_ONES) & DOUBT_HIGHS;
}

/* Whether one of 8 codes of a byte may be a state. */
static inline bool
doubt_any_state(uint64_t codes)
{
	return ((codes - CODE_FIRST * DOUBT_ONES) & ~codes & DOUBT_HIGHS) != 0;
}

/* doubt.c: lane by lane, whatever it is. */
void doubt_keep_slowly(struct nvp_verify *v, uint64_t lba, uint32_t n);

/* All 8 lanes, of one byte of code each; false: they are not all alike. */
static inline bool
doubt_keep_group(struct verify_group *g, uint64_t stamps, uint64_t codes, uint32_t covered, uint64_t whose)
{
	uint64_t above = doubt_above(stamps, covered), are[2] = { whose, whose };

	if (!above) {
		memcpy(g->durable, &codes, sizeof(codes));
		memcpy(g->whose, are, sizeof(are));
		return true;
	}
	memcpy(are, g->whose, sizeof(are));
	if (above != DOUBT_HIGHS || are[0] != are[1])
		return false;
	return !are[0] || (are[0] == (whose | WHOSE_MANY * WHOSE_LANES) && !doubt_any_state(codes));
}

/* Some lanes: the others may be somebody's at this moment. */
static inline bool
doubt_keep_lanes(struct verify_group *g, const uint8_t *stamps, const uint8_t *codes, uint32_t covered, uint16_t whose,
		 uint32_t first, uint32_t n)
{
	uint32_t i, clean = 0, mixed = 0, many = 0;

	for (i = 0; i < n; i++) {
		clean += stamps[i] <= covered;
		mixed += !g->whose[first + i];
		many += g->whose[first + i] == (whose | WHOSE_MANY) && codes[i] >= CODE_FIRST;
	}
	if (clean == n) {
		for (i = 0; i < n; i++) {
			g->durable[first + i] = codes[i];
			g->whose[first + i] = whose;
		}
		return true;
	}
	return !clean && (mixed == n || many == n);
}

/* A write begins that will not be durable: its LBAs are locked, and their codes still those of before. */
static inline void
doubt_keep(struct nvp_verify *v, uint64_t lba, uint32_t n)
{
	struct verify_group *g = &v->group[lba / VERIFY_LANES % VERIFY_GROUPS];
	uint32_t first = (uint32_t)(lba % VERIFY_LANES), covered;
	const uint8_t *code = verify_code(v, lba);
	uint16_t whose = doubt_whose(lba);
	uint64_t stamps, codes;
	bool done = false;

	memcpy(&stamps, v->stamp + (lba % VERIFY_LOCKS - first), sizeof(stamps));
	ut_acquire_barrier(); /* what stamps are compared with is not older than they are: cache.c, renumber() */
	covered = ut_load(&v->head->covered);
	if (n == VERIFY_LANES && v->code_bytes == 1) {
		memcpy(&codes, code, sizeof(codes));
		done = doubt_keep_group(g, stamps, codes, covered, whose * WHOSE_LANES);
	} else if (v->code_bytes == 1) {
		done = doubt_keep_lanes(g, (uint8_t *)&stamps + first, code, covered, whose, first, n);
	}
	if (__builtin_expect(!done, 0))
		doubt_keep_slowly(v, lba, n);
}

/* Their last change will not be durable, and nobody kept what was before. */
void doubt_mix(struct nvp_verify *v, uint64_t lba, uint64_t n);
/* A durable write has ended. */
void doubt_settle(struct nvp_verify *v, uint64_t lba, uint64_t n);
/* Whether the LBA is one that a power loss has left in doubt. */
bool doubt_is(const struct nvp_verify *v, uint64_t lba);
/* Of such an LBA: whether data that are not the newest version may be an older one. */
bool doubt_allows(const struct nvp_verify *v, uint64_t lba, const uint8_t *d);
/* A power loss: whether this LBA, whose stamp no flush covers, is known, or known to be old or new; else it is to be forgotten. */
bool doubt_known(const struct nvp_verify *v, uint64_t lba);
/* After all LBAs were asked. */
void doubt_begin_all(struct nvp_verify *v);
