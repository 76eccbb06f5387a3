/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parent's side of a worker.  parent.c: making and unmaking; result.c: what it measured; begin.c: when it begins;
 * process.c: the worker as a process, watched; local.c: the worker in this process, for a simulation.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "host/ctrlr_int.h"
#include "ioworker/engine.h"
#include "ioworker/shared.h"
#include "nvproof/ioworker.h"

struct nvp_iow {
	struct nvp_iow *next; /* in the list of all workers */
	struct nvp_ctrlr *ctrlr;
	struct ctrlr_watch watch; /* told before a reset */
	struct nvp_qpair *q; /* NULL: there was nothing to run */
	bool given; /* the queue pair is the caller's */
	bool reset; /* the controller was reset under it, or is gone */
	struct nvp_buf buf;
	struct nvp_verify *verify;
	struct iow_shared *sh;
	struct iow_view view;
	uint64_t sh_len;
	int sh_fd;
	bool ended;
	bool local; /* the engine is here */
	struct iow_engine engine;

	pid_t pid; /* 0: no process (any more) */
	bool stuck; /* it was killed and is there all the same */
	int sock; /* -1: none */
	uint64_t look_ns; /* of CLOCK_MONOTONIC: when to look at the device again */
	uint64_t stop_ns; /* of CLOCK_MONOTONIC: when it was asked to end; 0: not yet */
	uint64_t tick_ns; /* where its beginning was first set to */
	struct nvp_iow_result res; /* once ended */
	char reason[IOW_REASON]; /* the parent's own, before the worker's */
};

/* process.c: start and wait until it runs.  0, -ENOTSUP: the bus cannot be shared, or negative. */
int iow_process_start(struct nvp_iow *w);
/* One slice of waiting.  1: ended. */
int iow_process_wait(struct nvp_iow *w, uint32_t ms);
/* End it within a second, by force if need be. */
void iow_process_end(struct nvp_iow *w, enum iow_stop how);
/* The same because its queue is no more. */
void iow_process_terminate(struct nvp_iow *w, const char *why);
/* The process has ended: the queue pair is usable here again, as soon as somebody says where its rings are. */
void iow_process_unlend(struct nvp_iow *w);

/* local.c */
int iow_local_start(struct nvp_iow *w);
int iow_local_wait(struct nvp_iow *w, uint32_t ms);
void iow_local_end(struct nvp_iow *w, enum iow_stop how);

/* begin.c */
/* One more is about to be started: those that wait for their beginning wait for it. */
void iow_begin_announce(void);
/* w is ready: it begins at the next tick, and so do all that wait.  Before list_add(). */
void iow_begin_set(struct nvp_iow *w);

/* result.c: it has ended; take over what it left in the shared mapping. */
void iow_collect(struct nvp_iow *w, int32_t error);

/* parent.c */
/* All workers of this process, in the order of their start; iow_all_lock() around it. */
struct nvp_iow *iow_all_lock(void);
void iow_all_unlock(void);
/* The workers of one bus, one turn each; whether anything happened. */
bool iow_turn_all(const struct nvp_bus *bus);
