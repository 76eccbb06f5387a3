/* SPDX-License-Identifier: BSD-3-Clause */
/* An I/O queue pair: one SQ with its own CQ of the same depth.  Used by one thread (or one process) at a time. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "nvproof/req.h"

struct nvp_ctrlr;
struct nvp_cmdlog_ring;

struct nvp_qpair_opts {
	uint32_t depth; /* entries, 2..MQES+1; depth - 1 commands can be outstanding */
	uint16_t qid; /* 0: the driver chooses */
	uint16_t iv; /* 0xffff: the driver chooses; used when ien */
	uint8_t prio; /* SQ priority, for weighted round robin */
	bool ien; /* the CQ raises interrupts */
	bool lazy; /* the doorbell rings at nvp_qpair_ring()/poll() only */
	bool no_cmdlog;
	/*
	 * The caller's memory for the rings, page aligned; .va NULL: the driver's.  To outlive the queue, and if its
	 * deletion was not confirmed, until the controller was disabled.
	 */
	struct nvp_buf sq_mem, cq_mem;
};

/*
 * Create CQ then SQ over the admin queue; waits for both.  -EINVAL: depth, qid; -ENOMEM; -ETIMEDOUT; -EIO: the device
 * refused, *cqe (may be NULL) says how; -ENOSPC: no queue id left; -ENODEV; or as nvp_admin().
 */
int
nvp_qpair_create(struct nvp_ctrlr *c, const struct nvp_qpair_opts *opts, struct nvp_qpair **out, struct nvme_cqe *cqe);
/*
 * Delete SQ then CQ on the device and free.  What is outstanding is completed with 00/08 first.  NULL is fine.
 * -EDEADLK: called from a callback of this queue or of the admin queue, nothing was done.  Any other error: it is
 * freed, but the device did not confirm.  What it may still use of the queue's own memory is kept away from others
 * until the controller was disabled.
 */
int nvp_qpair_delete(struct nvp_qpair *q, struct nvme_cqe *cqe);

/* Tell the device about all submitted commands: one doorbell write.  Nothing when there is nothing new. */
void nvp_qpair_ring(struct nvp_qpair *q);
/*
 * Ring if lazy, reap up to `max` completions, call their callbacks, write the CQ doorbell once.  Never blocks.
 * Returns how many were reaped, or -ENODEV when the device is gone.
 */
int nvp_qpair_poll(struct nvp_qpair *q, uint32_t max);
/*
 * Nothing came: complete with 07/ff what is past its deadline.  Returns how many.  For idle moments: it looks at all.
 */
int nvp_qpair_expire(struct nvp_qpair *q);
/*
 * Poll until `count` more completions came, giving way to others while idle.  Every outstanding command has a deadline,
 * so this ends.  Returns count; fewer when nothing is outstanding any more, more when several timed out at once;
 * -ENODEV.
 */
int nvp_qpair_wait(struct nvp_qpair *q, uint32_t count);

/*
 * Interrupts of the queue's vector, which queues may share.  pending: 1 when one came since the last clear, else 0;
 * clear: what pending would have said, and forgets it; mask: in the MSI-X table, where an interrupt then waits until
 * it is unmasked.
 * -ENOTSUP: the queue was created without interrupts, or there is no MSI-X table.
 */
int nvp_qpair_irq_pending(const struct nvp_qpair *q);
int nvp_qpair_irq_clear(struct nvp_qpair *q);
int nvp_qpair_irq_mask(struct nvp_qpair *q, bool masked);

uint16_t nvp_qpair_id(const struct nvp_qpair *q);
/* The device knows it, so commands may be sent; not after a reset that failed or left it out. */
bool nvp_qpair_is_live(const struct nvp_qpair *q);
uint16_t nvp_qpair_vector(const struct nvp_qpair *q); /* ffffh: it has no interrupts */
/* The addresses of its rings, as the device sees them. */
void nvp_qpair_memory(const struct nvp_qpair *q, uint64_t *sq, uint64_t *cq);
bool nvp_qpair_is_exported(const struct nvp_qpair *q); /* another process uses it */
uint32_t nvp_qpair_depth(const struct nvp_qpair *q);
uint32_t nvp_qpair_outstanding(const struct nvp_qpair *q);
uint16_t nvp_qpair_latest_cid(const struct nvp_qpair *q);
uint64_t nvp_qpair_latest_latency_ns(const struct nvp_qpair *q);
/* Commands and data bytes completed so far.  Asynchronous events are not counted. */
void nvp_qpair_stat(const struct nvp_qpair *q, uint64_t *cmds, uint64_t *bytes);
void nvp_qpair_set_timeout_ms(struct nvp_qpair *q, uint32_t ms); /* for commands submitted from now on */
struct nvp_cmdlog_ring *nvp_qpair_cmdlog(struct nvp_qpair *q); /* NULL: no log */
