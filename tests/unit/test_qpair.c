/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue pair against a device that does what the script says: also everything that a device must not do. */
#include "fake_queue.h"

#include <errno.h>

#include "nvproof/spec/prep_nvm.h"

struct result {
	int calls;
	uint32_t dw0;
	uint16_t status; /* as in the CQE */
	uint16_t cid;
	struct nvp_qpair *again; /* submit another one from the callback */
};

static void
on_done(void *arg, const struct nvme_cqe *cqe)
{
	struct result *res = arg;
	struct nvp_req *r;

	res->calls++;
	res->dw0 = le32_get(cqe->dw0);
	res->status = le16_get(cqe->status);
	res->cid = cqe->cid;
	if (!res->again)
		return;
	assert_int_equal(nvp_qpair_poll(res->again, 1), -EDEADLK);
	r = nvp_req_get(res->again);
	assert_non_null(r); /* the request that just ended is free again */
	nvme_prep_flush(nvp_req_sqe(r), 1);
	res->again = NULL;
	nvp_req_submit(r, on_done, res);
}

static uint16_t
send_read(struct nvp_qpair *q, struct result *res)
{
	struct nvp_req *r = nvp_req_get(q);

	assert_non_null(r);
	nvme_prep_read(nvp_req_sqe(r), 1, 0x1234, 8);
	nvp_req_submit(r, on_done, res);
	return nvp_req_cid(r);
}

static uint32_t
events(struct fake_queue *f, enum nvp_event_kind kind)
{
	struct nvp_event ev[16];
	uint32_t n = nvp_qpair_events(f->q, ev, 16);

	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(ev[i].kind, kind);
		assert_int_equal(ev[i].qid, FAKE_QID);
	}
	return n;
}

static void
one_command(void **state)
{
	struct result res = { 0 };
	struct fake_queue f;
	uint64_t cmds, bytes;
	struct nvme_sqe *slot;
	uint16_t cid;

	(void)state;
	fake_open(&f, 8, false);
	cid = send_read(f.q, &res);
	assert_int_equal(f.db[0], 1);
	slot = &f.q->mq.sq[0];
	assert_int_equal(slot->opc, NVME_OPC_READ);
	assert_int_equal(slot->cid, cid);
	assert_int_equal(le32_get(slot->cdw10), 0x1234);
	assert_int_equal(nvp_qpair_poll(f.q, 8), 0);
	f.now_ns += 500;
	fake_post(&f, cid, FAKE_QID, 1, 0);
	assert_int_equal(nvp_qpair_poll(f.q, 8), 1);
	assert_int_equal(res.calls, 1);
	assert_int_equal(res.dw0, 0xd0000000u | cid);
	assert_int_equal(f.db[1], 1);
	assert_int_equal(nvp_qpair_latest_cid(f.q), cid);
	assert_int_equal(nvp_qpair_latest_latency_ns(f.q), 500);
	nvp_qpair_stat(f.q, &cmds, &bytes);
	assert_int_equal(cmds, 1);
	assert_int_equal(bytes, 0);
	fake_close(&f);
}

/* Depth N holds N - 1; every slot and both rings wrap many times. */
static void
wrap_at(uint32_t depth, uint32_t rounds)
{
	struct result res = { 0 };
	struct fake_queue f;
	uint16_t *cids = calloc(depth, sizeof(*cids));
	int total = 0;

	fake_open(&f, depth, true);
	while (rounds--) {
		uint32_t old = f.db[0], n;

		for (n = 0; n < depth - 1; n++)
			cids[n] = send_read(f.q, &res);
		assert_null(nvp_req_get(f.q));
		assert_int_equal(f.db[0], old); /* lazy: nothing rang yet */
		nvp_qpair_ring(f.q);
		assert_int_equal(f.db[0], (old + depth - 1) % depth);
		while (n--)
			fake_ok(&f, cids[n]); /* backwards: any order is legal */
		assert_int_equal(nvp_qpair_poll(f.q, UINT32_MAX), depth - 1);
		assert_int_equal(f.db[1], f.tail);
		total += (int)depth - 1;
		assert_int_equal(res.calls, total);
	}
	assert_int_equal(nvp_qpair_outstanding(f.q), 0);
	assert_int_equal(events(&f, 0), 0);
	free(cids);
	fake_close(&f);
}

static void
wrap_at_odd_depths(void **state)
{
	(void)state;
	wrap_at(2, 9);
	wrap_at(3, 9);
	wrap_at(255, 5);
	wrap_at(65535, 2);
	wrap_at(65536, 2);
}

static void
poll_takes_at_most_max(void **state)
{
	struct result res = { 0 };
	struct fake_queue f;

	(void)state;
	fake_open(&f, 8, false);
	for (int i = 0; i < 5; i++)
		fake_ok(&f, send_read(f.q, &res));
	assert_int_equal(nvp_qpair_poll(f.q, 2), 2);
	assert_int_equal(f.db[1], 2);
	assert_int_equal(nvp_qpair_wait(f.q, 1), 1);
	assert_int_equal(res.calls, 3);
	assert_int_equal(nvp_qpair_wait(f.q, 10), 2); /* fewer: nothing is outstanding any more */
	assert_int_equal(nvp_qpair_wait(f.q, 1), 0);
	fake_close(&f);
}

static void
a_callback_submits(void **state)
{
	struct result res = { 0 };
	struct fake_queue f;
	uint16_t cid;

	(void)state;
	fake_open(&f, 2, false);
	res.again = f.q;
	cid = send_read(f.q, &res);
	fake_ok(&f, cid);
	assert_int_equal(nvp_qpair_poll(f.q, 8), 1);
	assert_int_equal(f.q->mq.sq[1].opc, NVME_OPC_FLUSH);
	assert_int_equal(nvp_qpair_outstanding(f.q), 1);
	fake_ok(&f, cid);
	assert_int_equal(nvp_qpair_wait(f.q, 1), 1);
	assert_int_equal(res.calls, 2);
	fake_close(&f);
}

static void
stray_completions(void **state)
{
	struct result res = { 0 };
	struct fake_queue f;
	uint16_t cid;

	(void)state;
	fake_open(&f, 8, false);
	fake_ok(&f, 0); /* nothing was sent */
	fake_ok(&f, 7); /* beyond the requests: depth 8 has CIDs 0 to 6 */
	fake_ok(&f, 0xffff);
	assert_int_equal(nvp_qpair_poll(f.q, 8), 0);
	assert_int_equal(f.db[1], 3); /* taken, though they are nobody's */
	assert_int_equal(events(&f, NVP_EVENT_UNEXPECTED_CID), 3);

	cid = send_read(f.q, &res);
	fake_ok(&f, cid);
	fake_ok(&f, cid); /* twice */
	assert_int_equal(nvp_qpair_poll(f.q, 8), 1);
	assert_int_equal(res.calls, 1);
	assert_int_equal(events(&f, NVP_EVENT_UNEXPECTED_CID), 1);
	fake_close(&f);
}

static void
a_got_request_is_not_outstanding(void **state)
{
	struct fake_queue f;
	struct nvp_req *r;

	(void)state;
	fake_open(&f, 4, false);
	r = nvp_req_get(f.q);
	fake_ok(&f, nvp_req_cid(r));
	assert_int_equal(nvp_qpair_poll(f.q, 8), 0);
	assert_int_equal(events(&f, NVP_EVENT_UNEXPECTED_CID), 1);
	nvp_req_put(r);
	fake_close(&f);
}

static void
wrong_queue_and_head(void **state)
{
	struct result res = { 0 };
	struct fake_queue f;
	uint16_t cid;

	(void)state;
	fake_open(&f, 8, false);
	cid = send_read(f.q, &res);
	fake_post(&f, cid, FAKE_QID + 1, 1, 0);
	assert_int_equal(nvp_qpair_poll(f.q, 8), 0);
	assert_int_equal(res.calls, 0); /* of another queue: the command is still outstanding */
	assert_int_equal(events(&f, NVP_EVENT_BAD_SQID), 1);
	fake_post(&f, cid, FAKE_QID, 8, 0);
	assert_int_equal(nvp_qpair_poll(f.q, 8), 1);
	assert_int_equal(res.calls, 1); /* the command did end; only the head is nonsense */
	assert_int_equal(events(&f, NVP_EVENT_BAD_SQHD), 1);
	fake_close(&f);
}

static void
wrong_phase_is_not_seen(void **state)
{
	struct result res = { 0 };
	struct fake_queue f;
	uint16_t cid;

	(void)state;
	fake_open(&f, 4, false);
	cid = send_read(f.q, &res);
	f.phase = 0;
	fake_ok(&f, cid);
	assert_int_equal(nvp_qpair_poll(f.q, 8), 0);
	assert_int_equal(f.db[1], 0);
	f.phase = 1;
	f.tail = 0;
	fake_ok(&f, cid);
	assert_int_equal(nvp_qpair_poll(f.q, 8), 1);
	fake_close(&f);
}

static void
timeout_and_late_completion(void **state)
{
	struct result res = { 0 };
	struct fake_queue f;
	uint16_t cid;

	(void)state;
	fake_open(&f, 2, false);
	cid = send_read(f.q, &res);
	f.now_ns += 999000000;
	assert_int_equal(nvp_qpair_expire(f.q), 0);
	assert_int_equal(nvp_qpair_wait(f.q, 1), 1); /* the wait itself notices */
	assert_int_equal(res.calls, 1);
	assert_int_equal(res.dw0, UINT32_MAX);
	assert_int_equal(res.status >> 1 & 0x7ff, 0x7ff);
	assert_int_equal(res.cid, cid);
	assert_int_equal(events(&f, NVP_EVENT_TIMEOUT), 1);
	assert_int_equal(nvp_qpair_outstanding(f.q), 0);
	assert_null(nvp_req_get(f.q)); /* the device may still use the CID and its memory */
	assert_int_equal(nvp_qpair_expire(f.q), 0);

	fake_ok(&f, cid);
	assert_int_equal(nvp_qpair_poll(f.q, 8), 0);
	assert_int_equal(res.calls, 1); /* exactly once */
	assert_int_equal(events(&f, NVP_EVENT_LATE_CQE), 1);
	assert_int_equal(send_read(f.q, &res), cid);
	fake_ok(&f, cid);
	assert_int_equal(nvp_qpair_wait(f.q, 1), 1);
	fake_close(&f);
}

static void
only_what_is_due_expires(void **state)
{
	struct result res[2] = { 0 };
	struct fake_queue f;

	(void)state;
	fake_open(&f, 8, false);
	send_read(f.q, &res[0]);
	f.now_ns += 600000000;
	nvp_qpair_set_timeout_ms(f.q, 5000); /* for those submitted from now on */
	send_read(f.q, &res[1]);
	f.now_ns += 600000000;
	assert_int_equal(nvp_qpair_expire(f.q), 1);
	assert_int_equal(res[0].calls, 1);
	assert_int_equal(res[1].calls, 0);
	f.now_ns += 5000000000;
	assert_int_equal(nvp_qpair_expire(f.q), 1);
	assert_int_equal(res[1].calls, 1);
	fake_close(&f);
}

/* A shorter timeout after a longer one is not hidden by it. */
static void
a_shorter_timeout_counts(void **state)
{
	struct result res = { 0 };
	struct fake_queue f;

	(void)state;
	fake_open(&f, 8, false);
	send_read(f.q, &res);
	nvp_qpair_set_timeout_ms(f.q, 10);
	send_read(f.q, &res);
	f.now_ns += 11000000;
	assert_int_equal(nvp_qpair_expire(f.q), 1);
	fake_close(&f);
}

static void
deletion_ends_commands(void **state)
{
	struct result res = { 0 };
	struct fake_queue f;

	(void)state;
	fake_open(&f, 4, false);
	send_read(f.q, &res);
	send_read(f.q, &res);
	fake_close(&f);
	assert_int_equal(res.calls, 2);
	assert_int_equal(res.status >> 1, 0x008);
}

static void
send_fused(struct nvp_qpair *q, uint8_t fuse, struct result *res)
{
	struct nvp_req *r = nvp_req_get(q);

	assert_non_null(r);
	nvme_prep_lba_cmd(nvp_req_sqe(r), fuse == NVME_FUSE_FIRST ? NVME_OPC_COMPARE : NVME_OPC_WRITE, 1, 0, 1);
	nvp_req_sqe(r)->flags |= fuse;
	nvp_req_submit(r, on_done, res);
}

/* NVMe Base, "Fused Operations": both commands are made visible with one update of the tail doorbell. */
static void
a_fused_pair_is_rung_once(void **state)
{
	struct result res = { 0 };
	struct fake_queue f;

	(void)state;
	fake_open(&f, 4, false);
	for (uint32_t i = 0; i < 5; i++) { /* the pair wraps around the ring, too */
		uint32_t old = f.db[0];

		send_fused(f.q, NVME_FUSE_FIRST, &res);
		assert_int_equal(f.db[0], old);
		send_fused(f.q, NVME_FUSE_SECOND, &res);
		assert_int_equal(f.db[0], (old + 2) % 4);
		for (uint32_t k = 0; k < 2; k++)
			fake_ok(&f, f.q->mq.sq[(old + k) % 4].cid);
		assert_int_equal(nvp_qpair_poll(f.q, 8), 2);
	}
	fake_close(&f);
}

/* Half a pair is the caller's business; it is not kept back. */
static void
a_lone_first_half_is_rung(void **state)
{
	struct result res = { 0 };
	struct fake_queue f;

	(void)state;
	fake_open(&f, 8, false);
	send_fused(f.q, NVME_FUSE_FIRST, &res);
	assert_int_equal(f.db[0], 0);
	assert_int_equal(nvp_qpair_poll(f.q, 8), 0);
	assert_int_equal(f.db[0], 1);
	send_fused(f.q, NVME_FUSE_FIRST, &res);
	assert_int_equal(nvp_qpair_wait(f.q, 2), 2); /* by their timeout */
	assert_int_equal(f.db[0], 2);
	send_fused(f.q, NVME_FUSE_FIRST, &res);
	send_read(f.q, &res); /* not the second half, but a command that is to be done */
	assert_int_equal(f.db[0], 4);
	send_fused(f.q, NVME_FUSE_SECOND, &res);
	assert_int_equal(f.db[0], 5);
	fake_close(&f);
}

static void
a_lazy_pair_waits_for_ring(void **state)
{
	struct result res = { 0 };
	struct fake_queue f;

	(void)state;
	fake_open(&f, 8, true);
	send_fused(f.q, NVME_FUSE_FIRST, &res);
	send_fused(f.q, NVME_FUSE_SECOND, &res);
	assert_int_equal(f.db[0], 0);
	nvp_qpair_ring(f.q);
	assert_int_equal(f.db[0], 2);
	fake_close(&f);
}

/* A device that completes as fast as it is read: the callback acts for it. */
struct flood {
	struct fake_queue *f;
	uint32_t calls;
};

static void
flood_on(void *arg, const struct nvme_cqe *cqe)
{
	struct flood *fl = arg;
	struct nvp_req *r = nvp_req_get(fl->f->q);

	(void)cqe;
	if (fl->calls++ > 1000 || !r)
		return;
	nvme_prep_flush(nvp_req_sqe(r), 1);
	nvp_req_submit(r, flood_on, fl);
	fake_ok(fl->f, nvp_req_cid(r));
}

static void
a_poll_ends(void **state)
{
	struct fake_queue f;
	struct flood fl = { .f = &f };
	struct nvme_cqe none = { 0 };

	(void)state;
	fake_open(&f, 8, false);
	flood_on(&fl, &none);
	assert_int_equal(nvp_qpair_poll(f.q, UINT32_MAX), 8);
	fl.calls = 2000;
	fake_close(&f);
}

/* Sent by a callback and done before the batch in which that one runs is over. */
static void
slow_callback(void *arg, const struct nvme_cqe *cqe)
{
	struct flood *fl = arg;

	fl->f->now_ns += 5000;
	flood_on(fl, cqe);
	fl->f->now_ns += 300;
}

static void
latency_within_one_batch(void **state)
{
	struct fake_queue f;
	struct flood fl = { .f = &f, .calls = 1000 };
	struct nvp_req *r;

	(void)state;
	fake_open(&f, 8, false);
	r = nvp_req_get(f.q);
	nvme_prep_flush(nvp_req_sqe(r), 1);
	nvp_req_submit(r, slow_callback, &fl);
	fake_ok(&f, nvp_req_cid(r));
	assert_int_equal(nvp_qpair_poll(f.q, 8), 2);
	assert_int_equal(nvp_qpair_latest_latency_ns(f.q), 300);
	fake_close(&f);
}

/* Whoever compares an event with the time of other things wants one clock. */
static void
events_have_the_time_of_day(void **state)
{
	struct ut_clock *real = ut_clock_real();
	struct fake_queue f;
	struct nvp_event ev;
	uint64_t now;

	(void)state;
	fake_open(&f, 8, false);
	f.q->clock = real;
	now = ut_mono_ns();
	fake_ok(&f, 0);
	assert_int_equal(nvp_qpair_poll(f.q, 8), 0);
	assert_int_equal(nvp_qpair_events(f.q, &ev, 1), 1);
	assert_true(ev.time_ns >= now && ev.time_ns < now + 1000000000);
	f.q->clock = &f.clock;
	fake_close(&f);
}

static void
data_pointer_is_checked(void **state)
{
	struct fake_queue f;
	struct nvp_buf buf = { .iova = 0x200000000, .len = 8192 };
	struct result res = { 0 };
	struct nvp_req *r;
	uint64_t cmds, bytes;

	(void)state;
	fake_open(&f, 4, false);
	r = nvp_req_get(f.q);
	nvme_prep_read(nvp_req_sqe(r), 1, 0, 8);
	assert_int_equal(nvp_req_data(r, &buf, 4096, 4097), -EINVAL);
	assert_int_equal(nvp_req_data(r, &buf, UINT64_MAX, 2), -EINVAL);
	assert_int_equal(nvp_req_data_sgl(r, &buf, 8193, 0), -EINVAL);
	assert_int_equal(nvp_req_data(r, &buf, 4096, 4096), 0);
	assert_int_equal(le64_get(nvp_req_sqe(r)->prp1), 0x200001000);
	nvp_req_submit(r, on_done, &res);
	fake_ok(&f, nvp_req_cid(r));
	assert_int_equal(nvp_qpair_poll(f.q, 1), 1);
	nvp_qpair_stat(f.q, &cmds, &bytes);
	assert_int_equal(bytes, 4096);
	fake_close(&f);
}

static void
a_bad_share_is_refused(void **state)
{
	struct fake_queue f;
	struct nvp_qpair_share good = { .size = sizeof(good),
					.depth = 4,
					.page_shift = 12,
					.db_len = 4096,
					.cq_db_off = 4 },
			       s;
	struct nvp_share_region unmapped;
	struct nvp_qpair *q;

	(void)state;
	fake_open(&f, 8, false);
	unmapped = f.region;
	good.sq_iova = good.cq_iova = good.lists_iova = f.region.iova;
	s = good;
	s.size--;
	assert_int_equal(nvp_qpair_import(&s, &f.region, 1, f.db, &q), -EINVAL);
	s = good;
	s.depth = 1;
	assert_int_equal(nvp_qpair_import(&s, &f.region, 1, f.db, &q), -EINVAL);
	s = good;
	s.sq_iova += f.region.len - 64;
	assert_int_equal(nvp_qpair_import(&s, &f.region, 1, f.db, &q), -EINVAL);
	s = good;
	s.cq_db_off = 4096;
	assert_int_equal(nvp_qpair_import(&s, &f.region, 1, f.db, &q), -EINVAL);
	s = good;
	s.db_len = 6; /* not a page: the doorbell would reach over its end */
	assert_int_equal(nvp_qpair_import(&s, &f.region, 1, f.db, &q), -EINVAL);
	s = good;
	s.lists_iova += 8;
	assert_int_equal(nvp_qpair_import(&s, &f.region, 1, f.db, &q), -EINVAL);
	unmapped.va = NULL;
	assert_int_equal(nvp_qpair_import(&good, &unmapped, 1, f.db, &q), -EINVAL);
	assert_int_equal(nvp_qpair_import(&good, &f.region, 1, f.db, &q), 0);
	nvp_qpair_delete(q, NULL);
	fake_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_command),
		cmocka_unit_test(wrap_at_odd_depths),
		cmocka_unit_test(poll_takes_at_most_max),
		cmocka_unit_test(a_callback_submits),
		cmocka_unit_test(stray_completions),
		cmocka_unit_test(a_got_request_is_not_outstanding),
		cmocka_unit_test(wrong_queue_and_head),
		cmocka_unit_test(wrong_phase_is_not_seen),
		cmocka_unit_test(timeout_and_late_completion),
		cmocka_unit_test(only_what_is_due_expires),
		cmocka_unit_test(a_shorter_timeout_counts),
		cmocka_unit_test(deletion_ends_commands),
		cmocka_unit_test(a_fused_pair_is_rung_once),
		cmocka_unit_test(a_lone_first_half_is_rung),
		cmocka_unit_test(a_lazy_pair_waits_for_ring),
		cmocka_unit_test(a_poll_ends),
		cmocka_unit_test(latency_within_one_batch),
		cmocka_unit_test(events_have_the_time_of_day),
		cmocka_unit_test(data_pointer_is_checked),
		cmocka_unit_test(a_bad_share_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
