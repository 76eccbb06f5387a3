/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Free space of a region as a sorted list of extents.  Freeing never allocates: whoever keeps one node a live extent
 * and one a region in `spare` always has enough, because n pieces in use leave at most n + 1 gaps.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct nvp_extent {
	struct nvp_extent *next;
	uint64_t off, len;
};

/* Take the first fit of `len` bytes aligned to `align`; false: nothing is large enough. */
bool nvp_extent_take(struct nvp_extent **list, uint64_t len, uint64_t align, uint64_t *off, struct nvp_extent **spare);
/* Give [off, off+len) back and merge it with its neighbours. */
void nvp_extent_give(struct nvp_extent **list, uint64_t off, uint64_t len, struct nvp_extent **spare);

void nvp_extent_push(struct nvp_extent **list, struct nvp_extent *e);
struct nvp_extent *nvp_extent_pop(struct nvp_extent **list); /* NULL: empty */
