/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Completion queues: creation, the head doorbell, and posting entries.
 *
 * The host polls the phase tag while we write: the half of the entry that holds it is stored last, and whole.
 * An entry that finds its queue full waits in ssd->late.  No command is taken when its CQ has no room, so that list stays
 * short: it holds what completes beside a command (an aborted AER, the other half of a fused pair).
 *
 * NVMe Base, "Completion Queue", "Phase Tag"; NVMe over PCIe Transport, "Completion Queue y Head Doorbell".
 */
#include "ssd/core.h"
#include "ssd/fault/fault.h"
#include "ssd/gather.h"
#include "nvproof/spec/feat.h"
#include <string.h>

nvme_status
ssd_cq_create(struct ssd *ssd, const struct ssd_queue_attr *a)
{
	struct ssd_cq *cq = &ssd->cq[a->id];
	const uint32_t per_page = SSD_PAGE / sizeof(struct nvme_cqe);
	nvme_status st;

	*cq = (struct ssd_cq){ .id = a->id, .pc = a->pc, .ien = a->ien, .iv = a->iv, .size = a->size, .base = a->base };
	cq->phase = 1; /* the host cleared the ring; the first pass is 1 */
	cq->pages = ssd->queue_pages + (size_t)a->id * (SSD_SQ_PAGES + SSD_CQ_PAGES) + SSD_SQ_PAGES;
	if (a->pc && ssd->faulty) {
		cq->ring = NULL; /* so that entries go the slow way */
	} else if (a->pc) {
		cq->ring = ssd_mem_map(ssd, a->base, (uint64_t)a->size * sizeof(struct nvme_cqe));
	} else {
		st = ssd_queue_pages(ssd, a->base, cq->pages, (a->size + per_page - 1) / per_page);
		if (st)
			return st;
	}
	ut_store(ssd_db_cq(ssd, a->id), 0u);
	ssd_dbbuf_new_cq(ssd, cq);
	cq->live = true;
	return NVME_SC_SUCCESS;
}

static void
late_drop(struct ssd *ssd, uint32_t i)
{
	ssd->nr_late--;
	memmove(&ssd->late[i], &ssd->late[i + 1], (ssd->nr_late - i) * sizeof(ssd->late[0]));
}

void
ssd_cq_delete(struct ssd *ssd, struct ssd_cq *cq)
{
	if (!cq->live)
		return;
	cq->live = false;
	ut_store(ssd_db_cq(ssd, cq->id), 0u);
}

void
ssd_cq_late_drop(struct ssd *ssd, uint16_t sqid)
{
	for (uint32_t i = 0; i < ssd->nr_late;) {
		if (ssd->late[i].sqid == sqid)
			late_drop(ssd, i);
		else
			i++;
	}
}

/* A head must be an index of the queue and not pass the tail: the host cannot have taken what was never posted. */
static bool
head_ok(const struct ssd_cq *cq, uint32_t head)
{
	uint32_t taken = head >= cq->head ? head - cq->head : head + cq->size - cq->head;
	uint32_t used = cq->tail >= cq->head ? cq->tail - cq->head : cq->tail + cq->size - cq->head;

	return head < cq->size && taken <= used;
}

bool
ssd_cq_room_slow(struct ssd *ssd, struct ssd_cq *cq)
{
	uint32_t head = ut_load(cq->db);

	if (head != cq->head) {
		if (head_ok(cq, head)) {
			cq->head = head;
			cq->bad_db = 0;
			if (ssd_unlikely(ssd->dbbuf.on) && cq->id)
				ssd_dbbuf_seen(ssd, ssd_db_cq(ssd, cq->id), head);
			ut_acquire_barrier(); /* the host has read those entries: they may be overwritten from now on */
		} else if (cq->bad_db != (uint64_t)head + 1) {
			cq->bad_db = (uint64_t)head + 1;
			ssd_db_bad(ssd, NVME_AER_ERROR_INVALID_DB_VALUE);
		}
	}
	return ssd_cq_next(cq) != cq->head || ssd_fault(ssd, SSD_FAULT_CQE_OVERRUN, &(uint64_t){ 0 });
}

/* The ring is not there: this completion is lost. */
static void
cq_lost(struct ssd *ssd, struct ssd_cq *cq)
{
	if (!cq->id) {
		ssd_fatal(ssd);
		return;
	}
	if (cq->broken)
		return;
	cq->broken = true;
	ssd_error_note(ssd, NVME_SC_DATA_TRANSFER);
	ssd_event(ssd, NVME_AER_ERROR, NVME_AER_ERROR_TRANSIENT, NVME_LOG_ERROR);
}

/* A CQE as two qwords in host order; dw23 without the phase tag. */
struct cqe {
	uint64_t dw01, dw23;
};

static inline uint64_t
with_phase(const struct ssd_cq *cq, uint64_t dw23)
{
	return htole64(dw23 ^ (uint64_t)cq->phase << 48);
}

static uint64_t
cqe_addr(const struct ssd_cq *cq)
{
	const uint32_t per_page = SSD_PAGE / sizeof(struct nvme_cqe);

	if (!cq->pc)
		return cq->pages[cq->tail / per_page] + cq->tail % per_page * sizeof(struct nvme_cqe);
	return cq->base + (uint64_t)cq->tail * sizeof(struct nvme_cqe);
}

static int
cqe_write_far(struct ssd *ssd, const struct ssd_cq *cq, const struct cqe *e)
{
	const uint64_t half[2] = { htole64(e->dw01), with_phase(cq, e->dw23) };
	uint64_t addr = cqe_addr(cq);

	if (ssd_mem_write(ssd, addr, &half[0], 8))
		return -1;
	ut_release_barrier(); /* the half with the phase tag comes last */
	return ssd_mem_write(ssd, addr + 8, &half[1], 8);
}

static inline void
cqe_store(struct ssd_cq *cq, const struct cqe *e)
{
	uint64_t *at = (uint64_t *)cq->ring + 2 * (size_t)cq->tail;

	ut_store(&at[0], htole64(e->dw01));
	ut_release_barrier(); /* data of the command and DW0-1 before the half with the phase tag */
	ut_store(&at[1], with_phase(cq, e->dw23));
}

/*
 * The host looks at the entry that comes next all the time, so the line of it changes hands with each look.  The entries of
 * a burst are stored at once, behind the data of their commands: a line is taken from the host once for four of them.
 */
void
ssd_cq_store_held(struct ssd *ssd, struct ssd_cq *cq)
{
	uint64_t *at;

	if (ssd->nr_copies)
		ssd_copies_run(ssd);
	if (!cq->nr_held)
		return;
	at = (uint64_t *)cq->ring + 2 * (size_t)((cq->tail ? cq->tail : cq->size) - cq->nr_held);
	for (uint32_t i = 0; i < cq->nr_held; i++, at += 2) {
		ut_store(&at[0], cq->held[i][0]);
		ut_release_barrier(); /* data of the commands and DW0-1 before the half with the phase tag */
		ut_store(&at[1], cq->held[i][1]);
	}
	cq->nr_held = 0;
}

static inline void
hold(struct ssd_cq *cq, const struct cqe *e)
{
	cq->held[cq->nr_held][0] = htole64(e->dw01);
	cq->held[cq->nr_held++][1] = with_phase(cq, e->dw23);
}

static inline void
advance(struct ssd *ssd, struct ssd_cq *cq)
{
	cq->tail = ssd_cq_next(cq);
	cq->phase ^= !cq->tail;
	if (cq->ien)
		ssd->irq_due[cq->iv / 64] |= 1ull << (cq->iv % 64);
}

static void
post(struct ssd *ssd, struct ssd_cq *cq, const struct cqe *e)
{
	if (cq->ring)
		cqe_store(cq, e);
	else if (cqe_write_far(ssd, cq, e)) {
		cq_lost(ssd, cq);
		return;
	}
	advance(ssd, cq);
}

/* DW0-1, then SQHD, SQID, CID, status. */
static inline struct cqe
cqe_of(const struct ssd_sq *sq, uint16_t cid, uint32_t dw0, uint32_t dw1, nvme_status st)
{
	return (struct cqe){
		.dw01 = (uint64_t)dw1 << 32 | dw0,
		.dw23 = (sq->head & 0xffff) | (uint64_t)sq->id << 16 | (uint64_t)le16_get((le16){ cid }) << 32 |
			(uint64_t)st << 49,
	};
}

static void
wait_for_room(struct ssd *ssd, const struct ssd_late *l)
{
	if (ssd->nr_late == SSD_MAX_LATE)
		ssd_fatal(ssd); /* a handler completes more than it took */
	else
		ssd->late[ssd->nr_late++] = *l;
}

/* The half with the phase tag now, and the other later. */
static void
post_apart(struct ssd *ssd, struct ssd_cq *cq, const struct cqe *e, uint64_t by_ns)
{
	uint64_t half = with_phase(cq, e->dw23), addr = cqe_addr(cq);

	(void)ssd_mem_write(ssd, addr + 8, &half, 8);
	ssd_fault_hold(ssd, &(struct ssd_fault_later){ .ssd = ssd,
						       .at_ns = ssd->now_ns + by_ns,
						       .addr = addr,
						       .sqid = cq->id,
						       .qword = htole64(e->dw01) });
	advance(ssd, cq);
}

static void
post_faulty(struct ssd *ssd, struct ssd_sq *sq, const struct ssd_late *l)
{
	struct cqe e = cqe_of(sq, l->cid, l->dw0, l->dw1, l->status);
	struct ssd_fault_cqe f;

	if (!ssd_fault_cqe(ssd, l, &f))
		return;
	e.dw01 ^= f.flip01;
	e.dw23 ^= f.flip23;
	for (; f.times; f.times--) {
		for (; f.skip && ssd_cq_room(ssd, sq->cq); f.skip--)
			advance(ssd, sq->cq);
		if (!ssd_cq_room(ssd, sq->cq))
			wait_for_room(ssd, l);
		else if (f.apart)
			post_apart(ssd, sq->cq, &e, f.apart_ns);
		else
			post(ssd, sq->cq, &e);
	}
}

/* The CQ seems full, or its ring is not mapped. */
static __attribute__((noinline)) void
post_slowly(struct ssd *ssd, struct ssd_sq *sq, uint16_t cid, uint32_t dw0, uint32_t dw1, nvme_status st)
{
	const struct ssd_late l = {
		.sqid = sq->id, .cqid = sq->cq->id, .cid = cid, .status = st, .dw0 = dw0, .dw1 = dw1
	};
	struct cqe e = cqe_of(sq, cid, dw0, dw1, st);

	ssd_cq_store_held(ssd, sq->cq);
	if (ssd->faulty)
		post_faulty(ssd, sq, &l);
	else if (ssd_cq_room(ssd, sq->cq))
		post(ssd, sq->cq, &e);
	else
		wait_for_room(ssd, &l);
}

void
ssd_cqe_post(struct ssd *ssd, struct ssd_sq *sq, uint16_t cid, uint32_t dw0, uint32_t dw1, nvme_status st)
{
	struct ssd_cq *cq = sq->cq;
	struct cqe e;

	if (ssd_unlikely(!cq->ring || ssd_cq_next(cq) == cq->head)) {
		post_slowly(ssd, sq, cid, dw0, dw1, st);
		return;
	}
	e = cqe_of(sq, cid, dw0, dw1, st);
	if (cq->gather) {
		hold(cq, &e);
		advance(ssd, cq);
		if (!cq->tail || cq->nr_held == SSD_FETCH)
			ssd_cq_store_held(ssd, cq);
		return;
	}
	cqe_store(cq, &e);
	advance(ssd, cq);
}

void
ssd_cq_late(struct ssd *ssd)
{
	for (uint32_t i = 0; i < ssd->nr_late && !ssd->stopped;) {
		const struct ssd_late l = ssd->late[i];
		struct ssd_cq *cq = &ssd->cq[l.cqid];
		struct cqe e = cqe_of(&ssd->sq[l.sqid], l.cid, l.dw0, l.dw1, l.status);

		if (!ssd_cq_room(ssd, cq)) {
			i++;
			continue;
		}
		late_drop(ssd, i);
		post(ssd, cq, &e);
		ssd->busy = true;
	}
}
