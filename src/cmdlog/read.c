/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Read a command log while somebody writes it, maybe from another process, maybe of a process that hangs or died.  An
 * entry is copied and believed only when its seq is the expected one before and after.
 */
#include "nvproof/cmdlog.h"

#include <stdbool.h>

#include "util/barrier.h"
#include "util/bits.h"
#include "util/clock.h"

/* ticks of the ring's clock to ns of its wall clock; an entry may be older than base_ticks by a moment. */
static uint64_t
to_wall(const struct nvp_cmdlog_ring *ring, uint64_t ticks)
{
	uint64_t diff = ticks - ring->base_ticks;
	bool before = ticks < ring->base_ticks;
	uint64_t ns;

	if (before)
		diff = ring->base_ticks - ticks;
	ns = (uint64_t)((unsigned __int128)diff * ring->mult >> UT_CLOCK_SHIFT);
	return before ? ring->base_wall_ns - ns : ring->base_wall_ns + ns;
}

/* false: it is being written or was overwritten by a newer one. */
static bool
copy_entry(const struct nvp_cmdlog_ring *ring, uint64_t seq, struct nvp_cmdlog_rec *out)
{
	const struct nvp_cmdlog_entry *e = &ring->entry[(seq - 1) & (NVP_CMDLOG_ENTRIES - 1)];
	uint64_t complete;

	if (ut_load(&e->seq) != seq)
		return false;
	ut_acquire_barrier(); /* seq before the content that it vouches for */
	complete = ut_load(&e->complete_ticks);
	ut_acquire_barrier(); /* the time that says that the CQE is there before the CQE */
	*out = (struct nvp_cmdlog_rec){ .sqe = e->sqe, .seq = seq, .qid = ring->qid };
	out->submit_ns = to_wall(ring, ut_load(&e->submit_ticks));
	if (complete) {
		out->cqe = e->cqe;
		out->complete_ns = to_wall(ring, complete);
	}
	ut_acquire_barrier(); /* all of the copy before looking whether it still holds */
	return ut_load(&e->seq) == seq;
}

uint32_t
nvp_cmdlog_read(const struct nvp_cmdlog_ring *ring, uint32_t offset, struct nvp_cmdlog_rec *out, uint32_t max)
{
	uint64_t head = ut_load(&ring->head), kept = UT_MIN(head, NVP_CMDLOG_ENTRIES), i;
	uint32_t n = 0;

	ut_acquire_barrier(); /* entries up to head are there */
	for (i = offset; i < kept && n < max; i++)
		n += copy_entry(ring, head - i, &out[n]);
	return n;
}

/* Where one ring stands in a merge. */
struct cursor {
	uint64_t seq; /* the next older one to take; 0: none */
	uint64_t last; /* the oldest one kept */
	struct nvp_cmdlog_rec rec;
	bool loaded;
};

static bool
cursor_load(struct cursor *c, const struct nvp_cmdlog_ring *ring)
{
	while (!c->loaded && c->seq >= c->last && c->seq) {
		c->loaded = copy_entry(ring, c->seq, &c->rec);
		c->seq--;
	}
	return c->loaded;
}

static void
cursor_start(struct cursor *c, const struct nvp_cmdlog_ring *ring)
{
	*c = (struct cursor){ .seq = ut_load(&ring->head) };
	c->last = c->seq > NVP_CMDLOG_ENTRIES ? c->seq - NVP_CMDLOG_ENTRIES + 1 : 1;
}

#define MERGE_MAX 256u

uint32_t
nvp_cmdlog_merge(const struct nvp_cmdlog_ring *const *rings, uint32_t n, struct nvp_cmdlog_rec *out, uint32_t max)
{
	static _Thread_local struct cursor cur[MERGE_MAX];
	uint32_t count = 0, i;

	n = UT_MIN(n, MERGE_MAX);
	for (i = 0; i < n; i++)
		cursor_start(&cur[i], rings[i]);
	while (count < max) {
		struct cursor *newest = NULL;

		for (i = 0; i < n; i++)
			if (cursor_load(&cur[i], rings[i]) && (!newest || cur[i].rec.submit_ns > newest->rec.submit_ns))
				newest = &cur[i];
		if (!newest)
			break;
		out[count++] = newest->rec;
		newest->loaded = false;
	}
	return count;
}
