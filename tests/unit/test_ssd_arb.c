/* SPDX-License-Identifier: BSD-3-Clause */
/* Arbitration: who is served, in which order and how often, from the order of completions and the heads of the queues. */
#include "ssd_io.h"
#include "nvproof/spec/feat.h"

#define DEPTH 1024u
#define WRR (RIG_CC | nvme_put32(NVME_CC_AMS, NVME_CC_AMS_WRR))
#define SHARED_CQ 9u

static uint32_t
arbitration(uint32_t ab, uint32_t low, uint32_t medium, uint32_t high)
{
	return nvme_put32(NVME_FEAT_ARB_AB, ab) | nvme_put32(NVME_FEAT_ARB_LPW, low - 1) |
	       nvme_put32(NVME_FEAT_ARB_MPW, medium - 1) | nvme_put32(NVME_FEAT_ARB_HPW, high - 1);
}

static void
set_arbitration(struct rig *r, uint32_t v)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_SET_FEATURES, .cdw10 = le32_from(NVME_FEAT_ARBITRATION) };

	sqe.cdw11 = le32_from(v);
	assert_int_equal(rig_admin(r, &sqe), 0);
}

/* An SQ of its own priority on the CQ that all share: its order is the order in which commands were served. */
static void
queue(struct rig *r, uint16_t qid, enum nvme_qprio prio)
{
	struct rig_queue *q = &r->q[qid];
	struct nvme_sqe sqe;

	*q = (struct rig_queue){ .sq_size = DEPTH, .sq = rig_alloc(r, DEPTH * 64 / SSD_PAGE) };
	nvme_prep_create_io_sq(&sqe, qid, DEPTH, q->sq, SHARED_CQ, prio);
	assert_int_equal(rig_admin(r, &sqe), 0);
}

static void
shared_cq(struct rig *r)
{
	struct rig_queue *q = &r->q[SHARED_CQ];

	*q = (struct rig_queue){ .cq_size = 8 * DEPTH, .phase = 1, .cq = rig_alloc(r, 8 * DEPTH * 16 / SSD_PAGE) };
	assert_int_equal(rig_create_cq(r, SHARED_CQ, q->cq_size, q->cq, -1), 0);
}

static struct rig *
start(void **state, uint32_t cc)
{
	struct rig *r = rig_open();

	*state = r;
	assert_int_equal(rig_enable_cc(r, 32, cc), NVME_CSTS_RDY);
	shared_cq(r);
	return r;
}

/* Count the completions of one step by queue; the order goes to seq when there is one. */
static uint32_t
one_step(struct rig *r, uint32_t *by_queue, uint8_t *seq)
{
	struct nvme_cqe cqe;
	uint32_t n = 0;

	r->now += 1000;
	ssd_step(r->ssd, r->now);
	while (rig_reap(r, SHARED_CQ, &cqe)) {
		by_queue[le16_get(cqe.sqid)]++;
		if (seq)
			seq[n] = (uint8_t)le16_get(cqe.sqid);
		n++;
	}
	return n;
}

/* The lengths of runs of the same queue are all `want`, as long as all have commands. */
static void
assert_runs(const uint8_t *seq, uint32_t n, uint32_t want)
{
	for (uint32_t i = 0; i < n; i += want) {
		for (uint32_t k = 1; k < want; k++)
			assert_int_equal(seq[i + k], seq[i]);
		if (i)
			assert_int_not_equal(seq[i], seq[i - 1]);
	}
}

/* NVMe Base, "Round Robin Arbitration": the burst is how many commands a queue has at a time. */
static void
round_robin_has_bursts(void **state)
{
	static const struct {
		uint32_t ab, run;
	} cases[] = { { 0, 1 }, { 1, 2 }, { 3, 8 }, { 4, 16 }, { 5, 32 }, { 6, 64 } };
	struct rig *r = start(state, RIG_CC);
	uint8_t seq[4096];

	for (uint16_t q = 1; q <= 3; q++)
		queue(r, q, NVME_QPRIO_MEDIUM);
	for (size_t i = 0; i < UT_ARRAY_LEN(cases); i++) {
		uint32_t by[SSD_MAX_QUEUES] = { 0 }, n = 0;

		set_arbitration(r, arbitration(cases[i].ab, 1, 1, 1));
		for (uint16_t q = 1; q <= 3; q++)
			rig_flushes(r, q, 192);
		while (n < 3 * 192)
			n += one_step(r, by, seq + n);
		assert_runs(seq, n, cases[i].run);
	}
}

/* Without limit a queue with 100 commands is served to its end before the next. */
static void
no_limit(void **state)
{
	struct rig *r = start(state, RIG_CC);
	uint32_t by[SSD_MAX_QUEUES] = { 0 }, n = 0;
	uint8_t seq[512];

	queue(r, 1, NVME_QPRIO_LOW);
	queue(r, 2, NVME_QPRIO_LOW);
	set_arbitration(r, arbitration(NVME_FEAT_ARB_AB_NO_LIMIT, 1, 1, 1));
	rig_flushes(r, 1, 100);
	rig_flushes(r, 2, 100);
	while (n < 200)
		n += one_step(r, by, seq + n);
	assert_runs(seq, n, 100);
}

/* Priorities mean nothing with round robin. */
static void
round_robin_ignores_priority(void **state)
{
	struct rig *r = start(state, RIG_CC);
	uint32_t by[SSD_MAX_QUEUES] = { 0 };

	queue(r, 1, NVME_QPRIO_LOW);
	queue(r, 2, NVME_QPRIO_URGENT);
	set_arbitration(r, arbitration(2, 1, 1, 100));
	rig_flushes(r, 1, 400);
	rig_flushes(r, 2, 400);
	one_step(r, by, NULL);
	assert_int_equal(by[1], by[2]);
	assert_true(by[1] >= 100);
}

/* Shares of the weights, over several steps of virtual time, for several bursts and numbers of queues a class. */
static void
weights_are_shares(void **state)
{
	static const struct {
		uint32_t ab, low, medium, high;
	} cases[] = {
		{ 0, 1, 2, 4 },	 { 2, 1, 2, 4 },    { 7, 1, 2, 4 }, { 3, 16, 16, 16 },
		{ 4, 1, 8, 32 }, { 7, 10, 20, 30 }, { 5, 3, 5, 7 },
	};
	struct rig *r = start(state, WRR);

	queue(r, 1, NVME_QPRIO_HIGH);
	queue(r, 2, NVME_QPRIO_MEDIUM);
	queue(r, 3, NVME_QPRIO_MEDIUM); /* two share the medium weight */
	queue(r, 4, NVME_QPRIO_LOW);
	for (size_t i = 0; i < UT_ARRAY_LEN(cases); i++) {
		uint32_t by[SSD_MAX_QUEUES] = { 0 }, all = cases[i].low + cases[i].medium + cases[i].high, n;

		set_arbitration(r, arbitration(cases[i].ab, cases[i].low, cases[i].medium, cases[i].high));
		for (uint16_t q = 1; q <= 4; q++)
			rig_flushes(r, q, 1000);
		n = one_step(r, by, NULL);
		n += one_step(r, by, NULL);
		n += one_step(r, by, NULL);
		assert_in_range(n, 3 * 256, 3 * 256 + 3 * 128);
		/* One round is `all` commands: nobody is more than a round and a burst away from its share. */
		assert_in_range(by[1] * all + all * (cases[i].high + 64), n * cases[i].high,
				n * cases[i].high + 2 * all * (cases[i].high + 64));
		assert_in_range((by[2] + by[3]) * all + all * (cases[i].medium + 64), n * cases[i].medium,
				n * cases[i].medium + 2 * all * (cases[i].medium + 64));
		assert_in_range(by[4] * all + all * (cases[i].low + 64), n * cases[i].low,
				n * cases[i].low + 2 * all * (cases[i].low + 64));
		assert_in_range(by[2] + 128, by[3], by[3] + 256);
		while (one_step(r, by, NULL))
			;
	}
}

/* One command at a time makes the order exact: a round is 3 high, 2 medium, 1 low. */
static void
order_in_a_round(void **state)
{
	static const uint8_t want[] = { 1, 1, 1, 2, 2, 3, 1, 1, 1, 2, 2, 3 };
	struct rig *r = start(state, WRR);
	uint32_t by[SSD_MAX_QUEUES] = { 0 };
	uint8_t seq[512];

	queue(r, 1, NVME_QPRIO_HIGH);
	queue(r, 2, NVME_QPRIO_MEDIUM);
	queue(r, 3, NVME_QPRIO_LOW);
	set_arbitration(r, arbitration(0, 1, 2, 3));
	for (uint16_t q = 1; q <= 3; q++)
		rig_flushes(r, q, 64);
	assert_int_equal(one_step(r, by, seq), 192);
	assert_memory_equal(seq, want, sizeof(want));
	/* High was done first, then the others had all of it: nobody waits for a class that is idle. */
	assert_int_equal(seq[191], 3);
}

/* "The urgent priority class ... strict priority": all of it before anything else, the admin queue before that. */
static void
urgent_first(void **state)
{
	struct rig *r = start(state, WRR);
	uint32_t by[SSD_MAX_QUEUES] = { 0 };
	struct nvme_cqe cqe;
	struct nvme_sqe sqe;
	uint8_t seq[512];

	queue(r, 1, NVME_QPRIO_HIGH);
	queue(r, 2, NVME_QPRIO_URGENT);
	queue(r, 3, NVME_QPRIO_URGENT);
	set_arbitration(r, arbitration(1, 1, 1, 256));
	rig_flushes(r, 1, 100);
	rig_flushes(r, 2, 50);
	rig_flushes(r, 3, 50);
	nvme_prep_keep_alive(&sqe);
	rig_put(r, 0, &sqe);
	rig_ring(r, 0);
	assert_int_equal(one_step(r, by, seq), 200);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_not_equal(seq[i], 1);
	assert_runs(seq, 100, 2); /* urgent queues share in turn */
	for (uint32_t i = 100; i < 200; i++)
		assert_int_equal(seq[i], 1);
	assert_true(rig_reap(r, 0, &cqe));
}

/* A high queue whose CQ is full, and one that is deleted, keep nobody waiting. */
static void
stuck_and_gone(void **state)
{
	struct rig *r = start(state, WRR);
	uint32_t by[SSD_MAX_QUEUES] = { 0 };

	rig_pair(r, 1, 4, -1);
	rig_delete(r, 1, false);
	struct nvme_sqe sqe;

	r->q[1].sq_size = 64;
	nvme_prep_create_io_sq(&sqe, 1, 64, r->q[1].sq, 1, NVME_QPRIO_HIGH);
	assert_int_equal(rig_admin(r, &sqe), 0);
	queue(r, 2, NVME_QPRIO_LOW);
	queue(r, 3, NVME_QPRIO_HIGH);
	set_arbitration(r, arbitration(2, 1, 1, 256));
	rig_flushes(r, 1, 20);
	rig_flushes(r, 2, 100);
	one_step(r, by, NULL);
	assert_int_equal(by[2], 100);
	assert_int_equal(r->ssd->sq[1].head, 3); /* as many as its CQ takes */
	assert_int_equal(rig_delete(r, 3, false), 0);
	rig_flushes(r, 2, 100);
	one_step(r, by, NULL);
	assert_int_equal(by[2], 200);
}

/* What an admin command of the same round does: the urgent queue goes away before it is served. */
static void
deleted_in_its_round(void **state)
{
	struct rig *r = start(state, WRR);
	uint32_t by[SSD_MAX_QUEUES] = { 0 };
	struct nvme_sqe sqe;

	queue(r, 1, NVME_QPRIO_URGENT);
	rig_flushes(r, 1, 5);
	nvme_prep_delete_io_sq(&sqe, 1);
	rig_put(r, 0, &sqe);
	rig_ring(r, 0);
	assert_int_equal(one_step(r, by, NULL), 0);
}

static void
defaults(void **state)
{
	struct io *io = *state;
	struct nvme_id_ctrl *id = (void *)io_buf(io);
	struct nvme_sqe sqe;

	nvme_prep_identify(&sqe, NVME_CNS_CTRL, 0, 0);
	assert_int_equal(io_admin(io, &sqe, SSD_PAGE), 0);
	assert_int_equal(id->rab, 4);
	assert_int_equal(io_feature_get(io, NVME_FEAT_ARBITRATION, 0, NVME_FEAT_SEL_DEFAULT, 0), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 4);
	assert_int_equal(io_feature_set(io, NVME_FEAT_ARBITRATION, 0, 0x04030207, true), 0);
	assert_int_equal(io_feature_get(io, NVME_FEAT_ARBITRATION, 0, NVME_FEAT_SEL_SAVED, 0), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 0x04030207);
	/* Bits 7:3 are reserved. */
	assert_int_equal(io_feature_set(io, NVME_FEAT_ARBITRATION, 0, 0xf8, false), 0);
	assert_int_equal(io_feature_get(io, NVME_FEAT_ARBITRATION, 0, NVME_FEAT_SEL_CURRENT, 0), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_teardown(f, rig_teardown)
	const struct CMUnitTest tests[] = {
		T(round_robin_has_bursts),
		T(no_limit),
		T(round_robin_ignores_priority),
		T(weights_are_shares),
		T(order_in_a_round),
		T(urgent_first),
		T(stuck_and_gone),
		T(deleted_in_its_round),
		cmocka_unit_test_setup_teardown(defaults, io_setup, io_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
