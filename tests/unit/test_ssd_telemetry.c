/* SPDX-License-Identifier: BSD-3-Clause */
/* Telemetry: made when the host asks, made when something goes wrong, read in blocks, told of by an event. */
#include "ssd_adm.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CREATE (1u << 8)
#define MCDA(n) ((uint32_t)(n) << 9)
#define HOST NVME_LOG_TELEMETRY_HOST
#define CTRL NVME_LOG_TELEMETRY_CTRL
#define RAE (1u << 15)
#define SIZE (18u * 512)
#define TELEMETRY_EVENT (2u | 2u << 8 | 8u << 16)

static struct nvme_telemetry_log *
telemetry(struct io *io, uint32_t cdw10)
{
	assert_int_equal(adm_log_part(io, cdw10, 0, SIZE), 0);
	return (void *)io_buf(io);
}

static void
announced(void **state)
{
	struct io *io = *state;

	assert_true(adm_identify(io)->lpa & NVME_LPA_TS);
	assert_false(adm_identify(io)->lpa & NVME_LPA_DA4S);
	assert_int_equal(le32_get(((le32 *)adm_log(io, NVME_LOG_SUPPORTED, 1024))[HOST]), 1 | 1u << 16);
}

static void
host_initiated(void **state)
{
	struct io *io = *state;
	const struct nvme_telemetry_log *h = telemetry(io, HOST);
	const struct nvme_smart_log *smart = (const void *)(io_buf(io) + 512);
	const struct nvme_error_log_entry *e = (const void *)(io_buf(io) + 1024);

	assert_int_equal(h->lid, HOST);
	assert_int_equal(le16_get(h->da3lb), 0); /* none yet */
	assert_int_equal(h->thdgn, 0);
	assert_int_equal(io_read(io, 1, 1u << 30, 1), NVME_SC_LBA_RANGE);
	h = telemetry(io, HOST | CREATE);
	assert_int_equal(h->ieee[2] << 16 | h->ieee[1] << 8 | h->ieee[0], 0x024e56);
	assert_int_equal(h->this, 1);
	assert_int_equal(h->thdgn, 1);
	assert_int_equal(h->tcda, 0);
	assert_int_equal(le16_get(h->da1lb), 1);
	assert_int_equal(le16_get(h->da2lb), 9);
	assert_int_equal(le16_get(h->da3lb), 17);
	assert_int_equal(smart->avsp, 100);
	assert_int_equal(le64_get(smart->neile[0]), 1);
	assert_int_equal(le64_get(e->lba), 1u << 30);
	assert_non_null(strstr((char *)io_buf(io) + 10 * 512, "SQ 1: 64 entries"));
	assert_int_equal(io_read(io, 1, 1u << 31, 1), NVME_SC_LBA_RANGE);
	h = telemetry(io, HOST); /* stays as it was */
	assert_int_equal(le64_get(e->lba), 1u << 30);
	assert_int_equal(h->thdgn, 1);
	h = telemetry(io, HOST | CREATE);
	assert_int_equal(le64_get(e->lba), 1u << 31);
	assert_int_equal(h->thdgn, 2);
	adm_reset(io);
	assert_int_equal(telemetry(io, HOST)->thdgn, 2);
	adm_power_cycle(io);
	assert_int_equal(le16_get(telemetry(io, HOST)->da3lb), 0);
}

static void
areas(void **state)
{
	static const uint16_t last[][4] = {
		{ 0, 1, 9, 17 }, { 1, 1, 1, 1 }, { 2, 1, 9, 9 }, { 3, 1, 9, 17 }, { 4, 1, 9, 17 }
	};
	struct io *io = *state;

	for (size_t i = 0; i < UT_ARRAY_LEN(last); i++) {
		const struct nvme_telemetry_log *h = telemetry(io, HOST | CREATE | MCDA(last[i][0]));

		assert_int_equal(le16_get(h->da1lb), last[i][1]);
		assert_int_equal(le16_get(h->da2lb), last[i][2]);
		assert_int_equal(le16_get(h->da3lb), last[i][3]);
		assert_int_equal(io_buf(io)[10 * 512] != 0, last[i][3] == 17);
	}
}

static void
blocks(void **state)
{
	static const uint8_t lids[] = { HOST, CTRL };
	struct io *io = *state;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(adm_log_part(io, lids[i], 0, 508), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(io), 42);
		assert_int_equal(adm_log_part(io, lids[i], 4, 512), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(io), 48);
		assert_int_equal(adm_log_part(io, lids[i], 512, 1024), 0);
		assert_int_equal(adm_log_part(io, lids[i], SIZE + 512, 512), NVME_SC_INVALID_FIELD);
	}
	assert_int_equal(adm_log_part(io, HOST | CREATE, 0, 508), NVME_SC_INVALID_FIELD);
	assert_int_equal(telemetry(io, HOST)->thdgn, 0); /* that created nothing */
}

static void
too_hot(void **state)
{
	struct io *io = *state;
	const struct nvme_telemetry_log *h = telemetry(io, CTRL);

	assert_int_equal(h->lid, CTRL);
	assert_int_equal(h->tcda, 0);
	assert_int_equal(le16_get(h->da3lb), 0);
	adm_aer(io);
	ssd_set_temperature(io->r->sub, 352);
	assert_int_equal(adm_event(io) & 7, NVME_AER_SMART); /* a warning, and no more */
	assert_int_equal(telemetry(io, CTRL)->tcda, 0);
	adm_aer(io);
	ssd_set_temperature(io->r->sub, 353);
	assert_int_equal(adm_event(io), TELEMETRY_EVENT);
	h = telemetry(io, CTRL | RAE);
	assert_int_equal(h->tcda, 1);
	assert_int_equal(h->tcdgn, 1);
	assert_int_equal(le16_get(h->da3lb), 17);
	assert_string_equal((const char *)h->rid, "critical temperature");
	assert_int_equal(telemetry(io, HOST)->tcda, 1);
	ssd_set_temperature(io->r->sub, 360); /* higher still: not again */
	assert_int_equal(telemetry(io, CTRL | RAE)->tcdgn, 1);
	assert_int_equal(telemetry(io, CTRL)->tcda, 1);
	h = telemetry(io, CTRL); /* read, and no longer new; but there */
	assert_int_equal(h->tcda, 0);
	assert_int_equal(h->tcdgn, 1);
	assert_int_equal(le16_get(h->da3lb), 17);
}

/* Nobody can be told while the controller is down: then when it is back, once. */
static void
fatal(void **state)
{
	struct io *io = *state;
	const struct nvme_telemetry_log *h;

	ssd_fatal(io->r->ssd);
	adm_reset(io);
	adm_aer(io);
	assert_int_equal(adm_event(io), TELEMETRY_EVENT);
	h = telemetry(io, CTRL | RAE);
	assert_int_equal(h->tcda, 1);
	assert_string_equal((const char *)h->rid, "controller fatal status");
	assert_non_null(strstr((const char *)io_buf(io) + 10 * 512, "CSTS 00000003"));
	adm_reset(io);
	adm_aer(io);
	assert_int_equal(adm_event(io), UINT32_MAX);
}

static void
configured(void **state)
{
	struct io *io = *state;

	assert_int_equal(io_feature_get(io, NVME_FEAT_ASYNC_EVENT, 0, 0, 0), 0);
	assert_true(le32_get(io->cqe.dw0) & NVME_FEAT_AEC_TLN);
	assert_int_equal(io_feature_set(io, NVME_FEAT_ASYNC_EVENT, 0, 0, false), 0);
	adm_aer(io);
	ssd_set_temperature(io->r->sub, 353);
	assert_int_equal(adm_event(io), UINT32_MAX);
	assert_int_equal(telemetry(io, CTRL)->tcda, 1);
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
	char path[] = "/tmp/nvproof-telemetry-XXXXXX";
	int fd = mkstemp(path);
	struct io io;

	(void)state;
	assert_true(fd >= 0);
	io = image_io(path);
	ssd_set_temperature(io.r->sub, 353);
	rig_close(io.r);
	io = image_io(path);
	assert_int_equal(telemetry(&io, CTRL)->tcda, 1);
	assert_string_equal((const char *)((struct nvme_telemetry_log *)(void *)io_buf(&io))->rid,
			    "critical temperature");
	rig_close(io.r);
	io = image_io(path);
	assert_int_equal(telemetry(&io, CTRL)->tcda, 0);
	io.r->sub->telemetry.tcda = 7;
	ssd_part_save(io.r->sub, SSD_PART_TELEMETRY);
	rig_close(io.r);
	io = image_io(path);
	assert_int_equal(telemetry(&io, CTRL)->tcdgn, 0);
	rig_close(io.r);
	close(fd);
	unlink(path);
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(announced), T(host_initiated), T(areas),	T(blocks),
		T(too_hot),   T(fatal),		 T(configured), cmocka_unit_test(kept_in_the_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
