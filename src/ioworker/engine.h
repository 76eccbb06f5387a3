/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine of a worker: a step function, so that the worker's process runs it in a loop, and a simulation runs it
 * between the steps of its device.  It reads no clock but the one it is given and makes no system call.
 *
 * engine.c: a turn, and all that happens once a turn or less; step.h: what happens per command; lean.c: step.h for
 * plans that need nothing but submit, reap and count; full.c: for all others; hold.c: verification; fail.c: commands
 * that failed.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "host/qpair_batch.h"
#include "ioworker/gen.h"
#include "ioworker/shared.h"
#include "nvproof/spec/nvm.h"
#include "util/clock.h"

/* What of an opcode is needed per command. */
struct iow_op {
	struct nvme_sqe sqe; /* all that is the same in each command */
	struct iow_stat *stat;
	uint64_t data; /* address of the first slot */
	uint64_t list; /* of the first PRP list */
	uint64_t data_mask; /* 0: it has no data */
	uint64_t lba_mask; /* 0: it has no LBA */
	uint16_t nlb_mask;
	uint8_t opc;
	uint8_t dir; /* enum iow_dir */
	bool is_write; /* what it leaves in the LBAs is its data */
	bool is_read;
	bool changes; /* the LBAs, in a way that is not recorded */
	bool held; /* its LBAs are locked */
	bool durable; /* a write that is, once it completed */
	bool flushes;
	uint8_t kind; /* enum nvp_verify_kind */
	uint32_t list_slot; /* which of the two sets of lists */
};

/* A command, by its CID: what is needed when it completes. */
struct iow_place {
	uint64_t slba;
	uint32_t nlb;
	uint32_t op;
};

/* The same, for plans that need more. */
struct iow_extra {
	struct nvp_verify_op verify;
	uint64_t since; /* it waits for its LBAs */
	uint32_t next; /* of those that wait */
	uint64_t log_seq;
	uint32_t retries;
	uint32_t zone; /* zoned.c */
	bool sgl;
	bool covers; /* a flush, for verification */
};

#define IOW_AHEAD 8u

struct iow_engine {
	/* Given by who opens it. */
	struct nvp_qpair *q;
	struct iow_shared *sh;
	struct iow_view view;
	struct nvp_verify *verify; /* NULL: none */
	struct ut_clock *clock;
	struct nvp_buf buf;

	/* Needed per command. */
	struct iow_gen gen;
	struct iow_op op[NVP_IOW_OPS_MAX + 1]; /* the last one: zoned.c */
	struct iow_place *place;
	struct iow_extra *extra; /* NULL: the plan needs none */
	char *same; /* what verification knows of each write slot, same_bytes each; NULL: nothing */
	uint64_t same_bytes;
	uint64_t now; /* in ticks, as of this turn */
	uint32_t room; /* places that are free */
	uint32_t one_page, two_pages; /* LBAs that fit */
	uint32_t stride; /* of the data, for verification; 0: its LBAs are next to each other */
	uint64_t slot_bytes, list_bytes;
	uint32_t heat_shift;

	/* Needed per turn. */
	uint64_t left; /* commands still to submit */
	uint64_t lbas_left; /* the same in LBAs */
	uint32_t (*send)(struct iow_engine *e, uint32_t n); /* up to n commands; how many it were */
	uint32_t (*reap)(struct iow_engine *e); /* how many commands ended */
	uint32_t (*allow)(struct iow_engine *e, uint32_t n); /* of n that could be sent, how many may be */
	void (*next)(struct iow_gen *g, struct iow_io *io); /* full.c */
	uint64_t stamp; /* the last token that went into LBAs written: no two writes are equal */
	uint32_t stamps; /* those after it that were taken for a burst */
	unsigned inject; /* NVP_INJECT_* */
	struct iow_zoned *zoned; /* NULL: the plan is not one on zones */
	bool writes; /* some commands send data */
	bool skip; /* sequential reads leave out what is uncorrectable */
	struct { /* commands that wait for their LBAs: hold.c */
		uint32_t n, first, last;
		uint64_t look; /* when to look for what is wrong */
	} waiting;
	struct { /* commands that were chosen and not sent yet: full.c */
		bool on;
		uint32_t at, n;
		struct iow_io io[IOW_AHEAD];
	} ahead;
	bool check; /* what is read */
	bool big; /* some commands need more than a page of PRP list */
	bool started, draining, ended;
	uint32_t sgl_below; /* of 2^32 draws, so many have an SGL */
	uint32_t idle; /* turns without a completion */
	uint64_t deadline; /* of the run; UINT64_MAX: none */
	uint64_t drain_deadline; /* of what is outstanding, after the parent asked to stop */
	uint64_t second_end;
	struct nvp_iow_result second_base;
	struct {
		uint64_t due, lag; /* when the next command may be sent; how late it may become */
		uint64_t every; /* 32.32 ticks */
		uint32_t frac;
	} rate;
	struct nvp_cmdlog_ring *log; /* of the queue, when only failed commands go there */
};

/*
 * e is zeroed but for what is given (buf as sh->target describes it, with its address here).  Fills the write slots.
 * -ENOMEM, -EINVAL.
 */
int iow_engine_open(struct iow_engine *e);
/* The queue pair must have been deleted, be idle, or be the one of a process that ends: its commands point here. */
void iow_engine_close(struct iow_engine *e);

/*
 * One turn: reap, submit what fits, ring.  Returns whether anything happened: if not, the caller gives way
 * (clock->relax).  e->ended is set when all is done and the results are complete (but for cpu_ns).
 */
bool iow_engine_turn(struct iow_engine *e);

/* Why it ended, when it was not the plan; the first reason stays. */
void iow_reason(struct iow_shared *sh, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- between the files of the engine --- */

static inline uint8_t *
iow_read_slot(const struct iow_engine *e, uint32_t cid)
{
	return (uint8_t *)e->buf.va + cid * e->slot_bytes;
}

static inline uint8_t *
iow_write_slot(const struct iow_engine *e, uint32_t cid)
{
	return iow_read_slot(e, cid) + e->sh->target.write_off;
}

/* The end of submitting: what is outstanding still completes, or times out. */
void iow_drain(struct iow_engine *e, enum nvp_iow_error error);
/* lean.c: the functions for a plan with these flags of the generator. */
void iow_lean_init(struct iow_engine *e);
/* full.c */
void iow_full_init(struct iow_engine *e);
/* A status other than success, after verification.  status: sct << 8 | sc. */
void iow_failed(struct iow_engine *e, const struct nvme_cqe *cqe, uint16_t status);
/* A maximum, or slow. */
void iow_watched(struct iow_stat *s, uint64_t ns, uint64_t slow_ns);
/* What the driver ends by itself, and what comes when nobody reaps: nvp_cb. */
void iow_on_end(void *arg, const struct nvme_cqe *cqe);
/*
 * full.c: account for the end of a command in the table and the log; the status that it has then; retry: it was sent
 * again.
 */
uint16_t iow_full_end(struct iow_engine *e, uint32_t cid, const struct nvme_cqe *cqe, uint16_t status, bool *retry);
