/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The writer of the command log (nvproof/cmdlog.h).  A reader in another process copies an entry and then looks whether
 * seq is still what it was, so seq is cleared before an entry changes and set after it is whole.
 */
#pragma once
#include <stdint.h>
#include "nvproof/cmdlog.h"
#include "util/barrier.h"

/* Returns the entry's seq, for cmdlog_complete(). */
static inline uint64_t
cmdlog_submit(struct nvp_cmdlog_ring *ring, const struct nvme_sqe *sqe, uint64_t ticks)
{
	uint64_t seq = ring->head + 1;
	struct nvp_cmdlog_entry *e = &ring->entry[(seq - 1) & (NVP_CMDLOG_ENTRIES - 1)];

	ut_store(&e->seq, 0);
	ut_release_barrier(); /* "being written" before the new content */
	e->sqe = *sqe;
	e->submit_ticks = ticks;
	e->complete_ticks = 0;
	ut_release_barrier(); /* the content before the seq that says it is whole */
	ut_store(&e->seq, seq);
	ut_store(&ring->head, seq);
	return seq;
}

/* Its entry may have been overwritten meanwhile: more commands than entries were sent. */
static inline void
cmdlog_complete(struct nvp_cmdlog_ring *ring, uint64_t seq, const struct nvme_cqe *cqe, uint64_t ticks)
{
	struct nvp_cmdlog_entry *e = &ring->entry[(seq - 1) & (NVP_CMDLOG_ENTRIES - 1)];

	if (e->seq != seq)
		return;
	e->cqe = *cqe;
	ut_release_barrier(); /* the CQE before the time that says it is there */
	ut_store(&e->complete_ticks, ticks ? ticks : 1);
}
