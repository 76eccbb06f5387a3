/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SLC cache: writes go at the speed of one bit a cell until it is exhausted, and then at that of all bits: the cliff.  Time
 * to rest brings it back, and what is folded then is write amplification.  Against what dies and pages say, in virtual time.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "ssd/ftl/ftl_int.h"

#define DIES 4u
#define UNITS_A_PAGE 4u
#define SLC_NS 100000u
#define TLC_NS ((400000u + 500000u + 700000u) / 3)
#define CACHE (DIES * 8 * 8 * UNITS_A_PAGE) /* units: 8 blocks of 8 pages each die */
#define REST_NS 10000000000ull

static struct ftl_config
config(uint32_t dynamic)
{
	return (struct ftl_config){
		.units = 8000,
		.slc_blocks = dynamic ? 0 : 8,
		.slc_dynamic = dynamic,
		.nand = { .channels = 2,
			  .dies = 2,
			  .blocks = dynamic ? 34 : 60,
			  .pages = 24,
			  .units = UNITS_A_PAGE,
			  .levels = 3,
			  .read_ns = { 40000, 50000, 60000 },
			  .program_ns = { 400000, 500000, 700000 },
			  .erase_ns = 3000000,
			  .unit_ns = 2000,
			  .slc_read_ns = 20000,
			  .slc_program_ns = SLC_NS,
			  .slc_erase_ns = 1500000 },
	};
}

static void
write_units(struct ftl *f, uint64_t *now, uint32_t from, uint32_t n)
{
	for (uint32_t u = from; u < from + n; u++) {
		uint8_t *to = ftl_write(f, *now, u % f->cfg.units, NAND_UNIT, 0, now);

		assert_non_null(to);
		memcpy(to, &u, sizeof(u));
	}
}

/* MB/s that the host sees. */
static double
speed(struct ftl *f, uint64_t *now, uint32_t from, uint32_t n)
{
	uint64_t start = *now;

	write_units(f, now, from, n);
	return (double)n * NAND_UNIT * 1000 / (double)(*now - start);
}

static double
dies_make(uint64_t program_ns)
{
	return (double)DIES * UNITS_A_PAGE * NAND_UNIT * 1000 / (double)program_ns;
}

static void
is_near(const char *what, double is, double want)
{
	print_message("%s: %.0f MB/s, dies that program all the time: %.0f (%+.1f %%)\n", what, is, want,
		      (is / want - 1) * 100);
	assert_true(fabs(is / want - 1) < 0.05);
}

static void
cliff_and_recovery(void **state)
{
	const struct ftl_config c = config(0);
	uint64_t now = 0;
	struct ftl *f;

	(void)state;
	assert_int_equal(ftl_open(&c, &f), 0);
	write_units(f, &now, 0, 100); /* the write buffer is full now */
	is_near("into the cache", speed(f, &now, 100, CACHE - 200), dies_make(SLC_NS));
	write_units(f, &now, CACHE - 100, 200);
	is_near("behind the cliff", speed(f, &now, CACHE + 100, 2 * CACHE), dies_make(TLC_NS));
	assert_int_equal(f->stats.programmed[FTL_CACHE], CACHE);
	assert_int_equal(f->stats.folded, 0);
	assert_true(ftl_flush(f, now, &now));
	now += REST_NS;
	write_units(f, &now, 4 * CACHE, 100); /* where nothing was: what is overwritten has to be erased */
	assert_int_equal(f->stats.folded, CACHE);
	is_near("after a rest", speed(f, &now, 4 * CACHE + 100, CACHE - 200), dies_make(SLC_NS));
	print_message("write amplification %.2f\n", ftl_waf(f));
	assert_true(fabs(ftl_waf(f) - (double)(5 * CACHE) / (4 * CACHE)) < 0.03);
	ftl_close(f);
}

/* Nothing is folded while the host is there; what is folded reads as it was written, in the time of the other blocks. */
static void
data_stays(void **state)
{
	const struct ftl_config c = config(0);
	uint64_t now = 0, due;
	struct ftl *f;

	(void)state;
	assert_int_equal(ftl_open(&c, &f), 0);
	write_units(f, &now, 0, CACHE);
	assert_true(ftl_flush(f, now, &now));
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t u = 0; u < CACHE; u += 31) {
			due = now;
			assert_int_equal(*(const uint32_t *)ftl_read(f, now, u, &due), u);
			if (pass)
				assert_true(due - now >= 40000);
			else
				assert_int_equal(due - now, 20000 + 2000);
			now = due + 1000000;
		}
		now += REST_NS;
	}
	ftl_power_off(f, now);
	ftl_power_on(f);
	for (uint32_t u = 0; u < CACHE; u++)
		assert_int_equal(*(const uint32_t *)ftl_read(f, now, u, &now), u);
	ftl_close(f);
}

/* A dynamic cache is a share of what is free: less, the fuller the drive is. */
static void
dynamic_share(void **state)
{
	const struct ftl_config c = config(50);
	uint64_t now = 0, empty;
	struct ftl *f;

	(void)state;
	assert_int_equal(ftl_open(&c, &f), 0);
	write_units(f, &now, 0, 6000);
	empty = f->stats.programmed[FTL_CACHE];
	now += REST_NS;
	write_units(f, &now, 6000, 2000);
	now += REST_NS;
	write_units(f, &now, 0, 0);
	f->stats.programmed[FTL_CACHE] = 0;
	write_units(f, &now, 0, 6000);
	print_message("%llu of 6000 units into the cache of an empty drive, %llu of a full one\n",
		      (unsigned long long)empty, (unsigned long long)f->stats.programmed[FTL_CACHE]);
	assert_true(empty > 1000 && f->stats.programmed[FTL_CACHE] < empty / 2 && f->stats.programmed[FTL_CACHE] > 0);
	for (uint32_t u = 6000; u < 8000; u++)
		assert_int_equal(*(const uint32_t *)ftl_read(f, now, u, &now), u);
	ftl_close(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cliff_and_recovery),
		cmocka_unit_test(data_stays),
		cmocka_unit_test(dynamic_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
