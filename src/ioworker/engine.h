/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine of a worker: a step function, so that the worker's process runs it in a loop, and a simulation runs it
 * between the steps of its device.  It reads no clock but the one it is given and makes no system call.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "ioworker/lba.h"
#include "ioworker/shared.h"
#include "nvproof/qpair.h"
#include "util/clock.h"
#include "util/rng.h"

struct iow_engine;

/* One of qdepth places for a command: its data memory, and what is needed when it completes. */
struct iow_ctx {
	struct iow_engine *e;
	uint64_t slba;
	uint64_t token; /* of the verification table */
	uint32_t nlb;
	uint32_t index;
	bool write;
};

struct iow_engine {
	struct nvp_qpair *q;
	struct iow_shared *sh;
	struct nvp_verify *verify; /* NULL: none */
	struct ut_clock *clock;
	struct nvp_buf buf;
	struct iow_lba lba;
	struct ut_rng rng;
	struct iow_ctx *ctx;
	uint32_t *free; /* a stack of indices into ctx */
	uint32_t nfree;
	uint32_t in_flight;
	uint64_t left; /* commands still to submit */
	uint64_t stamp; /* goes into each LBA written: no two writes are equal */
	bool stamped;
	bool started, draining, ended;
	uint32_t idle; /* turns without a completion */
	uint64_t now; /* in ticks, as of the last turn */
	uint64_t deadline; /* of the run; UINT64_MAX: none */
	uint64_t drain_deadline; /* of what is outstanding, after the parent asked to stop */
	uint64_t second_end, second_base;
};

/*
 * e is zeroed but for q, sh, verify, clock and buf (as sh->target describes it, with its address here).  Fills the write
 * slots.  -ENOMEM, -EINVAL.
 */
int iow_engine_open(struct iow_engine *e);
/* The queue pair must have been deleted, or be the one of a process that ends: its commands point here. */
void iow_engine_close(struct iow_engine *e);

/*
 * One turn: submit what fits, ring, reap.  Returns whether anything happened: if not, the caller gives way
 * (clock->relax).  e->ended is set when all is done and the results are complete (but for cpu_ns).
 */
bool iow_engine_turn(struct iow_engine *e);

/* Why it ended, when it was not the plan; the first reason stays. */
void iow_reason(struct iow_shared *sh, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
