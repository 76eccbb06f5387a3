/* SPDX-License-Identifier: BSD-3-Clause */
/* Zones on flash: what a power loss leaves of them. */
#include "ssd_zns_io.h"

/* A command on flash, which takes its time. */
static nvme_status
slow_cmd(struct io *io, struct nvme_sqe *sqe, uint64_t len)
{
	uint64_t end = io->r->now + 10000 * ADM_MS;

	io_prp(io, sqe, len);
	rig_put(io->r, 1, sqe);
	rig_ring(io->r, 1);
	while (!rig_reap(io->r, 1, &io->cqe) && io->r->now < end)
		ssd_step(io->r->ssd, io->r->now += 10000);
	return rig_sc(nvme_status_of(le16_get(io->cqe.status)));
}

static nvme_status
slow_write(struct io *io, uint64_t slba, uint32_t nlb, uint8_t with)
{
	struct nvme_sqe sqe;

	memset(io_buf(io), with, (size_t)nlb * 4096);
	nvme_prep_write(&sqe, 1, slba, nlb);
	return slow_cmd(io, &sqe, (uint64_t)nlb * 4096);
}

static void
slow_expect(struct io *io, uint64_t slba, uint32_t nlb, uint8_t with)
{
	struct nvme_sqe sqe;

	memset(io_buf(io), ~with, (size_t)nlb * 4096);
	nvme_prep_read(&sqe, 1, slba, nlb);
	assert_int_equal(slow_cmd(io, &sqe, (uint64_t)nlb * 4096), 0);
	for (size_t i = 0; i < (size_t)nlb * 4096; i++)
		assert_int_equal(io_buf(io)[i], with);
}

static uint64_t
slow_wp(struct io *io)
{
	struct nvme_sqe sqe = { .opc = NVME_OPC_ZONE_MGMT_RECV, .nsid = le32_from(1), .cdw12 = le32_from(31) };

	assert_int_equal(slow_cmd(io, &sqe, 128), 0);
	return le64_get(((const struct nvme_zone_desc *)(const void *)(io_buf(io) + 64))->wp);
}

/* A power loss without a capacitor takes what was not flushed; the write pointer says so, and what is there is right. */
static void
on_flash(void **state)
{
	struct ssd_config cfg = config();
	struct ssd_profile_zones zones = cfg.profile.zones;
	struct nvme_sqe flush = { .opc = NVME_OPC_FLUSH, .nsid = le32_from(1) };
	struct io *io;
	uint64_t wp;
	char err[80];

	assert_int_equal(ssd_profile_find("slow", &cfg.profile, err, sizeof(err)), 0);
	cfg.profile.set = SSD_PROFILE_ZONED;
	cfg.profile.zones = zones;
	cfg.media = SSD_MEDIA_FLASH;
	setup_config(state, &cfg);
	io = *state;
	assert_int_equal(slow_write(io, 0, 10, 1), 0);
	assert_int_equal(slow_cmd(io, &flush, 0), 0);
	assert_int_equal(slow_write(io, 10, 3, 2), 0);
	assert_int_equal(slow_wp(io), 13);
	ssd_power_off(io->r->sub);
	ssd_power_on(io->r->sub);
	io->r->now += io->r->sub->recovery_ns;
	ssd_step(io->r->ssd, io->r->now);
	io->r->now = io->r->sub->media_ready_ns;
	again(io);
	wp = slow_wp(io);
	assert_in_range(wp, 10, 12); /* the last three were in the write buffer */
	slow_expect(io, 0, 10, 1);
	slow_expect(io, wp, 13 - (uint32_t)wp, 0);
	assert_int_equal(slow_write(io, wp, 3, 3), 0);
	slow_expect(io, wp, 3, 3);
	io_teardown(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(on_flash) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
