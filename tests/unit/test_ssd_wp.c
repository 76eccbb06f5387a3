/* SPDX-License-Identifier: BSD-3-Clause */
/* Namespace write protection: what it refuses, on which controllers, and how long. */
#include "ssd_ns_io.h"
#include "nvproof/spec/feat.h"
#include "nvproof/spec/nvm.h"

#define FID NVME_FEAT_WRITE_PROTECT
#define CHANGED (NVME_AER_NOTICE | NVME_LOG_CHANGED_NS << 16)

static uint32_t
state_of(struct io *io, uint32_t nsid)
{
	assert_int_equal(io_feature_get(io, FID, nsid, NVME_FEAT_SEL_CURRENT, 0), 0);
	return le32_get(io->cqe.dw0);
}

static void
announced(void **state)
{
	struct two *t = *state;
	const struct nvme_id_ctrl *id = (const void *)io_buf(&t->a);
	const struct nvme_id_ns *ns = (const void *)io_buf(&t->a);

	assert_int_equal(two_identify(&t->a, NVME_CNS_CTRL, 0), 0);
	assert_int_equal(id->nwpc, 1);
	assert_int_equal(io_feature_get(&t->a, FID, 1, NVME_FEAT_SEL_CAPS, 0), 0);
	assert_int_equal(le32_get(t->a.cqe.dw0), NVME_FEAT_CAPS_NS_SPEC | NVME_FEAT_CAPS_CHANGEABLE);
	assert_int_equal(state_of(&t->a, 1), 0);
	for (uint32_t wps = 2; wps < 8; wps++) {
		assert_int_equal(io_feature_set(&t->a, FID, 1, wps, false), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(&t->a), 44);
	}
	assert_int_equal(io_feature_set(&t->a, FID, 1, 1, true), NVME_SC_FEAT_NOT_SAVEABLE);
	assert_int_equal(io_feature_set(&t->a, FID, 33, 1, false), NVME_SC_INVALID_NS);
	assert_int_equal(io_feature_set(&t->a, FID, 3, 1, false), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_feature_get(&t->a, FID, NVME_NSID_ALL, 0, 0), NVME_SC_INVALID_NS);
	assert_int_equal(state_of(&t->a, 1), 0);
	assert_int_equal(io_feature_set(&t->a, FID, 1, 1, false), 0);
	assert_int_equal(state_of(&t->b, 1), 1);
	assert_int_equal(state_of(&t->b, 2), 0);
	assert_int_equal(io_feature_get(&t->a, FID, 1, NVME_FEAT_SEL_DEFAULT, 0), 0);
	assert_int_equal(le32_get(t->a.cqe.dw0), 0);
	assert_int_equal(two_identify(&t->a, NVME_CNS_NS, 1), 0);
	assert_int_equal(ns->nsattr, 1);
	assert_int_equal(two_identify(&t->a, NVME_CNS_IND_NS, 1), 0);
	assert_int_equal(io_buf(&t->a)[8], 1);
	assert_int_equal(two_identify(&t->a, NVME_CNS_NS, 2), 0);
	assert_int_equal(ns->nsattr, 0);
}

static nvme_status
lba_cmd(struct io *io, uint8_t opc, uint32_t nsid)
{
	struct nvme_sqe sqe;

	nvme_prep_lba_cmd(&sqe, opc, nsid, 0, 1);
	return io_cmd(io, &sqe, 4096);
}

static nvme_status
dsm(struct io *io, uint32_t attr)
{
	struct nvme_sqe sqe;

	memset(io_buf(io), 0, 16);
	nvme_prep_dsm(&sqe, 1, 1, attr);
	return io_cmd(io, &sqe, 16);
}

static nvme_status
copy(struct io *io)
{
	struct nvme_sqe sqe;

	memset(io_buf(io), 0, 32);
	nvme_prep_copy(&sqe, 1, 8, 1, 0);
	return io_cmd(io, &sqe, 32);
}

static void
refused(void **state)
{
	struct two *t = *state;
	struct io *hosts[] = { &t->a, &t->b };
	struct nvme_sqe sqe;

	assert_int_equal(io_write(&t->a, 1, 0, 1, 0x61), 0);
	assert_int_equal(io_feature_set(&t->a, FID, 1, 1, false), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(lba_cmd(hosts[i], NVME_OPC_WRITE, 1), NVME_SC_NS_WRITE_PROTECTED);
		assert_int_equal(io_blamed(hosts[i]), 4);
		assert_int_equal(lba_cmd(hosts[i], NVME_OPC_WRITE_UNCOR, 1), NVME_SC_NS_WRITE_PROTECTED);
		assert_int_equal(lba_cmd(hosts[i], NVME_OPC_WRITE_ZEROES, 1), NVME_SC_NS_WRITE_PROTECTED);
		assert_int_equal(dsm(hosts[i], (uint32_t)NVME_DSM_AD), NVME_SC_NS_WRITE_PROTECTED);
		assert_int_equal(copy(hosts[i]), NVME_SC_NS_WRITE_PROTECTED);
		assert_int_equal(dsm(hosts[i], (uint32_t)NVME_DSM_IDR), 0);
		io_expect(hosts[i], 1, 0, 1, 0x61);
		assert_int_equal(lba_cmd(hosts[i], NVME_OPC_COMPARE, 1), 0); /* with what was just read */
		assert_int_equal(lba_cmd(hosts[i], NVME_OPC_VERIFY, 1), 0);
		nvme_prep_flush(&sqe, 1);
		assert_int_equal(io_cmd(hosts[i], &sqe, 0), 0);
		nvme_prep_flush(&sqe, NVME_NSID_ALL);
		assert_int_equal(io_cmd(hosts[i], &sqe, 0), 0);
		assert_int_equal(io_write(hosts[i], 2, 0, 1, 1), 0);
	}
	assert_int_equal(io_feature_set(&t->b, FID, 1, 0, false), 0);
	assert_int_equal(io_write(&t->a, 1, 0, 1, 0x62), 0);
	assert_int_equal(copy(&t->a), 0);
}

static nvme_status
format(struct io *io, uint32_t nsid)
{
	struct nvme_sqe sqe;

	nvme_prep_format(&sqe, nsid, 0, NVME_FORMAT_SES_NONE);
	return io_admin(io, &sqe, 0);
}

static void
refused_admin(void **state)
{
	struct two *t = *state;
	struct nvme_sqe sqe;

	assert_int_equal(io_write(&t->a, 1, 0, 1, 0x61), 0);
	assert_int_equal(io_feature_set(&t->a, FID, 1, 1, false), 0);
	assert_int_equal(format(&t->a, 1), NVME_SC_NS_WRITE_PROTECTED);
	assert_int_equal(format(&t->a, NVME_NSID_ALL), NVME_SC_NS_WRITE_PROTECTED);
	assert_int_equal(format(&t->a, 2), 0);
	assert_int_equal(ns_delete(&t->a, 1), NVME_SC_NS_WRITE_PROTECTED);
	assert_int_equal(ns_delete(&t->a, NVME_NSID_ALL), NVME_SC_NS_WRITE_PROTECTED);
	nvme_prep_sanitize(&sqe, NVME_SANACT_BLOCK_ERASE, 0);
	assert_int_equal(io_admin(&t->a, &sqe, 0), NVME_SC_NS_WRITE_PROTECTED);
	assert_int_equal(ns_detach(&t->a, 1, 1), 0); /* allowed; and then it is not this controller's to format */
	assert_int_equal(format(&t->a, NVME_NSID_ALL), 0);
	assert_int_equal(ns_delete(&t->a, NVME_NSID_ALL), NVME_SC_NS_WRITE_PROTECTED);
	assert_int_equal(ns_attach(&t->a, 1, 1), 0);
	io_expect(&t->a, 1, 0, 1, 0x61);
	assert_int_equal(ns_delete(&t->a, 2), 0);
	assert_int_equal(ns_create(&t->a, 8, 0, 0), 2); /* writes nothing that is protected */
	assert_int_equal(io_feature_set(&t->a, FID, 1, 0, false), 0);
	assert_int_equal(ns_delete(&t->a, 1), 0);
}

/* It survives everything; the other controller's host learns of it. */
static void
persistent(void **state)
{
	struct two *t = *state;

	two_aer(&t->a);
	two_aer(&t->b);
	assert_int_equal(io_feature_set(&t->a, FID, 2, 1, false), 0);
	assert_int_equal(two_event(&t->b), CHANGED);
	assert_int_equal(two_event(&t->a), 0);
	assert_int_equal(two_log(&t->b, NVME_LOG_CHANGED_NS, 4096), 0);
	assert_int_equal(io_buf(&t->b)[0], 2);
	two_aer(&t->b);
	assert_int_equal(io_feature_set(&t->a, FID, 2, 1, false), 0); /* no change */
	assert_int_equal(two_event(&t->b), 0);
	two_power_cycle(t);
	assert_int_equal(io_write(&t->b, 2, 0, 1, 1), NVME_SC_NS_WRITE_PROTECTED);
	ssd_function_reset(t->b.r->ssd);
	two_again(&t->b);
	assert_int_equal(io_write(&t->b, 2, 0, 1, 1), NVME_SC_NS_WRITE_PROTECTED);
	assert_int_equal(io_feature_set(&t->b, FID, NVME_NSID_ALL, 1, false), 0);
	assert_int_equal(state_of(&t->a, 1) & state_of(&t->a, 2), 1);
	assert_int_equal(io_feature_set(&t->b, FID, NVME_NSID_ALL, 0, false), 0);
	assert_int_equal(io_write(&t->b, 2, 0, 1, 1), 0);
	assert_int_equal(io_write(&t->b, 1, 0, 1, 1), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, two_setup, two_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(announced), T(refused), T(refused_admin), T(persistent) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
