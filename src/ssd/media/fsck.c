/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An image is mapped privately to be checked, so that what opening it changes stays here, and as it is to be repaired.
 */
#include "ssd/media/fsck_int.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/alloc.h"

static void
line(struct fsck *x, const char *fmt, va_list ap)
{
	char text[400];

	vsnprintf(text, sizeof(text), fmt, ap);
	x->say(x->arg, text);
}

void
fsck_problem(struct fsck *x, const char *fmt, ...)
{
	va_list ap;

	x->problems++;
	va_start(ap, fmt);
	line(x, fmt, ap);
	va_end(ap);
}

void
fsck_say(struct fsck *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(x, fmt, ap);
	va_end(ap);
}

static enum ssd_fsck
unreadable(struct fsck *x, const char *what)
{
	fsck_say(x, "%s", what);
	return SSD_FSCK_UNREADABLE;
}

static bool
all_zero(const uint8_t *p, size_t len)
{
	while (len && !p[len - 1])
		len--;
	return !len;
}

/* The newest slot is what counts; the other one may be from before the first was written, and is nothing then. */
static enum ssd_fsck
check_header(struct fsck *x, const uint8_t *page)
{
	struct ssd_file_media *f = x->f;

	if (ssd_image_hdr_newer(page))
		return unreadable(x, "header: of a newer version of this program: use that");
	if (ssd_image_hdr_read(page, &f->st, &f->seq))
		return unreadable(x, "header: neither copy is whole, so nothing tells where things are");
	for (uint32_t s = 0; s < 2; s++) {
		if (ssd_image_hdr_whole(page, s) || all_zero(page + s * SSD_IMAGE_SLOT, SSD_IMAGE_SLOT))
			continue;
		fsck_problem(x, "header: copy %u is damaged", s);
		x->bad_header = true;
	}
	return SSD_FSCK_CLEAN;
}

static enum ssd_fsck
open_file(struct fsck *x, const char *path)
{
	struct ssd_file_media *f = x->f;
	uint8_t page[SSD_IMAGE_HDR];
	struct stat st;
	enum ssd_fsck rc;

	f->fd = open(path, O_RDWR | O_CLOEXEC);
	if (f->fd < 0 || fstat(f->fd, &st) || !S_ISREG(st.st_mode))
		return unreadable(x, f->fd < 0 ? strerror(errno) : "not a regular file");
	if (flock(f->fd, LOCK_EX | LOCK_NB))
		return unreadable(x, "in use by another process");
	if (pread(f->fd, page, sizeof(page), 0) != (ssize_t)sizeof(page))
		return unreadable(x, "too small to be an image");
	rc = check_header(x, page);
	if (rc)
		return rc;
	ssd_image_place(f);
	if ((uint64_t)st.st_size < f->file_size)
		return unreadable(x, "the end of the file is missing");
	f->va = mmap(NULL, f->file_size, PROT_READ | PROT_WRITE, x->repair ? MAP_SHARED : MAP_PRIVATE, f->fd, 0);
	return f->va == MAP_FAILED ? unreadable(x, "cannot be mapped") : SSD_FSCK_CLEAN;
}

static void
check_annex(struct fsck *x)
{
	for (uint32_t kind = 0; kind < SSD_ANNEX_KINDS; kind++) {
		for (uint32_t slot = 0; slot < 2; slot++) {
			if (ssd_annex_slot_ok(x->f, kind, slot))
				continue;
			fsck_problem(x, "annex: copy %u of part %u is damaged", slot, kind);
			if (!x->repair)
				continue;
			ssd_annex_slot_clear(x->f, kind, slot);
			fsck_say(x,
				 "annex: copy %u of part %u: removed; the other copy counts, or what is set at the "
				 "factory",
				 slot, kind);
		}
	}
}

/* Uncorrectable blocks are allocated (Write Uncorrectable), and there are none beyond the end. */
static void
check_maps(struct fsck *x)
{
	uint64_t words = ssd_map_bytes(x->f->st.data_size) / 8, wrong = 0;
	uint64_t *alloc = (void *)(x->f->va + x->f->map_off[SSD_MAP_ALLOC]);
	const uint64_t *bad = (void *)(x->f->va + x->f->map_off[SSD_MAP_BAD]);

	for (uint64_t w = 0; w < words; w++) {
		wrong += (uint64_t)__builtin_popcountll(bad[w] & ~alloc[w]);
		if (x->repair)
			alloc[w] |= bad[w];
	}
	if (!wrong)
		return;
	fsck_problem(x, "LBA maps: %" PRIu64 " block(s) are uncorrectable, and not allocated", wrong);
	if (x->repair)
		fsck_say(x, "LBA maps: allocated them");
}

static void
commit(struct fsck *x)
{
	int rc = ssd_image_commit(&x->f->base);

	if (!rc && x->bad_header)
		rc = ssd_image_commit(&x->f->base); /* the other copy, too */
	if (rc || fsync(x->f->fd))
		fsck_problem(x, "cannot write: what was repaired may not be");
	else if (x->bad_header)
		fsck_say(x, "header: both copies written");
}

enum ssd_fsck
ssd_image_fsck(const char *path, bool repair, void (*say)(void *arg, const char *line), void *arg)
{
	struct fsck x = { .repair = repair, .say = say, .arg = arg, .f = ut_calloc(1, sizeof(*x.f)) };
	enum ssd_fsck rc;

	if (!x.f)
		return SSD_FSCK_UNREADABLE;
	x.f->base.image = x.f;
	rc = open_file(&x, path);
	if (!rc) {
		check_annex(&x);
		check_maps(&x);
		if (x.f->st.shape.bytes)
			rc = fsck_flash(&x);
	}
	if (!rc && repair && x.problems)
		commit(&x);
	if (x.f->va == MAP_FAILED)
		x.f->va = NULL;
	ssd_file_free(x.f);
	return rc ? rc : x.problems ? SSD_FSCK_PROBLEMS : SSD_FSCK_CLEAN;
}
