/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A controller: open, bring up, admin commands, events.  One thread at a time per controller.
 * Addresses: "" or "ssd:..." (a private software SSD), "vfu:/path.sock", "sim:..." (after nvp_sim_register()).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "nvproof/buf.h"
#include "nvproof/err.h"
#include "nvproof/qpair.h"
#include "nvproof/spec/id_ctrl.h"

struct nvp_bus;
struct nvp_cmdlog_ring;
struct nvp_ctrlr;

struct nvp_ctrlr_opts {
	uint32_t admin_depth; /* 0: 128 entries */
	uint32_t timeout_ms; /* of a command; 0: 10,000 */
	bool no_init; /* touch nothing: registers only, until nvp_ctrlr_reset() */
};

/*
 * Open by address and bring it up: disable, admin queue, enable, identify, number of queues, one AER.
 * -ENODEV no such device, -EBUSY in use, -ETIMEDOUT CSTS.RDY never changed, -EIO a bring-up command failed, -ENOMEM.
 * nvp_error() says in one line for a person what happened.  opts may be NULL.
 */
int nvp_ctrlr_open(const char *addr, const struct nvp_ctrlr_opts *opts, struct nvp_ctrlr **out);
/* The same on a bus that the caller opened and keeps; used by those who touch registers first. */
int nvp_ctrlr_attach(struct nvp_bus *bus, const struct nvp_ctrlr_opts *opts, struct nvp_ctrlr **out);
/*
 * Disable, take our memory from the device, free.  Queue pairs that are left are deleted.  Errors of a dead device are
 * ignored.  NULL is fine.  Not from a callback.
 */
void nvp_ctrlr_close(struct nvp_ctrlr *c);

/* Why the last open, attach or reset in this thread failed. */
const char *nvp_error(void);

/*
 * CC.EN 1->0->1 and bring-up.  Outstanding commands complete with 00/08.  The I/O queue pairs that existed are created
 * again on the device, empty, the same struct nvp_qpair.  Errors as of open; -EDEADLK: called from a callback.
 */
int nvp_ctrlr_reset(struct nvp_ctrlr *c);
/* The same, but the I/O queue pairs are not created again: they can only be deleted. */
int nvp_ctrlr_reset_bare(struct nvp_ctrlr *c);

/*
 * Bring-up in the caller's hands, for who wants other registers, depths or an order of his own.  begin, then register
 * writes and the calls below in any order, then end (or fail).  NVMe Base, "Memory-based Controller Initialization".
 *
 * begin: memory space, interrupts, CAP; no queue reaches the device any more.  Errors as of reset, after which all is
 * as after fail.
 */
int nvp_ctrlr_init_begin(struct nvp_ctrlr *c);

struct nvp_adminq_opts {
	uint32_t depth; /* entries, 2 to 4096 */
	bool skip_register; /* AQA, ASQ and ACQ are left alone */
	bool lazy; /* the doorbell rings at nvp_qpair_ring()/poll() only */
	bool reuse; /* the memory of the last admin queue, when its depth is the same */
};
/*
 * Bus master, and an empty admin queue.  Commands that were outstanding get 00/08 first.  -EBUSY: CC.EN or CSTS.RDY
 * is 1; -EINVAL, -ENOMEM, -ENODEV.
 */
int nvp_ctrlr_init_adminq(struct nvp_ctrlr *c, const struct nvp_adminq_opts *opts);
/* Identify Controller, for nvp_ctrlr_id().  -EIO: it failed; or as nvp_admin(). */
int nvp_ctrlr_init_identify(struct nvp_ctrlr *c);
/* Dword 0 of Set or Get Features, Number of Queues: how many I/O queue pairs there may be. */
void nvp_ctrlr_init_queues(struct nvp_ctrlr *c, uint32_t dw0);
/* The I/O queue pairs that existed are created again (bare: not); what was outstanding on them completes with 00/08. */
int nvp_ctrlr_init_end(struct nvp_ctrlr *c, bool bare);
/* The caller gave up: the controller is disabled, all that was outstanding completes with 00/08. */
void nvp_ctrlr_init_fail(struct nvp_ctrlr *c);

/*
 * Registers.  -EINVAL: off is not 4-byte (8-byte) aligned, or outside of BAR 0; -ENODEV: all ones were read, or the
 * transport is lost.
 */
int nvp_reg_read32(struct nvp_ctrlr *c, uint32_t off, uint32_t *val);
int nvp_reg_write32(struct nvp_ctrlr *c, uint32_t off, uint32_t val);
int nvp_reg_read64(struct nvp_ctrlr *c, uint32_t off, uint64_t *val);
int nvp_reg_write64(struct nvp_ctrlr *c, uint32_t off, uint64_t val);

/* The admin queue is a queue pair with id 0: req_get/submit/poll/wait work on it. */
struct nvp_qpair *nvp_ctrlr_adminq(struct nvp_ctrlr *c);
/*
 * Send one admin command and wait for it.  data of `len` bytes or NULL.  0: completed, *cqe says how (its status may be
 * an error: that is data); negative: it could not be sent.  -EAGAIN: the queue is full; -EINVAL: len, or an
 * Asynchronous Event Request, which may never end; -ENODEV: the device is gone, or not enabled; -EDEADLK: called from a
 * callback of this queue.
 */
int nvp_admin(struct nvp_ctrlr *c, const struct nvme_sqe *sqe, const struct nvp_buf *buf, uint32_t len,
	      struct nvme_cqe *cqe);
/* The same on an I/O queue pair. */
int
nvp_io(struct nvp_qpair *q, const struct nvme_sqe *sqe, const struct nvp_buf *buf, uint32_t len, struct nvme_cqe *cqe);

/* Let this interrupt vector come, for who creates queues himself.  -EINVAL, -ENOTSUP: there is none; -ENOMEM. */
int nvp_ctrlr_use_vector(struct nvp_ctrlr *c, uint16_t vector);
/*
 * Memory in the controller memory buffer, zeroed, aligned to `align` (a power of two up to 2 MiB; at least a page).  Not after
 * the bus was closed.  -ENOTSUP: there is none, or it cannot be mapped; -ENOMEM, -EINVAL, -ENODEV.  NVMe Base, "Controller
 * Memory Buffer".
 */
int nvp_ctrlr_cmb_alloc(struct nvp_ctrlr *c, uint64_t len, uint64_t align, struct nvp_buf *out);
void nvp_ctrlr_cmb_free(struct nvp_ctrlr *c, struct nvp_buf *buf);

/* The command log of a queue pair, the workers' included; NULL: none. */
struct nvp_cmdlog_ring *nvp_ctrlr_cmdlog(const struct nvp_ctrlr *c, uint16_t qid);
/* The identifiers of the I/O queue pairs, the latest first, up to max.  Returns how many there are. */
uint32_t nvp_ctrlr_qids(const struct nvp_ctrlr *c, uint16_t *out, uint32_t max);

uint64_t nvp_ctrlr_cap(const struct nvp_ctrlr *c);
/* Identify Controller as read at bring-up; all zero when not initialised. */
const struct nvme_id_ctrl *nvp_ctrlr_id(const struct nvp_ctrlr *c);
uint64_t nvp_ctrlr_mdts_bytes(const struct nvp_ctrlr *c); /* UINT64_MAX: no limit */
struct nvp_bus *nvp_ctrlr_bus(struct nvp_ctrlr *c);
uint32_t nvp_ctrlr_timeout_ms(const struct nvp_ctrlr *c);
void nvp_ctrlr_set_timeout_ms(struct nvp_ctrlr *c, uint32_t ms);

/*
 * Asynchronous events: one AER is outstanding from bring-up on (not with an admin queue of 2 entries) and is sent again
 * after each completion.  cb (NULL: none) is called from polling the admin queue.  An AER completion does not count in
 * nvp_qpair_wait().
 */
void nvp_ctrlr_on_aer(struct nvp_ctrlr *c, nvp_cb cb, void *arg);
/*
 * Send one more AER with a callback of its own (refill: send it again when it completes).  -EAGAIN: queue full;
 * -ENODEV.
 */
int nvp_ctrlr_aer(struct nvp_ctrlr *c, nvp_cb cb, void *arg, bool refill);

/* Findings that no command explains, oldest first: copies up to max, removes them, returns how many. */
uint32_t nvp_ctrlr_events(struct nvp_ctrlr *c, struct nvp_event *out, uint32_t max);
