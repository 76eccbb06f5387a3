/* SPDX-License-Identifier: BSD-3-Clause */
/* Hand a queue pair to another process, and take one over there. */
#include "host/share.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "host/ctrlr_int.h"
#include "host/logbook.h"
#include "util/alloc.h"
#include "util/bits.h"

#define WIN 4096ull

/* The queue pair and where its findings go: there is no controller in this process. */
struct imported {
	struct nvp_qpair q;
	struct nvp_events events;
};

/* One mapping that covers both doorbells. */
static int
share_doorbells(struct nvp_qpair *q, struct nvp_qpair_share *s)
{
	struct nvp_bus *bus = q->ctrlr->bus;
	uint64_t first = q->mq.sq_db_off & ~(WIN - 1), last = q->mq.cq_db_off & ~(WIN - 1), fd_off, last_off;
	int fd;

	fd = bus->ops->bar_fd(bus, 0, first, &fd_off);
	if (fd < 0)
		return fd;
	if (bus->ops->bar_fd(bus, 0, last, &last_off) != fd || last_off - fd_off != last - first)
		return -ENOTSUP;
	s->db_fd = fd;
	s->db_off = fd_off;
	s->db_len = ut_align_up(q->mq.cq_db_off + sizeof(uint32_t) - first, WIN);
	s->sq_db_off = q->mq.sq_db_off - first;
	s->cq_db_off = q->mq.cq_db_off - first;
	return 0;
}

/*
 * Also one that timed out: the device may still answer it, and the new owner would take that for an answer to its own.
 */
static bool
any_in_use(const struct nvp_qpair *q)
{
	for (uint32_t i = 0; i < q->nreqs; i++)
		if (q->reqs[i].state != REQ_FREE)
			return true;
	return false;
}

int
nvp_qpair_export(struct nvp_qpair *q, struct nvp_qpair_share *out)
{
	struct nvp_qpair_share s = { .size = sizeof(s) };
	int rc;

	if (!q->ctrlr || q->exported)
		return -EALREADY;
	if (!q->live)
		return -ENODEV;
	if (any_in_use(q))
		return -EBUSY;
	rc = share_doorbells(q, &s);
	if (rc)
		return rc;
	s.depth = q->mq.depth;
	s.qid = q->mq.id;
	s.page_shift = q->page_shift;
	s.lazy = q->lazy;
	s.timeout_ms = q->ctrlr->timeout_ms;
	s.sq_iova = q->sq_buf.iova;
	s.cq_iova = q->cq_buf.iova;
	s.lists_iova = q->lists.iova;
	s.log_iova = q->log ? logbook_iova(q->log) : 0;
	s.sq_tail = q->mq.sq_tail;
	s.cq_head = q->mq.cq_head;
	s.phase = q->mq.phase;
	q->exported = true;
	*out = s;
	return 0;
}

int
nvp_qpair_take_back(struct nvp_qpair *q, const struct nvp_qpair_ring *ring)
{
	struct memq *mq = &q->mq;

	if (!ring || !q->live)
		return qpair_renew(q);
	if (ring->sq_tail >= mq->depth || ring->cq_head >= mq->depth || ring->phase > 1)
		return -EINVAL;
	mq->sq_tail = mq->sq_rung = ring->sq_tail;
	mq->cq_head = ring->cq_head;
	mq->phase = (uint16_t)ring->phase;
	q->exported = false;
	return 0;
}

bool
nvp_share_log_region(struct nvp_share_region *out)
{
	uint64_t len;
	int fd = logbook_fd(&len);

	*out = (struct nvp_share_region){ .fd = fd, .iova = LOGBOOK_IOVA, .len = len };
	return fd >= 0;
}

uint32_t
nvp_share_regions(struct nvp_share_region *out, uint32_t max)
{
	struct nvp_arena *a = nvp_arena_default();
	const struct nvp_region *r = a ? nvp_arena_regions(a) : NULL;
	struct nvp_share_region log;
	uint32_t n = 0;

	if (nvp_share_log_region(&log)) {
		if (max)
			out[0] = log;
		n++;
	}
	for (; r; r = r->next, n++)
		if (n < max)
			out[n] = (struct nvp_share_region){ .fd = r->fd, .iova = r->iova, .len = r->len, .va = r->va };
	return n;
}

int
nvp_share_map(struct nvp_share_region *r)
{
	void *va;

	if (!r->len || r->len % NVP_REGION_ALIGN || r->iova + r->len < r->iova)
		return -EINVAL;
	va = ut_alloc_spend() ? MAP_FAILED : mmap(NULL, r->len, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (va == MAP_FAILED)
		return -ENOMEM;
	r->va = va;
	if (r->iova == LOGBOOK_IOVA)
		(void)madvise(va, r->len, MADV_DONTDUMP);
	return 0;
}

void
nvp_share_unmap(struct nvp_share_region *r)
{
	if (r->va)
		munmap(r->va, r->len);
	r->va = NULL;
}

void *
nvp_share_va(const struct nvp_share_region *r, uint32_t n, uint64_t iova, uint64_t len)
{
	for (; n--; r++)
		if (r->va && iova >= r->iova && iova - r->iova <= r->len && len <= r->len - (iova - r->iova))
			return (char *)r->va + (iova - r->iova);
	return NULL;
}

int
nvp_share_buf(const struct nvp_share_region *r, uint32_t n, uint64_t iova, uint64_t len, struct nvp_buf *out)
{
	void *va = nvp_share_va(r, n, iova, len);

	if (!va)
		return -EINVAL;
	*out = (struct nvp_buf){ .va = va, .iova = iova, .len = len };
	return 0;
}

static bool
sane(const struct nvp_qpair_share *s)
{
	uint64_t memory = s->sq_iova | s->cq_iova | s->lists_iova;

	return s->size == sizeof(*s) && s->depth >= 2 && s->depth <= 65536 && s->page_shift >= 12 &&
	       s->page_shift <= 27 && s->sq_tail < s->depth && s->cq_head < s->depth && s->phase <= 1 &&
	       !(memory & (NVP_PAGE - 1)) && !(s->log_iova & 127) && !(s->db_len & (WIN - 1)) && !(s->sq_db_off & 3) &&
	       !(s->cq_db_off & 3) && s->sq_db_off < s->db_len && s->cq_db_off < s->db_len;
}

/* Find all its memory in the regions. */
static int
place(struct nvp_qpair *q, const struct nvp_qpair_share *s, const struct nvp_share_region *r, uint32_t n)
{
	uint64_t lists = (uint64_t)(s->depth - 1) * PRP_LIST_SIZE;

	q->mq.sq = nvp_share_va(r, n, s->sq_iova, s->depth * sizeof(struct nvme_sqe));
	q->mq.cq = nvp_share_va(r, n, s->cq_iova, s->depth * sizeof(struct nvme_cqe));
	if (!q->mq.sq || !q->mq.cq || nvp_share_buf(r, n, s->lists_iova, lists, &q->lists))
		return -EINVAL;
	if (!s->log_iova)
		return 0;
	q->log = nvp_share_va(r, n, s->log_iova, sizeof(*q->log));
	return q->log ? 0 : -EINVAL;
}

static void
set_up(struct imported *im, const struct nvp_qpair_share *s, char *doorbells)
{
	struct nvp_qpair *q = &im->q;

	events_init(&im->events);
	q->events = &im->events;
	q->clock = ut_clock_real();
	q->lazy = s->lazy;
	q->live = true;
	q->page_shift = s->page_shift;
	q->mq.id = s->qid;
	q->mq.depth = s->depth;
	q->mq.sq_tail = q->mq.sq_rung = s->sq_tail;
	q->mq.cq_head = s->cq_head;
	q->mq.phase = s->phase;
	q->mq.sq_db = (uint32_t *)(void *)(doorbells + s->sq_db_off);
	q->mq.cq_db = (uint32_t *)(void *)(doorbells + s->cq_db_off);
	nvp_qpair_set_timeout_ms(q, s->timeout_ms);
}

int
nvp_qpair_import(const struct nvp_qpair_share *s, const struct nvp_share_region *r, uint32_t n, void *doorbells,
		 struct nvp_qpair **out)
{
	struct imported *im;
	int rc;

	if (!sane(s))
		return -EINVAL;
	im = ut_calloc_aligned(64, sizeof(*im));
	if (!im)
		return -ENOMEM;
	rc = place(&im->q, s, r, n);
	if (!rc) {
		set_up(im, s, doorbells);
		rc = qpair_reqs_up(&im->q);
	}
	if (rc) {
		free(im);
		return rc;
	}
	*out = &im->q;
	return 0;
}

uint32_t
nvp_qpair_events(struct nvp_qpair *q, struct nvp_event *out, uint32_t max)
{
	return events_take(q->events, out, max);
}
