/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flash translation layer against its reference model, and with each of some bugs, which the model has to find; what it
 * costs in time and in writes against what closed forms say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "ftl_model.h"
#include "util/alloc.h"

#define LIVES 20u /* FTL_LIVES in the environment: as many */
#define CUTS 100u /* power losses in a life, at the least, on the average */
#define FULL_LIVES 8u
#define FULL_STEPS 20000u
#define STEPS 10000u /* one in a hundred is a power loss, on the average */

enum ftl_bug ftl_bug;
static uint64_t *cuts, *failed, *folded; /* shared with the children: power losses, programs that failed, units */

static void
life(uint64_t seed, const struct ftl_config *cfg, uint32_t steps)
{
	struct model m;

	model_open(&m, cfg, seed);
	model_trim_empties_blocks(&m);
	if (cfg->nand.program_fail_ppm)
		model_programs_fail(&m);
	for (uint32_t i = 0; i < steps; i++)
		model_step(&m);
	model_flush(&m);
	model_power_cut(&m);
	*cuts += ftl_stats(m.f)->recoveries;
	*failed += ftl_nand(m.f)->stats.failed_programs;
	*folded += ftl_stats(m.f)->folded;
	cuts[3] += ftl_stats(m.f)->refreshed;
	cuts[4] += ftl_stats(m.f)->levelled;
	model_close(&m);
}

/* No power loss, every unit in use, and no time to rest: garbage collection, journal and checkpoints compete for blocks. */
static void
full_life(uint64_t seed, const struct ftl_config *cfg, uint32_t steps)
{
	struct model m;

	model_open(&m, cfg, seed);
	m.cuts = 0;
	m.stands = seed & 4;
	m.flushes *= !m.stands;
	for (uint32_t u = 0; u < MODEL_UNITS; u++)
		model_write(&m, u, true);
	for (uint32_t i = 0; i < steps; i++)
		model_step(&m);
	model_recount(&m);
	if (cfg->ckpt_pages && ftl_stats(m.f)->checkpoints < steps / 100 / cfg->ckpt_pages) {
		fprintf(stderr, "%llu checkpoints\n", (unsigned long long)ftl_stats(m.f)->checkpoints);
		_exit(1);
	}
	model_flush(&m);
	model_power_cut(&m);
	model_close(&m);
}

/* In a process of its own, since a finding ends it.  Whether all was well. */
static bool
child(void (*run)(uint64_t seed, const struct ftl_config *cfg, uint32_t steps), uint64_t seed,
      const struct ftl_config *cfg, uint32_t steps, bool quiet)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		if (quiet && !freopen("/dev/null", "w", stderr))
			_exit(2);
		alarm(60); /* a bug may well be an endless loop */
		run(seed, cfg, steps);
		exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static struct ftl_config
config_for(uint64_t seed)
{
	struct ftl_config cfg = model_config();

	cfg.collect = (enum ftl_collect)(seed % 3);
	cfg.wear_spread = seed % 5 == 1 ? 3 : 0;
	cfg.read_limit = seed % 5 == 2 ? 20 : 0;
	cfg.age_limit_ns = seed % 5 == 4 ? 200 * MS : 0;
	cfg.nand.suspend_ns = seed & 2 ? cfg.nand.suspend_ns : 0;
	cfg.capacitor = seed % 8 == 0;
	if (seed % 8 == 1 || seed % 8 == 6) { /* a cache that is folded whenever there is time */
		cfg.slc_blocks = 2;
		cfg.slc_dynamic = seed & 1 ? 40 : 0;
		cfg.nand.blocks += 3;
		cfg.nand.slc_read_ns = 20000;
		cfg.nand.slc_program_ns = 100000;
		cfg.nand.slc_erase_ns = 2 * MS;
		cfg.idle_ns = 400000;
	}
	if (seed % 8 == 4 || seed % 8 == 7) { /* the host keeps its data apart */
		cfg.places = 3;
		cfg.nand.blocks += 3;
	}
	if (seed % 4 == 3) { /* programs fail, each costs a block */
		cfg.nand.blocks += 15;
		cfg.nand.program_fail_ppm = 6000;
		cfg.nand.seed = seed;
	}
	return cfg;
}

static bool
lives(uint64_t seed, uint32_t steps, bool quiet)
{
	struct ftl_config cfg = config_for(seed);

	return child(life, seed, &cfg, steps, quiet);
}

/* As little NAND as there may be for so many units. */
static struct ftl_config
tight(uint64_t seed)
{
	struct ftl_config cfg = config_for(seed);
	struct ftl *f;

	cfg.ckpt_pages = 16u << seed % 4 * 2;
	cfg.nand.ring = seed & 2 ? 8 : 0;
	if (seed & 1) {
		cfg.nand.channels = cfg.nand.dies = 1;
		cfg.nand.pages = 32;
	}
	for (cfg.nand.blocks = 13; ftl_open(&cfg, &f); cfg.nand.blocks++)
		;
	ftl_close(f);
	return cfg;
}

static void
works_when_it_is_full(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= FULL_LIVES; seed++) {
		struct ftl_config cfg = tight(seed);

		if (!child(full_life, seed, &cfg, FULL_STEPS, false))
			fail_msg("seed %llu", (unsigned long long)seed);
	}
}

/* Small trims between random writes, and no time for anything: the journal needs a page when all others want one. */
static void
trims_and_writes(uint64_t seed, const struct ftl_config *cfg, uint32_t steps)
{
	struct model m = { 0 };

	if (ftl_open(cfg, &m.f))
		_exit(2);
	ut_rng_seed(&m.rng, seed);
	for (uint32_t i = 0; i < steps; i++) {
		uint32_t u = i < cfg->units ? i : (uint32_t)ut_rng_below(&m.rng, cfg->units);
		uint64_t due = 0;
		uint8_t *to = ftl_write(m.f, 0, u, NAND_UNIT, 0, &due);

		if (!to) {
			fprintf(stderr, "no space for write %u\n", i);
			_exit(1);
		}
		memset(to, (int)u, 8);
		if (!(i % 97))
			ftl_trim(m.f, 0, (uint32_t)ut_rng_below(&m.rng, cfg->units), 1, &due);
	}
	model_recount(&m);
	ftl_close(m.f);
}

static void
metadata_always_finds_room(void **state)
{
	struct ftl_config cfg = model_config();

	(void)state;
	cfg.units = 4096;
	cfg.nand.channels = cfg.nand.dies = cfg.nand.levels = 1;
	cfg.nand.pages = 32;
	cfg.nand.blocks = 49;
	for (uint64_t seed = 1; seed <= 3; seed++)
		assert_true(child(trims_and_writes, seed, &cfg, 60000, false));
}

/* FTL_LIVES=n test_ssd_ftl: a longer run, as `make soak` does. */
static void
survives_any_life(void **state)
{
	const char *more = getenv("FTL_LIVES");
	uint64_t n = more ? strtoull(more, NULL, 10) : LIVES;

	(void)state;
	for (uint64_t seed = 1; seed <= n; seed++) {
		if (!lives(seed, STEPS, false))
			fail_msg("seed %llu", (unsigned long long)seed);
	}
	print_message("%llu power losses, %llu failed programs, %llu units folded\n", (unsigned long long)*cuts,
		      (unsigned long long)*failed, (unsigned long long)*folded);
	print_message("%llu blocks refreshed, %llu for the sake of wear\n", (unsigned long long)cuts[3],
		      (unsigned long long)cuts[4]);
	assert_true(*folded >= 100 * n);
	assert_true(cuts[3] >= 10 * n && cuts[4] >= n);
	assert_true(*failed >= 3 * n);
	assert_true(*cuts >= n * CUTS);
}

/* Until nothing can be written any more: what was written can be read, and survives. */
static void
wear_out(uint64_t seed, const struct ftl_config *cfg, uint32_t steps)
{
	struct ftl_health h = { 0 };
	uint8_t spare = 100;
	struct model m;
	uint32_t i = 0;

	model_open(&m, cfg, seed);
	for (; i < steps && !h.read_only; i++) {
		uint32_t u = (uint32_t)ut_rng_below(&m.rng, MODEL_UNITS);

		model_write(&m, u, true);
		if (!(i % 5000))
			model_power_cut(&m);
		h = ftl_health(m.f);
		if (h.spare > spare)
			_exit(3);
		spare = h.spare;
	}
	if (!h.read_only || h.used < 95 || h.spare || !h.bad || ftl_write(m.f, m.now, 0, NAND_UNIT, 0, &m.now)) {
		fprintf(stderr, "after %u writes: used %u %%, spare %u %%\n", i, h.used, h.spare);
		_exit(1);
	}
	model_recount(&m);
	model_flush(&m);
	model_power_cut(&m);
	if (!ftl_health(m.f).read_only)
		_exit(4);
	model_close(&m);
}

static void
wears_out_and_becomes_read_only(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 2; seed++) {
		struct ftl_config cfg = config_for(seed);

		cfg.nand.endurance = 20 + 10 * (uint32_t)seed;
		cfg.nand.blocks += 4 * (uint32_t)seed;
		if (!child(wear_out, seed, &cfg, 2000000, false))
			fail_msg("seed %llu", (unsigned long long)seed);
	}
}

static void
finds_each_bug(void **state)
{
	(void)state;
	for (int bug = FTL_NO_BUG + 1; bug < FTL_BUGS; bug++) {
		uint64_t seed = 1;

		ftl_bug = (enum ftl_bug)bug;
		while (seed <= LIVES && lives(seed, STEPS, true))
			seed++;
		print_message("bug %d found with seed %llu\n", bug, (unsigned long long)seed);
		if (seed > LIVES)
			fail_msg("bug %d was not found", bug);
	}
	ftl_bug = FTL_NO_BUG;
}

static void
every_allocation_may_fail(void **state)
{
	struct ftl_config cfg = model_config();
	struct ftl *f;
	int rc = -1;

	(void)state;
	for (int n = 0; rc; n++) {
		ut_alloc_budget = n;
		rc = ftl_open(&cfg, &f);
		ut_alloc_budget = -1;
		assert_true(!rc || rc == -12);
	}
	ftl_close(f);
}

static void
impossible_geometries(void **state)
{
	struct ftl_config cfg = model_config();
	struct ftl *f;

	(void)state;
	cfg.units = 25 * 4 * 8 * 4; /* all of it: nothing is left to work with */
	assert_int_equal(ftl_open(&cfg, &f), -22);
	cfg = model_config();
	cfg.nand.channels = 0;
	assert_int_equal(ftl_open(&cfg, &f), -22);
	cfg = model_config();
	cfg.nand.units = NAND_MAX_UNITS + 1;
	assert_int_equal(ftl_open(&cfg, &f), -22);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(works_when_it_is_full),
		cmocka_unit_test(metadata_always_finds_room),
		cmocka_unit_test(survives_any_life),
		cmocka_unit_test(finds_each_bug),
		cmocka_unit_test(wears_out_and_becomes_read_only),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(impossible_geometries),
	};

	cuts = mmap(NULL, 5 * sizeof(*cuts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (cuts == MAP_FAILED)
		return 1;
	failed = cuts + 1;
	folded = cuts + 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
