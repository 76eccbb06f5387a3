/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * States of LBAs: what becomes of their codes when an operation begins and ends, or when somebody says so.
 *
 * Codes are bytes here, also those of 4 bytes an LBA: the states fit into the lowest one, and the others are zero then.
 */
#include "verify/verify_int.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define ONES 0x0101010101010101ull
#define HIGHS 0x8080808080808080ull
#define PAGE 4096u

static uint64_t
zero_bytes(uint64_t x)
{
	return (x - ONES) & ~x & HIGHS;
}

/* One code of step bytes. */
static uint8_t
get(const uint8_t *c, uint32_t step)
{
	uint32_t wide;

	if (step == 1)
		return ut_load(c);
	wide = ut_load((const uint32_t *)(const void *)c);
	return wide < CODE_FIRST ? (uint8_t)wide : CODE_FIRST;
}

static void
put(uint8_t *c, uint32_t step, uint8_t state)
{
	if (step == 1)
		ut_store(c, state);
	else
		ut_store((uint32_t *)(void *)c, (uint32_t)state);
}

static uint32_t
step_of(const struct nvp_verify *v)
{
	return v->crc32 ? 4 : 1;
}

/* One by one: a code that is busy already was left by a dead process, whose write may still come. */
static void
make_busy_slow(struct nvp_verify *v, uint8_t *c, uint64_t len)
{
	uint32_t step = step_of(v);
	uint8_t was;

	for (; len; c += step, len -= step) {
		was = get(c, step);
		put(c, step, was == CODE_BUSY || was == CODE_TAINTED ? CODE_TAINTED : CODE_BUSY);
	}
}

void
verify_make_busy(struct nvp_verify *v, uint64_t slba, uint64_t n)
{
	uint64_t len = n * v->code_bytes, word, busy = v->crc32 ? 0x0000000100000001ull * CODE_BUSY : ONES * CODE_BUSY;
	uint8_t *c = verify_code(v, slba);

	for (; len >= 8; c += 8, len -= 8) {
		memcpy(&word, c, 8);
		/* Of 4-byte codes the test sees each byte: some are looked at without need. */
		if (__builtin_expect(
			    (zero_bytes(word ^ ONES * CODE_BUSY) | zero_bytes(word ^ ONES * CODE_TAINTED)) != 0, 0))
			make_busy_slow(v, c, 8);
		else
			memcpy(c, &busy, 8);
	}
	make_busy_slow(v, c, len);
}

static void
note_uncorr(struct nvp_verify *v, uint8_t to)
{
	if (to == CODE_UNCORR)
		ut_store(&v->head->uncorr, 1u);
}

/* The end of one that began with verify_make_busy(): what is not busy any more was changed meanwhile and stays. */
void
verify_settle(struct nvp_verify *v, uint64_t slba, uint64_t n, uint8_t to)
{
	uint32_t step = step_of(v);
	uint8_t *c = verify_code(v, slba), *end = c + n * v->code_bytes;

	note_uncorr(v, to);
	for (; c < end; c += step)
		if (get(c, step) == CODE_BUSY)
			put(c, step, to);
}

static void
set_codes(uint8_t *c, const uint8_t *end, uint32_t step, uint8_t to)
{
	uint8_t was;

	for (; c < end; c += step) {
		was = get(c, step);
		if (was != CODE_TAINTED)
			put(c, step, was == CODE_BUSY ? CODE_UNKNOWN : to);
	}
}

void
verify_forget(struct nvp_verify *v, uint64_t lba)
{
	uint8_t *c = verify_code(v, lba), *end = c + v->code_bytes;

	set_codes(c, end, step_of(v), CODE_UNKNOWN);
}

/* --- ranges of any length --- */

/* The first byte from c on that lies in an allocated page: holes are unknown already, and touching one fills it. */
uint8_t *
verify_skip_hole(const struct nvp_verify *v, uint8_t *c, uint8_t *end)
{
	off_t want = c - (uint8_t *)v->head, got;

	if (v->head->huge)
		return c;
	got = lseek(v->fd, want, SEEK_DATA);
	if (got < 0)
		return errno == ENXIO ? end : c;
	return got <= want ? c : UT_MIN((uint8_t *)v->head + got, end);
}

void
verify_set(struct nvp_verify *v, uint64_t slba, uint64_t n, uint8_t to)
{
	uint8_t *c = verify_code(v, slba), *end = c + n * v->code_bytes, *stop;

	note_uncorr(v, to);
	while (c < end) {
		if (to == CODE_UNKNOWN)
			c = verify_skip_hole(v, c, end);
		stop = UT_MIN(end, c + PAGE - (uintptr_t)c % PAGE);
		set_codes(c, stop, step_of(v), to);
		c = stop;
	}
}

void
nvp_verify_mark(struct nvp_verify *v, uint64_t slba, uint64_t nlb, bool uncorr)
{
	verify_set(v, slba, verify_clip(v, slba, nlb), uncorr ? CODE_UNCORR : CODE_UNKNOWN);
}

/* What was foreign stays so: a write may be in flight that has said so already. */
void
nvp_verify_clear(struct nvp_verify *v)
{
	uint8_t *c = v->code, *end = verify_code(v, v->nlba), *stop;

	while ((c = verify_skip_hole(v, c, end)) < end) {
		stop = UT_MIN(end, c + PAGE - (uintptr_t)c % PAGE);
		memset(c, CODE_UNKNOWN, (size_t)(stop - c));
		c = stop;
	}
}

void
nvp_verify_over(struct nvp_verify *v, uint64_t slba, uint64_t nlb)
{
	uint32_t step = step_of(v);
	uint8_t *c = verify_code(v, slba), *end = c + verify_clip(v, slba, nlb) * v->code_bytes, was;

	for (; c < end; c += step) {
		was = get(c, step);
		if (was == CODE_TAINTED || was == CODE_BUSY)
			put(c, step, CODE_UNKNOWN);
	}
}

bool
nvp_verify_any_uncorr(const struct nvp_verify *v)
{
	return ut_load(&v->head->uncorr) != 0;
}

bool
nvp_verify_is_uncorr(const struct nvp_verify *v, uint64_t lba)
{
	return verify_clip(v, lba, 1) && get(verify_code(v, lba), step_of(v)) == CODE_UNCORR;
}
