/* SPDX-License-Identifier: BSD-3-Clause */
/* The controller's registers, configuration space, interrupts, resets and power, driven by hand. */
#include "ssd_rig.h"
#include <errno.h>
#include "nvproof/spec/pcie.h"
#include "util/alloc.h"

#define SHST(csts) nvme_get(csts, NVME_CSTS_SHST)

static void
registers_at_reset(void **state)
{
	struct rig *r = rig_open();
	uint64_t cap = ssd_bar_read(r->ssd, NVME_REG_CAP, 8);

	*state = r;
	assert_int_equal(nvme_get(cap, NVME_CAP_MQES), 65534);
	assert_int_equal(nvme_get(cap, NVME_CAP_DSTRD), 3);
	assert_int_equal(nvme_get(cap, NVME_CAP_CQR), 0);
	assert_int_equal(nvme_get(cap, NVME_CAP_AMS), 1);
	assert_int_equal(nvme_get(cap, NVME_CAP_NSSRS), 1);
	assert_int_equal(nvme_get(cap, NVME_CAP_CSS), 1);
	assert_true(nvme_get(cap, NVME_CAP_TO) > 0);
	assert_int_equal(rig_reg(r, NVME_REG_CAP), (uint32_t)cap);
	assert_int_equal(rig_reg(r, NVME_REG_CAP + 4), cap >> 32);
	assert_int_equal(ssd_bar_read(r->ssd, NVME_REG_CAP + 2, 2), cap >> 16 & 0xffff);
	assert_int_equal(ssd_bar_read(r->ssd, NVME_REG_CAP + 7, 1), cap >> 56);
	assert_int_equal(ssd_bar_read(r->ssd, NVME_REG_VS + 2, 2), 2);
	assert_int_equal(rig_reg(r, NVME_REG_CC), 0);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), 0);
	assert_int_equal(rig_reg(r, NVME_REG_NSSR), 0);
	/* No register there, misaligned, past the end: nothing happens. */
	assert_int_equal(rig_reg(r, 0xf00), 0);
	assert_int_equal(ssd_bar_read(r->ssd, 2, 4), UINT64_MAX);
	assert_int_equal(ssd_bar_read(r->ssd, 0, 3), UINT64_MAX);
	assert_int_equal(ssd_bar_read(r->ssd, SSD_BAR_SIZE, 4), 0);
	assert_int_equal(ssd_bar_read(r->ssd, UINT32_MAX - 3, 4), 0);
	ssd_bar_write(r->ssd, UINT32_MAX - 7, 8, UINT64_MAX);
	ssd_bar_write(r->ssd, NVME_REG_CAP, 8, 0);
	assert_int_equal(ssd_bar_read(r->ssd, NVME_REG_CAP, 8), cap);
}

static void
register_widths(void **state)
{
	struct rig *r = rig_open();

	*state = r;
	ssd_bar_write(r->ssd, NVME_REG_ASQ, 8, 0x123456789abcdeffull);
	assert_int_equal(ssd_bar_read(r->ssd, NVME_REG_ASQ, 8), 0x123456789abcd000ull);
	rig_set(r, NVME_REG_ASQ + 4, 7);
	assert_int_equal(ssd_bar_read(r->ssd, NVME_REG_ASQ, 8), 0x79abcd000ull);
	ssd_bar_write(r->ssd, NVME_REG_AQA + 2, 2, 0xffff);
	ssd_bar_write(r->ssd, NVME_REG_AQA, 1, 0x3f);
	assert_int_equal(rig_reg(r, NVME_REG_AQA), 0x0fff003f);
	rig_set(r, NVME_REG_INTMS, 0x11);
	ssd_bar_write(r->ssd, NVME_REG_INTMS + 3, 1, 0x80);
	assert_int_equal(rig_reg(r, NVME_REG_INTMC), 0x80000011);
	rig_set(r, NVME_REG_INTMC, 0x10);
	assert_int_equal(rig_reg(r, NVME_REG_INTMS), 0x80000001);
	/* An aligned qword over AQA and the dword before it. */
	ssd_bar_write(r->ssd, NVME_REG_NSSR, 8, 0x000a000bull << 32);
	assert_int_equal(rig_reg(r, NVME_REG_AQA), 0x000a000b);
}

static void
ready_takes_a_while(void **state)
{
	struct rig *r = rig_open();

	*state = r;
	rig_set(r, NVME_REG_AQA, 0x001f001f);
	ssd_bar_write(r->ssd, NVME_REG_ASQ, 8, RIG_BASE);
	ssd_bar_write(r->ssd, NVME_REG_ACQ, 8, RIG_BASE + SSD_PAGE);
	ssd_step(r->ssd, 1000);
	rig_set(r, NVME_REG_CC, RIG_CC);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), 0);
	uint64_t due = ssd_step(r->ssd, 2000);
	assert_true(due > 2000 && due != SSD_NEVER);
	ssd_step(r->ssd, due - 1);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), 0);
	ssd_step(r->ssd, due);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), NVME_CSTS_RDY);
	assert_true(ssd_step(r->ssd, due + 1) - due > 3600000000000ull); /* nothing, for hours */
	assert_false(ssd_was_busy(r->ssd));
}

static void
bad_configurations(void **state)
{
	static const struct {
		uint32_t entries, cc;
	} bad[] = {
		{ 1, RIG_CC },
		{ 32, RIG_CC | 1u << 7 }, /* MPS 8 KiB */
		{ 32, RIG_CC | 2u << 4 }, /* CSS reserved */
		{ 32, RIG_CC | 2u << 11 }, /* AMS reserved */
		{ 32, RIG_CC | 7u << 11 }, /* AMS vendor specific: not announced */
		{ 32, 1 | 7u << 16 | 4u << 20 },
		{ 32, 1 | 6u << 16 | 5u << 20 },
	};
	struct rig *r = rig_open();

	*state = r;
	for (size_t i = 0; i < UT_ARRAY_LEN(bad); i++) {
		assert_int_equal(rig_enable_cc(r, bad[i].entries, bad[i].cc), NVME_CSTS_CFS);
		rig_set(r, NVME_REG_CC, 0);
		assert_int_equal(rig_reg(r, NVME_REG_CSTS), 0); /* a reset clears CFS */
	}
	rig_set(r, NVME_REG_AQA, 0x001f001f);
	ssd_bar_write(r->ssd, NVME_REG_ASQ, 8, 0);
	ssd_bar_write(r->ssd, NVME_REG_ACQ, 8, 0);
	rig_set(r, NVME_REG_CC, RIG_CC);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), NVME_CSTS_CFS);
	rig_set(r, NVME_REG_CC, 0);
	assert_int_equal(rig_enable_cc(r, 32, 1), NVME_CSTS_RDY); /* entry sizes may come later */
	assert_true(rig_works(r));
}

static void
admin_ring_not_there(void **state)
{
	struct rig *r = *state;
	struct nvme_sqe sqe;

	r->hole = r->q[0].sq;
	r->hole_len = SSD_PAGE;
	ssd_port_changed(r->ssd);
	nvme_prep_keep_alive(&sqe);
	rig_put(r, 0, &sqe);
	rig_ring(r, 0);
	rig_step(r);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), NVME_CSTS_RDY | NVME_CSTS_CFS);
	r->hole_len = 0;
	ssd_port_changed(r->ssd);
	rig_set(r, NVME_REG_CC, 0);
	assert_int_equal(rig_enable(r, 16), NVME_CSTS_RDY);
	r->hole = r->q[0].cq;
	r->hole_len = SSD_PAGE;
	ssd_port_changed(r->ssd);
	rig_put(r, 0, &sqe);
	rig_ring(r, 0);
	rig_step(r);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), NVME_CSTS_RDY | NVME_CSTS_CFS);
}

static void
controller_reset(void **state)
{
	struct rig *r = *state;
	uint64_t asq = ssd_bar_read(r->ssd, NVME_REG_ASQ, 8);
	uint32_t *db = ssd_doorbells(r->ssd), aqa = rig_reg(r, NVME_REG_AQA);
	struct nvme_sqe sqe;

	rig_pair(r, 5, 16, -1);
	/* While it runs, the admin queues and most of CC cannot be changed. */
	rig_set(r, NVME_REG_AQA, 0);
	ssd_bar_write(r->ssd, NVME_REG_ASQ, 8, 0);
	rig_set(r, NVME_REG_CC, RIG_CC | 1u << 7);
	assert_int_equal(rig_reg(r, NVME_REG_AQA), aqa);
	assert_int_equal(rig_reg(r, NVME_REG_CC), RIG_CC);
	assert_true(rig_works(r));

	rig_set(r, NVME_REG_CC, RIG_CC & ~1u);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), 0);
	assert_int_equal(ssd_bar_read(r->ssd, NVME_REG_ASQ, 8), asq);
	assert_int_equal(rig_reg(r, NVME_REG_AQA), aqa);
	assert_int_equal(rig_cfg(r, NVME_PCI_CMD, 2), 6);
	for (int i = 0; i < 2048; i++)
		assert_int_equal(db[i], 0);
	assert_int_equal(rig_enable(r, 8), NVME_CSTS_RDY);
	nvme_prep_delete_io_sq(&sqe, 5);
	assert_int_equal(rig_sc(rig_admin(r, &sqe)), NVME_SC_INVALID_QID);
}

static void
disabled_does_nothing(void **state)
{
	struct rig *r = *state;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	nvme_prep_keep_alive(&sqe);
	rig_put(r, 0, &sqe);
	rig_set(r, NVME_REG_CC, 0);
	rig_ring(r, 0);
	rig_step(r);
	assert_false(rig_peek(r, 0, &cqe));
	assert_int_equal(rig_enable(r, 32), NVME_CSTS_RDY);
	rig_step(r);
	assert_false(rig_peek(r, 0, &cqe)); /* the doorbell of before does not count */
}

static void
shutdown_and_back(void **state)
{
	struct rig *r = *state;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	for (uint32_t shn = 1; shn <= 2; shn++) {
		rig_set(r, NVME_REG_CC, RIG_CC | shn << 14);
		assert_int_equal(SHST(rig_reg(r, NVME_REG_CSTS)), NVME_CSTS_SHST_OCCURRING);
		rig_step(r);
		assert_int_equal(SHST(rig_reg(r, NVME_REG_CSTS)), NVME_CSTS_SHST_COMPLETE);
		nvme_prep_keep_alive(&sqe);
		rig_put(r, 0, &sqe);
		rig_ring(r, 0);
		rig_step(r);
		assert_false(rig_peek(r, 0, &cqe));
		rig_set(r, NVME_REG_CC, 0);
		assert_int_equal(rig_reg(r, NVME_REG_CSTS), 0);
		assert_int_equal(rig_enable(r, 32), NVME_CSTS_RDY);
		assert_true(rig_works(r));
	}
	/* SHN of a controller that is not enabled. */
	rig_set(r, NVME_REG_CC, 0);
	rig_set(r, NVME_REG_CC, 1u << 14);
	rig_step(r);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), NVME_CSTS_SHST_COMPLETE << 2);
	assert_int_equal(rig_enable(r, 32), NVME_CSTS_RDY);
	assert_true(rig_works(r));
}

static void
subsystem_reset(void **state)
{
	struct rig *r = *state;
	struct ssd *other;

	assert_int_equal(ssd_ctrlr_open(r->sub, &rig_port_ops, r, NULL, &other), 0);
	ssd_bar_write(other, NVME_REG_AQA, 4, 0x00070007);
	rig_set(r, NVME_REG_NSSR, 0x12345678);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), NVME_CSTS_RDY);
	rig_set(r, NVME_REG_NSSR, NVME_NSSR_VALUE);
	for (int i = 0; i < 2; i++) {
		struct ssd *s = i ? other : r->ssd;

		assert_int_equal(ssd_bar_read(s, NVME_REG_CSTS, 4), NVME_CSTS_NSSRO);
		assert_int_equal(ssd_bar_read(s, NVME_REG_CC, 4), 0);
		assert_int_equal(ssd_bar_read(s, NVME_REG_AQA, 4), 0);
	}
	assert_int_equal(rig_cfg(r, NVME_PCI_CMD, 2) & NVME_PCI_CMD_BME, 0);
	rig_cfg_set(r, NVME_PCI_CMD, 2, 6);
	assert_int_equal(rig_enable(r, 32), NVME_CSTS_RDY | NVME_CSTS_NSSRO);
	assert_true(rig_works(r));
	rig_set(r, NVME_REG_CSTS, NVME_CSTS_NSSRO);
	assert_int_equal(rig_reg(r, NVME_REG_CSTS), NVME_CSTS_RDY);
	assert_int_equal(ssd_bar_read(other, NVME_REG_CSTS, 4), NVME_CSTS_NSSRO);
}

static void
power_off_and_on(void **state)
{
	struct rig *r = *state;
	uint64_t unsafe = r->sub->smart.unsafe_shutdowns, cycles = r->sub->smart.power_cycles;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	nvme_prep_keep_alive(&sqe);
	rig_put(r, 0, &sqe);
	ssd_power_off(r->sub);
	assert_false(ssd_powered(r->sub));
	rig_ring(r, 0);
	assert_int_equal(ssd_step(r->ssd, r->now += 1000), SSD_NEVER);
	assert_false(rig_peek(r, 0, &cqe));
	assert_int_equal(ssd_bar_read(r->ssd, NVME_REG_CAP, 8), UINT64_MAX);
	assert_int_equal(ssd_bar_read(r->ssd, NVME_REG_VS, 2), 0xffff);
	assert_int_equal(rig_cfg(r, NVME_PCI_VID, 4), 0xffffffff);
	rig_set(r, NVME_REG_CC, RIG_CC);
	rig_cfg_set(r, NVME_PCI_CMD, 2, 6);
	ssd_power_on(r->sub);
	assert_int_equal(rig_reg(r, NVME_REG_CC), 0);
	assert_int_equal(rig_cfg(r, NVME_PCI_CMD, 2) & 4, 0);
	assert_int_equal(r->sub->smart.unsafe_shutdowns, unsafe + 1);
	assert_int_equal(r->sub->smart.power_cycles, cycles + 1);
	rig_cfg_set(r, NVME_PCI_CMD, 2, 6);
	assert_int_equal(rig_enable(r, 32), NVME_CSTS_RDY);
	rig_set(r, NVME_REG_CC, RIG_CC | 1u << 14);
	rig_step(r);
	ssd_power_off(r->sub);
	ssd_power_on(r->sub);
	assert_int_equal(r->sub->smart.unsafe_shutdowns, unsafe + 1);
}

static void
opening(void **state)
{
	struct ssd_config cfg = { .nr_ns = 1, .ns = { { 1u << 20, 512 } } };
	struct ssd_subsys *sub;
	struct ssd *s[SSD_MAX_CTRLRS + 1];
	char err[80] = "";

	(void)state;
	cfg.ns[0].lba_size = 520;
	assert_int_equal(ssd_subsys_open(&cfg, &sub, err, sizeof(err)), -22);
	assert_non_null(strstr(err, "520"));
	cfg.ns[0] = (struct ssd_ns_config){ 100, 512 };
	assert_int_equal(ssd_subsys_open(&cfg, &sub, NULL, 0), -22);
	cfg.ns[0].size = 1u << 20;
	cfg.queues = 128;
	assert_int_equal(ssd_subsys_open(&cfg, &sub, err, sizeof(err)), -22);
	cfg.queues = 0;
	cfg.nr_ns = 0;
	assert_int_equal(ssd_subsys_open(&cfg, &sub, err, sizeof(err)), -22);
	cfg.nr_ns = 1;
	assert_int_equal(ssd_subsys_open(&cfg, &sub, err, sizeof(err)), 0);
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++)
		assert_int_equal(ssd_ctrlr_open(sub, &rig_port_ops, NULL, NULL, &s[i]), 0);
	assert_int_equal(ssd_ctrlr_open(sub, &rig_port_ops, NULL, NULL, &s[8]), -28);
	ssd_ctrlr_close(s[3]);
	assert_int_equal(ssd_ctrlr_open(sub, &rig_port_ops, NULL, NULL, &s[3]), 0);
	assert_int_equal(s[3]->cntlid, 4);
	ssd_ctrlr_close(NULL);
	ssd_subsys_close(sub);
	ssd_subsys_close(NULL);
}

static int
open_all(void)
{
	const struct ssd_config cfg = { .nr_ns = 2, .ns = { { 1u << 20, 512 }, { 1u << 20, 4096 } } };
	struct ssd_subsys *sub;
	struct ssd *ssd;
	char err[80];
	int rc = ssd_subsys_open(&cfg, &sub, err, sizeof(err));

	if (rc)
		return rc;
	rc = ssd_ctrlr_open(sub, &rig_port_ops, NULL, NULL, &ssd);
	ssd_subsys_close(sub);
	return rc;
}

static void
every_allocation_may_fail(void **state)
{
	long n;

	(void)state;
	for (n = 0; n < 100; n++) {
		ut_alloc_budget = n;
		int rc = open_all();
		ut_alloc_budget = -1;
		if (!rc)
			break;
		assert_int_equal(rc, -ENOMEM);
	}
	assert_in_range(n, 8, 99);
}

/* Only I/O commands make the drive busy, and only as long as they are there.  NVMe Base, "SMART / Health Information". */
static void
busy_time(void **state)
{
	struct rig *r = *state;
	struct ssd_smart *smart = &r->sub->smart;
	uint64_t busy;

	rig_pair(r, 1, 4, -1);
	r->now += 1000000;
	rig_step(r);
	assert_true(rig_works(r));
	assert_int_equal(smart->busy_ns, 0);
	rig_flushes(r, 1, 3);
	ssd_step(r->ssd, r->now += 1000);
	ssd_step(r->ssd, r->now += 5000); /* what the commands took */
	assert_int_equal(smart->busy_ns, 5000);
	ssd_step(r->ssd, r->now += 1000000);
	assert_int_equal(smart->busy_ns, 5000);
	rig_flushes(r, 1, 1); /* the completion queue is full: the command waits */
	rig_step(r);
	busy = smart->busy_ns;
	r->now += 7000;
	rig_step(r);
	assert_in_range(smart->busy_ns - busy, 7000, 9000);
	busy = smart->busy_ns;
	rig_set(r, NVME_REG_CC, 0); /* and goes with the queue */
	ssd_step(r->ssd, r->now += 1000);
	busy = smart->busy_ns;
	ssd_step(r->ssd, r->now += 1000000);
	assert_int_equal(smart->busy_ns, busy);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
#define BARE(f) cmocka_unit_test_teardown(f, rig_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BARE(registers_at_reset),
		BARE(register_widths),
		BARE(ready_takes_a_while),
		BARE(bad_configurations),
		WITH(admin_ring_not_there),
		WITH(controller_reset),
		WITH(disabled_does_nothing),
		WITH(shutdown_and_back),
		WITH(subsystem_reset),
		WITH(busy_time),
		WITH(power_off_and_on),
		cmocka_unit_test(opening),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("ssd core", tests, NULL, NULL);
}
