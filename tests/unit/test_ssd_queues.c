/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues of the software SSD: creation and deletion with every status, wraps and phases, full queues, many queues, doorbells. */
#include "ssd_rig.h"
#include "nvproof/spec/feat.h"

/* The newest error log entry names the field. */
static void
assert_guilty(struct rig *r, uint32_t byte)
{
	const struct nvme_error_log_entry *e = &r->ssd->errors[(r->ssd->error_count - 1) % SSD_ERROR_ENTRIES];

	assert_int_equal(nvme_get(le16_get(e->pel), NVME_PEL_BYTE), byte);
	assert_int_equal(le16_get(e->sqid), 0);
	assert_int_equal(e->cid.raw, (uint16_t)(r->cid - 1));
}

#define DNR_M (NVME_STATUS_DNR | NVME_STATUS_M)

static void
create_statuses(void **state)
{
	struct rig *r = *state;
	uint64_t at = rig_alloc(r, 4);

	assert_int_equal(rig_create_cq(r, 0, 8, at, -1), NVME_SC_INVALID_QID | DNR_M);
	assert_guilty(r, 40);
	assert_int_equal(rig_create_cq(r, 128, 8, at, -1), NVME_SC_INVALID_QID | DNR_M);
	assert_int_equal(rig_create_cq(r, 0xffff, 8, at, -1), NVME_SC_INVALID_QID | DNR_M);
	assert_int_equal(rig_create_cq(r, 1, 1, at, -1), NVME_SC_INVALID_QSIZE | DNR_M);
	assert_guilty(r, 42);
	assert_int_equal(rig_create_cq(r, 1, 65536, at, -1), NVME_SC_INVALID_QSIZE | DNR_M);
	assert_int_equal(rig_create_cq(r, 1, 8, at, 128), NVME_SC_INVALID_VECTOR | DNR_M);
	assert_guilty(r, 46);
	assert_int_equal(rig_create_cq(r, 1, 8, at, 1), NVME_SC_INVALID_VECTOR | DNR_M); /* MSI-X is off */
	assert_int_equal(rig_create_cq(r, 1, 8, at + 4, -1), NVME_SC_PRP_INVALID_OFFSET | DNR_M);
	assert_guilty(r, 24);
	assert_int_equal(rig_create_cq(r, 1, 8, at, 0), 0);
	assert_int_equal(rig_create_cq(r, 1, 8, at, 0), NVME_SC_INVALID_QID | DNR_M);

	assert_int_equal(rig_create_sq(r, 0, 8, at, 1), NVME_SC_INVALID_QID | DNR_M);
	assert_int_equal(rig_create_sq(r, 128, 8, at, 1), NVME_SC_INVALID_QID | DNR_M);
	assert_int_equal(rig_create_sq(r, 2, 8, at, 0), NVME_SC_INVALID_QID | DNR_M);
	assert_guilty(r, 46);
	assert_int_equal(rig_create_sq(r, 2, 8, at, 128), NVME_SC_INVALID_QID | DNR_M);
	assert_int_equal(rig_create_sq(r, 2, 8, at, 2), NVME_SC_CQ_INVALID | DNR_M);
	assert_int_equal(rig_create_sq(r, 2, 1, at, 1), NVME_SC_INVALID_QSIZE | DNR_M);
	assert_int_equal(rig_create_sq(r, 2, 8, at + 2048, 1), NVME_SC_PRP_INVALID_OFFSET | DNR_M);
	assert_int_equal(rig_create_sq(r, 2, 8, at + SSD_PAGE, 1), 0);
	assert_int_equal(rig_create_sq(r, 2, 8, at + SSD_PAGE, 1), NVME_SC_INVALID_QID | DNR_M);
}

static void
entry_sizes_come_first(void **state)
{
	struct rig *r = rig_open();
	uint64_t at = rig_alloc(r, 2);

	*state = r;
	assert_int_equal(rig_enable_cc(r, 32, 1), NVME_CSTS_RDY);
	assert_int_equal(rig_sc(rig_create_cq(r, 1, 8, at, -1)), NVME_SC_INVALID_QSIZE);
	rig_set(r, NVME_REG_CC, RIG_CC);
	assert_int_equal(rig_create_cq(r, 1, 8, at, -1), 0);
	assert_int_equal(rig_create_sq(r, 1, 8, at + SSD_PAGE, 1), 0);
}

static void
delete_statuses(void **state)
{
	struct rig *r = *state;
	struct nvme_cqe cqe;
	uint64_t at = rig_alloc(r, 1);

	assert_int_equal(rig_delete(r, 0, false), NVME_SC_INVALID_QID | DNR_M);
	assert_int_equal(rig_delete(r, 0, true), NVME_SC_INVALID_QID | DNR_M);
	assert_int_equal(rig_delete(r, 9, false), NVME_SC_INVALID_QID | DNR_M);
	assert_int_equal(rig_delete(r, 0xffff, false), NVME_SC_INVALID_QID | DNR_M);
	assert_int_equal(rig_delete(r, 0xffff, true), NVME_SC_INVALID_QID | DNR_M);
	assert_int_equal(rig_delete(r, 1, true), NVME_SC_INVALID_QUEUE_DELETION | DNR_M);
	assert_int_equal(rig_create_sq(r, 2, 8, at, 1), 0); /* a second SQ on that CQ */
	assert_int_equal(rig_delete(r, 1, false), 0);
	assert_int_equal(rig_delete(r, 1, true), NVME_SC_INVALID_QUEUE_DELETION | DNR_M);
	assert_int_equal(rig_delete(r, 1, false), NVME_SC_INVALID_QID | DNR_M);
	assert_int_equal(rig_delete(r, 2, false), 0);
	assert_int_equal(rig_delete(r, 1, true), 0);
	assert_int_equal(rig_delete(r, 1, true), NVME_SC_INVALID_QID | DNR_M);
	/* The same identifiers again: head, tail, phase and doorbells start anew. */
	rig_pair(r, 1, 8, -1);
	rig_flushes(r, 1, 5);
	rig_step(r);
	assert_int_equal(rig_reap_all(r, 1), 5);
	assert_false(rig_peek(r, 1, &cqe));
}

static void
wraps(void **state)
{
	struct rig *r = *state;

	rig_pair(r, 2, 2, -1);
	rig_pair(r, 3, 7, -1);
	for (int i = 0; i < 50; i++) {
		for (uint16_t q = 2; q <= 3; q++) {
			rig_flushes(r, q, q == 2 ? 1 : (uint32_t)i % 6 + 1);
			rig_step(r);
			assert_int_equal(rig_reap_all(r, q), q == 2 ? 1 : i % 6 + 1);
		}
	}
}

/* The largest queue there is: 65,535 entries, filled to the last one. */
static void
largest(void **state)
{
	struct rig *r = *state;

	rig_pair(r, 2, 65535, -1);
	rig_flushes(r, 2, 65534);
	rig_step(r);
	assert_int_equal(rig_reap_all(r, 2), 65534);
	rig_flushes(r, 2, 3);
	rig_step(r);
	assert_int_equal(rig_reap_all(r, 2), 3);
}

static void
not_contiguous(void **state)
{
	struct rig *r = *state;

	rig_pair_pages(r, 2, 200); /* four pages and one */
	rig_pair_pages(r, 3, 40000); /* 625 and 157 pages: the list goes on in a second page */
	rig_pair_pages(r, 4, 32768); /* 512 pages: a list that fills its page to the end */
	rig_flushes(r, 4, 32767);
	rig_step(r);
	assert_int_equal(rig_reap_all(r, 4), 32767);
	for (int i = 0; i < 5; i++) {
		rig_flushes(r, 2, 150);
		rig_step(r);
		assert_int_equal(rig_reap_all(r, 2), 150);
		rig_flushes(r, 3, 30001);
		rig_step(r);
		assert_int_equal(rig_reap_all(r, 3), 30001);
	}
}

static void
not_contiguous_bad_lists(void **state)
{
	struct rig *r = *state;
	uint64_t list = rig_alloc(r, 1), data = rig_alloc(r, 2);
	struct nvme_sqe sqe;

	rig_le64(r, list)[0] = le64_from(data);
	rig_le64(r, list)[1] = le64_from(data + SSD_PAGE + 8);
	nvme_prep_create_io_cq(&sqe, 2, 512, list, -1);
	sqe.cdw11 = le32_from(0);
	assert_int_equal(rig_sc(rig_admin(r, &sqe)), NVME_SC_PRP_INVALID_OFFSET);
	sqe.prp1 = le64_from(0x1000); /* nothing there */
	assert_int_equal(rig_admin(r, &sqe), NVME_SC_DATA_TRANSFER | NVME_STATUS_M);
	rig_le64(r, list)[1] = le64_from(data + SSD_PAGE);
	sqe.prp1 = le64_from(list + 8);
	assert_int_equal(rig_sc(rig_admin(r, &sqe)), NVME_SC_PRP_INVALID_OFFSET);
	sqe.prp1 = le64_from(list);
	assert_int_equal(rig_admin(r, &sqe), 0);
}

static void
through_mem_read(void **state)
{
	struct rig *r = *state;

	r->no_map = true;
	ssd_port_changed(r->ssd);
	rig_pair_pages(r, 2, 200);
	rig_pair(r, 3, 33, -1);
	for (int i = 0; i < 10; i++) {
		rig_flushes(r, 1, 50);
		rig_flushes(r, 2, 150);
		rig_flushes(r, 3, 32);
		rig_step(r);
		assert_int_equal(rig_reap_all(r, 1), 50);
		assert_int_equal(rig_reap_all(r, 2), 150);
		assert_int_equal(rig_reap_all(r, 3), 32);
	}
}

/* A CQ that is full holds the commands back, and nothing is lost or done twice. */
static void
cq_full(void **state)
{
	struct rig *r = *state;
	uint64_t cq = rig_alloc(r, 1), sq = rig_alloc(r, 1);
	struct nvme_cqe cqe;

	assert_int_equal(rig_create_cq(r, 2, 4, cq, -1), 0);
	assert_int_equal(rig_create_sq(r, 2, 32, sq, 2), 0);
	r->q[2] = (struct rig_queue){ .sq = sq, .cq = cq, .sq_size = 32, .cq_size = 4, .phase = 1 };
	uint64_t other = r->sub->stats.cmds_other;
	rig_flushes(r, 2, 20);
	rig_step(r);
	assert_int_equal(r->sub->stats.cmds_other - other, 3);
	for (int i = 0; i < 20; i++) {
		assert_true(rig_reap(r, 2, &cqe));
		assert_int_equal(cqe.cid, (uint16_t)(r->cid - 20 + i));
		rig_step(r);
		assert_int_equal(le16_get(cqe.sqhd), i + 1);
	}
	assert_false(rig_reap(r, 2, &cqe));
	assert_int_equal(r->sub->stats.cmds_other - other, 20);
}

static void
shared_cq(void **state)
{
	struct rig *r = *state;
	uint64_t cq = rig_alloc(r, 1), sq = rig_alloc(r, 4);
	uint32_t seen[4] = { 0 };
	struct nvme_cqe cqe;

	assert_int_equal(rig_create_cq(r, 9, 6, cq, -1), 0);
	for (uint16_t i = 0; i < 4; i++) {
		assert_int_equal(rig_create_sq(r, (uint16_t)(2 + i), 16, sq + i * SSD_PAGE, 9), 0);
		r->q[2 + i] = (struct rig_queue){ .sq = sq + i * SSD_PAGE, .sq_size = 16 };
		rig_flushes(r, (uint16_t)(2 + i), 15);
	}
	r->q[9] = (struct rig_queue){ .cq = cq, .cq_size = 6, .phase = 1 };
	for (int i = 0; i < 60; i++) {
		rig_step(r);
		assert_true(rig_reap(r, 9, &cqe));
		uint32_t which = le16_get(cqe.sqid) - 2u;
		assert_true(which < 4);
		assert_int_equal(le16_get(cqe.sqhd), ++seen[which]);
	}
	rig_step(r);
	assert_false(rig_reap(r, 9, &cqe));
	assert_int_equal(rig_sc(rig_delete(r, 9, true)), NVME_SC_INVALID_QUEUE_DELETION);
}

static void
all_queues_at_once(void **state)
{
	struct rig *r = *state;

	for (uint16_t q = 2; q < SSD_MAX_QUEUES; q++)
		rig_pair(r, q, 33, -1);
	for (int round = 0; round < 3; round++) {
		for (uint16_t q = 1; q < SSD_MAX_QUEUES; q++)
			rig_flushes(r, q, 32);
		rig_step(r);
		for (uint16_t q = 1; q < SSD_MAX_QUEUES; q++)
			assert_int_equal(rig_reap_all(r, q), 32);
	}
	for (uint16_t q = 1; q < SSD_MAX_QUEUES; q++) {
		assert_int_equal(rig_delete(r, q, false), 0);
		assert_int_equal(rig_delete(r, q, true), 0);
	}
}

/* A queue that always has work does not starve another: within a round each gets its burst. */
static void
round_robin(void **state)
{
	struct rig *r = *state;
	struct nvme_sqe sqe;
	uint64_t cq = rig_alloc(r, 2), sq = rig_alloc(r, 8);
	struct nvme_cqe cqe;
	uint16_t order[24];

	nvme_prep_set_features(&sqe, NVME_FEAT_ARBITRATION, 0, 2, 0); /* bursts of 4 */
	assert_int_equal(rig_admin(r, &sqe), 0);
	assert_int_equal(rig_create_cq(r, 9, 256, cq, -1), 0);
	for (uint16_t i = 0; i < 2; i++) {
		assert_int_equal(rig_create_sq(r, (uint16_t)(2 + i), 128, sq + i * 4 * SSD_PAGE, 9), 0);
		r->q[2 + i] = (struct rig_queue){ .sq = sq + i * 4 * SSD_PAGE, .sq_size = 128 };
	}
	rig_flushes(r, 2, 12);
	rig_flushes(r, 3, 12);
	r->q[9] = (struct rig_queue){ .cq = cq, .cq_size = 256, .phase = 1 };
	rig_step(r);
	for (int i = 0; i < 24; i++) {
		assert_true(rig_reap(r, 9, &cqe));
		order[i] = le16_get(cqe.sqid);
	}
	for (int i = 0; i < 24; i++)
		assert_int_equal(order[i], i / 4 % 2 ? 3 : 2);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, rig_setup_pair, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(create_statuses, rig_setup, rig_teardown),
		cmocka_unit_test_teardown(entry_sizes_come_first, rig_teardown),
		WITH(delete_statuses),
		WITH(wraps),
		WITH(largest),
		WITH(not_contiguous),
		WITH(not_contiguous_bad_lists),
		WITH(through_mem_read),
		WITH(cq_full),
		WITH(shared_cq),
		WITH(all_queues_at_once),
		WITH(round_robin),
	};

	return cmocka_run_group_tests_name("ssd queues", tests, NULL, NULL);
}
