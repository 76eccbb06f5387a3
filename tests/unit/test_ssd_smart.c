/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SMART counts what happened, command by command, and an image keeps it; who is told that a namespace has changed.
 *
 * NVM Command Set 1.2, "SMART Data Units Read Command", "SMART Host Read Command", "User Data Out Command"; NVMe Base 2.2,
 * "SMART / Health Information", "Changed Attached Namespace List".
 */
#include "ssd_adm.h"
#include "ssd_second.h"
#include "nvproof/spec/feat.h"
#include "nvproof/spec/nvm.h"
#include <stdlib.h>
#include <unistd.h>

struct counts {
	uint64_t hrc, hwc, read, written; /* data in units of 512 bytes */
};

static struct counts
counts(struct io *io)
{
	const struct ssd_smart *s = &io->r->sub->smart;

	return (struct counts){ s->host_reads, s->host_writes, s->units_read_512, s->units_written_512 };
}

/* What one command adds. */
static void
expect_added(struct io *io, const struct counts *before, const struct counts *added)
{
	struct counts now = counts(io);

	assert_int_equal(now.hrc - before->hrc, added->hrc);
	assert_int_equal(now.hwc - before->hwc, added->hwc);
	assert_int_equal(now.read - before->read, added->read);
	assert_int_equal(now.written - before->written, added->written);
}

static nvme_status
blocks(struct io *io, uint8_t opc, uint32_t nsid, uint64_t slba, uint32_t nlb, uint64_t len)
{
	struct nvme_sqe sqe;

	nvme_prep_read(&sqe, nsid, slba, nlb);
	sqe.opc = opc;
	return io_cmd(io, &sqe, len);
}

static nvme_status
copy(struct io *io, uint32_t nsid, uint32_t nlb)
{
	struct nvme_sqe sqe = { .opc = NVME_OPC_COPY, .nsid = le32_from(nsid), .cdw10 = le32_from(64) };
	struct nvme_copy_range range = { .nlb = le16_from((uint16_t)(nlb - 1)) };

	memcpy(io_buf(io), &range, sizeof(range));
	return io_cmd(io, &sqe, sizeof(range));
}

static const struct {
	uint8_t opc;
	bool read, write, units_read; /* counted as host read, as host write with its data, data read */
} table[] = {
	{ NVME_OPC_WRITE, false, true, false },		{ NVME_OPC_READ, true, false, true },
	{ NVME_OPC_COMPARE, true, false, true },	{ NVME_OPC_VERIFY, false, false, true },
	{ NVME_OPC_WRITE_ZEROES, false, false, false }, { NVME_OPC_WRITE_UNCOR, false, false, false },
	{ NVME_OPC_FLUSH, false, false, false },
};

/* Successful commands count; refused ones do not.  Data is that of blocks, without metadata. */
static void
each_command(struct io *io, uint32_t nsid, uint64_t block)
{
	uint64_t units = 8ull << (io_shift(io, nsid) - 9);

	for (size_t i = 0; i < UT_ARRAY_LEN(table); i++) {
		struct counts before = counts(io), none = { 0 };
		const struct counts added = { table[i].read, table[i].write, table[i].units_read ? units : 0,
					      table[i].write ? units : 0 };

		memset(io_buf(io), 0, 8 * block);
		assert_int_equal(blocks(io, table[i].opc, nsid, 0, 8, 8 * block), 0);
		expect_added(io, &before, &added);
		if (table[i].opc == NVME_OPC_FLUSH)
			continue;
		before = counts(io);
		assert_int_equal(blocks(io, table[i].opc, nsid, UINT64_MAX, 8, 8 * block), NVME_SC_LBA_RANGE);
		expect_added(io, &before, &none);
	}
}

static void
commands(void **state)
{
	struct io *io = *state;
	struct counts before;

	each_command(io, 1, 512);
	each_command(io, 2, 4096);
	assert_int_equal(adm_opc(io, NVME_ADM_FORMAT_NVM, 1, 2 | 1 << 4, 0), 0); /* 8 bytes of metadata in the buffer */
	each_command(io, 1, 520);
	before = counts(io);
	assert_int_equal(blocks(io, NVME_OPC_WRITE, 2, 0, 8, 8 * 4096), 0); /* readable again */
	expect_added(io, &before, &(struct counts){ 0, 1, 0, 64 });
	before = counts(io);
	assert_int_equal(copy(io, 2, 4), 0);
	expect_added(io, &before, &(struct counts){ 1, 1, 0, 32 });
}

/* A bit that is wrong on the media is an error of the media; a guard that the host got wrong is not. */
static void
media_errors(void **state)
{
	struct io *io = *state;
	const struct ssd_smart *s = &io->r->sub->smart;
	struct ssd_ns *ns = &io->r->sub->ns[0];
	struct ssd_media *m = io->r->sub->media;
	uint64_t len = 512;
	struct nvme_sqe sqe;

	assert_int_equal(adm_opc(io, NVME_ADM_FORMAT_NVM, 1, 2 | 1 << 4 | 1 << 5, 0), 0); /* type 1, interleaved */
	nvme_prep_write(&sqe, 1, 0, 1);
	sqe.cdw12 = le32_from((uint32_t)NVME_RW_PRCHK_GUARD);
	memset(io_buf(io), 0x11, 520);
	assert_int_equal(io_cmd(io, &sqe, 520), NVME_SC_GUARD_CHECK);
	assert_int_equal(s->media_errors, 0);
	sqe.cdw12 = le32_from((uint32_t)NVME_RW_PRACT);
	assert_int_equal(io_cmd(io, &sqe, 512), 0);
	((uint8_t *)m->ops->poke(m, ns->media_off, &len, 0))[100] ^= 1;
	sqe.opc = NVME_OPC_READ;
	sqe.cdw12 = le32_from((uint32_t)NVME_RW_PRCHK_GUARD);
	assert_int_equal(io_cmd(io, &sqe, 520), NVME_SC_GUARD_CHECK);
	assert_int_equal(s->media_errors, 1);
	sqe.opc = NVME_OPC_VERIFY;
	assert_int_equal(io_cmd(io, &sqe, 0), NVME_SC_GUARD_CHECK);
	assert_int_equal(s->media_errors, 2);
}

static void
image_start(struct io *io, const char *path)
{
	io_init(io, rig_open_config(&(struct ssd_config){ .nr_ns = 1,
							  .ns = { { 8u << 20, 512 } },
							  .media = SSD_MEDIA_FILE,
							  .image = path,
							  .create = true }));
	adm_enable(io);
}

static void
shut_down(struct io *io)
{
	rig_set(io->r, NVME_REG_CC, RIG_CC | nvme_put32(NVME_CC_SHN, NVME_CC_SHN_NORMAL));
	rig_step(io->r);
	assert_int_equal(nvme_get(rig_reg(io->r, NVME_REG_CSTS), NVME_CSTS_SHST), NVME_CSTS_SHST_COMPLETE);
}

/* What the log says is the sum over all that opened the image, one after the other. */
static void
over_processes(void **state)
{
	char path[] = "/tmp/nvproof-smart-XXXXXX";
	int fd = mkstemp(path);
	struct io io;

	(void)state;
	assert_true(fd >= 0);
	for (uint64_t life = 1; life <= 3; life++) {
		const struct nvme_smart_log *log;
		struct nvme_sqe sqe;

		image_start(&io, path);
		for (int i = 0; i < 10; i++)
			assert_int_equal(io_write(&io, 1, 0, 256, (uint8_t)i), 0);
		for (int i = 0; i < 5; i++)
			assert_int_equal(io_read(&io, 1, 0, 128), 0);
		nvme_prep_write_uncor(&sqe, 1, 7, 1);
		assert_int_equal(io_cmd(&io, &sqe, 0), 0);
		assert_int_equal(io_read(&io, 1, 7, 1), NVME_SC_UNRECOVERED_READ);
		adm_sleep(&io, 3600ull * 1000 * ADM_MS);
		log = adm_log(&io, NVME_LOG_SMART, 512);
		assert_int_equal(le64_get(log->hwc[0]), 10 * life);
		assert_int_equal(le64_get(log->duw[0]), (2560 * life + 999) / 1000);
		assert_int_equal(le64_get(log->hrc[0]), 5 * life);
		assert_int_equal(le64_get(log->dur[0]), (640 * life + 999) / 1000);
		assert_int_equal(le64_get(log->mdie[0]), life);
		assert_int_equal(le64_get(log->neile[0]), life);
		assert_int_equal(le64_get(log->pwrc[0]), life);
		assert_int_equal(le64_get(log->poh[0]), life);
		assert_int_equal(le64_get(log->upl[0]), life == 3 ? 1 : 0); /* the second did not shut down */
		if (life != 2)
			shut_down(&io);
		rig_close(io.r);
	}
	close(fd);
	unlink(path);
}

static void
set_list(struct io *io, uint16_t cntlid)
{
	memset(io_buf(io), 0, 4096);
	io_buf(io)[0] = 1;
	io_buf(io)[2] = (uint8_t)cntlid;
}

static nvme_status
attach(struct io *io, uint32_t nsid, uint32_t sel, uint16_t cntlid)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_NS_ATTACH, .nsid = le32_from(nsid), .cdw10 = le32_from(sel) };

	set_list(io, cntlid);
	return io_admin(io, &sqe, 4096);
}

static void
expect_changed(struct io *io, uint32_t first, uint32_t second)
{
	const struct nvme_ns_list *l = adm_log(io, NVME_LOG_CHANGED_NS, 4096);

	assert_int_equal(le32_get(l->nsid[0]), first);
	assert_int_equal(le32_get(l->nsid[1]), second);
}

#define CHANGED (NVME_AER_NOTICE | NVME_AER_NOTICE_NS_ATTR << 8 | NVME_LOG_CHANGED_NS << 16)

/* The host that did it knows; the other one is told once, until it has read the list. */
static void
changed_namespaces(void **state)
{
	struct two t;

	(void)state;
	two_open(&t, NULL);
	adm_aer(&t.a);
	adm_aer(&t.b);
	assert_int_equal(attach(&t.a, 2, NVME_NS_ATTACH_DETACH, 2), 0);
	assert_int_equal(adm_event(&t.b), CHANGED);
	assert_int_equal(adm_event(&t.a), UINT32_MAX);
	adm_aer(&t.b);
	assert_int_equal(attach(&t.a, 2, NVME_NS_ATTACH_ATTACH, 2), 0);
	assert_int_equal(adm_event(&t.b), UINT32_MAX); /* masked until the list is read */
	assert_int_equal(adm_opc(&t.a, NVME_ADM_FORMAT_NVM, 1, 1, 0), 0);
	assert_int_equal(adm_log_part(&t.b, NVME_LOG_CHANGED_NS | (uint32_t)NVME_GLP_RAE, 0, 4096), 0);
	assert_int_equal(adm_event(&t.b), UINT32_MAX); /* RAE: still masked */
	expect_changed(&t.b, 1, 2);
	assert_int_equal(adm_event(&t.b), UINT32_MAX); /* what waited was about what has been read */
	expect_changed(&t.b, 0, 0);
	assert_int_equal(adm_opc(&t.a, NVME_ADM_FORMAT_NVM, 1, 0, 0), 0);
	assert_int_equal(adm_event(&t.b), CHANGED);
	expect_changed(&t.b, 1, 0);
	expect_changed(&t.a, 0, 0);
	/* Write protection is an attribute too; a host that does not want the notice gets none, and the list has it. */
	assert_int_equal(io_feature_set(&t.b, NVME_FEAT_ASYNC_EVENT, 0, 0, false), 0);
	adm_aer(&t.b);
	assert_int_equal(io_feature_set(&t.a, NVME_FEAT_WRITE_PROTECT, 1, 1, false), 0);
	assert_int_equal(adm_event(&t.b), UINT32_MAX);
	expect_changed(&t.b, 1, 0);
	two_close(&t);
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(commands),
		T(media_errors),
		cmocka_unit_test(over_processes),
		cmocka_unit_test(changed_namespaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
