/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Read a command log while somebody writes it, maybe from another process, maybe of a process that hangs or died.  An
 * entry is copied and believed only when its seq is the expected one before and after.
 */
#include "nvproof/cmdlog.h"

#include <stdbool.h>
#include <stdlib.h>

#include "util/alloc.h"
#include "util/barrier.h"
#include "util/bits.h"
#include "util/clock.h"

#define EXACT_NS 1000000000ull

/* How this ring's ticks become ns of the wall clock. */
struct scale {
	uint64_t base_ticks, base_wall_ns, mult;
};

/*
 * The writer's mult was measured in an instant and is wrong by some parts per million, which is tens of milliseconds an
 * hour.  The reader runs on the same machine and takes the mean since the base instead.
 */
static struct scale
scale_of(const struct nvp_cmdlog_ring *ring)
{
	struct scale s = { ut_load(&ring->base_ticks), ut_load(&ring->base_wall_ns), ut_load(&ring->mult) };
	uint64_t base_ns = ut_load(&ring->base_mono_ns), ns = ut_mono_ns() - base_ns, ticks, mean;

	if (!base_ns || ns < EXACT_NS || ns > UINT64_MAX >> UT_CLOCK_SHIFT)
		return s;
	ticks = ut_ticks(ut_clock_real()) - s.base_ticks;
	mean = ticks ? (ns << UT_CLOCK_SHIFT) / ticks : 0;
	if (mean > s.mult - s.mult / 1024 && mean < s.mult + s.mult / 1024) /* else the machine slept meanwhile */
		s.mult = mean;
	return s;
}

/* An entry may be older than base_ticks by a moment. */
static uint64_t
to_wall(const struct scale *s, uint64_t ticks)
{
	uint64_t diff = ticks - s->base_ticks;
	bool before = ticks < s->base_ticks;
	uint64_t ns;

	if (before)
		diff = s->base_ticks - ticks;
	ns = (uint64_t)((unsigned __int128)diff * s->mult >> UT_CLOCK_SHIFT);
	return before ? s->base_wall_ns - ns : s->base_wall_ns + ns;
}

/* false: it is being written or was overwritten by a newer one. */
static bool
copy_entry(const struct nvp_cmdlog_ring *ring, const struct scale *s, uint64_t seq, struct nvp_cmdlog_rec *out)
{
	const struct nvp_cmdlog_entry *e = &ring->entry[(seq - 1) & (NVP_CMDLOG_ENTRIES - 1)];
	uint64_t complete;

	if (ut_load(&e->seq) != seq)
		return false;
	ut_acquire_barrier(); /* seq before the content that it vouches for */
	complete = ut_load(&e->complete_ticks);
	ut_acquire_barrier(); /* the time that says that the CQE is there before the CQE */
	*out = (struct nvp_cmdlog_rec){ .sqe = e->sqe, .seq = seq, .qid = ring->qid };
	out->submit_ns = to_wall(s, ut_load(&e->submit_ticks));
	if (complete) {
		out->cqe = e->cqe;
		out->complete_ns = to_wall(s, complete);
	}
	ut_acquire_barrier(); /* all of the copy before looking whether it still holds */
	return ut_load(&e->seq) == seq;
}

/* How many entries up to `head` are there, and are of the ring's present owner. */
static uint64_t
kept_of(const struct nvp_cmdlog_ring *ring, uint64_t head)
{
	return UT_MIN(head - UT_MIN(ut_load(&ring->first), head), NVP_CMDLOG_ENTRIES);
}

uint32_t
nvp_cmdlog_read(const struct nvp_cmdlog_ring *ring, uint32_t offset, struct nvp_cmdlog_rec *out, uint32_t max)
{
	uint64_t head = ut_load(&ring->head), kept = kept_of(ring, head), i;
	struct scale s = scale_of(ring);
	uint32_t n = 0;

	ut_acquire_barrier(); /* entries up to head are there */
	for (i = offset; i < kept && n < max; i++)
		n += copy_entry(ring, &s, head - i, &out[n]);
	return n;
}

/* Where one ring stands in a merge. */
struct cursor {
	uint64_t seq; /* the next older one to take */
	uint64_t left; /* how many are kept from there on */
	struct scale scale;
	struct nvp_cmdlog_rec rec;
	bool loaded;
};

static bool
cursor_load(struct cursor *c, const struct nvp_cmdlog_ring *ring)
{
	for (; !c->loaded && c->left; c->left--, c->seq--)
		c->loaded = copy_entry(ring, &c->scale, c->seq, &c->rec);
	return c->loaded;
}

static void
cursor_start(struct cursor *c, const struct nvp_cmdlog_ring *ring)
{
	*c = (struct cursor){ .seq = ut_load(&ring->head), .scale = scale_of(ring) };
	c->left = kept_of(ring, c->seq);
	ut_acquire_barrier(); /* entries up to head are there */
}

uint32_t
nvp_cmdlog_merge(const struct nvp_cmdlog_ring *const *rings, uint32_t n, struct nvp_cmdlog_rec *out, uint32_t max)
{
	struct cursor *cur = ut_calloc(n + 1ull, sizeof(*cur));
	uint32_t count = 0, i;

	for (i = 0; cur && i < n; i++)
		cursor_start(&cur[i], rings[i]);
	while (cur && count < max) {
		struct cursor *newest = NULL;

		for (i = 0; i < n; i++)
			if (cursor_load(&cur[i], rings[i]) && (!newest || cur[i].rec.submit_ns > newest->rec.submit_ns))
				newest = &cur[i];
		if (!newest)
			break;
		out[count] = newest->rec;
		out[count++].slot = (uint16_t)(newest - cur);
		newest->loaded = false;
	}
	free(cur);
	return count;
}
