/* SPDX-License-Identifier: BSD-3-Clause */
/* Old or new, lane by lane; doubt.h has the rules. */
#include "verify/doubt.h"

static uint16_t *
whose_at(const struct nvp_verify *v, uint64_t lba)
{
	return &v->group[lba / VERIFY_LANES % VERIFY_GROUPS].whose[lba % VERIFY_LANES];
}

static uint8_t *
durable_at(const struct nvp_verify *v, uint64_t lba)
{
	return &v->group[lba / VERIFY_LANES % VERIFY_GROUPS].durable[lba % VERIFY_LANES];
}

static uint8_t *
stamp_at(const struct nvp_verify *v, uint64_t lba)
{
	return &v->stamp[lba % VERIFY_LOCKS];
}

/* --- a byte of all codes of an LBA --- */

static uint8_t
fold(uint8_t sum, uint8_t code)
{
	return (uint8_t)((sum << 1 | sum >> 7) ^ code);
}

static uint8_t
folded(uint8_t sum)
{
	return sum < CODE_FIRST ? (uint8_t)(sum + 0x80) : sum;
}

static uint8_t
fold_wide(uint32_t wide)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < 32; i += 8)
		sum = fold(sum, (uint8_t)(wide >> i));
	return folded(sum);
}

/* Of what the table knows; CODE_UNKNOWN when that is a state. */
static uint8_t
fold_codes(const struct nvp_verify *v, uint64_t lba)
{
	const uint8_t *c = verify_code(v, lba);
	uint8_t sum = 0;
	uint32_t wide;

	if (v->crc32) {
		memcpy(&wide, c, sizeof(wide));
		return wide < CODE_FIRST ? CODE_UNKNOWN : fold_wide(wide);
	}
	for (uint32_t i = 0; i < v->code_bytes; i++) {
		if (c[i] < CODE_FIRST)
			return CODE_UNKNOWN;
		sum = fold(sum, c[i]);
	}
	return folded(sum);
}

static uint8_t
fold_data(const struct nvp_verify *v, const uint8_t *d)
{
	uint8_t sum = 0;

	if (v->crc32)
		return fold_wide(code32(crc_of(d, v->lba_size)));
	for (uint32_t at = 0; at < v->lba_size; at += VERIFY_UNIT)
		sum = fold(sum, code8(crc_of(d + at, VERIFY_UNIT)));
	return folded(sum);
}

/* --- before a power loss --- */

/* The lane is needed for another LBA: what is in doubt there cannot be told any more. */
static void
mix_lane(struct nvp_verify *v, uint64_t lba)
{
	uint16_t *w = whose_at(v, lba), was = *w & (uint16_t)~WHOSE_MANY;
	uint64_t other = (was - 1ull) * VERIFY_LOCKS + lba % VERIFY_LOCKS;

	if (was && *stamp_at(v, lba) == STAMP_DOUBT && other != lba && other < v->nlba)
		verify_forget(v, other);
	*w = 0;
}

static void
keep_lane(struct nvp_verify *v, uint64_t lba)
{
	uint16_t whose = doubt_whose(lba), *w = whose_at(v, lba);
	uint8_t code = fold_codes(v, lba), stamp = ut_load(stamp_at(v, lba));

	ut_acquire_barrier(); /* as in doubt_keep() */
	if (stamp <= ut_load(&v->head->covered)) {
		*durable_at(v, lba) = code;
		*w = whose;
	} else if (whose && (*w & (uint16_t)~WHOSE_MANY) == whose) {
		*w |= WHOSE_MANY;
		if (code == CODE_UNKNOWN) /* unmapped, failed: this may be there, too */
			*durable_at(v, lba) = CODE_UNKNOWN;
	} else {
		mix_lane(v, lba);
	}
}

void
doubt_keep_slowly(struct nvp_verify *v, uint64_t lba, uint32_t n)
{
	for (; n; n--)
		keep_lane(v, lba++);
}

void
doubt_mix(struct nvp_verify *v, uint64_t lba, uint64_t n)
{
	for (n = UT_MIN(n, VERIFY_LOCKS); n; n--)
		mix_lane(v, lba++);
}

/* Its lane may be covered now only when no other LBA of it waits for a flush. */
void
doubt_settle(struct nvp_verify *v, uint64_t lba, uint64_t n)
{
	uint16_t whose;

	for (n = UT_MIN(n, VERIFY_LOCKS); n; n--, lba++) {
		whose = doubt_whose(lba);
		if (whose && (*whose_at(v, lba) & (uint16_t)~WHOSE_MANY) == whose)
			*stamp_at(v, lba) = 0;
	}
}

/* --- a power loss --- */

bool
doubt_known(const struct nvp_verify *v, uint64_t lba)
{
	uint16_t whose = *whose_at(v, lba) & (uint16_t)~WHOSE_MANY;

	if (!whose || !fold_codes(v, lba))
		return false;
	return whose != doubt_whose(lba) || *durable_at(v, lba) >= CODE_FIRST;
}

void
doubt_begin_all(struct nvp_verify *v)
{
	uint32_t covered = ut_load(&v->head->covered);

	for (uint64_t i = 0; i < VERIFY_LOCKS; i++)
		ut_store(&v->stamp[i], ut_load(&v->stamp[i]) > covered && *whose_at(v, i) ? (uint8_t)STAMP_DOUBT : 0);
}

/* --- after it --- */

bool
doubt_is(const struct nvp_verify *v, uint64_t lba)
{
	uint16_t whose = doubt_whose(lba);

	return ut_load(stamp_at(v, lba)) == STAMP_DOUBT && whose &&
	       (*whose_at(v, lba) & (uint16_t)~WHOSE_MANY) == whose;
}

bool
doubt_allows(const struct nvp_verify *v, uint64_t lba, const uint8_t *d)
{
	uint8_t durable = *durable_at(v, lba);

	if (durable < CODE_FIRST || fold_data(v, d) == durable)
		return true;
	if (!(*whose_at(v, lba) & WHOSE_MANY))
		return false;
	return ut_load(&v->foreign[lba >> VERIFY_CHUNK_SHIFT]) || verify_has_id(v, d, lba);
}
