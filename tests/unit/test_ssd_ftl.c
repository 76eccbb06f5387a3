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
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "ftl_model.h"
#include "util/alloc.h"

#define LIVES 20u
#define STEPS 10000u /* one in a hundred is a power loss, on the average: 2,000 in all */

enum ftl_bug ftl_bug;

static void
life(uint64_t seed, const struct ftl_config *cfg, uint32_t steps)
{
	struct model m;

	model_open(&m, cfg, seed);
	model_trim_empties_blocks(&m);
	for (uint32_t i = 0; i < steps; i++)
		model_step(&m);
	model_flush(&m);
	model_power_cut(&m);
	model_close(&m);
}

/* In a process of its own, since a finding ends it.  Whether all was well. */
static bool
lives(uint64_t seed, uint32_t steps, bool quiet)
{
	struct ftl_config cfg = model_config();
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	cfg.cost_benefit = seed & 1;
	cfg.nand.suspend_ns = seed & 2 ? cfg.nand.suspend_ns : 0;
	cfg.capacitor = seed % 8 == 0;
	if (!pid) {
		if (quiet && !freopen("/dev/null", "w", stderr))
			_exit(2);
		alarm(60); /* a bug may well be an endless loop */
		life(seed, &cfg, steps);
		exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
survives_any_life(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= LIVES; seed++) {
		if (!lives(seed, STEPS, false))
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
	cfg.units = 24 * 4 * 8 * 4; /* all of it: nothing is left to work with */
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
		cmocka_unit_test(survives_any_life),
		cmocka_unit_test(finds_each_bug),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(impossible_geometries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
