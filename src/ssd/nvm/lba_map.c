/* SPDX-License-Identifier: BSD-3-Clause */
/* Bits by LBA.  Sparse: for an LBA range that was never touched no memory is used. */
#include "ssd/nvm/lba_map.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "util/alloc.h"
#include "util/bits.h"

static uint64_t
count_bits(const uint64_t *words, uint64_t n)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < n; i++)
		count += (uint64_t)__builtin_popcountll(words[i]);
	return count;
}

int
ssd_lba_map_open(void *words, uint64_t bytes, struct ssd_lba_map **out)
{
	struct ssd_lba_map *m = ut_calloc(1, sizeof(*m));
	void *va = MAP_FAILED;

	if (!m)
		return -ENOMEM;
	m->bytes = bytes;
	if (words) {
		m->words = words;
		m->count = count_bits(m->words, bytes / 8);
	} else {
		if (!ut_alloc_spend())
			va = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
				  0);
		if (va == MAP_FAILED) {
			free(m);
			return -ENOMEM;
		}
		m->words = va;
		m->mapped = true;
	}
	*out = m;
	return 0;
}

void
ssd_lba_map_close(struct ssd_lba_map *m)
{
	if (!m)
		return;
	if (m->mapped)
		munmap(m->words, m->bytes);
	free(m);
}

void
ssd_lba_map_move(struct ssd_lba_map *m, void *words)
{
	uint8_t *old = (uint8_t *)m->words, *now = words;

	assert(!m->mapped);
	memmove(now, old, m->bytes);
	for (uint64_t i = 0; i < m->bytes; i++) {
		if (old + i < now || old + i >= now + m->bytes)
			old[i] = 0;
	}
	m->words = words;
}

/* The bits of word w that are in [lba, end). */
static uint64_t
mask_of(uint64_t w, uint64_t lba, uint64_t end)
{
	uint64_t mask = ~0ull;

	if (w == lba / 64)
		mask &= ~0ull << (lba % 64);
	if (w == (end - 1) / 64)
		mask &= ~0ull >> (63 - (end - 1) % 64);
	return mask;
}

void
ssd_lba_map_set(struct ssd_lba_map *m, uint64_t lba, uint64_t n)
{
	uint64_t end = lba + n;

	assert(end >= lba && end <= m->bytes * 8);
	for (uint64_t w = lba / 64; n && w <= (end - 1) / 64; w++) {
		uint64_t fresh = mask_of(w, lba, end) & ~m->words[w];

		if (!fresh)
			continue;
		m->count += (uint64_t)__builtin_popcountll(fresh);
		m->words[w] |= fresh;
	}
}

void
ssd_lba_map_clear(struct ssd_lba_map *m, uint64_t lba, uint64_t n)
{
	uint64_t end = lba + n;

	assert(end >= lba && end <= m->bytes * 8);
	if (!m->count)
		return;
	for (uint64_t w = lba / 64; n && w <= (end - 1) / 64; w++) {
		uint64_t stale = mask_of(w, lba, end) & m->words[w];

		if (!stale)
			continue; /* do not dirty a page for nothing */
		m->count -= (uint64_t)__builtin_popcountll(stale);
		m->words[w] &= ~stale;
	}
}

void
ssd_lba_map_clear_all(struct ssd_lba_map *m)
{
	if (m->mapped && !madvise(m->words, m->bytes, MADV_DONTNEED))
		m->count = 0;
	else
		ssd_lba_map_clear(m, 0, m->bytes * 8);
}

bool
ssd_lba_map_find(const struct ssd_lba_map *m, uint64_t lba, uint64_t n, bool set, uint64_t *where)
{
	uint64_t end = lba + n;

	assert(end >= lba && end <= m->bytes * 8);
	for (uint64_t w = lba / 64; n && w <= (end - 1) / 64; w++) {
		uint64_t hit = mask_of(w, lba, end) & (set ? m->words[w] : ~m->words[w]);

		if (hit) {
			*where = w * 64 + (uint64_t)__builtin_ctzll(hit);
			return true;
		}
	}
	return false;
}
