/* SPDX-License-Identifier: BSD-3-Clause */
/* First fit over a sorted list of free extents. */
#include "mem/extent.h"

#include <assert.h>
#include <stddef.h>

#include "util/bits.h"

void
nvp_extent_push(struct nvp_extent **list, struct nvp_extent *e)
{
	e->next = *list;
	*list = e;
}

struct nvp_extent *
nvp_extent_pop(struct nvp_extent **list)
{
	struct nvp_extent *e = *list;

	if (e)
		*list = e->next;
	return e;
}

static struct nvp_extent *
spare_node(struct nvp_extent **spare, uint64_t off, uint64_t len)
{
	struct nvp_extent *e = nvp_extent_pop(spare);

	assert(e); /* one node a live extent was set aside */
	e->off = off;
	e->len = len;
	return e;
}

/* Cut [off, off+len) out of *at, which contains it.  A new node is needed only when something is left on both sides. */
static void
cut(struct nvp_extent **at, uint64_t off, uint64_t len, struct nvp_extent **spare)
{
	struct nvp_extent *e = *at;
	uint64_t end = e->off + e->len;

	if (off > e->off) {
		e->len = off - e->off;
		if (off + len < end)
			nvp_extent_push(&e->next, spare_node(spare, off + len, end - off - len));
		return;
	}
	e->off = off + len;
	e->len = end - e->off;
	if (e->len == 0)
		nvp_extent_push(spare, nvp_extent_pop(at));
}

bool
nvp_extent_take(struct nvp_extent **list, uint64_t len, uint64_t align, uint64_t *off, struct nvp_extent **spare)
{
	struct nvp_extent **at;

	for (at = list; *at; at = &(*at)->next) {
		uint64_t start = ut_align_up((*at)->off, align);
		uint64_t skip = start - (*at)->off;

		if (skip >= (*at)->len || (*at)->len - skip < len)
			continue;
		*off = start;
		cut(at, start, len, spare);
		return true;
	}
	return false;
}

/* Grow a neighbour where there is one: that needs no node, and joining two neighbours gives one back. */
void
nvp_extent_give(struct nvp_extent **list, uint64_t off, uint64_t len, struct nvp_extent **spare)
{
	struct nvp_extent **at = list, *prev = NULL, *next;

	while (*at && (*at)->off < off) {
		prev = *at;
		at = &prev->next;
	}
	next = *at;
	assert(!prev || prev->off + prev->len <= off);
	assert(!next || off + len <= next->off);
	if (prev && prev->off + prev->len == off) {
		prev->len += len;
		if (next && off + len == next->off) {
			prev->len += next->len;
			nvp_extent_push(spare, nvp_extent_pop(&prev->next));
		}
	} else if (next && off + len == next->off) {
		next->off = off;
		next->len += len;
	} else {
		nvp_extent_push(at, spare_node(spare, off, len));
	}
}
