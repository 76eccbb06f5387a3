/* SPDX-License-Identifier: BSD-3-Clause */
/* fsck of images: what is whole is clean, each damage is found, and a repair leaves an image that is clean and opens. */
#include "ssd_flash_io.h"
#include "image_files.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ssd/media/flash.h"
#include "ssd/fsck.h"
#include "ssd/media/media.h"
#include "util/alloc.h"

#define MIB (1u << 20)
#define UNITS 512u

static char said[1 << 16];

static void
say(void *arg, const char *line)
{
	size_t at = strlen(said);

	(void)arg;
	assert_null(strchr(line, '\n'));
	snprintf(said + at, sizeof(said) - at, "%s\n", line);
}

static enum ssd_fsck
check(const char *file, bool repair)
{
	said[0] = 0;
	return ssd_image_fsck(file, repair, say, NULL);
}

static struct ssd_config
config(const char *file, bool flash)
{
	struct ssd_config cfg = { .nr_ns = 1,
				  .ns = { { UNITS * 4096, 512 } },
				  .media = flash ? SSD_MEDIA_FLASH : SSD_MEDIA_FILE,
				  .image = file,
				  .create = true };

	assert_int_equal(ssd_profile_find(flash ? "slow" : "ram", &cfg.profile, NULL, 0), 0);
	return cfg;
}

/* Where things are in a file: taken from a drive while it has it open. */
static struct {
	uint64_t data, what, seq, crc, annex;
	uint32_t units, pages;
} at;

static uint64_t
file_off(const struct ssd_file_media *f, const void *p)
{
	return (uint64_t)((const uint8_t *)p - f->va);
}

/* An image with a history: written more than once over, trimmed, flushed. */
static void
make(void)
{
	struct ssd_config cfg = config(path, true);
	const struct ssd_file_media *f;
	const struct nand *n;
	struct drive d;

	start_config(&d, &cfg, QD);
	for (uint32_t i = 0; i < 3 * UNITS; i++)
		write_byte(&d, i % UNITS * 8, (uint8_t)(1 + i % UNITS % 200));
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	power_cycle(&d); /* and a checkpoint */
	write_byte(&d, 8, 2);
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	f = d.r->sub->media->image;
	n = ftl_nand(ssd_flash_ftl(d.r->sub->media));
	at.data = file_off(f, n->data);
	at.what = file_off(f, n->what);
	at.seq = file_off(f, n->seq);
	at.crc = file_off(f, n->crc);
	at.annex = f->annex_off;
	at.units = n->cfg.units;
	at.pages = n->nr_pages;
	rig_close(d.r);
}

static void
flip(const char *file, uint64_t off, uint32_t bit)
{
	int fd = open(file, O_RDWR);
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, (off_t)off), 1);
	byte = (uint8_t)(byte ^ 1u << bit);
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)off), 1);
	close(fd);
}

static uint64_t
seq_of(const char *file, uint32_t page)
{
	int fd = open(file, O_RDONLY);
	uint64_t seq;

	assert_int_equal(pread(fd, &seq, sizeof(seq), (off_t)(at.seq + page * sizeof(seq))), sizeof(seq));
	close(fd);
	return seq;
}

static uint32_t
what_of(const char *file, uint32_t unit)
{
	int fd = open(file, O_RDONLY);
	uint32_t what;

	assert_int_equal(pread(fd, &what, sizeof(what), (off_t)(at.what + unit * sizeof(what))), sizeof(what));
	close(fd);
	return what;
}

static void
what_is_whole_is_clean(void **state)
{
	struct ssd_config cfg = config(copy, false);
	struct ssd_subsys *sub;
	char err[256];

	(void)state;
	make();
	assert_int_equal(check(path, false), SSD_FSCK_CLEAN);
	assert_string_equal(said, "");
	assert_int_equal(check(path, true), SSD_FSCK_CLEAN);
	assert_int_equal(ssd_subsys_open(&cfg, &sub, err, sizeof(err)), 0);
	assert_int_equal(check(copy, false), SSD_FSCK_UNREADABLE);
	assert_non_null(strstr(said, "in use"));
	ssd_subsys_close(sub);
	assert_int_equal(check(copy, false), SSD_FSCK_CLEAN);
	assert_int_equal(check("/nonexistent/image", false), SSD_FSCK_UNREADABLE);
	assert_int_equal(check("/tmp", false), SSD_FSCK_UNREADABLE);
	assert_int_equal(truncate(path, 100 << 10), 0);
	assert_int_equal(check(path, false), SSD_FSCK_UNREADABLE);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(check(path, false), SSD_FSCK_UNREADABLE);
}

static uint32_t
whole_page(const char *file, struct ut_rng *rng)
{
	uint32_t page;

	do
		page = (uint32_t)ut_rng_below(rng, at.pages);
	while (!seq_of(file, page) || seq_of(file, page) == NAND_SEQ_TORN ||
	       what_of(file, page * at.units) == NAND_NONE);
	return page;
}

/* Any bit of the header's copy that counts, of a page, or of its spare bytes. */
static uint64_t
somewhere(struct ut_rng *rng)
{
	uint32_t page = whole_page(copy, rng);

	switch (ut_rng_below(rng, 5)) {
	case 0:
		return ut_rng_below(rng, SSD_IMAGE_HDR);
	case 1:
		return at.data + (uint64_t)page * at.units * NAND_UNIT + ut_rng_below(rng, NAND_UNIT);
	case 2:
		return at.what + page * at.units * 4 + ut_rng_below(rng, 4);
	case 3:
		return at.seq + page * 8 + ut_rng_below(rng, 8);
	default:
		return at.crc + page * 4 + ut_rng_below(rng, 4);
	}
}

static void
each_flip_is_found(void **state)
{
	struct ssd_config cfg = config(copy, true);
	struct ssd_subsys *sub;
	struct ut_rng rng;
	char err[256];

	(void)state;
	make();
	ut_rng_seed(&rng, 9);
	for (uint32_t i = 0; i < 60; i++) {
		uint64_t off;

		image_copy();
		off = somewhere(&rng);
		flip(copy, off, (uint32_t)ut_rng_below(&rng, 8));
		if (check(copy, false) != SSD_FSCK_PROBLEMS)
			fail_msg("a flip at %llu is not found: %s", (unsigned long long)off, said);
		assert_int_equal(check(copy, false), SSD_FSCK_PROBLEMS); /* looking changes nothing */
		assert_int_equal(check(copy, true), SSD_FSCK_PROBLEMS);
		if (check(copy, false) != SSD_FSCK_CLEAN)
			fail_msg("after the repair of %llu: %s", (unsigned long long)off, said);
		assert_int_equal(ssd_subsys_open(&cfg, &sub, err, sizeof(err)), 0);
		ssd_subsys_close(sub);
	}
}

/* The map is what the pages say, and the pages are all there. */
static void
a_lost_map_is_built_again(void **state)
{
	struct ssd_config cfg = config(path, true);
	struct ssd_subsys *sub;
	uint32_t damaged = 0;
	struct drive d;
	char err[256];

	(void)state;
	make();
	for (uint32_t p = 0; p < at.pages; p++) {
		if (!seq_of(path, p) || seq_of(path, p) == NAND_SEQ_TORN || what_of(path, p * at.units) < FTL_MAP ||
		    what_of(path, p * at.units) == NAND_NONE)
			continue;
		flip(path, at.data + (uint64_t)p * at.units * NAND_UNIT + 100, 3);
		damaged++;
	}
	assert_true(damaged > 0);
	assert_int_equal(ssd_subsys_open(&cfg, &sub, err, sizeof(err)), -EUCLEAN);
	assert_non_null(strstr(err, "fsck"));
	assert_int_equal(check(path, true), SSD_FSCK_PROBLEMS);
	assert_null(strstr(said, "not closed")); /* who refused it did not use it */
	assert_non_null(strstr(said, "built from the pages"));
	assert_int_equal(check(path, false), SSD_FSCK_CLEAN);
	start_again(&d, &cfg);
	for (uint32_t u = 0; u < UNITS; u++)
		assert_int_equal(read_byte(&d, u * 8), (uint8_t)(1 + u % 200));
	rig_close(d.r);
}

/* Of what a plain image keeps beside the data: the parts in the annex, and the LBA maps. */
static void
plain_images(void **state)
{
	struct ssd_config cfg = config(path, false);
	struct ssd_file_media *f;
	uint64_t annex, bad;
	struct ssd_subsys *sub;
	char err[256];

	(void)state;
	assert_int_equal(ssd_subsys_open(&cfg, &sub, err, sizeof(err)), 0);
	f = sub->media->image;
	annex = f->annex_off;
	bad = f->map_off[SSD_MAP_BAD];
	ssd_subsys_close(sub);
	for (uint32_t kind = 0; kind < SSD_ANNEX_KINDS; kind++) {
		uint64_t off = annex + (uint64_t)kind * SSD_ANNEX_PLACE + SSD_ANNEX_PLACE / 2 + 40;
		struct stat st;

		assert_int_equal(stat(path, &st), 0);
		if ((uint64_t)st.st_size <= off)
			break;
		image_copy();
		flip(copy, off - 40 + 8, 1); /* its kind */
		if (check(copy, false) == SSD_FSCK_CLEAN)
			fail_msg("part %u: %s", kind, said);
		assert_int_equal(check(copy, true), SSD_FSCK_PROBLEMS);
		assert_int_equal(check(copy, false), SSD_FSCK_CLEAN);
	}
	flip(path, bad, 5);
	assert_int_equal(check(path, false), SSD_FSCK_PROBLEMS);
	assert_non_null(strstr(said, "uncorrectable"));
	assert_int_equal(check(path, true), SSD_FSCK_PROBLEMS);
	assert_int_equal(check(path, false), SSD_FSCK_CLEAN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_whole_is_clean, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(each_flip_is_found, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(a_lost_map_is_built_again, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(plain_images, image_setup, image_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
