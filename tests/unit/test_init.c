/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bring-up on a bus made of a few registers and a device that answers admin commands as the test wants: each step fails
 * once, and whatever fails leaves a clear line, an error code that says which kind, and no memory behind.
 */
#include "fake_ctrlr.h"

#include "util/alloc.h"

static void
works(void **state)
{
	struct nvp_ctrlr *c;
	struct fake f;

	(void)state;
	for (int i = 0; i < 2; i++) {
		fake_init(&f, FAIL_NONE);
		f.no_map = i;
		assert_int_equal(nvp_ctrlr_attach(&f.base, NULL, &c), 0);
		assert_int_equal(f.cc, 0x00460001);
		assert_int_equal(f.aqa, 0x007f007f);
		assert_int_equal(f.pci_cmd & 6, 6);
		fake_relax(&f.clock, 0);
		assert_int_equal(f.aers, 1);
		assert_int_equal(f.maps, 1);
		nvp_ctrlr_close(c);
		assert_int_equal(f.cc & 1, 0);
		assert_int_equal(f.maps, 0);
	}
}

static const struct {
	enum fail fail;
	int rc;
	const char *says;
} failures[] = {
	{ FAIL_CFG, -EPIPE, "registers: Broken pipe" },
	{ FAIL_ONES, -ENODEV, "all ones" },
	{ FAIL_BAR, -ENODEV, "transport is lost" },
	{ FAIL_DISABLE, -ETIMEDOUT, "RDY did not become 0 within 2.0 s" },
	{ FAIL_ENABLE, -ETIMEDOUT, "RDY did not become 1 within 2.0 s" },
	{ FAIL_FATAL, -EIO, "CSTS.CFS" },
	{ FAIL_IDENTIFY, -EIO, "Identify Controller failed: 00/06 Internal Error" },
	{ FAIL_SILENT, -EIO, "Identify Controller failed: 07/ff" },
	{ FAIL_QUEUES, -EIO, "Set Features (Number of Queues) failed: 00/02" },
	{ FAIL_DMA, -ENOBUFS, "memory" },
	{ FAIL_DMA_MOVED, -EADDRNOTAVAIL, "memory" },
};

static void
each_step_fails(void **state)
{
	struct nvp_ctrlr *c = NULL;
	struct fake f;

	(void)state;
	for (size_t i = 0; i < UT_ARRAY_LEN(failures); i++) {
		fake_init(&f, failures[i].fail);
		assert_int_equal(nvp_ctrlr_attach(&f.base, NULL, &c), failures[i].rc);
		assert_null(c);
		assert_int_equal(f.maps, 0);
		if (!strstr(nvp_error(), failures[i].says) || strncmp(nvp_error(), "fake:device: ", 13))
			fail_msg("\"%s\" does not say \"%s\"", nvp_error(), failures[i].says);
		if (failures[i].fail != FAIL_ONES && failures[i].fail != FAIL_BAR && failures[i].fail != FAIL_DISABLE)
			assert_int_equal(f.cc & 1, 0); /* left disabled */
	}
}

/* CC.EN = 1 and not ready: the driver waits for ready first, but not for ever. */
static void
half_enabled_device(void **state)
{
	struct nvp_ctrlr *c;
	struct fake f;

	(void)state;
	fake_init(&f, FAIL_STUCK_CC);
	assert_int_equal(nvp_ctrlr_attach(&f.base, NULL, &c), 0);
	assert_true(f.now_ns >= 2000000000);
	nvp_ctrlr_close(c);
}

/* It may still run on queues of somebody before us, whose I/O addresses are ours now. */
static void
a_running_device_gets_no_memory(void **state)
{
	struct nvp_ctrlr *c;
	struct nvp_buf buf;
	struct fake f;

	(void)state;
	assert_int_equal(nvp_buf_alloc(4096, 0, &buf), 0); /* there is a region */
	fake_init(&f, FAIL_NONE);
	f.cc = 0x00460001;
	f.csts = (uint32_t)NVME_CSTS_RDY;
	assert_int_equal(nvp_ctrlr_attach(&f.base, NULL, &c), 0);
	assert_false(f.mapped_running);
	assert_true(f.maps > 0);
	nvp_ctrlr_close(c);
	for (int i = 0; i < 2; i++) { /* by hand: when it is enabled, but not when it was already */
		fake_init(&f, FAIL_NONE);
		f.cc = i ? 0x00460001 : 0;
		f.csts = i ? (uint32_t)NVME_CSTS_RDY : 0;
		assert_int_equal(nvp_ctrlr_attach(&f.base, &(struct nvp_ctrlr_opts){ .no_init = true }, &c), 0);
		assert_int_equal(f.maps, 0);
		assert_int_equal(nvp_reg_write32(c, NVME_REG_CC, 0x00460001), 0);
		assert_int_equal(f.maps > 0, !i);
		assert_int_equal(nvp_ctrlr_reset(c), 0);
		assert_true(f.maps > 0);
		assert_false(f.mapped_running);
		nvp_ctrlr_close(c);
	}
	nvp_buf_free(&buf);
}

static void
reset_after_each_failure(void **state)
{
	struct nvme_sqe sqe;
	struct nvp_ctrlr *c;
	struct fake f;

	(void)state;
	fake_init(&f, FAIL_NONE);
	assert_int_equal(nvp_ctrlr_attach(&f.base, NULL, &c), 0);
	for (size_t i = 0; i < UT_ARRAY_LEN(failures); i++) {
		if (failures[i].fail >= FAIL_DMA) /* not part of a reset */
			continue;
		f.fail = failures[i].fail;
		assert_int_equal(nvp_ctrlr_reset(c), failures[i].rc);
		nvme_prep_identify(&sqe, 1, 0, 0);
		assert_int_equal(nvp_admin(c, &sqe, NULL, 0, NULL), -ENODEV); /* at once */
		f.fail = FAIL_NONE;
		assert_int_equal(nvp_ctrlr_reset(c), 0);
		assert_int_equal(nvp_qpair_outstanding(nvp_ctrlr_adminq(c)), 1);
	}
	nvp_ctrlr_close(c);
}

static int
scenario(void)
{
	struct nvp_ctrlr *c;
	struct fake f;
	int rc;

	fake_init(&f, FAIL_NONE);
	rc = nvp_ctrlr_attach(&f.base, NULL, &c);
	if (!rc)
		nvp_ctrlr_close(c);
	assert_int_equal(f.maps, 0);
	return rc;
}

static void
every_allocation_may_fail(void **state)
{
	int rc = -1;

	(void)state;
	for (long n = 0; rc && n < 1000; n++) {
		ut_alloc_budget = n;
		rc = scenario();
		ut_alloc_budget = -1;
		assert_true(rc == 0 || rc == -ENOMEM);
	}
	assert_int_equal(rc, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(works),
		cmocka_unit_test(each_step_fails),
		cmocka_unit_test(half_enabled_device),
		cmocka_unit_test(a_running_device_gets_no_memory),
		cmocka_unit_test(reset_after_each_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
