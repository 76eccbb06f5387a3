/* SPDX-License-Identifier: BSD-3-Clause */
/* The NVM command set on the whole model: data, limits, and the status of what is wrong. */
#include "ssd_io.h"
#include "nvproof/spec/feat.h"
#include "nvproof/spec/nvm.h"

#define NS1 1u /* 512-byte blocks */
#define NS2 2u /* 4 KiB blocks */
#define NSZE1 32768u
#define NSZE2 4096u

static void
dulbe(struct io *io, bool on)
{
	assert_int_equal(io_feature_set(io, NVME_FEAT_ERR_RECOVERY, NVME_NSID_ALL, on ? NVME_FEAT_ER_DULBE : 0, false),
			 0);
}

static nvme_status
lba_cmd(struct io *io, uint8_t opc, uint32_t nsid, uint64_t slba, uint32_t nlb, uint32_t cdw12)
{
	struct nvme_sqe sqe;

	nvme_prep_lba_cmd(&sqe, opc, nsid, slba, nlb);
	sqe.cdw12 = le32_from(le32_get(sqe.cdw12) | cdw12);
	return io_cmd(io, &sqe, (uint64_t)nlb << io_shift(io, nsid));
}

static void
what_is_written_is_read(void **state)
{
	struct io *io = *state;

	for (uint32_t nsid = NS1; nsid <= NS2; nsid++) {
		assert_int_equal(io_write(io, nsid, 7, 3, 0xa5), 0);
		assert_int_equal(io_write(io, nsid, 10, 1, 0x5a), 0);
		io_expect(io, nsid, 7, 3, 0xa5);
		io_expect(io, nsid, 10, 1, 0x5a);
		io_expect(io, nsid, 6, 1, 0);
	}
	assert_int_equal(io_write(io, NS1, NSZE1 - 1, 1, 1), 0);
	io_expect(io, NS1, NSZE1 - 1, 1, 1);
	io_expect(io, NS2, 0, 1, 0); /* namespaces do not touch */
	assert_int_equal(lba_cmd(io, NVME_OPC_READ, NS1, 0, 1, NVME_RW_LR | NVME_RW_FUA), 0);
	assert_int_equal(lba_cmd(io, NVME_OPC_WRITE, NS1, 0, 1, NVME_RW_LR | NVME_RW_FUA), 0);
}

/* Each opcode that takes a range refuses one that does not fit, at its LBA. */
static void
ranges(void **state)
{
	static const uint8_t opcs[] = { NVME_OPC_READ,	       NVME_OPC_WRITE,	     NVME_OPC_COMPARE,
					NVME_OPC_WRITE_ZEROES, NVME_OPC_WRITE_UNCOR, NVME_OPC_VERIFY };
	struct io *io = *state;

	for (size_t i = 0; i < UT_ARRAY_LEN(opcs); i++) {
		assert_int_equal(lba_cmd(io, opcs[i], NS1, NSZE1, 1, 0), NVME_SC_LBA_RANGE);
		assert_int_equal(io_blamed(io), 40);
		assert_int_equal(lba_cmd(io, opcs[i], NS1, NSZE1 - 1, 2, 0), NVME_SC_LBA_RANGE);
		assert_int_equal(io_blamed_lba(io), NSZE1);
		assert_int_equal(lba_cmd(io, opcs[i], NS1, UINT64_MAX, 2, 0), NVME_SC_LBA_RANGE);
		assert_int_equal(lba_cmd(io, opcs[i], NS2, NSZE2 - 1, 2, 0), NVME_SC_LBA_RANGE);
		assert_int_equal(lba_cmd(io, opcs[i], 3, 0, 1, 0) & 0x7ff, NVME_SC_INVALID_NS);
		assert_int_equal(lba_cmd(io, opcs[i], NS1, 0, 1, 1u << 16), NVME_SC_INVALID_FIELD); /* CETYPE */
		assert_int_equal(io_blamed(io), 50);
	}
}

static void
reserved_fields_of_write(void **state)
{
	struct io *io = *state;

	assert_int_equal(lba_cmd(io, NVME_OPC_WRITE, NS1, 0, 1, 1u << 20), 0); /* DTYPE: no directive is enabled */
	assert_int_equal(lba_cmd(io, NVME_OPC_WRITE, NS1, 0, 1, NVME_RW_PRINFO), 0); /* ignored without PI */
	assert_int_equal(lba_cmd(io, NVME_OPC_WRITE_ZEROES, NS1, 0, 1, NVME_WZ_NSZ), NVME_SC_INVALID_FIELD);
}

static void
mdts(void **state)
{
	static const uint8_t opcs[] = { NVME_OPC_READ, NVME_OPC_WRITE, NVME_OPC_COMPARE };
	struct io *io = *state;

	for (size_t i = 0; i < UT_ARRAY_LEN(opcs); i++) {
		memset(io_buf(io), 0, IO_PAGES * SSD_PAGE);
		assert_int_equal(lba_cmd(io, opcs[i], NS1, 0, 4096, 0), 0);
		assert_int_equal(lba_cmd(io, opcs[i], NS1, 0, 4097, 0), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(io), 48);
		assert_int_equal(lba_cmd(io, opcs[i], NS2, 0, 512, 0), 0);
		assert_int_equal(lba_cmd(io, opcs[i], NS2, 0, 513, 0), NVME_SC_INVALID_FIELD);
	}
	assert_int_equal(lba_cmd(io, NVME_OPC_VERIFY, NS1, 0, NSZE1, 0), 0); /* no data, no MDTS */
	assert_int_equal(lba_cmd(io, NVME_OPC_WRITE_ZEROES, NS1, 0, NSZE1, 0), 0);
}

static void
host_memory_missing(void **state)
{
	struct io *io = *state;

	assert_int_equal(io_write(io, NS1, 0, 16, 1), 0);
	io->r->hole = io->buf + SSD_PAGE;
	io->r->hole_len = SSD_PAGE;
	ssd_port_changed(io->r->ssd);
	assert_int_equal(lba_cmd(io, NVME_OPC_READ, NS1, 0, 16, 0), NVME_SC_DATA_TRANSFER);
	assert_int_equal(lba_cmd(io, NVME_OPC_WRITE, NS1, 0, 16, 0), NVME_SC_DATA_TRANSFER);
	assert_int_equal(lba_cmd(io, NVME_OPC_COMPARE, NS1, 0, 16, 0), NVME_SC_DATA_TRANSFER);
	assert_int_equal(lba_cmd(io, NVME_OPC_READ, NS1, 0, 8, 0), 0);
}

static void
compare(void **state)
{
	struct io *io = *state;

	assert_int_equal(io_write(io, NS1, 100, 300, 0x11), 0);
	assert_int_equal(lba_cmd(io, NVME_OPC_COMPARE, NS1, 100, 300, 0), 0);
	io_buf(io)[299 * 512 + 511] ^= 1; /* beyond the first 64 KiB */
	assert_int_equal(lba_cmd(io, NVME_OPC_COMPARE, NS1, 100, 300, 0), NVME_SC_COMPARE_FAILED);
	assert_int_equal(io_blamed_lba(io), 399);
	assert_int_equal(lba_cmd(io, NVME_OPC_COMPARE, NS1, 100, 299, 0), 0);
}

static nvme_status
fused(struct io *io, uint32_t nlb1, uint32_t nlb2, nvme_status *first)
{
	struct nvme_sqe c, w;
	struct nvme_cqe cqe;

	nvme_prep_compare(&c, NS1, 5, nlb1);
	nvme_prep_write(&w, NS1, 5, nlb2);
	io_prp(io, &c, nlb1 * 512);
	w.prp1 = le64_from(io->buf + 256 * SSD_PAGE); /* NLB up to 8 */
	c.flags = NVME_FUSE_FIRST;
	w.flags = NVME_FUSE_SECOND;
	if (nlb2 > 8)
		io_prp(io, &w, nlb2 * 512);
	rig_put(io->r, 1, &c);
	rig_put(io->r, 1, &w);
	rig_ring(io->r, 1);
	rig_step(io->r);
	assert_true(rig_reap(io->r, 1, &cqe));
	assert_int_equal(cqe.cid, c.cid);
	*first = rig_sc(nvme_status_of(le16_get(cqe.status)));
	assert_true(rig_reap(io->r, 1, &cqe));
	assert_int_equal(cqe.cid, w.cid);
	return rig_sc(nvme_status_of(le16_get(cqe.status)));
}

static void
compare_and_write(void **state)
{
	struct io *io = *state;
	nvme_status first;

	memset(rig_ptr(io->r, io->buf + 256 * SSD_PAGE), 0x77, 4096);
	memset(io_buf(io), 0, 4096);
	assert_int_equal(fused(io, 8, 8, &first), 0);
	assert_int_equal(first, 0);
	io_expect(io, NS1, 5, 8, 0x77);
	memset(io_buf(io), 0, 4096);
	assert_int_equal(fused(io, 8, 8, &first), NVME_SC_ABORT_FAILED_FUSED);
	assert_int_equal(first, NVME_SC_COMPARE_FAILED);
	io_expect(io, NS1, 5, 8, 0x77);
	assert_int_equal(fused(io, 8, 4, &first), NVME_SC_INVALID_FIELD);
	memset(io_buf(io), 0x77, 4096);
	memset(io_buf(io) + 4096, 0, 65536 - 4096);
	assert_int_equal(fused(io, 128, 128, &first), 0); /* ACWU */
	fused(io, 129, 129, &first);
	assert_int_equal(first, NVME_SC_ATOMIC_WRITE_UNIT);
}

static void
flush(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;

	nvme_prep_flush(&sqe, NS1);
	assert_int_equal(io_cmd(io, &sqe, 0), 0);
	nvme_prep_flush(&sqe, NVME_NSID_ALL);
	assert_int_equal(io_cmd(io, &sqe, 0), 0);
	nvme_prep_flush(&sqe, 33);
	assert_int_equal(io_cmd(io, &sqe, 0), NVME_SC_INVALID_NS);
}

static void
write_zeroes(void **state)
{
	struct io *io = *state;

	assert_int_equal(io_write(io, NS1, 0, 32, 0xff), 0);
	assert_int_equal(lba_cmd(io, NVME_OPC_WRITE_ZEROES, NS1, 3, 20, 0), 0);
	io_expect(io, NS1, 0, 3, 0xff);
	io_expect(io, NS1, 3, 20, 0);
	io_expect(io, NS1, 23, 9, 0xff);
	dulbe(io, true);
	assert_int_equal(io_read(io, NS1, 0, 32), 0); /* zeros were written */
	assert_int_equal(lba_cmd(io, NVME_OPC_WRITE_ZEROES, NS1, 3, 20, NVME_WZ_DEAC), 0);
	assert_int_equal(io_read(io, NS1, 0, 32), NVME_SC_UNWRITTEN_BLOCK);
	assert_int_equal(io_blamed_lba(io), 3);
}

static void
uncorrectable(void **state)
{
	struct io *io = *state;
	uint64_t errors = io->r->sub->smart.media_errors;

	assert_int_equal(io_write(io, NS1, 0, 32, 0x42), 0);
	assert_int_equal(lba_cmd(io, NVME_OPC_WRITE_UNCOR, NS1, 10, 4, 0), 0);
	assert_int_equal(io_read(io, NS1, 0, 32), NVME_SC_UNRECOVERED_READ);
	assert_int_equal(io_blamed_lba(io), 10);
	assert_int_equal(lba_cmd(io, NVME_OPC_VERIFY, NS1, 13, 1, 0), NVME_SC_UNRECOVERED_READ);
	assert_int_equal(lba_cmd(io, NVME_OPC_COMPARE, NS1, 13, 1, 0), NVME_SC_UNRECOVERED_READ);
	assert_int_equal(io->r->sub->smart.media_errors, errors + 3);
	io_expect(io, NS1, 0, 10, 0x42);
	io_expect(io, NS1, 14, 18, 0x42);
	assert_int_equal(io_write(io, NS1, 10, 2, 0x43), 0);
	io_expect(io, NS1, 10, 2, 0x43);
	assert_int_equal(lba_cmd(io, NVME_OPC_WRITE_ZEROES, NS1, 12, 1, 0), 0);
	io_expect(io, NS1, 12, 1, 0);
	assert_int_equal(io_read(io, NS1, 13, 1), NVME_SC_UNRECOVERED_READ);
	assert_int_equal(io_write(io, NS1, 13, 1, 1), 0);
	io_expect(io, NS1, 13, 1, 1);
	/* A write that failed did not repair anything: the old data stays out of sight. */
	assert_int_equal(lba_cmd(io, NVME_OPC_WRITE_UNCOR, NS1, 10, 4, 0), 0);
	io->r->hole = io->buf;
	io->r->hole_len = SSD_PAGE;
	ssd_port_changed(io->r->ssd);
	assert_int_equal(lba_cmd(io, NVME_OPC_WRITE, NS1, 10, 4, 0), NVME_SC_DATA_TRANSFER);
	assert_int_equal(lba_cmd(io, NVME_OPC_VERIFY, NS1, 10, 4, 0), NVME_SC_UNRECOVERED_READ);
}

static nvme_status
dsm(struct io *io, uint32_t nr, uint32_t attr)
{
	struct nvme_sqe sqe;

	nvme_prep_dsm(&sqe, NS1, nr, attr);
	return io_cmd(io, &sqe, nr * 16ull);
}

static uint64_t
nuse(struct io *io)
{
	struct nvme_sqe sqe;

	nvme_prep_identify(&sqe, NVME_CNS_NS, NS1, 0);
	assert_int_equal(io_admin(io, &sqe, 4096), 0);
	return le64_get(((struct nvme_id_ns *)(void *)io_buf(io))->nuse);
}

static void
deallocate(void **state)
{
	struct io *io = *state;
	struct nvme_dsm_range *range = (void *)io_buf(io);

	assert_int_equal(nuse(io), 0);
	assert_int_equal(io_write(io, NS1, 0, 1024, 0x33), 0);
	assert_int_equal(nuse(io), 1024);
	memset(range, 0, 4096);
	for (uint32_t i = 0; i < 256; i++)
		range[i] = (struct nvme_dsm_range){ .nlb = le32_from(2), .slba = le64_from(i * 4) };
	assert_int_equal(dsm(io, 256, NVME_DSM_IDR | NVME_DSM_IDW), 0); /* hints */
	assert_int_equal(dsm(io, 256, NVME_DSM_AD), 0);
	assert_int_equal(nuse(io), 512);
	io_expect(io, NS1, 0, 2, 0);
	io_expect(io, NS1, 2, 2, 0x33);
	io_expect(io, NS1, 1020, 2, 0);
	dulbe(io, true);
	assert_int_equal(io_read(io, NS1, 2, 2), 0);
	assert_int_equal(io_read(io, NS1, 2, 3), NVME_SC_UNWRITTEN_BLOCK);
	assert_int_equal(lba_cmd(io, NVME_OPC_VERIFY, NS1, 4, 1, 0), NVME_SC_UNWRITTEN_BLOCK);
	assert_int_equal(lba_cmd(io, NVME_OPC_COMPARE, NS1, 4, 1, 0), NVME_SC_UNWRITTEN_BLOCK);
	dulbe(io, false);
	assert_int_equal(io_read(io, NS1, 2, 3), 0);
}

/* One bad range, and none of them is deallocated. */
static void
deallocate_out_of_range(void **state)
{
	struct io *io = *state;
	struct nvme_dsm_range *range = (void *)io_buf(io);

	assert_int_equal(io_write(io, NS1, 0, 8, 0x33), 0);
	range[0] = (struct nvme_dsm_range){ .nlb = le32_from(8), .slba = le64_from(0) };
	range[1] = (struct nvme_dsm_range){ .nlb = le32_from(2), .slba = le64_from(NSZE1 - 1) };
	assert_int_equal(dsm(io, 2, NVME_DSM_AD), NVME_SC_LBA_RANGE);
	range[1] = (struct nvme_dsm_range){ .nlb = le32_from(1), .slba = le64_from(UINT64_MAX) };
	assert_int_equal(dsm(io, 2, NVME_DSM_AD), NVME_SC_LBA_RANGE);
	assert_int_equal(nuse(io), 8);
	range[0] = (struct nvme_dsm_range){ .nlb = le32_from(NSZE1), .slba = le64_from(0) };
	assert_int_equal(dsm(io, 1, NVME_DSM_AD), 0);
	assert_int_equal(nuse(io), 0);
}

static nvme_status
copy(struct io *io, uint64_t to, uint32_t nr, uint8_t format)
{
	struct nvme_sqe sqe;

	nvme_prep_copy(&sqe, NS1, to, nr, format);
	return io_cmd(io, &sqe, nr * 32ull);
}

static void
source(struct io *io, uint32_t i, uint64_t slba, uint32_t nlb)
{
	((struct nvme_copy_range *)(void *)io_buf(io))[i] =
		(struct nvme_copy_range){ .slba = le64_from(slba), .nlb = le16_from((uint16_t)(nlb - 1)) };
}

static void
copying(void **state)
{
	struct io *io = *state;

	assert_int_equal(io_write(io, NS1, 0, 8, 1), 0);
	assert_int_equal(io_write(io, NS1, 8, 8, 2), 0);
	source(io, 0, 8, 8);
	source(io, 1, 0, 8);
	assert_int_equal(copy(io, 1000, 2, 0), 0);
	io_expect(io, NS1, 1000, 8, 2);
	io_expect(io, NS1, 1008, 8, 1);
	source(io, 0, 0, 16); /* onto itself, 4 blocks on: what was there is copied */
	assert_int_equal(copy(io, 4, 1, 0), 0);
	io_expect(io, NS1, 4, 8, 1);
	io_expect(io, NS1, 12, 8, 2);
}

static void
copy_limits(void **state)
{
	struct io *io = *state;
	uint32_t i;

	source(io, 0, 0, 1);
	assert_int_equal(copy(io, 0, 1, 1), NVME_SC_INVALID_FORMAT); /* format 1h: not with this guard */
	assert_int_equal(copy(io, 0, 1, 2), NVME_SC_INVALID_FIELD); /* format 2h */
	assert_int_equal(io_blamed(io), 49);
	assert_int_equal(lba_cmd(io, NVME_OPC_COPY, NS1, 0, 1, 1u << 16), NVME_SC_INVALID_FIELD); /* CETYPE */
	assert_int_equal(io_blamed(io), 50);
	assert_int_equal(lba_cmd(io, NVME_OPC_COPY, NS1, 0, 1, 1u << 20), 0); /* DTYPE: no directive is enabled */
	((struct nvme_copy_range *)(void *)io_buf(io))->rsvd18[0] = 1; /* CETYPE of the source */
	assert_int_equal(copy(io, 0, 1, 0), NVME_SC_INVALID_FIELD);
	source(io, 0, 0, 128);
	assert_int_equal(copy(io, 500, 1, 0), 0);
	source(io, 0, 0, 129); /* MSSRL */
	assert_int_equal(copy(io, 500, 1, 0), NVME_SC_CMD_SIZE_LIMIT);
	for (i = 0; i < 129; i++)
		source(io, i, 0, 1);
	assert_int_equal(copy(io, 500, 128, 0), 0);
	assert_int_equal(copy(io, 500, 129, 0), NVME_SC_CMD_SIZE_LIMIT); /* MSRC */
	for (i = 0; i < 65; i++)
		source(io, i, 0, 128);
	assert_int_equal(copy(io, 500, 64, 0), 0);
	assert_int_equal(copy(io, 500, 65, 0), NVME_SC_CMD_SIZE_LIMIT); /* MCL */
	source(io, 0, 0, 8);
	assert_int_equal(copy(io, NSZE1 - 7, 1, 0), NVME_SC_LBA_RANGE);
	assert_int_equal(io_blamed(io), 40);
	source(io, 0, NSZE1 - 7, 8);
	assert_int_equal(copy(io, 0, 1, 0), NVME_SC_LBA_RANGE);
	assert_int_equal(lba_cmd(io, NVME_OPC_WRITE_UNCOR, NS1, 3, 1, 0), 0);
	source(io, 0, 5000, 1);
	source(io, 1, 0, 8);
	assert_int_equal(io_write(io, NS1, 700, 1, 9), 0);
	source(io, 0, 5000, 1);
	source(io, 1, 0, 8);
	assert_int_equal(copy(io, 700, 2, 0), NVME_SC_UNRECOVERED_READ);
	assert_int_equal(le32_get(io->cqe.dw0), 0); /* nothing was written */
	io_expect(io, NS1, 700, 1, 9);
	dulbe(io, true);
	source(io, 0, 20000, 1);
	assert_int_equal(copy(io, 700, 1, 0), NVME_SC_UNWRITTEN_BLOCK);
}

static int
no_flush(struct ssd_media *m)
{
	(void)m;
	return -1;
}

/* FUA, and no volatile write cache: a command is not done before its data is safe. */
static void
durable(void **state)
{
	struct io *io = *state;
	struct ssd_media *m = io->r->sub->media;
	const struct ssd_media_ops *ops = m->ops;
	struct ssd_media_ops broken = *ops;

	broken.flush = no_flush;
	m->ops = &broken;
	assert_int_equal(lba_cmd(io, NVME_OPC_WRITE, NS1, 5, 1, 0), 0);
	assert_int_equal(lba_cmd(io, NVME_OPC_WRITE, NS1, 5, 1, NVME_RW_FUA), NVME_SC_WRITE_FAULT);
	assert_int_equal(io_blamed_lba(io), 5);
	assert_int_equal(lba_cmd(io, NVME_OPC_READ, NS1, 5, 1, NVME_RW_FUA), NVME_SC_WRITE_FAULT);
	assert_int_equal(io_feature_set(io, NVME_FEAT_VWC, 0, 0, false), 0);
	assert_int_equal(lba_cmd(io, NVME_OPC_WRITE, NS1, 5, 1, 0), NVME_SC_WRITE_FAULT);
	assert_int_equal(lba_cmd(io, NVME_OPC_READ, NS1, 5, 1, 0), 0);
	m->ops = ops;
}

static void
smart_counts(void **state)
{
	struct io *io = *state;
	struct ssd_smart *s = &io->r->sub->smart;

	assert_int_equal(io_write(io, NS1, 0, 8, 1), 0);
	assert_int_equal(io_write(io, NS2, 0, 2, 1), 0);
	assert_int_equal(io_read(io, NS2, 0, 1), 0);
	assert_int_equal(lba_cmd(io, NVME_OPC_VERIFY, NS1, 0, 8, 0), 0);
	assert_int_equal(io_read(io, NS1, NSZE1, 1), NVME_SC_LBA_RANGE); /* does not count */
	assert_int_equal(s->host_writes, 2);
	assert_int_equal(s->units_written_512, 8 + 16);
	assert_int_equal(s->host_reads, 1); /* Verify is none */
	assert_int_equal(s->units_read_512, 8 + 8);
	assert_int_equal(s->error_entries, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_written_is_read),
		T(ranges),
		T(reserved_fields_of_write),
		T(mdts),
		T(host_memory_missing),
		T(compare),
		T(compare_and_write),
		T(flush),
		T(write_zeroes),
		T(uncorrectable),
		T(deallocate),
		T(deallocate_out_of_range),
		T(copying),
		T(copy_limits),
		T(smart_counts),
		T(durable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
