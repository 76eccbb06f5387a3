/* SPDX-License-Identifier: BSD-3-Clause */
/* What the translation layer does for the sake of the flash: wear levelling, refresh; and which block it collects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "ftl_die.h"
#include "ssd/ftl/ftl_int.h"
#include "util/rng.h"

#define UNITS 8000u
#define SEED 11u
#define HOUR_NS 3600000000000ull

static struct ftl_config
config(void)
{
	return (struct ftl_config){ .units = UNITS, .nand = one_die(90) };
}

static void
put(struct ftl *f, uint64_t *now, uint32_t u)
{
	uint8_t *to = ftl_write(f, *now, u, NAND_UNIT, 0, now);

	assert_non_null(to);
	memcpy(to, &u, sizeof(u));
}

static struct ftl *
full(const struct ftl_config *c, uint64_t *now)
{
	struct ftl *f;

	assert_int_equal(ftl_open(c, &f), 0);
	for (uint32_t u = 0; u < UNITS; u++)
		put(f, now, u);
	return f;
}

/* Nine in ten writes go to a tenth of the units; skew 100: all. */
static void
hot_and_cold(struct ftl *f, uint64_t *now, uint32_t writes, uint32_t skew)
{
	struct ut_rng rng;

	ut_rng_seed(&rng, SEED);
	for (uint32_t i = 0; i < writes; i++) {
		bool hot = ut_rng_below(&rng, 100) < skew;

		put(f, now,
		    (uint32_t)(hot ? ut_rng_below(&rng, UNITS / 10)
				   : UNITS / 10 + ut_rng_below(&rng, UNITS - UNITS / 10)));
	}
}

static void
all_there(struct ftl *f, uint64_t *now)
{
	for (uint32_t u = 0; u < UNITS; u++) {
		const void *p = ftl_read(f, *now, u, now);

		assert_non_null(p);
		assert_int_equal(*(const uint32_t *)p, u);
	}
}

static uint32_t
spread_of(const struct ftl *f)
{
	const struct nand *n = ftl_nand(f);
	uint32_t least = UINT32_MAX, most = 0;

	for (uint32_t b = 0; b < n->nr_blocks; b++) {
		least = UT_MIN(least, n->wear[b]);
		most = UT_MAX(most, n->wear[b]);
	}
	return most - least;
}

static uint32_t
spread_with(uint32_t limit, uint32_t writes, double *waf)
{
	struct ftl_config c = config();
	uint32_t spread;
	uint64_t now = 0;
	struct ftl *f;

	c.wear_spread = limit;
	f = full(&c, &now);
	hot_and_cold(f, &now, writes, 100);
	spread = spread_of(f);
	*waf = ftl_waf(f);
	assert_true(!limit == !ftl_stats(f)->levelled);
	all_there(f, &now);
	ftl_close(f);
	return spread;
}

/* A tenth of the drive is written, the rest never again. */
static void
wear_is_levelled(void **state)
{
	double waf, less;
	uint32_t spread[2] = { spread_with(0, 80000, &waf), spread_with(0, 160000, &waf) };
	uint32_t levelled[2] = { spread_with(8, 80000, &less), spread_with(8, 160000, &less) };

	(void)state;
	print_message("seed %u, erases most - least: %u, and %u after twice the writes (write amplification %.2f); "
		      "with a limit "
		      "of 8: %u and %u (%.2f)\n",
		      SEED, spread[0], spread[1], waf, levelled[0], levelled[1], less);
	assert_true(spread[0] > 15 && spread[1] > spread[0] * 3 / 2);
	assert_true(levelled[0] <= 8 + 4 && levelled[1] <= 8 + 4);
}

static double
waf_of(enum ftl_collect collect)
{
	struct ftl_config c = config();
	struct ftl_stats was;
	uint64_t now = 0;
	struct ftl *f;
	double waf;

	c.collect = collect;
	c.nand.seed = SEED;
	c.nand.blocks = 62 + 16;
	f = full(&c, &now);
	hot_and_cold(f, &now, 6 * UNITS, 90);
	was = *ftl_stats(f);
	hot_and_cold(f, &now, 4 * UNITS, 90);
	waf = 1 + (double)(ftl_stats(f)->programmed[FTL_MOVED] - was.programmed[FTL_MOVED]) /
			  (double)(ftl_stats(f)->host_written - was.host_written);
	ftl_close(f);
	return waf;
}

/* M. Rosenblum, J. K. Ousterhout, "The Design and Implementation of a Log-Structured File System": what is cold may be full. */
static void
cost_benefit_beats_greedy(void **state)
{
	double greedy = waf_of(FTL_GREEDY), cost_benefit = waf_of(FTL_COST_BENEFIT), any = waf_of(FTL_RANDOM);

	(void)state;
	print_message(
		"seed %u, 90 %% of writes to 10 %%: write amplification greedy %.2f, cost-benefit %.2f, random %.2f\n",
		SEED, greedy, cost_benefit, any);
	assert_true(cost_benefit < 0.95 * greedy);
	assert_true(any > greedy);
}

/* Blocks that are read often move, each time after as many reads. */
static void
reads_disturb(void **state)
{
	struct ftl_config c = config();
	uint64_t now = 0;
	struct ftl *f;

	(void)state;
	c.read_limit = 1000;
	f = full(&c, &now);
	for (uint32_t i = 0; i < 10000; i++, now += 100000) /* two pages in turn: the page register does not have it */
		(void)ftl_read(f, now, 1000 + i % 2 * 4, &now);
	assert_in_range(ftl_stats(f)->refreshed, 6, 10); /* what is under way is in the memory of the drive */
	all_there(f, &now);
	assert_true(ftl_flush(f, now, &now));
	ftl_power_off(f, now);
	ftl_power_on(f);
	all_there(f, &now);
	ftl_close(f);
}

/* Old data moves while nobody asks for anything, once in each period. */
static void
old_data_is_refreshed(void **state)
{
	struct ftl_config c = config();
	const uint64_t blocks = UNITS / 128;
	uint64_t now = 0;
	struct ftl *f;

	(void)state;
	c.age_limit_ns = 10 * HOUR_NS;
	f = full(&c, &now);
	ftl_advance(f, now + 9 * HOUR_NS);
	assert_int_equal(ftl_stats(f)->refreshed, 0);
	ftl_advance(f, now + 11 * HOUR_NS);
	assert_in_range(ftl_stats(f)->refreshed, blocks, blocks + 4);
	ftl_advance(f, now + 55 * HOUR_NS);
	assert_in_range(ftl_stats(f)->refreshed, 5 * blocks, 5 * (blocks + 4));
	now += 56 * HOUR_NS;
	all_there(f, &now);
	assert_int_equal(ftl_stats(f)->unreadable, 0);
	ftl_close(f);
}

/* Without refresh: twice the limit. */
static void
what_is_not_refreshed_is_lost(void **state)
{
	struct ftl_config c = config();
	uint64_t now = 0;
	struct ftl *f;

	(void)state;
	c.age_limit_ns = 10 * HOUR_NS;
	c.read_limit = 1000;
	c.no_refresh = true;
	f = full(&c, &now);
	for (uint32_t i = 0; i < 2002; i++)
		(void)ftl_read(f, now, 1000 + i % 2 * 4, &now);
	assert_in_range(ftl_stats(f)->unreadable, 1, 2);
	now += 19 * HOUR_NS;
	(void)ftl_read(f, now, 4000, &now);
	assert_in_range(ftl_stats(f)->unreadable, 1, 2);
	now += 2 * HOUR_NS;
	(void)ftl_read(f, now, 4000, &now);
	assert_in_range(ftl_stats(f)->unreadable, 2, 3);
	assert_int_equal(ftl_stats(f)->refreshed, 0);
	ftl_close(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wear_is_levelled),
		cmocka_unit_test(cost_benefit_beats_greedy),
		cmocka_unit_test(reads_disturb),
		cmocka_unit_test(old_data_is_refreshed),
		cmocka_unit_test(what_is_not_refreshed_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
