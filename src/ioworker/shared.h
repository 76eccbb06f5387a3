/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory that a worker shares with its parent: the plan goes in, live counters and results come out.  One writer
 * a field: the parent writes what is above "the worker writes", but for `stop` and `begin_ns` only before the worker
 * starts.  All of it is plain data, so what a killed worker had counted so far is still there.  Arrays follow the
 * struct; how many elements each has says where they are, for both ends alike.
 */
#pragma once
#include <stdint.h>
#include "host/share.h"
#include "nvproof/ioworker.h"
#include "util/hist.h"

#define IOW_MAGIC 0x6e7670494f573036ull /* changes with the layout: a worker of another build is refused */
#define IOW_REASON 256u
#define IOW_HEAT 1024u /* stretches of the namespace that are counted */

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

/* A journal of the writes in flight, for who has to end them in the table in place of a worker that was killed. */
struct iow_slot {
	uint64_t slba;
	uint64_t nlb; /* 0: none */
};

/* What one opcode did so far. */
struct iow_stat {
	uint64_t ios;
	uint64_t lbas; /* of those with success */
	uint64_t sum_ns, max_ns;
	uint64_t slow;
	uint64_t second_max_ns;
	uint64_t watch_ns; /* what took longer wants a closer look: a new maximum, or slow */
	uint64_t rsvd;
	struct ut_hist hist; /* its count is set at the end only */
};

struct iow_log {
	uint64_t slba;
	uint32_t nlb;
	uint16_t opc;
	uint16_t status;
	uint64_t sent, completed; /* in ticks; completed 0: not yet */
	uint64_t seq; /* 1, 2, ...; 0: never used */
};

/* What the plan runs on. */
struct iow_target {
	uint64_t buf_iova, buf_len; /* of all that follows */
	uint64_t slot_bytes; /* data of one command, whole pages; read slots are at 0 */
	uint64_t write_off; /* of the first write slot */
	uint64_t meta_off; /* of the first metadata slot */
	uint64_t range_off; /* of the first range of Dataset Management: 16 bytes a command */
	uint64_t list_off[2]; /* of the first PRP list, of a read and of a write slot */
	uint64_t nsze; /* LBAs of the namespace */
	uint32_t list_bytes; /* of one command, whole pages; 0: none needs a list */
	uint32_t meta_bytes; /* of one command; 0: none, or interleaved */
	uint32_t nsid;
	uint32_t lba_bytes; /* transferred per LBA */
	uint32_t data_bytes; /* of them without interleaved metadata */
	uint32_t meta_size; /* separate metadata per LBA */
	uint32_t nlb_max; /* of one command that transfers data */
	uint32_t page_shift; /* the controller's page */
	uint32_t heat_shift; /* LBA to stretch */
	uint32_t volatile_cache; /* VWC.VWCP: a power loss may take what was written and not flushed */
};

/* Elements of each array. */
struct iow_dims {
	uint32_t qdepth, nops, nsizes, nregions, nlog, nseconds;
	uint32_t has_distribution;
	uint32_t nsteps, nzones;
};

struct iow_shared {
	uint64_t magic;
	struct nvp_iow_plan plan; /* without its arrays: see struct iow_view */
	struct iow_target target;
	struct iow_dims dims;
	uint64_t begin_ns; /* of CLOCK_MONOTONIC; 0: not decided yet */
	uint32_t stop; /* enum iow_stop */

	/* the worker writes */
	uint32_t state __attribute__((aligned(128))); /* enum iow_state */
	uint32_t seconds; /* whole seconds counted */
	uint64_t first_ticks, last_ticks;
	uint64_t first_ns; /* CLOCK_MONOTONIC at first_ticks; virtual time: the same */
	uint64_t mult; /* ns = ticks * mult >> UT_CLOCK_SHIFT */
	uint64_t log_seq; /* entries written to the log of the last commands */
	struct nvp_iow_result res; /* counts, latencies, ns and cpu_ns at the end only */
	char reason[IOW_REASON];
	struct nvp_miscompare mis; /* the one of res.miscompare_lba */
	struct nvp_qpair_ring ring; /* where the queue pair can be used on from */
	uint32_t ring_valid; /* nothing was outstanding */
};

/* Where the arrays are, in this process. */
struct iow_view {
	struct iow_slot *slot; /* qdepth */
	struct iow_stat *stat; /* nops */
	struct nvp_iow_second *second; /* nseconds */
	struct iow_log *log; /* nlog */
	uint32_t *heat; /* IOW_HEAT */
	struct nvp_iow_op *op;
	struct nvp_iow_size *size;
	struct nvp_iow_region *region;
	uint16_t *distribution; /* NULL: none */
	struct nvp_iow_step *step;
	struct nvp_iow_zone *zone;
};

/* base NULL: only the length is wanted.  Returns the bytes of the whole mapping. */
uint64_t iow_view_init(struct iow_view *v, void *base, const struct iow_dims *d);
/* The plan with its arrays. */
struct nvp_iow_plan iow_view_plan(const struct iow_view *v, const struct iow_shared *sh);
/* Counters of all opcodes, added up. */
void iow_view_sum(const struct iow_view *v, const struct iow_shared *sh, struct nvp_iow_result *out);
