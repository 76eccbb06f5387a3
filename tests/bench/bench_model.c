/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the model of the flash does, as numbers for the pictures of docs/model.md: in virtual time, with fixed seeds, so that two
 * runs print the same.  usage: bench_model NAME; each line of the answer is LINE,X,Y.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ssd/ftl/ftl_int.h"
#include "util/rng.h"

#define US 1000u
#define MAX_DEPTH 256u
#define MIB ((1u << 20) / NAND_UNIT)

/* Times of enterprise-tlc on eight dies, in blocks that are small enough for a drive of a few hundred MiB. */
static struct ftl_config
drive(uint32_t units, uint32_t spare_percent)
{
	struct ftl_config c = {
		.units = units,
		.nand = { .channels = 4,
			  .dies = 2,
			  .pages = 30,
			  .units = 4,
			  .levels = 3,
			  .read_ns = { 40 * US, 50 * US, 60 * US },
			  .program_ns = { 350 * US, 450 * US, 600 * US },
			  .erase_ns = 4000 * US,
			  .suspend_ns = 10 * US,
			  .unit_ns = NAND_UNIT * 1000 / 2400 },
	};
	uint32_t dies = c.nand.channels * c.nand.dies, a_block = c.nand.pages * c.nand.units;

	c.nand.blocks = (units / 100 * (100 + spare_percent) / a_block + (uint32_t)ftl_spare_blocks(&c)) / dies + 1;
	return c;
}

static struct ftl *
open_drive(const struct ftl_config *c)
{
	struct ftl *f;

	if (ftl_open(c, &f)) {
		fprintf(stderr, "this drive is not possible\n");
		exit(1);
	}
	return f;
}

static void
write_unit(struct ftl *f, uint64_t now, uint32_t unit, uint32_t place, uint64_t *due)
{
	uint8_t *to = ftl_write(f, now, unit, NAND_UNIT, place, due);

	if (to)
		memcpy(to, &unit, sizeof(unit));
}

static uint64_t
fill(struct ftl *f)
{
	uint64_t now = 0;

	for (uint32_t u = 0; u < f->cfg.units; u++)
		write_unit(f, now, u, 0, &now);
	ftl_flush(f, now, &now);
	return now;
}

static uint64_t
programmed(const struct ftl *f)
{
	const struct ftl_stats *s = ftl_stats(f);

	return s->programmed[FTL_HOST] + s->programmed[FTL_MOVED] + s->programmed[FTL_META] + s->programmed[FTL_CACHE];
}

/* Whichever of those under way ends first is the next to go. */
static uint32_t
earliest(const uint64_t *due, uint32_t depth)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < depth; i++)
		best = due[i] < due[best] ? i : best;
	return best;
}

/* --- fresh, random writes, 32 at a time: MB/s and write amplification over what was written --- */

static void
cliff_of(const char *name, uint32_t spare_percent)
{
	enum { DEPTH = 32, CAPACITIES = 6, WINDOWS = 20 };
	const struct ftl_config c = drive(40000, spare_percent);
	uint64_t due[DEPTH] = { 0 }, now = 0, start = 0, was = 0, each = c.units / WINDOWS;
	struct ftl *f = open_drive(&c);
	struct ut_rng rng;

	ut_rng_seed(&rng, 1);
	for (uint64_t i = 1; i <= CAPACITIES * WINDOWS * each; i++) {
		uint64_t *d = &due[earliest(due, DEPTH)];

		now = UT_MAX(now, *d);
		*d = now;
		write_unit(f, now, (uint32_t)ut_rng_below(&rng, c.units), 0, d);
		if (i % each)
			continue;
		printf("%s,%.4f,%.1f\n", name, (double)i / c.units,
		       (double)each * NAND_UNIT * 1000 / (double)(now - start));
		printf("waf %s,%.4f,%.3f\n", name, (double)i / c.units, (double)(programmed(f) - was) / (double)each);
		start = now;
		was = programmed(f);
	}
	ftl_close(f);
}

static void
cliff(void)
{
	cliff_of("spare 7 %", 7);
	cliff_of("spare 28 %", 28);
}

/* --- write amplification over what is there beyond the logical space --- */

/* arXiv:1110.4245: a / (a + W(-a exp(-a))), W: Lambert's function, its principal branch. */
static double
greedy_form(double spare)
{
	double a = 1 + spare, x = -a * exp(-a), w = -0.5;

	for (int i = 0; i < 100; i++)
		w -= (w * exp(w) - x) / (exp(w) * (w + 1));
	return a / (a + w);
}

static double
waf_of(uint32_t spare_percent, enum ftl_collect collect, double *spare)
{
	struct ftl_config c = { .units = 20000, .collect = collect, .nand = drive(20000, 0).nand };
	uint32_t a_block;
	struct ut_rng rng;
	uint64_t now, was = 0;
	struct ftl *f;
	double wa;

	c.nand.channels = c.nand.dies = 1;
	a_block = c.nand.pages * c.nand.units;
	c.nand.blocks = c.units / 100 * (100 + spare_percent) / a_block + (uint32_t)ftl_spare_blocks(&c);
	f = open_drive(&c);
	ut_rng_seed(&rng, 1);
	now = fill(f);
	for (uint32_t i = 0; i < 5 * c.units; i++) {
		if (i == 3 * c.units)
			was = programmed(f);
		write_unit(f, now, (uint32_t)ut_rng_below(&rng, c.units), 0, &now);
	}
	wa = (double)(programmed(f) - was) / (2 * c.units);
	*spare = (double)(c.nand.blocks - f->die[0].free) * a_block / c.units - 1;
	ftl_close(f);
	return wa;
}

static void
waf(void)
{
	static const uint32_t percent[] = { 8, 14, 20, 28, 40, 60, 80 };
	double spare, wa;

	for (size_t i = 0; i < UT_ARRAY_LEN(percent); i++) {
		wa = waf_of(percent[i], FTL_GREEDY, &spare);
		printf("greedy,%.2f,%.3f\nclosed form,%.2f,%.3f\n", spare * 100, wa, spare * 100, greedy_form(spare));
		if (percent[i] % 20) /* slow: a few are enough */
			continue;
		wa = waf_of(percent[i], FTL_RANDOM, &spare);
		printf("random,%.2f,%.3f\n", spare * 100, wa);
	}
}

/* --- latencies --- */

static int
by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* How many in how many are slower than that; X: 1 / that share, so that each decade is a nine. */
static void
print_latencies(const char *name, uint64_t *ns, uint32_t n)
{
	qsort(ns, n, sizeof(ns[0]), by_size);
	for (double slower = 0.75; slower * n >= 10; slower /= pow(10, 0.125))
		printf("%s,%.3f,%.2f\n", name, 1 / slower,
		       (double)ns[UT_MIN((uint32_t)((1 - slower) * n), n - 1)] / US);
}

/* Random reads of a full drive that does nothing else, so many at a time. */
static void
latency(void)
{
	enum { READS = 200000 };
	static uint64_t ns[READS];
	const struct ftl_config c = drive(40000, 28);
	struct ftl *f = open_drive(&c);
	uint64_t start = fill(f) + 1000000000;
	struct ut_rng rng;

	ut_rng_seed(&rng, 1);
	for (uint32_t depth = 1; depth <= MAX_DEPTH; depth *= 4) {
		uint64_t due[MAX_DEPTH], now = start;
		double sum = 0;
		char name[32];

		for (uint32_t i = 0; i < depth; i++)
			due[i] = start;
		for (uint32_t i = 0; i < READS; i++) {
			uint64_t *d = &due[earliest(due, depth)];

			now = UT_MAX(now, *d);
			*d = now;
			ftl_read(f, now, (uint32_t)ut_rng_below(&rng, c.units), d);
			ns[i] = *d - now;
			sum += (double)ns[i];
		}
		printf("mean,%u,%.2f\n", depth, sum / READS / US);
		start = now + 1000000000;
		snprintf(name, sizeof(name), "depth %u", depth);
		print_latencies(name, ns, READS);
	}
	ftl_close(f);
}

/* A read and three writes each 400 us: what reads meet. */
static void
tail_of(const char *name, bool collects, bool suspends)
{
	enum { READS = 40000, EVERY = 400 * US };
	static uint64_t ns[READS];
	struct ftl_config c = drive(40000, 28);
	struct ut_rng rng;
	uint64_t now;
	struct ftl *f;
	uint32_t writes = 0;

	c.nand.suspend_ns = suspends ? c.nand.suspend_ns : 0;
	f = open_drive(&c);
	now = fill(f);
	ut_rng_seed(&rng, 1);
	while (collects && writes < 3 * c.units) {
		write_unit(f, now, (uint32_t)ut_rng_below(&rng, c.units), 0, &now);
		writes++;
	}
	now += 1000000000;
	for (uint32_t i = 0; i < READS; i++) {
		uint64_t due = now, at = now + ut_rng_below(&rng, EVERY);

		for (int w = 0; w < 3; w++) /* in order they empty whole blocks: there is nothing to move */
			write_unit(f, now, collects ? (uint32_t)ut_rng_below(&rng, c.units) : writes++ % c.units, 0,
				   &due);
		due = at;
		ftl_read(f, at, (uint32_t)ut_rng_below(&rng, c.units), &due);
		ns[i] = due - at;
		now += EVERY;
	}
	print_latencies(name, ns, READS);
	ftl_close(f);
}

static void
tail(void)
{
	tail_of("writes in order", false, true);
	tail_of("writes at random", true, true);
	tail_of("the same without suspend", true, false);
}

/* --- the SLC cache is exhausted, and comes back in a rest --- */

static void
slc(void)
{
	enum { WINDOW = 2 * MIB };
	struct ftl_config c = drive(65536, 28);
	uint64_t now = 0, start = 0;
	struct ftl *f;

	c.slc_blocks = 64 * MIB / (8 * c.nand.pages / 3 * c.nand.units); /* a die */
	c.nand.blocks += c.slc_blocks;
	c.nand.slc_read_ns = 20 * US;
	c.nand.slc_program_ns = 100 * US;
	c.nand.slc_erase_ns = 1500 * US;
	f = open_drive(&c);
	for (uint32_t u = 0; u < 192 * MIB; u++) {
		write_unit(f, now, u, 0, &now);
		if ((u + 1) % WINDOW)
			continue;
		printf("%s,%u,%.1f\n", u < 128 * MIB ? "at once" : "after a rest", (u + 1) / MIB,
		       (double)WINDOW * NAND_UNIT * 1000 / (double)(now - start));
		if (u + 1 == 128 * MIB)
			now += 30000000000ull;
		start = now;
	}
	ftl_close(f);
}

/* --- eight logs side by side, in segments that are freed in no order: on zones, and mapped by pages --- */

static void
logs_on(const char *name, bool zones)
{
	enum { LOGS = 8, CHUNK = 32, WINDOWS = 40, REWRITES = 4 };
	struct ftl_config c = drive(38400, 7);
	uint32_t segment = 8 * c.nand.pages * c.nand.units, segments = c.units / segment, nr_free = 0, nr_full = 0;
	uint32_t free_list[256], full[256], at[LOGS], offset[LOGS] = { 0 }, old;
	uint64_t now = 0, was = 0, host = 0, each;
	struct ut_rng rng;
	struct ftl *f;

	c.places = zones ? LOGS + 1 : 1;
	c.nand.blocks = (uint32_t)(ftl_spare_blocks(&c) / 8 + (segments + segments / 14) + 1);
	f = open_drive(&c);
	ut_rng_seed(&rng, 1);
	while (nr_free < segments) {
		free_list[nr_free] = nr_free;
		nr_free++;
	}
	for (uint32_t l = 0; l < LOGS; l++)
		at[l] = free_list[--nr_free];
	each = (uint64_t)c.units * (1 + REWRITES) / WINDOWS / CHUNK;
	for (uint64_t i = 1; i <= each * WINDOWS; i++) {
		uint32_t l = (uint32_t)ut_rng_below(&rng, LOGS);

		for (uint32_t u = 0; u < CHUNK; u++)
			write_unit(f, now, at[l] * segment + offset[l]++, zones ? l + 1 : 0, &now);
		host += CHUNK;
		if (offset[l] + CHUNK > segment) {
			full[nr_full++] = at[l];
			if (nr_free <= 1) {
				old = (uint32_t)ut_rng_below(&rng, nr_full);
				free_list[nr_free++] = full[old];
				if (zones)
					ftl_trim(f, now, full[old] * segment, segment, &now);
				full[old] = full[--nr_full];
			}
			at[l] = free_list[--nr_free];
			offset[l] = 0;
			if (zones)
				ftl_place_end(f, now, l + 1, &now);
		}
		if (i % each)
			continue;
		printf("%s,%.3f,%.4f\n", name, (double)host / c.units,
		       (double)(programmed(f) - was) / (double)(each * CHUNK));
		was = programmed(f);
	}
	ftl_close(f);
}

static void
zones(void)
{
	logs_on("mapped by pages", false);
	logs_on("zones", true);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} of[] = { { "cliff", cliff }, { "waf", waf }, { "latency", latency },
		   { "tail", tail },   { "slc", slc }, { "zones", zones } };

	for (size_t i = 0; i < UT_ARRAY_LEN(of); i++) {
		if (argc == 2 && !strcmp(argv[1], of[i].name)) {
			of[i].run();
			return 0;
		}
	}
	fprintf(stderr, "usage: bench_model cliff|waf|latency|tail|slc|zones\n");
	return 2;
}
