/* SPDX-License-Identifier: BSD-3-Clause */
/* Media in memory never take more than they may: the limit is a full disk, and discarding gives back. */
#include "ssd_io.h"
#include <errno.h>
#include <sys/mman.h>
#include "nvproof/spec/nvm.h"
#include "util/alloc.h"

#define MIB (1u << 20)

static struct ssd_media *
open_media(uint64_t size, uint64_t limit)
{
	struct ssd_media *m;

	assert_int_equal(ssd_media_ram(size, limit, &m), 0);
	return m;
}

static bool
poke(struct ssd_media *m, uint64_t off, uint64_t len)
{
	uint8_t *p = m->ops->poke(m, off, &len, 0);

	if (p)
		memset(p, 0x77, len);
	return p != NULL;
}

static void
limit_is_kept(void **state)
{
	struct ssd_media *m = open_media(64 * MIB, 4 * MIB);

	(void)state;
	assert_true(poke(m, 0, 512));
	assert_true(poke(m, MIB, MIB)); /* the same granule */
	assert_false(poke(m, 6 * MIB - 512, 2 * MIB)); /* two more: there is one */
	assert_true(poke(m, 62 * MIB, 512));
	assert_false(poke(m, 8 * MIB, 512));
	assert_true(poke(m, 1, 1)); /* what is there is there */
	assert_true(poke(m, 64 * MIB - 1, 1));
	m->ops->close(m);
}

static void
discard_gives_back(void **state)
{
	struct ssd_media *m = open_media(64 * MIB, 2 * MIB);

	(void)state;
	assert_true(poke(m, 4 * MIB, 2 * MIB));
	m->ops->discard(m, 4 * MIB, 2 * MIB - 512);
	assert_false(poke(m, 0, 512)); /* not wholly discarded */
	m->ops->discard(m, 4 * MIB + 512, 2 * MIB);
	assert_false(poke(m, 0, 512));
	m->ops->discard(m, 0, 6 * MIB);
	assert_true(poke(m, 0, 512));
	assert_false(poke(m, 4 * MIB, 512));
	m->ops->discard(m, 0, 64 * MIB);
	m->ops->discard(m, 0, 64 * MIB); /* twice: gives back once */
	assert_true(poke(m, 4 * MIB, 512));
	assert_false(poke(m, 8 * MIB, 512));
	m->ops->close(m);
}

/* The last granule may be a part of one. */
static void
odd_size(void **state)
{
	struct ssd_media *m = open_media(5 * MIB, 2 * MIB);

	(void)state;
	assert_true(poke(m, 5 * MIB - 512, 512));
	assert_false(poke(m, 0, 512));
	m->ops->discard(m, 4 * MIB, MIB);
	assert_true(poke(m, 0, 512));
	m->ops->discard(m, 0, 0);
	assert_false(poke(m, 2 * MIB, 1));
	m->ops->close(m);
}

static void
expect(struct ssd_media *m, uint64_t off, uint64_t n, uint8_t with)
{
	for (uint64_t done = 0, len; done < n; done += len) {
		const uint8_t *p;

		len = n - done;
		p = m->ops->peek(m, off + done, &len);
		assert_true(len > 0 && len <= n - done);
		for (uint64_t i = 0; i < len; i++)
			assert_int_equal(p[i], with);
	}
}

/* Reading needs nothing, discarding what is not there neither; and both are right across granules. */
static void
unwritten(void **state)
{
	struct ssd_media *m = open_media(64 * MIB, 2 * MIB);

	(void)state;
	expect(m, MIB, 3 * MIB, 0);
	m->ops->discard(m, 512, 3 * MIB);
	assert_true(poke(m, 2 * MIB, 2 * MIB));
	expect(m, 2 * MIB - 4096, 4096, 0);
	expect(m, 2 * MIB, 2 * MIB, 0x77);
	expect(m, 4 * MIB - 512, 512, 0x77);
	expect(m, 4 * MIB, 512, 0);
	m->ops->discard(m, 2 * MIB - 512, 1024);
	expect(m, 2 * MIB - 512, 1024, 0);
	expect(m, 2 * MIB + 512, 512, 0x77);
	m->ops->close(m);
}

/* As the host sees it: a write fault, until something was deallocated. */
static void
full_drive(void **state)
{
	struct ssd_config cfg = {
		.nr_ns = 1, .ns = { { 1ull << 32, 512 } }, .media = SSD_MEDIA_RAM, .ram_limit = 3 * MIB
	};
	const uint64_t step = 2 * MIB / 512;
	struct nvme_sqe sqe;
	struct io io;

	(void)state;
	io_init(&io, rig_open_config(&cfg));
	assert_int_equal(rig_enable(io.r, 32), NVME_CSTS_RDY);
	rig_pair(io.r, 1, 64, -1);
	assert_int_equal(io_write(&io, 1, 0, 8, 1), 0);
	assert_int_equal(io_write(&io, 1, step, 8, 2), 0); /* 3 MiB are two granules */
	assert_int_equal(io_write(&io, 1, 2 * step, 8, 3), NVME_SC_WRITE_FAULT);
	assert_int_equal(io_blamed_lba(&io), 2 * step);
	io_expect(&io, 1, 2 * step, 8, 0);
	io_expect(&io, 1, step, 8, 2);
	nvme_prep_write_zeroes(&sqe, 1, 0, (uint32_t)step);
	sqe.cdw12 = le32_from(le32_get(sqe.cdw12) | (uint32_t)NVME_WZ_DEAC);
	assert_int_equal(io_cmd(&io, &sqe, 0), 0);
	assert_int_equal(io_write(&io, 1, 2 * step, 8, 3), 0);
	assert_int_equal(io_write(&io, 1, 0, 8, 3), NVME_SC_WRITE_FAULT);
	rig_close(io.r);
}

/* Without a limit of one's own there is one all the same, and it is less than the machine has. */
static void
default_limit(void **state)
{
	struct ssd_media *m = open_media(1ull << 44, 0);
	uint64_t len, n = 0;

	(void)state;
	for (uint64_t off = 0; len = 512, m->ops->poke(m, off, &len, 0); off += 2 * MIB)
		n++; /* nothing is stored: it costs nothing */
	assert_true(n > 0 && n < (1ull << 44) / (2 * MIB));
	m->ops->close(m);
}

/* Pages of the granule at off that have memory. */
static uint32_t
resident(struct ssd_media *m, uint64_t off)
{
	unsigned char pages[2 * MIB / SSD_PAGE];
	uint32_t n = 0;

	assert_int_equal(mincore(m->flat + off, 2 * MIB, pages), 0);
	for (size_t i = 0; i < sizeof(pages); i++)
		n += pages[i] & 1;
	return n;
}

/* A block in the middle costs a page; who fills a granule from its beginning may get all of it at once, in one huge page. */
static void
pages(void **state)
{
	struct ssd_media *m = open_media(64 * MIB, 0);
	uint64_t len = 512;

	(void)state;
	assert_ptr_equal(m->ops->poke(m, 8 * MIB, &len, 0), m->flat + 8 * MIB);
	assert_int_equal((uintptr_t)m->flat % (2 * MIB), 0);
	assert_true(poke(m, 3 * MIB, 512));
	assert_int_equal(resident(m, 2 * MIB), 1);
	assert_true(poke(m, 20 * MIB, 4096));
	assert_true(resident(m, 20 * MIB) == 1 || resident(m, 20 * MIB) == 512);
	assert_true(poke(m, 30 * MIB + 4096, 2 * MIB)); /* into the next one */
	assert_int_equal(resident(m, 30 * MIB), 511);
	m->ops->discard(m, 0, 64 * MIB);
	assert_int_equal(resident(m, 20 * MIB) + resident(m, 2 * MIB) + resident(m, 30 * MIB), 0);
	m->ops->close(m);
}

static void
no_memory(void **state)
{
	struct ssd_media *m;
	int rc = -ENOMEM;

	(void)state;
	for (long n = 0; rc; n++) {
		ut_alloc_budget = n;
		rc = ssd_media_ram(4 * MIB, 0, &m);
		ut_alloc_budget = -1;
		assert_true(!rc || rc == -ENOMEM);
	}
	m->ops->close(m);
}

/* A drive that would run out of memory when it is written is not opened. */
static void
flash_that_does_not_fit(void **state)
{
	struct ssd_config cfg = {
		.nr_ns = 1, .ns = { { 16u << 20, 512 } }, .media = SSD_MEDIA_FLASH, .ram_limit = 16u << 20
	};
	struct ssd_subsys *sub;
	char err[160] = "";

	(void)state;
	assert_int_equal(ssd_profile_find("slow", &cfg.profile, NULL, 0), 0);
	assert_int_equal(ssd_subsys_open(&cfg, &sub, err, sizeof(err)), -ENOMEM);
	assert_non_null(strstr(err, "no memory for 16777216 bytes and the spare area"));
	cfg.ram_limit = 64u << 20;
	assert_int_equal(ssd_subsys_open(&cfg, &sub, err, sizeof(err)), 0);
	ssd_subsys_close(sub);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limit_is_kept),
		cmocka_unit_test(discard_gives_back),
		cmocka_unit_test(odd_size),
		cmocka_unit_test(unwritten),
		cmocka_unit_test(full_drive),
		cmocka_unit_test(default_limit),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(pages),
		cmocka_unit_test(flash_that_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
