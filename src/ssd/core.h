/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the controller core share among themselves; command handlers need none of it.
 *
 * A step goes: ctrlr.c (timers) - cq.c (late CQEs) - arb.c (which SQ) - sq.c (fetch) - exec.c (run) - cq.c (post) -
 * aer.c (events) - msix.c (interrupts).
 */
#pragma once
#include "ssd/ssd_int.h"
#include "util/barrier.h"

#define SSD_STEP_CMDS 256u /* a step ends after about as many commands: others want to be served too */
#define SSD_READY_NS 50000u /* from CC.EN to CSTS.RDY */
#define SSD_CAP_TO 10u /* CAP.TO and CRTO.CRWMT, in 500 ms units */

#define ssd_likely(x) __builtin_expect(!!(x), 1)
#define ssd_unlikely(x) __builtin_expect(!!(x), 0)

/* cfg.c */
void ssd_cfg_reset(struct ssd *ssd);

/* ctrlr.c */
void ssd_ctrlr_reset(struct ssd *ssd); /* CC.EN 1 to 0: all but AQA, ASQ, ACQ and configuration space */
void ssd_power_reset(struct ssd *ssd); /* as at power-on */
void ssd_cc_write(struct ssd *ssd, uint32_t cc);
void ssd_nssr(struct ssd_subsys *sub);
void ssd_ctrlr_tick(struct ssd *ssd);
uint64_t ssd_ctrlr_due(const struct ssd *ssd);

/* delay.c */
bool
ssd_recover(struct ssd_cmd *c); /* recover.c: media that were not read at once; whether the data are there after all */
bool ssd_delay(struct ssd_cmd *c, nvme_status sc); /* whether the completion waits for the media */
uint64_t ssd_delay_tick(struct ssd *ssd);
void ssd_delay_drop(struct ssd *ssd, uint16_t sqid); /* forget those of an SQ that goes */

/* admin/log_health.c: tell the hosts what the media have come to, once. */
void ssd_media_warn(struct ssd_subsys *sub);

/* timers.c: have it run at at_ns, or before; of all controllers. */
void ssd_timer_arm(struct ssd *ssd, uint64_t at_ns);
void ssd_timer_arm_all(struct ssd_subsys *sub, uint64_t at_ns);
void ssd_timers_run(struct ssd *ssd);
uint64_t ssd_later_tick(struct ssd *ssd); /* later.c */

/* msix.c */
void ssd_msix_reset(struct ssd *ssd);
uint32_t ssd_msix_read(const struct ssd *ssd, uint32_t off); /* off: in the BAR, a multiple of 4 */
void ssd_msix_write(struct ssd *ssd, uint32_t off, uint32_t val, uint32_t mask);
void ssd_msix_changed(struct ssd *ssd); /* enable or mask bits changed: pending vectors may go out */
void ssd_irq_flush(struct ssd *ssd); /* interrupt for all that posted */
bool ssd_intx_pending(const struct ssd *ssd);
bool ssd_intx_open(const struct ssd *ssd);
void ssd_intx_changed(struct ssd *ssd, bool was_open); /* masks, enable bits: it may go out now */

/* msi.c */
void ssd_msi_raise(struct ssd *ssd, uint32_t v);
void ssd_msi_changed(struct ssd *ssd); /* INTMC was written: what waited may go out */
void ssd_msi_apply(struct ssd *ssd, uint32_t mc);

/* coalesce.c: of the vectors `due` of word w those that interrupt now; have this CQ's vector do so; the feature changed. */
uint64_t ssd_coal_filter(struct ssd *ssd, uint32_t w, uint64_t due);
void ssd_coal_soon(struct ssd *ssd, const struct ssd_cq *cq);
void ssd_coal_changed(struct ssd *ssd);
uint64_t ssd_coal_tick(struct ssd *ssd);

/* dbbuf.c: where the doorbells of a queue are; those of a new queue; what was seen of one; the buffers as a whole. */
void ssd_dbbuf_sq(struct ssd *ssd, struct ssd_sq *sq);
void ssd_dbbuf_cq(struct ssd *ssd, struct ssd_cq *cq);
void ssd_dbbuf_new_sq(struct ssd *ssd, struct ssd_sq *sq);
void ssd_dbbuf_new_cq(struct ssd *ssd, struct ssd_cq *cq);
void ssd_dbbuf_seen(struct ssd *ssd, const uint32_t *reg, uint32_t v);
void ssd_dbbuf_map(struct ssd *ssd); /* the port changed */
void ssd_dbbuf_read(struct ssd *ssd);
void ssd_dbbuf_reset(struct ssd *ssd);
bool ssd_dbbuf_reachable(struct ssd *ssd, uint64_t at);
void ssd_dbbuf_set(struct ssd *ssd, uint64_t shadow, uint64_t event);

/* I/O queue pairs of this controller. */
static inline uint32_t
ssd_queues_max(const struct ssd *ssd)
{
	return ssd->nr_ioqs;
}

/* hostmem.c: a range as one piece of this process's memory; NULL: it is not.  See struct ssd_port_ops. */
void *ssd_mem_map(struct ssd *ssd, uint64_t addr, uint64_t len);

/* hostmem.c: host memory.  0, or -EFAULT. */
int ssd_mem_read(struct ssd *ssd, uint64_t addr, void *buf, uint32_t len);
int ssd_mem_write(struct ssd *ssd, uint64_t addr, const void *buf, uint32_t len);
void ssd_tlb_clear(struct ssd *ssd);
uint8_t *ssd_tlb_fill(struct ssd *ssd, uint64_t addr);

/* The host's memory at addr, to the end of its page; NULL: not mappable, use ssd_mem_read() and ssd_mem_write(). */
static inline uint8_t *
ssd_page_va(struct ssd *ssd, uint64_t addr)
{
	const struct ssd_tlb *e = &ssd->tlb[addr / SSD_PAGE % SSD_TLB_SIZE];

	if (ssd_likely(e->tag == addr / SSD_PAGE + 1))
		return e->va ? e->va + addr % SSD_PAGE : NULL;
	return ssd_tlb_fill(ssd, addr);
}

/* sq.c, cq.c.  Creating a queue: a status, of which only success, PRP Offset Invalid and Data Transfer Error can occur. */
struct ssd_queue_attr {
	uint16_t id;
	bool pc, ien;
	uint16_t iv;
	uint8_t prio;
	uint32_t size;
	uint64_t base;
};
nvme_status ssd_cq_create(struct ssd *ssd, const struct ssd_queue_attr *a);
nvme_status ssd_sq_create(struct ssd *ssd, const struct ssd_queue_attr *a, struct ssd_cq *cq);
void ssd_cq_delete(struct ssd *ssd, struct ssd_cq *cq);
void ssd_sq_delete(struct ssd *ssd, struct ssd_sq *sq);
void ssd_queues_reset(struct ssd *ssd);
void ssd_queues_remap(struct ssd *ssd); /* the port changed */
/* PC=0: read the PRP list at `list` into pages[]. */
nvme_status ssd_queue_pages(struct ssd *ssd, uint64_t list, uint64_t *pages, uint32_t nr_pages);

/* Read the tail doorbell; how many commands wait. */
uint32_t ssd_sq_poll(struct ssd *ssd, struct ssd_sq *sq);
/* Copy up to n SQEs at the head to ssd->fetch; how many (0: the ring is not there).  Does not move the head. */
uint32_t ssd_sq_fetch(struct ssd *ssd, struct ssd_sq *sq, uint32_t n);
/* Doorbells of queues that do not exist. */
void ssd_db_scan(struct ssd *ssd);
void ssd_db_bad(struct ssd *ssd, uint8_t info); /* report one: NVME_AER_ERROR_INVALID_DB_* */

/* Copy what waits, and store the entries that were gathered behind it; before the step ends. */
void ssd_cq_store_held(struct ssd *ssd, struct ssd_cq *cq);
/* Whether a CQE can be posted now. */
bool ssd_cq_room_slow(struct ssd *ssd, struct ssd_cq *cq);
void ssd_cq_late(struct ssd *ssd); /* post what found its queue full */
void ssd_cq_late_drop(struct ssd *ssd, uint16_t sqid); /* forget what still waits for room: the SQ goes */

static inline uint32_t
ssd_cq_next(const struct ssd_cq *cq) /* after the tail */
{
	return ssd_unlikely(cq->tail + 1 == cq->size) ? 0 : cq->tail + 1;
}

static inline bool
ssd_cq_room(struct ssd *ssd, struct ssd_cq *cq)
{
	return ssd_likely(ssd_cq_next(cq) != cq->head) || ssd_cq_room_slow(ssd, cq);
}

/* Doorbells.  NVMe over PCIe Transport, "Submission Queue y Tail Doorbell", "Completion Queue y Head Doorbell". */
static inline uint32_t *
ssd_db_sq(const struct ssd *ssd, uint32_t qid)
{
	return ssd->db + 2 * qid * (1u << SSD_DSTRD);
}

static inline uint32_t *
ssd_db_cq(const struct ssd *ssd, uint32_t qid)
{
	return ssd->db + (2 * qid + 1) * (1u << SSD_DSTRD);
}

/* arb.c: serve the SQs in turn.  How many commands were taken. */
uint32_t ssd_arb_run(struct ssd *ssd);

/* exec.c: one command to its end, or to SSD_PENDING.  *sqe is private. */
void ssd_exec(struct ssd *ssd, struct ssd_sq *sq, const struct nvme_sqe *sqe);

/* sgl.c */
nvme_status ssd_sgl_walk(struct ssd_cmd *c, uint64_t len);
nvme_status ssd_sgl_walk_from(struct ssd_cmd *c, const struct nvme_sgl_desc *first, uint64_t len);
/* xfer.c: one more piece of host memory; false: there are too many. */
bool ssd_seg_add(struct ssd_cmd *c, uint64_t addr, uint32_t len);
bool ssd_seg_bucket(struct ssd_cmd *c, uint32_t len);

/* aer.c */
bool ssd_aer_deliver(struct ssd *ssd); /* whether something was reported */
void ssd_aer_reset(struct ssd *ssd);
nvme_status ssd_aer_add(struct ssd *ssd, uint16_t cid);
bool ssd_aer_take(struct ssd *ssd, uint16_t cid); /* remove an outstanding AER; false: no such one */
