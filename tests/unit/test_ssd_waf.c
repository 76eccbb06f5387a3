/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Write amplification under uniform random writes, for several over-provisionings, against the closed form for garbage
 * collection that takes the block with the least valid data:
 *	WA = a / (a + W(-a * exp(-a))), a = physical / logical space, W: Lambert's function, its principal branch.
 * X. Luojie, B. M. Kurkoski, "An Improved Analytic Expression for Write Amplification in NAND Flash" (arXiv:1110.4245).
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "ftl_die.h"
#include "ssd/ftl/ftl_int.h"
#include "util/rng.h"

#define PASSES 5u /* over all of it: the first in order, the last two are measured */

static double
lambert_w(double x)
{
	double w = -0.5;

	for (int i = 0; i < 100; i++)
		w -= (w * exp(w) - x) / (exp(w) * (w + 1));
	return w;
}

static double
closed_form(double spare)
{
	double a = 1 + spare;

	return a / (a + lambert_w(-a * exp(-a)));
}

/* One die with many blocks; what the FTL needs to work at all comes on top, as for each profile. */
static struct ftl_config
config(uint32_t spare_percent, enum ftl_collect collect)
{
	struct ftl_config c = { .units = 40000, .collect = collect, .nand = one_die(0) };
	uint32_t a_block = c.nand.channels * c.nand.pages * c.nand.units;

	c.nand.blocks =
		(c.units * (100 + spare_percent) / 100 + a_block - 1) / a_block + (uint32_t)ftl_spare_blocks(&c);
	return c;
}

static uint64_t
programmed(const struct ftl_stats *s)
{
	return s->programmed[FTL_HOST] + s->programmed[FTL_MOVED] + s->programmed[FTL_META];
}

/* *spare: what there is beyond the logical space, without the blocks that are free. */
static double
measure(uint32_t spare_percent, enum ftl_collect collect, double *spare)
{
	const struct ftl_config c = config(spare_percent, collect);
	struct ftl_stats was = { 0 };
	struct ut_rng rng;
	uint64_t now = 0;
	struct ftl *f;
	double wa;

	assert_int_equal(ftl_open(&c, &f), 0);
	ut_rng_seed(&rng, 1);
	for (uint32_t i = 0; i < PASSES * c.units; i++) {
		uint32_t unit = i < c.units ? i : (uint32_t)ut_rng_below(&rng, c.units);
		uint8_t *to = ftl_write(f, now, unit, NAND_UNIT, 0, &now);

		assert_non_null(to);
		memset(to, (int)unit, 8);
		if (i == (PASSES - 2) * c.units)
			was = *ftl_stats(f);
	}
	wa = (double)(programmed(ftl_stats(f)) - programmed(&was)) /
	     (double)(ftl_stats(f)->host_written - was.host_written);
	*spare = (double)(c.nand.blocks - f->die[0].free) * c.nand.pages * c.nand.units / c.units - 1;
	ftl_close(f);
	return wa;
}

static void
follows_the_closed_form(void **state)
{
	static const uint32_t percent[] = { 10, 20, 28, 60 };

	(void)state;
	assert_true(fabs(closed_form(0.3) - 2.36) < 0.01); /* as the paper says */
	for (size_t i = 0; i < sizeof(percent) / sizeof(percent[0]); i++) {
		double spare, wa = measure(percent[i], FTL_GREEDY, &spare), want = closed_form(spare);

		print_message(
			"spare area %u %%, %.1f %% in use: write amplification %.2f, closed form %.2f (%+.1f %%)\n",
			percent[i], spare * 100, wa, want, (wa / want - 1) * 100);
		assert_true(fabs(wa / want - 1) < 0.05);
	}
}

/* A block by chance holds as much as the average: of each that is collected 1 - 1 / a is free, so that WA = a / (a - 1). */
static void
random_choice(void **state)
{
	static const uint32_t percent[] = { 20, 60 };

	(void)state;
	for (size_t i = 0; i < sizeof(percent) / sizeof(percent[0]); i++) {
		double spare, wa = measure(percent[i], FTL_RANDOM, &spare), want = (1 + spare) / spare;

		print_message("random choice, %.1f %% in use: write amplification %.2f, closed form %.2f (%+.1f %%)\n",
			      spare * 100, wa, want, (wa / want - 1) * 100);
		assert_true(fabs(wa / want - 1) < 0.05);
	}
}

/* What a trim emptied is erased while nobody asks for anything. */
static void
blocks_are_erased_while_the_drive_is_idle(void **state)
{
	const struct ftl_config c = config(28, FTL_GREEDY);
	uint64_t now = 0;
	struct ftl *f;

	(void)state;
	assert_int_equal(ftl_open(&c, &f), 0);
	for (uint32_t u = 0; u < c.units; u++)
		memset(ftl_write(f, now, u, NAND_UNIT, 0, &now), 1, 8);
	ftl_trim(f, now, 0, c.units, &now);
	assert_true(ftl_flush(f, now, &now));
	ftl_advance(f, now + 10000000000ull);
	assert_true(ftl_nand(f)->stats.erases > c.units / 128 - 16);
	assert_true(ftl_advance(f, now + 10000000000ull) == NAND_NEVER); /* and it was done long ago */
	ftl_close(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_closed_form),
		cmocka_unit_test(random_choice),
		cmocka_unit_test(blocks_are_erased_while_the_drive_is_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
