/* SPDX-License-Identifier: BSD-3-Clause */
/* Doorbells with values that cannot be, of queues that do not exist, and rings whose memory goes away. */
#include "ssd_rig.h"
#include "nvproof/spec/feat.h"

static uint32_t
events(struct rig *r, uint8_t info)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->ssd->nr_aer_events; i++)
		n += r->ssd->aer_events[i] == ((uint32_t)NVME_LOG_ERROR << 16 | (uint32_t)info << 8 | NVME_AER_ERROR);
	r->ssd->nr_aer_events = 0;
	return n;
}

static void
bad_doorbells(void **state)
{
	struct rig *r = *state;
	volatile uint32_t *db = ssd_doorbells(r->ssd);
	uint64_t errors = r->ssd->error_count;

	rig_flushes(r, 1, 10);
	rig_step(r);
	assert_int_equal(rig_reap_all(r, 1), 10);
	rig_step(r);
	static const uint32_t bad_tails[] = { 64, 65, 0xffff, 0x10000, 0xffffffff };
	for (size_t i = 0; i < UT_ARRAY_LEN(bad_tails); i++) {
		db[16] = bad_tails[i];
		rig_step(r);
		rig_step(r);
		assert_int_equal(events(r, NVME_AER_ERROR_INVALID_DB_VALUE), 1);
		assert_int_equal(r->ssd->error_count, ++errors); /* once, not in each step */
	}
	assert_int_equal(rig_reap_all(r, 1), 0);
	/* "If the error is not specific to a particular command": FFFFh.   NVMe Base, "Error Information". */
	const struct nvme_error_log_entry *e = &r->ssd->errors[(errors - 1) % SSD_ERROR_ENTRIES];
	assert_int_equal(le16_get(e->sqid), 0xffff);
	assert_int_equal(e->cid.raw, 0xffff);
	assert_int_equal(le16_get(e->pel), 0xffff);
	db[16] = 10;
	/* A CQ head beyond what was posted: nothing was taken. */
	static const uint32_t bad_heads[] = { 11, 9, 64, 0xffffffff };
	for (size_t i = 0; i < UT_ARRAY_LEN(bad_heads); i++) {
		db[16 + 8] = bad_heads[i];
		rig_step(r);
		rig_step(r);
		assert_int_equal(events(r, NVME_AER_ERROR_INVALID_DB_VALUE), 1);
		assert_int_equal(r->ssd->error_count, ++errors);
	}
	db[16 + 8] = 10;
	rig_flushes(r, 1, 63);
	rig_step(r);
	assert_int_equal(rig_reap_all(r, 1), 63);
	assert_int_equal(r->ssd->nr_aer_events, 0);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), NVME_CSTS_RDY);
}

/* More entries than the queue holds: while commands wait, the tail may not pass the head. */
static void
tail_passes_head(void **state)
{
	struct rig *r = *state;
	volatile uint32_t *db = ssd_doorbells(r->ssd);
	uint64_t cq = rig_alloc(r, 1), sq = rig_alloc(r, 1);
	struct nvme_cqe cqe;

	assert_int_equal(rig_create_cq(r, 2, 2, cq, -1), 0);
	assert_int_equal(rig_create_sq(r, 2, 16, sq, 2), 0);
	r->q[2] = (struct rig_queue){ .sq = sq, .cq = cq, .sq_size = 16, .cq_size = 2, .phase = 1 };
	rig_flushes(r, 2, 10);
	rig_step(r); /* one is done, nine wait: head 1, tail 10 */
	db[32] = 5;
	rig_step(r);
	assert_int_equal(events(r, NVME_AER_ERROR_INVALID_DB_VALUE), 1);
	db[32] = 10;
	rig_step(r);
	assert_int_equal(r->ssd->nr_aer_events, 0);
	db[32 + 8] = 2; /* a CQ of two entries */
	rig_step(r);
	assert_int_equal(events(r, NVME_AER_ERROR_INVALID_DB_VALUE), 1);
	db[32 + 8] = 0;
	for (int i = 0; i < 10; i++) {
		assert_true(rig_reap(r, 2, &cqe));
		rig_step(r);
	}
	assert_false(rig_reap(r, 2, &cqe));
}

static void
doorbells_of_no_queue(void **state)
{
	struct rig *r = *state;
	volatile uint32_t *db = ssd_doorbells(r->ssd);

	db[16 * 77] = 3;
	rig_step(r);
	assert_int_equal(events(r, NVME_AER_ERROR_INVALID_DB_REG), 1);
	db[16 * 127 + 8] = 3;
	rig_step(r);
	assert_int_equal(events(r, NVME_AER_ERROR_INVALID_DB_REG), 1);
	ssd_bar_write(r->ssd, SSD_BAR_DB + 64 * 5, 4, 1); /* trapped */
	rig_step(r);
	assert_int_equal(events(r, NVME_AER_ERROR_INVALID_DB_REG), 1);
	ssd_bar_write(r->ssd, SSD_BAR_DB + 64 * 5 + 4, 4, 1); /* between two doorbells: nothing */
	rig_step(r);
	assert_int_equal(r->ssd->nr_aer_events, 0);
	db[2] = 99;
	rig_flushes(r, 1, 4);
	rig_step(r);
	assert_int_equal(rig_reap_all(r, 1), 4);
}

static void
trapped_doorbells(void **state)
{
	struct rig *r = *state;
	struct nvme_sqe sqe;

	nvme_prep_flush(&sqe, 1);
	rig_put(r, 1, &sqe);
	ssd_bar_write(r->ssd, nvme_sq_tdbl(1, 3), 4, r->q[1].tail);
	rig_step(r);
	assert_int_equal(rig_reap_all(r, 1), 1);
	assert_int_equal(ssd_bar_read(r->ssd, nvme_cq_hdbl(1, 3), 4), 0);
}

/* The memory of a ring goes away and comes back: the queue goes on; the others never stopped. */
static void
ring_not_there(void **state)
{
	struct rig *r = *state;

	rig_pair(r, 2, 64, -1);
	r->hole = r->q[1].sq;
	r->hole_len = SSD_PAGE;
	ssd_port_changed(r->ssd);
	rig_flushes(r, 1, 3);
	rig_flushes(r, 2, 3);
	rig_step(r);
	rig_step(r);
	assert_int_equal(rig_reap_all(r, 2), 3);
	assert_int_equal(rig_reap_all(r, 1), 0);
	assert_int_equal(events(r, NVME_AER_ERROR_TRANSIENT), 1);
	r->hole_len = 0;
	ssd_port_changed(r->ssd);
	rig_step(r);
	assert_int_equal(rig_reap_all(r, 1), 3);
	r->hole = r->q[1].cq;
	r->hole_len = SSD_PAGE;
	ssd_port_changed(r->ssd);
	uint64_t errors = r->ssd->error_count;
	rig_flushes(r, 1, 5);
	rig_step(r);
	assert_int_equal(r->ssd->error_count, errors + 1);
	assert_int_equal(le16_get(r->ssd->errors[errors % SSD_ERROR_ENTRIES].sqid), 0xffff);
	assert_int_equal(events(r, NVME_AER_ERROR_TRANSIENT), 1);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), NVME_CSTS_RDY);
	assert_int_equal(rig_delete(r, 1, false), 0);
}

/* Who polls asks for the doorbells alone: the same answer as a step would find, for each queue and after each wrap. */
static void
rung(void **state)
{
	struct rig *r = *state;

	for (uint32_t i = 0; i < 200; i++) {
		rig_step(r);
		assert_false(ssd_rung(r->ssd));
		rig_flushes(r, 1, 1 + i % 3);
		assert_true(ssd_rung(r->ssd));
		rig_step(r);
		assert_int_equal(rig_reap_all(r, 1), 1 + i % 3);
		assert_false(ssd_rung(r->ssd)); /* a completion queue's doorbell is no command */
	}
	struct nvme_sqe sqe = { .opc = NVME_ADM_KEEP_ALIVE };
	rig_put(r, 0, &sqe);
	assert_false(ssd_rung(r->ssd));
	rig_ring(r, 0);
	assert_true(ssd_rung(r->ssd));
	rig_step(r);
	assert_int_equal(rig_reap_all(r, 0), 1);
	rig_flushes(r, 1, 1);
	assert_int_equal(rig_delete(r, 1, false), 0);
	assert_false(ssd_rung(r->ssd)); /* not one that is not there any more */
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, rig_setup_pair, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(bad_doorbells),	 WITH(tail_passes_head), WITH(doorbells_of_no_queue),
		WITH(trapped_doorbells), WITH(ring_not_there),	 WITH(rung),
	};

	return cmocka_run_group_tests_name("ssd doorbells", tests, NULL, NULL);
}
