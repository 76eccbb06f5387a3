/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Boot partitions: written by Firmware Commit, read by property and by log, protected until the power goes, kept in the image.
 */
#include "ssd_fw_image.h"
#include "nvproof/spec/feat.h"
#include <stdlib.h>
#include <unistd.h>

#define BP (128u << 10)

static uint8_t *
pattern(uint8_t seed)
{
	static uint8_t img[BP + 4096]; /* and a piece too much */

	for (uint32_t i = 0; i < sizeof(img); i++)
		img[i] = (uint8_t)(seed + i * 13 + i / 251);
	return img;
}

static nvme_status
commit(struct io *io, uint32_t bpid, enum nvme_fw_ca ca)
{
	struct nvme_sqe sqe;

	nvme_prep_fw_commit(&sqe, 0, ca);
	sqe.cdw10 = le32_from(le32_get(sqe.cdw10) | bpid << 31);
	return io_admin(io, &sqe, 0);
}

static uint32_t
wps(uint32_t bp0, uint32_t bp1)
{
	return bp0 | bp1 << 3;
}

static nvme_status
protect(struct io *io, uint32_t bp0, uint32_t bp1)
{
	return io_feature_set(io, NVME_FEAT_BP_WRITE_PROTECT, 0, wps(bp0, bp1), false);
}

static void
expect_protection(struct io *io, uint32_t bp0, uint32_t bp1)
{
	assert_int_equal(io_feature_get(io, NVME_FEAT_BP_WRITE_PROTECT, 0, 0, 0), 0);
	assert_int_equal(le32_get(io->cqe.dw0), wps(bp0, bp1));
}

static void
write_partition(struct io *io, uint32_t bpid, uint8_t seed)
{
	assert_int_equal(protect(io, bpid ? 0 : 1, bpid ? 1 : 0), 0);
	fw_load(io, pattern(seed), BP);
	assert_int_equal(commit(io, bpid, NVME_FW_CA_BP_REPLACE), 0);
}

/* The whole log in two pieces: the scratch memory of the drive is smaller than it. */
static void
expect_log(struct io *io, uint32_t bpid, uint8_t seed, uint32_t abpid)
{
	uint32_t lid = NVME_LOG_BOOT_PARTITION | bpid << 8;
	const struct nvme_boot_partition_log *h = (const void *)io_buf(io);

	assert_int_equal(adm_log_part(io, lid, 0, 16 + 65536), 0);
	assert_int_equal(h->lid, NVME_LOG_BOOT_PARTITION);
	assert_int_equal(le32_get(h->bpinfo), 1 | abpid << 31);
	assert_memory_equal(io_buf(io) + 16, pattern(seed), 65536);
	assert_int_equal(adm_log_part(io, lid, 16 + 65536, 65536), 0);
	assert_memory_equal(io_buf(io), pattern(seed) + 65536, 65536);
	assert_int_equal(adm_log_part(io, lid, 8, 12), 0); /* over the end of the header */
	assert_memory_equal(io_buf(io) + 8, pattern(seed), 4);
}

/* By property, to the buffer. */
static uint32_t
read_by_property(struct rig *r, uint64_t to, uint32_t bpid, uint32_t off, uint32_t len)
{
	ssd_bar_write(r->ssd, NVME_REG_BPMBL, 8, to);
	rig_set(r, NVME_REG_BPRSEL, len / 4096 | off / 4096 << 10 | bpid << 31);
	if (nvme_get(rig_reg(r, NVME_REG_BPINFO), NVME_BPINFO_BRS) != NVME_BPINFO_BRS_BUSY)
		fail_msg("a read is done at once");
	for (int i = 0; i < 1000; i++) {
		rig_step(r);
		if (nvme_get(rig_reg(r, NVME_REG_BPINFO), NVME_BPINFO_BRS) != NVME_BPINFO_BRS_BUSY)
			break;
	}
	return nvme_get32(rig_reg(r, NVME_REG_BPINFO), NVME_BPINFO_BRS);
}

static void
announced(void **state)
{
	struct io *io = *state;

	assert_true(ssd_bar_read(io->r->ssd, NVME_REG_CAP, 8) & NVME_CAP_BPS);
	assert_int_equal(rig_reg(io->r, NVME_REG_BPINFO), 1);
	assert_int_equal(adm_identify(io)->bpcap, 0x05); /* Set Features; RPMB not */
	assert_int_equal(adm_identify(io)->rpmbs.raw, 0);
}

static void
write_and_read(void **state)
{
	struct io *io = *state;

	write_partition(io, 0, 1);
	write_partition(io, 1, 2);
	expect_log(io, 0, 1, 0);
	expect_log(io, 1, 2, 0);
	assert_int_equal(read_by_property(io->r, io->buf, 1, 4096, BP - 4096), NVME_BPINFO_BRS_DONE);
	assert_memory_equal(io_buf(io), pattern(2) + 4096, BP - 4096);
	/* A shorter image: what is behind it is zeros. */
	fw_load(io, pattern(3), 8192);
	assert_int_equal(commit(io, 1, NVME_FW_CA_BP_REPLACE), 0);
	assert_int_equal(read_by_property(io->r, io->buf, 1, 4096, 8192), NVME_BPINFO_BRS_DONE);
	assert_memory_equal(io_buf(io), pattern(3) + 4096, 4096);
	for (uint32_t i = 4096; i < 8192; i++)
		assert_int_equal(io_buf(io)[i], 0);
	expect_log(io, 0, 1, 0); /* the other one is what it was */
}

static void
active(void **state)
{
	struct io *io = *state;

	assert_int_equal(commit(io, 1, NVME_FW_CA_BP_ACTIVATE), 0); /* locked, and no contents change */
	assert_int_equal(rig_reg(io->r, NVME_REG_BPINFO), 1u << 31 | 1);
	adm_power_cycle(io);
	assert_int_equal(rig_reg(io->r, NVME_REG_BPINFO), 1u << 31 | 1);
	assert_int_equal(commit(io, 0, NVME_FW_CA_BP_ACTIVATE), 0);
	assert_int_equal(rig_reg(io->r, NVME_REG_BPINFO), 1);
}

static void
refused_commits(void **state)
{
	struct io *io = *state;

	fw_load(io, pattern(1), 4096);
	assert_int_equal(commit(io, 0, NVME_FW_CA_BP_REPLACE), NVME_SC_BP_WRITE_PROHIBITED);
	assert_int_equal(protect(io, 1, 1), 0);
	assert_int_equal(commit(io, 0, NVME_FW_CA_BP_REPLACE), NVME_SC_INVALID_FW_IMAGE); /* it was used up */
	fw_load(io, pattern(1), BP);
	assert_int_equal(fw_piece(io, pattern(1), BP, 4096), 0); /* larger than a partition */
	assert_int_equal(commit(io, 1, NVME_FW_CA_BP_REPLACE), NVME_SC_INVALID_FW_IMAGE);
	assert_int_equal(fw_piece(io, pattern(1), 4096, 4096), 0); /* does not begin at the beginning */
	assert_int_equal(commit(io, 1, NVME_FW_CA_BP_REPLACE), NVME_SC_INVALID_FW_IMAGE);
	assert_int_equal(fw_commit(io, 0, 4), NVME_SC_INVALID_FIELD);
	assert_int_equal(fw_commit(io, 0, 5), NVME_SC_INVALID_FIELD);
}

/* NVMe Base 2.2, figure "Set Features Boot Partition Write Protection State Definitions". */
static void
protection(void **state)
{
	struct io *io = *state;

	expect_protection(io, NVME_BPWPS_LOCKED, NVME_BPWPS_LOCKED);
	assert_int_equal(protect(io, NVME_BPWPS_UNLOCKED, 0), 0);
	expect_protection(io, NVME_BPWPS_UNLOCKED, NVME_BPWPS_LOCKED);
	adm_reset(io); /* persistent across Controller Level Resets */
	expect_protection(io, NVME_BPWPS_UNLOCKED, NVME_BPWPS_LOCKED);
	assert_int_equal(protect(io, NVME_BPWPS_RPMB, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(protect(io, NVME_BPWPS_LOCKED, 5), NVME_SC_INVALID_FIELD); /* neither changes */
	expect_protection(io, NVME_BPWPS_UNLOCKED, NVME_BPWPS_LOCKED);
	assert_int_equal(protect(io, NVME_BPWPS_UNLOCKED, NVME_BPWPS_UNTIL_POWER_CYCLE), 0);
	for (uint32_t to = NVME_BPWPS_UNLOCKED; to <= NVME_BPWPS_LOCKED; to++)
		assert_int_equal(protect(io, 0, to), NVME_SC_FEAT_NOT_CHANGEABLE);
	assert_int_equal(protect(io, NVME_BPWPS_LOCKED, NVME_BPWPS_UNTIL_POWER_CYCLE), 0); /* no change of the other */
	fw_load(io, pattern(1), 4096);
	assert_int_equal(commit(io, 1, NVME_FW_CA_BP_REPLACE), NVME_SC_BP_WRITE_PROHIBITED);
	adm_reset(io);
	expect_protection(io, NVME_BPWPS_LOCKED, NVME_BPWPS_UNTIL_POWER_CYCLE);
	adm_power_cycle(io);
	expect_protection(io, NVME_BPWPS_LOCKED, NVME_BPWPS_LOCKED);
	assert_int_equal(protect(io, 0, NVME_BPWPS_UNLOCKED), 0);
	adm_power_cycle(io);
	expect_protection(io, NVME_BPWPS_LOCKED, NVME_BPWPS_LOCKED);
}

/* Without queues, and without a controller that is enabled. */
static void
read_while_disabled(void **state)
{
	struct io *io = *state;
	uint64_t nowhere = 0x1000;

	write_partition(io, 0, 5);
	rig_set(io->r, NVME_REG_CC, 0);
	rig_step(io->r);
	assert_int_equal(rig_reg(io->r, NVME_REG_BPINFO), 1);
	assert_int_equal(read_by_property(io->r, io->buf, 0, 0, BP), NVME_BPINFO_BRS_DONE);
	assert_memory_equal(io_buf(io), pattern(5), BP);
	assert_int_equal(ssd_bar_read(io->r->ssd, NVME_REG_BPMBL, 8), io->buf);
	assert_int_equal(rig_reg(io->r, NVME_REG_BPRSEL), BP / 4096);
	assert_int_equal(read_by_property(io->r, io->buf, 0, 0, BP + 4096), NVME_BPINFO_BRS_ERROR);
	assert_int_equal(read_by_property(io->r, io->buf, 0, BP, 4096), NVME_BPINFO_BRS_ERROR);
	assert_int_equal(read_by_property(io->r, io->buf, 1, 1u << 30, 4096), NVME_BPINFO_BRS_ERROR);
	assert_int_equal(read_by_property(io->r, nowhere, 0, 0, 4096), NVME_BPINFO_BRS_ERROR);
	assert_int_equal(read_by_property(io->r, io->buf, 0, BP - 4096, 4096), NVME_BPINFO_BRS_DONE);
	assert_memory_equal(io_buf(io), pattern(5) + BP - 4096, 4096);
	rig_cfg_set(io->r, 4, 2, 2); /* no bus master: it cannot write to the host */
	assert_int_equal(read_by_property(io->r, io->buf, 0, 0, 4096), NVME_BPINFO_BRS_ERROR);
}

/* What is in progress is not changed by another request, and a reset ends it. */
static void
one_read_at_a_time(void **state)
{
	struct io *io = *state;

	write_partition(io, 0, 6);
	ssd_bar_write(io->r->ssd, NVME_REG_BPMBL, 8, io->buf | 0xabc);
	assert_int_equal(ssd_bar_read(io->r->ssd, NVME_REG_BPMBL, 8), io->buf);
	rig_set(io->r, NVME_REG_BPRSEL, 2);
	rig_set(io->r, NVME_REG_BPRSEL, 1u << 31 | 1);
	ssd_bar_write(io->r->ssd, NVME_REG_BPMBL, 8, 0);
	rig_set(io->r, NVME_REG_BPINFO, UINT32_MAX);
	assert_int_equal(rig_reg(io->r, NVME_REG_BPRSEL), 2);
	assert_int_equal(ssd_bar_read(io->r->ssd, NVME_REG_BPMBL, 8), io->buf);
	adm_sleep(io, ADM_MS);
	assert_memory_equal(io_buf(io), pattern(6), 8192);
	rig_set(io->r, NVME_REG_BPRSEL, 2);
	rig_set(io->r, NVME_REG_CC, 0);
	assert_int_equal(rig_reg(io->r, NVME_REG_BPINFO), 1); /* BRS 00b */
	assert_int_equal(rig_reg(io->r, NVME_REG_BPRSEL), 0);
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
	char path[] = "/tmp/nvproof-boot-XXXXXX";
	int fd = mkstemp(path);
	struct io io;

	(void)state;
	assert_true(fd >= 0);
	io = image_io(path);
	write_partition(&io, 0, 7);
	write_partition(&io, 1, 8);
	assert_int_equal(commit(&io, 1, NVME_FW_CA_BP_ACTIVATE), 0);
	rig_close(io.r);
	io = image_io(path);
	expect_protection(&io, NVME_BPWPS_LOCKED, NVME_BPWPS_LOCKED);
	expect_log(&io, 0, 7, 1);
	expect_log(&io, 1, 8, 1);
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
		T(write_and_read),
		T(active),
		T(refused_commits),
		T(protection),
		T(read_while_disabled),
		T(one_read_at_a_time),
		cmocka_unit_test(kept_in_the_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
