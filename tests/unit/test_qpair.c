/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue pair against a device that does what the script says: also everything that a device must not do. */
#include "qpair_cmds.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
