/* SPDX-License-Identifier: BSD-3-Clause */
/* Every fault of the table is seen when it is armed, and only then; what rules mean. */
#include <errno.h>
#include "fault_trials.h"

static const struct trial_of *const lists[] = { trials_cqe, trials_data, trials_ctrl, trials_zone, trials_fdp };

static const struct trial_of *
trial_of(const char *point)
{
	for (size_t i = 0; i < UT_ARRAY_LEN(lists); i++) {
		for (const struct trial_of *t = lists[i]; t->point; t++) {
			if (!strcmp(t->point, point))
				return t;
		}
	}
	return NULL;
}

static void
start(struct trial *t, bool armed)
{
	t->armed = armed;
	io_init(&t->io, rig_open());
	rig_enable(t->io.r, 32);
	rig_pair(t->io.r, 1, 64, -1);
}

static bool
seen(const struct trial_of *of, bool armed)
{
	struct trial t;
	bool yes;

	start(&t, armed);
	yes = of->seen(&t);
	rig_close(t.io.r);
	return yes;
}

static void
every_fault(void **state)
{
	uint32_t n = 0, bad = 0;

	(void)state;
	for (const struct ssd_fault_point *p; (p = ssd_fault_point(n)); n++) {
		const struct trial_of *of = trial_of(p->name);

		if (!of) {
			print_error("%s: no trial\n", p->name);
			bad++;
			continue;
		}
		if (!seen(of, true)) {
			print_error("%s: armed, and not seen\n", p->name);
			bad++;
		}
		if (seen(of, false)) {
			print_error("%s: seen without being armed\n", p->name);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
	assert_true(n >= 60);
}

static void
no_trial_of_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < UT_ARRAY_LEN(lists); i++) {
		for (const struct trial_of *t = lists[i]; t->point; t++) {
			struct ssd_fault_rule r;
			char err[256];

			(void)ssd_fault_parse(t->point, &r, err, sizeof(err));
			if (strcmp(t->point, "read-stale"))
				assert_string_equal(ssd_fault_lines[r.point].point.name, t->point);
		}
	}
}

/* Third and fourth read of LBA 1000, on queue 1. */
static void
which_commands(void **state)
{
	struct ssd_fault_state st;
	struct trial t;
	uint32_t failed = 0;

	(void)state;
	start(&t, true);
	arm(&t, "status=02/81,opc=read,slba=1000,nsid=1,sq=1,nth=3,count=2");
	for (uint32_t i = 1; i <= 8; i++) {
		assert_true(get(&t, 999, 2)); /* has it */
		if (status(&t)) {
			assert_int_equal(status(&t), 0x281);
			assert_true(i == 3 || i == 4);
			failed++;
		}
		assert_true(get(&t, 1001, 2) && !status(&t));
		assert_true(put(&t, 1000, 1, 1) && !status(&t));
	}
	assert_int_equal(failed, 2);
	assert_true(ssd_fault_state(t.io.r->sub, 0, &st));
	assert_int_equal(st.seen, 8);
	assert_int_equal(st.hits, 2);
	assert_false(ssd_fault_state(t.io.r->sub, 1, &st));
	rig_close(t.io.r);
}

static uint64_t
struck_by(uint64_t seed)
{
	uint64_t bits = 0;
	struct trial t;
	char rule[80];

	start(&t, true);
	snprintf(rule, sizeof(rule), "status=02/81,prob=0.25,seed=%llu", (unsigned long long)seed);
	arm(&t, rule);
	for (int i = 0; i < 64; i++) {
		assert_true(get(&t, 0, 1));
		bits = bits << 1 | (status(&t) != 0);
	}
	rig_close(t.io.r);
	return bits;
}

static void
by_seed(void **state)
{
	uint64_t one = struck_by(1);

	(void)state;
	assert_in_range(__builtin_popcountll(one), 6, 28);
	assert_true(one == struck_by(1));
	assert_true(one != struck_by(2));
}

/* What was held back comes at once, and the fast way is taken again. */
static void
cleared(void **state)
{
	struct trial t;

	(void)state;
	start(&t, true);
	arm(&t, "cqe-late=1s,opc=read");
	arm(&t, "hang=9s,opc=write");
	assert_true(ssd_of(&t)->faulty);
	assert_null(ssd_of(&t)->cq[1].ring);
	assert_false(get(&t, 0, 1));
	assert_false(put(&t, 0, 1, 1));
	assert_int_equal(ssd_fault_clear(t.io.r->sub, 0), 2);
	rig_step(t.io.r);
	rig_step(t.io.r);
	assert_true(came(&t, 1) && came(&t, 1));
	assert_false(ssd_of(&t)->faulty);
	assert_non_null(ssd_of(&t)->cq[1].ring);
	assert_non_null(ssd_of(&t)->sq[1].ring);
	assert_true(get(&t, 0, 1) && !status(&t));
	assert_int_equal(ssd_fault_clear(t.io.r->sub, 0), 0);
	rig_close(t.io.r);
}

/* A reset while something is held back, with every rule at once, and the end of the drive: nothing is lost or used again. */
static void
resets(void **state)
{
	struct trial t;

	(void)state;
	start(&t, true);
	arm(&t, "cqe-late=1s,opc=read,count=all");
	arm(&t, "data-late=1s,count=all");
	for (int i = 0; i < 4; i++)
		assert_false(get(&t, 0, 8));
	adm_reset(&t.io);
	assert_false(get(&t, 0, 8));
	adm_sleep(&t.io, 2000 * ADM_MS);
	assert_true(came(&t, 1));
	assert_false(came(&t, 1));
	assert_false(get(&t, 0, 8));
	rig_close(t.io.r);
}

static void
as_many_as_there_can_be(void **state)
{
	struct trial t;
	char err[256];
	uint32_t id;

	(void)state;
	start(&t, true);
	for (uint32_t i = 0; i < SSD_FAULT_RULES; i++)
		arm(&t, "cqe-lost,opc=verify");
	assert_int_equal(ssd_fault_add(t.io.r->sub, "cqe-lost", &id, err, sizeof(err)), -ENOSPC);
	assert_non_null(strstr(err, "at most"));
	assert_true(get(&t, 0, 1));
	assert_int_equal(ssd_fault_clear(t.io.r->sub, 7), 1);
	assert_int_equal(ssd_fault_clear(t.io.r->sub, 7), 0);
	assert_int_equal(ssd_fault_add(t.io.r->sub, "cqe-lost", &id, err, sizeof(err)), 0);
	rig_close(t.io.r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_fault),
		cmocka_unit_test(no_trial_of_nothing),
		cmocka_unit_test(which_commands),
		cmocka_unit_test(by_seed),
		cmocka_unit_test(cleared),
		cmocka_unit_test(resets),
		cmocka_unit_test(as_many_as_there_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
