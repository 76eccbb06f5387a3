/* SPDX-License-Identifier: BSD-3-Clause */
/* Flexible Data Placement: each event, the statistics, and what it does to the flash.   NVMe Base 2.2, "FDP Events", "FDP Statistics". */
#include "ssd_fdp_io.h"

#define ALL_FLAGS 7
#define PID_NSID 3

static void
host_events(void **state)
{
	struct io *io = *state;
	const struct nvme_fdp_events_log *log;
	uint16_t pid = 2;

	put(io, 2, 0, 8);
	assert_int_equal(write_as(io, NVME_DTYPE_DATA_PLACEMENT, 77, 0, 1), 0);
	assert_int_equal(update(io, NVME_IO_MGMT_SEND_RUHU, &pid, 1), 0);
	assert_int_equal(le32_get(events(io, true)->n), 0); /* none is enabled */
	events_on(io, 2, true);
	assert_int_equal(update(io, NVME_IO_MGMT_SEND_RUHU, &pid, 1), 0); /* it is empty */
	put(io, 2, 0, 8);
	assert_int_equal(update(io, NVME_IO_MGMT_SEND_RUHU, &pid, 1), 0);
	log = events(io, true);
	assert_int_equal(le32_get(log->n), 1);
	expect_event(&log->event[0], NVME_FDP_EVENT_RUNFW, ALL_FLAGS, 2, 2);
	events_on(io, 0, true);
	assert_int_equal(write_as(io, NVME_DTYPE_DATA_PLACEMENT, 77, 0, 1), 0);
	log = events(io, true);
	assert_int_equal(le32_get(log->n), 2);
	expect_event(&log->event[1], NVME_FDP_EVENT_PID, PID_NSID, 77, 0);
	assert_int_equal(le32_get(events(io, false)->n), 0);
	put(io, 2, 0, RU_BLOCKS - 1);
	assert_int_equal(le32_get(events(io, false)->n), 0);
	put(io, 2, 0, 1);
	put(io, 2, 1, 1);
	log = events(io, false);
	assert_int_equal(le32_get(log->n), 1);
	expect_event(&log->event[0], NVME_FDP_EVENT_MODIFY, ALL_FLAGS, 2, 2);
	for (int i = 0; i < 70; i++)
		assert_int_equal(write_as(io, NVME_DTYPE_DATA_PLACEMENT, 100 + (uint32_t)i, 0, 1), 0);
	log = events(io, true);
	assert_int_equal(le32_get(log->n), NVME_FDP_EVENTS_MAX);
	assert_int_equal(le16_get(log->event[0].pid), 107); /* the oldest of the last 63 */
	assert_int_equal(le16_get(log->event[62].pid), 169);
	adm_reset(io);
	assert_int_equal(le32_get(events(io, true)->n), NVME_FDP_EVENTS_MAX);
}

static void
time_limit(void **state)
{
	struct io *io = *state;
	const struct nvme_fdp_events_log *log;

	events_on(io, 1, true);
	assert_int_equal(le32_get(status_of(io, 1).earutr), 30);
	put(io, 1, 0, 8);
	assert_int_equal(le32_get(status_of(io, 1).earutr), 30);
	adm_sleep(io, 10 * S);
	assert_int_equal(le32_get(status_of(io, 1).earutr), 20);
	assert_int_equal(le64_get(status_of(io, 1).ruamw), RU_BLOCKS - 8);
	adm_sleep(io, 25 * S);
	assert_int_equal(le64_get(status_of(io, 1).ruamw), RU_BLOCKS);
	assert_int_equal(le32_get(status_of(io, 1).earutr), 30);
	log = events(io, true);
	assert_int_equal(le32_get(log->n), 1);
	expect_event(&log->event[0], NVME_FDP_EVENT_RUTLE, ALL_FLAGS, 1, 1);
}

/* What a power loss tears: without a capacitor. */
static void
power_loss(void **state)
{
	struct nvme_sqe sqe;
	struct io *io;
	const struct nvme_fdp_events_log *log;

	setup_more(state, "enabled = yes\n[temperature]\nidle_c = 30\n", 1);
	io = *state;
	ssd_power_off(io->r->sub); /* with one: nothing changes */
	ssd_power_on(io->r->sub);
	adm_restart(io);
	events_on(io, 1, true);
	put(io, 1, 0, 64);
	adm_power_cycle(io);
	assert_int_equal(le64_get(status_of(io, 1).ruamw), RU_BLOCKS - 64);
	assert_int_equal(le32_get(events(io, true)->n), 0);
	nvme_prep_flush(&sqe, 1);
	assert_int_equal(slow(io, &sqe, 0), 0);
	log = events(io, true);
	assert_int_equal(le32_get(log->n), 0);
	io_teardown(state);
}

static void
torn(void **state)
{
	struct io *io;
	struct ssd_config cfg = { .nr_ns = 1, .ns = { { SIZE, 4096 } }, .media = SSD_MEDIA_FLASH };
	const struct nvme_fdp_events_log *log;
	char text[800], *at, err[200] = "";

	snprintf(text, sizeof(text), "%senabled = yes\n", profile);
	at = strstr(text, "capacitor = yes");
	memcpy(at, "capacitor = no ", 15);
	at = strstr(text, "program_us = 2");
	memcpy(at, "program_us = 9", 14);
	assert_int_equal(ssd_profile_parse("t.ini", text, strlen(text), &cfg.profile, err, sizeof(err)), 0);
	io = test_calloc(1, sizeof(*io));
	io->r = rig_open_config(&cfg);
	rig_enable(io->r, 32);
	rig_pair(io->r, 1, 64, -1);
	io_init(io, io->r);
	*state = io;
	events_on(io, 1, true);
	put(io, 1, 0, 64);
	put(io, 1, 64, 64); /* the last pages are still being programmed */
	adm_power_cycle(io);
	log = events(io, true);
	assert_int_equal(le32_get(log->n), 1);
	expect_event(&log->event[0], NVME_FDP_EVENT_RESET, ALL_FLAGS, 1, 1);
	assert_int_equal(le64_get(status_of(io, 1).ruamw), RU_BLOCKS);
	io_teardown(state);
}

static uint64_t
stat_of(struct io *io, uint32_t i)
{
	const struct nvme_fdp_stats_log *log = a_log(io, NVME_LOG_FDP_STATS, 64);
	const le64 *all = log->hbmw;

	for (uint32_t k = 48; k < 64; k++)
		assert_int_equal(io_buf(io)[k], 0);
	assert_int_equal(le64_get(all[2 * i + 1]), 0);
	return le64_get(all[2 * i]);
}

/* A drive that is written again and again, at random: garbage collection moves, and tells of it. */
static void
statistics(void **state)
{
	struct io *io = *state;
	const struct nvme_fdp_events_log *log;
	struct ssd_stats s;
	struct ut_rng rng;
	uint64_t written = 0;

	ut_rng_seed(&rng, 5);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(stat_of(io, i), 0);
	events_on(io, 1, true);
	for (uint32_t slba = 0; slba < SIZE / 4096; slba += 64, written += 64)
		put(io, 1, slba, 64);
	for (uint32_t i = 0; i < 12000; i++, written++)
		put(io, 1, ut_rng_below(&rng, SIZE / 4096), 1);
	assert_int_equal(stat_of(io, 0), written * 4096);
	ssd_get_stats(io->r->sub, &s);
	assert_int_equal(stat_of(io, 1), s.flash_programmed_bytes);
	assert_true(stat_of(io, 1) > stat_of(io, 0));
	assert_int_equal(stat_of(io, 2), s.flash_erases * 8 * 8 * 4096);
	assert_true(stat_of(io, 2) > 0);
	log = events(io, false);
	assert_int_equal(le32_get(log->n), NVME_FDP_EVENTS_MAX);
	for (uint32_t i = 0; i < 10; i++) {
		const struct nvme_fdp_event *e = &log->event[62 - i];
		const struct nvme_fdp_realloc *r = (const void *)e->specific;
		uint64_t lba;

		if (e->type != NVME_FDP_EVENT_REALLOC)
			continue;
		memcpy(&lba, r->lba, sizeof(lba));
		expect_event(e, NVME_FDP_EVENT_REALLOC, ALL_FLAGS, 1, 1);
		assert_int_equal(r->sef, 1);
		assert_true(le16_get(r->nlbam) >= 1 && lba + le16_get(r->nlbam) <= SIZE / 4096);
	}
	assert_int_equal(log->event[62].type, NVME_FDP_EVENT_REALLOC);
	adm_power_cycle(io);
	assert_int_equal(stat_of(io, 0), written * 4096);
	delete_ns(io, NVME_NSID_ALL);
	assert_int_equal(set(io, NVME_FEAT_FDP, 0, 1, 1), 0);
	assert_int_equal(stat_of(io, 0), 0);
	assert_int_equal(le32_get(events(io, true)->n), 0);
}

/*
 * Hot data at random beside cold data in order, both at once: write amplification of the rounds after the first ones, by the
 * statistics that FDP has.  Virtual time, and the same seed: the same figure each time.
 */
static double
amplification(void **state, bool apart)
{
	const uint32_t blocks = SIZE / 4096, hot = blocks / 16;
	struct io *io;
	struct ut_rng rng;
	uint64_t before[2] = { 0 };
	double waf;

	setup(state);
	io = *state;
	ut_rng_seed(&rng, 9);
	for (uint32_t i = 0, cold = hot; i < 6 * blocks; i++) {
		if (i == 3 * blocks) {
			before[0] = stat_of(io, 0);
			before[1] = stat_of(io, 1);
		}
		put(io, apart ? 1 : 0, ut_rng_below(&rng, hot), 1);
		put(io, apart ? 2 : 0, cold, 1);
		cold = cold + 1 < blocks ? cold + 1 : hot;
	}
	waf = (double)(stat_of(io, 1) - before[1]) / (double)(stat_of(io, 0) - before[0]);
	io_teardown(state);
	return waf;
}

static void
write_amplification(void **state)
{
	double apart = amplification(state, true), together = amplification(state, false);

	print_message("write amplification: %.3f with placement identifiers, %.3f without\n", apart, together);
	assert_true(apart < 1.05);
	assert_true(together > 1.3);
	assert_true(amplification(state, true) == apart);
}

#define T(f, s) cmocka_unit_test_setup_teardown(f, s, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(host_events, setup),	T(time_limit, setup_limit), cmocka_unit_test(power_loss),
		cmocka_unit_test(torn), T(statistics, setup),	    cmocka_unit_test(write_amplification),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
