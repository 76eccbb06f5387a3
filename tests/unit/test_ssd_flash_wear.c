/* SPDX-License-Identifier: BSD-3-Clause */
/* A drive whose flash fails, as far as a host sees of it. */
#include "ssd_flash_io.h"

/* A program that fails costs a block, and nobody anything else; as often as the profile says. */
static void
failed_programs_lose_nothing(void **state)
{
	struct ssd_config cfg = { .nr_ns = 1, .ns = { { 16u << 20, 512 } }, .media = SSD_MEDIA_FLASH, .seed = 5 };
	struct ssd_stats st;
	struct drive d;

	(void)state;
	assert_int_equal(ssd_profile_find("slow", &cfg.profile, NULL, 0), 0);
	cfg.profile.flash.program_fail_ppm = 10000;
	cfg.profile.flash.blocks = 250;
	start_config(&d, &cfg, QD);
	for (uint64_t u = 0; u < 1200; u++)
		write_byte(&d, u % 600 * 8, (uint8_t)(u % 251 + u / 600));
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	power_cycle(&d);
	for (uint64_t u = 600; u < 1200; u++)
		assert_int_equal(read_byte(&d, u % 600 * 8), (uint8_t)(u % 251 + 1));
	ssd_get_stats(d.r->sub, &st);
	print_message("seed 5: %llu of about 300 programs failed\n", (unsigned long long)st.flash_failed_programs);
	assert_in_range(st.flash_failed_programs, 1, 10);
	assert_int_equal(st.flash_bad_blocks, st.flash_failed_programs);
	rig_close(d.r);
}

/* Data that is too old is moved; with refresh = off it cannot be read, and the host is told. */
static void
old_data(void **state)
{
	static const enum ssd_profile_switch refresh[] = { SSD_PROFILE_ON, SSD_PROFILE_OFF };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct ssd_config cfg = { .nr_ns = 1, .ns = { { 16u << 20, 512 } }, .media = SSD_MEDIA_FLASH };
		struct ssd_stats st;
		struct drive d;

		assert_int_equal(ssd_profile_find("slow", &cfg.profile, NULL, 0), 0);
		cfg.profile.flash.retention_hours = 1000;
		cfg.profile.flash.refresh = refresh[i];
		start_config(&d, &cfg, QD);
		for (uint64_t u = 0; u < 200; u++)
			write_byte(&d, u * 8, (uint8_t)(u + 1));
		timed(&d, NVME_OPC_FLUSH, 0, 1);
		d.r->now += 2001 * 3600ull * 1000000000;
		send(&d, NVME_OPC_READ, 8, 8);
		assert_int_equal(wait(&d), i ? NVME_SC_UNRECOVERED_READ : 0);
		if (!i)
			assert_int_equal(read_byte(&d, 8), 2);
		write_byte(&d, 8, 9);
		assert_int_equal(read_byte(&d, 8), 9);
		ssd_get_stats(d.r->sub, &st);
		assert_int_equal(st.flash_unreadable, i);
		assert_true(i ? !st.flash_refreshed_blocks : st.flash_refreshed_blocks >= 1);
		rig_close(d.r);
	}
}

#define HOURS (3600ull * 1000000000)
#define MS 1000000ull

/* A read of `lba`, which takes `ms` beside the flash's own time and ends so. */
static void
expect(struct drive *d, uint32_t cdw12, nvme_status sc, uint64_t ms)
{
	uint64_t from = d->r->now;
	struct nvme_sqe sqe;

	nvme_prep_lba_cmd(&sqe, NVME_OPC_READ, 1, 8, 8);
	sqe.cdw12 = le32_from(le32_get(sqe.cdw12) | cdw12);
	io_prp(&d->io, &sqe, 4096);
	rig_put(d->r, 1, &sqe);
	rig_ring(d->r, 1);
	assert_int_equal(wait(d), sc);
	assert_in_range(d->r->now - from, ms * MS, ms * MS + 4 * SLOW_READ);
}

/* NVMe Base, "Error Recovery" feature; NVM Command Set, "Read command": Limited Retry. */
static void
error_recovery_takes_what_the_host_allows(void **state)
{
	struct ssd_config cfg = { .nr_ns = 1, .ns = { { 16u << 20, 512 } }, .media = SSD_MEDIA_FLASH };
	struct ssd_stats st;
	struct drive d;

	(void)state;
	assert_int_equal(ssd_profile_find("slow", &cfg.profile, NULL, 0), 0);
	cfg.profile.flash.retention_hours = 1000;
	cfg.profile.flash.refresh = SSD_PROFILE_OFF;
	cfg.profile.flash.recovery_ms = 300;
	start_config(&d, &cfg, QD);
	for (uint64_t u = 0; u < 200; u++)
		write_byte(&d, u * 8, (uint8_t)(u + 1));
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	expect(&d, 0, 0, 0);
	d.r->now += 2001 * HOURS;
	expect(&d, 0, 0, 300);
	expect(&d, (uint32_t)NVME_RW_LR, NVME_SC_UNRECOVERED_READ, 0);
	assert_int_equal(io_feature_set(&d.io, NVME_FEAT_ERR_RECOVERY, 1, 2, false), 0);
	expect(&d, 0, NVME_SC_UNRECOVERED_READ, 200);
	assert_int_equal(io_feature_set(&d.io, NVME_FEAT_ERR_RECOVERY, 1, 3, false), 0);
	expect(&d, 0, 0, 300);
	d.r->now += 2000 * HOURS;
	expect(&d, 0, NVME_SC_UNRECOVERED_READ, 300);
	ssd_get_stats(d.r->sub, &st);
	assert_int_equal(st.flash_unreadable, 1);
	assert_int_equal(st.flash_hard_reads, 4);
	rig_close(d.r);
}

/* A write of a part of what cannot be read does not make the rest of it good. */
static void
part_of_what_is_lost(void **state)
{
	struct ssd_config cfg = { .nr_ns = 1, .ns = { { 16u << 20, 512 } }, .media = SSD_MEDIA_FLASH };
	struct drive d;

	(void)state;
	assert_int_equal(ssd_profile_find("slow", &cfg.profile, NULL, 0), 0);
	cfg.profile.flash.retention_hours = 1000;
	cfg.profile.flash.refresh = SSD_PROFILE_OFF;
	start_config(&d, &cfg, QD);
	for (uint64_t u = 0; u < 200; u++)
		write_byte(&d, u * 8, (uint8_t)(u + 1));
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	d.r->now += 2001 * HOURS;
	send(&d, NVME_OPC_WRITE, 9, 1);
	assert_int_not_equal(wait(&d), 0);
	send(&d, NVME_OPC_READ, 8, 8);
	assert_int_equal(wait(&d), NVME_SC_UNRECOVERED_READ);
	write_byte(&d, 8, 9);
	assert_int_equal(read_byte(&d, 8), 9);
	rig_close(d.r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failed_programs_lose_nothing),
		cmocka_unit_test(old_data),
		cmocka_unit_test(error_recovery_takes_what_the_host_allows),
		cmocka_unit_test(part_of_what_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
