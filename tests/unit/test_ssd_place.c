/* SPDX-License-Identifier: BSD-3-Clause */
/* Places of the translation layer: what is written to different ones is in different blocks, over rewrites and power losses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "ftl_die.h"
#include "ssd/ftl/ftl_int.h"
#include "util/rng.h"

#define UNITS 2000u
#define PAGE 4u /* units */
#define A_BLOCK (32 * PAGE)
#define PLACES 3u

static struct ftl *
open_ftl(bool capacitor, uint32_t buffer)
{
	struct ftl_config cfg = {
		.nand = one_die(40), .units = UNITS, .buffer = buffer, .places = PLACES, .capacitor = capacitor
	};
	struct ftl *f;

	assert_int_equal(ftl_open(&cfg, &f), 0);
	return f;
}

static void
put(struct ftl *f, uint64_t *now, uint32_t unit, uint32_t place)
{
	uint8_t *to = ftl_write(f, *now, unit, NAND_UNIT, place, now);

	assert_non_null(to);
	memset(to, (int)unit, NAND_UNIT);
}

static uint32_t
block_of(const struct ftl *f, uint32_t unit)
{
	assert_int_not_equal(f->map[unit], NAND_NONE);
	return ftl_block_of(f, f->map[unit]);
}

/* A unit that is still in the write buffer and written again, to another place. */
static void
rewritten(void **state)
{
	struct ftl *f = open_ftl(false, 64);
	uint64_t now = 0;

	(void)state;
	put(f, &now, 0, 1);
	put(f, &now, 1, 1);
	put(f, &now, 2, 2);
	put(f, &now, 0, 2);
	assert_int_equal(ftl_ru_used(f, 1), 1);
	assert_int_equal(ftl_ru_used(f, 2), 2);
	assert_true(ftl_flush(f, now, &now));
	assert_int_equal(block_of(f, 0), block_of(f, 2));
	assert_int_not_equal(block_of(f, 0), block_of(f, 1));
	put(f, &now, 5, PLACES); /* no such place */
	put(f, &now, 6, 0);
	assert_true(ftl_flush(f, now, &now));
	assert_int_equal(block_of(f, 5), block_of(f, 6));
	ftl_close(f);
}

/* Reclaim units are filled one after the other, and left when the host says so. */
static void
units(void **state)
{
	struct ftl *f = open_ftl(false, 64);
	uint64_t now = 0;
	uint32_t first;

	(void)state;
	assert_int_equal(ftl_ru_units(f), A_BLOCK);
	first = ftl_ru_number(f, 1);
	for (uint32_t i = 0; i < A_BLOCK; i++) {
		assert_int_equal(ftl_ru_used(f, 1), i);
		put(f, &now, i, 1);
	}
	assert_true(ftl_flush(f, now, &now));
	assert_int_equal(ftl_ru_used(f, 1), 0);
	assert_int_equal(ftl_ru_number(f, 1), first + 1);
	put(f, &now, 0, 1);
	assert_true(ftl_flush(f, now, &now));
	assert_int_equal(ftl_ru_used(f, 1), PAGE); /* the rest of the page is used too */
	ftl_place_end(f, now, 1, &now);
	assert_int_equal(ftl_ru_used(f, 1), 0);
	assert_int_equal(ftl_ru_number(f, 1), first + 2);
	ftl_place_end(f, now, 1, &now); /* nothing was written into it: it is the same */
	assert_int_equal(ftl_ru_number(f, 1), first + 2);
	ftl_close(f);
}

/* No block has units of two places, as far as garbage collection did not bring them together. */
static void
check_apart(const struct ftl *f, const uint8_t *place)
{
	for (uint32_t u = 0; u < UNITS; u++) {
		uint32_t s = f->map[u] == NAND_NONE ? FTL_MOVED : ftl_tag_stream(f->nand->tag[block_of(f, u)]);

		if (s != FTL_MOVED && s != (uint32_t)ftl_stream_of(place[u]))
			fail_msg("unit %u of place %u is in a block of stream %u", u, place[u], s);
	}
}

/* Writing goes on where it was, and nowhere else. */
static void
power_losses(void **state)
{
	struct ftl *f = open_ftl(false, 64);
	uint8_t place[UNITS] = { 0 };
	uint64_t now = 0;
	struct ut_rng rng;
	uint32_t n;

	(void)state;
	ut_rng_seed(&rng, 7);
	for (int round = 0; round < 200; round++) {
		for (n = 0; n < 150; n++) {
			uint32_t u = (uint32_t)ut_rng_below(&rng, UNITS), p = u % PLACES;

			put(f, &now, u, p);
			place[u] = (uint8_t)p;
		}
		if (round % 2)
			assert_true(ftl_flush(f, now, &now));
		ftl_power_off(f, now + ut_rng_below(&rng, 400000));
		now += 1000000 + ftl_power_on(f);
		check_apart(f, place);
	}
	assert_true(ftl_stats(f)->recoveries == 200);
	ftl_close(f);
}

/* What a flush covers is there, and the place is where it was. */
static void
goes_on(void **state)
{
	struct ftl *f = open_ftl(false, 64);
	uint64_t now = 0;
	uint32_t number;

	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		put(f, &now, i, 1 + i % 2);
	assert_true(ftl_flush(f, now, &now));
	number = ftl_ru_number(f, 1);
	ftl_power_off(f, now);
	now += ftl_power_on(f);
	assert_int_equal(ftl_ru_used(f, 1), PAGE);
	assert_int_equal(ftl_ru_number(f, 1), number);
	put(f, &now, 100, 1);
	assert_true(ftl_flush(f, now, &now));
	assert_int_equal(block_of(f, 100), block_of(f, 0));
	assert_int_not_equal(block_of(f, 100), block_of(f, 1));
	ftl_close(f);
}

/* The power goes while a page of it is programmed: the place has another unit. */
static void
torn(void **state)
{
	struct ftl *f = open_ftl(false, 64);
	uint64_t now = 0;
	uint32_t number, block;

	(void)state;
	for (uint32_t i = 0; i < PAGE; i++)
		put(f, &now, i, 1);
	assert_true(ftl_flush(f, now, &now));
	number = ftl_ru_number(f, 1);
	block = block_of(f, 0);
	for (uint32_t i = 0; i < PAGE + 1; i++)
		put(f, &now, 10 + i, 1);
	ftl_power_off(f, now + 100000); /* a program takes 300 us */
	now += 1000000 + ftl_power_on(f);
	assert_int_equal(ftl_ru_used(f, 1), 0);
	assert_int_equal(ftl_ru_number(f, 1), number + 1);
	put(f, &now, 20, 1);
	assert_true(ftl_flush(f, now, &now));
	assert_int_not_equal(block_of(f, 20), block);
	ftl_close(f);
}

/* What garbage collection moves is told of, with the place that it came from. */
static void
moved(void **state)
{
	struct ftl *f = open_ftl(true, 64);
	uint64_t now = 0;
	bool from[FTL_PLACES + 1] = { false };
	struct ut_rng rng;

	(void)state;
	ut_rng_seed(&rng, 3);
	for (uint32_t i = 0; i < 4 * UNITS; i++) {
		uint32_t u = i < UNITS ? i : (uint32_t)ut_rng_below(&rng, UNITS);

		put(f, &now, u, 1 + u % 2);
	}
	assert_true(ftl_reallocs(f) > FTL_REALLOCS);
	for (uint64_t i = ftl_reallocs(f) - FTL_REALLOCS; i < ftl_reallocs(f); i++) {
		const struct ftl_realloc *r = ftl_realloc(f, i);

		assert_true(r->count && r->unit + r->count <= UNITS && r->ns <= now);
		assert_true(r->place == FTL_PLACES || r->place == 1 + r->unit % 2);
		from[r->place] = true;
	}
	assert_true(from[1] && from[2] && !from[0]);
	ftl_close(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rewritten), cmocka_unit_test(units), cmocka_unit_test(power_losses),
		cmocka_unit_test(goes_on),   cmocka_unit_test(torn),  cmocka_unit_test(moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
