/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker's engine: it does what the plan says, exactly, and notices what the drive does wrong. */
#include "iow_fake.h"

#include <errno.h>
#include "host/ctrlr_int.h"
#include "nvproof/spec/status.h"
#include "util/alloc.h"

#define FOREVER 10000000u

static struct fake_drive drive;
#define RES (&drive.e.sh->res)

static void
run(const struct nvp_iow_plan *p, struct nvp_verify *v)
{
	fake_drive_open(&drive, p, v);
	fake_drive_run(&drive, FOREVER);
	assert_true(drive.e.ended);
}

static void
io_count_is_exact(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.io_count = 1000);

	(void)state;
	run(&p, NULL);
	assert_int_equal(RES->reads + RES->writes, 1000);
	assert_int_equal(drive.nseen, 1000);
	assert_int_equal(RES->bytes, 1000 * 8 * FAKE_LBA);
	assert_int_equal(drive.e.view.stat[0].hist.count + drive.e.view.stat[1].hist.count, 1000);
	assert_int_equal(drive.e.room, 15);
	assert_int_equal(RES->error, NVP_IOW_OK);
	assert_int_equal(RES->status, 0);
	assert_string_equal(drive.e.sh->reason, "");
	assert_true(RES->ns > 0 && RES->latency_max_ns > 0 && RES->latency_sum_ns >= RES->latency_max_ns);
	fake_drive_close(&drive);
}

static void
random_stays_aligned_in_the_region(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.io_count = 5000, .lba_align = 16, .region_start = 33,
						.region_end = 1000, .read_percent = 30);
	uint32_t i, low = 0, high = 0;

	(void)state;
	run(&p, NULL);
	for (i = 0; i < drive.nseen; i++) {
		assert_true(drive.seen[i].slba % 16 == 0 && drive.seen[i].slba >= 33);
		assert_true(drive.seen[i].slba + 8 <= 1000 && drive.seen[i].nlb == 8);
		low += drive.seen[i].slba == 48;
		high += drive.seen[i].slba == 992;
	}
	assert_true(low > 20 && high > 20); /* of 60 places */
	assert_in_range(RES->reads, 1350, 1650);
	fake_drive_close(&drive);
}

static void
sequential_fills_its_region_once(void **state)
{
	const struct nvp_iow_plan p =
		FAKE_PLAN(.random_percent = 0, .region_start = 3, .region_end = 103, .read_percent = 0, .qdepth = 4);
	uint64_t next = 3;
	uint32_t i;

	(void)state;
	run(&p, NULL);
	for (i = 0; i < drive.nseen; i++) {
		assert_int_equal(drive.seen[i].slba, next);
		assert_int_equal(drive.seen[i].opc, NVME_OPC_WRITE);
		next += drive.seen[i].nlb;
	}
	assert_int_equal(next, 103);
	assert_int_equal(drive.nseen, 13); /* the last one is cut */
	assert_int_equal(RES->writes, 13);
	fake_drive_close(&drive);
}

static void
sequential_wraps(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.random_percent = 0, .region_start = 100, .region_end = 150,
						.lba_start = 140, .lba_step = 20, .io_count = 6);
	const uint64_t expect[] = { 140, 100, 120, 140, 100, 120 };
	uint32_t i;

	(void)state;
	run(&p, NULL);
	for (i = 0; i < 6; i++)
		assert_int_equal(drive.seen[i].slba, expect[i]);
	fake_drive_close(&drive);
}

static void
an_error_stops_it_with_the_status(void **state)
{
	struct nvp_iow_plan p = FAKE_PLAN(.io_count = 1000);

	(void)state;
	fake_drive_open(&drive, &p, NULL);
	drive.fail_at = 100;
	drive.fail_status = NVME_SC_UNRECOVERED_READ;
	fake_drive_run(&drive, FOREVER);
	assert_true(drive.e.ended);
	assert_int_equal(RES->error, NVP_IOW_IO);
	assert_int_equal(RES->status, 0x281);
	assert_in_range(RES->reads + RES->writes, 100, 130);
	assert_int_equal(RES->reads + RES->writes, drive.nseen); /* what was outstanding has been reaped */
	assert_string_not_equal(drive.e.sh->reason, "");
	fake_drive_close(&drive);

	p.exit_on_error = false;
	fake_drive_open(&drive, &p, NULL);
	drive.fail_at = 100;
	drive.fail_status = NVME_SC_WRITE_FAULT | 0x4000; /* DNR */
	fake_drive_run(&drive, FOREVER);
	assert_int_equal(RES->reads + RES->writes, 1000);
	assert_int_equal(RES->bytes, 999 * 8 * FAKE_LBA);
	assert_int_equal(RES->status, 0x280);
	assert_int_equal(RES->error, NVP_IOW_IO);
	fake_drive_close(&drive);
}

static void
a_command_without_completion_times_out(void **state)
{
	struct nvp_iow_plan p = FAKE_PLAN(.io_count = 1000, .timeout_ms = 50);

	(void)state;
	fake_drive_open(&drive, &p, NULL);
	drive.swallow_at = 500;
	fake_drive_run(&drive, FOREVER);
	assert_true(drive.e.ended);
	assert_int_equal(RES->error, NVP_IOW_TIMEOUT);
	assert_int_equal(RES->status, 0x7ff);
	assert_true(drive.fq.now_ns < 200000000);
	assert_int_equal(drive.e.room, 14); /* the drive may still use that buffer */
	fake_drive_close(&drive);
}

/* A drive that answers nothing: every place is lost, and still it ends. */
static void
a_dead_drive_does_not_hang_it(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.time_ns = 1000000000000ull, .timeout_ms = 50, .exit_on_error = false);
	uint32_t turns;

	(void)state;
	fake_drive_open(&drive, &p, NULL);
	for (turns = 0; !drive.e.ended && turns < FOREVER; turns++)
		if (!iow_engine_turn(&drive.e))
			drive.e.clock->relax(drive.e.clock, 0);
	assert_true(drive.e.ended);
	assert_int_equal(RES->error, NVP_IOW_TIMEOUT);
	assert_int_equal(RES->reads + RES->writes, 15);
	fake_drive_close(&drive);
}

static void
time_and_seconds(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.time_ns = 3000000000ull, .qdepth = 1);
	uint64_t sum = 0;
	uint32_t i;

	(void)state;
	fake_drive_open(&drive, &p, NULL);
	drive.turn_ns = 1000000;
	fake_drive_run(&drive, FOREVER);
	assert_true(drive.e.ended);
	assert_in_range(RES->ns, 2990000000u, 3010000000u);
	assert_int_equal(drive.e.sh->seconds, 3);
	for (i = 0; i < 3; i++) {
		const struct nvp_iow_second *sec = &drive.e.view.second[i];

		assert_true(sec->reads + sec->writes > 100 && sec->latency_max_us > 0);
		assert_int_equal(sec->bytes, (sec->reads + sec->writes) * 8 * FAKE_LBA);
		sum += sec->reads + sec->writes;
	}
	assert_int_equal(sum, RES->reads + RES->writes);
	fake_drive_close(&drive);
}

static void
the_parent_stops_it(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.time_ns = 1000000000000ull);

	(void)state;
	fake_drive_open(&drive, &p, NULL);
	fake_drive_run(&drive, 1000);
	assert_false(drive.e.ended);
	drive.e.sh->stop = IOW_STOP_ASKED;
	fake_drive_run(&drive, 1000);
	assert_true(drive.e.ended);
	assert_int_equal(RES->error, NVP_IOW_TERMINATED);
	assert_int_equal(drive.e.q->outstanding, 0);
	fake_drive_close(&drive);

	fake_drive_open(&drive, &p, NULL);
	fake_drive_run(&drive, 1000);
	drive.e.sh->stop = IOW_STOP_RESET;
	fake_drive_run(&drive, 1);
	assert_true(drive.e.ended);
	assert_int_equal(RES->error, NVP_IOW_TERMINATED);
	assert_true(RES->reads > 0 && RES->ns > 0);
	fake_drive_close(&drive);
}

/* The drive does not answer any more: what is outstanding is given up after half a second. */
static void
a_stop_does_not_wait_for_a_dead_drive(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.time_ns = 1000000000000ull, .timeout_ms = 100000);
	uint64_t t0;

	(void)state;
	fake_drive_open(&drive, &p, NULL);
	fake_drive_run(&drive, 1000);
	drive.e.sh->stop = IOW_STOP_ASKED;
	t0 = drive.fq.now_ns;
	while (!drive.e.ended && drive.fq.now_ns < t0 + 2000000000)
		if (!iow_engine_turn(&drive.e))
			drive.e.clock->relax(drive.e.clock, 0);
	assert_true(drive.e.ended);
	assert_in_range(drive.fq.now_ns - t0, 400000000, 600000000);
	fake_drive_close(&drive);
}

static void
verified_and_in_any_order(void **state)
{
	/* Few LBAs, so that nearly everything overlaps. */
	const struct nvp_iow_plan p = FAKE_PLAN(.io_count = 15000, .region_end = 60, .qdepth = 31, .verify = true);
	struct nvp_verify *v;
	uint32_t i;

	(void)state;
	assert_int_equal(nvp_verify_open(FAKE_LBAS, FAKE_LBA, NULL, &v), 0);
	nvp_verify_enable(v, true);
	run(&p, v);
	assert_int_equal(RES->error, 0);
	assert_int_equal(RES->miscompare_lba, UINT64_MAX);
	for (i = 0; i < p.qdepth; i++)
		assert_int_equal(drive.e.view.slot[i].nlb, 0);
	fake_drive_close(&drive);
	nvp_verify_close(v);
}

static void
damage_is_found(void **state)
{
	const struct nvp_iow_plan fill = FAKE_PLAN(.random_percent = 0, .read_percent = 0);
	const struct nvp_iow_plan refill = FAKE_PLAN(.random_percent = 0, .read_percent = 0, .seed = 8);
	const struct nvp_iow_plan check =
		FAKE_PLAN(.random_percent = 0, .read_percent = 100, .qdepth = 1, .verify = true);
	static uint8_t media[FAKE_LBAS * FAKE_LBA];
	struct nvp_verify *v;

	(void)state;
	assert_int_equal(nvp_verify_open(FAKE_LBAS, FAKE_LBA, NULL, &v), 0);
	nvp_verify_enable(v, true);
	run(&fill, v);
	memcpy(media, drive.media, sizeof(media));
	fake_drive_close(&drive);

	fake_drive_open(&drive, &check, v);
	memcpy(drive.media, media, sizeof(media));
	drive.damage_at = 10;
	drive.damage_lba = 77;
	fake_drive_run(&drive, FOREVER);
	assert_int_equal(RES->error, NVP_IOW_IO);
	assert_int_equal(RES->status, 0x781);
	assert_int_equal(RES->miscompare_lba, 77);
	assert_int_equal(RES->reads, 10);
	assert_non_null(strstr(drive.e.sh->reason, "crc mismatch: lba 0x4d, expected 0x"));
	assert_non_null(strstr(drive.e.sh->reason, "bit flips: "));
	fake_drive_close(&drive);

	/* A write that the drive lost: the LBA still holds what was there before. */
	run(&refill, v);
	memcpy(drive.media + 50 * FAKE_LBA, media + 50 * FAKE_LBA, FAKE_LBA);
	memcpy(media, drive.media, sizeof(media));
	fake_drive_close(&drive);
	fake_drive_open(&drive, &check, v);
	memcpy(drive.media, media, sizeof(media));
	fake_drive_run(&drive, FOREVER);
	assert_int_equal(RES->status, 0x781);
	assert_int_equal(RES->miscompare_lba, 50);
	assert_non_null(strstr(drive.e.sh->reason, "stale version: "));
	fake_drive_close(&drive);
	nvp_verify_close(v);
}

/* No two LBAs that are written are equal, though their buffers come round again and again. */
static void
each_write_differs(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.random_percent = 0, .read_percent = 0, .qdepth = 2);
	uint64_t lba, n, last = 0;
	uint32_t i;

	(void)state;
	run(&p, NULL);
	for (i = 0; i < FAKE_LBAS; i++) {
		memcpy(&lba, drive.media + i * FAKE_LBA, 8);
		memcpy(&n, drive.media + (i + 1) * FAKE_LBA - 8, 8);
		assert_int_equal(lba, nvp_verify_id(1, i));
		assert_true(i % 8 ? n == last : n != last);
		last = n;
	}
	fake_drive_close(&drive);
}

static void
a_plain_pattern_stays_as_it_is(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.io_count = 200, .ptype = UT_PTYPE_WORD, .pvalue = 0xdeadbeef,
						.lba_align = 8, .region_end = 64);
	uint32_t i, v;

	(void)state;
	run(&p, NULL);
	for (i = 0; i < 64 * FAKE_LBA; i += 4) {
		memcpy(&v, drive.media + i, 4);
		assert_true(v == 0xdeadbeef || v == 0);
	}
	fake_drive_close(&drive);
}

static uint64_t
hash_of_run(uint64_t seed)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.io_count = 3000, .seed = seed);
	uint64_t h = 0xcbf29ce484222325ull;
	uint32_t i;

	run(&p, NULL);
	for (i = 0; i < drive.nseen; i++)
		h = (h ^ (drive.seen[i].slba << 8 | drive.seen[i].opc)) * 0x100000001b3ull;
	h = (h ^ RES->latency_sum_ns) * 0x100000001b3ull;
	for (i = 0; i < sizeof(drive.media); i++)
		h = (h ^ drive.media[i]) * 0x100000001b3ull;
	fake_drive_close(&drive);
	return h;
}

static void
one_seed_one_run(void **state)
{
	(void)state;
	assert_true(hash_of_run(1) == hash_of_run(1));
	assert_true(hash_of_run(1) != hash_of_run(2));
}

static void
every_allocation_may_fail(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.io_count = 1);
	int n, rc;

	(void)state;
	fake_drive_open(&drive, &p, NULL);
	iow_engine_close(&drive.e);
	for (n = 0;; n++) {
		ut_alloc_budget = n;
		rc = iow_engine_open(&drive.e);
		ut_alloc_budget = -1;
		if (!rc)
			break;
		assert_int_equal(rc, -ENOMEM);
	}
	assert_true(n > 8);
	fake_drive_close(&drive);
}

static uint32_t (*all_of)(struct iow_engine *e, uint32_t n);

/* As zones do that have no room for more at present. */
static uint32_t
one_of(struct iow_engine *e, uint32_t n)
{
	(void)n;
	return e->q->outstanding ? 0 : all_of(e, 1);
}

static void
a_rate_counts_what_was_sent(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.time_ns = 1000000000ull, .iops = 9000);

	(void)state;
	fake_drive_open(&drive, &p, NULL);
	all_of = drive.e.send;
	drive.e.send = one_of;
	for (uint32_t i = 0; !drive.e.ended && i < FOREVER; i++) {
		drive.fq.step_ns = i % 100 == 99 ? 1000000 : 30000; /* now and then several are due */
		fake_drive_run(&drive, 1);
	}
	assert_true(drive.e.ended);
	assert_in_range(RES->reads + RES->writes, 8991, 9009);
	fake_drive_close(&drive);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(io_count_is_exact),
		cmocka_unit_test(random_stays_aligned_in_the_region),
		cmocka_unit_test(sequential_fills_its_region_once),
		cmocka_unit_test(sequential_wraps),
		cmocka_unit_test(an_error_stops_it_with_the_status),
		cmocka_unit_test(a_command_without_completion_times_out),
		cmocka_unit_test(a_dead_drive_does_not_hang_it),
		cmocka_unit_test(time_and_seconds),
		cmocka_unit_test(the_parent_stops_it),
		cmocka_unit_test(a_stop_does_not_wait_for_a_dead_drive),
		cmocka_unit_test(verified_and_in_any_order),
		cmocka_unit_test(damage_is_found),
		cmocka_unit_test(each_write_differs),
		cmocka_unit_test(a_plain_pattern_stays_as_it_is),
		cmocka_unit_test(one_seed_one_run),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(a_rate_counts_what_was_sent),
	};

	return cmocka_run_group_tests_name("iow_engine", tests, NULL, NULL);
}
