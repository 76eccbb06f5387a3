/* SPDX-License-Identifier: BSD-3-Clause */
/* Heat: thermal management temperatures, what the drive does above them, SMART's counters, and the sensors' thresholds. */
#include "ssd_adm.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "ssd/admin/pstate.h"

#define HCTM NVME_FEAT_HCTM
#define TMT(t1, t2) ((uint32_t)(t1) << 16 | (uint32_t)(t2))
#define SECOND (1000 * ADM_MS)
#define THRESH NVME_FEAT_TEMP_THRESH
#define SENSOR(s) ((uint32_t)(s) << 16)
#define UNDER (1u << 20)

static uint32_t
value(struct io *io, uint8_t fid, uint32_t sel, uint32_t cdw11)
{
	assert_int_equal(io_feature_get(io, fid, 0, sel, cdw11), 0);
	return le32_get(io->cqe.dw0);
}

static void
expect_smart(struct io *io, uint32_t count1, uint32_t count2, uint32_t s1, uint32_t s2)
{
	const struct nvme_smart_log *log = adm_log(io, NVME_LOG_SMART, sizeof(*log));

	assert_int_equal(le32_get(log->tmt1tc), count1);
	assert_int_equal(le32_get(log->tmt2tc), count2);
	assert_int_equal(le32_get(log->tttmt1), s1);
	assert_int_equal(le32_get(log->tttmt2), s2);
}

static void
announced(void **state)
{
	const struct nvme_id_ctrl *id = adm_identify(*state);

	assert_int_equal(le16_get(id->hctma), 1);
	assert_int_equal(le16_get(id->mntmt), SSD_MNTMT);
	assert_int_equal(le16_get(id->mxtmt), SSD_MXTMT);
}

static void
values(void **state)
{
	static const uint32_t wrong[] = { TMT(0, SSD_MNTMT - 1), TMT(0, SSD_MXTMT + 1), TMT(SSD_MNTMT - 1, 0),
					  TMT(SSD_MXTMT + 1, 0), TMT(330, 330),		TMT(331, 330) };
	static const uint32_t right[] = { TMT(SSD_MNTMT, 0), TMT(0, SSD_MXTMT), TMT(SSD_MXTMT, 0), TMT(329, 330), 0 };
	struct io *io = *state;

	for (size_t i = 0; i < UT_ARRAY_LEN(wrong); i++) {
		assert_int_equal(io_feature_set(io, HCTM, 0, wrong[i], false), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(io), i < 2 ? 44 : 46);
	}
	for (size_t i = 0; i < UT_ARRAY_LEN(right); i++) {
		assert_int_equal(io_feature_set(io, HCTM, 0, right[i], false), 0);
		assert_int_equal(value(io, HCTM, 0, 0), right[i]);
	}
	assert_int_equal(io_feature_set(io, HCTM, 0, TMT(320, 340), true), 0);
	assert_int_equal(io_feature_set(io, HCTM, 0, 0, false), 0);
	assert_int_equal(value(io, HCTM, NVME_FEAT_SEL_SAVED, 0), TMT(320, 340));
	assert_int_equal(value(io, HCTM, NVME_FEAT_SEL_DEFAULT, 0), 0);
	adm_reset(io);
	assert_int_equal(value(io, HCTM, 0, 0), TMT(320, 340));
}

static void
counters(void **state)
{
	struct io *io = *state;

	assert_int_equal(io_feature_set(io, HCTM, 0, TMT(320, 330), false), 0);
	adm_sleep(io, 5 * SECOND);
	expect_smart(io, 0, 0, 0, 0);
	ssd_set_temperature(io->r->sub, 320);
	adm_sleep(io, 3 * SECOND);
	expect_smart(io, 1, 0, 3, 0);
	ssd_set_temperature(io->r->sub, 325);
	adm_sleep(io, 2 * SECOND);
	ssd_set_temperature(io->r->sub, 330);
	adm_sleep(io, 4 * SECOND);
	expect_smart(io, 1, 1, 5, 4);
	ssd_set_temperature(io->r->sub, 329); /* back: no further transition to a lower state */
	adm_sleep(io, SECOND);
	expect_smart(io, 1, 1, 6, 4);
	ssd_set_temperature(io->r->sub, 310);
	adm_sleep(io, 9 * SECOND);
	expect_smart(io, 1, 1, 6, 4);
	assert_int_equal(io_feature_set(io, HCTM, 0, TMT(0, 313), false), 0);
	ssd_set_temperature(io->r->sub, 320);
	expect_smart(io, 1, 2, 6, 4);
	assert_int_equal(io_feature_set(io, HCTM, 0, 0, false), 0);
	adm_sleep(io, 9 * SECOND);
	expect_smart(io, 1, 2, 6, 4);
}

/* Commands a millisecond, as a host sees it that always has one waiting. */
static uint32_t
rate(struct io *io)
{
	uint32_t n = 0;

	for (uint64_t end = io->r->now + 10 * ADM_MS; io->r->now < end;) {
		rig_flushes(io->r, 1, 1);
		for (int i = 0; i < 1000 && !rig_reap_all(io->r, 1); i++) {
			if (n % 2)
				io->r->ssd->timers_ns = 0; /* as if something else were due */
			adm_sleep(io, 1000);
		}
		n++;
	}
	return n / 10;
}

static void
slower(void **state)
{
	struct io *io = *state;

	assert_int_equal(io_feature_set(io, HCTM, 0, TMT(320, 330), false), 0);
	assert_true(rate(io) > 100);
	ssd_set_temperature(io->r->sub, 320);
	assert_in_range(rate(io), 15, 25);
	assert_int_equal(io_feature_set(io, HCTM, 0, TMT(320, 330), false), 0); /* admin commands are not held */
	ssd_set_temperature(io->r->sub, 340);
	assert_in_range(rate(io), 1, 3);
	ssd_set_temperature(io->r->sub, 300);
	rate(io);
	assert_true(rate(io) > 100);
}

static void
sensors(void **state)
{
	struct io *io = *state;
	const struct nvme_smart_log *log;

	ssd_set_temperature(io->r->sub, 310);
	log = adm_log(io, NVME_LOG_SMART, sizeof(*log));
	assert_int_equal(nvme_smart_ctemp(log), 310);
	assert_int_equal(le16_get(log->tsen[0]), 310);
	assert_int_equal(le16_get(log->tsen[1]), 305);
	for (int i = 2; i < 8; i++)
		assert_int_equal(le16_get(log->tsen[i]), 0);
	for (uint32_t s = 1; s <= 2; s++) {
		assert_int_equal(value(io, THRESH, 0, SENSOR(s)), 0xffff);
		assert_int_equal(value(io, THRESH, 0, SENSOR(s) | UNDER), 0);
	}
	for (uint32_t s = 3; s <= 15; s++)
		assert_int_equal(io_feature_get(io, THRESH, 0, 0, SENSOR(s)), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_feature_set(io, THRESH, 0, SENSOR(3) | 300, false), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_feature_set(io, THRESH, 0, SENSOR(14) | 300, false), NVME_SC_INVALID_FIELD);
}

/* Each threshold by itself raises the event, at its very value. */
static void
each_threshold(void **state)
{
	static const struct {
		uint32_t cdw11;
		uint16_t calm, alarm;
	} cases[] = { { 330, 329, 330 },
		      { UNDER | 290, 291, 290 },
		      { SENSOR(1) | 330, 329, 330 },
		      { SENSOR(1) | UNDER | 290, 291, 290 },
		      { SENSOR(2) | 325, 329, 330 },
		      { SENSOR(2) | UNDER | 285, 291, 290 } };
	struct io *io = *state;

	for (size_t i = 0; i < UT_ARRAY_LEN(cases); i++) {
		const struct nvme_smart_log *log;

		ssd_set_temperature(io->r->sub, cases[i].calm);
		assert_int_equal(io_feature_set(io, THRESH, 0, cases[i].cdw11, false), 0);
		log = adm_log(io, NVME_LOG_SMART, sizeof(*log));
		assert_int_equal(log->cw, 0);
		adm_aer(io);
		assert_int_equal(adm_event(io), UINT32_MAX);
		ssd_set_temperature(io->r->sub, cases[i].alarm);
		assert_int_equal(adm_event(io), 1 | 1 << 8 | 2 << 16);
		log = adm_log(io, NVME_LOG_SMART, sizeof(*log));
		assert_int_equal(log->cw, NVME_CW_TTC);
		adm_reset(io); /* thresholds are as they were */
	}
}

static void
all_and_saved(void **state)
{
	struct io *io = *state;

	assert_int_equal(io_feature_set(io, THRESH, 0, SENSOR(2) | 333, true), 0);
	assert_int_equal(io_feature_set(io, THRESH, 0, SENSOR(15) | 350, false), 0);
	for (uint32_t s = 0; s <= 2; s++)
		assert_int_equal(value(io, THRESH, 0, SENSOR(s)), 350);
	assert_int_equal(value(io, THRESH, NVME_FEAT_SEL_SAVED, SENSOR(2)), 333);
	assert_int_equal(value(io, THRESH, NVME_FEAT_SEL_SAVED, SENSOR(1)), 0xffff);
	assert_int_equal(value(io, THRESH, NVME_FEAT_SEL_DEFAULT, SENSOR(2)), 0xffff);
	adm_power_cycle(io);
	assert_int_equal(value(io, THRESH, 0, SENSOR(0)), 343);
	assert_int_equal(value(io, THRESH, 0, SENSOR(1)), 0xffff);
	assert_int_equal(value(io, THRESH, 0, SENSOR(2)), 333);
}

static void
kept_in_the_image(void **state)
{
	char path[] = "/tmp/nvproof-heat-XXXXXX";
	int fd = mkstemp(path);
	struct ssd_config cfg = {
		.nr_ns = 1, .ns = { { 1u << 20, 512 } }, .media = SSD_MEDIA_FILE, .image = path, .create = true
	};
	struct io io;

	(void)state;
	assert_true(fd >= 0);
	io_init(&io, rig_open_config(&cfg));
	adm_enable(&io);
	assert_int_equal(io_feature_set(&io, HCTM, 0, TMT(320, 330), true), 0);
	ssd_set_temperature(io.r->sub, 321);
	adm_sleep(&io, 8 * SECOND);
	rig_close(io.r);
	io_init(&io, rig_open_config(&cfg));
	adm_enable(&io);
	expect_smart(&io, 1, 0, 8, 0);
	assert_int_equal(value(&io, HCTM, 0, 0), TMT(320, 330));
	rig_close(io.r);
	close(fd);
	unlink(path);
}

/* From idle to two thirds of the way in settle_s, and back; a temperature that is set is where it goes on from. */
static void
follows_the_load(void **state)
{
	struct ssd_config cfg = { .nr_ns = 1, .ns = { { 64u << 20, 512 } } };
	struct io io;
	uint16_t k = 0;

	(void)state;
	assert_int_equal(ssd_profile_find("ram", &cfg.profile, NULL, 0), 0);
	cfg.profile.heat.load_c = 30;
	cfg.profile.heat.load_mb_s = 10;
	cfg.profile.heat.settle_s = 20;
	io_init(&io, rig_open_config(&cfg));
	rig_enable(io.r, 32);
	rig_pair(io.r, 1, 16, -1);
	assert_int_equal(ssd_temperature(io.r->sub), 35 + 273);
	for (uint32_t s = 0; s < 200; s++) { /* 5 MB in each second: half of what makes it warmest */
		for (uint32_t i = 0; i < 5; i++)
			assert_int_equal(io_write(&io, 1, i * 2048, 1953, 1), 0);
		adm_sleep(&io, SECOND);
		assert_true(ssd_temperature(io.r->sub) >= k);
		k = ssd_temperature(io.r->sub);
		if (s == 20)
			assert_in_range(k, 273 + 35 + 8, 273 + 35 + 11); /* 15 * (1 - 1 / e) = 9.5 */
	}
	assert_in_range(k, 273 + 35 + 14, 273 + 35 + 15);
	adm_sleep(&io, 400 * SECOND);
	assert_int_equal(ssd_temperature(io.r->sub), 273 + 35);
	ssd_set_temperature(io.r->sub, 273 + 90);
	adm_sleep(&io, 20 * SECOND);
	assert_in_range(ssd_temperature(io.r->sub), 273 + 54, 273 + 56); /* 35 + 55 / e */
	rig_close(io.r);
}

/* Of one profile the load makes nothing warmer; of another it crosses a threshold, and the host is told. */
static void
the_load_raises_the_event(void **state)
{
	struct ssd_config cfg = { .nr_ns = 1, .ns = { { 64u << 20, 512 } } };

	(void)state;
	for (uint32_t load_c = 0; load_c <= 40; load_c += 40) {
		const struct nvme_smart_log *log;
		struct io io;

		assert_int_equal(ssd_profile_find("ram", &cfg.profile, NULL, 0), 0);
		cfg.profile.heat.load_c = load_c;
		cfg.profile.heat.load_mb_s = 1;
		cfg.profile.heat.settle_s = 2;
		io_init(&io, rig_open_config(&cfg));
		rig_enable(io.r, 32);
		rig_pair(io.r, 1, 16, -1);
		for (uint32_t s = 0; s < 30; s++) {
			assert_int_equal(io_write(&io, 1, 0, 2048, 1), 0);
			adm_sleep(&io, SECOND);
		}
		log = adm_log(&io, NVME_LOG_SMART, sizeof(*log));
		assert_int_equal(log->ctemp[0] | log->ctemp[1] << 8, 273 + 35 + load_c);
		assert_int_equal(log->cw & NVME_CW_TTC, load_c ? NVME_CW_TTC : 0);
		rig_close(io.r);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(announced),
		T(values),
		T(counters),
		T(slower),
		T(sensors),
		T(each_threshold),
		T(all_and_saved),
		cmocka_unit_test(kept_in_the_image),
		cmocka_unit_test(follows_the_load),
		cmocka_unit_test(the_load_raises_the_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
