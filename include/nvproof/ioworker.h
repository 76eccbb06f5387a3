/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ioworker: a process (the C program nvproof-worker) that does nothing but submit and reap on one queue pair.  The
 * parent creates the queue pair over the admin queue, passes the descriptors of doorbells, memory and verification
 * table over a socket, and shares one mapping with it: plan in, live counters and results out.  A worker that dies,
 * or a drive that is reset under it, never takes the parent down.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "nvproof/ns.h"
#include "nvproof/verify.h"

/* The host's side; what the device said is in status. */
enum nvp_iow_error {
	NVP_IOW_OK = 0,
	NVP_IOW_INIT = -1, /* also: the device gave no queue pair */
	NVP_IOW_MDTS = -2,
	NVP_IOW_TIMEOUT = -3,
	NVP_IOW_OVERTIME = -4, /* still running 30 s after its time */
	NVP_IOW_BUFFERS = -5,
	NVP_IOW_IO = -6,
	NVP_IOW_TERMINATED = -7, /* by the parent, or because the drive was reset or is gone */
	NVP_IOW_DIED = -8, /* the process was killed or crashed */
};

/* One of several sizes: `nlb` LBAs at multiples of `align`, as often as its weight says. */
struct nvp_iow_size {
	uint32_t nlb, align, weight;
};

struct nvp_iow_region {
	uint64_t start, end; /* LBAs, the end excluded */
};

/* One of several commands on an LBA range, or Flush; 1 % is a weight of 1 when the weights sum to 100. */
struct nvp_iow_op {
	uint32_t opc, weight;
};

/* One command of a trace, sent in this order, none before its time. */
struct nvp_iow_step {
	uint64_t slba;
	uint64_t time_us; /* since the run began */
	uint32_t nlb;
	uint32_t opc;
};

/* A zone of a zoned namespace: `wp` LBAs of its capacity are written. */
struct nvp_iow_zone {
	uint64_t slba, cap, wp;
	bool kept; /* it can be read only */
};

#define NVP_IOW_OPS_MAX 16u /* different opcodes in one plan */
#define NVP_IOW_BUCKETS 100u /* of a distribution: each is 1 % of the namespace */

/* A plan says what to do, in scalars for the plain case.  Where an array is given, it is used instead. */
struct nvp_iow_plan {
	uint32_t io_size; /* LBAs.  Larger than its region: as large as that */
	uint32_t lba_align; /* LBAs, >= 1 */
	int32_t lba_step; /* sequential stride; 0: each begins where the one before ended */
	uint32_t random_percent; /* 0 sequential .. 100 random */
	uint32_t read_percent; /* the others are writes */
	uint32_t sgl_percent; /* how many have an SGL instead of PRPs */
	uint32_t qdepth; /* commands kept outstanding; the queue has one slot more */
	uint32_t iops; /* at most so many commands a second; 0: no limit */
	uint64_t time_ns; /* 0: no limit */
	uint64_t io_count, lba_count; /* 0: no limit.  No limit at all, and purely sequential: the region once */
	uint64_t region_start, region_end; /* LBAs, end excluded; cut at the end of the namespace */
	uint64_t lba_start; /* first LBA of a sequential run */
	uint64_t seed;
	uint32_t ptype, pvalue; /* write data, as Buffer.fill_pattern() */
	const void *data; /* of ptype f17eh, repeated: data_len bytes */
	uint64_t data_len;
	uint32_t timeout_ms; /* of a command; 0: the controller's */
	uint32_t slow_us; /* a command that took longer is counted as slow; 0: none */
	uint32_t retry_max; /* what was read wrong is read again so often */
	uint32_t log_entries; /* how many of the last commands to keep for nvp_iow_log() */
	uint32_t cdw13;
	uint16_t io_flags; /* upper half of CDW12 */
	int16_t cpu; /* core to pin to; -1: none */
	uint8_t qprio; /* of the submission queue */
	bool verify; /* check what is read */
	bool exit_on_error;
	bool whole; /* a sequential command that does not fit at the end of its region is left out, not cut */
	/* At the first failure touch nothing any more: the queue stays, until the controller is reset or closed. */
	bool fw_debug;
	bool log_errors_only; /* the queue's command log gets failed commands only */
	bool once; /* set by nvp_iow_start(): without any limit, the region once */
	/*
	 * NVP_INJECT_*: what goes into each LBA written.  Into random data only: other patterns stay as they are.  0: id
	 * and token; NVP_INJECT_NOTHING: nothing.
	 */
	uint8_t inject;

	const struct nvp_iow_size *sizes;
	const struct nvp_iow_region *regions; /* sequential: one after the other */
	const struct nvp_iow_op *ops;
	const uint16_t *distribution; /* NVP_IOW_BUCKETS weights: how often a random command begins in each bucket */
	const struct nvp_iow_step *steps; /* a trace: sizes, regions, ops, percentages do not count */
	uint32_t nsizes, nregions, nops, nsteps;

	/*
	 * On zones: writes and appends go to write pointers, reads to what is written; of regions and lba_start nothing
	 * counts.  A zone that is full is reset before it is written again.
	 */
	const struct nvp_iow_zone *zones;
	uint32_t nzones;
	uint32_t zone_width; /* so many are written in turns; 0: one after the other */
	uint32_t zone_active; /* so many of them may be active at once; 0: no limit */
	bool zone_one_write; /* at most one write in flight in a zone */
	struct nvp_qpair *qpair; /* use this one, which is idle; it is usable again after nvp_iow_close() */
};

struct nvp_iow_result {
	uint64_t reads, writes, others; /* completed with success or error */
	uint64_t bytes; /* of LBAs that commands with success named */
	uint64_t ns; /* from the first submission to the last completion */
	uint64_t latency_max_ns, latency_sum_ns;
	uint64_t cpu_ns; /* user and system time of the worker */
	uint64_t slow; /* commands that took longer than slow_us */
	uint64_t retries; /* reads that were repeated */
	uint16_t status; /* sct << 8 | sc of the first command that failed */
	int32_t error; /* enum nvp_iow_error */
	uint64_t miscompare_lba; /* of the first miscompare (status 07/81) */
};

/* One opcode's share of the result. */
struct nvp_iow_op_result {
	uint32_t opc;
	uint64_t ios, bytes;
	uint64_t latency_sum_ns, latency_max_ns;
};

/* A bucket of a latency histogram: `count` commands took low to high ns, both included. */
struct nvp_iow_bucket {
	uint64_t low_ns, high_ns, count;
};

/* What was completed in one second. */
struct nvp_iow_second {
	uint32_t reads, writes, others;
	uint32_t latency_max_us;
	uint64_t bytes;
	uint64_t latency_sum_ns;
};

struct nvp_iow_log_entry {
	uint64_t slba;
	uint32_t nlb;
	uint16_t opc;
	uint16_t status; /* sct << 8 | sc; 07/ff as well when it did not complete */
	uint64_t sent_us, completed_us; /* since the run began; completed_us 0: it did not */
};

struct nvp_iow;

/*
 * Check the plan, create the queue pair, start the process, and wait (at most 5 s) until it is ready.  It begins at
 * the next 0.1 s tick of CLOCK_MONOTONIC; those that are started before it does, one soon after the other, begin with
 * it. verify may be NULL. On a bus that cannot be shared with a process (sim:) the same engine runs in this one, in
 * slices, whenever one of the functions below is called; it is then as deterministic as the rest of the simulation.
 * -EINVAL with nvp_error(): which field; -ENOMEM; -EBUSY: the qpair is in use; -ENOENT: no nvproof-worker found (see
 * NVPROOF_WORKER); -ECHILD: it did not start, or died.  No error here but the result's: an io_size above MDTS
 * (NVP_IOW_MDTS), no queue pair from the device (NVP_IOW_INIT), no memory for the data (NVP_IOW_BUFFERS). The plan is
 * copied; its controller, qpair and verify must outlive the worker.
 */
int nvp_iow_start(struct nvp_ns *ns, const struct nvp_iow_plan *plan, struct nvp_verify *verify, struct nvp_iow **out);
bool nvp_iow_running(struct nvp_iow *w);
/* Counters so far; safe while it runs. */
void nvp_iow_live(const struct nvp_iow *w, uint64_t *ios, uint64_t *bytes);
/* The same over all workers that a controller has or had: they never go down.  Any thread. */
void nvp_iow_total(const struct nvp_ctrlr *c, uint64_t *ios, uint64_t *bytes);
/*
 * Ask it to end (the result's error is NVP_IOW_TERMINATED), and say why; one that does not within a second is killed
 * by nvp_iow_wait().
 */
void nvp_iow_stop(struct nvp_iow *w, const char *why);
/*
 * One slice of waiting for its end, at most `ms` milliseconds: 1 ended, 0 still running, -ETIMEDOUT it was killed and is
 * there all the same: the kernel does not end it, and nvp_iow_close() will not wait for it.  Repeat; a worker past its
 * time by 30 s is killed (NVP_IOW_OVERTIME), and one whose drive was reset or is gone is ended (NVP_IOW_TERMINATED).
 */
int nvp_iow_wait(struct nvp_iow *w, uint32_t ms);
/* Once it has ended, until close: what it measured. */
const struct nvp_iow_result *nvp_iow_result(const struct nvp_iow *w);
/* The first miscompare, explained; false: there was none. */
bool nvp_iow_miscompare(const struct nvp_iow *w, struct nvp_miscompare *out);
/* One line for a person: why it ended; "" when all went well. */
const char *nvp_iow_reason(const struct nvp_iow *w);
/* What was completed in each second; *n: how many seconds. */
const struct nvp_iow_second *nvp_iow_seconds(const struct nvp_iow *w, uint32_t *n);
/* The latency that `ppm` of a million commands stayed within (500000: the median), to 1 %. */
uint64_t nvp_iow_percentile_ns(const struct nvp_iow *w, uint32_t ppm);
/* Opcode i (0, 1, ...) of the plan; false: there is none. */
bool nvp_iow_op(const struct nvp_iow *w, uint32_t i, struct nvp_iow_op_result *out);
/* The buckets of opcode i that hold something, in order, up to max; how many. */
uint32_t nvp_iow_hist(const struct nvp_iow *w, uint32_t i, struct nvp_iow_bucket *out, uint32_t max);
/* The last commands, oldest first, up to max; how many. */
uint32_t nvp_iow_log(const struct nvp_iow *w, struct nvp_iow_log_entry *out, uint32_t max);
/* How many commands began in each stretch of *lbas LBAs; *n stretches. */
const uint32_t *nvp_iow_heat(const struct nvp_iow *w, uint32_t *n, uint64_t *lbas);
/* When it begins or began, in ns of CLOCK_MONOTONIC; 0: not known yet, or virtual time. */
uint64_t nvp_iow_begin_ns(const struct nvp_iow *w);
/*
 * Collect the result of a worker that ended (one that did not is stopped, and after a second killed), delete the
 * queue pair, free. out may be NULL.  NULL is fine.
 */
void nvp_iow_close(struct nvp_iow *w, struct nvp_iow_result *out);
