/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bring-up in the caller's hands, piece by piece, on a bus made of a few registers; and a reset that leaves the I/O
 * queues out.
 */
#include "fake_ctrlr.h"

#include "host/ctrlr_int.h"
#include "util/alloc.h"

#define CC_OFF 0x00460000u
#define CC_ON 0x00460001u

static struct nvp_ctrlr *
attach(struct fake *f, bool no_init)
{
	struct nvp_ctrlr_opts opts = { .no_init = no_init };
	struct nvp_ctrlr *c;

	fake_init(f, FAIL_NONE);
	assert_int_equal(nvp_ctrlr_attach(&f->base, &opts, &c), 0);
	return c;
}

static void
enable(struct nvp_ctrlr *c)
{
	assert_int_equal(nvp_reg_write32(c, NVME_REG_CC, CC_OFF), 0);
	assert_int_equal(nvp_reg_write32(c, NVME_REG_CC, CC_ON), 0);
}

static void
must_answer(struct nvp_ctrlr *c)
{
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	nvme_prep_get_features(&sqe, NVME_FEAT_NUM_QUEUES, 0, 0);
	assert_int_equal(nvp_admin(c, &sqe, NULL, 0, &cqe), 0);
	assert_int_equal(le16_get(cqe.status) >> 1, 0);
}

static void
from_nothing(void **state)
{
	struct nvp_adminq_opts aq = { .depth = 16 };
	struct nvp_qpair_opts opts = { .depth = 8 };
	struct nvp_qpair *q;
	struct nvp_ctrlr *c;
	struct fake f;

	(void)state;
	c = attach(&f, true);
	assert_int_equal(nvp_ctrlr_init_begin(c), 0);
	assert_int_equal(f.pci_cmd & 6, 2);
	assert_int_equal(nvp_qpair_create(c, &opts, &q, NULL), -ENODEV);
	assert_int_equal(nvp_ctrlr_init_adminq(c, &aq), 0);
	assert_int_equal(f.pci_cmd & 6, 6);
	assert_int_equal(f.aqa, 0x000f000f);
	enable(c);
	must_answer(c);
	assert_int_equal(nvp_ctrlr_init_identify(c), 0);
	assert_int_equal(nvp_qpair_create(c, &opts, &q, NULL), -ENOSPC); /* nobody said how many there may be */
	nvp_ctrlr_init_queues(c, 0);
	assert_int_equal(nvp_ctrlr_init_end(c, false), 0);
	assert_int_equal(f.aers, 0);
	assert_int_equal(nvp_qpair_create(c, &opts, &q, NULL), 0);
	assert_int_equal(nvp_qpair_create(c, &opts, &q, NULL), -ENOSPC);
	nvp_ctrlr_close(c);
}

/* The registers keep what they were told; the memory stays when the caller wants it so and the depth is the same. */
static void
the_admin_queue_again(void **state)
{
	struct nvp_adminq_opts aq = { .depth = 32 };
	struct nvp_ctrlr *c;
	struct fake f;
	uint64_t asq;

	(void)state;
	c = attach(&f, false);
	assert_int_equal(nvp_ctrlr_init_begin(c), 0);
	assert_int_equal(nvp_ctrlr_init_adminq(c, &aq), -EBUSY);
	assert_non_null(strstr(nvp_error(), "enabled"));
	assert_int_equal(nvp_reg_write32(c, NVME_REG_CC, 0), 0);
	assert_int_equal(nvp_ctrlr_init_adminq(c, &(struct nvp_adminq_opts){ .depth = 1 }), -EINVAL);
	assert_int_equal(nvp_ctrlr_init_adminq(c, &(struct nvp_adminq_opts){ .depth = 4097 }), -EINVAL);
	assert_int_equal(nvp_ctrlr_init_adminq(c, &aq), 0);
	assert_int_equal(f.aqa, 0x001f001f);
	asq = f.asq;
	f.aqa = 0;
	aq = (struct nvp_adminq_opts){ .depth = 32, .reuse = true, .skip_register = true };
	assert_int_equal(nvp_ctrlr_init_adminq(c, &aq), 0);
	assert_int_equal(f.aqa, 0);
	assert_int_equal(c->adminq->sq_buf.iova, asq);
	f.aqa = 0x001f001f;
	enable(c);
	must_answer(c);
	assert_int_equal(nvp_ctrlr_init_end(c, false), 0);
	nvp_ctrlr_close(c);
}

static void
lazy(void **state)
{
	struct nvp_adminq_opts aq = { .depth = 8, .lazy = true };
	struct nvp_ctrlr *c;
	struct nvp_req *r;
	struct fake f;

	(void)state;
	c = attach(&f, true);
	assert_int_equal(nvp_ctrlr_init_begin(c), 0);
	assert_int_equal(nvp_ctrlr_init_adminq(c, &aq), 0);
	enable(c);
	r = nvp_req_get(nvp_ctrlr_adminq(c));
	nvme_prep_get_features(nvp_req_sqe(r), NVME_FEAT_NUM_QUEUES, 0, 0);
	nvp_req_submit(r, NULL, NULL);
	assert_int_equal(f.db[0], 0);
	nvp_qpair_ring(nvp_ctrlr_adminq(c));
	assert_int_equal(f.db[0], 1);
	assert_int_equal(nvp_qpair_wait(nvp_ctrlr_adminq(c), 1), 1);
	nvp_ctrlr_close(c);
}

static void
count(void *arg, const struct nvme_cqe *cqe)
{
	assert_int_equal(le16_get(cqe->status) >> 1, NVME_SC_ABORT_SQ_DELETION);
	++*(int *)arg;
}

/* A queue pair with one command that the device never answers. */
static struct nvp_qpair *
busy_queue(struct nvp_ctrlr *c, int *ended)
{
	struct nvp_qpair_opts opts = { .depth = 8 };
	struct nvp_qpair *q;
	struct nvp_req *r;

	assert_int_equal(nvp_qpair_create(c, &opts, &q, NULL), 0);
	r = nvp_req_get(q);
	*nvp_req_sqe(r) = (struct nvme_sqe){ .opc = NVME_OPC_FLUSH };
	nvp_req_submit(r, count, ended);
	return q;
}

static void
io_queues_come_back(void **state)
{
	struct nvp_adminq_opts aq = { .depth = 16 };
	struct nvp_qpair *q;
	struct nvp_ctrlr *c;
	struct fake f;

	(void)state;
	for (int bare = 0; bare < 2; bare++) {
		int ended = 0;

		c = attach(&f, false);
		q = busy_queue(c, &ended);
		assert_int_equal(nvp_ctrlr_init_begin(c), 0);
		assert_int_equal(ended, 0); /* the device may still be at it */
		assert_int_equal(nvp_reg_write32(c, NVME_REG_CC, 0), 0);
		assert_int_equal(nvp_ctrlr_init_adminq(c, &aq), 0);
		enable(c);
		nvp_ctrlr_init_queues(c, 0x00030003);
		f.create_cq_dw11 = 0;
		assert_int_equal(nvp_ctrlr_init_end(c, bare), 0);
		assert_int_equal(ended, 1);
		assert_int_equal(f.create_cq_dw11 != 0, !bare);
		assert_int_equal(q->live, !bare);
		assert_int_equal(nvp_qpair_delete(q, NULL), 0);
		nvp_ctrlr_close(c);
	}
}

static void
giving_up(void **state)
{
	struct nvp_ctrlr *c;
	struct fake f;
	int ended;

	(void)state;
	for (int i = 0; i < 2; i++) {
		ended = 0;
		c = attach(&f, false);
		busy_queue(c, &ended);
		assert_int_equal(nvp_ctrlr_init_begin(c), 0);
		if (i)
			nvp_ctrlr_init_fail(c);
		else
			assert_int_equal(nvp_ctrlr_init_end(c, false), 0); /* without an admin queue: the same */
		assert_int_equal(f.cc & 1, 0);
		assert_int_equal(ended, 1);
		assert_int_equal(nvp_ctrlr_reset(c), 0);
		must_answer(c);
		nvp_ctrlr_close(c);
	}
	c = attach(&f, false);
	ended = 0;
	busy_queue(c, &ended);
	f.fail = FAIL_BAR;
	assert_int_equal(nvp_ctrlr_init_begin(c), -ENODEV);
	assert_int_equal(ended, 1);
	nvp_ctrlr_close(c);
}

/* Whatever of it there is no memory for: the queue is there and takes no command, and the next bring-up mends it. */
static void
no_memory_for_the_admin_queue(void **state)
{
	struct nvp_adminq_opts aq = { .depth = 64 };
	struct nvp_ctrlr *c;
	struct nvme_sqe sqe;
	int refused = 0, rc;
	struct fake f;

	(void)state;
	nvme_prep_get_features(&sqe, NVME_FEAT_NUM_QUEUES, 0, 0);
	for (long n = 0; n >= 0; n++) {
		c = attach(&f, false);
		assert_int_equal(nvp_ctrlr_init_begin(c), 0);
		assert_int_equal(nvp_reg_write32(c, NVME_REG_CC, 0), 0);
		ut_alloc_budget = n;
		rc = nvp_ctrlr_init_adminq(c, &aq);
		ut_alloc_budget = -1;
		if (!rc) {
			nvp_ctrlr_close(c);
			break;
		}
		refused++;
		assert_int_equal(rc, -ENOMEM);
		assert_int_equal(nvp_admin(c, &sqe, NULL, 0, NULL), -ENODEV);
		assert_null(nvp_req_get(nvp_ctrlr_adminq(c)));
		assert_int_equal(nvp_qpair_poll(nvp_ctrlr_adminq(c), 8), 0);
		if (n & 1) {
			assert_int_equal(nvp_ctrlr_reset(c), 0);
			must_answer(c);
		} else {
			assert_int_equal(nvp_ctrlr_init_end(c, false), 0);
		}
		nvp_ctrlr_close(c);
	}
	assert_true(refused > 3);
}

/* CC.EN is 1 and CSTS.RDY is not yet: it is about to use the queue that is there. */
static void
not_while_it_gets_ready(void **state)
{
	struct nvp_adminq_opts aq = { .depth = 64 };
	struct nvp_ctrlr *c;
	struct fake f;

	(void)state;
	c = attach(&f, true);
	f.fail = FAIL_ENABLE;
	assert_int_equal(nvp_ctrlr_init_begin(c), 0);
	assert_int_equal(nvp_ctrlr_init_adminq(c, &aq), 0);
	enable(c);
	assert_int_equal(nvp_ctrlr_init_adminq(c, &aq), -EBUSY);
	nvp_ctrlr_close(c);
}

/* The caller chose pages of 8 KiB: data pointers are made of these, the queues start at one. */
static void
page_size(void **state)
{
	struct nvp_adminq_opts aq = { .depth = 16 };
	struct nvp_buf buf = { .va = &aq, .iova = 0x100000000, .len = 0x6000 };
	struct nvp_ctrlr *c;
	struct nvp_req *r;
	struct fake f;

	(void)state;
	fake_init(&f, FAIL_NONE);
	f.cap |= nvme_put(NVME_CAP_MPSMAX, 1);
	assert_int_equal(nvp_ctrlr_attach(&f.base, &(struct nvp_ctrlr_opts){ .no_init = true }, &c), 0);
	assert_int_equal(nvp_ctrlr_init_begin(c), 0);
	assert_int_equal(nvp_ctrlr_init_adminq(c, &aq), 0);
	assert_int_equal(f.asq % 0x2000, 0);
	assert_int_equal(f.acq % 0x2000, 0);
	assert_int_equal(nvp_reg_write32(c, NVME_REG_CC, CC_ON | (uint32_t)nvme_put(NVME_CC_MPS, 1)), 0);
	assert_int_equal(nvp_ctrlr_init_end(c, false), 0);
	r = nvp_req_get(nvp_ctrlr_adminq(c));
	assert_int_equal(nvp_req_data(r, &buf, 0x1000, 0x1000), 0);
	assert_int_equal(le64_get(nvp_req_sqe(r)->prp2), 0);
	assert_int_equal(nvp_req_data(r, &buf, 0x1000, 0x2000), 0);
	assert_int_equal(le64_get(nvp_req_sqe(r)->prp2), 0x100002000);
	nvp_req_put(r);
	assert_int_equal(nvp_ctrlr_reset(c), 0); /* the driver chooses the smallest again */
	r = nvp_req_get(nvp_ctrlr_adminq(c));
	assert_int_equal(nvp_req_data(r, &buf, 0x1000, 0x2000), 0);
	assert_int_equal(le64_get(nvp_req_sqe(r)->prp2), 0x100002000);
	assert_int_equal(nvp_req_data(r, &buf, 0, 0x2000), 0);
	assert_int_equal(le64_get(nvp_req_sqe(r)->prp2), 0x100001000);
	nvp_req_put(r);
	nvp_ctrlr_close(c);
}

static void
bare_reset(void **state)
{
	struct nvp_qpair *q;
	struct nvp_ctrlr *c;
	struct fake f;
	int ended = 0;

	(void)state;
	c = attach(&f, false);
	q = busy_queue(c, &ended);
	assert_int_equal(nvp_ctrlr_reset_bare(c), 0);
	assert_int_equal(ended, 1);
	assert_false(q->live);
	assert_int_equal(nvp_qpair_delete(q, NULL), 0);
	q = busy_queue(c, &ended);
	assert_int_equal(nvp_ctrlr_reset(c), 0);
	assert_int_equal(ended, 2);
	assert_true(q->live);
	nvp_ctrlr_close(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_nothing),
		cmocka_unit_test(the_admin_queue_again),
		cmocka_unit_test(lazy),
		cmocka_unit_test(io_queues_come_back),
		cmocka_unit_test(giving_up),
		cmocka_unit_test(bare_reset),
		cmocka_unit_test(page_size),
		cmocka_unit_test(no_memory_for_the_admin_queue),
		cmocka_unit_test(not_while_it_gets_ready),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
