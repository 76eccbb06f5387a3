/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ioworker: a process (the C program nvproof-worker) that does nothing but submit and reap on one queue pair.  The parent creates the
 * queue pair over the admin queue, passes the descriptors of doorbells, memory and verification table over a socket, and
 * shares one mapping with it: plan in, live counters and results out.  A worker that dies, or a drive that is
 * reset under it, never takes the parent down.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "nvproof/ns.h"
#include "nvproof/verify.h"

/* The host's side; what the device said is in status. */
enum nvp_iow_error {
	NVP_IOW_OK = 0,
	NVP_IOW_INIT = -1,
	NVP_IOW_MDTS = -2,
	NVP_IOW_TIMEOUT = -3,
	NVP_IOW_OVERTIME = -4, /* still running 30 s after its time */
	NVP_IOW_BUFFERS = -5,
	NVP_IOW_IO = -6,
	NVP_IOW_TERMINATED = -7, /* by the parent, or because the drive was reset or is gone */
	NVP_IOW_DIED = -8, /* the process was killed or crashed */
};

struct nvp_iow_plan {
	uint32_t io_size; /* LBAs */
	uint32_t lba_align; /* LBAs, >= 1 */
	int32_t lba_step; /* sequential stride; 0: io_size */
	uint32_t random_percent; /* 0 sequential .. 100 random */
	uint32_t read_percent;
	uint32_t qdepth; /* commands kept outstanding; the queue has one slot more */
	uint64_t time_ns; /* 0: no limit */
	uint64_t io_count; /* 0: no limit.  Neither, and purely sequential: the region once */
	uint64_t region_start, region_end; /* LBAs, end excluded; cut at the end of the namespace */
	uint64_t lba_start; /* first LBA of a sequential run */
	uint64_t seed;
	uint32_t ptype, pvalue; /* write data, as Buffer.fill_pattern() */
	uint32_t timeout_ms; /* of a command */
	uint16_t io_flags; /* upper half of CDW12 */
	int16_t cpu; /* core to pin to; -1: none */
	bool verify; /* check what is read */
	bool exit_on_error;
};

struct nvp_iow_result {
	uint64_t reads, writes; /* completed with success or error */
	uint64_t bytes;
	uint64_t ns; /* from the first submission to the last completion */
	uint64_t latency_max_ns, latency_sum_ns;
	uint64_t cpu_ns; /* user and system time of the worker */
	uint16_t status; /* sct << 8 | sc of the first command that failed */
	int32_t error; /* enum nvp_iow_error */
	uint64_t miscompare_lba; /* of the first miscompare (status 07/81) */
};

struct nvp_iow;

/*
 * Check the plan, create the queue pair, start the process, and wait (at most 5 s) until it runs.  verify may be NULL.
 * On a bus that cannot be shared with a process (sim:) the same engine runs in this one, in slices, whenever one of the
 * functions below is called; it is then as deterministic as the rest of the simulation.
 * -EINVAL with nvp_error(): which field; -ENOMEM; what nvp_qpair_create() says; -ENOENT: no nvproof-worker found (see
 * NVPROOF_WORKER); -ECHILD: it did not start, or died.  An io_size above MDTS is no error here but the result's (NVP_IOW_MDTS).
 * ns is copied; its controller and verify must outlive the worker.
 */
int nvp_iow_start(struct nvp_ns *ns, const struct nvp_iow_plan *plan, struct nvp_verify *verify, struct nvp_iow **out);
bool nvp_iow_running(struct nvp_iow *w);
/* Counters so far; safe while it runs. */
void nvp_iow_live(const struct nvp_iow *w, uint64_t *ios, uint64_t *bytes);
/* The same over all workers that a controller has or had: they never go down.  Any thread. */
void nvp_iow_total(const struct nvp_ctrlr *c, uint64_t *ios, uint64_t *bytes);
/* Ask it to end (the result's error is NVP_IOW_TERMINATED). */
void nvp_iow_stop(struct nvp_iow *w);
/*
 * One slice of waiting for its end, at most `ms` milliseconds: 1 ended, 0 still running.  Repeat; a worker past its time by 30 s is
 * killed (NVP_IOW_OVERTIME), and one whose drive was reset or is gone is ended (NVP_IOW_TERMINATED).
 */
int nvp_iow_wait(struct nvp_iow *w, uint32_t ms);
/* Once it has ended, until close: what it measured. */
const struct nvp_iow_result *nvp_iow_result(const struct nvp_iow *w);
/* One line for a person: why it ended; "" when all went well. */
const char *nvp_iow_reason(const struct nvp_iow *w);
/* Commands completed in each second; *n: how many seconds. */
const uint32_t *nvp_iow_seconds(const struct nvp_iow *w, uint32_t *n);
/* The latency that `ppm` of a million commands stayed within (500000: the median), to 1 %. */
uint64_t nvp_iow_percentile_ns(const struct nvp_iow *w, uint32_t ppm);
/*
 * Collect the result of a worker that ended (one that did not is stopped, and after a second killed), delete the queue pair, free.
 * out may be NULL.  NULL is fine.
 */
void nvp_iow_close(struct nvp_iow *w, struct nvp_iow_result *out);
