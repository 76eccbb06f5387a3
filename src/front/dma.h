/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's memory as a server sees it: a sorted table of the ranges that one client shared, looked up by bus address.
 *
 * The files behind the ranges belong to the client, who may truncate them at any time: touching a page that is gone
 * raises SIGBUS.  A handler then puts anonymous memory over the range and marks it bad; dma_read() and dma_write() tell
 * so with -EFAULT.  A pointer is given out (dma_pointer) only into files that are sealed against shrinking.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DMA_MAX_MAPS 256u
#define DMA_PAGE 4096u

struct dma_map {
	uint64_t addr, len;
	void *va; /* NULL: shared without a descriptor, cannot be reached */
	bool readable, writable;
	bool sealed; /* the file cannot shrink */
	volatile bool bad; /* set by the signal handler */
};

struct dma_table {
	struct dma_map map[DMA_MAX_MAPS]; /* by address, no overlaps */
	uint32_t n;
	struct dma_table *next; /* of all tables, for the signal handler */
};

/* Install the SIGBUS handler, once for the process.  -errno. */
int dma_guard(void);
void dma_init(struct dma_table *t);
void dma_fini(struct dma_table *t); /* unmaps all */

/*
 * Add [m->addr, +len) as [off, +len) of fd (-1: not reachable); fd stays the caller's.  -EINVAL: alignment, wrap-around or beyond
 * the end of the file; -EEXIST: overlaps; -ENOSPC; or what mmap() says.
 */
int dma_add(struct dma_table *t, const struct dma_map *m, int fd, uint64_t off);
/*
 * Take exactly this range out of the table.  It stays mapped until dma_release(), so that others drop their pointers first.
 * -ENOENT.
 */
int dma_remove(struct dma_table *t, uint64_t addr, uint64_t len, struct dma_map *gone);
void dma_release(const struct dma_map *gone);

/* Copy; across adjacent ranges too.  -EFAULT: not mapped, not allowed, or the memory is gone. */
int dma_read(struct dma_table *t, uint64_t addr, void *buf, uint32_t len);
int dma_write(struct dma_table *t, uint64_t addr, const void *buf, uint32_t len);
/* For both directions; NULL: not one range, not sealed, or bad. */
void *dma_pointer(struct dma_table *t, uint64_t addr, uint64_t len);
