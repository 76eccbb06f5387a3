/* SPDX-License-Identifier: BSD-3-Clause */
/* What the generator draws: the proportions that were asked for, and places that are right for each command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include "ioworker/gen.h"
#include "util/alloc.h"
#include "util/bits.h"

#define NSZE 100000u
#define DRAWS 200000u

static struct iow_gen gen;

/* A plan in arrays, as the engine gets it; the tests change what matters to them. */
static struct nvp_iow_size sizes[64] = { { 8, 1, 1 } };
static struct nvp_iow_region regions[64] = { { 0, NSZE } };
static struct nvp_iow_op ops[4] = { { 2, 100 } };
static struct nvp_iow_plan plan;

static int
fresh(void **state)
{
	(void)state;
	sizes[0] = (struct nvp_iow_size){ 8, 1, 1 };
	regions[0] = (struct nvp_iow_region){ 0, NSZE };
	ops[0] = (struct nvp_iow_op){ 2, 100 };
	plan = (struct nvp_iow_plan){
		.random_percent = 100, .seed = 5, .sizes = sizes, .regions = regions, .ops = ops
	};
	plan.nsizes = plan.nregions = plan.nops = 1;
	return 0;
}

static void
draw(struct iow_io *io)
{
	switch (gen.flags) { /* each with its own constant, as the engine has it */
	case 0:
		iow_gen_next(&gen, io, 0);
		break;
	case IOW_GEN_RANDOM:
		iow_gen_next(&gen, io, IOW_GEN_RANDOM);
		break;
	case IOW_GEN_AREAS:
		iow_gen_next(&gen, io, IOW_GEN_AREAS);
		break;
	default:
		iow_gen_next(&gen, io, gen.flags);
		break;
	}
}

static void
open_plan(void)
{
	assert_int_equal(iow_gen_open(&gen, &plan, NSZE), 0);
}

/* Within five standard deviations (and one in two million tests fails). */
static void
assert_share(uint64_t seen, uint64_t of, double p, const char *what, uint64_t which)
{
	double want = (double)of * p, off = (double)seen - want;

	if (off * off > 25 * want * (1 - p) + 1)
		fail_msg("%s %llu: %llu of %llu, not %f", what, (unsigned long long)which, (unsigned long long)seen,
			 (unsigned long long)of, p);
}

static void
alias_has_the_weights(void **state)
{
	const uint64_t weight[] = { 1, 5000, 3, 1ull << 40, 1ull << 39, 7, 1ull << 38 };
	const uint32_t n = UT_ARRAY_LEN(weight);
	uint64_t seen[UT_ARRAY_LEN(weight)] = { 0 }, total = 0, i;
	struct iow_alias a;
	struct ut_rng rng;

	(void)state;
	ut_rng_seed(&rng, 1);
	assert_int_equal(iow_alias_open(&a, weight, n), 0);
	for (i = 0; i < n; i++)
		total += weight[i];
	for (i = 0; i < 1000000; i++)
		seen[iow_alias_pick(&a, (uint32_t)(ut_rng_next(&rng) >> 32))]++;
	for (i = 0; i < n; i++)
		assert_share(seen[i], 1000000, (double)weight[i] / (double)total, "entry", i);
	iow_alias_close(&a);
}

/* All 2^32 draws at once: what an entry keeps plus what others give it is its weight. */
static void
alias_is_exact(void **state)
{
	const uint64_t weight[] = { 4, 1, 1, 1, 1, 1, 1, 67, 10, 7, 3, 3 };
	const uint32_t n = UT_ARRAY_LEN(weight);
	double got[UT_ARRAY_LEN(weight)] = { 0 };
	struct iow_alias a;
	uint32_t i;

	(void)state;
	assert_int_equal(iow_alias_open(&a, weight, n), 0);
	for (i = 0; i < n; i++) {
		got[i] += ((double)a.entry[i].keep + 1) / 4294967296.0 / n;
		got[a.entry[i].other] += (4294967295.0 - a.entry[i].keep) / 4294967296.0 / n;
	}
	for (i = 0; i < n; i++)
		assert_true(got[i] - (double)weight[i] / 100 < 1e-9 && (double)weight[i] / 100 - got[i] < 1e-9);
	iow_alias_close(&a);
}

static void
strides(void **state)
{
	const uint64_t back[] = { 42, 34, 26, 18, 10 }, up[] = { 16, 32, 48, 16 }, down[] = { 32, 16 };
	struct iow_io io;
	uint32_t i;

	(void)state;
	plan.random_percent = 0;
	regions[0] = (struct nvp_iow_region){ 10, 50 };
	plan.lba_step = -8;
	assert_int_equal(iow_gen_once(&plan), 5);
	open_plan();
	for (i = 0; i < 10; i++) {
		draw(&io);
		assert_int_equal(io.nlb, 8);
		assert_int_equal(io.slba, back[i % 5]);
	}
	iow_gen_close(&gen);
	sizes[0].align = 16;
	assert_int_equal(iow_gen_once(&plan), 2);
	open_plan();
	for (i = 0; i < 4; i++) {
		draw(&io);
		assert_int_equal(io.slba, down[i % 2]);
	}
	iow_gen_close(&gen);
	plan.lba_step = 0;
	assert_int_equal(iow_gen_once(&plan), 3);
	open_plan();
	for (i = 0; i < 4; i++) {
		draw(&io);
		assert_int_equal(io.nlb, up[i] == 48 ? 2 : 8);
		assert_int_equal(io.slba, up[i]);
	}
	iow_gen_close(&gen);
}

/* Sequential, with sizes drawn: each begins where the one before ended, and the end of the region is cut. */
static void
sizes_follow_each_other(void **state)
{
	const uint32_t nlb[] = { 1, 3, 8, 30, 64 };
	uint64_t expect = 100;
	struct iow_io io;
	uint32_t i;

	(void)state;
	plan.random_percent = 0;
	regions[0] = (struct nvp_iow_region){ 100, 1001 };
	plan.nsizes = UT_ARRAY_LEN(nlb);
	for (i = 0; i < plan.nsizes; i++)
		sizes[i] = (struct nvp_iow_size){ nlb[i], 1, 1 };
	open_plan();
	for (i = 0; i < 1000; i++) {
		iow_gen_next(&gen, &io, IOW_GEN_SIZES);
		assert_int_equal(io.slba, expect);
		expect += io.nlb;
		assert_true(expect <= 1001);
		expect = expect == 1001 ? 100 : expect;
	}
	iow_gen_close(&gen);
}

/* What once_in() computes is what a run does before it is at its beginning again. */
static void
once_is_once(void **state)
{
	const int32_t step[] = { 0, 1, 3, 8, 20, -1, -5, -8, -30 };
	const uint32_t nlb[] = { 1, 7, 8 }, align[] = { 1, 3, 4, 10 };
	uint32_t s, n, a, whole;
	uint64_t count, once;
	struct iow_io first, io;

	(void)state;
	plan.random_percent = 0;
	plan.nregions = 2;
	regions[0] = (struct nvp_iow_region){ 13, 100 };
	regions[1] = (struct nvp_iow_region){ 200, 333 };
	for (s = 0; s < UT_ARRAY_LEN(step); s++)
		for (n = 0; n < UT_ARRAY_LEN(nlb); n++)
			for (a = 0; a < UT_ARRAY_LEN(align); a++)
				for (whole = 0; whole < 2; whole++) {
					sizes[0] = (struct nvp_iow_size){ nlb[n], align[a], 1 };
					plan.lba_step = step[s];
					plan.whole = whole;
					once = iow_gen_once(&plan);
					open_plan();
					draw(&first);
					for (count = 0; count == 0 || io.slba != first.slba; count++) {
						draw(&io);
						assert_true(io.slba % align[a] == 0 && count < 10000);
						assert_true(!whole || io.nlb == nlb[n]);
						assert_true((io.slba >= 13 && io.slba + io.nlb <= 100) ||
							    (io.slba >= 200 && io.slba + io.nlb <= 333));
					}
					/* A stride below the size: what does not fit at the end is several. */
					if (!whole || !step[s] || (uint32_t)abs(step[s]) >= nlb[n])
						assert_int_equal(count, once);
					iow_gen_close(&gen);
				}
}

static void
lba_start_is_where_it_begins(void **state)
{
	struct iow_io io;

	(void)state;
	plan.random_percent = 0;
	plan.nregions = 3;
	regions[0] = (struct nvp_iow_region){ 0, 100 };
	regions[1] = (struct nvp_iow_region){ 200, 300 };
	regions[2] = (struct nvp_iow_region){ 400, 500 };
	plan.lba_start = 290;
	open_plan();
	draw(&io);
	assert_int_equal(io.slba, 290);
	draw(&io);
	assert_true(io.slba == 298 && io.nlb == 2);
	draw(&io);
	assert_int_equal(io.slba, 400);
	iow_gen_close(&gen);
	plan.lba_step = -8;
	open_plan();
	draw(&io);
	assert_int_equal(io.slba, 290);
	for (; io.slba >= 200; draw(&io))
		assert_true(io.slba < 300);
	assert_int_equal(io.slba, 92);
	iow_gen_close(&gen);
}

/* A division by multiplying, with numbers that are not kind to it. */
static void
rounding_is_exact(void **state)
{
	const uint32_t align[] = { 3, 5, 7, 9, 11, 100, 4097, 65535, 1000003, UINT32_MAX };
	struct ut_rng rng;
	uint64_t lba, want;
	uint32_t i, k;

	(void)state;
	ut_rng_seed(&rng, 9);
	plan.random_percent = 0;
	for (i = 0; i < UT_ARRAY_LEN(align); i++) {
		sizes[0] = (struct nvp_iow_size){ 1, align[i], 1 };
		open_plan();
		gen.end = UINT64_MAX;
		for (k = 0; k < 20000; k++) {
			lba = ut_rng_next(&rng) >> (4 + k % 40);
			want = (lba + align[i] - 1) / align[i] * align[i];
			assert_true(iow_gen_round(&gen, &gen.kind[0], lba) == want);
			gen.back = true;
			assert_true(iow_gen_round(&gen, &gen.kind[0], lba) == lba / align[i] * align[i]);
			assert_true(iow_gen_round(&gen, &gen.kind[0], want) == want);
			gen.back = false;
		}
		iow_gen_close(&gen);
	}
}

static void
several_regions_by_their_length(void **state)
{
	uint64_t seen[3] = { 0 };
	struct iow_io io;
	uint32_t i, k;

	(void)state;
	plan.nregions = 3;
	regions[0] = (struct nvp_iow_region){ 5, 105 };
	regions[1] = (struct nvp_iow_region){ 1000, 2000 };
	regions[2] = (struct nvp_iow_region){ 90000, 99000 };
	plan.nsizes = 2;
	sizes[0] = (struct nvp_iow_size){ 4, 4, 3 };
	sizes[1] = (struct nvp_iow_size){ 9, 7, 1 };
	open_plan();
	for (i = 0; i < DRAWS; i++) {
		iow_gen_next(&gen, &io, IOW_GEN_SIZES | IOW_GEN_AREAS);
		for (k = 0; k < 3 && !(io.slba >= regions[k].start && io.slba + io.nlb <= regions[k].end);)
			k++;
		assert_true(k < 3 && (io.nlb == 4 ? io.slba % 4 == 0 : io.slba % 7 == 0));
		seen[k]++;
	}
	assert_share(seen[0], DRAWS, 100 / 10100.0, "region", 0);
	assert_share(seen[1], DRAWS, 1000 / 10100.0, "region", 1);
	assert_share(seen[2], DRAWS, 9000 / 10100.0, "region", 2);
	iow_gen_close(&gen);
}

/* Each place is as likely as the other, the first and the last one too. */
static void
random_is_uniform(void **state)
{
	uint64_t seen[61] = { 0 };
	struct iow_io io;
	uint32_t i;

	(void)state;
	sizes[0] = (struct nvp_iow_size){ 8, 16, 1 };
	regions[0] = (struct nvp_iow_region){ 33, 1000 };
	open_plan();
	for (i = 0; i < DRAWS; i++) {
		draw(&io);
		assert_true(io.slba % 16 == 0 && io.slba >= 48 && io.slba <= 992);
		seen[io.slba / 16 - 3]++;
	}
	for (i = 0; i < 60; i++)
		assert_share(seen[i], DRAWS, 1 / 60.0, "place", i);
	iow_gen_close(&gen);
}

/* The enterprise endurance workload: half of it in the first twentieth. */
static void
distribution_and_sizes(void **state)
{
	static const struct {
		uint32_t nlb, percent;
	} mix[] = { { 1, 4 }, { 2, 1 },	 { 3, 1 },   { 4, 1 },	{ 5, 1 },  { 6, 1 },
		    { 7, 1 }, { 8, 67 }, { 16, 10 }, { 32, 7 }, { 64, 3 }, { 128, 3 } };
	uint64_t bucket[NVP_IOW_BUCKETS] = { 0 }, size[UT_ARRAY_LEN(mix)] = { 0 }, low = 0, mid = 0;
	uint16_t weight[NVP_IOW_BUCKETS];
	struct iow_io io;
	uint32_t i, k;

	(void)state;
	for (i = 0; i < NVP_IOW_BUCKETS; i++)
		weight[i] = i < 5 ? 1000 : i < 20 ? 200 : 25;
	plan.distribution = weight;
	plan.nsizes = UT_ARRAY_LEN(mix);
	for (i = 0; i < plan.nsizes; i++)
		sizes[i] = (struct nvp_iow_size){ mix[i].nlb, mix[i].nlb < 8 ? 1 : 8, mix[i].percent };
	open_plan();
	for (i = 0; i < DRAWS; i++) {
		iow_gen_next(&gen, &io, IOW_GEN_SIZES | IOW_GEN_AREAS);
		assert_true(io.slba + io.nlb <= NSZE && (io.nlb < 8 || io.slba % 8 == 0));
		bucket[io.slba / (NSZE / NVP_IOW_BUCKETS)]++;
		for (k = 0; mix[k].nlb != io.nlb;)
			k++;
		size[k]++;
	}
	for (i = 0; i < NVP_IOW_BUCKETS; i++) {
		assert_share(bucket[i], DRAWS, weight[i] / 10000.0, "bucket", i);
		low += i < 5 ? bucket[i] : 0;
		mid += i >= 5 && i < 20 ? bucket[i] : 0;
	}
	assert_share(low, DRAWS, 0.5, "the first 5 %", 0);
	assert_share(mid, DRAWS, 0.3, "the next 15 %", 0);
	for (k = 0; k < UT_ARRAY_LEN(mix); k++)
		assert_share(size[k], DRAWS, mix[k].percent / 100.0, "size", mix[k].nlb);
	iow_gen_close(&gen);
}

/* One bucket alone; and one so small that no aligned place lies in it. */
static void
odd_distributions(void **state)
{
	uint16_t weight[NVP_IOW_BUCKETS] = { 0 };
	struct iow_io io;
	uint32_t i;

	(void)state;
	plan.distribution = weight;
	weight[1] = 10000;
	open_plan();
	assert_int_equal(gen.flags, IOW_GEN_RANDOM);
	for (i = 0; i < 1000; i++) {
		draw(&io);
		assert_true(io.slba >= 1000 && io.slba < 2000);
	}
	iow_gen_close(&gen);
	weight[1] = 0;
	weight[99] = 1;
	sizes[0].align = 30000;
	open_plan();
	for (i = 0; i < 10; i++) {
		draw(&io);
		assert_int_equal(io.slba, 90000);
	}
	iow_gen_close(&gen);
}

static void
percentages(void **state)
{
	uint64_t seen[3] = { 0 }, sequential = 0, next = 0;
	struct iow_io io;
	uint32_t i;

	(void)state;
	plan.nops = 3;
	ops[0] = (struct nvp_iow_op){ 2, 40 };
	ops[1] = (struct nvp_iow_op){ 9, 25 };
	ops[2] = (struct nvp_iow_op){ 1, 35 };
	plan.random_percent = 30;
	open_plan();
	for (i = 0; i < DRAWS; i++) {
		iow_gen_next(&gen, &io, IOW_GEN_OPS | IOW_GEN_MIX);
		seen[io.op]++;
		if (io.slba == next) {
			sequential++;
			next = next + 8 == NSZE ? 0 : next + 8;
		}
	}
	assert_share(seen[0], DRAWS, 0.40, "opcode", 2);
	assert_share(seen[1], DRAWS, 0.25, "opcode", 9);
	assert_share(seen[2], DRAWS, 0.35, "opcode", 1);
	assert_share(sequential, DRAWS, 0.70, "sequential", 0);
	iow_gen_close(&gen);
}

static void
trace_in_its_order(void **state)
{
	const struct nvp_iow_step step[] = { { 10, 0, 1, 1 }, { 0, 5, 8, 2 }, { 7, 5, 100, 9 } };
	struct iow_io io;

	(void)state;
	plan.steps = step;
	plan.nsteps = 3;
	plan.nops = 3;
	ops[0].opc = 1;
	ops[1].opc = 2;
	ops[2].opc = 9;
	open_plan();
	iow_gen_trace(&gen, &io);
	assert_true(io.slba == 10 && io.nlb == 1 && io.op == 0);
	iow_gen_trace(&gen, &io);
	assert_true(io.slba == 0 && io.nlb == 8 && io.op == 1);
	iow_gen_trace(&gen, &io);
	assert_true(io.slba == 7 && io.nlb == 100 && io.op == 2);
	assert_ptr_equal(gen.step_at, gen.step_end);
	iow_gen_close(&gen);
}

static void
every_allocation_may_fail(void **state)
{
	int n, rc;

	(void)state;
	plan.nsizes = 2;
	sizes[1] = (struct nvp_iow_size){ 4, 1, 1 };
	for (n = 0;; n++) {
		ut_alloc_budget = n;
		rc = iow_gen_open(&gen, &plan, NSZE);
		ut_alloc_budget = -1;
		if (!rc)
			break;
		assert_int_equal(rc, -12);
	}
	assert_true(n > 8);
	iow_gen_close(&gen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(alias_has_the_weights, fresh),
		cmocka_unit_test_setup(alias_is_exact, fresh),
		cmocka_unit_test_setup(strides, fresh),
		cmocka_unit_test_setup(sizes_follow_each_other, fresh),
		cmocka_unit_test_setup(once_is_once, fresh),
		cmocka_unit_test_setup(lba_start_is_where_it_begins, fresh),
		cmocka_unit_test_setup(rounding_is_exact, fresh),
		cmocka_unit_test_setup(several_regions_by_their_length, fresh),
		cmocka_unit_test_setup(random_is_uniform, fresh),
		cmocka_unit_test_setup(distribution_and_sizes, fresh),
		cmocka_unit_test_setup(odd_distributions, fresh),
		cmocka_unit_test_setup(percentages, fresh),
		cmocka_unit_test_setup(trace_in_its_order, fresh),
		cmocka_unit_test_setup(every_allocation_may_fail, fresh),
	};

	return cmocka_run_group_tests_name("iow_gen", tests, NULL, NULL);
}
