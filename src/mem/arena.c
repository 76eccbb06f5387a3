/* SPDX-License-Identifier: BSD-3-Clause */
/* The arena: regions, who uses them, and buffers cut out of them.  One lock; never taken on the I/O path. */
#include "mem/region.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem/extent.h"
#include "mem/memfd.h"
#include "mem/phys.h"
#include "util/alloc.h"
#include "util/bits.h"

#define FIRST_IOVA (4ull << 30) /* a 32-bit truncation by the device is noticed */
#define MIN_REGION (64ull << 20)
#define MAX_REGION (1ull << 40)
#define PUNCH_MIN (1ull << 20) /* smaller pieces are not worth the system call */

struct nvp_arena {
	pthread_mutex_t lock;
	struct nvp_region *regions; /* by IOVA */
	struct nvp_region_user *users;
	struct nvp_extent *spare; /* see extent.h */
	uint64_t next_iova;
	bool physical; /* addresses are those of the memory bus: see phys.h */
	uint64_t live; /* buffers given out */
};

int
nvp_arena_open(struct nvp_arena **out)
{
	struct nvp_arena *a = ut_calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	pthread_mutex_init(&a->lock, NULL);
	a->next_iova = FIRST_IOVA;
	a->physical = nvp_phys_wanted();
	*out = a;
	return 0;
}

static void
region_free(struct nvp_region *r)
{
	struct nvp_memfd m = { .va = r->va, .len = r->len, .fd = r->fd };

	nvp_memfd_close(&m);
	free(nvp_extent_pop(&r->free)); /* one extent: all of it */
	assert(!r->free);
	free(r);
}

void
nvp_arena_close(struct nvp_arena *a)
{
	struct nvp_region *r;

	assert(!a->live && !a->users);
	while ((r = a->regions)) {
		a->regions = r->next;
		region_free(r);
	}
	while (a->spare)
		free(nvp_extent_pop(&a->spare));
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/*
 * A forked child shares the regions' memory with its parent, and has a copy of what says which parts are given out:
 * it would cut new buffers out of what the parent uses.  So the child begins with an arena of its own, and lets the
 * parent's alone.
 */
struct nvp_arena *
nvp_arena_default(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct nvp_arena *arena;
	static pid_t owner;

	pthread_mutex_lock(&lock);
	if (!arena || owner != getpid()) {
		arena = NULL;
		owner = getpid();
		nvp_arena_open(&arena);
	}
	pthread_mutex_unlock(&lock);
	return arena;
}

/* Tell all users of a new region; when one refuses, those who took it give it back. */
static int
tell_users(struct nvp_arena *a, struct nvp_region *r)
{
	struct nvp_region_user *u, *done;
	int rc;

	for (u = a->users; u; u = u->next) {
		rc = u->add(u, r);
		if (!rc)
			continue;
		for (done = a->users; done != u; done = done->next)
			done->del(done, r);
		return rc;
	}
	return 0;
}

/* Its memory, and where the device sees it. */
static int
region_memory(const struct nvp_arena *a, uint64_t len, struct nvp_memfd *m, uint64_t *iova)
{
	if (a->physical)
		return nvp_phys_open(len, m, iova);
	*iova = a->next_iova;
	return nvp_memfd_open(len, m);
}

static struct nvp_region *
region_make(struct nvp_arena *a, uint64_t len)
{
	struct nvp_region *r = ut_calloc(1, sizeof(*r));
	struct nvp_extent *whole = ut_calloc(1, sizeof(*whole));
	struct nvp_memfd m;
	uint64_t iova;

	if (!r || !whole || region_memory(a, len, &m, &iova)) {
		free(whole);
		free(r);
		return NULL;
	}
	whole->len = len;
	*r = (struct nvp_region){
		.va = m.va, .iova = iova, .len = len, .fd = m.fd, .huge = m.huge, .free = whole, .owner = getpid()
	};
	return r;
}

/* A new region large enough for len, known to all users, last in the list. */
static int
region_add(struct nvp_arena *a, uint64_t len)
{
	uint64_t least = ut_align_up(len, NVP_REGION_ALIGN), size = UT_MAX(MIN_REGION, least);
	struct nvp_region *r = region_make(a, size), **at = &a->regions;
	int rc;

	if (!r && a->physical && size > least) { /* so much may not lie together; what is needed perhaps does */
		size = least;
		r = region_make(a, size);
	}
	if (!r)
		return -ENOMEM;
	rc = tell_users(a, r);
	if (rc) {
		region_free(r);
		return rc;
	}
	while (*at)
		at = &(*at)->next;
	/* Whoever walks the list without the lock (nvp_arena_regions()) finds a whole region behind each pointer. */
	__atomic_store_n(at, r, __ATOMIC_RELEASE);
	/* An IOVA is never used again, and a hole follows each region: what runs over its end hits nothing. */
	a->next_iova += size + NVP_REGION_ALIGN;
	return 0;
}

static struct nvp_region *
take_any(struct nvp_arena *a, uint64_t len, uint64_t align, uint64_t *off)
{
	struct nvp_region *r;

	for (r = a->regions; r; r = r->next)
		if (nvp_extent_take(&r->free, len, align, off, &a->spare))
			return r;
	return NULL;
}

/* How many of the first bytes of a new buffer may hold old content. */
static uint64_t
used_before(struct nvp_region *r, uint64_t off, uint64_t len)
{
	uint64_t used = r->fresh > off ? UT_MIN(len, r->fresh - off) : 0;

	r->fresh = UT_MAX(r->fresh, off + len);
	return used;
}

/* Locked.  *dirty: bytes to clear. */
static int
alloc_locked(struct nvp_arena *a, uint64_t len, uint64_t align, struct nvp_buf *out, uint64_t *dirty)
{
	struct nvp_extent *node = ut_calloc(1, sizeof(*node));
	struct nvp_region *r;
	uint64_t off;
	int rc;

	if (!node)
		return -ENOMEM;
	nvp_extent_push(&a->spare, node);
	r = take_any(a, len, align, &off);
	if (!r) {
		rc = region_add(a, len);
		if (rc) {
			free(nvp_extent_pop(&a->spare));
			return rc;
		}
		r = take_any(a, len, align, &off);
		assert(r);
	}
	a->live++;
	*dirty = used_before(r, off, len);
	*out = (struct nvp_buf){ .va = (char *)r->va + off, .iova = r->iova + off, .region = r };
	return 0;
}

static int
arena_alloc(struct nvp_arena *a, uint64_t len, uint64_t align, struct nvp_buf *out, bool zero)
{
	uint64_t whole, dirty;
	int rc;

	*out = (struct nvp_buf){ 0 };
	if (!len || len > MAX_REGION || align & (align - 1) || align > NVP_REGION_ALIGN)
		return -EINVAL;
	align = UT_MAX(align, NVP_PAGE);
	whole = ut_align_up(len, NVP_PAGE);
	pthread_mutex_lock(&a->lock);
	rc = alloc_locked(a, whole, align, out, &dirty);
	pthread_mutex_unlock(&a->lock);
	if (rc)
		return rc;
	out->len = len;
	if (zero && dirty)
		memset(out->va, 0, dirty);
	return 0;
}

int
nvp_arena_alloc(struct nvp_arena *a, uint64_t len, uint64_t align, struct nvp_buf *out)
{
	return arena_alloc(a, len, align, out, true);
}

int
nvp_arena_alloc_raw(struct nvp_arena *a, uint64_t len, uint64_t align, struct nvp_buf *out)
{
	return arena_alloc(a, len, align, out, false);
}

void
nvp_arena_free(struct nvp_arena *a, struct nvp_buf *b)
{
	struct nvp_region *r = b->region;
	uint64_t len = ut_align_up(b->len, NVP_PAGE), off;

	if (!r || r->owner != getpid()) /* a forked child's copy of its parent's buffer */
		return;
	off = b->iova - r->iova;
	pthread_mutex_lock(&a->lock);
	if (len >= PUNCH_MIN && !r->pinned)
		nvp_memfd_punch(r->fd, off, len);
	nvp_extent_give(&r->free, off, len, &a->spare);
	a->live--;
	free(nvp_extent_pop(&a->spare));
	pthread_mutex_unlock(&a->lock);
	*b = (struct nvp_buf){ 0 };
}

int
nvp_arena_attach(struct nvp_arena *a, struct nvp_region_user *u)
{
	struct nvp_region *r, *done;
	int rc = 0;

	pthread_mutex_lock(&a->lock);
	for (r = a->regions; r; r = r->next) {
		rc = u->add(u, r);
		if (rc)
			break;
	}
	if (rc) {
		for (done = a->regions; done != r; done = done->next)
			u->del(u, done);
	} else {
		u->next = a->users;
		a->users = u;
	}
	pthread_mutex_unlock(&a->lock);
	return rc;
}

void
nvp_arena_detach(struct nvp_arena *a, struct nvp_region_user *u)
{
	struct nvp_region_user **at = &a->users;
	struct nvp_region *r;

	pthread_mutex_lock(&a->lock);
	while (*at && *at != u)
		at = &(*at)->next;
	assert(*at);
	*at = u->next;
	for (r = a->regions; r; r = r->next)
		u->del(u, r);
	pthread_mutex_unlock(&a->lock);
}

const struct nvp_region *
nvp_arena_regions(struct nvp_arena *a)
{
	return a->regions;
}
