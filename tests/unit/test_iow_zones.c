/* SPDX-License-Identifier: BSD-3-Clause */
/* The books of the zones of an ioworker, without a device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "ioworker/zones.h"

#define CAP 64u
#define NR 4u

static struct nvp_iow_zone given[NR];

/* NR zones, the first `full` of them full; `width` are written in turns, `active` may be active. */
static struct iow_zones
zones(uint32_t full, uint32_t width, uint32_t active)
{
	struct nvp_iow_plan p = { .zones = given, .nzones = NR, .zone_width = width, .zone_active = active };
	struct iow_zones s;

	for (uint32_t i = 0; i < NR; i++)
		given[i] = (struct nvp_iow_zone){ .slba = i * 100, .cap = CAP, .wp = i < full ? CAP : 0 };
	assert_int_equal(iow_zones_open(&s, &p), 0);
	return s;
}

static void
write_all(struct iow_zones *s, struct iow_zone *z, bool ok)
{
	uint64_t at = z->sent;

	iow_zone_sends(z, CAP - (uint32_t)at);
	iow_zone_wrote(s, z, at, CAP - (uint32_t)at, ok);
}

static void
turns(void **state)
{
	struct iow_zones s = zones(0, 2, 0);

	(void)state;
	assert_int_equal(iow_zones_choose(&s), 2 * CAP);
	for (uint32_t i = 0; i < 6; i++) {
		struct iow_zone *z = iow_zones_pick(&s);

		assert_int_equal(z->slba, i % 2 * 100);
		iow_zone_sends(z, 8);
		iow_zone_wrote(&s, z, i / 2 * 8, 8, true);
		assert_int_equal(z->done, (i / 2 + 1) * 8);
	}
	iow_zones_close(&s);
}

/* Writes that end out of order: what is written is known again when none is in flight. */
static void
out_of_order(void **state)
{
	struct iow_zones s = zones(0, 1, 0);
	struct iow_zone *z = iow_zones_pick(&s);

	(void)state;
	iow_zone_sends(z, 8);
	iow_zone_sends(z, 8);
	iow_zone_wrote(&s, z, 8, 8, true);
	assert_int_equal(z->done, 0);
	iow_zone_wrote(&s, z, 0, 8, true);
	assert_int_equal(z->done, 16);
	iow_zones_close(&s);
}

/* With everything full, one is reset and written again; an active resource is free only when a zone is full. */
static void
resets(void **state)
{
	struct iow_zones s = zones(NR, 1, 1);
	struct iow_zone *z;

	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_null(iow_zones_pick(&s));
		z = iow_zones_stale(&s);
		assert_non_null(z);
		iow_zone_resets(&s, z);
		assert_null(iow_zones_stale(&s)); /* one is enough */
		iow_zone_was_reset(&s, z, true);
		assert_ptr_equal(iow_zones_pick(&s), z);
		write_all(&s, z, true);
	}
	iow_zones_close(&s);
}

/* What cannot be reset is left alone, and when nothing else is there, nothing is. */
static void
resets_that_fail(void **state)
{
	struct iow_zones s = zones(NR, 1, 0);
	struct iow_zone *z;
	uint32_t n = 0;

	(void)state;
	while ((z = iow_zones_stale(&s)) && n++ < 2 * NR) {
		iow_zone_resets(&s, z);
		iow_zone_was_reset(&s, z, false);
	}
	assert_int_equal(n, NR);
	assert_null(iow_zones_pick(&s));
	iow_zones_close(&s);
}

/* After a write that failed nobody knows the write pointer: the zone is reset before it is written again. */
static void
a_write_that_fails(void **state)
{
	struct iow_zones s = zones(0, 1, 0);
	struct iow_zone *z = iow_zones_pick(&s);

	(void)state;
	iow_zone_sends(z, 8);
	iow_zone_wrote(&s, z, 0, 8, false);
	assert_ptr_not_equal(iow_zones_pick(&s), z);
	while (iow_zones_pick(&s))
		write_all(&s, iow_zones_pick(&s), true);
	assert_ptr_equal(iow_zones_stale(&s), z);
	iow_zone_resets(&s, z);
	iow_zone_was_reset(&s, z, true);
	assert_ptr_equal(iow_zones_pick(&s), z);
	iow_zones_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns),
		cmocka_unit_test(out_of_order),
		cmocka_unit_test(resets),
		cmocka_unit_test(resets_that_fail),
		cmocka_unit_test(a_write_that_fails),
	};

	return cmocka_run_group_tests_name("iow_zones", tests, NULL, NULL);
}
