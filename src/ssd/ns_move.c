/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Namespaces that were deleted leave gaps.  When a new one fits none of them, but all of them together, the others move
 * down, in the order in which they lie: a real drive, which maps each block for itself, would not have to.
 *
 * First all space is taken that the data will need in its new place; what can fail, fails then, and nothing has moved.
 */
#include "ssd/media/media.h"
#include "ssd/ns.h"
#include "ssd/nvm/lba_map.h"
#include <errno.h>
#include <string.h>

#define PIECE SSD_ZEROS

/* The namespace that lies next, at `from` or behind it. */
static struct ssd_ns *
next_ns(struct ssd_subsys *sub, uint64_t from)
{
	struct ssd_ns *best = NULL;

	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		struct ssd_ns *ns = &sub->ns[i];

		if (ns->nsze && ns->media_off >= from && (!best || ns->media_off < best->media_off))
			best = ns;
	}
	return best;
}

/* The piece of the namespace at `at`; NULL: it is all zeros.  *len becomes what is contiguous. */
static const void *
piece(const struct ssd_ns *ns, uint64_t at, uint64_t *len)
{
	struct ssd_media *m = ns->sub->media;
	const void *src;

	*len = UT_MIN(ns->media_size - at, PIECE);
	src = m->ops->peek(m, ns->media_off + at, len);
	return memcmp(src, ssd_zeros, *len) ? src : NULL;
}

static int
take_space(struct ssd_ns *ns, uint64_t to)
{
	struct ssd_media *m = ns->sub->media;

	for (uint64_t at = 0, len; at < ns->media_size; at += len) {
		if (piece(ns, at, &len) && !m->ops->poke(m, to + at, &(uint64_t){ len }, 0))
			return -ENOSPC;
	}
	return 0;
}

/* Upwards, so that a piece is read before anything is written over it. */
static void
move_data(struct ssd_ns *ns, uint64_t to)
{
	struct ssd_media *m = ns->sub->media;
	uint8_t copy[SSD_PAGE];

	for (uint64_t at = 0, len, n; at < ns->media_size; at += len) {
		const void *src = piece(ns, at, &len);
		void *dst = NULL;

		n = len;
		if (src && len <= sizeof(copy)) /* of some media a pointer is good until the next call */
			src = memcpy(copy, src, len);
		if (src)
			dst = m->ops->poke(m, to + at, &n, 0);
		if (dst)
			memmove(dst, src, len);
		else
			m->ops->discard(m, to + at, len);
	}
}

static void
move(struct ssd_ns *ns, uint64_t to)
{
	struct ssd_media *m = ns->sub->media;
	uint64_t from = ns->media_off, end = from + ns->media_size, freed = UT_MAX(from, to + ns->media_size);

	move_data(ns, to);
	m->ops->discard(m, freed, end - freed);
	ns->media_off = to;
	ns->meta_off -= from - to;
	ssd_ns_maps_move(ns);
}

/* What lies between the namespaces holds nothing. */
static void
discard_gaps(struct ssd_subsys *sub)
{
	uint64_t at = 0;
	struct ssd_ns *ns;

	while ((ns = next_ns(sub, at))) {
		sub->media->ops->discard(sub->media, at, ns->media_off - at);
		at = ns->media_off + ssd_ns_capacity(ns);
	}
	sub->media->ops->discard(sub->media, at, sub->capacity - at);
}

int
ssd_ns_compact(struct ssd_subsys *sub)
{
	uint64_t to = 0, at = 0;
	struct ssd_ns *ns;
	int rc = 0;

	for (; !rc && (ns = next_ns(sub, at)); at = ns->media_off + 1, to += ssd_ns_capacity(ns))
		rc = take_space(ns, to);
	if (rc) {
		discard_gaps(sub);
		return rc;
	}
	for (to = at = 0; (ns = next_ns(sub, at)); to += ssd_ns_capacity(ns)) {
		at = ns->media_off + 1;
		if (ns->media_off != to)
			move(ns, to);
	}
	return 0;
}
