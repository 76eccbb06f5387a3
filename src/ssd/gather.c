/* SPDX-License-Identifier: BSD-3-Clause */
#include "ssd/gather.h"
#include <string.h>

#define LINE 64u
#define AHEAD \
	512u /* bytes: a stream has begun then, which the processor goes on with by itself; more slow down the copy */

#ifdef __x86_64__
#include <immintrin.h>

#define STRIDE 128u

/*
 * memcpy() copies this much with one instruction in microcode, which does not overlap with the copy before it.
 * len is a multiple of STRIDE.
 */
static __attribute__((target("avx2"))) void
copy_wide(uint8_t *dst, const uint8_t *src, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += STRIDE) {
		__m256i a = _mm256_loadu_si256((const void *)(src + i));
		__m256i b = _mm256_loadu_si256((const void *)(src + i + 32));
		__m256i c = _mm256_loadu_si256((const void *)(src + i + 64));
		__m256i d = _mm256_loadu_si256((const void *)(src + i + 96));

		_mm256_storeu_si256((void *)(dst + i), a);
		_mm256_storeu_si256((void *)(dst + i + 32), b);
		_mm256_storeu_si256((void *)(dst + i + 64), c);
		_mm256_storeu_si256((void *)(dst + i + 96), d);
	}
}

static void
copy(uint8_t *dst, const uint8_t *src, uint32_t len)
{
	if (len % STRIDE == 0 && __builtin_cpu_supports("avx2"))
		copy_wide(dst, src, len);
	else
		memcpy(dst, src, len);
}
#else
static void
copy(uint8_t *dst, const uint8_t *src, uint32_t len)
{
	memcpy(dst, src, len);
}
#endif

/* The copy of a random block waits for memory: while one is copied, the first lines of the next one are on their way. */
static void
prefetch(const struct ssd_copy *p)
{
	for (uint32_t i = 0; i < UT_MIN(p->len, AHEAD); i += LINE)
		__builtin_prefetch(p->media + i, 0, 3);
}

void
ssd_copies_run(struct ssd *ssd)
{
	for (uint32_t i = 0; i < ssd->nr_copies; i++) {
		const struct ssd_copy *p = &ssd->copies[i];

		if (i + 1 < ssd->nr_copies)
			prefetch(p + 1);
		copy(p->to_host ? p->host : p->media, p->to_host ? p->media : p->host, p->len);
	}
	ssd->nr_copies = 0;
	ssd->copy_bytes = 0;
}
