/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device's end of one queue pair, scripted by the test: plain memory instead of a device, a clock that the test
 * sets, and a function that the test calls to put any completion it likes, right or wrong.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "host/qpair_int.h"
#include "host/share.h"
#include "util/bits.h"

#define FAKE_QID 3

struct fake_queue {
	struct nvp_qpair *q;
	struct nvp_share_region region;
	struct ut_clock clock;
	uint64_t now_ns;
	uint32_t db[8];
	uint32_t tail; /* of the CQ, the device's idea */
	uint16_t phase;
	uint32_t relaxed; /* how often the driver gave way */
	uint64_t step_ns; /* time that passes each time */
};

static inline void
fake_relax(struct ut_clock *clk, uint32_t idle)
{
	struct fake_queue *f = ut_container_of(clk, struct fake_queue, clock);

	(void)idle;
	f->relaxed++;
	f->now_ns += f->step_ns;
}

static inline void
fake_open(struct fake_queue *f, uint32_t depth, bool lazy)
{
	uint64_t sq = 0x100000000, cq, lists, log, end;
	struct nvp_qpair_share s = {
		.size = sizeof(s), .depth = depth, .qid = FAKE_QID, .page_shift = 12, .lazy = lazy
	};

	memset(f, 0, sizeof(*f));
	cq = ut_align_up(sq + depth * 64ull, 4096);
	lists = ut_align_up(cq + depth * 16ull, 4096);
	log = lists + ((depth - 1ull) << 12);
	end = log + sizeof(struct nvp_cmdlog_ring);
	f->region = (struct nvp_share_region){ .fd = -1, .iova = sq, .len = end - sq };
	f->region.va = aligned_alloc(4096, ut_align_up(end - sq, 4096));
	assert_non_null(f->region.va);
	memset(f->region.va, 0, lists - sq);
	memset((char *)f->region.va + (log - sq), 0, sizeof(struct nvp_cmdlog_ring));
	s.sq_iova = sq;
	s.cq_iova = cq;
	s.lists_iova = lists;
	s.log_iova = log;
	s.db_len = 4096;
	s.cq_db_off = 4;
	s.phase = 1;
	s.timeout_ms = 1000;
	assert_int_equal(nvp_qpair_import(&s, &f->region, 1, f->db, &f->q), 0);
	f->clock = (struct ut_clock){ .virtual_ns = &f->now_ns, .mult = 1ull << UT_CLOCK_SHIFT, .relax = fake_relax };
	f->q->clock = &f->clock;
	f->phase = 1;
	f->step_ns = 1000000;
	f->now_ns = 1;
	nvp_qpair_set_timeout_ms(f->q, 1000);
}

static inline void
fake_close(struct fake_queue *f)
{
	nvp_qpair_delete(f->q, NULL);
	free(f->region.va);
}

/* Put a completion as the device does: the phase tag last. */
static inline void
fake_post(struct fake_queue *f, uint16_t cid, uint16_t sqid, uint16_t sqhd, uint16_t status)
{
	struct nvme_cqe *e = &f->q->mq.cq[f->tail];

	e->dw0 = le32_from(0xd0000000u | cid);
	e->sqid = le16_from(sqid);
	e->sqhd = le16_from(sqhd);
	e->cid = cid;
	ut_release_barrier();
	e->status = le16_from((uint16_t)(status << 1 | f->phase));
	if (++f->tail == f->q->mq.depth) {
		f->tail = 0;
		f->phase ^= 1;
	}
}

static inline void
fake_ok(struct fake_queue *f, uint16_t cid)
{
	fake_post(f, cid, FAKE_QID, 0, 0);
}
