/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that a device may touch.  A *region* is one memfd (huge pages when there are any), mapped once and registered
 * once with each bus.  An *arena* owns the regions of a process and cuts struct nvp_buf out of them: buffers, queues,
 * PRP lists.  An I/O address (IOVA) is given to a region when it is made and is the same on every bus and in every
 * process.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "nvproof/buf.h"

#define NVP_REGION_ALIGN (2u << 20) /* size and IOVA of a region are multiples of 2 MiB */
#define NVP_PAGE 4096u

struct nvp_region {
	struct nvp_region *next;
	void *va;
	uint64_t iova;
	uint64_t len;
	int fd; /* memfd, sealed against shrinking */
	bool huge;
	bool pinned; /* a device sees its pages as they were when it was told: none is given back to the kernel */
	pid_t owner; /* the process that made it */
	uint64_t fresh; /* from this offset on nothing was ever given out: still zero */
	struct nvp_extent *free; /* free extents, sorted by offset */
};

/*
 * Somebody who wants to know each region: a bus that maps it for its device.  Called with the arena locked: no
 * allocation.
 */
struct nvp_region_user {
	struct nvp_region_user *next;
	int (*add)(struct nvp_region_user *u, struct nvp_region *r);
	void (*del)(struct nvp_region_user *u, struct nvp_region *r);
};

struct nvp_arena;

/* The arena of this process, made on first use; lives as long as the process.  NULL: no memory. */
struct nvp_arena *nvp_arena_default(void);
/* A private arena, e.g. for tests.  close() needs all of it freed and all users gone. */
int nvp_arena_open(struct nvp_arena **out);
void nvp_arena_close(struct nvp_arena *a);

/*
 * Zero-filled, physically contiguous for the device (one IOVA range), aligned to `align` (a power of two up to
 * NVP_REGION_ALIGN; at least a page is used).  Any thread; takes a lock, so not for the I/O path.  A new region is
 * registered with all users before the memory is given out.  -ENOMEM, -EINVAL, or what a user's add() said.
 */
int nvp_arena_alloc(struct nvp_arena *a, uint64_t len, uint64_t align, struct nvp_buf *out);
/* The same, but the content is anything: for large memory that is written before it is read (PRP list pages). */
int nvp_arena_alloc_raw(struct nvp_arena *a, uint64_t len, uint64_t align, struct nvp_buf *out);
void nvp_arena_free(struct nvp_arena *a, struct nvp_buf *b); /* a zeroed one is fine */

/* Register a user: add() is called for each region there is, and for each new one.  On failure all are taken back. */
int nvp_arena_attach(struct nvp_arena *a, struct nvp_region_user *u);
void nvp_arena_detach(struct nvp_arena *a, struct nvp_region_user *u);

/*
 * The regions there are now, by IOVA (for passing their descriptors to another process).  A region lives as long as its
 * arena.
 */
const struct nvp_region *nvp_arena_regions(struct nvp_arena *a);
