/* SPDX-License-Identifier: BSD-3-Clause */
#include "ssd/gather.h"
#include <string.h>
#include "util/clock.h"

#define LINE 64u
#define AHEAD \
	512u /* bytes: a stream has begun then, which the processor goes on with by itself; more slow down the copy */
#define WORTH 16384u /* bytes of a burst whose copies are told apart */
#define TRIAL 16u /* bursts */
#define PERIOD 512u

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

/* The same past the cache; dst is aligned to 32 bytes. */
static __attribute__((target("avx2"))) void
copy_past(uint8_t *dst, const uint8_t *src, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += STRIDE) {
		__m256i a = _mm256_loadu_si256((const void *)(src + i));
		__m256i b = _mm256_loadu_si256((const void *)(src + i + 32));
		__m256i c = _mm256_loadu_si256((const void *)(src + i + 64));
		__m256i d = _mm256_loadu_si256((const void *)(src + i + 96));

		_mm256_stream_si256((void *)(dst + i), a);
		_mm256_stream_si256((void *)(dst + i + 32), b);
		_mm256_stream_si256((void *)(dst + i + 64), c);
		_mm256_stream_si256((void *)(dst + i + 96), d);
	}
}

static void
copy(uint8_t *dst, const uint8_t *src, uint32_t len, bool past)
{
	if (len % STRIDE || !__builtin_cpu_supports("avx2"))
		memcpy(dst, src, len);
	else if (past && !((uintptr_t)dst % 32))
		copy_past(dst, src, len);
	else
		copy_wide(dst, src, len);
}

/* What was stored past the cache is seen before the completions that tell of it. */
static void
fence(void)
{
	_mm_sfence();
}
#else
static void
copy(uint8_t *dst, const uint8_t *src, uint32_t len, bool past)
{
	(void)past;
	memcpy(dst, src, len);
}

static void
fence(void)
{
}
#endif

/* The copy of a random block waits for memory: while one is copied, the first lines of the next one are on their way. */
static void
prefetch(const struct ssd_copy *p)
{
	for (uint32_t i = 0; i < UT_MIN(p->len, AHEAD); i += LINE)
		__builtin_prefetch(p->media + i, 0, 3);
}

static void
copy_all(const struct ssd *ssd, bool to_media, bool to_host)
{
	for (uint32_t i = 0; i < ssd->nr_copies; i++) {
		const struct ssd_copy *p = &ssd->copies[i];

		if (i + 1 < ssd->nr_copies)
			prefetch(p + 1);
		if (p->to_host)
			copy(p->host, p->media, p->len, to_host);
		else
			copy(p->media, p->host, p->len, to_media);
	}
	if (to_media || to_host)
		fence();
}

bool
ssd_past_now(const struct ssd_past *s)
{
	return s->on != (s->burst < TRIAL);
}

void
ssd_past_took(struct ssd_past *s, uint64_t ticks, uint32_t bytes)
{
	bool trial = s->burst < TRIAL;

	/* The first ones of each half find the lines as the other way left them. */
	if (s->burst % TRIAL == TRIAL / 2)
		s->cost[trial] = UINT64_MAX;
	if (s->burst % TRIAL >= TRIAL / 2)
		s->cost[trial] = UT_MIN(s->cost[trial], (ticks << 20) / bytes);
	if (++s->burst == 2 * TRIAL)
		s->on ^= s->cost[1] < s->cost[0] - s->cost[0] / 16;
	if (s->burst == PERIOD)
		s->burst = 0;
}

/* Bursts of one direction that are long enough to be compared. */
static struct ssd_past *
worth_a_look(struct ssd *ssd)
{
	bool to_host = ssd->copies[0].to_host;

	if (ssd->copy_bytes < WORTH || ssd->copies[ssd->nr_copies - 1].to_host != to_host)
		return NULL;
	return &ssd->past[to_host];
}

void
ssd_copies_run(struct ssd *ssd)
{
	struct ssd_past *s = worth_a_look(ssd);
	uint64_t start;

	if (s) {
		start = ut_tsc();
		copy_all(ssd, ssd_past_now(&ssd->past[0]), ssd_past_now(&ssd->past[1]));
		ssd_past_took(s, ut_tsc() - start, ssd->copy_bytes);
	} else {
		copy_all(ssd, false, false);
	}
	ssd->nr_copies = 0;
	ssd->copy_bytes = 0;
}
