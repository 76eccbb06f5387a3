/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Make, open and check an image file.
 *
 *	0		header (image_hdr.c)
 *	64 KiB		LBA maps of all media, two of them, each a whole number of pages; their disk space is taken at once
 *	1 MiB aligned	the data: the media's address space, sparse; or the store of modelled flash, whose tables are not
 *	after that	the annex (annex.c)
 *
 * The lock is on the open file, so that it goes with the process however that ends.
 */
#include "ssd/media/media.h"
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

#define IMAGE_MAPS (64u << 10)
#define IMAGE_DATA_ALIGN (1u << 20)

struct image_ctx {
	const char *path;
	const struct ssd_config *cfg;
	uint64_t size; /* of the data, as asked for */
	const struct ssd_image_shape *shape;
	struct ssd_file_media *f;
	bool made; /* by us, just now: goes away again when the rest fails */
	char *err;
	size_t errlen;
};

static int __attribute__((format(printf, 3, 4))) complain(const struct image_ctx *x, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(x->err, x->errlen, fmt, ap);
	va_end(ap);
	return rc;
}

/* Offsets in the file, from the size of the data. */
void
ssd_image_place(struct ssd_file_media *f)
{
	uint64_t off = IMAGE_MAPS;

	for (int kind = 0; kind < SSD_MAP_KINDS; kind++) {
		f->map_off[kind] = off;
		off += ut_align_up(ssd_map_bytes(f->st.data_size), SSD_PAGE);
	}
	f->data_off = ut_align_up(off, IMAGE_DATA_ALIGN);
	f->data_size = f->st.shape.bytes ? f->st.shape.bytes : f->st.data_size;
	f->file_size = f->data_off + f->data_size;
	f->annex_off = ut_align_up(f->file_size, SSD_PAGE);
}

static int
open_file(struct image_ctx *x)
{
	struct ssd_file_media *f = x->f;
	struct stat st;

	f->fd = open(x->path, O_RDWR | O_CLOEXEC);
	if (f->fd < 0 && errno == ENOENT && x->cfg->create) {
		f->fd = open(x->path, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0600);
		x->made = f->fd >= 0;
	}
	if (f->fd < 0 && errno == ENOENT)
		return complain(x, -ENOENT, "%s: no such image, and it was not asked to be created", x->path);
	if (f->fd < 0)
		return complain(x, -errno, "%s: cannot open the image: %s", x->path, strerror(errno));
	if (flock(f->fd, LOCK_EX | LOCK_NB)) {
		x->made = false; /* somebody else was faster: it is theirs */
		return complain(x, -EBUSY, "%s: the image is in use by another process", x->path);
	}
	if (fstat(f->fd, &st) || !S_ISREG(st.st_mode))
		return complain(x, -EINVAL, "%s: an image is a regular file, this is not", x->path);
	f->file_size = (uint64_t)st.st_size;
	return 0;
}

/* Empty where there is none. */
void
ssd_image_boot_id(char *id)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, id, SSD_IMAGE_BOOT - 1);

	id[n > 0 ? n : 0] = 0;
	if (fd >= 0)
		close(fd);
}

static int
check_sizes(struct image_ctx *x)
{
	for (uint32_t i = 0; i < x->cfg->nr_ns; i++) {
		if (x->cfg->ns[i].size < 4096 || x->cfg->ns[i].size > SSD_MAX_NS_SIZE)
			return complain(x, -EINVAL, "namespace %u: %" PRIu64 " bytes, but a size is from 4096 to 2^50",
					i + 1, x->cfg->ns[i].size);
	}
	if (!x->cfg->nr_ns || x->cfg->nr_ns > SSD_MAX_NAMESPACES || !x->size)
		return complain(x, -EINVAL, "%s: an image needs 1 to %u namespaces", x->path, SSD_MAX_NAMESPACES);
	return 0;
}

static int
make(struct image_ctx *x)
{
	struct ssd_file_media *f = x->f;
	int rc;

	f->st.data_size = x->size;
	if (x->shape)
		f->st.shape = *x->shape;
	f->st.nr_ns = x->cfg->nr_ns;
	for (uint32_t i = 0; i < f->st.nr_ns; i++) {
		f->st.ns_size[i] = x->cfg->ns[i].size & ~511ull;
		f->st.format[i] = (struct ssd_format){ .lbaf = x->cfg->ns[i].lba_size == 4096 };
	}
	ssd_image_place(f);
	if (ftruncate(f->fd, (off_t)f->file_size))
		return complain(x, -errno, "%s: cannot size the image to %" PRIu64 " bytes: %s", x->path, f->file_size,
				strerror(errno));
	rc = ssd_image_commit(&f->base);
	return rc ? complain(x, rc, "%s: cannot write the header of the image", x->path) : 0;
}

/* What is asked for, against what the image has. */
static int
check_config(struct image_ctx *x)
{
	const struct ssd_image_state *st = &x->f->st;

	if (x->cfg->nr_ns != st->nr_ns)
		return complain(x, x->cfg->nr_ns > st->nr_ns ? -EFBIG : -EINVAL,
				"%s: the image has %u namespace(s), %u are asked for", x->path, st->nr_ns,
				x->cfg->nr_ns);
	for (uint32_t i = 0; i < st->nr_ns; i++) {
		uint64_t want = x->cfg->ns[i].size & ~511ull;

		if (want != st->ns_size[i])
			return complain(x, want > st->ns_size[i] ? -EFBIG : -EINVAL,
					"%s: namespace %u of the image has %" PRIu64 " bytes, %" PRIu64
					" are asked for",
					x->path, i + 1, st->ns_size[i], want);
	}
	if (!x->shape != !st->shape.bytes)
		return complain(x, -EINVAL, "%s: the image is %s%s%s: use a profile of that kind, or another file",
				x->path,
				st->shape.bytes ? "modelled flash of profile \"" : "plain data, not modelled flash",
				st->shape.profile, st->shape.bytes ? "\"" : "");
	if (x->size != st->data_size)
		return complain(x, -EUCLEAN, "%s: the image has its namespaces elsewhere than this version", x->path);
	return x->shape ? ssd_image_shape_check(&st->shape, x->shape, x->path, x->err, x->errlen) : 0;
}

/* What the machine had not written to disk yet went with it: in which order nobody knows. */
static int
check_boot(struct image_ctx *x)
{
	const struct ssd_image_state *st = &x->f->st;
	char boot[SSD_IMAGE_BOOT];

	ssd_image_boot_id(boot);
	if (!st->shape.bytes || !st->open || !strcmp(st->boot, boot))
		return 0;
	return complain(
		x, -EUCLEAN,
		"%s: the machine went down while the image was in use; run nvproof ssd fsck --repair on it first",
		x->path);
}

static int
load(struct image_ctx *x)
{
	struct ssd_file_media *f = x->f;
	uint64_t have = f->file_size;
	uint8_t page[SSD_IMAGE_HDR];
	int rc;

	if (have < sizeof(page))
		return complain(x, -EFBIG, "%s: too small to be an image (%" PRIu64 " bytes)", x->path, have);
	if (pread(f->fd, page, sizeof(page), 0) != (ssize_t)sizeof(page))
		return complain(x, -EIO, "%s: cannot read the header of the image", x->path);
	if (ssd_image_hdr_newer(page))
		return complain(x, -EUCLEAN, "%s: an image of a newer version of this program", x->path);
	rc = ssd_image_hdr_read(page, &f->st, &f->seq);
	if (rc)
		return complain(x, rc, "%s: not an image of this program, or its header is damaged", x->path);
	ssd_image_place(f);
	if (have < f->file_size)
		return complain(x, -EFBIG, "%s: the image is too small: %" PRIu64 " bytes of %" PRIu64, x->path, have,
				f->file_size);
	rc = check_config(x);
	return rc ? rc : check_boot(x);
}

/* Until somebody closes it. */
static int
mark_open(struct image_ctx *x)
{
	struct ssd_file_media *f = x->f;

	f->was_open = f->st.open;
	f->st.open = true;
	ssd_image_boot_id(f->st.boot);
	return ssd_image_commit(&f->base) ? complain(x, -EIO, "%s: cannot write the header of the image", x->path) : 0;
}

static int
map(struct image_ctx *x)
{
	struct ssd_file_media *f = x->f;
	uint64_t granules = f->data_size / SSD_GRANULE + 1;
	void *va = MAP_FAILED;
	int rc;

	rc = posix_fallocate(f->fd, 0, (off_t)f->data_off);
	if (!rc && f->st.shape.bytes)
		rc = posix_fallocate(f->fd, (off_t)(f->data_off + f->st.shape.sparse),
				     (off_t)(f->st.shape.bytes - f->st.shape.sparse));
	if (rc)
		return complain(x, -rc, "%s: no disk space for the tables of the image: %s", x->path, strerror(rc));
	f->written = ut_calloc(granules / 64 + 1, sizeof(uint64_t));
	f->backed = ut_calloc(granules / 64 + 1, sizeof(uint64_t));
	f->scratch = ut_calloc(1, SSD_GRANULE);
	if (f->written && f->backed && f->scratch && !ut_alloc_spend())
		va = mmap(NULL, f->file_size, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	if (va == MAP_FAILED)
		return complain(x, -ENOMEM, "%s: no memory to map the image", x->path);
	f->va = va;
	if (!f->st.shape.bytes)
		ssd_file_scan(f);
	return 0;
}

int
ssd_image_open(const struct ssd_config *cfg, uint64_t size, const struct ssd_image_shape *shape,
	       struct ssd_file_media **out, char *err, size_t errlen)
{
	struct image_ctx x = {
		.path = cfg->image, .cfg = cfg, .size = size, .shape = shape, .err = err, .errlen = errlen
	};
	int rc;

	if (!x.path || !*x.path)
		return complain(&x, -EINVAL, "an image file needs a path");
	x.f = ut_calloc(1, sizeof(*x.f));
	if (!x.f)
		return complain(&x, -ENOMEM, "no memory");
	x.f->fd = -1;
	x.f->base.image = x.f;
	x.f->base.ops = &ssd_file_ops;
	rc = check_sizes(&x);
	if (!rc)
		rc = open_file(&x);
	if (!rc)
		rc = !x.f->file_size && cfg->create ? make(&x) : load(&x);
	if (!rc)
		rc = map(&x);
	if (!rc)
		rc = mark_open(&x);
	if (rc) {
		if (x.made)
			unlink(x.path);
		ssd_file_free(x.f);
		return rc;
	}
	*out = x.f;
	return 0;
}

int
ssd_media_file(const struct ssd_config *cfg, uint64_t size, struct ssd_media **out, char *err, size_t errlen)
{
	struct ssd_file_media *f;
	int rc = ssd_image_open(cfg, size, NULL, &f, err, errlen);

	if (!rc)
		*out = &f->base;
	return rc;
}

void
ssd_image_close(struct ssd_file_media *f)
{
	f->st.open = false;
	if (!fdatasync(f->fd)) /* what is marked as closed is there */
		ssd_image_commit(&f->base);
	ssd_file_free(f);
}

void
ssd_image_give_up(struct ssd_file_media *f)
{
	f->st.open = f->was_open;
	ssd_image_commit(&f->base);
	ssd_file_free(f);
}

bool
ssd_image_was_open(const struct ssd_media *m)
{
	return m->image && m->image->was_open;
}

struct ssd_file_media *
ssd_file_media(struct ssd_media *m)
{
	return m->image;
}

struct ssd_image_state *
ssd_image_state(struct ssd_media *m)
{
	return m->image ? &m->image->st : NULL;
}

void *
ssd_image_lba_map(struct ssd_media *m, uint64_t media_off, enum ssd_map_kind kind)
{
	return m->image ? m->image->va + m->image->map_off[kind] + ssd_map_bytes(media_off) : NULL;
}

int
ssd_image_commit(struct ssd_media *m)
{
	struct ssd_file_media *f = m->image;
	uint8_t slot[SSD_IMAGE_SLOT];
	off_t off = (off_t)(++f->seq % 2 * SSD_IMAGE_SLOT);

	ssd_image_hdr_slot(slot, &f->st, f->seq);
	return pwrite(f->fd, slot, sizeof(slot), off) == (ssize_t)sizeof(slot) ? 0 : -EIO;
}
