/* SPDX-License-Identifier: BSD-3-Clause */
/* Media in memory: one large mapping of which only what is written costs anything.  Gone with the process. */
#include "ssd/media/media.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "util/alloc.h"

struct ram_media {
	struct ssd_media base;
	uint8_t *va;
	uint64_t size;
};

const uint8_t ssd_zeros[SSD_ZEROS];

static struct ram_media *
ram(struct ssd_media *m)
{
	return ut_container_of(m, struct ram_media, base);
}

static void
ram_close(struct ssd_media *m)
{
	munmap(ram(m)->va, ram(m)->size);
	free(ram(m));
}

static const void *
ram_peek(struct ssd_media *m, uint64_t off, uint64_t *len)
{
	assert(off < ram(m)->size && *len <= ram(m)->size - off);
	return ram(m)->va + off;
}

static void *
ram_poke(struct ssd_media *m, uint64_t off, uint64_t *len)
{
	assert(off < ram(m)->size && *len <= ram(m)->size - off);
	return ram(m)->va + off;
}

/* Whole pages go back to the system, which gives zeros for them; the rest is zeroed by hand. */
static void
ram_discard(struct ssd_media *m, uint64_t off, uint64_t len)
{
	uint64_t end = off + len;
	uint64_t first = ut_align_up(off, SSD_PAGE), last = end & ~(uint64_t)(SSD_PAGE - 1);

	assert(end <= ram(m)->size && end >= off);
	if (first >= last || madvise(ram(m)->va + first, last - first, MADV_DONTNEED)) {
		memset(ram(m)->va + off, 0, len);
		return;
	}
	memset(ram(m)->va + off, 0, first - off);
	memset(ram(m)->va + last, 0, end - last);
}

static int
ram_flush(struct ssd_media *m)
{
	(void)m;
	return 0;
}

static const struct ssd_media_ops ram_ops = {
	.close = ram_close,
	.peek = ram_peek,
	.poke = ram_poke,
	.discard = ram_discard,
	.flush = ram_flush,
};

int
ssd_media_ram(uint64_t size, struct ssd_media **out)
{
	struct ram_media *r = ut_calloc(1, sizeof(*r));
	void *va = MAP_FAILED;

	if (!r)
		return -ENOMEM;
	size = ut_align_up(size, SSD_PAGE);
	if (!ut_alloc_spend())
		va = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (va == MAP_FAILED) {
		free(r);
		return -ENOMEM;
	}
	madvise(va, size, MADV_DONTDUMP); /* a core dump of 64 GiB helps nobody */
	r->base.ops = &ram_ops;
	r->va = va;
	r->size = size;
	*out = &r->base;
	return 0;
}
