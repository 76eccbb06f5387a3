/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Media in memory: one large mapping of which only what is written costs anything.  Gone with the process.
 *
 * A drive may be larger than the memory of the machine, so what is written is counted, in granules, against a limit;
 * beyond it there is no space, as on a full disk.  What was never written is not even read: the page tables for that would
 * cost memory that nobody counts.
 */
#include "ssd/media/media.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "util/alloc.h"

#define RAM_GRANULE (2u << 20) /* a huge page: what one store may cost at most */

struct ram_media {
	struct ssd_media base;
	uint8_t *va; /* a multiple of RAM_GRANULE */
	uint8_t *room; /* what was mapped for it */
	uint64_t size;
	uint64_t *touched; /* a bit a granule: it may have memory */
	uint64_t left; /* granules that may still be touched */
};

const uint8_t ssd_zeros[SSD_ZEROS];

static struct ram_media *
ram(struct ssd_media *m)
{
	return ut_container_of(m, struct ram_media, base);
}

static bool
touched(const struct ram_media *r, uint64_t g)
{
	return r->touched[g / 64] >> (g % 64) & 1;
}

static void
ram_free(struct ram_media *r)
{
	if (r->room)
		munmap(r->room, r->size + RAM_GRANULE);
	free(r->touched);
	free(r);
}

static void
ram_close(struct ssd_media *m)
{
	ram_free(ram(m));
}

static const void *
ram_peek(struct ssd_media *m, uint64_t off, uint64_t *len)
{
	struct ram_media *r = ram(m);

	assert(off < r->size && *len <= r->size - off);
	if (touched(r, off / RAM_GRANULE))
		return r->va + off;
	*len = UT_MIN(*len, UT_MIN(SSD_ZEROS, RAM_GRANULE - off % RAM_GRANULE));
	return ssd_zeros;
}

/*
 * Who writes a granule from its beginning is about to fill it: it is made of one huge page then, whose address is found
 * without walking page tables that are in no cache.  A block written somewhere in the middle takes a small page, so that a
 * drive with random writes all over it does not use more memory than it has to.
 */
static void
make_huge(struct ram_media *r, uint64_t first, uint64_t last)
{
	if (first <= last)
		(void)madvise(r->va + first * RAM_GRANULE, (last + 1 - first) * RAM_GRANULE, MADV_HUGEPAGE);
}

/* All of the granules, or none. */
static bool
touch(struct ram_media *r, uint64_t first, uint64_t last)
{
	uint64_t fresh = 0, g;

	for (g = first; g <= last; g++)
		fresh += !touched(r, g);
	if (fresh > r->left)
		return false;
	r->left -= fresh;
	for (g = first; g <= last; g++)
		r->touched[g / 64] |= 1ull << (g % 64);
	return true;
}

static void *
ram_poke(struct ssd_media *m, uint64_t off, uint64_t *len, uint32_t place)
{
	struct ram_media *r = ram(m);
	uint64_t first = off / RAM_GRANULE, last = (off + *len - 1) / RAM_GRANULE;

	(void)place;
	assert(*len > 0 && off < r->size && *len <= r->size - off);
	if (__builtin_expect(first == last && touched(r, first), 1))
		return r->va + off;
	if (!touch(r, first, last))
		return NULL;
	make_huge(r, first + !!(off % RAM_GRANULE), last);
	return r->va + off;
}

/* Whole pages go back to the system, which gives zeros for them; the rest is zeroed by hand. */
static void
zero(struct ram_media *r, uint64_t off, uint64_t end)
{
	uint64_t first = ut_align_up(off, SSD_PAGE), last = end & ~(uint64_t)(SSD_PAGE - 1);

	if (first >= last || madvise(r->va + first, last - first, MADV_DONTNEED)) {
		memset(r->va + off, 0, end - off);
		return;
	}
	memset(r->va + off, 0, first - off);
	memset(r->va + last, 0, end - last);
}

/* The next granule from `g` on that was touched; `last + 1`: there is none.  A word of the map is looked at once. */
static uint64_t
next_touched(const struct ram_media *r, uint64_t g, uint64_t last)
{
	while (g <= last) {
		uint64_t word = r->touched[g / 64] >> (g % 64);

		if (word)
			return g + (uint64_t)__builtin_ctzll(word);
		g = (g / 64 + 1) * 64;
	}
	return last + 1;
}

static void
ram_discard(struct ssd_media *m, uint64_t off, uint64_t len)
{
	struct ram_media *r = ram(m);
	uint64_t end = off + len, last = (end - 1) / RAM_GRANULE;

	assert(end <= r->size && end >= off);
	if (!len)
		return;
	for (uint64_t g = next_touched(r, off / RAM_GRANULE, last); g <= last; g = next_touched(r, g + 1, last)) {
		uint64_t from = g * RAM_GRANULE, to = UT_MIN(from + RAM_GRANULE, r->size);

		zero(r, UT_MAX(from, off), UT_MIN(to, end));
		if (from < off || to > end)
			continue;
		r->touched[g / 64] &= ~(1ull << (g % 64));
		r->left++;
	}
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
	.power_off = ssd_media_stays,
	.power_on = ssd_media_at_once,
};

/* What the machine can spare now: three quarters of it, so that the rest of the system lives on. */
uint64_t
ssd_memory_to_spare(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	long pages = sysconf(_SC_AVPHYS_PAGES);
	uint64_t kib = pages > 0 ? (uint64_t)pages * 4 : 1u << 20;
	char line[128];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kib * 1024 / 4 * 3;
}

int
ssd_media_ram(uint64_t size, uint64_t limit, struct ssd_media **out)
{
	struct ram_media *r = ut_calloc(1, sizeof(*r));
	void *va = MAP_FAILED;

	if (!r)
		return -ENOMEM;
	r->base.ops = &ram_ops;
	r->size = ut_align_up(size, SSD_PAGE);
	r->left = ut_align_up(limit ? limit : ssd_memory_to_spare(), RAM_GRANULE) / RAM_GRANULE;
	r->touched = ut_calloc(r->size / RAM_GRANULE / 64 + 1, sizeof(uint64_t));
	if (r->touched && !ut_alloc_spend())
		va = mmap(NULL, r->size + RAM_GRANULE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (va == MAP_FAILED) {
		ram_free(r);
		return -ENOMEM;
	}
	madvise(va, r->size + RAM_GRANULE, MADV_DONTDUMP); /* a core dump of 64 GiB helps nobody */
	r->room = va;
	r->base.flat = r->va = (uint8_t *)ut_align_up((uintptr_t)va, RAM_GRANULE);
	*out = &r->base;
	return 0;
}
