/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The zone state machine against a plain reference, with random operations; and the same with each bug that is built in, which
 * has to be found.
 *
 * The reference keeps no counts: it derives everything from the states, each time.  Zoned Namespace Command Set, "Zone State Machine".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "ssd/zns/zone.h"
#include "util/rng.h"

#define ZONES 12u
#define ZSZE 32u
#define ZCAP 28u
#define MAX_OPEN 3u
#define MAX_ACTIVE 5u
#define STEPS 4000u

extern int zns_bug;
int zns_bug;

struct ref_zone {
	enum nvme_zs zs;
	uint64_t wp;
	bool zdev;
	uint64_t opened;
};

struct world {
	struct ssd_zone table[ZONES];
	struct ssd_zones s;
	struct ref_zone ref[ZONES];
	uint64_t opens;
	struct ut_rng rng;
};

static bool
is_open(const struct ref_zone *z)
{
	return z->zs == NVME_ZS_IMPLICIT || z->zs == NVME_ZS_EXPLICIT;
}

static bool
is_active(const struct ref_zone *z)
{
	return is_open(z) || z->zs == NVME_ZS_CLOSED;
}

static uint32_t
count(const struct world *w, bool (*what)(const struct ref_zone *))
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ZONES; i++)
		n += what(&w->ref[i]);
	return n;
}

/* A free place among the open zones; the oldest implicitly opened one makes it. */
static nvme_status
ref_room(struct world *w, struct ref_zone *z, bool make)
{
	struct ref_zone *old = NULL;

	if (!is_active(z) && count(w, is_active) >= MAX_ACTIVE)
		return NVME_SC_ZONE_TOO_MANY_ACTIVE;
	if (is_open(z) || count(w, is_open) < MAX_OPEN)
		return 0;
	for (uint32_t i = 0; i < ZONES; i++) {
		if (w->ref[i].zs == NVME_ZS_IMPLICIT && (!old || w->ref[i].opened < old->opened))
			old = &w->ref[i];
	}
	if (!old)
		return NVME_SC_ZONE_TOO_MANY_OPEN;
	if (make)
		old->zs = NVME_ZS_CLOSED;
	return 0;
}

static nvme_status
ref_write(struct world *w, struct ref_zone *z, uint64_t at, uint64_t nlb)
{
	nvme_status st;

	if (z->zs == NVME_ZS_FULL)
		return NVME_SC_ZONE_IS_FULL;
	if (z->zs == NVME_ZS_READ_ONLY)
		return NVME_SC_ZONE_IS_READ_ONLY;
	if (z->zs == NVME_ZS_OFFLINE)
		return NVME_SC_ZONE_IS_OFFLINE;
	if (at + nlb > ZCAP)
		return NVME_SC_ZONE_BOUNDARY;
	if (at != z->wp)
		return NVME_SC_ZONE_INVALID_WRITE;
	st = ref_room(w, z, true);
	if (st)
		return st;
	if (!is_open(z)) {
		z->zs = NVME_ZS_IMPLICIT;
		z->opened = ++w->opens;
	}
	z->wp += nlb;
	if (z->wp == ZCAP)
		z->zs = NVME_ZS_FULL;
	return 0;
}

static nvme_status
ref_act(struct world *w, struct ref_zone *z, enum nvme_zsa zsa)
{
	bool empty = z->zs == NVME_ZS_EMPTY, full = z->zs == NVME_ZS_FULL;
	nvme_status st;

	switch (zsa) {
	case NVME_ZSA_OPEN:
		if (!empty && !is_active(z))
			return NVME_SC_ZONE_INVALID_TRANSITION;
		st = ref_room(w, z, true);
		if (!st && !is_open(z))
			z->opened = ++w->opens;
		if (!st)
			z->zs = NVME_ZS_EXPLICIT;
		return st;
	case NVME_ZSA_CLOSE:
		if (!is_active(z))
			return NVME_SC_ZONE_INVALID_TRANSITION;
		z->zs = NVME_ZS_CLOSED;
		return 0;
	case NVME_ZSA_FINISH:
		if (!empty && !is_active(z) && !full)
			return NVME_SC_ZONE_INVALID_TRANSITION;
		z->zs = NVME_ZS_FULL;
		return 0;
	case NVME_ZSA_RESET:
		if (!empty && !is_active(z) && !full)
			return NVME_SC_ZONE_INVALID_TRANSITION;
		*z = (struct ref_zone){ .zs = NVME_ZS_EMPTY, .zdev = empty && z->zdev };
		return 0;
	case NVME_ZSA_OFFLINE:
		if (z->zs != NVME_ZS_READ_ONLY && z->zs != NVME_ZS_OFFLINE)
			return NVME_SC_ZONE_INVALID_TRANSITION;
		z->zs = NVME_ZS_OFFLINE;
		return 0;
	default: /* set descriptor extension */
		if (!empty)
			return NVME_SC_ZONE_INVALID_TRANSITION;
		if (count(w, is_active) >= MAX_ACTIVE)
			return NVME_SC_ZONE_TOO_MANY_ACTIVE;
		z->zs = NVME_ZS_CLOSED;
		z->zdev = true;
		return 0;
	}
}

static void
ref_power(struct world *w)
{
	for (uint32_t i = 0; i < ZONES; i++) {
		struct ref_zone *z = &w->ref[i];

		if (is_active(z))
			z->zs = z->wp || z->zdev ? NVME_ZS_CLOSED : NVME_ZS_EMPTY;
	}
}

static void
start(struct world *w, uint64_t seed)
{
	*w = (struct world){ .opens = 0 };
	ut_rng_seed(&w->rng, seed);
	w->s = (struct ssd_zones){ .zone = w->table,
				   .nr = ZONES,
				   .zsze = ZSZE,
				   .zcap = ZCAP,
				   .max_open = MAX_OPEN,
				   .max_active = MAX_ACTIVE };
	for (uint32_t i = 0; i < ZONES; i++) {
		w->ref[i].zs = NVME_ZS_EMPTY;
		w->table[i].zs = NVME_ZS_EMPTY;
	}
}

static bool
write_one(struct world *w, uint32_t i)
{
	uint64_t nlb = 1 + ut_rng_below(&w->rng, 12), at = le64_get(w->table[i].wp);
	nvme_status got, want;

	if (!ut_rng_below(&w->rng, 6))
		at = ut_rng_below(&w->rng, ZSZE);
	got = ssd_zone_writable(&w->s, &w->table[i], at, nlb);
	if (!got)
		ssd_zone_written(&w->s, &w->table[i], at, nlb);
	want = ref_write(w, &w->ref[i], at, nlb);
	return got == want;
}

static bool
act_one(struct world *w, uint32_t i)
{
	static const enum nvme_zsa actions[] = { NVME_ZSA_OPEN,	 NVME_ZSA_OPEN,	   NVME_ZSA_CLOSE,  NVME_ZSA_FINISH,
						 NVME_ZSA_RESET, NVME_ZSA_OFFLINE, NVME_ZSA_SET_ZDE };
	enum nvme_zsa zsa = actions[ut_rng_below(&w->rng, 7)];

	return ssd_zone_act(&w->s, &w->table[i], zsa, false) == ref_act(w, &w->ref[i], zsa);
}

static bool
same(const struct world *w)
{
	if (w->s.open != count(w, is_open) || w->s.active != count(w, is_active))
		return false;
	for (uint32_t i = 0; i < ZONES; i++) {
		const struct ssd_zone *z = &w->table[i];

		if (z->zs != w->ref[i].zs || le64_get(z->wp) != w->ref[i].wp ||
		    !!(z->za & NVME_ZA_ZDEV) != w->ref[i].zdev)
			return false;
	}
	return true;
}

/* The step at which the two differ; STEPS: they never do. */
static uint32_t
run(uint64_t seed)
{
	struct world w;
	uint32_t n;

	start(&w, seed);
	for (n = 0; n < STEPS; n++) {
		uint32_t i = (uint32_t)ut_rng_below(&w.rng, ZONES);
		uint64_t what = ut_rng_below(&w.rng, 1000);
		bool ok = true;

		if (what < 600) {
			ok = write_one(&w, i);
		} else if (what < 995) {
			ok = act_one(&w, i);
		} else if (what < 999) {
			ssd_zones_power_on(&w.s);
			ref_power(&w);
		} else {
			ssd_zone_to(&w.s, &w.table[i], NVME_ZS_READ_ONLY);
			w.ref[i].zs = NVME_ZS_READ_ONLY;
		}
		if (!ok || !same(&w))
			break;
	}
	return n;
}

static uint64_t
seed_of(void)
{
	const char *s = getenv("NVPROOF_SEED");

	return s ? strtoull(s, NULL, 0) : 1;
}

static void
as_the_reference(void **state)
{
	uint64_t first = seed_of();

	(void)state;
	zns_bug = 0;
	for (uint64_t seed = first; seed < first + 200; seed++) {
		uint32_t n = run(seed);

		if (n != STEPS)
			fail_msg("differs at step %u: NVPROOF_SEED=%llu repeats it", n, (unsigned long long)seed);
	}
}

static void
each_bug_is_found(void **state)
{
	(void)state;
	for (zns_bug = 1; zns_bug <= 5; zns_bug++) {
		uint32_t found = 0;

		for (uint64_t seed = 1; seed <= 20; seed++)
			found += run(seed) != STEPS;
		print_message("bug %d: %u of 20 seeds find it\n", zns_bug, found);
		assert_true(found >= 18);
	}
	zns_bug = 0;
}

/* The area moves with the write pointer: in place inside it, committed behind it. */
static void
random_write_area(void **state)
{
	struct ssd_zone z = { .zs = NVME_ZS_EMPTY }, other = { .zs = NVME_ZS_EMPTY };
	struct ssd_zones s = { .zone = &z, .nr = 1, .zsze = 64, .zcap = 64, .max_zrwa = 1, .zrwasz = 16, .zrwafg = 4 };

	(void)state;
	assert_int_equal(ssd_zone_act(&s, &z, NVME_ZSA_OPEN, true), 0);
	assert_int_equal(ssd_zone_act(&s, &other, NVME_ZSA_OPEN, true), NVME_SC_ZRWA_UNAVAILABLE);
	for (uint64_t at = 12; at < 16; at -= 4) { /* backwards, and the pointer stays */
		assert_int_equal(ssd_zone_writable(&s, &z, at, 4), 0);
		ssd_zone_written(&s, &z, at, 4);
	}
	assert_int_equal(le64_get(z.wp), 0);
	assert_int_equal(ssd_zone_writable(&s, &z, 30, 4), NVME_SC_ZONE_INVALID_WRITE);
	assert_int_equal(ssd_zone_writable(&s, &z, 16, 2), 0); /* implicit commit */
	ssd_zone_written(&s, &z, 16, 2);
	assert_int_equal(le64_get(z.wp), 4);
	assert_int_equal(ssd_zone_writable(&s, &z, 0, 1), NVME_SC_ZONE_INVALID_WRITE);
	assert_int_equal(ssd_zone_commit(&s, &z, 6), NVME_SC_INVALID_FIELD); /* no whole flush unit */
	assert_int_equal(ssd_zone_commit(&s, &z, 23), NVME_SC_INVALID_FIELD); /* behind the area */
	assert_int_equal(ssd_zone_commit(&s, &z, 19), 0);
	assert_int_equal(le64_get(z.wp), 20);
	assert_int_equal(ssd_zone_act(&s, &z, NVME_ZSA_FINISH, false), 0);
	assert_int_equal(z.za & NVME_ZA_ZRWAV, 0);
	assert_int_equal(s.zrwa, 0);
	assert_int_equal(ssd_zone_commit(&s, &z, 23), NVME_SC_ZONE_INVALID_OP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_reference),
		cmocka_unit_test(each_bug_is_found),
		cmocka_unit_test(random_write_area),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
