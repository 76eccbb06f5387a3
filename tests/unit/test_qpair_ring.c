/* SPDX-License-Identifier: BSD-3-Clause */
/* When a queue pair rings, how its waits end, what it measures, and what it refuses. */
#include "qpair_cmds.h"

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
		cmocka_unit_test(a_fused_pair_is_rung_once),  cmocka_unit_test(a_lone_first_half_is_rung),
		cmocka_unit_test(a_lazy_pair_waits_for_ring), cmocka_unit_test(a_poll_ends),
		cmocka_unit_test(latency_within_one_batch),   cmocka_unit_test(events_have_the_time_of_day),
		cmocka_unit_test(data_pointer_is_checked),    cmocka_unit_test(a_bad_share_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
