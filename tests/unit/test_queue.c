/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queue pairs on a device that does not answer, or not in time: memory that it may still use is used for nothing else,
 * no wait is without end, and what callbacks do meanwhile harms nobody.
 */
#include "fake_open.h"

#include "host/ctrlr_int.h"
#include "host/share.h"
#include "nvproof/ns.h"
#include "nvproof/spec/prep_nvm.h"
#include "util/alloc.h"

struct result {
	struct nvp_qpair *q; /* what the callback does something to */
	int calls, rc;
	uint16_t status;
};

static bool
overlap(const struct nvp_buf *a, const struct nvp_buf *b)
{
	return a->iova < b->iova + b->len && b->iova < a->iova + a->len;
}

/* The memory of a queue pair as the device knows it. */
struct known {
	struct nvp_buf buf[3];
};

static struct known
known(const struct nvp_qpair *q)
{
	return (struct known){ { q->sq_buf, q->cq_buf, q->lists } };
}

static bool
shared(const struct known *old, const struct nvp_qpair *q)
{
	struct known now = known(q);
	bool yes = false;

	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 3; k++)
			yes |= overlap(&old->buf[i], &now.buf[k]);
	return yes;
}

static void
an_unconfirmed_delete_keeps_the_memory(void **state)
{
	static const uint8_t mute[] = { NVME_ADM_DELETE_IO_SQ, NVME_ADM_DELETE_IO_CQ };
	struct nvp_ctrlr *c;
	struct nvp_qpair *q;
	struct known old;
	struct fake f;

	(void)state;
	c = open_fake(&f);
	for (int i = 0; i < 2; i++) {
		q = open_queue(c);
		old = known(q);
		assert_int_equal(nvp_qpair_id(q), 1);
		f.mute = mute[i];
		assert_int_equal(nvp_qpair_delete(q, NULL), -ETIMEDOUT);
		f.mute = -1;
		q = open_queue(c);
		assert_false(shared(&old, q));
		assert_int_equal(nvp_qpair_id(q), 2); /* the device may have the other one still */
		assert_int_equal(nvp_qpair_delete(q, NULL), 0);
		assert_int_equal(nvp_ctrlr_reset(c), 0); /* from now on it uses none of it */
		q = open_queue(c);
		assert_true(shared(&old, q));
		assert_int_equal(nvp_qpair_id(q), 1);
		assert_int_equal(nvp_qpair_delete(q, NULL), 0);
	}
	nvp_ctrlr_close(c);
}

static void
an_unconfirmed_create_keeps_the_memory(void **state)
{
	static const uint8_t mute[] = { NVME_ADM_CREATE_IO_CQ, NVME_ADM_CREATE_IO_SQ };
	struct nvp_ctrlr *c;
	struct nvp_qpair *q;
	struct known old;
	struct fake f;

	(void)state;
	c = open_fake(&f);
	q = open_queue(c);
	old = known(q); /* where the next one will be */
	assert_int_equal(nvp_qpair_delete(q, NULL), 0);
	for (int i = 0; i < 2; i++) {
		f.mute = mute[i];
		assert_int_equal(nvp_qpair_create(c, &(struct nvp_qpair_opts){ .depth = 16 }, &q, NULL), -ETIMEDOUT);
		f.mute = -1;
		q = open_queue(c);
		assert_false(shared(&old, q));
		assert_int_equal(nvp_qpair_delete(q, NULL), 0);
		assert_int_equal(nvp_ctrlr_reset(c), 0);
	}
	nvp_ctrlr_close(c);
}

/* A reset that failed stopped nothing: the device may still run. */
static void
a_failed_reset_keeps_the_memory(void **state)
{
	struct nvp_ctrlr *c;
	struct nvp_qpair *q;
	struct known old;
	struct nvp_buf buf;
	struct fake f;

	(void)state;
	c = open_fake(&f);
	q = open_queue(c);
	old = known(q);
	f.fail = FAIL_DISABLE;
	assert_int_equal(nvp_ctrlr_reset(c), -ETIMEDOUT);
	assert_int_equal(nvp_qpair_delete(q, NULL), 0);
	assert_int_equal(nvp_buf_alloc(4096, 0, &buf), 0);
	for (int i = 0; i < 3; i++)
		assert_false(overlap(&buf, &old.buf[i]));
	nvp_buf_free(&buf);
	nvp_ctrlr_close(c);
}

/*
 * The bus is the caller's and stays open: what the device neither stopped using nor let go of is lost, not used again.
 */
static void
close_of_a_hung_device(void **state)
{
	struct nvp_ctrlr *c;
	struct known old;
	struct nvp_buf buf[2];
	struct fake f;

	(void)state;
	for (int hung = 0; hung < 2; hung++) {
		c = open_fake(&f);
		old = known(c->adminq);
		f.fail = FAIL_DISABLE;
		f.keeps_dma = hung;
		nvp_ctrlr_close(c);
		for (int i = 0; i < 2; i++)
			assert_int_equal(nvp_buf_alloc(4096, 0, &buf[i]), 0);
		assert_int_equal(overlap(&buf[0], &old.buf[0]) || overlap(&buf[1], &old.buf[0]), !hung);
		for (int i = 0; i < 2; i++)
			nvp_buf_free(&buf[i]);
	}
}

static void
delete_it(void *arg, const struct nvme_cqe *cqe)
{
	struct result *res = arg;

	(void)cqe;
	res->calls++;
	res->rc = nvp_qpair_delete(res->q, NULL);
}

static void
send_get_features(struct nvp_ctrlr *c, nvp_cb cb, void *arg)
{
	struct nvp_req *r = nvp_req_get(nvp_ctrlr_adminq(c));

	assert_non_null(r);
	nvme_prep_get_features(nvp_req_sqe(r), NVME_FEAT_ARBITRATION, NVME_FEAT_SEL_CURRENT, 0);
	nvp_req_submit(r, cb, arg);
}

/* Delete has to be waited for, which a callback of the admin queue cannot. */
static void
no_deletion_from_an_admin_callback(void **state)
{
	struct result res = { 0 };
	struct nvp_ctrlr *c;
	struct fake f;

	(void)state;
	c = open_fake(&f);
	res.q = open_queue(c);
	send_get_features(c, delete_it, &res);
	assert_int_equal(nvp_qpair_wait(nvp_ctrlr_adminq(c), 1), 1);
	assert_int_equal(res.calls, 1);
	assert_int_equal(res.rc, -EDEADLK);
	assert_int_equal(nvp_qpair_delete(res.q, NULL), 0); /* it is still there */
	nvp_ctrlr_close(c);
}

static void
send_flush(void *arg, const struct nvme_cqe *cqe)
{
	struct result *res = arg;
	struct nvp_req *r = nvp_req_get(res->q);

	res->calls++;
	res->status = cqe ? le16_get(cqe->status) >> 1 : 0;
	if (!r)
		return;
	nvme_prep_flush(nvp_req_sqe(r), 1);
	nvp_req_submit(r, send_flush, res);
}

/* Complete the first command of queue 1 as the device does. */
static void
complete_first(struct nvp_qpair *q)
{
	struct nvme_cqe *e = q->cq_buf.va;

	*e = (struct nvme_cqe){ .sqid = le16_from(q->mq.id), .cid = q->mq.sq[0].cid, .status = le16_from(1) };
}

static void
a_deleted_queue_is_rung_no_more(void **state)
{
	struct result res = { 0 };
	struct nvp_ctrlr *c;
	struct fake f;

	(void)state;
	for (int i = 0; i < 2; i++) {
		fake_init(&f, FAIL_NONE);
		f.no_map = i;
		assert_int_equal(nvp_ctrlr_attach(&f.base, NULL, &c), 0);
		res = (struct result){ .q = open_queue(c) };
		send_flush(&res, NULL);
		assert_int_equal(f.db[2], 1);
		complete_first(res.q); /* the device still did this one; its callback sends another */
		assert_int_equal(nvp_qpair_delete(res.q, NULL), 0);
		assert_int_equal(res.calls, 3);
		assert_int_equal(res.status, NVME_SC_ABORT_SQ_DELETION);
		assert_int_equal(f.db[2], 1);
		assert_int_equal(f.db[3], 0);
		nvp_ctrlr_close(c);
	}
}

/* Callbacks of the admin queue come while the I/O queues are not created again yet. */
static void
io_sent_during_a_reset_is_rung(void **state)
{
	struct result res = { 0 };
	struct nvp_ctrlr *c;
	struct fake f;

	(void)state;
	c = open_fake(&f);
	res.q = open_queue(c);
	send_get_features(c, send_flush, &res);
	f.db[2] = 0;
	assert_int_equal(nvp_ctrlr_reset(c), 0);
	assert_int_equal(res.calls, 1);
	assert_int_equal(nvp_qpair_outstanding(res.q), 1);
	assert_int_equal(f.db[2], 1);
	res.calls = 0;
	nvp_qpair_delete(res.q, NULL);
	nvp_ctrlr_close(c);
}

/* Two addresses: what a late device writes for the first does not end up in the data of the second. */
static void
a_late_identify_harms_no_other(void **state)
{
	struct nvp_ctrlr *c;
	struct nvp_ns ns;
	uint64_t first;
	struct fake f;

	(void)state;
	c = open_fake(&f);
	f.mute = NVME_ADM_IDENTIFY;
	assert_int_equal(nvp_ns_open(c, 1, &ns, NULL), -EIO);
	first = f.identify_prp1;
	f.mute = -1;
	assert_int_equal(nvp_ns_open(c, 2, &ns, NULL), -ENODEV); /* all zero */
	assert_int_not_equal(f.identify_prp1, first);
	nvp_ctrlr_close(c);
}

/* The new owner would take the late answer for one to a command of its own. */
static void
a_queue_with_a_lost_command_is_not_handed_over(void **state)
{
	struct nvp_qpair_share s;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	struct nvp_qpair *q;
	struct nvp_ctrlr *c;
	struct nvp_req *r;
	struct fake f;

	(void)state;
	c = open_fake(&f);
	q = open_queue(c);
	nvme_prep_flush(&sqe, 1);
	assert_int_equal(nvp_io(q, &sqe, NULL, 0, &cqe), 0); /* nobody answers on that queue */
	assert_int_equal(le16_get(cqe.status) >> 1 & 0x7ff, 0x7ff);
	assert_int_equal(nvp_qpair_outstanding(q), 0);
	assert_int_equal(nvp_qpair_export(q, &s), -EBUSY);
	complete_first(q);
	assert_int_equal(nvp_qpair_poll(q, 8), 0);
	r = nvp_req_get(q);
	assert_int_equal(nvp_qpair_export(q, &s), -EBUSY);
	nvp_req_put(r);
	assert_int_equal(nvp_qpair_export(q, &s), 0);
	assert_int_equal(nvp_qpair_delete(q, NULL), 0);
	nvp_ctrlr_close(c);
}

/* There may be fewer vectors than queues, but no memory for one is no reason to take another's. */
static void
vectors(void **state)
{
	static const struct {
		int irq_rc, rc;
		uint32_t dw11;
	} cases[] = { { 9, 0, 0x10003 }, { -EINVAL, 0, 3 }, { -ENOTSUP, 0, 3 }, { -ENOMEM, -ENOMEM, 0 } };
	struct nvp_qpair_opts opts = { .depth = 16, .ien = true, .iv = 0xffff };
	struct nvp_ctrlr *c;
	struct nvp_qpair *q;
	struct fake f;

	(void)state;
	c = open_fake(&f);
	for (size_t i = 0; i < UT_ARRAY_LEN(cases); i++) {
		f.irq_rc = cases[i].irq_rc;
		f.create_cq_dw11 = 0;
		assert_int_equal(nvp_qpair_create(c, &opts, &q, NULL), cases[i].rc);
		assert_int_equal(f.create_cq_dw11, cases[i].dw11);
		if (!cases[i].rc)
			nvp_qpair_delete(q, NULL);
	}
	nvp_ctrlr_close(c);
}

struct busy {
	struct nvp_ctrlr *c;
	bool stop;
};

static void
again(void *arg, const struct nvme_cqe *cqe)
{
	struct busy *b = arg;

	(void)cqe;
	if (!b->stop)
		send_get_features(b->c, again, b);
}

/* Completions without end, but not of the command that somebody waits for. */
static void
a_busy_queue_hides_no_timeout(void **state)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_KEEP_ALIVE };
	struct nvme_cqe cqe, none = { 0 };
	struct busy b = { 0 };
	struct fake f;

	(void)state;
	fake_init(&f, FAIL_NONE);
	f.no_map = true;
	f.mute = NVME_ADM_KEEP_ALIVE;
	assert_int_equal(nvp_ctrlr_attach(&f.base, &(struct nvp_ctrlr_opts){ .timeout_ms = 100 }, &b.c), 0);
	f.instant = true;
	again(&b, &none);
	assert_int_equal(nvp_admin(b.c, &sqe, NULL, 0, &cqe), 0);
	assert_int_equal(le16_get(cqe.status) >> 1 & 0x7ff, 0x7ff);
	b.stop = true;
	assert_int_equal(nvp_qpair_wait(nvp_ctrlr_adminq(b.c), 1), 1);
	nvp_ctrlr_close(b.c);
}

static void
an_event_request_is_nothing_to_wait_for(void **state)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_ASYNC_EVENT };
	struct nvme_cqe cqe;
	struct nvp_ctrlr *c;
	struct fake f;

	(void)state;
	c = open_fake(&f);
	assert_int_equal(nvp_admin(c, &sqe, NULL, 0, &cqe), -EINVAL);
	nvp_ctrlr_close(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unconfirmed_delete_keeps_the_memory),
		cmocka_unit_test(an_unconfirmed_create_keeps_the_memory),
		cmocka_unit_test(a_failed_reset_keeps_the_memory),
		cmocka_unit_test(close_of_a_hung_device),
		cmocka_unit_test(no_deletion_from_an_admin_callback),
		cmocka_unit_test(a_deleted_queue_is_rung_no_more),
		cmocka_unit_test(io_sent_during_a_reset_is_rung),
		cmocka_unit_test(a_late_identify_harms_no_other),
		cmocka_unit_test(a_queue_with_a_lost_command_is_not_handed_over),
		cmocka_unit_test(vectors),
		cmocka_unit_test(a_busy_queue_hides_no_timeout),
		cmocka_unit_test(an_event_request_is_nothing_to_wait_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
