/* SPDX-License-Identifier: BSD-3-Clause */
/* A host for the software SSD, for tests; see ssd_rig.h. */
#include "ssd_rig.h"
#include <errno.h>
#include <stdlib.h>
#include "nvproof/spec/pcie.h"
#include "util/alloc.h"

static bool
there(const struct rig *r, uint64_t addr, uint64_t len)
{
	if (addr < RIG_BASE || len > RIG_MEM || addr - RIG_BASE > RIG_MEM - len)
		return false;
	return !r->hole_len || addr + len <= r->hole || addr >= r->hole + r->hole_len;
}

static int
port_read(void *port, uint64_t addr, void *buf, uint32_t len)
{
	struct rig *r = port;

	if (!there(r, addr, len))
		return -EFAULT;
	memcpy(buf, r->mem + (addr - RIG_BASE), len);
	return 0;
}

static int
port_write(void *port, uint64_t addr, const void *buf, uint32_t len)
{
	struct rig *r = port;

	if (!there(r, addr, len))
		return -EFAULT;
	memcpy(r->mem + (addr - RIG_BASE), buf, len);
	return 0;
}

static void *
port_map(void *port, uint64_t addr, uint64_t len)
{
	struct rig *r = port;

	if (r->swap && addr + len > r->swap && addr < r->swap + 2 * SSD_PAGE) {
		if (addr % SSD_PAGE + len > SSD_PAGE)
			return NULL;
		addr = addr < r->swap + SSD_PAGE ? addr + SSD_PAGE : addr - SSD_PAGE;
	}
	return !r->no_map && there(r, addr, len) ? r->mem + (addr - RIG_BASE) : NULL;
}

static void
port_irq(void *port, uint16_t vector)
{
	struct rig *r = port;

	assert_true(vector < SSD_NR_VECTORS);
	r->irqs[vector]++;
}

const struct ssd_port_ops rig_port_ops = { port_read, port_write, port_map, port_irq };

struct rig *
rig_open_config(const struct ssd_config *cfg)
{
	struct rig *r = ut_calloc(1, sizeof(*r));
	char err[128];

	assert_non_null(r);
	r->mem = ut_calloc_aligned(SSD_PAGE, RIG_MEM);
	assert_non_null(r->mem);
	assert_int_equal(ssd_subsys_open(cfg, &r->sub, err, sizeof(err)), 0);
	assert_int_equal(ssd_ctrlr_open(r->sub, &rig_port_ops, r, NULL, &r->ssd), 0);
	ssd_cfg_write(r->ssd, NVME_PCI_CMD, (uint8_t[]){ 6, 0 }, 2); /* MSE, BME */
	return r;
}

struct rig *
rig_open(void)
{
	return rig_open_config(&(struct ssd_config){
		.nr_ns = 2, .ns = { { 16u << 20, 512 }, { 16u << 20, 4096 } }, .media = SSD_MEDIA_RAM, .seed = 1 });
}

void
rig_close(struct rig *r)
{
	ssd_subsys_close(r->sub);
	for (uint32_t i = 0; i < SSD_MAX_QUEUES; i++) {
		free(r->q[i].sq_pages);
		free(r->q[i].cq_pages);
	}
	free(r->mem);
	free(r);
}

uint64_t
rig_alloc(struct rig *r, uint32_t pages)
{
	uint64_t at = RIG_BASE + r->used;

	r->used += (uint64_t)pages * SSD_PAGE;
	assert_true(r->used <= RIG_MEM);
	return at;
}

void *
rig_ptr(struct rig *r, uint64_t addr)
{
	assert_true(addr >= RIG_BASE && addr < RIG_BASE + RIG_MEM);
	return r->mem + (addr - RIG_BASE);
}

uint32_t
rig_reg(struct rig *r, uint32_t off)
{
	return (uint32_t)ssd_bar_read(r->ssd, off, 4);
}

void
rig_set(struct rig *r, uint32_t off, uint32_t val)
{
	ssd_bar_write(r->ssd, off, 4, val);
}

void
rig_step(struct rig *r)
{
	for (int i = 0; i < 100000; i++) {
		r->now += 1000;
		ssd_step(r->ssd, r->now);
		if (!ssd_was_busy(r->ssd))
			return;
	}
	fail_msg("the SSD never comes to rest");
}

uint32_t
rig_enable_cc(struct rig *r, uint32_t entries, uint32_t cc)
{
	struct rig_queue *q = &r->q[0];

	*q = (struct rig_queue){ .sq_size = entries, .cq_size = entries, .phase = 1 };
	q->sq = rig_alloc(r, (entries * 64 + SSD_PAGE - 1) / SSD_PAGE);
	q->cq = rig_alloc(r, (entries * 16 + SSD_PAGE - 1) / SSD_PAGE);
	rig_set(r, NVME_REG_AQA, nvme_put32(NVME_AQA_ASQS, entries - 1) | nvme_put32(NVME_AQA_ACQS, entries - 1));
	ssd_bar_write(r->ssd, NVME_REG_ASQ, 8, q->sq);
	rig_set(r, NVME_REG_ACQ, (uint32_t)q->cq);
	rig_set(r, NVME_REG_ACQ + 4, (uint32_t)(q->cq >> 32));
	rig_set(r, NVME_REG_CC, cc);
	for (int i = 0; i < 1000 && !(rig_reg(r, NVME_REG_CSTS) & (NVME_CSTS_RDY | NVME_CSTS_CFS)); i++)
		rig_step(r);
	return rig_reg(r, NVME_REG_CSTS);
}

uint32_t
rig_enable(struct rig *r, uint32_t entries)
{
	return rig_enable_cc(r, entries, RIG_CC);
}

static uint64_t
sq_slot(const struct rig_queue *q, uint32_t i)
{
	return q->sq_pages ? q->sq_pages[i / 64] + i % 64 * 64 : q->sq + i * 64ull;
}

static uint64_t
cq_slot(const struct rig_queue *q, uint32_t i)
{
	return q->cq_pages ? q->cq_pages[i / 256] + i % 256 * 16 : q->cq + i * 16ull;
}

uint16_t
rig_put(struct rig *r, uint16_t qid, struct nvme_sqe *sqe)
{
	struct rig_queue *q = &r->q[qid];

	sqe->cid = r->cid++;
	memcpy(rig_ptr(r, sq_slot(q, q->tail)), sqe, sizeof(*sqe));
	q->tail = (q->tail + 1) % q->sq_size;
	return sqe->cid;
}

void
rig_ring(struct rig *r, uint16_t qid)
{
	uint32_t *db = ssd_doorbells(r->ssd);

	db[qid * 16] = r->q[qid].tail;
}

bool
rig_peek(struct rig *r, uint16_t qid, struct nvme_cqe *cqe)
{
	struct rig_queue *q = &r->q[qid];

	memcpy(cqe, rig_ptr(r, cq_slot(q, q->head)), sizeof(*cqe));
	return (le16_get(cqe->status) & 1) == q->phase;
}

bool
rig_reap(struct rig *r, uint16_t qid, struct nvme_cqe *cqe)
{
	struct rig_queue *q = &r->q[qid];
	uint32_t *db = ssd_doorbells(r->ssd);

	if (!rig_peek(r, qid, cqe))
		return false;
	q->head = (q->head + 1) % q->cq_size;
	q->phase ^= !q->head;
	db[qid * 16 + 8] = q->head;
	return true;
}

nvme_status
rig_cmd(struct rig *r, uint16_t qid, struct nvme_sqe *sqe, struct nvme_cqe *cqe)
{
	struct nvme_cqe none;

	cqe = cqe ? cqe : &none;
	rig_put(r, qid, sqe);
	rig_ring(r, qid);
	rig_step(r);
	if (!rig_reap(r, qid, cqe))
		fail_msg("no completion of opcode %02x", sqe->opc);
	assert_int_equal(cqe->cid, sqe->cid);
	assert_int_equal(le16_get(cqe->sqid), qid);
	assert_int_equal(le16_get(cqe->sqhd), r->q[qid].tail);
	return nvme_status_of(le16_get(cqe->status));
}

nvme_status
rig_admin(struct rig *r, struct nvme_sqe *sqe)
{
	return rig_cmd(r, 0, sqe, NULL);
}

void
rig_pair(struct rig *r, uint16_t qid, uint32_t entries, int vector)
{
	struct rig_queue *q = &r->q[qid];
	struct nvme_sqe sqe;

	*q = (struct rig_queue){ .sq_size = entries, .cq_size = entries, .phase = 1 };
	q->sq = rig_alloc(r, (entries * 64 + SSD_PAGE - 1) / SSD_PAGE);
	q->cq = rig_alloc(r, (entries * 16 + SSD_PAGE - 1) / SSD_PAGE);
	nvme_prep_create_io_cq(&sqe, qid, entries, q->cq, vector);
	assert_int_equal(rig_admin(r, &sqe), 0);
	nvme_prep_create_io_sq(&sqe, qid, entries, q->sq, qid, NVME_QPRIO_MEDIUM);
	assert_int_equal(rig_admin(r, &sqe), 0);
}

uint32_t
rig_cfg(struct rig *r, uint32_t off, uint32_t len)
{
	uint8_t b[4] = { 0 };

	ssd_cfg_read(r->ssd, off, b, len);
	return (uint32_t)(b[0] | b[1] << 8 | b[2] << 16) | (uint32_t)b[3] << 24;
}

void
rig_cfg_set(struct rig *r, uint32_t off, uint32_t len, uint32_t v)
{
	const uint8_t b[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

	ssd_cfg_write(r->ssd, off, b, len);
}

uint32_t
rig_capability(struct rig *r, uint8_t id)
{
	uint32_t off = rig_cfg(r, NVME_PCI_CAP, 1);

	for (int i = 0; off && i < 16; i++, off = rig_cfg(r, off + 1, 1)) {
		if (rig_cfg(r, off, 1) == id)
			return off;
	}
	fail_msg("no capability %02x", id);
	return 0;
}

bool
rig_works(struct rig *r)
{
	struct nvme_sqe sqe;

	nvme_prep_keep_alive(&sqe);
	return rig_admin(r, &sqe) == 0;
}

/* Pages in reverse order, and a PRP list over as many pages as it takes. */
static uint64_t
page_list(struct rig *r, uint64_t *pages, uint32_t n)
{
	uint64_t first = rig_alloc(r, n), list = rig_alloc(r, 1), head = list;

	for (uint32_t i = 0, slot = 0; i < n; i++, slot++) {
		if (slot == 511 && n - i > 1) {
			uint64_t next = rig_alloc(r, 1);

			rig_le64(r, list)[slot] = le64_from(next);
			list = next;
			slot = 0;
		}
		pages[i] = first + (uint64_t)(n - 1 - i) * SSD_PAGE;
		rig_le64(r, list)[slot] = le64_from(pages[i]);
	}
	return head;
}

void
rig_pair_pages(struct rig *r, uint16_t qid, uint32_t entries)
{
	struct rig_queue *q = &r->q[qid];
	uint32_t ns = (entries * 64 + SSD_PAGE - 1) / SSD_PAGE, nc = (entries * 16 + SSD_PAGE - 1) / SSD_PAGE;
	struct nvme_sqe sqe;

	*q = (struct rig_queue){ .sq_size = entries, .cq_size = entries, .phase = 1 };
	q->sq_pages = ut_calloc(ns, sizeof(uint64_t));
	q->cq_pages = ut_calloc(nc, sizeof(uint64_t));
	assert_true(q->sq_pages && q->cq_pages);
	nvme_prep_create_io_cq(&sqe, qid, entries, page_list(r, q->cq_pages, nc), -1);
	sqe.cdw11 = le32_from(0);
	assert_int_equal(rig_admin(r, &sqe), 0);
	nvme_prep_create_io_sq(&sqe, qid, entries, page_list(r, q->sq_pages, ns), qid, NVME_QPRIO_MEDIUM);
	sqe.cdw11 = le32_from(le32_get(sqe.cdw11) & ~1u);
	assert_int_equal(rig_admin(r, &sqe), 0);
}

void
rig_flushes(struct rig *r, uint16_t qid, uint32_t n)
{
	struct nvme_sqe sqe;

	for (uint32_t i = 0; i < n; i++) {
		nvme_prep_flush(&sqe, 1);
		rig_put(r, qid, &sqe);
	}
	rig_ring(r, qid);
}

uint32_t
rig_reap_all(struct rig *r, uint16_t qid)
{
	struct nvme_cqe cqe;
	uint32_t n = 0;

	while (rig_reap(r, qid, &cqe)) {
		assert_int_equal(nvme_status_of(le16_get(cqe.status)), 0);
		n++;
	}
	return n;
}

nvme_status
rig_create_cq(struct rig *r, uint16_t qid, uint32_t entries, uint64_t at, int vector)
{
	struct nvme_sqe sqe;

	nvme_prep_create_io_cq(&sqe, qid, entries, at, vector);
	return rig_admin(r, &sqe);
}

nvme_status
rig_create_sq(struct rig *r, uint16_t qid, uint32_t entries, uint64_t at, uint16_t cqid)
{
	struct nvme_sqe sqe;

	nvme_prep_create_io_sq(&sqe, qid, entries, at, cqid, NVME_QPRIO_MEDIUM);
	return rig_admin(r, &sqe);
}

nvme_status
rig_delete(struct rig *r, uint16_t qid, bool cq)
{
	struct nvme_sqe sqe;

	if (cq)
		nvme_prep_delete_io_cq(&sqe, qid);
	else
		nvme_prep_delete_io_sq(&sqe, qid);
	return rig_admin(r, &sqe);
}

int
rig_setup(void **state)
{
	struct rig *r = rig_open();

	*state = r;
	return rig_enable(r, 32) == NVME_CSTS_RDY ? 0 : -1;
}

int
rig_setup_pair(void **state)
{
	if (rig_setup(state))
		return -1;
	rig_pair(*state, 1, 64, -1);
	return 0;
}

int
rig_teardown(void **state)
{
	rig_close(*state);
	return 0;
}
