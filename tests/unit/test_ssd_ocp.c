/* SPDX-License-Identifier: BSD-3-Clause */
/* Log C0h, SMART / Health Information Extended: announced where there is flash, and of the same counters as SMART and the statistics. */
#include "ssd_flash_io.h"
#include <math.h>
#include "nvproof/spec/ocp.h"
#include "ssd/media/flash.h"

static struct ocp_smart_log
read_log(struct drive *d)
{
	struct ocp_smart_log log;

	memcpy(&log, adm_log(&d->io, OCP_LOG_SMART, sizeof(log)), sizeof(log));
	return log;
}

static bool
announced(struct drive *d)
{
	struct nvme_supported_log_pages log;

	memcpy(&log, adm_log(&d->io, NVME_LOG_SUPPORTED, sizeof(log)), sizeof(log));
	return le32_get(log.lids[OCP_LOG_SMART]) & NVME_LIDS_LSUPP;
}

static void
is_there_where_flash_is(void **state)
{
	const uint8_t guid[] = { 0xc5, 0xaf, 0x10, 0x28, 0xea, 0xbf, 0xf2, 0xa4,
				 0x9c, 0x4f, 0x6f, 0x7c, 0xc9, 0x14, 0xd5, 0xaf };
	struct ssd_config ram = { .nr_ns = 1, .ns = { { 16u << 20, 512 } } };
	struct drive d;

	(void)state;
	start(&d, "slow", QD);
	assert_true(announced(&d));
	assert_memory_equal((uint8_t *)adm_log(&d.io, OCP_LOG_SMART, 512) + 496, guid, 16);
	rig_close(d.r);
	start_config(&d, &ram, QD);
	assert_false(announced(&d));
	assert_int_equal(adm_log_part(&d.io, OCP_LOG_SMART, 0, 512), NVME_SC_INVALID_LOG_PAGE);
	rig_close(d.r);
}

static void
write_amplification_is_that_of_the_statistics(void **state)
{
	struct ocp_smart_log log;
	struct ssd_stats st;
	struct ut_rng rng;
	struct drive d;

	(void)state;
	start(&d, "slow", QD);
	ut_rng_seed(&rng, 1);
	for (uint64_t u = 0; u < 4096; u++)
		write_byte(&d, u * 8, 1);
	for (uint64_t u = 0; u < 2 * 4096; u++)
		write_byte(&d, ut_rng_below(&rng, 4096) * 8, 1);
	for (uint64_t u = 0; u < 100; u++)
		read_byte(&d, u * 8);
	timed(&d, NVME_OPC_WRITE, 0, 1); /* an eighth of a unit */
	ssd_get_stats(d.r->sub, &st);
	log = read_log(&d);
	assert_true(st.flash_write_amplification > 1);
	assert_int_equal(le64_get(log.written[0]), st.flash_programmed_bytes);
	assert_true(fabs((double)le64_get(log.written[0]) / (double)st.flash_host_bytes -
			 st.flash_write_amplification) < 1e-9);
	assert_true(le64_get(log.read[0]) >= 90 * 4096);
	assert_int_equal(le64_get(log.unaligned), 1);
	assert_int_equal(le64_get(log.nuse), (16u << 20) / 512);
	assert_in_range(le32_get(log.erases_max), 1, 1000);
	assert_true(le32_get(log.erases_min) <= le32_get(log.erases_max));
	assert_in_range(log.free_blocks, 1, 99);
	assert_int_equal(le16_get(log.capacitor), OCP_NO_CAPACITOR);
	rig_close(d.r);
}

/* Blocks that fail, and losses of power. */
static void
tells_what_went_wrong(void **state)
{
	struct ocp_smart_log log;
	struct drive d;

	(void)state;
	start_worn(&d, "slow", QD, 50);
	log = read_log(&d);
	assert_int_equal(le16_get(log.bad_user_normalized), 100);
	assert_true(le64_get(log.endurance[0]) >= 50ull * (16u << 20));
	ssd_flash_fail(d.r->sub->media, NAND_PROGRAM);
	for (uint64_t u = 0; u < 64; u++)
		write_byte(&d, u * 8, 1);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	power_cycle(&d);
	log = read_log(&d);
	assert_int_equal(log.bad_user_raw[0], 1);
	assert_true(le16_get(log.bad_user_normalized) < 100);
	assert_int_equal(le32_get(log.incomplete_shutdowns), d.r->sub->smart.unsafe_shutdowns);
	assert_int_equal(le32_get(log.incomplete_shutdowns), 1);
	assert_int_equal(le64_get(log.plp_starts[0]), 0);
	rig_close(d.r);
}

static void
a_capacitor_completes_what_was_begun(void **state)
{
	struct ssd_config cfg = { .nr_ns = 1, .ns = { { 16u << 20, 512 } }, .media = SSD_MEDIA_FLASH };
	struct ocp_smart_log log;
	struct drive d;

	(void)state;
	assert_int_equal(ssd_profile_find("slow", &cfg.profile, NULL, 0), 0);
	cfg.profile.flash.capacitor = true;
	start_config(&d, &cfg, QD);
	write_byte(&d, 0, 1);
	power_cycle(&d);
	log = read_log(&d);
	assert_int_equal(le16_get(log.capacitor), 100);
	assert_int_equal(le32_get(log.incomplete_shutdowns), 0);
	assert_int_equal(le64_get(log.plp_starts[0]), 1);
	rig_close(d.r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_there_where_flash_is),
		cmocka_unit_test(write_amplification_is_that_of_the_statistics),
		cmocka_unit_test(tells_what_went_wrong),
		cmocka_unit_test(a_capacitor_completes_what_was_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
