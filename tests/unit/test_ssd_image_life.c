/* SPDX-License-Identifier: BSD-3-Clause */
/* What a drive of flash has been through is in its image: wear, bad blocks, the end of its life, the age of its data; and a full disk. */
#include "ssd_flash_io.h"
#include "image_files.h"
#include <stdlib.h>
#include <unistd.h>
#include "nvproof/spec/ocp.h"
#include "ssd/media/flash.h"
#include "util/alloc.h"

#define UNITS 512u
#define HOURS (3600ull * 1000000000)

static struct ssd_config
config(void)
{
	struct ssd_config cfg = {
		.nr_ns = 1, .ns = { { UNITS * 4096, 512 } }, .media = SSD_MEDIA_FLASH, .image = path, .create = true
	};

	assert_int_equal(ssd_profile_find("slow", &cfg.profile, NULL, 0), 0);
	return cfg;
}

static struct nvme_smart_log
smart(struct drive *d)
{
	struct nvme_smart_log log;

	memcpy(&log, adm_log(&d->io, NVME_LOG_SMART, sizeof(log)), sizeof(log));
	return log;
}

static nvme_status
write_unit(struct drive *d, uint64_t unit)
{
	memset(io_buf(&d->io), 7, 4096);
	send(d, NVME_OPC_WRITE, unit * 8, 8);
	return wait(d);
}

/* A life in pieces: each begins where the one before ended, and it is read-only in the end, and stays so. */
static void
wears_out_over_many_lives(void **state)
{
	struct ssd_config cfg = config();
	uint8_t spare = 100, used = 0;
	uint32_t lives = 0, erases = 0;
	nvme_status sc = 0;
	struct drive d;

	(void)state;
	cfg.profile.flash.endurance = 12;
	for (; !sc && lives < 200; lives++) {
		struct ocp_smart_log ocp;

		start_again(&d, &cfg);
		assert_true(smart(&d).avsp <= spare && smart(&d).pused >= used);
		memcpy(&ocp, adm_log(&d.io, OCP_LOG_SMART, sizeof(ocp)), sizeof(ocp));
		assert_true(le32_get(ocp.erases_max) >= erases);
		for (uint64_t u = 0; u < 2 * UNITS && !sc; u++)
			sc = write_unit(&d, u % UNITS);
		spare = smart(&d).avsp;
		used = smart(&d).pused;
		memcpy(&ocp, adm_log(&d.io, OCP_LOG_SMART, sizeof(ocp)), sizeof(ocp));
		erases = le32_get(ocp.erases_max);
		rig_close(d.r);
	}
	assert_in_range(lives, 3, 100);
	assert_int_equal(spare, 0);
	assert_true(used >= 90);
	start_again(&d, &cfg);
	assert_int_equal(smart(&d).avsp, 0);
	assert_int_not_equal(write_unit(&d, 0), 0);
	assert_true(smart(&d).cw & NVME_CW_AMRO);
	assert_true(read_byte(&d, 8) == 7);
	rig_close(d.r);
}

/* Neither a signal nor a mix: the write fails, and what was there is. */
static void
a_full_disk_fails_writes(void **state)
{
	struct ssd_config cfg = config();
	nvme_status sc = 0;
	struct drive d;

	(void)state;
	start_again(&d, &cfg);
	for (uint64_t u = 0; u < 64; u++)
		write_byte(&d, u * 8, 5);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	ut_alloc_budget = 0;
	for (uint64_t u = 64; u < UNITS && !sc; u++)
		sc = write_unit(&d, u);
	assert_int_equal(sc, NVME_SC_WRITE_FAULT);
	for (uint64_t u = 0; u < 64; u++)
		assert_int_equal(read_byte(&d, u * 8), 5);
	ut_alloc_budget = -1;
	write_byte(&d, 100 * 8, 6); /* there is space again */
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	rig_close(d.r);
	start_again(&d, &cfg);
	assert_int_equal(read_byte(&d, 100 * 8), 6);
	assert_int_equal(read_byte(&d, 0), 5);
	rig_close(d.r);
}

/* By a clock that begins anew: what is old stays old, and what is young is not suddenly old. */
static void
data_age_over_lives(void **state)
{
	struct ssd_config cfg = config();
	struct ssd_stats st;
	struct drive d;

	(void)state;
	cfg.profile.flash.retention_hours = 1000;
	cfg.profile.flash.refresh = SSD_PROFILE_OFF;
	start_again(&d, &cfg);
	for (uint64_t u = 0; u < 64; u++)
		write_byte(&d, u * 8, 5);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	for (int life = 0; life < 3; life++) {
		d.r->now += 650 * HOURS;

		assert_int_equal(read_byte(&d, 8), 5);
		ssd_get_stats(d.r->sub, &st);
		assert_int_equal(st.flash_unreadable, 0);
		rig_close(d.r);
		start_again(&d, &cfg);
	}
	d.r->now += 200 * HOURS;
	send(&d, NVME_OPC_READ, 8, 8);
	assert_int_equal(wait(&d), NVME_SC_UNRECOVERED_READ); /* 2,150 hours, more than twice the limit */
	rig_close(d.r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(wears_out_over_many_lives, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_fails_writes, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(data_age_over_lives, image_setup, image_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
