/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory that a worker shares with its parent: the plan goes in, live counters and results come out.  One writer a field: the
 * parent writes what is above "the worker writes", but for `stop` only before the worker starts.  All of it is plain data, so
 * what a killed worker had counted so far is still there.
 */
#pragma once
#include <stdint.h>
#include "nvproof/ioworker.h"
#include "util/hist.h"

#define IOW_MAGIC 0x6e7670494f573032ull /* changes with the layout: a worker of another build is refused */
#define IOW_REASON 160u

enum iow_stop {
	IOW_GO = 0,
	IOW_STOP_ASKED, /* submit no more, wait a moment for what is outstanding */
	IOW_STOP_RESET, /* the queue is about to be gone: touch nothing any more */
};

enum iow_state {
	IOW_STARTING = 0,
	IOW_RUNNING,
	IOW_ENDED,
};

/*
 * A journal of the writes that are counted in the verification table, for who has to count them out after a worker that was
 * killed.  LBA by LBA, so that at most the one that was being changed at that instant stays in doubt.
 */
enum iow_phase {
	IOW_FREE = 0,
	IOW_COUNTING_IN, /* LBAs before `done` are counted */
	IOW_IN_FLIGHT, /* all are */
	IOW_COUNTING_OUT, /* those after `done` still are */
};

struct iow_slot {
	uint64_t slba;
	uint32_t nlb;
	uint32_t done;
	uint64_t phase; /* enum iow_phase */
};

/* What the plan runs on. */
struct iow_target {
	uint64_t buf_iova, buf_len; /* read slots, write slots, metadata slots */
	uint64_t slot_bytes; /* data of one command, whole pages */
	uint64_t write_off; /* of the first write slot */
	uint64_t meta_off; /* of the first metadata slot */
	uint32_t meta_bytes; /* of one command; 0: none, or interleaved */
	uint32_t nsid;
	uint32_t lba_bytes; /* transferred per LBA */
	uint32_t meta_size; /* separate metadata per LBA */
};

struct iow_shared {
	uint64_t magic;
	struct nvp_iow_plan plan;
	struct iow_target target;
	uint64_t seconds_off; /* of the uint32_t counts per second */
	uint32_t seconds_max;
	uint32_t stop; /* enum iow_stop */

	/* the worker writes */
	uint32_t state __attribute__((aligned(128))); /* enum iow_state */
	uint32_t seconds; /* whole seconds counted */
	uint64_t first_ticks, last_ticks;
	uint64_t mult; /* ns = ticks * mult >> UT_CLOCK_SHIFT */
	struct nvp_iow_result res; /* ns and cpu_ns at the end only */
	char reason[IOW_REASON];
	struct ut_hist hist;
	struct iow_slot slot[]; /* qdepth */
};

/* Bytes of the whole mapping; sets the offset of the counts. */
static inline uint64_t
iow_shared_layout(struct iow_shared *sh, uint32_t qdepth, uint32_t seconds_max)
{
	sh->seconds_off = sizeof(*sh) + (uint64_t)qdepth * sizeof(struct iow_slot);
	sh->seconds_max = seconds_max;
	return sh->seconds_off + (uint64_t)seconds_max * sizeof(uint32_t);
}

static inline uint32_t *
iow_shared_seconds(struct iow_shared *sh)
{
	return (uint32_t *)(void *)((char *)sh + sh->seconds_off);
}
