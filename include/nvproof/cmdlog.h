/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command log: a ring per queue pair with each command's SQE, CQE and two time stamps.  It lies in shared memory,
 * so that another process reads it while this one hangs.  One writer (who owns the queue pair), any readers.
 */
#pragma once
#include <stdint.h>
#include "nvproof/spec/cmd.h"

#define NVP_CMDLOG_ENTRIES 2048u /* a power of two */

struct nvp_cmdlog_entry {
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	uint64_t submit_ticks;
	uint64_t complete_ticks; /* 0: not completed yet */
	uint64_t seq; /* 1, 2, ...; written last; 0: being written or never used */
	uint8_t pad[24];
};
_Static_assert(sizeof(struct nvp_cmdlog_entry) == 128, "two cache lines");

struct nvp_cmdlog_ring {
	uint64_t head; /* commands logged so far */
	uint64_t mult; /* ns = ticks * mult >> UT_CLOCK_SHIFT */
	uint64_t base_ticks; /* taken at the same moment as base_wall_ns */
	uint64_t base_wall_ns;
	uint16_t qid;
	uint8_t pad[94];
	struct nvp_cmdlog_entry entry[NVP_CMDLOG_ENTRIES];
};
_Static_assert(sizeof(struct nvp_cmdlog_ring) % 128 == 0, "entries are aligned");

/* One entry as a reader wants it; times in ns since the epoch (virtual time: since the start). */
struct nvp_cmdlog_rec {
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	uint64_t submit_ns;
	uint64_t complete_ns; /* 0: outstanding */
	uint64_t seq;
	uint16_t qid;
};

/*
 * Copy up to max entries, newest first, skipping `offset` of the newest.  Safe against the writer.  Returns how many.
 */
uint32_t nvp_cmdlog_read(const struct nvp_cmdlog_ring *ring, uint32_t offset, struct nvp_cmdlog_rec *out, uint32_t max);
/* The same over several rings (the first 256) in time order, newest first. */
uint32_t
nvp_cmdlog_merge(const struct nvp_cmdlog_ring *const *rings, uint32_t n, struct nvp_cmdlog_rec *out, uint32_t max);
/* One entry as text ("...: Read sqid:1 cid:3 nsid:1 slba:0 nlb:8 -> SUCCESS (00/00) 12.3 us").  Like snprintf(). */
int nvp_cmdlog_text(const struct nvp_cmdlog_rec *rec, char *out, uint32_t size);
