/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The book is one sparse memfd, mapped once: memory is used only for rings that are written.  A ring keeps what it has
 * when its queue is deleted, because the commands of a queue are asked for after a test has failed and cleaned up; the
 * one that ended first is used again first.
 */
#include "host/logbook.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/ctrlr_int.h"
#include "host/log.h"
#include "util/alloc.h"
#include "util/barrier.h"
#include "util/bits.h"

#define KEEP_ENDED 32u /* rings of deleted queues, before the first of them is used again */
#define BOOK_LEN ut_align_up(sizeof(struct nvp_cmdlog_book), NVP_REGION_ALIGN)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct nvp_cmdlog_book *book;
static int book_fd = -1;
static pid_t owner;
static uint64_t base_ticks, base_wall_ns, base_mono_ns; /* one instant, so that rings of several queues agree */
static uint32_t nr_ended, nr_ctrlrs;
static char now_busy_with[sizeof(book->title)]; /* said maybe before there is a book */

static void *
map_file(int *fd)
{
	void *va = MAP_FAILED;

	*fd = memfd_create(NVP_CMDLOG_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0)
		return NULL;
	if (!ftruncate(*fd, (off_t)BOOK_LEN) && !fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		va = mmap(NULL, BOOK_LEN, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, *fd, 0);
	if (va != MAP_FAILED) {
		(void)madvise(va, BOOK_LEN, MADV_DONTDUMP); /* a core file would have all of it, used or not */
		return va;
	}
	close(*fd);
	*fd = -1;
	return NULL;
}

/* Locked.  A forked child begins with a book of its own: the parent's queues write into the parent's. */
static int
open_book(void)
{
	if (book && owner == getpid())
		return 0;
	book = map_file(&book_fd);
	if (!book)
		return -ENOMEM;
	owner = getpid();
	nr_ended = 0;
	base_ticks = ut_ticks(ut_clock_real());
	base_wall_ns = ut_wall_ns();
	base_mono_ns = ut_mono_ns();
	book->pid = owner;
	book->size_ring = sizeof(struct nvp_cmdlog_ring);
	memcpy(book->title, now_busy_with, sizeof(book->title));
	ut_release_barrier(); /* the header before the word that vouches for it */
	ut_store(&book->magic, NVP_CMDLOG_MAGIC);
	return 0;
}

/* A free one, or when enough have ended the one of them that ended first. */
static int
choose(void)
{
	int oldest = -1;

	for (uint32_t i = 0; i < NVP_CMDLOG_SLOTS; i++) {
		const struct nvp_cmdlog_slot *s = &book->slot[i];

		if (s->state == NVP_CMDLOG_FREE)
			return nr_ended >= KEEP_ENDED && oldest >= 0 ? oldest : (int)i;
		if (s->state == NVP_CMDLOG_ENDED && (oldest < 0 || s->ended_ns < book->slot[oldest].ended_ns))
			oldest = (int)i;
	}
	return oldest;
}

static void
change_begin(struct nvp_cmdlog_slot *s)
{
	ut_store(&s->gen, s->gen + 1);
	ut_release_barrier(); /* "being changed" before the change */
}

static void
change_end(struct nvp_cmdlog_slot *s)
{
	ut_release_barrier(); /* the change before "whole" */
	ut_store(&s->gen, s->gen + 1);
}

static void
ring_init(struct nvp_cmdlog_ring *r, const struct ut_clock *clock, uint16_t qid)
{
	r->first = r->head; /* seq goes on, so that no entry is taken for one of somebody else */
	r->qid = qid;
	r->mult = clock->mult;
	r->base_ticks = clock->virtual_ns ? 0 : base_ticks; /* virtual time starts at 0, and so does its wall clock */
	r->base_wall_ns = clock->virtual_ns ? 0 : base_wall_ns;
	r->base_mono_ns = clock->virtual_ns ? 0 : base_mono_ns;
}

int
logbook_take(const struct ut_clock *clock, const char *addr, uint32_t ctrlr, uint16_t qid, struct nvp_cmdlog_ring **out)
{
	struct nvp_cmdlog_slot *s;
	int rc, i = -1;

	if (ut_alloc_spend())
		return -ENOMEM;
	pthread_mutex_lock(&lock);
	rc = open_book();
	if (!rc)
		i = choose();
	if (i >= 0) {
		s = &book->slot[i];
		change_begin(s);
		nr_ended -= s->state == NVP_CMDLOG_ENDED;
		s->state = NVP_CMDLOG_LIVE;
		s->ctrlr = ctrlr;
		s->qid = qid;
		s->begun_ns = ut_mono_ns();
		snprintf(s->addr, sizeof(s->addr), "%s", addr);
		ring_init(&book->ring[i], clock, qid);
		change_end(s);
		*out = &book->ring[i];
	}
	pthread_mutex_unlock(&lock);
	return i >= 0 ? 0 : rc ? rc : -ENOSPC;
}

/* A queue of before a fork is the parent's, and so is its ring. */
static struct nvp_cmdlog_slot *
slot_of(const struct nvp_cmdlog_ring *ring)
{
	if (!ring || !book || owner != getpid() || ring < book->ring || ring >= book->ring + NVP_CMDLOG_SLOTS)
		return NULL;
	return &book->slot[ring - book->ring];
}

void
logbook_end(struct nvp_cmdlog_ring *ring)
{
	struct nvp_cmdlog_slot *s;

	pthread_mutex_lock(&lock);
	s = slot_of(ring);
	if (s) {
		change_begin(s);
		s->state = NVP_CMDLOG_ENDED;
		s->ended_ns = ut_mono_ns();
		change_end(s);
		nr_ended++;
	}
	pthread_mutex_unlock(&lock);
}

struct nvp_cmdlog_ring *
logbook_find(uint32_t ctrlr, uint16_t qid)
{
	const struct nvp_cmdlog_slot *found = NULL;

	pthread_mutex_lock(&lock);
	for (uint32_t i = 0; book && owner == getpid() && i < NVP_CMDLOG_SLOTS; i++) {
		const struct nvp_cmdlog_slot *s = &book->slot[i];

		if (s->state == NVP_CMDLOG_FREE)
			break;
		if (s->state == NVP_CMDLOG_LIVE && s->ctrlr == ctrlr && s->qid == qid &&
		    (!found || s->begun_ns > found->begun_ns))
			found = s;
	}
	pthread_mutex_unlock(&lock);
	return found ? &book->ring[found - book->slot] : NULL;
}

uint32_t
logbook_ctrlr(void)
{
	return __atomic_add_fetch(&nr_ctrlrs, 1, __ATOMIC_RELAXED);
}

int
logbook_fd(uint64_t *len)
{
	*len = BOOK_LEN;
	return book && owner == getpid() ? book_fd : -1;
}

uint64_t
logbook_iova(const struct nvp_cmdlog_ring *ring)
{
	return LOGBOOK_IOVA + (uint64_t)((const char *)ring - (const char *)book);
}

void
nvp_cmdlog_title(const char *title)
{
	pthread_mutex_lock(&lock);
	snprintf(now_busy_with, sizeof(now_busy_with), "%s", title ? title : "");
	if (book && owner == getpid())
		memcpy(book->title, now_busy_with, sizeof(book->title));
	pthread_mutex_unlock(&lock);
}

int
nvp_cmdlog_begin(const struct nvp_ctrlr *c, uint16_t qid, struct nvp_cmdlog_ring **out)
{
	return logbook_take(c->bus->clock, c->bus->addr, c->log_id, qid, out);
}

void
nvp_cmdlog_end(struct nvp_cmdlog_ring *ring)
{
	logbook_end(ring);
}

uint64_t
nvp_cmdlog_submit(const struct nvp_ctrlr *c, struct nvp_cmdlog_ring *ring, const struct nvme_sqe *sqe)
{
	return cmdlog_submit(ring, sqe, ut_ticks(c->bus->clock));
}

void
nvp_cmdlog_complete(const struct nvp_ctrlr *c, struct nvp_cmdlog_ring *ring, uint64_t seq, const struct nvme_cqe *cqe)
{
	cmdlog_complete(ring, seq, cqe, ut_ticks(c->bus->clock));
}
