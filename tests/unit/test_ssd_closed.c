/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flash in virtual time against closed forms, within 5 %: what is in the way of sequential reads, how long random reads wait that
 * come by chance (M/D/1), what a read meets that finds a program or an erase, and what geometries that others published come to.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "ssd/ftl/ftl_int.h"
#include "util/rng.h"

#define SEED 3u
#define US 1000u
#define DEPTH 512u

static void
is_near(const char *what, double is, double want)
{
	print_message("%s: %.1f, closed form %.1f (%+.1f %%)\n", what, is, want, (is / want - 1) * 100);
	assert_true(fabs(is / want - 1) < 0.05);
}

static void
write_all(struct ftl *f, uint64_t *now)
{
	for (uint32_t u = 0; u < f->cfg.units; u++)
		assert_non_null(ftl_write(f, *now, u, NAND_UNIT, 0, now));
	assert_true(ftl_flush(f, *now, now));
	*now += 1000000 * US;
	ftl_advance(f, *now);
}

/* MB/s of reads in order, DEPTH under way. */
static double
read_in_order(struct ftl *f, uint64_t *now)
{
	uint64_t due[DEPTH], start = *now;

	for (uint32_t u = 0; u < f->cfg.units; u++) {
		uint64_t *d = &due[u % DEPTH];

		*now = u < DEPTH ? *now : UT_MAX(*now, *d);
		*d = *now;
		assert_non_null(ftl_read(f, *now, u, d));
	}
	for (uint32_t i = 0; i < DEPTH; i++)
		*now = UT_MAX(*now, due[i]);
	return (double)f->cfg.units * NAND_UNIT * 1000 / (double)(*now - start);
}

static struct ftl_config
config(uint32_t channels, uint32_t dies)
{
	return (struct ftl_config){
		.units = 40000,
		.nand = { .channels = channels,
			  .dies = dies,
			  .pages = 64,
			  .units = 16,
			  .levels = 1,
			  .blocks = 40000 / (channels * dies * 64 * 16) * 5 / 4 + 16,
			  .read_ns = { 50 * US },
			  .program_ns = { 400 * US },
			  .erase_ns = 3000 * US,
			  .suspend_ns = 20 * US,
			  .unit_ns = 2560 },
	};
}

static double
dies_read(const struct nand_config *n)
{
	return (double)n->channels * n->dies * n->units * NAND_UNIT * 1000 / (double)n->read_ns[0];
}

static double
buses_carry(const struct nand_config *n)
{
	return (double)n->channels * NAND_UNIT * 1000 / (double)n->unit_ns;
}

/* Bandwidth of reads in order: the least of what dies read and what channels carry. */
static void
sequential_reads(void **state)
{
	static const struct {
		uint32_t channels, dies;
		uint64_t read_ns;
		bool dies_limit;
	} of[] = {
		{ 1, 1, 50 * US, true }, { 1, 4, 50 * US, false }, { 4, 1, 150 * US, true }, { 2, 2, 200 * US, true }
	};

	(void)state;
	for (size_t i = 0; i < UT_ARRAY_LEN(of); i++) {
		struct ftl_config c = config(of[i].channels, of[i].dies);
		uint64_t now = 0;
		struct ftl *f;

		c.nand.read_ns[0] = of[i].read_ns;
		assert_int_equal(ftl_open(&c, &f), 0);
		write_all(f, &now);
		assert_int_equal(dies_read(&c.nand) < buses_carry(&c.nand), of[i].dies_limit);
		is_near(of[i].dies_limit ? "sequential, dies limit, MB/s" : "sequential, bus limits, MB/s",
			read_in_order(f, &now), fmin(dies_read(&c.nand), buses_carry(&c.nand)));
		ftl_close(f);
	}
}

static double
exponential(struct ut_rng *rng, double mean)
{
	return -mean * log(((double)ut_rng_below(rng, 1u << 30) + 1) / (double)(1u << 30));
}

/* Mean latency, in us, of random reads that come by chance, so many that each die is busy for this share of the time. */
static double
open_loop(struct ftl *f, uint64_t *now, double busy)
{
	const struct nand_config *n = &f->cfg.nand;
	double every = (double)n->read_ns[0] / busy / (n->channels * n->dies), at = (double)*now, sum = 0;
	const uint32_t reads = 400000;
	struct ut_rng rng;

	ut_rng_seed(&rng, SEED);
	for (uint32_t i = 0; i < reads; i++) {
		uint64_t due;

		at += exponential(&rng, every);
		due = *now = (uint64_t)at;
		ftl_read(f, *now, (uint32_t)ut_rng_below(&rng, f->cfg.units), &due);
		sum += (double)due - at;
	}
	return sum / reads / US;
}

/* Pollaczek-Khinchine for a constant time of service: a read waits rho / (2 (1 - rho)) of one. */
static void
random_reads_wait(void **state)
{
	static const double busy[] = { 0.3, 0.6, 0.8, 0.9 };

	(void)state;
	for (uint32_t dies = 1; dies <= 8; dies *= 8) {
		for (size_t i = 0; i < UT_ARRAY_LEN(busy); i++) {
			struct ftl_config c = config(dies, 1);
			char what[80];
			uint64_t now = 0;
			struct ftl *f;

			assert_int_equal(ftl_open(&c, &f), 0);
			write_all(f, &now);
			snprintf(what, sizeof(what), "seed %u, %u dies busy to %.0f %%, us", SEED, dies, busy[i] * 100);
			is_near(what, open_loop(f, &now, busy[i]),
				50 * (1 + busy[i] / (2 * (1 - busy[i]))) + (double)c.nand.unit_ns / US);
			ftl_close(f);
		}
	}
}

/* A read that comes at any time of a program: the rest of it, or what suspending takes. */
static void
reads_behind_programs(void **state)
{
	(void)state;
	for (int suspend = 0; suspend < 2; suspend++) {
		struct ftl_config c = config(1, 1);
		uint64_t now = 0, sum = 0;
		struct ut_rng rng;
		struct ftl *f;

		c.nand.suspend_ns = suspend ? c.nand.suspend_ns : 0;
		assert_int_equal(ftl_open(&c, &f), 0);
		write_all(f, &now);
		ut_rng_seed(&rng, SEED);
		for (uint32_t i = 0; i < 2000; i++) {
			uint64_t at, due = now;

			for (uint32_t u = 0; u < 16; u++) /* with the first the page before them is programmed */
				assert_non_null(ftl_write(f, now, i * 16 % 30000 + u, NAND_UNIT, 0, &due));
			at = due = now + 16 * c.nand.unit_ns + ut_rng_below(&rng, 400 * US);
			assert_non_null(ftl_read(f, at, 35000 + (uint32_t)ut_rng_below(&rng, 5000), &due));
			sum += due - at;
			now = at + 20000 * US;
			ftl_advance(f, now);
		}
		is_near(suspend ? "read that suspends a program, us" : "read behind a program, us",
			(double)sum / 2000 / US, (suspend ? 20 : 200) + 50 + (double)c.nand.unit_ns / US);
		ftl_close(f);
	}
}

/* Overwrite a block; until the erase of what was there is what the die does.  When it ends. */
static uint64_t
erase_one(struct ftl *f, uint64_t *now)
{
	const struct nand_die *d = &f->nand->die[0];

	for (uint32_t u = 0; u < f->cfg.nand.pages * f->cfg.nand.units; u++)
		assert_non_null(ftl_write(f, *now, u, NAND_UNIT, 0, now));
	assert_true(ftl_flush(f, *now, now));
	for (;;) {
		uint64_t next = ftl_advance(f, *now);

		if (d->count && d->ops[d->head % f->nand->ring].kind == NAND_ERASE)
			return d->ops[d->head % f->nand->ring].end_ns;
		assert_true(next != NAND_NEVER);
		*now = UT_MAX(*now, next);
	}
}

/* The same for an erase, which is as long as many programs: a read that may not suspend it is the tail of the latencies. */
static void
reads_behind_erases(void **state)
{
	enum { READS = 200 };

	(void)state;
	for (int suspend = 0; suspend < 2; suspend++) {
		struct ftl_config c = config(1, 1);
		uint64_t now = 0, sum = 0, longest = 0;
		struct ftl *f;

		c.units = c.nand.pages * c.nand.units * 39; /* whole blocks, so that each round empties one */
		c.nand.suspend_ns = suspend ? c.nand.suspend_ns : 0;
		assert_int_equal(ftl_open(&c, &f), 0);
		write_all(f, &now);
		for (uint32_t i = 0; i < READS; i++) {
			uint64_t end = erase_one(f, &now), at = end - c.nand.erase_ns * (2 * i + 1) / (2 * READS), due;

			due = at = UT_MAX(at, now);
			assert_non_null(ftl_read(f, at, 30000 + i * 16, &due));
			sum += due - at;
			longest = UT_MAX(longest, due - at);
			now = at + 20000 * US;
			ftl_advance(f, now);
		}
		is_near(suspend ? "read that suspends an erase, us" : "read behind an erase, us",
			(double)sum / READS / US, (suspend ? 20 : 1500) + 50 + (double)c.nand.unit_ns / US);
		print_message("the longest: %.1f us\n", (double)longest / US);
		assert_true(suspend ? longest < 100 * US : longest > 2900 * US);
		assert_true(suspend == (ftl_nand(f)->stats.suspends != 0));
		ftl_close(f);
	}
}

/* Parameters of NVMeVirt's configuration of two drives (S.-H. Kim et al., FAST '23): what they come to. */
static void
published_geometries(void **state)
{
	static const struct {
		const char *name;
		uint32_t channels, dies, units, bus_mb_s, link_mb_s;
		uint64_t read_ns, program_ns;
	} of[] = {
		{ "as NVMeVirt's 970 Pro", 8, 2, 8, 800, 3360, 42 * US, 185 * US },
		{ "as NVMeVirt's ZN540", 8, 4, 24, 450, 3050, 58 * US, 561 * US },
	};

	(void)state;
	for (size_t i = 0; i < UT_ARRAY_LEN(of); i++) {
		struct ftl_config c = config(of[i].channels, of[i].dies);
		struct nand_config *n = &c.nand;
		double writes;
		uint64_t now = 0;
		struct ftl *f;
		char what[80];

		n->units = of[i].units;
		n->pages = 16;
		n->blocks = c.units / (n->channels * n->dies * n->pages * n->units) * 2 + 40;
		n->read_ns[0] = of[i].read_ns;
		n->program_ns[0] = of[i].program_ns;
		n->unit_ns = NAND_UNIT * 1000 / of[i].bus_mb_s;
		c.link_ns = NAND_UNIT * 1000 / of[i].link_mb_s;
		assert_int_equal(ftl_open(&c, &f), 0);
		for (uint32_t u = 0; u < 10000; u++)
			assert_non_null(ftl_write(f, now, u, NAND_UNIT, 0, &now));
		writes = (double)now;
		for (uint32_t u = 10000; u < 40000; u++)
			assert_non_null(ftl_write(f, now, u, NAND_UNIT, 0, &now));
		writes = 30000.0 * NAND_UNIT * 1000 / ((double)now - writes);
		snprintf(what, sizeof(what), "%s, sequential write, MB/s", of[i].name);
		is_near(what, writes,
			fmin(fmin(buses_carry(n), of[i].link_mb_s),
			     (double)n->channels * n->dies * n->units * NAND_UNIT * 1000 / (double)n->program_ns[0]));
		write_all(f, &now);
		snprintf(what, sizeof(what), "%s, sequential read, MB/s", of[i].name);
		is_near(what, read_in_order(f, &now), fmin(fmin(dies_read(n), buses_carry(n)), of[i].link_mb_s));
		ftl_close(f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequential_reads),	 cmocka_unit_test(random_reads_wait),
		cmocka_unit_test(reads_behind_programs), cmocka_unit_test(reads_behind_erases),
		cmocka_unit_test(published_geometries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
