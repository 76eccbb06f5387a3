/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Submission queues: creation, the tail doorbell, and fetching entries.
 *
 * Doorbells are plain memory that the host writes at any time; we look.  A value that cannot be is reported once and
 * ignored: the queue goes on from the last good one.
 *
 * NVMe Base, "Submission Queue", "Asynchronous Event Information - Error Status"; NVMe over PCIe Transport, "Doorbell".
 */
#include "ssd/core.h"
#include "ssd/fault/fault.h"
#include "nvproof/spec/feat.h"
#include <string.h>

static void
sq_map(struct ssd *ssd, struct ssd_sq *sq)
{
	sq->ring = NULL;
	sq->faulty = ssd->faulty;
	if (sq->pc && !ssd->faulty)
		sq->ring = ssd_mem_map(ssd, sq->base, (uint64_t)sq->size * sizeof(struct nvme_sqe));
}

nvme_status
ssd_sq_create(struct ssd *ssd, const struct ssd_queue_attr *a, struct ssd_cq *cq)
{
	struct ssd_sq *sq = &ssd->sq[a->id];
	const uint32_t per_page = SSD_PAGE / sizeof(struct nvme_sqe);
	nvme_status st;

	*sq = (struct ssd_sq){ .id = a->id, .pc = a->pc, .prio = a->prio, .size = a->size, .base = a->base, .cq = cq };
	sq->pages = ssd->queue_pages + (size_t)a->id * (SSD_SQ_PAGES + SSD_CQ_PAGES);
	if (!a->pc) {
		st = ssd_queue_pages(ssd, a->base, sq->pages, (a->size + per_page - 1) / per_page);
		if (st)
			return st;
	}
	sq_map(ssd, sq);
	ut_store(ssd_db_sq(ssd, a->id), 0u);
	ssd_dbbuf_new_sq(ssd, sq);
	sq->live = true;
	cq->refs++;
	ssd->live_sqs[a->id / 64] |= 1ull << (a->id % 64);
	if (a->id)
		ssd->prio_sqs[a->prio][a->id / 64] |= 1ull << (a->id % 64);
	return NVME_SC_SUCCESS;
}

void
ssd_sq_delete(struct ssd *ssd, struct ssd_sq *sq)
{
	if (!sq->live)
		return;
	sq->live = false;
	sq->fused = false;
	ssd_cq_late_drop(ssd, sq->id);
	ssd_delay_drop(ssd, sq->id);
	if (ssd->sub->faults)
		ssd_fault_forget(ssd, sq->id);
	if (sq->cq->refs) /* a fault may have had the CQ deleted, and made anew */
		sq->cq->refs--;
	ssd->live_sqs[sq->id / 64] &= ~(1ull << (sq->id % 64));
	ssd->prio_sqs[sq->prio][sq->id / 64] &= ~(1ull << (sq->id % 64));
	ut_store(ssd_db_sq(ssd, sq->id), 0u);
}

void
ssd_queues_reset(struct ssd *ssd)
{
	for (uint32_t i = 0; i < SSD_MAX_QUEUES; i++)
		ssd_sq_delete(ssd, &ssd->sq[i]);
	for (uint32_t i = 0; i < SSD_MAX_QUEUES; i++)
		ssd_cq_delete(ssd, &ssd->cq[i]);
	ssd->nr_late = 0;
	ssd->wrr = (struct ssd_wrr){ 0 };
	memset(ssd->irq_due, 0, sizeof(ssd->irq_due));
	memset(&ssd->coal, 0, sizeof(ssd->coal));
	ssd->msi_pending = 0;
	ssd_dbbuf_reset(ssd);
	for (uint32_t i = 0; i < SSD_MAX_QUEUES; i++) {
		ut_store(ssd_db_sq(ssd, i), 0u);
		ut_store(ssd_db_cq(ssd, i), 0u);
	}
}

void
ssd_queues_remap(struct ssd *ssd)
{
	ssd_tlb_clear(ssd);
	for (uint32_t i = 0; i < SSD_MAX_QUEUES; i++) {
		struct ssd_sq *sq = &ssd->sq[i];
		struct ssd_cq *cq = &ssd->cq[i];

		if (sq->live) {
			sq_map(ssd, sq);
			sq->broken = false;
		}
		if (cq->live) {
			cq->ring = NULL;
			if (cq->pc && !ssd->faulty)
				cq->ring = ssd_mem_map(ssd, cq->base, (uint64_t)cq->size * sizeof(struct nvme_cqe));
			cq->broken = false;
		}
	}
	ssd_dbbuf_map(ssd);
}

void
ssd_db_bad(struct ssd *ssd, uint8_t info)
{
	if (ssd_fault(ssd, SSD_FAULT_DB_UNTOLD, &(uint64_t){ 0 }))
		return;
	ssd_error_note(ssd, NVME_SC_SUCCESS);
	ssd_event(ssd, NVME_AER_ERROR, info, NVME_LOG_ERROR);
}

/* A tail must be an index of the queue, and not leave more entries than the queue can hold: it must not pass the head. */
static bool
tail_ok(const struct ssd_sq *sq, uint32_t tail)
{
	uint32_t had = sq->tail >= sq->head ? sq->tail - sq->head : sq->tail + sq->size - sq->head;
	uint32_t has = tail >= sq->head ? tail - sq->head : tail + sq->size - sq->head;

	return tail < sq->size && has >= had;
}

static bool
wraps(struct ssd *ssd, const struct ssd_sq *sq)
{
	return ssd_fault(ssd, SSD_FAULT_DB_WRAPS, &(uint64_t){ 0 }) ||
	       (ssd->dbbuf.on && sq->id && ssd_fault(ssd, SSD_FAULT_DB_SHADOW_WRAPS, &(uint64_t){ 0 }));
}

uint32_t
ssd_sq_poll(struct ssd *ssd, struct ssd_sq *sq)
{
	uint32_t tail = ut_load(sq->db);

	if (tail != sq->tail) {
		if (ssd_likely(tail_ok(sq, tail))) {
			sq->tail = tail;
			sq->bad_db = 0;
			if (ssd_unlikely(ssd->dbbuf.on) && sq->id)
				ssd_dbbuf_seen(ssd, ssd_db_sq(ssd, sq->id), tail);
			ut_acquire_barrier(); /* the entries were written before the doorbell: read them after it */
		} else if (ssd_unlikely(ssd->faulty) && wraps(ssd, sq)) {
			sq->tail = tail % sq->size;
		} else if (sq->bad_db != (uint64_t)tail + 1) {
			sq->bad_db = (uint64_t)tail + 1;
			ssd_db_bad(ssd, NVME_AER_ERROR_INVALID_DB_VALUE);
		}
	}
	return sq->tail >= sq->head ? sq->tail - sq->head : sq->tail + sq->size - sq->head;
}

bool
ssd_rung(const struct ssd *ssd)
{
	for (uint32_t w = 0; w < SSD_MAX_QUEUES / 64; w++) {
		for (uint64_t live = ssd->live_sqs[w]; live; live &= live - 1) {
			const struct ssd_sq *sq = &ssd->sq[w * 64 + (uint32_t)__builtin_ctzll(live)];

			if (ut_load(ssd_db_sq(ssd, sq->id)) != sq->head)
				return true;
		}
	}
	return false;
}

/* The ring is not there.  Without admin queue nothing can be told any more; another queue waits until its memory is back. */
static void
sq_lost(struct ssd *ssd, struct ssd_sq *sq)
{
	if (!sq->id) {
		ssd_fatal(ssd);
		return;
	}
	sq->broken = true;
	ssd_error_note(ssd, NVME_SC_DATA_TRANSFER);
	ssd_event(ssd, NVME_AER_ERROR, NVME_AER_ERROR_TRANSIENT, NVME_LOG_ERROR);
}

uint32_t
ssd_sq_fetch(struct ssd *ssd, struct ssd_sq *sq, uint32_t n)
{
	const uint32_t per_page = SSD_PAGE / sizeof(struct nvme_sqe);
	uint64_t addr;

	n = UT_MIN(n, SSD_FETCH);
	n = UT_MIN(n, sq->size - sq->head);
	if (ssd_likely(sq->ring != NULL)) {
		memcpy(ssd->fetch, (const struct nvme_sqe *)sq->ring + sq->head, n * sizeof(ssd->fetch[0]));
		return n;
	}
	if (sq->pc) {
		addr = sq->base + (uint64_t)sq->head * sizeof(struct nvme_sqe);
	} else {
		n = UT_MIN(n, per_page - sq->head % per_page);
		addr = sq->pages[sq->head / per_page] + sq->head % per_page * sizeof(struct nvme_sqe);
	}
	if (ssd_mem_read(ssd, addr, ssd->fetch, n * (uint32_t)sizeof(ssd->fetch[0]))) {
		sq_lost(ssd, sq);
		return 0;
	}
	return n;
}

/* A doorbell of no queue: reported, and made 0 so that it is reported once. */
static void
db_scan_one(struct ssd *ssd, uint32_t *db)
{
	if (ssd_likely(!ut_load(db)))
		return;
	ut_store(db, 0u);
	ssd_db_bad(ssd, NVME_AER_ERROR_INVALID_DB_REG);
}

void
ssd_db_scan(struct ssd *ssd)
{
	for (uint16_t i = 0; i < SSD_MAX_QUEUES; i++) {
		if (!ssd->sq[i].live)
			db_scan_one(ssd, ssd_db_sq(ssd, i));
		if (ssd->cq[i].live)
			ssd_cq_room_slow(
				ssd, &ssd->cq[i]); /* a head that cannot be is told of without waiting for a full CQ */
		else
			db_scan_one(ssd, ssd_db_cq(ssd, i));
	}
}
