/* SPDX-License-Identifier: BSD-3-Clause */
/* The PCI function: configuration space, power states, function level reset, INTx and MSI-X. */
#include "ssd_rig.h"
#include "nvproof/spec/pcie.h"

static void
function_level_reset(void **state)
{
	struct rig *r = *state;
	uint32_t px = rig_capability(r, NVME_PCI_CAPID_PCIE), msix = rig_capability(r, NVME_PCI_CAPID_MSIX);

	rig_cfg_set(r, msix + 2, 2, 0x8000);
	rig_set(r, SSD_BAR_MSIX + 12, 0);
	assert_true(rig_cfg(r, px + NVME_PCI_PXDCAP, 4) & NVME_PCI_PXDCAP_FLRC);
	rig_cfg_set(r, px + NVME_PCI_PXDC, 2, rig_cfg(r, px + NVME_PCI_PXDC, 2) | 0x8000);
	assert_int_equal(rig_cfg(r, px + NVME_PCI_PXDC, 2) & 0x8000, 0);
	assert_int_equal(rig_reg(r, NVME_REG_CC), 0);
	assert_int_equal(rig_reg(r, NVME_REG_AQA), 0);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), 0);
	assert_int_equal(rig_cfg(r, msix + 2, 2), SSD_NR_VECTORS - 1);
	assert_int_equal(rig_reg(r, SSD_BAR_MSIX + 12), 1);
	rig_cfg_set(r, NVME_PCI_CMD, 2, 6);
	assert_int_equal(rig_enable(r, 32), NVME_CSTS_RDY);
	assert_true(rig_works(r));
	rig_cfg_set(r, px + NVME_PCI_PXDC + 1, 1, 0x80); /* one byte will do */
	assert_int_equal(rig_reg(r, NVME_REG_CC), 0);
}

static void
configuration_space(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_cfg(r, NVME_PCI_CC, 3), 0x010802);
	assert_int_equal(rig_cfg(r, NVME_PCI_HTYPE, 1), 0);
	assert_true(rig_cfg(r, NVME_PCI_STS, 2) & NVME_PCI_STS_CL);
	rig_cfg_set(r, NVME_PCI_VID, 4, 0);
	assert_int_equal(rig_cfg(r, NVME_PCI_VID, 2), SSD_PCI_VID);
	rig_cfg_set(r, NVME_PCI_BAR0, 4, 0xffffffff);
	rig_cfg_set(r, NVME_PCI_BAR1, 4, 0xffffffff);
	assert_int_equal(rig_cfg(r, NVME_PCI_BAR0, 4), 0xffffc004);
	assert_int_equal(rig_cfg(r, NVME_PCI_BAR1, 4), 0xffffffff);
	rig_cfg_set(r, NVME_PCI_BAR2, 4, 0xffffffff);
	assert_int_equal(rig_cfg(r, NVME_PCI_BAR2, 4), 0);
	assert_int_equal(rig_cfg(r, NVME_PCI_ECAP_BASE, 4) & 0xffff, NVME_PCI_ECAPID_AER);
	assert_int_equal(rig_cfg(r, rig_cfg(r, NVME_PCI_ECAP_BASE, 4) >> 20, 4) & 0xffff, NVME_PCI_ECAPID_DSN);
	assert_int_equal(rig_cfg(r, SSD_CFG_SIZE - 2, 4), 0xffff0000);
	ssd_cfg_write(r->ssd, SSD_CFG_SIZE - 1, "abcd", 4);
	ssd_cfg_write(r->ssd, UINT32_MAX - 1, "abcd", 4);
	assert_true(rig_works(r));
}

/* No memory space: no registers.  No bus mastering: no DMA, and no interrupt. */
static void
command_register(void **state)
{
	struct rig *r = *state;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	uint32_t irqs = r->irqs[0];

	rig_cfg_set(r, NVME_PCI_CMD, 2, 4);
	assert_int_equal(rig_reg(r, NVME_REG_VS), 0xffffffff);
	rig_set(r, NVME_REG_CC, 0);
	rig_cfg_set(r, NVME_PCI_CMD, 2, 2);
	assert_int_equal(rig_reg(r, NVME_REG_CC), RIG_CC);
	nvme_prep_keep_alive(&sqe);
	rig_put(r, 0, &sqe);
	rig_ring(r, 0);
	rig_step(r);
	assert_false(rig_peek(r, 0, &cqe));
	assert_int_equal(r->irqs[0], irqs);
	rig_cfg_set(r, NVME_PCI_CMD, 2, 6);
	rig_step(r);
	assert_true(rig_reap(r, 0, &cqe));
	assert_int_equal(r->irqs[0], irqs + 1);
}

static void
power_states(void **state)
{
	struct rig *r = *state;
	uint32_t pm = rig_capability(r, NVME_PCI_CAPID_PM) + NVME_PCI_PMCS;

	rig_cfg_set(r, pm, 2, 1); /* D1 is not there */
	assert_int_equal(rig_cfg(r, pm, 2) & 3, 0);
	rig_cfg_set(r, pm, 2, 3);
	assert_int_equal(rig_cfg(r, pm, 2) & 3, 3);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), 0xffffffff);
	rig_cfg_set(r, pm, 2, 0);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), NVME_CSTS_RDY);
	assert_true(rig_works(r));
}

static void
intx(void **state)
{
	struct rig *r = *state;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	uint32_t irqs = r->irqs[0];

	assert_true(rig_works(r));
	assert_int_equal(r->irqs[0], irqs + 1);
	assert_int_equal(rig_cfg(r, NVME_PCI_STS, 2) & NVME_PCI_STS_IS, 0);
	rig_set(r, NVME_REG_INTMS, 1);
	nvme_prep_keep_alive(&sqe);
	rig_put(r, 0, &sqe);
	rig_ring(r, 0);
	rig_step(r);
	assert_int_equal(r->irqs[0], irqs + 1);
	assert_true(rig_cfg(r, NVME_PCI_STS, 2) & NVME_PCI_STS_IS);
	rig_set(r, NVME_REG_INTMC, 1);
	assert_int_equal(r->irqs[0], irqs + 2);
	assert_true(rig_reap(r, 0, &cqe));
	rig_cfg_set(r, NVME_PCI_CMD, 2, 0x406); /* Interrupt Disable */
	assert_true(rig_works(r));
	assert_int_equal(r->irqs[0], irqs + 2);
	/* It is a level: what was completed meanwhile interrupts as soon as it may. */
	rig_put(r, 0, &sqe);
	rig_ring(r, 0);
	rig_step(r);
	assert_int_equal(r->irqs[0], irqs + 2);
	rig_cfg_set(r, NVME_PCI_CMD, 2, 0x006);
	assert_int_equal(r->irqs[0], irqs + 3);
	rig_cfg_set(r, NVME_PCI_CMD, 2, 0x006);
	assert_int_equal(r->irqs[0], irqs + 3);
	assert_true(rig_reap(r, 0, &cqe));
}

/* Masked in the table, and then MSI-X is given up: the entry in the queue is there to be told by INTx. */
static void
from_msix_to_intx(void **state)
{
	struct rig *r = *state;
	uint32_t mxc = rig_capability(r, NVME_PCI_CAPID_MSIX) + NVME_PCI_MSIX_MXC, irqs = r->irqs[0];
	struct nvme_sqe sqe;

	rig_cfg_set(r, mxc, 2, 0x8000);
	nvme_prep_keep_alive(&sqe);
	rig_put(r, 0, &sqe);
	rig_ring(r, 0);
	rig_step(r);
	assert_int_equal(r->irqs[0], irqs);
	rig_cfg_set(r, mxc, 2, 0);
	assert_int_equal(r->irqs[0], irqs + 1);
}

static void
msix(void **state)
{
	struct rig *r = *state;
	uint32_t mxc = rig_capability(r, NVME_PCI_CAPID_MSIX) + NVME_PCI_MSIX_MXC;
	struct nvme_sqe sqe;

	assert_int_equal(rig_cfg(r, mxc, 2), SSD_NR_VECTORS - 1);
	rig_cfg_set(r, mxc, 2, 0x8000);
	rig_pair(r, 1, 16, 127);
	r->irqs[0] = 0;
	nvme_prep_flush(&sqe, 1);
	assert_int_equal(rig_cmd(r, 1, &sqe, NULL), 0);
	assert_int_equal(r->irqs[127], 0);
	assert_int_equal(rig_reg(r, SSD_BAR_PBA + 12), 1u << 31);
	assert_int_equal(ssd_bar_read(r->ssd, SSD_BAR_PBA + 8, 8), 1ull << 63);
	rig_set(r, SSD_BAR_PBA + 12, 0);
	assert_int_equal(rig_reg(r, SSD_BAR_PBA + 12), 1u << 31);
	rig_set(r, SSD_BAR_MSIX + 127 * 16 + 12, 0);
	assert_int_equal(r->irqs[127], 1);
	assert_int_equal(rig_reg(r, SSD_BAR_PBA + 12), 0);
	assert_int_equal(rig_cmd(r, 1, &sqe, NULL), 0);
	assert_int_equal(r->irqs[127], 2);
	rig_cfg_set(r, mxc, 2, 0xc000); /* function mask */
	assert_int_equal(rig_cmd(r, 1, &sqe, NULL), 0);
	assert_int_equal(r->irqs[127], 2);
	rig_cfg_set(r, mxc, 2, 0x8000);
	assert_int_equal(r->irqs[127], 3);
	assert_int_equal(r->irqs[0], 0); /* vector 0 is masked, and INTx is off */
	ssd_bar_write(r->ssd, SSD_BAR_MSIX + 32, 8, 0xfee00000ull << 32 | 0x1234);
	assert_int_equal(ssd_bar_read(r->ssd, SSD_BAR_MSIX + 32, 8), 0xfee00000ull << 32 | 0x1234);
	rig_set(r, SSD_BAR_MSIX + 44, 0xffffffff);
	assert_int_equal(rig_reg(r, SSD_BAR_MSIX + 44), 1);
	/* One interrupt for a batch. */
	for (int i = 0; i < 8; i++)
		rig_put(r, 1, &sqe);
	rig_ring(r, 1);
	rig_step(r);
	assert_int_equal(r->irqs[127], 4);
}

static void
msix_set_up_by_the_bus(void **state)
{
	struct rig *r = *state;

	ssd_msix_setup(r->ssd, true);
	rig_pair(r, 1, 16, 3);
	struct nvme_sqe sqe;
	nvme_prep_flush(&sqe, 1);
	assert_int_equal(rig_cmd(r, 1, &sqe, NULL), 0);
	assert_int_equal(r->irqs[3], 1);
	ssd_msix_setup(r->ssd, false);
	assert_int_equal(rig_cfg(r, rig_capability(r, NVME_PCI_CAPID_MSIX) + 2, 2), SSD_NR_VECTORS - 1);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(function_level_reset),
		WITH(configuration_space),
		WITH(command_register),
		WITH(power_states),
		WITH(intx),
		WITH(from_msix_to_intx),
		WITH(msix),
		WITH(msix_set_up_by_the_bus),
	};

	return cmocka_run_group_tests_name("ssd pci", tests, NULL, NULL);
}
