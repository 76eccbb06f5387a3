/* SPDX-License-Identifier: BSD-3-Clause */
/* Power states: latencies in virtual time, I/O that waits and wakes, transitions by themselves, and what is saved. */
#include "ssd_adm.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "ssd/admin/pstate.h"

#define US 1000ull
#define PM NVME_FEAT_POWER_MGMT
#define APST NVME_FEAT_APST

static uint32_t
value(struct io *io, uint8_t fid, uint32_t sel)
{
	assert_int_equal(io_feature_get(io, fid, 0, sel, 0), 0);
	return le32_get(io->cqe.dw0);
}

/* Set Features, without waiting for it. */
static void
go(struct io *io, uint32_t ps)
{
	struct nvme_sqe sqe;

	nvme_prep_set_features(&sqe, PM, 0, ps, 0);
	rig_put(io->r, 0, &sqe);
	rig_ring(io->r, 0);
	rig_step(io->r);
}

static bool
done(struct io *io)
{
	struct nvme_cqe cqe;

	if (!rig_reap(io->r, 0, &cqe))
		return false;
	assert_int_equal(nvme_status_of(le16_get(cqe.status)), 0);
	return true;
}

/* The next step's time at the latest. */
static uint64_t
due_in(struct io *io)
{
	return ssd_step(io->r->ssd, io->r->now) - io->r->now;
}

static nvme_status
apst(struct io *io, const uint64_t entry[5], uint32_t cdw11, bool save)
{
	le64 *table = (void *)io_buf(io);

	memset(table, 0, SSD_PAGE);
	for (int i = 0; i < 5; i++)
		table[i] = le64_from(entry[i]);
	table[5] = le64_from(~0ull); /* beyond NPSS: means nothing */
	return io_feature_set(io, APST, 0, cdw11, save);
}

#define TO(ps, ms) ((uint64_t)(ps) << 3 | (uint64_t)(ms) << 8)

static void
announced(void **state)
{
	const struct nvme_id_ctrl *id = adm_identify(*state);
	uint32_t last = UINT32_MAX;

	assert_int_equal(id->npss, 4);
	assert_int_equal(id->apsta, 1);
	assert_true(le32_get(id->ctratt) & NVME_CTRATT_NOPSPM);
	assert_true(le32_get(id->rtd3r) && le32_get(id->rtd3e));
	for (int i = 0; i < 32; i++) {
		const struct nvme_psd *p = &id->psd[i];

		assert_true(le16_get(p->mp) <= last);
		last = le16_get(p->mp);
		assert_int_equal(last > 0, i <= 4);
		assert_int_equal(p->flags, i == 3 || i == 4 ? NVME_PSD_NOPS : 0);
		assert_true(p->rrt < 5 && p->rrl < 5 && p->rwt < 5 && p->rwl < 5);
	}
	assert_int_equal(le16_get(id->psd[0].mp), 2500); /* 25 W */
	assert_int_equal(le16_get(id->psd[4].mp), 5);
	assert_int_equal(le32_get(id->psd[3].enlat), 5000);
	assert_int_equal(le32_get(id->psd[4].exlat), 40000);
}

/* The command completes when the state is reached; I/O waits so long, admin commands do not. */
static void
operational(void **state)
{
	struct io *io = *state;

	go(io, 1);
	assert_false(done(io));
	assert_in_range(due_in(io), 1, 20 * US);
	rig_flushes(io->r, 1, 2);
	rig_step(io->r);
	assert_int_equal(rig_reap_all(io->r, 1), 0);
	adm_sleep(io, 20 * US);
	assert_true(done(io));
	assert_int_equal(rig_reap_all(io->r, 1), 2);
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 1);
	go(io, 2 | 3u << 5); /* from 1, workload hint */
	adm_sleep(io, 45 * US);
	assert_false(done(io));
	adm_sleep(io, 5 * US); /* 20 to leave and 30 to enter */
	assert_true(done(io));
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 2 | 3u << 5);
	go(io, 2);
	assert_true(done(io)); /* it is there */
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 2);
}

static void
not_operational(void **state)
{
	struct io *io = *state;

	go(io, 1);
	adm_sleep(io, ADM_MS);
	assert_true(done(io));
	go(io, 3);
	adm_sleep(io, 5020 * US);
	assert_true(done(io));
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 3); /* an admin command does not wake it */
	adm_sleep(io, 1000 * ADM_MS);
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 3);
	rig_flushes(io->r, 1, 1);
	rig_step(io->r);
	assert_int_equal(rig_reap_all(io->r, 1), 0);
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 1); /* on the way to the last operational one */
	adm_sleep(io, 10000 * US);
	assert_int_equal(rig_reap_all(io->r, 1), 0);
	adm_sleep(io, 30 * US);
	assert_int_equal(rig_reap_all(io->r, 1), 1);
	assert_int_equal(io_read(io, 1, 0, 1), 0); /* and the next does not wait */
}

/* I/O that comes while such a state is being entered: that ends first. */
static void
wake_on_the_way(void **state)
{
	struct io *io = *state;

	go(io, 4);
	rig_flushes(io->r, 1, 1);
	adm_sleep(io, 19 * ADM_MS);
	assert_false(done(io));
	adm_sleep(io, ADM_MS);
	assert_true(done(io));
	assert_int_equal(rig_reap_all(io->r, 1), 0);
	adm_sleep(io, 39 * ADM_MS);
	assert_int_equal(rig_reap_all(io->r, 1), 0);
	adm_sleep(io, ADM_MS);
	assert_int_equal(rig_reap_all(io->r, 1), 1);
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 0);
}

static void
wrong_state(void **state)
{
	struct io *io = *state;

	for (uint32_t ps = 5; ps < 32; ps++) {
		assert_int_equal(io_feature_set(io, PM, 0, ps, false), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(io), 44);
	}
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 0);
}

static void
saved_state(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;

	nvme_prep_set_features(&sqe, PM, 0, 2, 1);
	rig_put(io->r, 0, &sqe);
	rig_ring(io->r, 0);
	rig_step(io->r);
	adm_sleep(io, ADM_MS);
	assert_true(done(io));
	go(io, 1);
	adm_sleep(io, ADM_MS);
	assert_true(done(io));
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_SAVED), 2);
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_DEFAULT), 0);
	adm_reset(io);
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 2);
	adm_power_cycle(io);
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 2);
	adm_sleep(io, ADM_MS);
	assert_int_equal(io_read(io, 1, 0, 1), 0);
}

static void
by_itself(void **state)
{
	struct io *io = *state;

	assert_int_equal(apst(io, (uint64_t[]){ TO(3, 100), 0, 0, TO(4, 500), 0 }, 1, false), 0);
	assert_in_range(due_in(io), 99 * ADM_MS, 100 * ADM_MS);
	adm_sleep(io, 60 * ADM_MS);
	assert_int_equal(io_read(io, 1, 0, 1), 0); /* not idle */
	adm_sleep(io, 60 * ADM_MS);
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 0);
	adm_sleep(io, 41 * ADM_MS);
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 3);
	adm_sleep(io, 500 * ADM_MS); /* counted from when 3 was reached: 5 ms later */
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 3);
	adm_sleep(io, 6 * ADM_MS);
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 4);
	adm_sleep(io, 60 * ADM_MS);
	rig_flushes(io->r, 1, 1);
	rig_step(io->r);
	assert_int_equal(rig_reap_all(io->r, 1), 0);
	adm_sleep(io, 40 * ADM_MS);
	assert_int_equal(rig_reap_all(io->r, 1), 1);
	adm_sleep(io, 99 * ADM_MS);
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 0);
	adm_sleep(io, 2 * ADM_MS); /* and again */
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 3);
}

static void
not_by_itself(void **state)
{
	struct io *io = *state;

	assert_int_equal(apst(io, (uint64_t[]){ TO(3, 100), 0, 0, 0, 0 }, 0, false), 0); /* APSTE is 0 */
	adm_sleep(io, 1000 * ADM_MS);
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 0);
	assert_int_equal(apst(io, (uint64_t[]){ TO(3, 0), TO(3, 1), 0, 0, 0 }, 1, false), 0); /* no time */
	assert_int_equal(io_read(io, 1, 0, 1), 0);
	adm_sleep(io, 1000 * ADM_MS);
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 0);
}

static void
wrong_tables(void **state)
{
	static const uint64_t wrong[] = { TO(0, 1), TO(2, 1), TO(5, 1), TO(31, 1) };
	struct io *io = *state;

	for (size_t i = 0; i < UT_ARRAY_LEN(wrong); i++) {
		uint64_t entry[5] = { 0 };

		entry[i] = wrong[i];
		assert_int_equal(apst(io, entry, 1, false), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(io), 24);
	}
	assert_int_equal(apst(io, (uint64_t[]){ TO(2, 0), 0, 0, 0, 0 }, 1, false), 0);
	assert_int_equal(value(io, APST, NVME_FEAT_SEL_CURRENT), 1);
	assert_int_equal(le64_get(((le64 *)(void *)io_buf(io))[0]), TO(2, 0));
}

static void
saved_table(void **state)
{
	struct io *io = *state;
	const le64 *table = (void *)io_buf(io);

	assert_int_equal(apst(io, (uint64_t[]){ TO(4, 77), 0, 0, 0, 0 }, 1, true), 0);
	assert_int_equal(apst(io, (uint64_t[]){ 0, 0, 0, 0, 0 }, 0, false), 0);
	assert_int_equal(value(io, APST, NVME_FEAT_SEL_SAVED), 1);
	assert_int_equal(le64_get(table[0]), TO(4, 77));
	assert_int_equal(value(io, APST, NVME_FEAT_SEL_DEFAULT), 0);
	assert_int_equal(le64_get(table[0]), 0);
	assert_int_equal(value(io, APST, NVME_FEAT_SEL_CURRENT), 0);
	assert_int_equal(value(io, APST, NVME_FEAT_SEL_CAPS), 5);
	adm_power_cycle(io);
	assert_int_equal(value(io, APST, NVME_FEAT_SEL_CURRENT), 1);
	assert_int_equal(le64_get(table[0]), TO(4, 77));
	adm_sleep(io, 78 * ADM_MS);
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 4);
	adm_reset(io); /* a reset is back in the state that the feature has */
	assert_int_equal(value(io, PM, NVME_FEAT_SEL_CURRENT), 0);
	assert_int_equal(io_read(io, 1, 0, 1), 0);
}

static void
permissive(void **state)
{
	struct io *io = *state;

	assert_int_equal(value(io, NVME_FEAT_NOPSC, 0), 0);
	assert_int_equal(io_feature_set(io, NVME_FEAT_NOPSC, 0, 0xffffffff, true), 0);
	assert_int_equal(value(io, NVME_FEAT_NOPSC, NVME_FEAT_SEL_SAVED), 1);
	assert_int_equal(value(io, NVME_FEAT_NOPSC, NVME_FEAT_SEL_DEFAULT), 0);
	assert_int_equal(io_feature_set(io, NVME_FEAT_NOPSC, 0, 0, false), 0);
	assert_int_equal(value(io, NVME_FEAT_NOPSC, 0), 0);
	adm_reset(io);
	assert_int_equal(value(io, NVME_FEAT_NOPSC, 0), 1);
}

static struct io
image_io(const char *path)
{
	struct io io;

	io_init(&io, rig_open_config(&(struct ssd_config){ .nr_ns = 1,
							   .ns = { { 1u << 20, 512 } },
							   .media = SSD_MEDIA_FILE,
							   .image = path,
							   .create = true }));
	adm_enable(&io);
	return io;
}

static void
kept_in_the_image(void **state)
{
	char path[] = "/tmp/nvproof-power-XXXXXX";
	int fd = mkstemp(path);
	struct io io;

	(void)state;
	assert_true(fd >= 0);
	io = image_io(path);
	assert_int_equal(io_feature_set(&io, NVME_FEAT_NOPSC, 0, 1, true), 0);
	rig_close(io.r);
	io = image_io(path);
	assert_int_equal(apst(&io, (uint64_t[]){ TO(4, 77), 0, 0, 0, 0 }, 1, true), 0);
	rig_close(io.r);
	io = image_io(path);
	assert_int_equal(value(&io, APST, 0), 1);
	assert_int_equal(le64_get(((le64 *)(void *)io_buf(&io))[0]), TO(4, 77));
	assert_int_equal(value(&io, NVME_FEAT_NOPSC, 0), 1);
	io.r->sub->power_kept[0].apst[1] = le64_from(TO(9, 1)); /* no such state */
	ssd_part_save(io.r->sub, SSD_PART_POWER);
	rig_close(io.r);
	io = image_io(path);
	assert_int_equal(value(&io, APST, 0), 0);
	rig_close(io.r);
	close(fd);
	unlink(path);
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(announced),	 T(operational), T(not_operational), T(wake_on_the_way),
		T(wrong_state),	 T(saved_state), T(by_itself),	     T(not_by_itself),
		T(wrong_tables), T(saved_table), T(permissive),	     cmocka_unit_test(kept_in_the_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
