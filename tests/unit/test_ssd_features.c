/* SPDX-License-Identifier: BSD-3-Clause */
/* Get and Set Features on the whole model. */
#include "ssd_io.h"
#include "nvproof/spec/feat.h"

static uint32_t
value(struct io *io, uint8_t fid, uint32_t sel, uint32_t cdw11)
{
	assert_int_equal(io_feature_get(io, fid, 0, sel, cdw11), 0);
	return le32_get(io->cqe.dw0);
}

static uint32_t
now(struct io *io, uint8_t fid)
{
	return value(io, fid, NVME_FEAT_SEL_CURRENT, 0);
}

static void
reset(struct io *io)
{
	struct rig *r = io->r;

	rig_set(r, NVME_REG_CC, 0);
	rig_step(r);
	assert_int_equal(rig_enable(r, 32), NVME_CSTS_RDY);
}

static void
unknown(void **state)
{
	static const uint8_t fids[] = { 0x00, 0x03, 0x17, 0x19, 0x1d, 0x7e, 0x86, 0xc0, 0xff };
	struct io *io = *state;

	for (size_t i = 0; i < UT_ARRAY_LEN(fids); i++) {
		for (uint32_t sel = 0; sel < 4; sel++)
			assert_int_equal(io_feature_get(io, fids[i], 0, sel, 0), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_feature_set(io, fids[i], 0, 0, false), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(io), 40);
	}
	assert_int_equal(io_feature_get(io, NVME_FEAT_VWC, 0, 4, 0), NVME_SC_INVALID_FIELD); /* SEL */
	assert_int_equal(io_blamed(io), 41);
}

static void
current_default_saved(void **state)
{
	static const uint8_t fids[] = { NVME_FEAT_ARBITRATION,	NVME_FEAT_POWER_MGMT,	NVME_FEAT_VWC,
					NVME_FEAT_IRQ_COALESCE, NVME_FEAT_WRITE_ATOMIC, NVME_FEAT_ASYNC_EVENT,
					NVME_FEAT_SW_PROGRESS };
	static const uint32_t vals[] = { 0x01020303, 0x40, 0, 0x0a05, 1, 3, 7 };
	struct io *io = *state;

	for (size_t i = 0; i < UT_ARRAY_LEN(fids); i++) {
		uint32_t def = value(io, fids[i], NVME_FEAT_SEL_DEFAULT, 0);

		assert_int_equal(now(io, fids[i]), def);
		assert_int_equal(value(io, fids[i], NVME_FEAT_SEL_SAVED, 0), def);
		assert_int_not_equal(vals[i], def);
		assert_int_equal(io_feature_set(io, fids[i], 0, vals[i], false), 0);
		assert_int_equal(now(io, fids[i]), vals[i]);
		assert_int_equal(value(io, fids[i], NVME_FEAT_SEL_SAVED, 0), def);
		reset(io);
		assert_int_equal(now(io, fids[i]), def);
		assert_int_equal(io_feature_set(io, fids[i], NVME_NSID_ALL, vals[i], true), 0);
		assert_int_equal(value(io, fids[i], NVME_FEAT_SEL_SAVED, 0), vals[i]);
		assert_int_equal(value(io, fids[i], NVME_FEAT_SEL_DEFAULT, 0), def);
		reset(io);
		assert_int_equal(now(io, fids[i]), vals[i]);
		assert_int_equal(value(io, fids[i], NVME_FEAT_SEL_CAPS, 0), 5);
	}
	ssd_power_off(io->r->sub);
	ssd_power_on(io->r->sub);
	assert_int_equal(io->r->ssd->feat.aec, 3);
}

static void
rules(void **state)
{
	static const uint8_t unsaveable[] = { NVME_FEAT_ERR_RECOVERY, NVME_FEAT_NUM_QUEUES, NVME_FEAT_IRQ_CONFIG,
					      NVME_FEAT_TIMESTAMP,    NVME_FEAT_KATO,	    NVME_FEAT_HOST_BEHAVIOR };
	struct io *io = *state;

	for (size_t i = 0; i < UT_ARRAY_LEN(unsaveable); i++) {
		assert_int_equal(io_feature_set(io, unsaveable[i], 0, 0, true), NVME_SC_FEAT_NOT_SAVEABLE);
		assert_int_equal(io_blamed(io), 43);
	}
	assert_int_equal(io_feature_set(io, NVME_FEAT_VWC, 1, 1, false), NVME_SC_FEAT_NOT_NS_SPECIFIC);
	assert_int_equal(io_blamed(io), 4);
	assert_int_equal(io_feature_set(io, NVME_FEAT_VWC, 0xfffffffe, 1, false), NVME_SC_INVALID_NS);
	assert_int_equal(io_blamed(io), 4);
	io->r->ssd->cap |= NVME_CAP_CSS_IOCSS;
	assert_int_equal(io_feature_set(io, NVME_FEAT_IOCS_PROFILE, 0, 0, false), 0);
	assert_int_equal(io_feature_set(io, NVME_FEAT_IOCS_PROFILE, 0, 1, false), NVME_SC_IOCS_COMBINATION);
	assert_int_equal(now(io, NVME_FEAT_IOCS_PROFILE), 0);
	assert_int_equal(value(io, NVME_FEAT_IOCS_PROFILE, NVME_FEAT_SEL_CAPS, 0), 4);
	assert_int_equal(value(io, NVME_FEAT_ERR_RECOVERY, NVME_FEAT_SEL_CAPS, 0), 6);
	assert_int_equal(value(io, NVME_FEAT_KATO, NVME_FEAT_SEL_CAPS, 0), 4);
	assert_int_equal(io_feature_set(io, NVME_FEAT_POWER_MGMT, 0, 5, false), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(io), 44);
}

static void
error_recovery(void **state)
{
	struct io *io = *state;

	assert_int_equal(io_feature_set(io, NVME_FEAT_ERR_RECOVERY, 2, 0x10005, false), 0);
	assert_int_equal(io_feature_get(io, NVME_FEAT_ERR_RECOVERY, 2, 0, 0), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 0x10005);
	assert_int_equal(io_feature_get(io, NVME_FEAT_ERR_RECOVERY, 1, 0, 0), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 0);
	assert_int_equal(io_read(io, 1, 0, 1), 0);
	assert_int_equal(io_read(io, 2, 0, 1), NVME_SC_UNWRITTEN_BLOCK);
	assert_int_equal(io_feature_get(io, NVME_FEAT_ERR_RECOVERY, NVME_NSID_ALL, 0, 0), NVME_SC_INVALID_NS);
	assert_int_equal(io_feature_get(io, NVME_FEAT_ERR_RECOVERY, 0, 0, 0), NVME_SC_INVALID_NS);
	assert_int_equal(io_feature_set(io, NVME_FEAT_ERR_RECOVERY, 0, 0, false), NVME_SC_INVALID_NS);
	assert_int_equal(io_feature_set(io, NVME_FEAT_ERR_RECOVERY, 33, 0, false), NVME_SC_INVALID_NS);
	reset(io);
	assert_int_equal(io->r->sub->ns[1].err_recovery, 0);
}

/* It is the namespace's, and the reset of one controller is no reason to take it from another's host. */
static void
error_recovery_and_the_other_controller(void **state)
{
	struct io *io = *state;
	struct ssd *second;

	assert_int_equal(ssd_ctrlr_open(io->r->sub, &rig_port_ops, io->r, NULL, &second), 0);
	assert_int_equal(io_feature_set(io, NVME_FEAT_ERR_RECOVERY, 2, 0x10005, false), 0);
	ssd_function_reset(second);
	assert_int_equal(io_read(io, 2, 0, 1), NVME_SC_UNWRITTEN_BLOCK);
	ssd_ctrlr_close(second);
	reset(io);
	assert_int_equal(io->r->sub->ns[1].err_recovery, 0);
}

static void
number_of_queues(void **state)
{
	struct io *io = *state;
	struct nvme_sqe sqe;

	assert_int_equal(io_feature_set(io, NVME_FEAT_NUM_QUEUES, 0, 0x00070007, false), NVME_SC_CMD_SEQUENCE);
	reset(io);
	assert_int_equal(now(io, NVME_FEAT_NUM_QUEUES), 126u << 16 | 126);
	assert_int_equal(io_feature_set(io, NVME_FEAT_NUM_QUEUES, 0, 0x0007ffff, false), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_feature_set(io, NVME_FEAT_NUM_QUEUES, 0, 0xffff0007, false), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_feature_set(io, NVME_FEAT_NUM_QUEUES, 0, 0xfffefffe, false), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 126u << 16 | 126);
	assert_int_equal(io_feature_set(io, NVME_FEAT_NUM_QUEUES, 0, 0, false), 0); /* one of each */
	assert_int_equal(now(io, NVME_FEAT_NUM_QUEUES), 0);
	nvme_prep_create_io_cq(&sqe, 2, 2, io->buf, -1);
	assert_int_equal(rig_sc(rig_admin(io->r, &sqe)), NVME_SC_INVALID_QID);
	assert_int_equal(io_feature_set(io, NVME_FEAT_NUM_QUEUES, 0, 0x00020001, false), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 0x00020001);
	assert_int_equal(now(io, NVME_FEAT_NUM_QUEUES), 0x00020001);
	nvme_prep_create_io_cq(&sqe, 4, 2, io->buf, -1);
	assert_int_equal(rig_sc(rig_admin(io->r, &sqe)), NVME_SC_INVALID_QID);
	nvme_prep_create_io_cq(&sqe, 3, 2, io->buf, -1);
	assert_int_equal(rig_admin(io->r, &sqe), 0);
	assert_int_equal(io_feature_set(io, NVME_FEAT_NUM_QUEUES, 0, 0x00020001, false), NVME_SC_CMD_SEQUENCE);
}

static void
interrupt_vectors(void **state)
{
	struct io *io = *state;

	assert_int_equal(value(io, NVME_FEAT_IRQ_CONFIG, 0, 5), 5);
	assert_int_equal(io_feature_set(io, NVME_FEAT_IRQ_CONFIG, 0, 5 | 1u << 16, false), 0);
	assert_int_equal(value(io, NVME_FEAT_IRQ_CONFIG, 0, 5), 5 | 1u << 16);
	assert_int_equal(value(io, NVME_FEAT_IRQ_CONFIG, 0, 127), 127);
	assert_int_equal(io_feature_set(io, NVME_FEAT_IRQ_CONFIG, 0, 128, false), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_feature_get(io, NVME_FEAT_IRQ_CONFIG, 0, 0, 0xffff), NVME_SC_INVALID_FIELD);
}

static bool
event(struct io *io, uint32_t *dw0)
{
	struct nvme_cqe cqe;

	rig_step(io->r);
	if (!rig_reap(io->r, 0, &cqe))
		return false;
	*dw0 = le32_get(cqe.dw0);
	return true;
}

static void
temperature(void **state)
{
	const uint32_t under = NVME_THSEL_UNDER << 20;
	struct nvme_sqe aer = { .opc = NVME_ADM_ASYNC_EVENT };
	struct nvme_sqe log = { .opc = NVME_ADM_GET_LOG_PAGE, .cdw10 = le32_from(NVME_LOG_SMART | 127u << 16) };
	struct io *io = *state;
	uint32_t dw0;

	assert_int_equal(value(io, NVME_FEAT_TEMP_THRESH, 0, 0), 343);
	assert_int_equal(value(io, NVME_FEAT_TEMP_THRESH, 0, under), 0);
	rig_put(io->r, 0, &aer);
	rig_ring(io->r, 0);
	assert_false(event(io, &dw0));
	assert_int_equal(io_feature_set(io, NVME_FEAT_TEMP_THRESH, 0, 290 | under, false), 0);
	assert_false(event(io, &dw0));
	ssd_set_temperature(io->r->sub, 289);
	assert_true(event(io, &dw0));
	assert_int_equal(dw0, NVME_AER_SMART | NVME_AER_SMART_TEMPERATURE << 8 | NVME_LOG_SMART << 16);
	ssd_set_temperature(io->r->sub, 300);
	assert_int_equal(io_admin(io, &log, 512), 0); /* unmasks */
	rig_put(io->r, 0, &aer);
	rig_ring(io->r, 0);
	assert_false(event(io, &dw0));
	rig_put(io->r, 0,
		&(struct nvme_sqe){ .opc = NVME_ADM_SET_FEATURES, .cdw10 = le32_from(4), .cdw11 = le32_from(299) });
	rig_ring(io->r, 0);
	assert_true(event(io, &dw0) && event(io, &dw0)); /* the command and the event, in either order */
	assert_int_equal(io_feature_get(io, NVME_FEAT_TEMP_THRESH, 0, 0, 3u << 16), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_feature_get(io, NVME_FEAT_TEMP_THRESH, 0, 0, 0xfu << 16), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_feature_set(io, NVME_FEAT_TEMP_THRESH, 0, 9u << 16, false), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_feature_set(io, NVME_FEAT_TEMP_THRESH, 0, 2u << 20, false), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_feature_set(io, NVME_FEAT_TEMP_THRESH, 0, 400 | 0xfu << 16, true), 0);
	reset(io);
	assert_int_equal(value(io, NVME_FEAT_TEMP_THRESH, 0, 0), 400);
	assert_int_equal(value(io, NVME_FEAT_TEMP_THRESH, 1, 0), 343);
	assert_int_equal(value(io, NVME_FEAT_TEMP_THRESH, 0, under), 0);
	/* Too warm before the host came: it is told as soon as it asks. */
	rig_set(io->r, NVME_REG_CC, 0);
	ssd_set_temperature(io->r->sub, 401);
	reset(io);
	rig_put(io->r, 0, &aer);
	rig_ring(io->r, 0);
	assert_true(event(io, &dw0));
	assert_int_equal(dw0, NVME_AER_SMART | NVME_AER_SMART_TEMPERATURE << 8 | NVME_LOG_SMART << 16);
}

static void
timestamp(void **state)
{
	static const uint8_t t[8] = { 0x10, 0x32, 0x54, 0x76, 0x98, 0x01, 0xff, 0xff };
	struct io *io = *state;
	const struct nvme_timestamp *ts = (const void *)io_buf(io);

	memcpy(io_buf(io), t, 8);
	assert_int_equal(io_feature_set(io, NVME_FEAT_TIMESTAMP, 0, 0, false), 0);
	io->r->now += 5000000;
	assert_int_equal(io_feature_get(io, NVME_FEAT_TIMESTAMP, 0, 0, 0), 0);
	assert_in_range(ts->timestamp[0], 0x15, 0x16);
	assert_memory_equal(ts->timestamp + 1, t + 1, 5);
	assert_int_equal(ts->attr, 1 << 1);
	reset(io);
	io->r->now += 7000000;
	assert_int_equal(io_feature_get(io, NVME_FEAT_TIMESTAMP, 0, 0, 0), 0);
	assert_in_range(ts->timestamp[0], 7, 9);
	assert_int_equal(ts->timestamp[1], 0);
	assert_int_equal(ts->attr, 0);
}

static void
host_behavior(void **state)
{
	struct io *io = *state;

	memset(io_buf(io), 0, 512);
	io_buf(io)[0] = 1;
	assert_int_equal(io_feature_set(io, NVME_FEAT_HOST_BEHAVIOR, 0, 0, false), 0);
	assert_int_equal(io_feature_get(io, NVME_FEAT_HOST_BEHAVIOR, 0, 0, 0), 0);
	assert_int_equal(io_buf(io)[0], 1);
	for (int i = 0; i < 6; i++) {
		memset(io_buf(io), 0, 512);
		io_buf(io)[i] = i && i != 2 ? 1 : 2; /* ACRE and LBAFEE may be 1 */
		assert_int_equal(io_feature_set(io, NVME_FEAT_HOST_BEHAVIOR, 0, 0, false), NVME_SC_INVALID_FIELD);
	}
}

static void
keep_alive(void **state)
{
	struct io *io = *state;

	assert_int_equal(io_feature_set(io, NVME_FEAT_KATO, 0, 1000, false), 0);
	assert_int_equal(now(io, NVME_FEAT_KATO), 1000);
	assert_true(io->r->ssd->kato_due > io->r->now);
	assert_int_equal(io_feature_set(io, NVME_FEAT_KATO, 0, 0, false), 0);
	assert_int_equal(io->r->ssd->kato_due, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(unknown),
		T(current_default_saved),
		T(rules),
		T(error_recovery),
		T(error_recovery_and_the_other_controller),
		T(number_of_queues),
		T(interrupt_vectors),
		T(temperature),
		T(timestamp),
		T(host_behavior),
		T(keep_alive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
