/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver on a device that does anything: answers late, never, or what nobody asked; stops, hangs, comes back. 
 * Whatever happens, each command ends exactly once, nothing hangs, and memory that the device may still use is nobody
 * else's. The seed is printed: NVPROOF_SEED=n repeats a run.
 */
#include "fake_ctrlr.h"

#include "host/ctrlr_int.h"
#include "nvproof/ns.h"
#include "nvproof/spec/prep_nvm.h"
#include "util/rng.h"

#define QUEUES 4u /* as many as the fake one allots */
#define BUFS 8u
#define STEPS 4000u
#define USER 0x5a /* what is in our memory */
#define SCRIBBLE 0xa5 /* what the device writes into its own */

/* One queue that the device has, whatever the driver believes. */
struct ring {
	uint64_t iova, len;
	uint16_t qid;
	bool cq;
};

struct chaos {
	struct fake f;
	struct ut_rng rng;
	struct nvp_ctrlr *c; /* NULL: closed */
	struct nvp_qpair *q[QUEUES];
	struct nvp_buf buf[BUFS];
	struct ring ring[64];
	uint32_t rings, disables;
	uint64_t sent, ended;
};

static uint32_t
below(struct chaos *x, uint32_t n)
{
	return (uint32_t)ut_rng_below(&x->rng, n);
}

/* --- the device --- */

static struct ring *
find_ring(struct chaos *x, uint16_t qid, bool cq)
{
	for (uint32_t i = 0; i < x->rings; i++)
		if (x->ring[i].qid == qid && x->ring[i].cq == cq)
			return &x->ring[i];
	return NULL;
}

static void
add_ring(struct chaos *x, const struct nvme_sqe *sqe, bool cq)
{
	uint32_t dw10 = le32_get(sqe->cdw10), size = (dw10 >> 16) + 1;

	assert_null(find_ring(x, (uint16_t)dw10, cq)); /* the driver chose one that may still be in use */
	assert_true(x->rings < UT_ARRAY_LEN(x->ring));
	x->ring[x->rings++] = (struct ring){
		.iova = le64_get(sqe->prp1), .len = (uint64_t)size * (cq ? 16 : 64), .qid = (uint16_t)dw10, .cq = cq
	};
}

static void
del_ring(struct chaos *x, uint16_t qid, bool cq)
{
	struct ring *r = find_ring(x, qid, cq);

	if (r)
		*r = x->ring[--x->rings];
}

static void
notice_disable(struct chaos *x)
{
	if (x->disables != x->f.disables)
		x->rings = 0;
	x->disables = x->f.disables;
}

/* The worst that it can do: what it does not answer is a creation done, or a deletion not done. */
static void
seen(struct fake *f, const struct nvme_sqe *sqe, bool answered)
{
	struct chaos *x = ut_container_of(f, struct chaos, f);
	uint16_t qid = (uint16_t)le32_get(sqe->cdw10);

	notice_disable(x);
	if (sqe->opc == NVME_ADM_CREATE_IO_CQ || sqe->opc == NVME_ADM_CREATE_IO_SQ)
		add_ring(x, sqe, sqe->opc == NVME_ADM_CREATE_IO_CQ);
	else if (answered && (sqe->opc == NVME_ADM_DELETE_IO_CQ || sqe->opc == NVME_ADM_DELETE_IO_SQ))
		del_ring(x, qid, sqe->opc == NVME_ADM_DELETE_IO_CQ);
}

static bool
driver_has(const struct chaos *x, uint64_t iova)
{
	for (uint32_t i = 0; i < QUEUES; i++)
		if (x->q[i] && x->q[i]->cq_buf.iova == iova)
			return true;
	return false;
}

/* It goes on completing into queues that the driver has given up. */
static void
scribble(struct chaos *x)
{
	for (uint32_t i = 0; i < x->rings; i++)
		if (x->ring[i].cq && !driver_has(x, x->ring[i].iova))
			memset(fake_va(&x->f, x->ring[i].iova), SCRIBBLE, x->ring[i].len);
}

/* A completion, mostly of something that was sent. */
static void
complete(struct chaos *x, struct nvp_qpair *q)
{
	struct nvme_cqe *e = &q->mq.cq[q->mq.cq_head];
	uint16_t status = (uint16_t)((below(x, 4) ? 0 : below(x, 1u << 15)) << 1 | q->mq.phase);

	*e = (struct nvme_cqe){ .sqid = le16_from(q->mq.id) };
	e->cid = (uint16_t)(below(x, 8) ? below(x, q->nreqs) : below(x, 1u << 16));
	if (!below(x, 8))
		e->sqid = le16_from((uint16_t)below(x, 1u << 16));
	e->sqhd = le16_from((uint16_t)(below(x, 8) ? below(x, q->mq.depth) : below(x, 1u << 16)));
	e->status = le16_from(status);
}

/* --- the user --- */

static void
on_done(void *arg, const struct nvme_cqe *cqe)
{
	struct chaos *x = arg;

	(void)cqe;
	x->ended++;
}

static void
on_done_again(void *arg, const struct nvme_cqe *cqe)
{
	struct chaos *x = arg;
	struct nvp_qpair *q = x->q[below(x, QUEUES)];
	struct nvp_req *r = q ? nvp_req_get(q) : NULL;

	(void)cqe;
	x->ended++;
	if (!r)
		return;
	x->sent++;
	nvme_prep_flush(nvp_req_sqe(r), 1);
	nvp_req_submit(r, on_done, x);
}

static void
send(struct chaos *x, struct nvp_qpair *q)
{
	struct nvp_req *r = q ? nvp_req_get(q) : NULL;

	if (!r)
		return;
	if (!below(x, 8)) {
		nvp_req_put(r);
		return;
	}
	x->sent++;
	nvme_prep_flush(nvp_req_sqe(r), 1);
	nvp_req_sqe(r)->flags = (uint8_t)below(x, 4); /* fused or not */
	nvp_req_submit(r, below(x, 4) ? on_done : on_done_again, x);
}

static void
send_admin(struct chaos *x)
{
	struct nvme_sqe sqe;
	struct nvp_ns ns;

	if (!below(x, 4)) {
		(void)nvp_ns_open(x->c, 1, &ns, NULL);
		return;
	}
	nvme_prep_get_features(&sqe, NVME_FEAT_ARBITRATION, NVME_FEAT_SEL_CURRENT, 0);
	if (below(x, 2))
		(void)nvp_admin(x->c, &sqe, NULL, 0, NULL);
	else if (x->c->adminq)
		send(x, x->c->adminq);
}

static void
toggle_queue(struct chaos *x, uint32_t i)
{
	struct nvp_qpair_opts opts = { .depth = 2 + below(x, 30), .lazy = below(x, 2) };

	if (x->q[i]) {
		struct nvp_qpair *q = x->q[i];

		x->q[i] = NULL;
		assert_int_not_equal(nvp_qpair_delete(q, NULL), -EDEADLK);
	} else if (nvp_qpair_create(x->c, &opts, &x->q[i], NULL)) {
		x->q[i] = NULL;
	}
}

static void
toggle_buf(struct chaos *x, struct nvp_buf *b)
{
	if (b->va) {
		for (uint64_t i = 0; i < b->len; i++)
			assert_int_equal(((uint8_t *)b->va)[i], USER);
		nvp_buf_free(b);
	} else if (!nvp_buf_alloc(1 + below(x, 20000), 0, b)) {
		memset(b->va, USER, b->len);
	}
}

static void
toggle_ctrlr(struct chaos *x)
{
	struct nvp_ctrlr_opts opts = { .timeout_ms = 20, .admin_depth = 2 + below(x, 20) };

	if (x->c) {
		memset(x->q, 0, sizeof(x->q)); /* close deletes what is left */
		nvp_ctrlr_close(x->c);
		x->c = NULL;
		assert_int_equal(x->ended, x->sent);
		assert_int_equal(x->f.maps, 0);
		x->rings = 0; /* it cannot reach them any more */
	} else if (nvp_ctrlr_attach(&x->f.base, &opts, &x->c)) {
		x->c = NULL;
		x->rings = 0;
	}
}

static void
reset_by_hand(struct chaos *x)
{
	struct nvp_adminq_opts aq = { .depth = 2 + below(x, 20), .lazy = below(x, 2), .reuse = below(x, 2) };

	if (nvp_ctrlr_init_begin(x->c))
		return;
	(void)nvp_reg_write32(x->c, NVME_REG_CC, 0);
	if (below(x, 8))
		(void)nvp_ctrlr_init_adminq(x->c, &aq);
	if (below(x, 8))
		(void)nvp_reg_write32(x->c, NVME_REG_CC, 0x00460001);
	if (below(x, 8))
		(void)nvp_ctrlr_init_identify(x->c);
	nvp_ctrlr_init_queues(x->c, 0x00030003);
	if (below(x, 8))
		(void)nvp_ctrlr_init_end(x->c, below(x, 2));
	else
		nvp_ctrlr_init_fail(x->c);
}

static void
reset(struct chaos *x)
{
	switch (below(x, 4)) {
	case 0:
		reset_by_hand(x);
		break;
	case 1:
		(void)nvp_ctrlr_reset_bare(x->c);
		break;
	default:
		(void)nvp_ctrlr_reset(x->c);
	}
}

static void
trouble(struct chaos *x)
{
	static const enum fail fails[] = { FAIL_ONES,  FAIL_BAR,      FAIL_DISABLE, FAIL_ENABLE,
					   FAIL_FATAL, FAIL_IDENTIFY, FAIL_SILENT,  FAIL_QUEUES };
	static const int mutes[] = { NVME_ADM_CREATE_IO_CQ, NVME_ADM_CREATE_IO_SQ, NVME_ADM_DELETE_IO_CQ,
				     NVME_ADM_DELETE_IO_SQ, NVME_ADM_GET_FEATURES, NVME_ADM_IDENTIFY };

	x->f.fail = below(x, 2) ? FAIL_NONE : fails[below(x, UT_ARRAY_LEN(fails))];
	x->f.mute = below(x, 2) ? -1 : mutes[below(x, UT_ARRAY_LEN(mutes))];
}

static void
step(struct chaos *x)
{
	struct nvp_qpair *q = x->q[below(x, QUEUES)];
	uint32_t dice = below(x, 100);

	if (dice < 8)
		toggle_buf(x, &x->buf[below(x, BUFS)]);
	else if (dice < 11)
		trouble(x);
	else if (dice < 12 || !x->c)
		toggle_ctrlr(x);
	else if (dice < 20)
		toggle_queue(x, below(x, QUEUES));
	else if (dice < 23)
		reset(x);
	else if (dice < 30)
		send_admin(x);
	else if (dice < 60)
		send(x, q);
	else if (q && dice < 80)
		complete(x, q);
	else if (q && dice < 95)
		(void)nvp_qpair_poll(q, below(x, 40));
	else if (q)
		(void)nvp_qpair_wait(q, below(x, 4));
}

static void
everything_at_once(void **state)
{
	const char *env = getenv("NVPROOF_SEED");
	uint64_t seed = env ? strtoull(env, NULL, 0) : 1;
	static struct chaos x;

	(void)state;
	for (int round = 0; round < 10; round++, seed++) {
		print_message("seed %llu\n", (unsigned long long)seed);
		memset(&x, 0, sizeof(x));
		ut_rng_seed(&x.rng, seed);
		fake_init(&x.f, FAIL_NONE);
		x.f.seen = seen;
		for (uint32_t i = 0; i < STEPS; i++) {
			step(&x);
			notice_disable(&x);
			scribble(&x);
		}
		if (x.c)
			toggle_ctrlr(&x);
		for (uint32_t i = 0; i < BUFS; i++)
			if (x.buf[i].va)
				toggle_buf(&x, &x.buf[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
