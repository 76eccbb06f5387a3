/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupt coalescing on virtual time, vectors without it, MSI and its masks. */
#include "ssd_io.h"
#include "nvproof/spec/feat.h"
#include "nvproof/spec/pcie.h"

#define US 1000ull

/* MSI-X on, two queue pairs on vectors of their own, a third shares that of the second. */
static int
setup(void **state)
{
	if (rig_setup(state))
		return -1;
	struct rig *r = *state;

	ssd_msix_setup(r->ssd, true);
	rig_pair(r, 1, 64, 1);
	rig_pair(r, 2, 64, 2);
	rig_pair(r, 3, 64, 2);
	return 0;
}

static void
feature(struct rig *r, uint8_t fid, uint32_t v)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_SET_FEATURES, .cdw10 = le32_from(fid), .cdw11 = le32_from(v) };

	assert_int_equal(rig_admin(r, &sqe), 0);
}

static void
coalesce(struct rig *r, uint32_t entries, uint32_t time_100us)
{
	feature(r, NVME_FEAT_IRQ_COALESCE,
		nvme_put32(NVME_FEAT_IC_THR, entries - 1) | nvme_put32(NVME_FEAT_IC_TIME, time_100us));
	memset(r->irqs, 0, sizeof(r->irqs));
}

/* One command of a queue, completed; time passes by `ns` all in all. */
static void
flush_one(struct rig *r, uint16_t q, uint64_t ns)
{
	uint64_t end = r->now + ns;

	rig_flushes(r, q, 1);
	ssd_step(r->ssd, r->now += 1000);
	ssd_step(r->ssd, r->now += 1000);
	assert_int_equal(rig_reap_all(r, q), 1);
	r->now = UT_MAX(end, r->now);
}

static void
by_threshold(void **state)
{
	struct rig *r = *state;

	coalesce(r, 4, 255);
	for (int i = 1; i <= 12; i++) {
		flush_one(r, 1, 0);
		assert_int_equal(r->irqs[1], i / 4);
	}
	/* A batch that reaches it interrupts once. */
	rig_flushes(r, 1, 20);
	rig_step(r);
	assert_int_equal(r->irqs[1], 4);
	/* "... per interrupt vector": the entries of both queues count. */
	rig_reap_all(r, 1);
	for (int i = 1; i <= 4; i++) {
		flush_one(r, 2, 0);
		flush_one(r, 3, 0);
		assert_int_equal(r->irqs[2], i / 2);
	}
}

/* TIME is in 100 us, from the first entry that was not told. */
static void
by_time(void **state)
{
	struct rig *r = *state;
	uint64_t first, due;

	coalesce(r, 200, 3);
	rig_flushes(r, 1, 1);
	first = r->now += 1000;
	ssd_step(r->ssd, first);
	r->now = first + 100 * US;
	rig_flushes(r, 1, 1);
	due = ssd_step(r->ssd, r->now);
	due = ssd_step(r->ssd, r->now); /* at rest */
	assert_int_equal(due, first + 300 * US); /* a server sleeps no longer than that */
	ssd_step(r->ssd, due - 1);
	assert_int_equal(r->irqs[1], 0);
	ssd_step(r->ssd, due);
	assert_int_equal(r->irqs[1], 1);
	r->now = due + 1000 * US;
	ssd_step(r->ssd, r->now);
	assert_int_equal(r->irqs[1], 1); /* both were told by one */
	assert_int_equal(rig_reap_all(r, 1), 2);
	flush_one(r, 1, 500 * US);
	assert_int_equal(r->irqs[1], 1);
	ssd_step(r->ssd, r->now);
	assert_int_equal(r->irqs[1], 2);
}

/* "If either ... is cleared to 0h, ... implicitly disabled." */
static void
either_zero_is_off(void **state)
{
	struct rig *r = *state;

	coalesce(r, 1, 100);
	flush_one(r, 1, 0);
	assert_int_equal(r->irqs[1], 1);
	coalesce(r, 100, 0);
	flush_one(r, 1, 0);
	assert_int_equal(r->irqs[1], 1);
}

static void
never_waits(void **state)
{
	struct rig *r = *state;
	struct nvme_sqe sqe;

	/* Vector 1 has coalescing disabled; vector 2 has not. */
	feature(r, NVME_FEAT_IRQ_CONFIG, 1u | (uint32_t)NVME_FEAT_IVC_CD);
	coalesce(r, 50, 200);
	flush_one(r, 1, 0);
	flush_one(r, 2, 0);
	assert_int_equal(r->irqs[1], 1);
	assert_int_equal(r->irqs[2], 0);
	feature(r, NVME_FEAT_IRQ_CONFIG, 1u);
	flush_one(r, 1, 0);
	assert_int_equal(r->irqs[1], 1);
	/* The admin queue, on its own vector and beside an I/O queue. */
	memset(r->irqs, 0, sizeof(r->irqs));
	nvme_prep_keep_alive(&sqe);
	assert_int_equal(rig_admin(r, &sqe), 0);
	assert_int_equal(r->irqs[0], 1);
	/* A command that fails. */
	nvme_prep_flush(&sqe, 99);
	assert_int_not_equal(rig_cmd(r, 2, &sqe, NULL), 0);
	assert_int_equal(r->irqs[2], 1);
}

/* What waits when the host changes its mind goes out; so it does not when the controller is reset. */
static void
change_and_reset(void **state)
{
	struct rig *r = *state;

	coalesce(r, 50, 255);
	flush_one(r, 1, 0);
	assert_int_equal(r->irqs[1], 0);
	feature(r, NVME_FEAT_IRQ_COALESCE, 0);
	assert_int_equal(r->irqs[1], 1);
	coalesce(r, 50, 255);
	flush_one(r, 1, 0);
	rig_set(r, NVME_REG_CC, 0);
	r->now += 100000 * US;
	rig_step(r);
	assert_int_equal(r->irqs[1], 0);
	assert_int_equal(rig_enable(r, 32), NVME_CSTS_RDY);
	rig_pair(r, 1, 64, 1);
	memset(r->irqs, 0, sizeof(r->irqs));
	flush_one(r, 1, 0);
	assert_int_equal(r->irqs[1], 1); /* not saved: off again */
}

/* A masked vector is pending once the aggregation is over, not before. */
static void
masked_and_coalesced(void **state)
{
	struct rig *r = *state;

	coalesce(r, 2, 255);
	rig_set(r, SSD_BAR_MSIX + 16 + 12, 1);
	flush_one(r, 1, 0);
	assert_int_equal(rig_reg(r, SSD_BAR_PBA), 0);
	flush_one(r, 1, 0);
	assert_int_equal(rig_reg(r, SSD_BAR_PBA), 2);
	rig_set(r, SSD_BAR_MSIX + 16 + 12, 0);
	assert_int_equal(r->irqs[1], 1);
}

static void
vector_values(void **state)
{
	struct io *io = *state;

	assert_int_equal(io_feature_set(io, NVME_FEAT_IRQ_CONFIG, 0, 128, false), NVME_SC_INVALID_FIELD);
	assert_int_equal(io_blamed(io), 44);
	assert_int_equal(io_feature_set(io, NVME_FEAT_IRQ_CONFIG, 0, 0x10007, true), NVME_SC_FEAT_NOT_SAVEABLE);
	assert_int_equal(io_feature_set(io, NVME_FEAT_IRQ_CONFIG, 0, 0x10007, false), 0);
	assert_int_equal(io_feature_get(io, NVME_FEAT_IRQ_CONFIG, 0, 0, 7), 0);
	assert_int_equal(le32_get(io->cqe.dw0), 0x10007);
}

/* --- MSI --- */

static uint32_t
msi_enable(struct rig *r, uint32_t mme)
{
	uint32_t mc = rig_capability(r, NVME_PCI_CAPID_MSI) + NVME_PCI_MSI_MC;

	rig_cfg_set(r, mc, 2, mme << 4 | 1);
	memset(r->irqs, 0, sizeof(r->irqs));
	return mc;
}

static void
msi_capability(void **state)
{
	struct rig *r = *state;
	uint32_t cap = rig_capability(r, NVME_PCI_CAPID_MSI);

	assert_int_equal(rig_cfg(r, cap + NVME_PCI_MSI_MC, 2), 5u << 1 | 1u << 7);
	rig_cfg_set(r, cap + NVME_PCI_MSI_MC, 2, 0xffff);
	assert_int_equal(rig_cfg(r, cap + NVME_PCI_MSI_MC, 2), 5u << 1 | 1u << 7 | 7u << 4 | 1);
	rig_cfg_set(r, cap + NVME_PCI_MSI_MA, 4, 0xffffffff);
	assert_int_equal(rig_cfg(r, cap + NVME_PCI_MSI_MA, 4), 0xfffffffc);
	rig_cfg_set(r, cap + NVME_PCI_MSI_MD, 4, 0xffffffff);
	assert_int_equal(rig_cfg(r, cap + NVME_PCI_MSI_MD, 4), 0xffff);
	ssd_function_reset(r->ssd);
	assert_int_equal(rig_cfg(r, cap + NVME_PCI_MSI_MC, 2), 5u << 1 | 1u << 7);
	assert_int_equal(rig_cfg(r, cap + NVME_PCI_MSI_MA, 4), 0);
}

/* As many vectors as the host granted, and not one more. */
static void
msi_vectors(void **state)
{
	struct rig *r = *state;
	uint64_t at = rig_alloc(r, 1);
	uint32_t mc = msi_enable(r, 2);

	assert_int_equal(rig_sc(rig_create_cq(r, 1, 8, at, 4)), NVME_SC_INVALID_VECTOR);
	rig_pair(r, 1, 16, 3);
	flush_one(r, 1, 0);
	assert_int_equal(r->irqs[3], 1);
	rig_cfg_set(r, mc, 2, 1u << 4 | 1); /* two messages: the third and the first share */
	flush_one(r, 1, 0);
	assert_int_equal(r->irqs[1], 1);
	rig_cfg_set(r, mc, 2, 0); /* INTx again */
	memset(r->irqs, 0, sizeof(r->irqs));
	flush_one(r, 1, 0);
	assert_int_equal(r->irqs[0], 1);
	ssd_msi_setup(r->ssd, true);
	assert_int_equal(rig_cfg(r, mc, 2) & 0x71, 0x51);
	flush_one(r, 1, 0);
	assert_int_equal(r->irqs[3], 1);
}

/* INTMS masks by vector, INTMC lets what waits go out, unless the host has taken it meanwhile. */
static void
msi_masks(void **state)
{
	struct rig *r = *state;

	msi_enable(r, 5);
	rig_pair(r, 1, 16, 7);
	rig_pair(r, 2, 16, 8);
	rig_set(r, NVME_REG_INTMS, 1u << 7);
	flush_one(r, 2, 0);
	assert_int_equal(r->irqs[8], 1);
	rig_flushes(r, 1, 2);
	rig_step(r);
	assert_int_equal(r->irqs[7], 0);
	rig_set(r, NVME_REG_INTMC, 1u << 7);
	assert_int_equal(r->irqs[7], 1);
	rig_reap_all(r, 1);
	rig_set(r, NVME_REG_INTMS, 1u << 7);
	flush_one(r, 1, 0);
	rig_set(r, NVME_REG_INTMC, 1u << 7);
	assert_int_equal(r->irqs[7], 1);
}

/* With MSI-X on, MSI says nothing. */
static void
msix_wins(void **state)
{
	struct rig *r = *state;

	msi_enable(r, 5);
	ssd_msix_setup(r->ssd, true);
	rig_pair(r, 1, 16, 100);
	flush_one(r, 1, 0);
	assert_int_equal(r->irqs[100], 1);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)
#define M(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		T(by_threshold),
		T(by_time),
		T(either_zero_is_off),
		T(never_waits),
		T(change_and_reset),
		T(masked_and_coalesced),
		cmocka_unit_test_setup_teardown(vector_values, io_setup, io_teardown),
		M(msi_capability),
		M(msi_vectors),
		M(msi_masks),
		M(msix_wins),
	};

	return cmocka_run_group_tests_name("ssd irq", tests, NULL, NULL);
}
