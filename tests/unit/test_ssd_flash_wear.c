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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failed_programs_lose_nothing),
		cmocka_unit_test(old_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
