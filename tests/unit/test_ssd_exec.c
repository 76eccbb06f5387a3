/* SPDX-License-Identifier: BSD-3-Clause */
/* What all commands of the software SSD share: checks, fused pairs, the error log, events, Abort, Keep Alive. */
#include "ssd_rig.h"
#include "nvproof/spec/feat.h"

#define DNR_M (NVME_STATUS_DNR | NVME_STATUS_M)

static const struct nvme_error_log_entry *
newest(struct rig *r)
{
	return &r->ssd->errors[(r->ssd->error_count - 1) % SSD_ERROR_ENTRIES];
}

static void
common_checks(void **state)
{
	struct rig *r = *state;
	struct nvme_sqe sqe;

	nvme_prep_flush(&sqe, 1);
	sqe.opc = 0xff;
	assert_int_equal(rig_cmd(r, 1, &sqe, NULL), NVME_SC_INVALID_OPCODE | DNR_M);
	assert_int_equal(le16_get(newest(r)->pel), 0);
	assert_int_equal(newest(r)->opc, 0xff);
	sqe.opc = 0xff;
	assert_int_equal(rig_admin(r, &sqe), NVME_SC_INVALID_OPCODE | DNR_M);
	static const uint32_t nsids[] = { 0, 3, 33, 0xfffffffe, 0xffffffff };
	for (size_t i = 0; i < UT_ARRAY_LEN(nsids); i++) {
		nvme_prep_verify(&sqe, nsids[i], 0, 1);
		assert_int_equal(rig_cmd(r, 1, &sqe, NULL), NVME_SC_INVALID_NS | DNR_M);
		assert_int_equal(le16_get(newest(r)->pel), 4);
		assert_int_equal(le32_get(newest(r)->nsid), nsids[i]);
	}
	nvme_prep_flush(&sqe, NVME_NSID_ALL);
	assert_int_equal(rig_cmd(r, 1, &sqe, NULL), 0);
	nvme_prep_keep_alive(&sqe);
	sqe.flags = 1;
	assert_int_equal(rig_admin(r, &sqe), NVME_SC_INVALID_FIELD | DNR_M);
	assert_int_equal(le16_get(newest(r)->pel), 1);
	nvme_prep_flush(&sqe, 1);
	sqe.flags = 3;
	assert_int_equal(rig_cmd(r, 1, &sqe, NULL), NVME_SC_INVALID_FIELD | DNR_M);
}

static void
error_log(void **state)
{
	struct rig *r = *state;
	struct nvme_sqe sqe;
	uint64_t before = r->sub->smart.error_entries;

	for (uint32_t i = 0; i < 70; i++) {
		nvme_prep_verify(&sqe, 1, 1000000 + i, 1);
		assert_int_equal(rig_sc(rig_cmd(r, 1, &sqe, NULL)), NVME_SC_LBA_RANGE);
	}
	assert_int_equal(r->ssd->error_count, 70);
	assert_int_equal(r->sub->smart.error_entries - before, 70);
	assert_int_equal(le64_get(newest(r)->ec), 70);
	assert_int_equal(le64_get(r->ssd->errors[6].ec), 7); /* 1 to 6 were overwritten */
	assert_int_equal(le16_get(newest(r)->sqid), 1);
	assert_int_equal(newest(r)->cid.raw, (uint16_t)(r->cid - 1));
	assert_int_equal(nvme_get(le16_get(newest(r)->si), NVME_SI_SF), NVME_SC_LBA_RANGE | DNR_M);
	assert_int_equal(le32_get(newest(r)->nsid), 1);
}

/* A pair of Compare and Write for `nlb` blocks of LBA 8; the data of both is at buf and buf + 4096. */
static void
pair(struct nvme_sqe *cmp, struct nvme_sqe *wr, uint64_t buf)
{
	nvme_prep_compare(cmp, 1, 8, 8);
	nvme_prep_write(wr, 1, 8, 8);
	cmp->flags = NVME_FUSE_FIRST;
	wr->flags = NVME_FUSE_SECOND;
	cmp->prp1 = le64_from(buf);
	wr->prp1 = le64_from(buf + SSD_PAGE);
}

static void
run_two(struct rig *r, struct nvme_sqe *a, struct nvme_sqe *b, nvme_status st_a, nvme_status st_b)
{
	struct nvme_cqe cqe;

	rig_put(r, 1, a);
	rig_put(r, 1, b);
	rig_ring(r, 1);
	rig_step(r);
	assert_true(rig_reap(r, 1, &cqe));
	assert_int_equal(cqe.cid, a->cid);
	assert_int_equal(rig_sc(nvme_status_of(le16_get(cqe.status))), st_a);
	assert_true(rig_reap(r, 1, &cqe));
	assert_int_equal(cqe.cid, b->cid);
	assert_int_equal(rig_sc(nvme_status_of(le16_get(cqe.status))), st_b);
	assert_false(rig_reap(r, 1, &cqe));
}

static uint8_t
first_byte(struct rig *r, uint64_t lba)
{
	uint64_t buf = rig_alloc(r, 1);
	struct nvme_sqe sqe;

	nvme_prep_read(&sqe, 1, lba, 8);
	sqe.prp1 = le64_from(buf);
	assert_int_equal(rig_cmd(r, 1, &sqe, NULL), 0);
	return *(uint8_t *)rig_ptr(r, buf);
}

static void
fused(void **state)
{
	struct rig *r = *state;
	uint64_t buf = rig_alloc(r, 2);
	struct nvme_sqe cmp, wr;

	memset(rig_ptr(r, buf + SSD_PAGE), 0x77, SSD_PAGE);
	pair(&cmp, &wr, buf);
	run_two(r, &cmp, &wr, 0, 0);
	assert_int_equal(first_byte(r, 8), 0x77);
	run_two(r, &cmp, &wr, NVME_SC_COMPARE_FAILED, NVME_SC_ABORT_FAILED_FUSED);
	memset(rig_ptr(r, buf), 0x77, SSD_PAGE);
	memset(rig_ptr(r, buf + SSD_PAGE), 0x88, SSD_PAGE);
	/* Every place in the queue, the wrap between the halves too; and with a batch that ends between them. */
	for (int i = 0; i < 64; i++) {
		*(uint8_t *)rig_ptr(r, buf) = i ? (uint8_t)(i - 1) : 0x77;
		*(uint8_t *)rig_ptr(r, buf + SSD_PAGE) = (uint8_t)i;
		memset((uint8_t *)rig_ptr(r, buf) + 1, i ? 0x88 : 0x77, SSD_PAGE - 1);
		run_two(r, &cmp, &wr, 0, 0);
		assert_int_equal(first_byte(r, 8), i);
	}
}

static void
fused_mismatch(void **state)
{
	struct rig *r = *state;
	uint64_t buf = rig_alloc(r, 2);
	struct nvme_sqe cmp, wr;

	memset(rig_ptr(r, buf + SSD_PAGE), 0x77, SSD_PAGE);
	pair(&cmp, &wr, buf);
	wr.cdw10 = le32_from(9);
	run_two(r, &cmp, &wr, NVME_SC_INVALID_FIELD, NVME_SC_INVALID_FIELD);
	pair(&cmp, &wr, buf);
	wr.cdw12 = le32_from(6);
	run_two(r, &cmp, &wr, NVME_SC_INVALID_FIELD, NVME_SC_INVALID_FIELD);
	pair(&cmp, &wr, buf);
	wr.nsid = le32_from(2);
	run_two(r, &cmp, &wr, NVME_SC_INVALID_FIELD, NVME_SC_INVALID_FIELD);
	pair(&cmp, &wr, buf);
	cmp.opc = NVME_OPC_READ;
	run_two(r, &cmp, &wr, NVME_SC_INVALID_FIELD, NVME_SC_INVALID_FIELD);
	pair(&cmp, &wr, buf);
	wr.opc = NVME_OPC_READ;
	run_two(r, &cmp, &wr, NVME_SC_INVALID_FIELD, NVME_SC_INVALID_FIELD);
	pair(&cmp, &wr, buf);
	wr.prp1 = le64_from(buf + 1); /* the second half is to blame */
	run_two(r, &cmp, &wr, NVME_SC_ABORT_FAILED_FUSED, NVME_SC_PRP_INVALID_OFFSET);
	assert_int_equal(first_byte(r, 8), 0);
}

static void
fused_missing(void **state)
{
	struct rig *r = *state;
	uint64_t buf = rig_alloc(r, 2);
	struct nvme_sqe cmp, wr, flush;

	pair(&cmp, &wr, buf);
	assert_int_equal(rig_cmd(r, 1, &cmp, NULL), NVME_SC_ABORT_MISSING_FUSED);
	assert_int_equal(rig_cmd(r, 1, &wr, NULL), NVME_SC_ABORT_MISSING_FUSED);
	nvme_prep_flush(&flush, 1);
	run_two(r, &cmp, &flush, NVME_SC_ABORT_MISSING_FUSED, 0);
	wr = cmp;
	run_two(r, &cmp, &wr, NVME_SC_ABORT_MISSING_FUSED, NVME_SC_ABORT_MISSING_FUSED);
	assert_int_equal(rig_cmd(r, 1, &flush, NULL), 0);
}

/* Both halves complete in a CQ that has room for one entry. */
static void
fused_in_a_narrow_cq(void **state)
{
	struct rig *r = *state;
	uint64_t buf = rig_alloc(r, 2), cq = rig_alloc(r, 1), sq = rig_alloc(r, 1);
	struct nvme_sqe cmp, wr, sqe;
	struct nvme_cqe cqe;

	nvme_prep_create_io_cq(&sqe, 2, 2, cq, -1);
	assert_int_equal(rig_admin(r, &sqe), 0);
	nvme_prep_create_io_sq(&sqe, 2, 32, sq, 2, NVME_QPRIO_MEDIUM);
	assert_int_equal(rig_admin(r, &sqe), 0);
	r->q[2] = (struct rig_queue){ .sq = sq, .cq = cq, .sq_size = 32, .cq_size = 2, .phase = 1 };
	for (int i = 0; i < 4; i++) {
		pair(&cmp, &wr, buf);
		rig_put(r, 2, &cmp);
		rig_put(r, 2, &wr);
	}
	rig_ring(r, 2);
	for (int i = 0; i < 8; i++) {
		rig_step(r);
		assert_true(rig_reap(r, 2, &cqe));
		assert_int_equal(cqe.cid, (uint16_t)(r->cid - 8 + i));
		assert_int_equal(nvme_status_of(le16_get(cqe.status)), 0);
	}
	rig_step(r);
	assert_false(rig_reap(r, 2, &cqe));
}

/* What waits for room in the CQ is not posted any more once its SQ was deleted: its CID may mean another command then. */
static void
deleted_with_a_late_cqe(void **state)
{
	struct rig *r = *state;
	uint64_t buf = rig_alloc(r, 2), cq = rig_alloc(r, 1), sq = rig_alloc(r, 1);
	struct nvme_sqe cmp, wr;
	struct nvme_cqe cqe;

	assert_int_equal(rig_create_cq(r, 2, 2, cq, -1), 0);
	assert_int_equal(rig_create_sq(r, 2, 32, sq, 2), 0);
	r->q[2] = (struct rig_queue){ .sq = sq, .cq = cq, .sq_size = 32, .cq_size = 2, .phase = 1 };
	pair(&cmp, &wr, buf);
	rig_put(r, 2, &cmp);
	rig_put(r, 2, &wr);
	rig_ring(r, 2);
	rig_step(r);
	assert_int_equal(r->ssd->nr_late, 1);
	assert_int_equal(rig_delete(r, 2, false), 0);
	assert_true(rig_reap(r, 2, &cqe)); /* was there before */
	assert_int_equal(cqe.cid, cmp.cid);
	rig_step(r);
	assert_false(rig_reap(r, 2, &cqe));
	assert_int_equal(rig_delete(r, 2, true), 0);
}

static uint16_t
put_aer(struct rig *r)
{
	struct nvme_sqe sqe;
	uint16_t cid;

	nvme_prep_aer(&sqe);
	cid = rig_put(r, 0, &sqe);
	rig_ring(r, 0);
	rig_step(r);
	return cid;
}

#define EVENT(type, info, lid) ((uint32_t)(lid) << 16 | (uint32_t)(info) << 8 | (type))

static void
assert_event(struct rig *r, uint16_t cid, uint32_t dw0)
{
	struct nvme_cqe cqe;

	rig_step(r);
	assert_true(rig_reap(r, 0, &cqe));
	assert_int_equal(cqe.cid, cid);
	assert_int_equal(nvme_status_of(le16_get(cqe.status)), 0);
	assert_int_equal(le32_get(cqe.dw0), dw0);
}

static void
read_log(struct rig *r, uint8_t lid, bool rae)
{
	struct nvme_sqe sqe;

	nvme_prep_get_log_page(&sqe, lid, NVME_NSID_ALL, 64, 0);
	if (rae)
		sqe.cdw10 = le32_from(le32_get(sqe.cdw10) | (uint32_t)NVME_GLP_RAE);
	sqe.prp1 = le64_from(rig_alloc(r, 1));
	assert_int_equal(rig_admin(r, &sqe), 0);
}

static void
event_masking(void **state)
{
	struct rig *r = *state;
	uint16_t a = put_aer(r), b = put_aer(r), c = put_aer(r);
	struct nvme_cqe cqe;

	assert_false(rig_reap(r, 0, &cqe));
	ssd_event(r->ssd, NVME_AER_ERROR, NVME_AER_ERROR_TRANSIENT, NVME_LOG_ERROR);
	assert_event(r, a, EVENT(0, 4, 1));
	/* The type is masked; another type is not. */
	ssd_event(r->ssd, NVME_AER_ERROR, NVME_AER_ERROR_PERSISTENT, NVME_LOG_ERROR);
	ssd_event(r->ssd, NVME_AER_ERROR, NVME_AER_ERROR_PERSISTENT, NVME_LOG_ERROR);
	rig_step(r);
	assert_false(rig_reap(r, 0, &cqe));
	ssd_event(r->ssd, NVME_AER_VENDOR, 1, 0xc0);
	assert_event(r, b, EVENT(7, 1, 0xc0));
	read_log(r, NVME_LOG_ERROR, true); /* RAE: stays masked */
	rig_step(r);
	assert_false(rig_reap(r, 0, &cqe));
	read_log(r, NVME_LOG_SMART, false); /* another log */
	assert_false(rig_reap(r, 0, &cqe));
	struct nvme_sqe sqe;
	nvme_prep_get_log_page(&sqe, NVME_LOG_ERROR, NVME_NSID_ALL, 64, 0);
	sqe.prp1 = le64_from(rig_alloc(r, 1));
	rig_put(r, 0, &sqe);
	rig_ring(r, 0);
	rig_step(r);
	assert_true(rig_reap(r, 0, &cqe));
	assert_int_equal(cqe.cid, sqe.cid);
	assert_event(r, c, EVENT(0, 3, 1));
	/* Events wait for an AER. */
	ssd_event(r->ssd, NVME_AER_IMMEDIATE, 0, 0);
	rig_step(r);
	assert_false(rig_reap(r, 0, &cqe));
	assert_event(r, put_aer(r), EVENT(3, 0, 0));
	ssd_event(r->ssd, NVME_AER_IMMEDIATE, 0, 0); /* never masked */
	assert_event(r, put_aer(r), EVENT(3, 0, 0));
}

static void
event_configuration(void **state)
{
	struct rig *r = *state;
	uint16_t cid = put_aer(r);
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	nvme_prep_set_features(&sqe, NVME_FEAT_ASYNC_EVENT, 0, 0, 0);
	assert_int_equal(rig_admin(r, &sqe), 0);
	ssd_event_all(r->sub, NVME_AER_NOTICE, NVME_AER_NOTICE_NS_ATTR, NVME_LOG_CHANGED_NS);
	rig_step(r);
	assert_false(rig_reap(r, 0, &cqe));
	nvme_prep_set_features(&sqe, NVME_FEAT_ASYNC_EVENT, 0, (uint32_t)NVME_FEAT_AEC_ATTR, 0);
	assert_int_equal(rig_admin(r, &sqe), 0);
	ssd_event_all(r->sub, NVME_AER_NOTICE, NVME_AER_NOTICE_NS_ATTR, NVME_LOG_CHANGED_NS);
	assert_event(r, cid, EVENT(2, 0, 4));
}

static void
aer_limit_and_abort(void **state)
{
	struct rig *r = *state;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	uint16_t cid[SSD_MAX_AERS];

	for (uint32_t i = 0; i < SSD_MAX_AERS; i++)
		cid[i] = put_aer(r);
	nvme_prep_aer(&sqe);
	assert_int_equal(rig_admin(r, &sqe), NVME_SC_AER_LIMIT | NVME_STATUS_M);

	nvme_prep_abort(&sqe, 0, cid[3]);
	rig_put(r, 0, &sqe);
	rig_ring(r, 0);
	rig_step(r);
	assert_true(rig_reap(r, 0, &cqe));
	assert_int_equal(cqe.cid, cid[3]);
	assert_int_equal(nvme_status_of(le16_get(cqe.status)), NVME_SC_ABORT_REQUESTED);
	assert_true(rig_reap(r, 0, &cqe));
	assert_int_equal(cqe.cid, sqe.cid);
	assert_int_equal(nvme_status_of(le16_get(cqe.status)), 0);
	assert_int_equal(le32_get(cqe.dw0), 0);

	nvme_prep_abort(&sqe, 0, cid[3]); /* it is gone */
	assert_int_equal(rig_cmd(r, 0, &sqe, &cqe), 0);
	assert_int_equal(le32_get(cqe.dw0), 1);
	nvme_prep_abort(&sqe, 1, cid[4]); /* another queue */
	assert_int_equal(rig_cmd(r, 0, &sqe, &cqe), 0);
	assert_int_equal(le32_get(cqe.dw0), 1);
	ssd_event(r->ssd, NVME_AER_VENDOR, 1, 0xc0);
	assert_event(r, cid[0], EVENT(7, 1, 0xc0));
	put_aer(r);
	put_aer(r);
	nvme_prep_aer(&sqe);
	assert_int_equal(rig_sc(rig_admin(r, &sqe)), NVME_SC_AER_LIMIT);
	/* A reset drops them all without a word. */
	rig_set(r, NVME_REG_CC, 0);
	assert_int_equal(rig_enable(r, 32), NVME_CSTS_RDY);
	rig_step(r);
	assert_false(rig_reap(r, 0, &cqe));
	assert_int_equal(r->ssd->nr_aers, 0);
}

/* An admin queue with room for one completion: the aborted AER and the Abort complete one after the other. */
static void
abort_in_a_narrow_cq(void **state)
{
	struct rig *r = rig_open();
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	*state = r;
	assert_int_equal(rig_enable(r, 2), NVME_CSTS_RDY);
	uint16_t cid = put_aer(r);
	nvme_prep_abort(&sqe, 0, cid);
	rig_put(r, 0, &sqe);
	rig_ring(r, 0);
	rig_step(r);
	assert_true(rig_reap(r, 0, &cqe));
	assert_int_equal(cqe.cid, cid);
	rig_step(r);
	assert_true(rig_reap(r, 0, &cqe));
	assert_int_equal(cqe.cid, sqe.cid);
}

static void
keep_alive(void **state)
{
	struct rig *r = *state;
	struct nvme_sqe sqe;
	uint64_t due;

	nvme_prep_set_features(&sqe, NVME_FEAT_KATO, 0, 1000, 0);
	assert_int_equal(rig_admin(r, &sqe), 0);
	due = ssd_step(r->ssd, r->now);
	assert_in_range(due, r->now + 999000000ull, r->now + 1000000000ull);
	r->now += 900000000ull;
	nvme_prep_keep_alive(&sqe);
	assert_int_equal(rig_admin(r, &sqe), 0);
	r->now += 900000000ull;
	rig_step(r);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), NVME_CSTS_RDY);
	/* It is there in time; that we look late is not the host's fault. */
	rig_put(r, 0, &sqe);
	rig_ring(r, 0);
	r->now += 900000000ull;
	rig_step(r);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), NVME_CSTS_RDY);
	r->now += 1000000000ull;
	rig_step(r);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), NVME_CSTS_RDY | NVME_CSTS_CFS);
	assert_int_equal(nvme_status_code((nvme_status)nvme_get(le16_get(newest(r)->si), NVME_SI_SF)),
			 NVME_SC_KATO_EXPIRED);
	assert_true(ssd_step(r->ssd, r->now) - r->now > 3600000000000ull); /* nothing, for hours */
	rig_set(r, NVME_REG_CC, 0);
	assert_int_equal(rig_enable(r, 32), NVME_CSTS_RDY);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, rig_setup_pair, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(common_checks),
		WITH(error_log),
		WITH(fused),
		WITH(fused_mismatch),
		WITH(fused_missing),
		WITH(fused_in_a_narrow_cq),
		WITH(deleted_with_a_late_cqe),
		WITH(event_masking),
		WITH(event_configuration),
		WITH(aer_limit_and_abort),
		cmocka_unit_test_teardown(abort_in_a_narrow_cq, rig_teardown),
		WITH(keep_alive),
	};

	return cmocka_run_group_tests_name("ssd exec", tests, NULL, NULL);
}
