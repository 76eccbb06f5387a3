/* SPDX-License-Identifier: BSD-3-Clause */
/* Media: sparse RAM, image files and what survives in them, and what is said when they cannot be used. */
#include "ssd_io.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "nvproof/spec/feat.h"
#include "nvproof/spec/nvm.h"
#include "ssd/nvm/lba_map.h"
#include "util/alloc.h"

#define MIB (1u << 20)

static char path[64];
static char err[256];

static int
file_setup(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/nvproof-image-XXXXXX");
	close(mkstemp(path));
	unlink(path);
	err[0] = 0;
	return 0;
}

static int
file_teardown(void **state)
{
	(void)state;
	ut_alloc_budget = -1;
	unlink(path);
	return 0;
}

static struct ssd_config
config(bool create)
{
	return (struct ssd_config){ .nr_ns = 2,
				    .ns = { { 8 * MIB + 512, 512 }, { 4 * MIB, 4096 } },
				    .media = SSD_MEDIA_FILE,
				    .image = path,
				    .create = create };
}

static struct io
start(bool create)
{
	struct ssd_config cfg = config(create);
	struct io io;

	io_init(&io, rig_open_config(&cfg));
	assert_int_equal(rig_enable(io.r, 32), NVME_CSTS_RDY);
	rig_pair(io.r, 1, 64, -1);
	return io;
}

static int
try_open(const struct ssd_config *cfg)
{
	struct ssd_subsys *sub = NULL;
	int rc = ssd_subsys_open(cfg, &sub, err, sizeof(err));

	ssd_subsys_close(sub);
	if (rc && rc != -ENOMEM)
		assert_non_null(strstr(err, path));
	assert_null(strchr(err, '\n'));
	return rc;
}

static void
refused(void **state)
{
	struct ssd_config cfg = config(false);
	uint8_t junk[8192];
	int fd;

	(void)state;
	assert_int_equal(try_open(&cfg), -ENOENT);
	assert_int_equal(access(path, F_OK), -1);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(try_open(&cfg), -EFBIG); /* empty */
	memset(junk, 0x5c, sizeof(junk));
	assert_int_equal(write(fd, junk, 100), 100);
	cfg.create = true;
	assert_int_equal(try_open(&cfg), -EFBIG); /* not empty: nobody's data is overwritten */
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 0), sizeof(junk));
	assert_int_equal(try_open(&cfg), -EUCLEAN);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(try_open(&cfg), 0);
	cfg.ns[0].size = 16 * MIB;
	assert_int_equal(try_open(&cfg), -EFBIG);
	cfg.ns[0].size = 4 * MIB;
	assert_int_equal(try_open(&cfg), -EINVAL);
	cfg = config(true);
	cfg.nr_ns = 1;
	assert_int_equal(try_open(&cfg), -EINVAL);
	cfg.nr_ns = 3;
	cfg.ns[2] = cfg.ns[1];
	assert_int_equal(try_open(&cfg), -EFBIG);
	cfg = config(true);
	assert_int_equal(ftruncate(fd, 8 * MIB), 0);
	assert_int_equal(try_open(&cfg), -EFBIG);
	close(fd);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(try_open(&cfg) < 0);
	rmdir(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(try_open(&cfg), -EINVAL);
}

/* What the subsystem does not ask for, but the image checks all the same. */
static void
refused_by_the_image(void **state)
{
	struct ssd_config cfg = config(true);
	struct ssd_media *m;

	(void)state;
	cfg.ns[0].size = 512;
	assert_int_equal(ssd_media_file(&cfg, MIB, &m, err, sizeof(err)), -EINVAL);
	cfg.ns[0].size = 1ull << 60;
	assert_int_equal(ssd_media_file(&cfg, MIB, &m, err, sizeof(err)), -EINVAL);
	cfg = config(true);
	assert_int_equal(ssd_media_file(&cfg, 0, &m, err, sizeof(err)), -EINVAL);
	cfg.nr_ns = 0;
	assert_int_equal(ssd_media_file(&cfg, MIB, &m, err, sizeof(err)), -EINVAL);
	cfg = config(true);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(ssd_media_file(&cfg, 13 * MIB, &m, err, sizeof(err)), 0);
	m->ops->close(m);
	assert_int_equal(ssd_media_file(&cfg, 14 * MIB, &m, err, sizeof(err)), -EUCLEAN);
}

static void
in_use(void **state)
{
	struct ssd_config cfg = config(true);
	struct ssd_subsys *sub;

	(void)state;
	assert_int_equal(ssd_subsys_open(&cfg, &sub, err, sizeof(err)), 0);
	assert_int_equal(try_open(&cfg), -EBUSY);
	assert_int_equal(access(path, F_OK), 0);
	ssd_subsys_close(sub);
	assert_int_equal(try_open(&cfg), 0);
}

/* Either slot of the header may be lost, but not both. */
static void
damaged_header(void **state)
{
	struct ssd_config cfg = config(true);
	uint8_t page[4096], bad[4096];
	int fd;

	(void)state;
	assert_int_equal(try_open(&cfg), 0);
	assert_int_equal(try_open(&cfg), 0);
	fd = open(path, O_RDWR);
	for (int slot = 0; slot < 2; slot++) {
		assert_int_equal(pread(fd, page, 4096, 0), 4096);
		memcpy(bad, page, 4096);
		bad[slot * 2048 + 100] ^= 1;
		assert_int_equal(pwrite(fd, bad, 4096, 0), 4096);
		assert_int_equal(try_open(&cfg), 0);
	}
	assert_int_equal(pread(fd, bad, 4096, 0), 4096);
	bad[40] ^= 1;
	bad[2048 + 40] ^= 1;
	assert_int_equal(pwrite(fd, bad, 4096, 0), 4096);
	assert_int_equal(try_open(&cfg), -EUCLEAN);
	close(fd);
}

static void
survives(void **state)
{
	struct io io = start(true);
	struct nvme_sqe sqe;
	uint64_t writes;

	(void)state;
	assert_int_equal(io_write(&io, 1, 3, 5, 0x11), 0);
	assert_int_equal(io_write(&io, 2, 7, 1, 0x22), 0);
	nvme_prep_write_uncor(&sqe, 1, 4, 1);
	assert_int_equal(io_cmd(&io, &sqe, 0), 0);
	assert_int_equal(io_feature_set(&io, NVME_FEAT_IRQ_COALESCE, 0, 0x0305, true), 0);
	assert_int_equal(io_feature_set(&io, NVME_FEAT_TEMP_THRESH, 0, 333, true), 0);
	assert_int_equal(io_read(&io, 1, UINT64_MAX, 1), NVME_SC_LBA_RANGE);
	writes = io.r->sub->smart.host_writes;
	rig_close(io.r);
	io = start(false);
	io_expect(&io, 1, 3, 1, 0x11);
	io_expect(&io, 1, 5, 3, 0x11);
	io_expect(&io, 2, 7, 1, 0x22);
	assert_int_equal(io_read(&io, 1, 4, 1), NVME_SC_UNRECOVERED_READ);
	assert_int_equal(io.r->sub->ns[0].alloc->count, 5);
	assert_int_equal(io.r->sub->smart.host_writes, writes);
	assert_int_equal(io.r->sub->smart.power_cycles, 2);
	assert_int_equal(io.r->sub->smart.unsafe_shutdowns, 1); /* nobody shut it down */
	/* The error count "is retained across power off conditions".   NVMe Base, "Error Information". */
	assert_int_equal(le64_get(io.r->ssd->errors[(io.r->ssd->error_count - 1) % SSD_ERROR_ENTRIES].ec), 2);
	assert_int_equal(io.r->ssd->feat.int_coal, 0x0305);
	assert_int_equal(io.r->ssd->feat.temp_over, 333);
	sqe = (struct nvme_sqe){ .opc = NVME_ADM_FORMAT_NVM, .nsid = le32_from(1), .cdw10 = le32_from(1) };
	assert_int_equal(io_admin(&io, &sqe, 0), 0);
	rig_close(io.r);
	io = start(false);
	assert_int_equal(io.r->sub->ns[0].lba_size, 4096);
	assert_int_equal(io.r->sub->ns[0].nsze, 8 * MIB / 4096);
	io_expect(&io, 1, 0, 2, 0);
	io_expect(&io, 2, 7, 1, 0x22);
	rig_close(io.r);
}

static uint64_t
blocks(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void
sparse(void **state)
{
	struct io io = start(true);
	uint64_t before = blocks();
	struct nvme_sqe sqe;

	(void)state;
	io_expect(&io, 1, 0, 4096, 0);
	assert_int_equal(blocks(), before); /* reading takes no space */
	assert_int_equal(io_write(&io, 1, 0, 4096, 0x44), 0);
	nvme_prep_flush(&sqe, 1);
	assert_int_equal(io_cmd(&io, &sqe, 0), 0);
	assert_true(blocks() >= before + 2 * MIB);
	nvme_prep_write_zeroes(&sqe, 1, 1, 4094);
	assert_int_equal(io_cmd(&io, &sqe, 0), 0);
	assert_true(blocks() <= before + 64 * 1024);
	io_expect(&io, 1, 0, 1, 0x44);
	io_expect(&io, 1, 1, 4094, 0);
	io_expect(&io, 1, 4095, 1, 0x44);
	assert_int_equal(io_write(&io, 1, 5, 1, 0x45), 0); /* into the hole again */
	io_expect(&io, 1, 4, 1, 0);
	io_expect(&io, 1, 5, 1, 0x45);
	rig_close(io.r);
}

/* A full disk: that write fails, what was there stays, and the process lives. */
static void
disk_full(void **state)
{
	struct io io = start(true);
	struct nvme_sqe sqe;

	(void)state;
	assert_int_equal(io_write(&io, 1, 0, 8, 0x66), 0);
	ut_alloc_budget = 0;
	assert_int_equal(io_write(&io, 1, 1000, 8, 0x67), NVME_SC_WRITE_FAULT);
	assert_int_equal(io_blamed_lba(&io), 1000);
	assert_int_equal(io_write(&io, 1, 8, 8, 0x68), 0); /* that space is there already */
	((struct nvme_copy_range *)(void *)io_buf(&io))[0] = (struct nvme_copy_range){ .nlb = le16_from(7) };
	((struct nvme_copy_range *)(void *)io_buf(&io))[1] = (struct nvme_copy_range){ .nlb = le16_from(7) };
	nvme_prep_copy(&sqe, 1, 120, 2, 0); /* the second range is beyond the granule */
	assert_int_equal(io_cmd(&io, &sqe, 64), NVME_SC_WRITE_FAULT);
	assert_int_equal(le32_get(io.cqe.dw0), 1);
	assert_int_equal(io_blamed_lba(&io), 128);
	ut_alloc_budget = -1;
	io_expect(&io, 1, 0, 8, 0x66);
	io_expect(&io, 1, 120, 8, 0x66);
	io_expect(&io, 1, 1000, 8, 0);
	assert_int_equal(io.r->sub->ns[0].alloc->count, 24);
	rig_close(io.r);
	io = start(false);
	ut_alloc_budget = 0;
	io_expect(&io, 1, 0, 8, 0x66); /* by read(): no space for the granule is certain yet */
	ut_alloc_budget = -1;
	rig_close(io.r);
}

static void
every_allocation_may_fail(void **state)
{
	struct ssd_config cfg = config(true);
	int rc, n;

	(void)state;
	for (int kind = SSD_MEDIA_RAM; kind <= SSD_MEDIA_NULL; kind++) {
		cfg.media = (enum ssd_media_kind)kind;
		for (n = 0;; n++) {
			ut_alloc_budget = n;
			rc = try_open(&cfg);
			ut_alloc_budget = -1;
			if (!rc)
				break;
			assert_int_equal(rc, -ENOMEM);
			unlink(path);
		}
		assert_true(n > 3);
	}
}

/* An image that could not be made whole is not left behind. */
static void
no_half_image(void **state)
{
	struct ssd_config cfg = config(true);
	struct ssd_media *m = NULL;
	int rc = -ENOMEM;

	(void)state;
	for (int n = 0; rc; n++) {
		ut_alloc_budget = n;
		rc = ssd_media_file(&cfg, 13 * MIB, &m, err, sizeof(err));
		ut_alloc_budget = -1;
		assert_int_equal(access(path, F_OK), rc ? -1 : 0);
	}
	*(uint8_t *)m->ops->poke(m, 0, &(uint64_t){ 512 }, 0) = 1; /* it is mapped */
	m->ops->close(m);
}

static void
discard_in_ram(void **state)
{
	struct ssd_media *m;
	uint64_t len = 4 * MIB;
	uint8_t *p;

	(void)state;
	assert_int_equal(ssd_media_ram(len, 0, &m), 0);
	p = m->ops->poke(m, 0, &len, 0);
	assert_int_equal(len, 4 * MIB);
	memset(p, 0xff, len);
	m->ops->discard(m, 4096 - 512, 8192 + 1024); /* a bit of a page at either end */
	assert_int_equal(p[4096 - 513], 0xff);
	for (uint32_t i = 4096 - 512; i < 4096 + 8192 + 512; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(p[4096 + 8192 + 512], 0xff);
	m->ops->discard(m, 512, 512);
	assert_int_equal(p[511] & p[1024], 0xff);
	assert_int_equal(p[512] | p[1023], 0);
	assert_int_equal(m->ops->flush(m), 0);
	m->ops->close(m);
}

/* Huge and empty costs nothing. */
static void
sparse_ram(void **state)
{
	struct ssd_config cfg = { .nr_ns = 1, .ns = { { 1ull << 40, 512 } }, .media = SSD_MEDIA_RAM };
	struct io io;

	(void)state;
	io_init(&io, rig_open_config(&cfg));
	assert_int_equal(rig_enable(io.r, 32), NVME_CSTS_RDY);
	rig_pair(io.r, 1, 64, -1);
	assert_int_equal(io_write(&io, 1, (1ull << 31) - 8, 8, 0x12), 0);
	io_expect(&io, 1, (1ull << 31) - 8, 8, 0x12);
	io_expect(&io, 1, 1ull << 30, 8, 0);
	rig_close(io.r);
}

static void
null_media(void **state)
{
	struct ssd_config cfg = { .nr_ns = 1, .ns = { { 1ull << 40, 4096 } }, .media = SSD_MEDIA_NULL };
	struct io io;
	struct nvme_sqe sqe;

	(void)state;
	io_init(&io, rig_open_config(&cfg));
	assert_int_equal(rig_enable(io.r, 32), NVME_CSTS_RDY);
	rig_pair(io.r, 1, 64, -1);
	assert_int_equal(io_write(&io, 1, 0, 512, 0x12), 0);
	assert_int_equal(io_read(&io, 1, 0, 512), 0);
	assert_int_equal(io_buf(&io)[0], 0x12); /* nothing is copied */
	nvme_prep_compare(&sqe, 1, 0, 512);
	assert_int_equal(io_cmd(&io, &sqe, 512 * 4096), 0);
	((struct nvme_copy_range *)(void *)io_buf(&io))[0] = (struct nvme_copy_range){ .nlb = le16_from(15) };
	nvme_prep_copy(&sqe, 1, 100, 1, 0);
	assert_int_equal(io_cmd(&io, &sqe, 32), 0);
	rig_close(io.r);
}

static void
lba_maps(void **state)
{
	struct ssd_lba_map *m;
	uint64_t where;

	(void)state;
	assert_int_equal(ssd_lba_map_open(NULL, 4096, &m), 0);
	ssd_lba_map_set(m, 63, 130);
	assert_int_equal(m->count, 130);
	ssd_lba_map_set(m, 100, 10);
	assert_int_equal(m->count, 130);
	assert_false(ssd_lba_map_find(m, 0, 63, true, &where));
	assert_true(ssd_lba_map_find(m, 0, 64, true, &where));
	assert_int_equal(where, 63);
	assert_false(ssd_lba_map_find(m, 63, 130, false, &where));
	assert_true(ssd_lba_map_find(m, 63, 131, false, &where));
	assert_int_equal(where, 193);
	ssd_lba_map_clear(m, 64, 1);
	ssd_lba_map_clear(m, 64, 0);
	assert_int_equal(m->count, 129);
	assert_true(ssd_lba_map_find(m, 63, 130, false, &where));
	assert_int_equal(where, 64);
	ssd_lba_map_set(m, 32767, 1);
	ssd_lba_map_clear_all(m);
	assert_int_equal(m->count, 0);
	assert_false(ssd_lba_map_find(m, 0, 32768, true, &where));
	ssd_lba_map_close(m);
}

#define T(f) cmocka_unit_test_setup_teardown(f, file_setup, file_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(refused),	   T(refused_by_the_image),
		T(in_use),	   T(damaged_header),
		T(survives),	   T(sparse),
		T(disk_full),	   T(every_allocation_may_fail),
		T(discard_in_ram), T(sparse_ram),
		T(null_media),	   T(lba_maps),
		T(no_half_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
