/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Modelled flash: each page against its checksum, the marks of the blocks, and the last checkpoint of the map against what the pages say
 * they are.  Repair takes pages that are damaged out, and has the map built from those that are not.
 */
#include <inttypes.h>
#include <string.h>
#include "ssd/ftl/ftl.h"
#include "ssd/media/flash.h"
#include "ssd/media/fsck_int.h"
#include "util/bits.h"

struct flash_check {
	struct fsck *x;
	struct nand *n;
	uint32_t units; /* logical */
	bool meta; /* a page of the map, of the journal or a root is damaged */
};

/* What a page held, as far as its spare bytes are to be believed. */
static void
tell_page(struct flash_check *c, uint32_t page)
{
	uint32_t units = c->n->cfg.units, first = NAND_NONE, data = 0, meta = 0;

	for (uint32_t at = page * units; at < (page + 1) * units; at++) {
		uint32_t what = c->n->what[at];

		meta += what >= FTL_MAP && what != NAND_NONE;
		data += what < c->units;
		if (what < c->units && first == NAND_NONE)
			first = what;
	}
	c->meta |= meta > 0 || !data; /* who knows */
	if (data)
		fsck_problem(c->x, "page %u: wrong checksum; it held %u unit(s) of 4 KiB, the first at %" PRIu64, page,
			     data, (uint64_t)first * NAND_UNIT);
	else
		fsck_problem(c->x, "page %u: wrong checksum; it held the map, or what was trimmed", page);
}

static void
take_out(struct flash_check *c, uint32_t page)
{
	c->n->seq[page] = NAND_SEQ_TORN;
	c->n->begun[page] = 0;
	if (c->x->repair)
		fsck_say(c->x, "page %u: taken out: what is older counts, or nothing", page);
}

static void
check_pages(struct flash_check *c)
{
	for (uint32_t p = 0; p < c->n->nr_pages; p++) {
		if (c->n->seq[p] == NAND_SEQ_ERASED || c->n->seq[p] == NAND_SEQ_TORN || nand_page_ok(c->n, p))
			continue;
		tell_page(c, p);
		take_out(c, p);
	}
}

/* A mark that means nothing: the block is not trusted any more. */
static void
check_blocks(struct flash_check *c)
{
	struct nand *n = c->n;

	for (uint32_t b = 0; b < n->nr_blocks; b++) {
		bool wrong = n->bad[b] > NAND_RETIRED || n->slc[b] > 1;

		if (wrong)
			fsck_problem(c->x, "block %u: its marks are damaged%s", b, c->x->repair ? "; retired" : "");
		if (wrong) {
			n->bad[b] = NAND_RETIRED;
			n->slc[b] = n->slc[b] == 1;
		}
		if (n->wear[b] <= n->stats.erases + 1 || !n->stats.erases)
			continue;
		fsck_problem(c->x, "block %u: erased %u times, but all of them %" PRIu64 " times", b, n->wear[b],
			     n->stats.erases);
		if (c->x->repair)
			n->wear[b] = (uint32_t)(n->stats.erases / n->nr_blocks);
	}
}

static void
tell_lost(void *arg, uint32_t unit, uint32_t page)
{
	struct flash_check *c = arg;

	fsck_problem(c->x, "unit at %" PRIu64 ": the map says page %u, which does not hold it, and no other does",
		     (uint64_t)unit * NAND_UNIT, page);
}

/* The flash as it is when the drive is switched on, with what is damaged taken out. */
static enum ssd_fsck
check_map(struct flash_check *c, struct ftl_config *cfg)
{
	struct ftl *ftl;
	uint64_t due = 0;

	cfg->rebuild = c->meta;
	if (ftl_open(cfg, &ftl)) {
		fsck_say(c->x, "no memory to check the map");
		return SSD_FSCK_UNREADABLE;
	}
	ftl_lost(ftl, tell_lost, c);
	if (c->x->repair && c->x->problems) {
		ftl_power_on(ftl);
		ftl_flush(ftl, 0, &due);
		ftl_power_off(ftl, UT_MAX(due, 1ull << 40));
		fsck_say(c->x, "map: built from the pages, and written%s",
			 c->meta ? "; what was trimmed may be there again" : "");
	}
	ftl_close(ftl);
	return SSD_FSCK_CLEAN;
}

static void
check_boot(struct fsck *x)
{
	char boot[SSD_IMAGE_BOOT];

	ssd_image_boot_id(boot);
	if (!x->f->st.open)
		return;
	if (!strcmp(x->f->st.boot, boot)) {
		fsck_say(x, "it was not closed: for the drive that is a loss of power, from which it recovers when it "
			    "is opened");
		return;
	}
	fsck_problem(x, "the machine went down while it was in use");
	if (x->repair)
		memcpy(x->f->st.boot, boot, sizeof(boot));
}

enum ssd_fsck
fsck_flash(struct fsck *x)
{
	struct flash_check c = { .x = x };
	struct ftl_config cfg;
	struct ftl *ftl;

	if (ssd_image_shape_config(&x->f->st.shape, &cfg)) {
		fsck_say(x, "header: the flash is laid out otherwise than in this version");
		return SSD_FSCK_UNREADABLE;
	}
	check_boot(x);
	cfg.nand.store = (struct nand_store){
		.va = x->f->va + x->f->data_off,
		.fd = x->repair ? x->f->fd : -1,
		.off = x->f->data_off,
		.capacitor = cfg.capacitor,
	};
	cfg.unchecked = true;
	if (ftl_open(&cfg, &ftl)) {
		fsck_say(x, "header: no flash has this geometry");
		return SSD_FSCK_UNREADABLE;
	}
	c.n = (struct nand *)(uintptr_t)ftl_nand(ftl);
	c.units = cfg.units;
	if (c.n->interrupted && !x->f->st.open)
		fsck_problem(x, "%u page(s) are neither erased nor programmed, though it was closed", c.n->interrupted);
	check_pages(&c);
	check_blocks(&c);
	ftl_close(ftl);
	return check_map(&c, &cfg);
}
