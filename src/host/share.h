/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue pair in another process.  Who has the controller creates and deletes it; who got it submits and reaps.  In
 * between the creator does not touch it, and deleting works whatever became of the other process: the device is told to
 * delete the queues, which ends all access to memory.
 *
 * Both ends are of one build on one machine: the descriptor is plain data, checked for its size and against the
 * regions.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "nvproof/err.h"
#include "nvproof/qpair.h"

struct nvp_qpair_share {
	uint32_t size; /* of this struct: both ends agree on the layout */
	uint32_t depth;
	uint16_t qid;
	uint8_t page_shift;
	bool lazy;
	uint32_t timeout_ms;
	uint64_t sq_iova, cq_iova, lists_iova;
	uint64_t log_iova; /* 0: no command log */
	uint64_t sq_db_off, cq_db_off; /* from the start of the doorbell mapping */
	uint64_t db_off, db_len; /* what to map of db_fd: a whole number of pages */
	uint32_t sq_tail, cq_head; /* where the rings stand */
	uint16_t phase;
	int32_t db_fd; /* the creator's descriptor; stays its own.  Pass it over a socket. */
};

/* Memory that both processes map; the IOVA is the same in both, va is each one's own. */
struct nvp_share_region {
	int fd;
	uint64_t iova, len;
	void *va; /* nvp_share_map() fills it */
};

/*
 * Hand q over.  From now on only nvp_qpair_delete() (and getters) may be called on it here.  A controller reset does
 * not create it again.  -EBUSY: requests are in use, or timed out and were never answered; -ENOTSUP: the bus cannot be
 * shared between processes; -EALREADY.
 */
int nvp_qpair_export(struct nvp_qpair *q, struct nvp_qpair_share *out);
/* Where the rings stand, as the other process left them. */
struct nvp_qpair_ring {
	uint32_t sq_tail, cq_head, phase;
};
/*
 * The other process has ended: q is used here again.  ring NULL: nobody knows where it was, or commands are
 * outstanding, so the queue is deleted and created again.  -EINVAL: such a ring there is not; or as the device
 * answers.
 */
int nvp_qpair_take_back(struct nvp_qpair *q, const struct nvp_qpair_ring *ring);
/*
 * The regions of this process, up to max.  Returns how many there are (maybe more than max).  The fds stay the arena's.
 */
uint32_t nvp_share_regions(struct nvp_share_region *out, uint32_t max);
/* The one of them that holds the command logs (va NULL).  False: there are none. */
bool nvp_share_log_region(struct nvp_share_region *out);

/* In the other process: map a region from its fd, iova and len (fd stays the caller's).  -ENOMEM, -EINVAL. */
int nvp_share_map(struct nvp_share_region *r);
void nvp_share_unmap(struct nvp_share_region *r);
/* Where [iova, iova+len) is mapped here; NULL: (partly) nowhere. */
void *nvp_share_va(const struct nvp_share_region *r, uint32_t n, uint64_t iova, uint64_t len);
/* A buffer that the creator cut from its arena, as it is usable here.  -EINVAL: outside the regions. */
int nvp_share_buf(const struct nvp_share_region *r, uint32_t n, uint64_t iova, uint64_t len, struct nvp_buf *out);

/*
 * A queue pair of this process on the rings of *s.  doorbells: db_len bytes of db_fd from db_off, mapped by the caller.
 * nvp_qpair_delete() frees it and says nothing to the device.  Its findings are kept: nvp_qpair_events().  -EINVAL: *s
 * does not fit the regions; -ENOMEM.
 */
int nvp_qpair_import(const struct nvp_qpair_share *s, const struct nvp_share_region *r, uint32_t n, void *doorbells,
		     struct nvp_qpair **out);
uint32_t nvp_qpair_events(struct nvp_qpair *q, struct nvp_event *out, uint32_t max);
