/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host for the software SSD, small enough to lie in every way: flat memory at a bus address, a counter for each interrupt,
 * rings that the test fills by hand.  No driver is involved.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "nvproof/spec/prep_admin.h"
#include "nvproof/spec/prep_nvm.h"
#include "ssd/ssd_int.h"

#define RIG_BASE 0x740000000ull /* bus address of the memory: not 0, above 4 GiB */
#define RIG_MEM (32u << 20)

struct rig_queue {
	uint64_t sq, cq; /* PC=1: the rings */
	uint64_t *sq_pages, *cq_pages; /* PC=0 */
	uint32_t sq_size, cq_size, tail, head;
	uint16_t cqid;
	uint8_t phase;
};

struct rig {
	struct ssd_subsys *sub;
	struct ssd *ssd;
	uint8_t *mem;
	uint64_t used; /* of mem */
	uint64_t hole, hole_len; /* a part of the memory that is not there */
	bool no_map; /* the port cannot map: everything goes through mem_read and mem_write */
	uint64_t swap; /* not 0: this page and the next are mapped at each other's place */
	uint32_t irqs[SSD_NR_VECTORS];
	uint64_t now;
	uint16_t cid;
	struct rig_queue q[SSD_MAX_QUEUES];
};

struct rig *rig_open(void); /* one 512-byte and one 4096-byte namespace in RAM; BME set */
struct rig *rig_open_config(const struct ssd_config *cfg);
void rig_close(struct rig *r);
extern const struct ssd_port_ops rig_port_ops;

/* Zeroed pages; never given back. */
uint64_t rig_alloc(struct rig *r, uint32_t pages);
void *rig_ptr(struct rig *r, uint64_t addr);
static inline le64 *
rig_le64(struct rig *r, uint64_t addr)
{
	return rig_ptr(r, addr);
}

uint32_t rig_reg(struct rig *r, uint32_t off);
void rig_set(struct rig *r, uint32_t off, uint32_t val);
/* Configuration space, 1 to 4 bytes; the offset of a capability. */
uint32_t rig_cfg(struct rig *r, uint32_t off, uint32_t len);
void rig_cfg_set(struct rig *r, uint32_t off, uint32_t len, uint32_t v);
uint32_t rig_capability(struct rig *r, uint8_t id);
bool rig_works(struct rig *r); /* an admin command succeeds */
void rig_step(struct rig *r); /* until there is nothing to do; time moves by 1 us a step */
/* Write AQA, ASQ, ACQ and CC, and step until CSTS.RDY or CFS; returns CSTS. */
uint32_t rig_enable(struct rig *r, uint32_t entries);
uint32_t rig_enable_cc(struct rig *r, uint32_t entries, uint32_t cc);
#define RIG_CC (nvme_put32(NVME_CC_EN, 1) | nvme_put32(NVME_CC_IOSQES, 6) | nvme_put32(NVME_CC_IOCQES, 4))

/* An SQE at the tail; the doorbell is written by rig_ring(). */
uint16_t rig_put(struct rig *r, uint16_t qid, struct nvme_sqe *sqe);
void rig_ring(struct rig *r, uint16_t qid);
/* Whether a CQE is there; takes it, and writes the head doorbell. */
bool rig_reap(struct rig *r, uint16_t qid, struct nvme_cqe *cqe);
bool rig_peek(struct rig *r, uint16_t qid, struct nvme_cqe *cqe); /* does not take it */
/* The whole way of one command.  The status without the phase tag. */
nvme_status rig_cmd(struct rig *r, uint16_t qid, struct nvme_sqe *sqe, struct nvme_cqe *cqe);
nvme_status rig_admin(struct rig *r, struct nvme_sqe *sqe);
#define rig_sc(st) nvme_status_code(st)

/* An I/O queue pair of contiguous rings, or of single pages in reverse order; vector < 0: no interrupts. */
void rig_pair(struct rig *r, uint16_t qid, uint32_t entries, int vector);
void rig_pair_pages(struct rig *r, uint16_t qid, uint32_t entries);

nvme_status rig_create_cq(struct rig *r, uint16_t qid, uint32_t entries, uint64_t at, int vector);
nvme_status rig_create_sq(struct rig *r, uint16_t qid, uint32_t entries, uint64_t at, uint16_t cqid);
nvme_status rig_delete(struct rig *r, uint16_t qid, bool cq);
void rig_flushes(struct rig *r, uint16_t qid, uint32_t n); /* n commands, and the doorbell */
uint32_t rig_reap_all(struct rig *r, uint16_t qid); /* all successful; how many */

/* The usual start. */
int rig_setup(void **state);
int rig_setup_pair(void **state); /* and queue pair 1 of 64 entries */
int rig_teardown(void **state);
