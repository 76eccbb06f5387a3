/* SPDX-License-Identifier: BSD-3-Clause */
/* Namespace Management and Attachment, with two controllers. */
#include "ssd_ns_io.h"
#include "nvproof/spec/feat.h"
#include "util/alloc.h"

#define CHANGED (NVME_AER_NOTICE | NVME_LOG_CHANGED_NS << 16)

/* The life of a namespace: deleted, created, attached, used, and gone again. */
static void
life(void **state)
{
	struct two *t = *state;
	const struct nvme_id_ns *id = (const void *)io_buf(&t->a);
	uint8_t old[16];

	assert_int_equal(ns_unallocated(&t->a), 0);
	assert_int_equal(two_identify(&t->a, NVME_CNS_NS, 2), 0);
	memcpy(old, id->nguid, 16);
	assert_int_equal(io_write(&t->a, 2, 0, 8, 0x77), 0);
	assert_int_equal(ns_delete(&t->a, 2), 0);
	assert_int_equal(ns_unallocated(&t->a), 16 * MIB);
	assert_int_equal(ns_create(&t->a, 2 * MIB / 512, 0, SHARED), 2);
	assert_int_equal(ns_unallocated(&t->a), 14 * MIB);
	assert_int_equal(two_identify(&t->a, NVME_CNS_NS, 2), 0); /* allocated, not active */
	assert_int_equal(le64_get(id->nsze), 0);
	assert_int_equal(two_identify(&t->a, NVME_CNS_ALLOC_NS, 2), 0);
	assert_int_equal(le64_get(id->nsze), 2 * MIB / 512);
	assert_int_equal(le64_get(id->ncap), 2 * MIB / 512);
	assert_int_equal(le64_get(id->nvmcap[0]), 2 * MIB);
	assert_int_equal(id->nmic, SHARED);
	assert_memory_not_equal(id->nguid, old, 16); /* never used again */
	io_shift(&t->a, 2);
	assert_int_equal(io_read(&t->a, 2, 0, 1), NVME_SC_INVALID_NS);
	assert_int_equal(ns_attach(&t->a, 2, 1), 0);
	io_expect(&t->a, 2, 0, 8, 0); /* nothing is left of the old one */
	assert_int_equal(io_write(&t->a, 2, 4095, 1, 0x12), 0);
	assert_int_equal(io_read(&t->a, 2, 4096, 1), NVME_SC_LBA_RANGE);
	assert_int_equal(ns_delete(&t->a, 2), 0);
	assert_int_equal(io_read(&t->a, 2, 0, 1), NVME_SC_INVALID_NS);
	assert_int_equal(two_identify(&t->a, NVME_CNS_ALLOC_NS, 2), 0);
	assert_int_equal(le64_get(id->nsze), 0);
}

static void
wrong_creates(void **state)
{
	struct two *t = *state;
	struct nvme_sqe sqe;

	assert_int_equal(ns_delete(&t->a, 2), 0);
	ns_want(&t->a, 0, 0, 0);
	assert_int_equal(ns_send_create(&t->a), NVME_SC_INVALID_FIELD);
	ns_want(&t->a, 100, 0, 0)->ncap = le64_from(101);
	assert_int_equal(ns_send_create(&t->a), NVME_SC_INVALID_FIELD);
	ns_want(&t->a, 100, 0, 0)->ncap = le64_from(0);
	assert_int_equal(ns_send_create(&t->a), NVME_SC_INVALID_FIELD);
	ns_want(&t->a, 100, 0, 0)->ncap = le64_from(99);
	assert_int_equal(ns_send_create(&t->a), NVME_SC_THIN_NOT_SUPPORTED);
	ns_want(&t->a, 100, 0x6f, 0);
	assert_int_equal(ns_send_create(&t->a), NVME_SC_INVALID_FORMAT);
	ns_want(&t->a, 100, (uint8_t)ssd_nr_lbafs(t->a.r->ssd), 0);
	assert_int_equal(ns_send_create(&t->a), NVME_SC_INVALID_FORMAT);
	ns_want(&t->a, 100, 0, 0)->dps = 1; /* no metadata, no protection information */
	assert_int_equal(ns_send_create(&t->a), NVME_SC_INVALID_FORMAT);
	ns_want(&t->a, 100, 0, 2);
	assert_int_equal(ns_send_create(&t->a), NVME_SC_INVALID_FIELD); /* dispersed */
	ns_want(&t->a, 100, 0, 0)->anagrpid = le32_from(1);
	assert_int_equal(ns_send_create(&t->a), NVME_SC_ANA_GROUP_INVALID);
	ns_want(&t->a, 100, 0, 0)->nvmsetid = le16_from(1);
	assert_int_equal(ns_send_create(&t->a), NVME_SC_INVALID_FIELD);
	ns_want(&t->a, 100, 0, 0)->endgid = le16_from(1);
	assert_int_equal(ns_send_create(&t->a), NVME_SC_INVALID_FIELD);
	ns_want(&t->a, 100, 0, 0)->nphndls = le16_from(1);
	assert_int_equal(ns_send_create(&t->a), NVME_SC_INVALID_FIELD);
	nvme_prep_ns_mgmt(&sqe, 0, NVME_NS_MGMT_CREATE, NVME_CSI_ZNS);
	assert_int_equal(io_admin(&t->a, &sqe, 4096), NVME_SC_IOCS_NOT_SUPPORTED);
	assert_int_equal(io_blamed(&t->a), 47);
	for (uint32_t sel = 2; sel < 16; sel++) {
		nvme_prep_ns_mgmt(&sqe, 1, sel, 0);
		assert_int_equal(io_admin(&t->a, &sqe, 4096), NVME_SC_INVALID_FIELD);
		assert_int_equal(io_blamed(&t->a), 40);
	}
	assert_int_equal(ns_unallocated(&t->a), 16 * MIB);
	assert_true(ns_listed(&t->a, NVME_CNS_ALLOC_NS_LIST, 1));
}

/* The error log tells how much was missing. */
static void
capacity(void **state)
{
	static const uint64_t huge[] = { UINT64_MAX, UINT64_MAX / 512, 1ull << 50, (16 * MIB) / 512 + 1 };
	struct two *t = *state;

	assert_int_equal(ns_delete(&t->a, 1), 0);
	for (size_t i = 0; i < UT_ARRAY_LEN(huge); i++) {
		ns_want(&t->a, huge[i], 0, 0);
		assert_int_equal(ns_send_create(&t->a), NVME_SC_NS_INSUFFICIENT_CAP);
		assert_true(two_blamed_cs(&t->a) >= 17 * MIB);
	}
	assert_int_equal(two_blamed_cs(&t->a), 17 * MIB);
	assert_int_equal(ns_create(&t->a, (16 * MIB) / 4096, 1, 0), 1); /* all of it */
	assert_int_equal(ns_unallocated(&t->a), 0);
	assert_int_equal(ns_delete(&t->a, NVME_NSID_ALL), 0);
	assert_int_equal(ns_unallocated(&t->a), 32 * MIB);
	assert_int_equal(ns_delete(&t->a, NVME_NSID_ALL), 0); /* none is fine */
	for (uint32_t i = 1; i <= 32; i++)
		assert_int_equal(ns_create(&t->a, 1 + i % 3, 0, 0), i); /* a unit each */
	assert_int_equal(ns_unallocated(&t->a), 0);
	assert_int_equal(ns_delete(&t->a, 7), 0);
	assert_int_equal(ns_create(&t->a, 8, 0, 0), 7);
}

static void
no_nsid(void **state)
{
	struct ssd_config cfg = { .nr_ns = 1, .ns = { { 64 * MIB, 512 } }, .media = SSD_MEDIA_NULL };
	struct two t;

	(void)state;
	two_open(&t, &cfg);
	assert_int_equal(ns_delete(&t.a, 1), 0);
	for (uint32_t i = 1; i <= 32; i++)
		assert_int_equal(ns_create(&t.a, 1, 0, 0), i);
	ns_want(&t.a, 1, 0, 0);
	assert_int_equal(ns_send_create(&t.a), NVME_SC_NSID_UNAVAILABLE);
	two_close(&t);
}

static void
wrong_deletes(void **state)
{
	struct two *t = *state;

	assert_int_equal(ns_delete(&t->a, 0), NVME_SC_INVALID_NS);
	assert_int_equal(ns_delete(&t->a, 33), NVME_SC_INVALID_NS);
	assert_int_equal(io_blamed(&t->a), 4);
	assert_int_equal(ns_delete(&t->a, 3), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(&t->a), 4);
}

static void
attachment(void **state)
{
	struct two *t = *state;
	const struct nvme_ctrl_list *list = (const void *)io_buf(&t->a);

	assert_int_equal(io_write(&t->a, 1, 5, 1, 0x44), 0);
	assert_int_equal(ns_detach(&t->a, 1, 2), 0);
	assert_int_equal(io_read(&t->b, 1, 5, 1), NVME_SC_INVALID_NS);
	assert_int_equal(io_blamed(&t->b), 4);
	io_expect(&t->a, 1, 5, 1, 0x44);
	assert_false(ns_listed(&t->b, NVME_CNS_ACTIVE_NS_LIST, 1));
	assert_false(ns_listed(&t->b, NVME_CNS_CSI_ACTIVE_NS_LIST, 1));
	assert_true(ns_listed(&t->b, NVME_CNS_ALLOC_NS_LIST, 1));
	assert_true(ns_listed(&t->b, NVME_CNS_CSI_ALLOC_NS_LIST, 1));
	assert_true(ns_listed(&t->a, NVME_CNS_ACTIVE_NS_LIST, 1));
	assert_int_equal(two_identify(&t->a, NVME_CNS_NS_CTRL_LIST, 1), 0);
	assert_int_equal(le16_get(list->num), 1);
	assert_int_equal(le16_get(list->cntlid[0]), 1);
	assert_int_equal(two_identify(&t->a, NVME_CNS_CTRL_LIST, 0), 0);
	assert_int_equal(le16_get(list->num), 2);
	assert_int_equal(io_feature_get(&t->b, NVME_FEAT_ERR_RECOVERY, 1, 0, 0), NVME_SC_INVALID_FIELD);
	assert_int_equal(ns_attach(&t->b, 1, 2), 0); /* from any controller */
	io_expect(&t->b, 1, 5, 1, 0x44);
	assert_int_equal(two_identify(&t->a, NVME_CNS_NS_CTRL_LIST, 1), 0);
	assert_int_equal(le16_get(list->num), 2);
}

static void
wrong_attachments(void **state)
{
	struct two *t = *state;
	struct nvme_sqe sqe;

	assert_int_equal(ns_attach(&t->a, 1, 1), NVME_SC_NS_ALREADY_ATTACHED);
	assert_int_equal(ns_detach(&t->a, 1, 1), 0);
	assert_int_equal(ns_detach(&t->a, 1, 1), NVME_SC_NS_NOT_ATTACHED);
	assert_int_equal(ns_attach(&t->a, 1, 3), NVME_SC_CTRLR_LIST_INVALID);
	assert_int_equal(ns_attach(&t->a, 1, 0), NVME_SC_CTRLR_LIST_INVALID);
	assert_int_equal(ns_attach(&t->a, 1, 9), NVME_SC_CTRLR_LIST_INVALID);
	assert_int_equal(ns_attach_list(&t->a, 1, NVME_NS_ATTACH_ATTACH, NULL, 0), NVME_SC_CTRLR_LIST_INVALID);
	assert_int_equal(ns_attach_list(&t->a, 1, NVME_NS_ATTACH_ATTACH, (uint16_t[8]){ 1 }, 2048),
			 NVME_SC_CTRLR_LIST_INVALID);
	assert_int_equal(ns_attach(&t->a, 0, 1), NVME_SC_INVALID_NS);
	assert_int_equal(ns_attach(&t->a, 33, 1), NVME_SC_INVALID_NS);
	assert_int_equal(ns_attach(&t->a, NVME_NSID_ALL, 1), NVME_SC_INVALID_NS);
	assert_int_equal(io_blamed(&t->a), 4);
	assert_int_equal(ns_attach(&t->a, 3, 1), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(&t->a), 4);
	nvme_prep_ns_attach(&sqe, 1, 2);
	assert_int_equal(io_admin(&t->a, &sqe, 4096), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(&t->a), 40);
	/* The list is worked through up to what cannot be done, and the error log tells where that is. */
	assert_int_equal(ns_detach(&t->a, 1, 2), 0);
	assert_int_equal(ns_attach_list(&t->a, 1, NVME_NS_ATTACH_ATTACH, (uint16_t[]){ 1, 5 }, 2),
			 NVME_SC_CTRLR_LIST_INVALID);
	assert_int_equal(two_blamed_cs(&t->a), 4);
	assert_int_equal(io_read(&t->a, 1, 0, 1), 0);
	assert_int_equal(ns_attach_list(&t->a, 1, NVME_NS_ATTACH_DETACH, (uint16_t[]){ 1, 1 }, 2),
			 NVME_SC_CTRLR_LIST_INVALID); /* not in order */
	assert_int_equal(ns_attach_list(&t->a, 1, NVME_NS_ATTACH_ATTACH, (uint16_t[]){ 1, 2 }, 2), 0);
}

static void
private_namespace(void **state)
{
	struct two *t = *state;

	assert_int_equal(ns_delete(&t->a, 2), 0);
	assert_int_equal(ns_create(&t->a, 8, 0, 0), 2);
	assert_int_equal(ns_attach_list(&t->a, 2, NVME_NS_ATTACH_ATTACH, (uint16_t[]){ 1, 2 }, 2),
			 NVME_SC_NS_IS_PRIVATE);
	assert_int_equal(two_blamed_cs(&t->a), 4);
	assert_int_equal(ns_attach(&t->a, 2, 1), NVME_SC_NS_ALREADY_ATTACHED);
	assert_int_equal(ns_detach(&t->a, 2, 1), 0);
	assert_int_equal(ns_attach(&t->a, 2, 2), 0);
	assert_int_equal(io_read(&t->b, 2, 0, 1), 0);
	assert_int_equal(io_read(&t->a, 2, 0, 1), NVME_SC_INVALID_NS);
}

/* The other controller's host is told; the one that did it knows. */
static void
events(void **state)
{
	struct two *t = *state;
	const struct nvme_ns_list *list = (const void *)io_buf(&t->b);

	two_aer(&t->a);
	two_aer(&t->b);
	assert_int_equal(ns_detach(&t->a, 2, 2), 0);
	assert_int_equal(two_event(&t->b), CHANGED);
	assert_int_equal(two_event(&t->a), 0);
	assert_int_equal(two_log(&t->b, NVME_LOG_CHANGED_NS, 4096), 0);
	assert_int_equal(le32_get(list->nsid[0]), 2);
	assert_int_equal(le32_get(list->nsid[1]), 0);
	two_aer(&t->b);
	assert_int_equal(ns_detach(&t->a, 1, 1), 0); /* not its own */
	assert_int_equal(two_event(&t->b), 0);
	assert_int_equal(ns_delete(&t->a, 2), 0); /* not attached: no change for it */
	assert_int_equal(two_event(&t->b), 0);
	assert_int_equal(ns_delete(&t->a, 1), 0);
	assert_int_equal(two_event(&t->b), CHANGED);
	assert_int_equal(two_log(&t->b, NVME_LOG_CHANGED_NS, 4096), 0);
	assert_int_equal(le32_get(list->nsid[0]), 1);
	two_aer(&t->b);
	assert_int_equal(ns_create(&t->a, 8, 0, SHARED), 1);
	assert_int_equal(two_event(&t->b), 0);
	assert_int_equal(ns_attach_list(&t->a, 1, NVME_NS_ATTACH_ATTACH, (uint16_t[]){ 1, 2 }, 2), 0);
	assert_int_equal(two_event(&t->b), CHANGED);
	assert_int_equal(two_event(&t->a), 0);
}

/* Resets and power leave it all as it is. */
static void
resets(void **state)
{
	struct two *t = *state;

	assert_int_equal(ns_delete(&t->a, 1), 0);
	assert_int_equal(ns_create(&t->a, 4 * MIB / 4096, 1, SHARED), 1);
	assert_int_equal(ns_attach(&t->a, 1, 2), 0);
	assert_int_equal(io_write(&t->b, 1, 3, 2, 0x5e), 0);
	two_power_cycle(t);
	assert_int_equal(io_read(&t->a, 1, 0, 1), NVME_SC_INVALID_NS);
	io_expect(&t->b, 1, 3, 2, 0x5e);
	ssd_function_reset(t->b.r->ssd);
	two_again(&t->b);
	io_expect(&t->b, 1, 3, 2, 0x5e);
	assert_int_equal(io_shift(&t->b, 1), 12);
}

/* FFFFFFFFh formats what is attached to this controller. */
static void
format_all(void **state)
{
	struct two *t = *state;
	struct nvme_sqe sqe;

	assert_int_equal(io_write(&t->b, 1, 0, 1, 1), 0);
	assert_int_equal(io_write(&t->b, 2, 0, 1, 2), 0);
	assert_int_equal(ns_detach(&t->a, 1, 1), 0);
	nvme_prep_format(&sqe, 1, 0, NVME_FORMAT_SES_NONE);
	assert_int_equal(io_admin(&t->a, &sqe, 0), NVME_SC_INVALID_FIELD);
	nvme_prep_format(&sqe, NVME_NSID_ALL, 0, NVME_FORMAT_SES_NONE);
	assert_int_equal(io_admin(&t->a, &sqe, 0), 0);
	io_expect(&t->b, 1, 0, 1, 1);
	io_expect(&t->b, 2, 0, 1, 0);
}

/* One controller: what the host asked for is what it reads. */
static void
alone(void **state)
{
	struct io *io = *state;
	const struct nvme_id_ns *id = (const void *)io_buf(io);

	assert_int_equal(two_identify(io, NVME_CNS_NS, 1), 0);
	assert_int_equal(id->nmic, 0);
	assert_int_equal(ns_delete(io, 1), 0);
	assert_int_equal(ns_create(io, 8, 0, SHARED), 1);
	assert_int_equal(two_identify(io, NVME_CNS_ALLOC_NS, 1), 0);
	assert_int_equal(id->nmic, SHARED);
}

/* No memory for its tables: nothing has changed. */
static void
create_without_memory(void **state)
{
	struct two *t = *state;
	nvme_status st = NVME_SC_INTERNAL;

	assert_int_equal(ns_delete(&t->a, 2), 0);
	for (long n = 0; st; n++) {
		ns_want(&t->a, 8, 0, 0);
		ut_alloc_budget = n;
		st = ns_send_create(&t->a);
		ut_alloc_budget = -1;
		assert_true(!st || st == NVME_SC_INTERNAL);
		assert_int_equal(ns_unallocated(&t->a), (st ? 16 : 15) * MIB);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, two_setup, two_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(life),
		T(wrong_creates),
		T(capacity),
		cmocka_unit_test(no_nsid),
		T(wrong_deletes),
		T(attachment),
		T(events),
		T(wrong_attachments),
		T(private_namespace),
		T(resets),
		T(format_all),
		T(create_without_memory),
		cmocka_unit_test_setup_teardown(alone, io_setup, io_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
