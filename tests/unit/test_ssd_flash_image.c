/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Modelled flash in an image file.  What a process that is killed leaves is the file as it is at that instant: a copy of it while the
 * drive runs is the same, and can be opened at leisure.
 */
#include "ssd_flash_io.h"
#include "image_files.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ssd/media/flash.h"
#include "ssd/media/media.h"
#include "util/alloc.h"

#define MIB (1u << 20)
#define SIZE (2u * MIB)
#define UNITS (SIZE / 4096)

static char err[300];

static struct ssd_config
config(const char *file, bool capacitor)
{
	struct ssd_config cfg = {
		.nr_ns = 1, .ns = { { SIZE, 512 } }, .media = SSD_MEDIA_FLASH, .image = file, .create = true
	};

	assert_int_equal(ssd_profile_find("slow", &cfg.profile, NULL, 0), 0);
	cfg.profile.flash.capacitor = capacitor;
	return cfg;
}

static void
start_image(struct drive *d, const char *file, bool capacitor)
{
	struct ssd_config cfg = config(file, capacitor);

	start_again(d, &cfg);
}

static int
try_open(const struct ssd_config *cfg)
{
	struct ssd_subsys *sub = NULL;
	int rc = ssd_subsys_open(cfg, &sub, err, sizeof(err));

	ssd_subsys_close(sub);
	if (rc)
		assert_non_null(strstr(err, cfg->image));
	return rc;
}

static void
survives_the_process(void **state)
{
	struct drive d;
	uint64_t erases;
	uint32_t wear;

	(void)state;
	start_image(&d, path, false);
	for (uint64_t u = 0; u < 6 * UNITS; u++)
		write_byte(&d, u % UNITS * 8, (uint8_t)(u % UNITS + u / UNITS));
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	erases = ftl_nand(ssd_flash_ftl(d.r->sub->media))->stats.erases;
	wear = ftl_nand(ssd_flash_ftl(d.r->sub->media))->wear[3];
	assert_true(erases > 10);
	rig_close(d.r);
	start_image(&d, path, false);
	for (uint64_t u = 0; u < UNITS; u++)
		assert_int_equal(read_byte(&d, u * 8), (uint8_t)(u + 5));
	assert_true(ftl_nand(ssd_flash_ftl(d.r->sub->media))->stats.erases >= erases);
	assert_true(ftl_nand(ssd_flash_ftl(d.r->sub->media))->wear[3] >= wear);
	assert_true(ftl_waf(ssd_flash_ftl(d.r->sub->media)) > 1);
	assert_int_equal(d.r->sub->smart.power_cycles, 2);
	assert_int_equal(d.r->sub->smart.unsafe_shutdowns, 1); /* the first host said no good-bye */
	rig_close(d.r);
}

/* It takes the space of what is written, not of what could be. */
static void
is_sparse(void **state)
{
	struct ssd_config cfg = config(path, false);
	struct stat st;

	(void)state;
	cfg.ns[0].size = 1ull << 30;
	assert_int_equal(try_open(&cfg), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > (1ll << 30));
	assert_true(st.st_blocks * 512ll < 32 * (int64_t)MIB);
}

static void
refused(void **state)
{
	struct ssd_config cfg = config(path, false), other = config(path, false);
	struct drive d;
	struct stat st;
	uint8_t junk[SSD_IMAGE_HDR];
	int fd;

	(void)state;
	start_image(&d, path, false);
	assert_int_equal(try_open(&cfg), -EBUSY);
	rig_close(d.r);
	assert_int_equal(try_open(&cfg), 0);
	other.profile.flash.channels = 2;
	assert_int_equal(try_open(&other), -EINVAL);
	assert_non_null(strstr(err, ": channels: 1 in the image"));
	assert_non_null(strstr(err, "\"slow\""));
	other = config(path, true);
	assert_int_equal(try_open(&other), -EINVAL);
	assert_non_null(strstr(err, "capacitor"));
	other = config(path, false);
	other.media = SSD_MEDIA_FILE;
	assert_int_equal(try_open(&other), -EINVAL);
	assert_non_null(strstr(err, "modelled flash"));
	other.image = copy;
	assert_int_equal(try_open(&other), 0);
	other = config(copy, false);
	assert_int_equal(try_open(&other), -EINVAL);
	assert_non_null(strstr(err, "plain data"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size / 2), 0);
	assert_int_equal(try_open(&cfg), -EFBIG);
	fd = open(path, O_RDWR);
	memset(junk, 0x5c, sizeof(junk));
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 0), sizeof(junk));
	assert_int_equal(try_open(&cfg), -EUCLEAN);
	close(fd);
}

/* Another boot of the machine than the one that had it open. */
static void
refused_after_a_crash_of_the_machine(void **state)
{
	struct ssd_config cfg = config(copy, false);
	uint8_t slot[SSD_IMAGE_SLOT];
	struct ssd_file_media *f;
	struct drive d;
	int fd;

	(void)state;
	start_image(&d, path, false);
	image_copy();
	f = d.r->sub->media->image;
	strcpy(f->st.boot, "another");
	fd = open(copy, O_RDWR);
	ssd_image_hdr_slot(slot, &f->st, f->seq + 1);
	assert_int_equal(pwrite(fd, slot, sizeof(slot), (off_t)((f->seq + 1) % 2 * sizeof(slot))), sizeof(slot));
	assert_int_equal(try_open(&cfg), -EUCLEAN);
	assert_non_null(strstr(err, "fsck"));
	close(fd);
	rig_close(d.r);
}

/*
 * A host that writes, flushes and trims at random, and a kill now and then: what was flushed is there, or something newer.
 * Values of a unit only grow; 0 is trimmed.
 */
struct history {
	uint8_t durable[UNITS], now[UNITS]; /* as of the last flush; of the last command */
	bool trimmed[UNITS]; /* since that flush, at any time */
};

static void
check_copy(const struct history *h, bool capacitor, uint64_t seed)
{
	struct drive d;

	start_image(&d, copy, capacitor);
	assert_int_equal(d.r->sub->smart.unsafe_shutdowns, 1);
	for (uint64_t u = 0; u < UNITS; u++) {
		uint8_t v = read_byte(&d, u * 8);
		bool ok = (v >= h->durable[u] && v <= h->now[u]) || (v >= h->durable[u] && v < 250 && h->trimmed[u]) ||
			  (!v && (h->trimmed[u] || !h->now[u]));

		if (!ok)
			fail_msg("seed %llu: unit %llu is %u, flushed was %u, and the last %u",
				 (unsigned long long)seed, (unsigned long long)u, v, h->durable[u], h->now[u]);
	}
	write_byte(&d, 0, 1); /* and it goes on */
	assert_int_equal(read_byte(&d, 0), 1);
	rig_close(d.r);
}

static void
trim(struct drive *d, uint64_t unit, uint32_t count)
{
	struct nvme_dsm_range *r = (void *)io_buf(&d->io);
	struct nvme_sqe sqe;

	*r = (struct nvme_dsm_range){ .slba = le64_from(unit * 8), .nlb = le32_from(count * 8) };
	nvme_prep_dsm(&sqe, 1, 1, (uint32_t)NVME_DSM_AD);
	io_prp(&d->io, &sqe, 4096);
	rig_put(d->r, 1, &sqe);
	rig_ring(d->r, 1);
	assert_int_equal(wait(d), 0);
}

static void
a_step(struct drive *d, struct history *h, struct ut_rng *rng)
{
	uint32_t u = (uint32_t)ut_rng_below(rng, UNITS), what = (uint32_t)ut_rng_below(rng, 100);
	uint32_t count = UT_MIN(1 + (uint32_t)ut_rng_below(rng, 8), UNITS - u);

	if (what < 6) {
		timed(d, NVME_OPC_FLUSH, 0, 1);
		memcpy(h->durable, h->now, sizeof(h->now));
		memset(h->trimmed, 0, sizeof(h->trimmed));
	} else if (what < 12) {
		trim(d, u, count);
		for (uint32_t i = u; i < u + count; i++) {
			h->trimmed[i] = true;
			h->now[i] = 0;
		}
	} else {
		h->now[u] = (uint8_t)UT_MIN(UT_MAX(h->now[u], h->durable[u]) + 1, 255);
		write_byte(d, u * 8, h->now[u]);
	}
}

static void
lives(bool capacitor)
{
	const char *more = getenv("IMAGE_KILLS");
	uint64_t kills = more ? strtoull(more, NULL, 10) : 25, seed = 4711 + capacitor;
	struct history *h = ut_calloc(1, sizeof(*h));
	struct ut_rng rng;
	struct drive d;

	ut_rng_seed(&rng, seed);
	start_image(&d, path, capacitor);
	for (uint64_t k = 0; k < kills; k++) {
		for (uint64_t n = 1 + ut_rng_below(&rng, 200); n; n--)
			a_step(&d, h, &rng);
		image_copy();
		check_copy(h, capacitor, seed);
	}
	rig_close(d.r);
	free(h);
}

static void
flushed_data_survive_a_kill(void **state)
{
	(void)state;
	lives(false);
}

static void
so_they_do_with_a_capacitor(void **state)
{
	(void)state;
	lives(true);
}

/* Of a page of the map, the journal, or a root, that is valid: the oldest. */
static uint32_t
oldest_meta(const struct nand *n)
{
	uint32_t old = NAND_NONE;

	for (uint32_t p = 0; p < n->nr_pages; p++) {
		uint32_t what = n->what[p * n->cfg.units];

		if (n->seq[p] == NAND_SEQ_ERASED || n->seq[p] == NAND_SEQ_TORN || what < FTL_MAP || what == NAND_NONE)
			continue;
		if (old == NAND_NONE || n->seq[p] < n->seq[old])
			old = p;
	}
	return old;
}

/* A kill within an erase, which takes the marks of a page away one after the other. */
static void
half_an_erase(void **state)
{
	struct ssd_config cfg = config(copy, *state != NULL);
	const struct nand *n;
	uint64_t zero = 0;
	struct drive d;
	uint32_t page;
	off_t at;
	int fd;

	image_setup(NULL);
	cfg.image = copy;
	start_image(&d, path, *state != NULL);
	for (uint64_t u = 0; u < UNITS; u++)
		write_byte(&d, u * 8, (uint8_t)(u % 250));
	rig_close(d.r);
	start_image(&d, path, *state != NULL); /* a checkpoint is written then */
	for (uint64_t u = 0; u < UNITS; u++)
		write_byte(&d, u * 8, (uint8_t)(u % 250));
	timed(&d, NVME_OPC_FLUSH, 0, 1);
	n = ftl_nand(ssd_flash_ftl(d.r->sub->media));
	page = oldest_meta(n);
	assert_int_not_equal(page, NAND_NONE);
	at = (off_t)((const uint8_t *)&n->begun[page] - d.r->sub->media->image->va);
	image_copy();
	rig_close(d.r);
	fd = open(copy, O_RDWR);
	assert_int_equal(pwrite(fd, &zero, sizeof(zero), at), sizeof(zero));
	close(fd);
	if (try_open(&cfg))
		fail_msg("%s", err);
	image_teardown(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(survives_the_process, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(is_sparse, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(refused, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(refused_after_a_crash_of_the_machine, image_setup, image_teardown),
		cmocka_unit_test(half_an_erase),
		cmocka_unit_test_prestate(half_an_erase, (void *)1),
		cmocka_unit_test_setup_teardown(flushed_data_survive_a_kill, image_setup, image_teardown),
		cmocka_unit_test_setup_teardown(so_they_do_with_a_capacitor, image_setup, image_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
