/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Media in an image file: the data part, as a shared mapping of a sparse file.
 *
 * A store into a hole of a mapped file makes the kernel find disk space, and when there is none the process gets
 * SIGBUS.  So space is taken first, a granule at a time; a write that finds none fails, and nothing else happens.
 */
#include "ssd/media/media.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "util/alloc.h"

static struct ssd_file_media *
file(struct ssd_media *m)
{
	return ut_container_of(m, struct ssd_file_media, base);
}

static bool
bit(const uint64_t *map, uint64_t n)
{
	return map[n / 64] >> (n % 64) & 1;
}

static void
bit_put(uint64_t *map, uint64_t n, bool on)
{
	uint64_t mask = 1ull << (n % 64);

	map[n / 64] = on ? map[n / 64] | mask : map[n / 64] & ~mask;
}

void
ssd_file_free(struct ssd_file_media *f)
{
	if (f->va)
		munmap(f->va, f->file_size);
	if (f->fd >= 0)
		close(f->fd); /* and with it goes the lock */
	free(f->written);
	free(f->backed);
	free(f->scratch);
	free(f);
}

static void
file_close(struct ssd_media *m)
{
	ssd_image_close(file(m));
}

static void
mark_written(struct ssd_file_media *f, uint64_t from, uint64_t to)
{
	for (uint64_t g = from / SSD_GRANULE; g < (to + SSD_GRANULE - 1) / SSD_GRANULE; g++)
		bit_put(f->written, g, true);
}

void
ssd_file_scan(struct ssd_file_media *f)
{
	uint64_t end = f->data_off + f->data_size, pos = f->data_off;

	while (pos < end) {
		off_t data = lseek(f->fd, (off_t)pos, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			return; /* nothing but holes to the end */
		hole = data < 0 ? -1 : lseek(f->fd, data, SEEK_HOLE);
		if (hole < 0) { /* a file system that cannot tell */
			mark_written(f, 0, f->data_size);
			return;
		}
		if ((uint64_t)data >= end)
			return;
		mark_written(f, (uint64_t)data - f->data_off, UT_MIN((uint64_t)hole, end) - f->data_off);
		pos = (uint64_t)hole;
	}
}

/* Disk space for the granule; true when it has it. */
static bool
back(struct ssd_file_media *f, uint64_t g)
{
	uint64_t off = g * SSD_GRANULE, len = UT_MIN(f->data_size - off, SSD_GRANULE);

	if (bit(f->backed, g))
		return true;
	if (ut_alloc_spend() || posix_fallocate(f->fd, (off_t)(f->data_off + off), (off_t)len))
		return false;
	bit_put(f->backed, g, true);
	return true;
}

/* A granule with data but without all its space, on a full disk: read() does not need any. */
static const void *
peek_unbacked(struct ssd_file_media *f, uint64_t off, uint64_t *len)
{
	uint64_t rest = SSD_GRANULE - off % SSD_GRANULE, done = 0;

	*len = UT_MIN(*len, rest);
	memset(f->scratch, 0, *len);
	while (done < *len) {
		ssize_t n = pread(f->fd, f->scratch + done, *len - done, (off_t)(f->data_off + off + done));

		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		done += n > 0 ? (uint64_t)n : 0;
	}
	return f->scratch;
}

static const void *
file_peek(struct ssd_media *m, uint64_t off, uint64_t *len)
{
	struct ssd_file_media *f = file(m);
	uint64_t g = off / SSD_GRANULE, end = off + *len;
	bool data = bit(f->written, g);

	assert(off < f->data_size && *len <= f->data_size - off);
	if (data && !back(f, g))
		return peek_unbacked(f, off, len);
	for (g++; g * SSD_GRANULE < end && bit(f->written, g) == data && (!data || back(f, g)); g++)
		;
	*len = UT_MIN(end, g * SSD_GRANULE) - off;
	if (data)
		return f->va + f->data_off + off;
	*len = UT_MIN(*len, SSD_ZEROS);
	return ssd_zeros;
}

static void *
file_poke(struct ssd_media *m, uint64_t off, uint64_t *len, uint32_t place)
{
	struct ssd_file_media *f = file(m);
	uint64_t last = (off + *len - 1) / SSD_GRANULE;

	(void)place;
	assert(*len > 0 && off < f->data_size && *len <= f->data_size - off);
	for (uint64_t g = off / SSD_GRANULE; g <= last; g++) {
		if (!back(f, g))
			return NULL;
		bit_put(f->written, g, true);
	}
	return f->va + f->data_off + off;
}

/* Where holes cannot be punched: zeros by write(), which needs no disk space for what is already there. */
static void
overwrite(struct ssd_file_media *f, uint64_t off, uint64_t len)
{
	while (len) {
		uint64_t n = UT_MIN(len, SSD_GRANULE - off % SSD_GRANULE);

		if (bit(f->written, off / SSD_GRANULE) &&
		    pwrite(f->fd, ssd_zeros, n, (off_t)(f->data_off + off)) != (ssize_t)n && back(f, off / SSD_GRANULE))
			memset(f->va + f->data_off + off, 0, n);
		off += n;
		len -= n;
	}
}

static void
file_discard(struct ssd_media *m, uint64_t off, uint64_t len)
{
	struct ssd_file_media *f = file(m);
	uint64_t end = off + len;

	assert(end >= off && end <= f->data_size);
	if (!len)
		return;
	if (fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(f->data_off + off), (off_t)len)) {
		overwrite(f, off, len);
		return;
	}
	for (uint64_t g = off / SSD_GRANULE; g * SSD_GRANULE < end; g++) {
		uint64_t gend = UT_MIN((g + 1) * SSD_GRANULE, f->data_size);

		bit_put(f->backed, g, false);
		if (g * SSD_GRANULE >= off && gend <= end)
			bit_put(f->written, g, false);
	}
}

/* Also writes back what was stored through the mapping. */
static int
file_flush(struct ssd_media *m)
{
	return fdatasync(file(m)->fd) ? -EIO : 0;
}

const struct ssd_media_ops ssd_file_ops = {
	.close = file_close,
	.peek = file_peek,
	.poke = file_poke,
	.discard = file_discard,
	.flush = file_flush,
	.power_off = ssd_media_stays,
	.power_on = ssd_media_at_once,
};
