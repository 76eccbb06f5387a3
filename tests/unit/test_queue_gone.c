/* SPDX-License-Identifier: BSD-3-Clause */
/* Accesses that are refused, the smallest admin queue, and a device that is gone. */
#include "fake_open.h"

#include "host/ctrlr_int.h"

/* An offset outside of the BAR is the caller's mistake, not the end of the device. */
static void
a_refused_access_is_not_the_end(void **state)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_GET_FEATURES };
	struct nvp_event ev;
	struct nvme_cqe cqe;
	struct nvp_ctrlr *c;
	struct fake f;
	uint64_t v64;
	uint32_t v;

	(void)state;
	c = open_fake(&f);
	assert_int_equal(nvp_reg_read32(c, FAKE_BAR_SIZE, &v), -EINVAL);
	assert_non_null(strstr(nvp_error(), "3000h"));
	assert_int_equal(nvp_reg_read64(c, FAKE_BAR_SIZE, &v64), -EINVAL);
	assert_int_equal(nvp_reg_write32(c, FAKE_BAR_SIZE, 0), -EINVAL);
	assert_int_equal(nvp_reg_write64(c, FAKE_BAR_SIZE, 0), -EINVAL);
	assert_int_equal(nvp_reg_write64(c, 4, 0), -EINVAL);
	assert_int_equal(nvp_admin(c, &sqe, NULL, 0, &cqe), 0);
	assert_int_equal(nvp_ctrlr_events(c, &ev, 1), 0);
	nvp_ctrlr_close(c);
}

/* A device that is gone can reach no memory: the others get theirs all the same. */
static void
a_dead_device_keeps_no_memory_from_others(void **state)
{
	struct nvp_ctrlr *c;
	struct nvp_buf buf;
	struct fake f;

	(void)state;
	c = open_fake(&f);
	f.no_dma = true;
	assert_int_equal(nvp_buf_alloc(65ull << 20, 0, &buf), 0); /* more than a region has: a new one */
	nvp_buf_free(&buf);
	nvp_ctrlr_close(c);
}

/* NVMe Base, "Admin Queue Attributes": two entries are legal.  They hold one command, which must not be the AER. */
static void
the_smallest_admin_queue_works(void **state)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_GET_FEATURES };
	struct nvp_ctrlr *c = NULL;
	struct nvme_cqe cqe;
	struct fake f;

	(void)state;
	fake_init(&f, FAIL_NONE);
	assert_int_equal(nvp_ctrlr_attach(&f.base, &(struct nvp_ctrlr_opts){ .admin_depth = 2 }, &c), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(nvp_admin(c, &sqe, NULL, 0, &cqe), 0);
	assert_int_equal(nvp_ctrlr_reset(c), 0);
	assert_int_equal(nvp_admin(c, &sqe, NULL, 0, &cqe), 0);
	nvp_ctrlr_close(c);
}

static void
nothing_is_sent_to_a_device_that_is_gone(void **state)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_GET_FEATURES };
	struct nvp_ctrlr *c;
	struct nvp_qpair *q;
	struct fake f;
	uint32_t v, before;

	(void)state;
	c = open_fake(&f);
	f.fail = FAIL_BAR;
	assert_int_equal(nvp_reg_read32(c, NVME_REG_VS, &v), -ENODEV);
	before = nvp_qpair_outstanding(nvp_ctrlr_adminq(c));
	for (int i = 0; i < 300; i++) /* more than the queue has */
		assert_int_equal(nvp_admin(c, &sqe, NULL, 0, NULL), -ENODEV);
	assert_int_equal(nvp_qpair_outstanding(nvp_ctrlr_adminq(c)), before);
	assert_int_equal(nvp_qpair_create(c, &(struct nvp_qpair_opts){ .depth = 16 }, &q, NULL), -ENODEV);
	assert_null(c->limbo);
	nvp_ctrlr_close(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refused_access_is_not_the_end),
		cmocka_unit_test(a_dead_device_keeps_no_memory_from_others),
		cmocka_unit_test(the_smallest_admin_queue_works),
		cmocka_unit_test(nothing_is_sent_to_a_device_that_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
