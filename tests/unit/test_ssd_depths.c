/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues of every small depth, two submission queues on one completion queue, filled and emptied at random: each command
 * completes once and in order, with the right phase, and nothing is ever overwritten.
 */
#include "ssd_rig.h"
#include "util/rng.h"

#define PER_DEPTH 300u

struct pair {
	struct rig *r;
	struct ut_rng rng;
	uint16_t put[3], got[3]; /* the CID that comes next, by SQID */
	uint32_t free[3]; /* entries of the SQ that the controller is known to have taken */
};

static uint32_t
below(struct pair *p, uint32_t n)
{
	return (uint32_t)ut_rng_below(&p->rng, n);
}

static void
submit(struct pair *p, uint16_t qid)
{
	uint32_t n = below(p, p->free[qid] + 1);
	struct nvme_sqe sqe;

	for (uint32_t i = 0; i < n; i++) {
		nvme_prep_flush(&sqe, 1);
		p->r->cid = p->put[qid]++;
		rig_put(p->r, qid, &sqe);
	}
	p->free[qid] -= n;
	rig_ring(p->r, qid);
}

/* Both SQs complete to CQ 1. */
static void
reap(struct pair *p, uint32_t most)
{
	struct nvme_cqe cqe;

	for (; most && rig_reap(p->r, 1, &cqe); most--) {
		uint16_t qid = le16_get(cqe.sqid);

		assert_in_range(qid, 1, 2);
		assert_int_equal(cqe.cid, p->got[qid]++);
		assert_int_equal(nvme_status_of(le16_get(cqe.status)), 0);
		const struct rig_queue *q = &p->r->q[qid];
		uint32_t waiting = (q->tail + q->sq_size - le16_get(cqe.sqhd)) % q->sq_size;
		assert_true(waiting <= (uint16_t)(p->put[qid] - p->got[qid]));
		p->free[qid] = q->sq_size - 1 - waiting;
	}
}

static void
one_depth(struct pair *p, uint32_t sq_depth, uint32_t cq_depth)
{
	struct rig *r = p->r;
	uint64_t used = r->used, cq = rig_alloc(r, 2), sq1 = rig_alloc(r, 2), sq2 = rig_alloc(r, 2);

	memset(rig_ptr(r, cq), 0, 2 * SSD_PAGE);
	assert_int_equal(rig_create_cq(r, 1, cq_depth, cq, -1), 0);
	assert_int_equal(rig_create_sq(r, 1, sq_depth, sq1, 1), 0);
	assert_int_equal(rig_create_sq(r, 2, 3, sq2, 1), 0);
	r->q[1] = (struct rig_queue){ .sq = sq1, .cq = cq, .sq_size = sq_depth, .cq_size = cq_depth, .phase = 1 };
	r->q[2] = (struct rig_queue){ .sq = sq2, .sq_size = 3 };
	p->free[1] = sq_depth - 1;
	p->free[2] = 2;
	while (p->got[1] < PER_DEPTH) {
		submit(p, (uint16_t)(1 + below(p, 2)));
		if (below(p, 2))
			ssd_step(r->ssd, r->now += 1000);
		if (below(p, 2))
			reap(p, 1 + below(p, cq_depth));
	}
	for (int i = 0; i < 1000; i++) {
		rig_step(r);
		reap(p, UINT32_MAX);
	}
	assert_int_equal(p->got[1], p->put[1]);
	assert_int_equal(p->got[2], p->put[2]);
	assert_int_equal(p->r->ssd->nr_aer_events, 0); /* no doorbell was found wrong */
	assert_int_equal(rig_delete(r, 1, false), 0);
	assert_int_equal(rig_delete(r, 2, false), 0);
	assert_int_equal(rig_delete(r, 1, true), 0);
	memset(p->put, 0, sizeof(p->put));
	memset(p->got, 0, sizeof(p->got));
	r->used = used;
}

static void
depths(void **state)
{
	struct pair p = { .r = *state };

	ut_rng_seed(&p.rng, 5);
	for (uint32_t sq = 2; sq <= 20; sq++) {
		for (uint32_t cq = 2; cq <= 20; cq += 1 + cq / 6) {
			p.r->no_map = sq % 3 == 0;
			ssd_port_changed(p.r->ssd);
			one_depth(&p, sq, cq);
		}
	}
	one_depth(&p, 64, 65);
	one_depth(&p, 65, 64);
	one_depth(&p, 128, 512);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(depths, rig_setup, rig_teardown) };

	return cmocka_run_group_tests_name("ssd depths", tests, NULL, NULL);
}
