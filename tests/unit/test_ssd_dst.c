/* SPDX-License-Identifier: BSD-3-Clause */
/* Device Self-test: starting, progress in virtual time, everything that ends one, and the log of results. */
#include "ssd_adm.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "ssd/admin/dst.h"

#define SHORT_NS (SSD_DST_SHORT_MS * ADM_MS)
#define EXTENDED_NS (SSD_DST_EXTENDED_MS * ADM_MS)

static nvme_status
dst(struct io *io, uint32_t nsid, uint32_t stc)
{
	return adm_opc(io, NVME_ADM_DEV_SELF_TEST, nsid, stc, 0);
}

static struct nvme_self_test_log *
dst_log(struct io *io)
{
	return adm_log(io, NVME_LOG_SELF_TEST, sizeof(struct nvme_self_test_log));
}

static void
expect_newest(struct io *io, uint8_t stc, uint8_t result)
{
	const struct nvme_self_test_log *log = dst_log(io);

	assert_int_equal(log->cdsto, 0);
	assert_int_equal(log->cdstc, 0);
	assert_int_equal(log->result[0].dsts, stc << 4 | result);
}

static void
announced(void **state)
{
	const struct nvme_id_ctrl *id = adm_identify(*state);

	assert_true(le16_get(id->oacs) & NVME_OACS_DSTS);
	assert_int_equal(le16_get(id->edstt), 1);
	assert_int_equal(id->dsto, NVME_DSTO_SDSO);
}

static void
progress(void **state)
{
	struct io *io = *state;
	const struct nvme_self_test_log *log = dst_log(io);

	for (int i = 0; i < NVME_SELF_TEST_RESULTS; i++)
		assert_int_equal(log->result[i].dsts, NVME_DSTS_UNUSED);
	assert_int_equal(dst(io, NVME_NSID_ALL, NVME_DST_SHORT), 0);
	assert_in_range(ssd_step(io->r->ssd, io->r->now), io->r->now + SHORT_NS - ADM_MS, io->r->now + SHORT_NS);
	adm_sleep(io, SHORT_NS / 2);
	log = dst_log(io);
	assert_int_equal(log->cdsto, NVME_DST_SHORT);
	assert_in_range(log->cdstc, 49, 51);
	assert_int_equal(log->result[0].dsts, NVME_DSTS_UNUSED);
	assert_int_equal(dst(io, 0, NVME_DST_EXTENDED), NVME_SC_DST_IN_PROGRESS);
	assert_int_equal(dst(io, 0, NVME_DST_SHORT), NVME_SC_DST_IN_PROGRESS);
	adm_sleep(io, SHORT_NS / 2);
	expect_newest(io, NVME_DST_SHORT, NVME_DSTS_OK);
	assert_int_equal(dst_log(io)->result[0].vdinfo, 0);
}

static void
extended_takes_longer(void **state)
{
	struct io *io = *state;

	assert_int_equal(dst(io, 1, NVME_DST_EXTENDED), 0);
	adm_sleep(io, SHORT_NS);
	assert_int_equal(dst_log(io)->cdstc, 10);
	adm_sleep(io, EXTENDED_NS - SHORT_NS - ADM_MS);
	assert_int_equal(dst_log(io)->cdstc, 99);
	adm_sleep(io, ADM_MS);
	expect_newest(io, NVME_DST_EXTENDED, NVME_DSTS_OK);
}

static void
wrong_commands(void **state)
{
	struct io *io = *state;

	for (uint32_t stc = 0; stc < 15; stc++) {
		if (stc == NVME_DST_SHORT || stc == NVME_DST_EXTENDED)
			continue;
		assert_int_equal(dst(io, 0, stc), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(io), 40);
	}
	assert_int_equal(dst(io, 33, NVME_DST_SHORT), NVME_SC_INVALID_NS);
	assert_int_equal(io_blamed(io), 4);
	io->r->sub->ns[1].attached = 0;
	assert_int_equal(dst(io, 2, NVME_DST_SHORT), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(io), 4);
	assert_int_equal(dst_log(io)->cdsto, 0);
}

static void
abort_by_command(void **state)
{
	struct io *io = *state;

	assert_int_equal(dst(io, 0, NVME_DST_ABORT), 0); /* nothing runs */
	assert_int_equal(dst_log(io)->result[0].dsts, NVME_DSTS_UNUSED);
	assert_int_equal(dst(io, 0, NVME_DST_EXTENDED), 0);
	assert_int_equal(dst(io, 77, NVME_DST_ABORT), 0); /* the NSID means nothing here */
	expect_newest(io, NVME_DST_EXTENDED, NVME_DSTS_ABORT_CMD);
}

static void
resets(void **state)
{
	struct io *io = *state;

	assert_int_equal(dst(io, 0, NVME_DST_SHORT), 0);
	adm_reset(io);
	expect_newest(io, NVME_DST_SHORT, NVME_DSTS_ABORT_RESET);
	assert_int_equal(dst(io, 0, NVME_DST_EXTENDED), 0);
	adm_sleep(io, EXTENDED_NS / 2);
	adm_reset(io);
	assert_int_equal(dst_log(io)->cdsto, NVME_DST_EXTENDED);
	assert_in_range(dst_log(io)->cdstc, 49, 51);
	adm_power_cycle(io);
	io->r->now += EXTENDED_NS / 4;
	assert_in_range(dst_log(io)->cdstc, 74, 76);
	adm_sleep(io, EXTENDED_NS / 4 + ADM_MS);
	expect_newest(io, NVME_DST_EXTENDED, NVME_DSTS_OK);
	assert_int_equal(dst_log(io)->result[1].dsts, NVME_DST_SHORT << 4 | NVME_DSTS_ABORT_RESET);
}

/* No time passes for a test while the power is off. */
static void
power_off_is_no_time(void **state)
{
	struct io *io = *state;

	assert_int_equal(dst(io, 0, NVME_DST_EXTENDED), 0);
	adm_sleep(io, EXTENDED_NS / 4);
	ssd_power_off(io->r->sub);
	adm_sleep(io, 10 * EXTENDED_NS);
	ssd_power_on(io->r->sub);
	adm_restart(io);
	assert_in_range(dst_log(io)->cdstc, 24, 26);
}

/* A short test of one controller does not mind the reset of another. */
static void
other_controller(void **state)
{
	struct io *io = *state;
	struct ssd *second;

	assert_int_equal(ssd_ctrlr_open(io->r->sub, &rig_port_ops, io->r, NULL, &second), 0);
	assert_int_equal(dst(io, 0, NVME_DST_SHORT), 0);
	ssd_function_reset(second);
	assert_int_equal(dst_log(io)->cdsto, NVME_DST_SHORT);
	ssd_step(second, io->r->now + SHORT_NS); /* whichever controller is called finishes it */
	expect_newest(io, NVME_DST_SHORT, NVME_DSTS_OK);
	ssd_ctrlr_close(second);
}

static void
format_ends_it(void **state)
{
	static const struct {
		uint32_t tested, formatted;
		bool ends;
	} cases[] = { { 1, 1, true },
		      { 1, 2, false },
		      { NVME_NSID_ALL, 2, true },
		      { 2, NVME_NSID_ALL, true },
		      { 0, 1, false },
		      { 0, NVME_NSID_ALL, false } };
	struct io *io = *state;

	for (size_t i = 0; i < UT_ARRAY_LEN(cases); i++) {
		assert_int_equal(dst(io, cases[i].tested, NVME_DST_EXTENDED), 0);
		assert_int_equal(adm_opc(io, NVME_ADM_FORMAT_NVM, cases[i].formatted, 0, 0), 0);
		assert_int_equal(dst_log(io)->cdsto, cases[i].ends ? 0 : NVME_DST_EXTENDED);
		if (cases[i].ends)
			expect_newest(io, NVME_DST_EXTENDED, NVME_DSTS_ABORT_FORMAT);
		assert_int_equal(dst(io, 0, NVME_DST_ABORT), 0);
	}
	assert_int_equal(dst(io, 1, NVME_DST_SHORT), 0);
	assert_int_equal(adm_opc(io, NVME_ADM_FORMAT_NVM, 1, 0x3f00f, 0), NVME_SC_INVALID_FORMAT);
	assert_int_equal(dst_log(io)->cdsto, NVME_DST_SHORT); /* that format did nothing */
}

static void
others_end_it(void **state)
{
	struct io *io = *state;

	assert_int_equal(dst(io, 2, NVME_DST_SHORT), 0);
	ssd_dst_abort_ns(io->r->sub, 1, NVME_DSTS_ABORT_NS_REMOVED);
	assert_int_equal(dst_log(io)->cdsto, NVME_DST_SHORT);
	ssd_dst_abort_ns(io->r->sub, 2, NVME_DSTS_ABORT_NS_REMOVED);
	expect_newest(io, NVME_DST_SHORT, NVME_DSTS_ABORT_NS_REMOVED);
	assert_int_equal(dst(io, 0, NVME_DST_SHORT), 0);
	ssd_dst_abort(io->r->sub, NVME_DSTS_ABORT_SANITIZE);
	expect_newest(io, NVME_DST_SHORT, NVME_DSTS_ABORT_SANITIZE);
}

static void
a_warm_drive_fails(void **state)
{
	struct io *io = *state;

	ssd_set_temperature(io->r->sub, 350);
	assert_int_equal(dst(io, 0, NVME_DST_SHORT), 0);
	adm_sleep(io, SHORT_NS);
	expect_newest(io, NVME_DST_SHORT, NVME_DSTS_FAIL_SEGMENT);
	assert_int_equal(dst_log(io)->result[0].segn, 2);
}

static void
twenty_results(void **state)
{
	struct io *io = *state;
	const struct nvme_self_test_log *log;

	io->r->sub->smart.power_on_ns = 5ull * 3600000000000ull;
	assert_int_equal(dst(io, 0, NVME_DST_SHORT), 0);
	adm_sleep(io, SHORT_NS);
	for (int i = 0; i < NVME_SELF_TEST_RESULTS - 1; i++) {
		assert_int_equal(dst(io, 0, NVME_DST_EXTENDED), 0);
		assert_int_equal(dst(io, 0, NVME_DST_ABORT), 0);
	}
	log = dst_log(io);
	assert_int_equal(log->result[NVME_SELF_TEST_RESULTS - 1].dsts, NVME_DST_SHORT << 4);
	assert_int_equal(le32_get(log->result[NVME_SELF_TEST_RESULTS - 1].poh[0]), 5);
	assert_int_equal(dst(io, 0, NVME_DST_EXTENDED), 0);
	assert_int_equal(dst(io, 0, NVME_DST_ABORT), 0);
	assert_int_equal(dst_log(io)->result[NVME_SELF_TEST_RESULTS - 1].dsts, 0x21);
}

static struct io
image_io(const char *path)
{
	struct io io;

	io_init(&io, rig_open_config(&(struct ssd_config){
			     .nr_ns = 2,
			     .ns = { { 16u << 20, 512 }, { 16u << 20, 4096 } },
			     .media = SSD_MEDIA_FILE,
			     .image = path,
			     .create = true,
		     }));
	adm_enable(&io);
	return io;
}

/* Results and a test that runs are in the image; one that was damaged there is as none. */
static void
kept_in_the_image(void **state)
{
	char path[] = "/tmp/nvproof-dst-XXXXXX";
	int fd = mkstemp(path);
	struct io io;

	(void)state;
	assert_true(fd >= 0);
	io = image_io(path);
	assert_int_equal(dst(&io, 0, NVME_DST_SHORT), 0);
	adm_sleep(&io, SHORT_NS);
	assert_int_equal(dst(&io, 0, NVME_DST_EXTENDED), 0);
	adm_sleep(&io, EXTENDED_NS / 2);
	rig_close(io.r);
	io = image_io(path);
	assert_int_equal(dst_log(&io)->cdsto, NVME_DST_EXTENDED);
	assert_in_range(dst_log(&io)->cdstc, 49, 51);
	adm_sleep(&io, EXTENDED_NS / 2 + ADM_MS);
	expect_newest(&io, NVME_DST_EXTENDED, NVME_DSTS_OK);
	rig_close(io.r);
	io = image_io(path);
	expect_newest(&io, NVME_DST_EXTENDED, NVME_DSTS_OK);
	assert_int_equal(dst_log(&io)->result[1].dsts, NVME_DST_SHORT << 4);
	io.r->sub->dst.kept.stc = 9; /* no such test */
	ssd_part_save(io.r->sub, SSD_PART_DST);
	io.r->sub->dst.kept.stc = 0;
	rig_close(io.r);
	io = image_io(path);
	assert_int_equal(dst_log(&io)->result[0].dsts, NVME_DSTS_UNUSED);
	rig_close(io.r);
	close(fd);
	unlink(path);
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(announced),
		T(progress),
		T(extended_takes_longer),
		T(wrong_commands),
		T(abort_by_command),
		T(resets),
		T(power_off_is_no_time),
		T(other_controller),
		T(format_ends_it),
		T(others_end_it),
		T(a_warm_drive_fails),
		T(twenty_results),
		cmocka_unit_test(kept_in_the_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
