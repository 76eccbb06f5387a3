/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the media operations, which are about bytes, and the FTL, which is about units of 4 KiB. */
#include "ssd/media/flash.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ssd/media/media.h"
#include "util/alloc.h"

struct flash_media {
	struct ssd_media base;
	struct ftl *ftl;
	uint32_t places;
	const uint64_t *now_ns;
	uint64_t *due_ns;
	bool clocked;
};

static struct flash_media *
flash(const struct ssd_media *m)
{
	return ut_container_of(m, struct flash_media, base);
}

static void
flash_close(struct ssd_media *m)
{
	ftl_close(flash(m)->ftl);
	if (m->image)
		ssd_image_close(m->image);
	free(flash(m));
}

static uint64_t
in_unit(uint64_t off, uint64_t len)
{
	return UT_MIN(len, NAND_UNIT - off % NAND_UNIT);
}

static const void *
flash_peek(struct ssd_media *m, uint64_t off, uint64_t *len)
{
	struct flash_media *f = flash(m);
	uint64_t lost = ftl_stats(f->ftl)->unreadable, hard = ftl_stats(f->ftl)->hard;
	const uint8_t *unit = ftl_read(f->ftl, *f->now_ns, (uint32_t)(off / NAND_UNIT), f->due_ns);

	if (ftl_stats(f->ftl)->unreadable != lost)
		m->trouble = SSD_MEDIA_LOST;
	else if (ftl_stats(f->ftl)->hard != hard)
		m->trouble = UT_MAX(m->trouble, SSD_MEDIA_HARD);
	*len = in_unit(off, *len);
	return unit ? unit + off % NAND_UNIT : ssd_zeros;
}

/* NVMe Base 2.1, "SMART / Health Information": Critical Warning. */
static void
look_at_health(struct flash_media *f)
{
	struct ftl_health h = ftl_health(f->ftl);

	f->base.warning =
		(uint8_t)(nvme_put(NVME_CW_ASCBT, h.spare < SSD_SPARE_THRESHOLD) | nvme_put(NVME_CW_AMRO, h.read_only));
}

static void *
flash_poke(struct ssd_media *m, uint64_t off, uint64_t *len, uint32_t place)
{
	struct flash_media *f = flash(m);
	uint8_t *unit;

	*len = in_unit(off, *len);
	unit = ftl_write(f->ftl, *f->now_ns, (uint32_t)(off / NAND_UNIT), (uint32_t)*len, place, f->due_ns);
	look_at_health(f);
	return unit ? unit + off % NAND_UNIT : NULL;
}

/* Less than a unit: written as zeros. */
static void
zero(struct ssd_media *m, uint64_t off, uint64_t len)
{
	uint64_t n = len;
	void *p = len ? flash_poke(m, off, &n, 0) : NULL;

	if (p)
		memset(p, 0, n);
}

static void
flash_discard(struct ssd_media *m, uint64_t off, uint64_t len)
{
	struct flash_media *f = flash(m);
	uint64_t first = ut_align_up(off, NAND_UNIT), last = (off + len) & ~(uint64_t)(NAND_UNIT - 1);

	if (first > last) { /* inside one unit */
		zero(m, off, len);
		return;
	}
	zero(m, off, first - off);
	ftl_trim(f->ftl, *f->now_ns, (uint32_t)(first / NAND_UNIT), (uint32_t)((last - first) / NAND_UNIT), f->due_ns);
	zero(m, last, off + len - last);
}

static int
flash_flush(struct ssd_media *m)
{
	return ftl_flush(flash(m)->ftl, *flash(m)->now_ns, flash(m)->due_ns) ? 0 : -ENOSPC;
}

static void
flash_power_off(struct ssd_media *m)
{
	ftl_power_off(flash(m)->ftl, *flash(m)->now_ns);
	*flash(m)->due_ns = 0;
}

static uint64_t
flash_power_on(struct ssd_media *m)
{
	return ftl_power_on(flash(m)->ftl);
}

static const struct ssd_media_ops flash_ops = {
	.close = flash_close,
	.peek = flash_peek,
	.poke = flash_poke,
	.discard = flash_discard,
	.flush = flash_flush,
	.power_off = flash_power_off,
	.power_on = flash_power_on,
};

void
ssd_flash_fail(struct ssd_media *m, enum nand_kind kind)
{
	if (m->ops == &flash_ops)
		ftl_fail(flash(m)->ftl, kind);
}

void
ssd_flash_clock(struct ssd_media *m, uint64_t now_ns)
{
	if (m->ops != &flash_ops || !m->image || flash(m)->clocked)
		return;
	flash(m)->clocked = true;
	ftl_clock(flash(m)->ftl, now_ns);
}

void
ssd_flash_reached(struct ssd_media *m, uint64_t now_ns)
{
	if (m->image && m->ops == &flash_ops)
		ftl_advance(flash(m)->ftl, now_ns);
}

void
ssd_flash_spill(struct ssd_media *m)
{
	if (m->ops == &flash_ops)
		ftl_spill(flash(m)->ftl, *flash(m)->now_ns);
}

const struct ftl *
ssd_flash_ftl(const struct ssd_media *m)
{
	return m->ops == &flash_ops ? flash(m)->ftl : NULL;
}

uint32_t
ssd_flash_places(const struct ssd_media *m)
{
	return m->ops == &flash_ops ? flash(m)->places : 0;
}

void
ssd_flash_place_end(struct ssd_media *m, uint32_t place)
{
	ftl_place_end(flash(m)->ftl, *flash(m)->now_ns, place, flash(m)->due_ns);
}

uint32_t
ssd_flash_atomic_units(const struct ssd_media *m)
{
	return m->ops == &flash_ops ? ftl_nand(flash(m)->ftl)->cfg.units : 0;
}

bool
ssd_flash_together(struct ssd_media *m, const struct ftl_range *ranges, uint32_t n, uint32_t place)
{
	return ftl_together(flash(m)->ftl, *flash(m)->now_ns, ranges, n, place, flash(m)->due_ns);
}

void
ssd_flash_apart(struct ssd_media *m)
{
	ftl_apart(flash(m)->ftl);
}

static struct nand_config
nand_of(const struct ssd_profile_flash *p)
{
	struct nand_config n = {
		.channels = p->channels,
		.dies = p->dies,
		.blocks = p->blocks,
		.pages = p->pages,
		.units = p->planes * (p->page_size / NAND_UNIT),
		.levels = p->levels,
		.erase_ns = p->erase_us * 1000ull,
		.endurance = p->endurance,
		.slc_read_ns = p->slc_read_us * 1000ull,
		.slc_program_ns = p->slc_program_us * 1000ull,
		.slc_erase_ns = p->slc_erase_us * 1000ull,
		.program_fail_ppm = p->program_fail_ppm,
		.suspend_ns = p->suspend_us * 1000ull,
		.unit_ns = NAND_UNIT * 1000ull / p->bus_mb_s,
	};

	for (uint32_t i = 0; i < p->levels; i++) {
		n.read_ns[i] = p->read_us[i] * 1000ull;
		n.program_ns[i] = p->program_us[i] * 1000ull;
	}
	return n;
}

/* A die; `units`: of a block of each die, in that mode. */
static uint32_t
slc_blocks(const struct ssd_profile_flash *p, uint64_t units)
{
	return (uint32_t)UT_MIN((p->slc_cache / NAND_UNIT + units - 1) / units, 1u << 20);
}

static_assert((int)FTL_RANDOM == (int)SSD_PROFILE_RANDOM, "the same words");

/* As many blocks a die as the size and the spare area need, unless the profile says how many there are. */
static struct ftl_config
config_of(const struct ssd_profile *profile, uint64_t size, uint64_t seed)
{
	const struct ssd_profile_flash *p = &profile->flash;
	uint64_t units = (size + NAND_UNIT - 1) / NAND_UNIT, dies = (uint64_t)p->channels * p->dies, spare, a_block;
	struct ftl_config c = {
		.units = (uint32_t)UT_MIN(units, UINT32_MAX),
		.buffer = (uint32_t)(p->write_buffer / NAND_UNIT),
		.places = UT_MAX(p->placements, profile->fdp.handles),
		.capacitor = p->capacitor,
		.link_ns = p->link_mb_s ? NAND_UNIT * 1000ull / p->link_mb_s : 0,
		.collect = (enum ftl_collect)p->collect,
		.read_limit = p->read_limit,
		.age_limit_ns = p->retention_hours * 3600ull * 1000000000,
		.no_refresh = p->refresh == SSD_PROFILE_OFF,
		.recovers = p->recovery_ms,
		.wear_spread = p->wear_spread,
		.nand = nand_of(p),
	};

	c.nand.seed = seed;
	a_block = dies * p->pages * c.nand.units;
	if (p->slc_cache)
		c.slc_blocks = slc_blocks(p, dies * (p->pages / p->levels) * c.nand.units);
	c.slc_dynamic = p->slc_dynamic;
	spare = ftl_spare_blocks(&c) + dies; /* what the FTL needs to work at all is not part of the spare area */
	if (!c.nand.blocks)
		c.nand.blocks = (uint32_t)UT_MIN((units * (100 + p->spare_percent) / 100 + a_block - 1) / a_block +
							 (spare + dies - 1) / dies,
						 UINT32_MAX);
	return c;
}

/* When each page of it holds something. */
static uint64_t
bytes_of(const struct ftl_config *c)
{
	return (uint64_t)c->nand.channels * c->nand.dies * c->nand.blocks * c->nand.pages * c->nand.units * NAND_UNIT;
}

static int
no_memory(uint64_t size, int rc, char *err, size_t errlen)
{
	snprintf(err, errlen, "no memory for %" PRIu64 " bytes and the spare area of the flash, or too many", size);
	return rc;
}

/* Give the flash a part of the image to live in. */
static int
image_open(const struct ssd_config *cfg, uint64_t size, struct ftl_config *c, struct flash_media *f, char *err,
	   size_t errlen)
{
	struct ssd_image_shape shape;
	int rc;

	ssd_image_shape_of(c, cfg->profile.name, &shape);
	rc = ssd_image_open(cfg, size, &shape, &f->base.image, err, errlen);
	if (!rc)
		c->nand.store = (struct nand_store){
			.va = f->base.image->va + f->base.image->data_off,
			.fd = f->base.image->fd,
			.off = f->base.image->data_off,
			.capacitor = c->capacitor,
		};
	return rc;
}

static int
flash_open(const struct ssd_config *cfg, uint64_t size, struct flash_media *f, char *err, size_t errlen)
{
	struct ftl_config c = config_of(&cfg->profile, size, cfg->seed);
	int rc;

	if (!cfg->image && bytes_of(&c) > (cfg->ram_limit ? cfg->ram_limit : ssd_memory_to_spare()))
		return no_memory(size, -ENOMEM, err, errlen);
	rc = cfg->image ? image_open(cfg, size, &c, f, err, errlen) : 0;
	if (rc)
		return rc;
	rc = ftl_open(&c, &f->ftl);
	if (rc && f->base.image)
		ssd_image_give_up(f->base.image);
	f->places = c.places ? c.places : 1;
	if (rc != -EUCLEAN)
		return rc ? no_memory(size, rc, err, errlen) : 0;
	snprintf(err, errlen, "%s: a page of its map is damaged: run nvproof ssd fsck --repair on it", cfg->image);
	return rc;
}

int
ssd_media_flash(const struct ssd_config *cfg, uint64_t size, const uint64_t *now_ns, uint64_t *due_ns,
		struct ssd_media **out, char *err, size_t errlen)
{
	struct flash_media *f = ut_calloc(1, sizeof(*f));
	int rc = f ? flash_open(cfg, size, f, err, errlen) : -ENOMEM;

	if (rc) {
		free(f);
		return rc;
	}
	f->base.ops = &flash_ops;
	f->base.recovery_ns = cfg->profile.flash.recovery_ms * 1000000ull;
	f->now_ns = now_ns;
	f->due_ns = due_ns;
	*out = &f->base;
	return 0;
}
