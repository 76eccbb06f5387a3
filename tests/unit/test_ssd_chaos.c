/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two controllers of one drive whose hosts do everything at the wrong moment: registers, configuration space, doorbells, resets of
 * all kinds, power, memory that comes and goes, a controller that is taken away.  The sanitizers judge, and afterwards both
 * must work as if nothing had happened.  NVPROOF_SEED chooses the seed, which is printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include "nvproof/spec/pcie.h"
#include "ssd_again.h"
#include "util/alloc.h"
#include "util/rng.h"

#define ROUNDS 200000
#define HOSTS 2

struct chaos {
	struct ut_rng rng;
	struct rig *host[HOSTS];
	uint64_t now;
};

static uint32_t
below(struct chaos *c, uint32_t n)
{
	return (uint32_t)ut_rng_below(&c->rng, n);
}

static uint32_t
any_value(struct chaos *c)
{
	uint32_t v = (uint32_t)ut_rng_next(&c->rng);

	return below(c, 2) ? v : below(c, 2) ? v % 70 : 1u << v % 32;
}

static void
any_register(struct chaos *c, struct rig *r)
{
	static const uint16_t regs[] = { NVME_REG_INTMS, NVME_REG_INTMC, NVME_REG_CC,  NVME_REG_CC,	 NVME_REG_CSTS,
					 NVME_REG_AQA,	 NVME_REG_ASQ,	 NVME_REG_ACQ, NVME_REG_ACQ + 4, 0x3000,
					 0x300c,	 0x3010,	 0x3800,       0x1000,		 0x2ffc };
	static const uint8_t widths[] = { 1, 2, 4, 4, 4, 8 };
	uint32_t off = below(c, 4) ? regs[below(c, UT_ARRAY_LEN(regs))] : below(c, SSD_BAR_SIZE + 64);
	int width = widths[below(c, UT_ARRAY_LEN(widths))];

	if (below(c, 3))
		ssd_bar_write(r->ssd, off, width, (uint64_t)any_value(c) << 32 | any_value(c));
	else
		ssd_bar_read(r->ssd, off, width);
}

static void
any_config(struct chaos *c, struct rig *r)
{
	static const uint16_t regs[] = { 0x04, 0x04, 0x06, 0x10, 0x44, 0x50, 0x52, 0x68, 0x69 };
	uint8_t buf[16];
	uint32_t off = below(c, 2) ? regs[below(c, UT_ARRAY_LEN(regs))] : below(c, SSD_CFG_SIZE + 8);
	uint32_t len = 1 + below(c, sizeof(buf));

	for (uint32_t i = 0; i < len; i++)
		buf[i] = (uint8_t)any_value(c);
	if (below(c, 2))
		ssd_cfg_write(r->ssd, off, buf, len);
	else
		ssd_cfg_read(r->ssd, off, buf, len);
}

static void
any_doorbell(struct chaos *c, struct rig *r)
{
	uint32_t *db = ssd_doorbells(r->ssd);

	db[below(c, 3) ? 8 * below(c, 6) : below(c, SSD_BAR_DB_SIZE / 4)] = any_value(c);
}

/* Bring up what may be down, as a driver does; it does not matter whether that works. */
static void
bring_up(struct chaos *c, struct rig *r)
{
	uint16_t qid = (uint16_t)(1 + below(c, 3));
	uint64_t used = r->used;
	struct nvme_sqe sqe;

	rig_cfg_set(r, NVME_PCI_CMD, 2, 6);
	rig_set(r, NVME_REG_CC, 0);
	rig_set(r, NVME_REG_AQA, 0x001f001f);
	r->q[0] = (struct rig_queue){
		.sq = RIG_BASE, .cq = RIG_BASE + SSD_PAGE, .sq_size = 32, .cq_size = 32, .phase = 1
	};
	memset(r->mem, 0, 8 * SSD_PAGE);
	ssd_bar_write(r->ssd, NVME_REG_ASQ, 8, r->q[0].sq);
	ssd_bar_write(r->ssd, NVME_REG_ACQ, 8, r->q[0].cq);
	rig_set(r, NVME_REG_CC, RIG_CC);
	c->now += 100000;
	ssd_step(r->ssd, c->now);
	r->q[qid] = (struct rig_queue){
		.sq = RIG_BASE + 2 * SSD_PAGE, .cq = RIG_BASE + 3 * SSD_PAGE, .sq_size = 16, .cq_size = 8, .phase = 1
	};
	nvme_prep_create_io_cq(&sqe, qid, 8, r->q[qid].cq, below(c, 2) ? -1 : (int)below(c, 128));
	rig_put(r, 0, &sqe);
	nvme_prep_create_io_sq(&sqe, qid, 16, r->q[qid].sq, qid, NVME_QPRIO_MEDIUM);
	rig_put(r, 0, &sqe);
	rig_ring(r, 0);
	r->used = used;
}

static void
some_commands(struct chaos *c, struct rig *r)
{
	uint16_t qid = (uint16_t)below(c, 4);
	struct nvme_sqe sqe;

	if (!r->q[qid].sq_size)
		return;
	for (uint32_t n = 1 + below(c, 12); n; n--) {
		memset(&sqe, 0, sizeof(sqe));
		sqe.opc = (uint8_t)(below(c, 5) ? below(c, 0x1a) : below(c, 256));
		sqe.flags = (uint8_t)(below(c, 4) ? 0 : 1 + below(c, 2));
		sqe.nsid = le32_from(below(c, 5));
		sqe.prp1 = le64_from(RIG_BASE + (8 + below(c, 64)) * SSD_PAGE);
		sqe.prp2 = le64_from(RIG_BASE + (8 + below(c, 64)) * SSD_PAGE);
		sqe.cdw10 = le32_from(any_value(c));
		sqe.cdw11 = le32_from(below(c, 2) ? 0 : any_value(c));
		sqe.cdw12 = le32_from(below(c, 16));
		rig_put(r, qid, &sqe);
	}
	rig_ring(r, qid);
}

static void
memory_changes(struct chaos *c, struct rig *r)
{
	r->hole = RIG_BASE + below(c, 16) * SSD_PAGE;
	r->hole_len = below(c, 2) ? 0 : SSD_PAGE;
	r->no_map = below(c, 3) == 0;
	ssd_port_changed(r->ssd);
}

static void
replaced(struct rig *r)
{
	ssd_ctrlr_close(r->ssd);
	assert_int_equal(ssd_ctrlr_open(r->sub, &rig_port_ops, r, NULL, &r->ssd), 0);
}

static void
once(struct chaos *c)
{
	struct rig *r = c->host[below(c, HOSTS)];
	struct nvme_cqe cqe;

	switch (below(c, 40)) {
	case 0:
		below(c, 2) ? ssd_power_off(r->sub) : ssd_power_on(r->sub);
		return;
	case 1:
		rig_set(r, NVME_REG_NSSR, NVME_NSSR_VALUE);
		return;
	case 2:
		ssd_function_reset(r->ssd);
		return;
	case 3:
		memory_changes(c, r);
		return;
	case 4:
		ssd_set_temperature(r->sub, (uint16_t)(300 + below(c, 80)));
		return;
	case 5:
		ssd_msix_setup(r->ssd, below(c, 2));
		return;
	case 6:
		if (!below(c, 8))
			replaced(r);
		return;
	case 7:
	case 8:
		bring_up(c, r);
		return;
	case 9:
		any_register(c, r);
		return;
	case 10:
		any_config(c, r);
		return;
	case 11:
		any_doorbell(c, r);
		return;
	case 12:
		rig_set(r, NVME_REG_CC, RIG_CC | nvme_put32(NVME_CC_SHN, 1 + below(c, 2)));
		return;
	case 13:
	case 14:
	case 15:
	case 16:
		for (uint16_t q = 0; q < 4; q++) {
			while (r->q[q].cq_size && rig_reap(r, q, &cqe))
				;
		}
		return;
	default:
		if (below(c, 2))
			some_commands(c, r);
		c->now += below(c, 2000000);
		ssd_step(r->ssd, c->now);
	}
}

/* As if nothing had happened. */
static void
works(struct chaos *c, struct rig *r)
{
	struct nvme_sqe sqe;
	uint64_t buf;

	r->hole_len = 0;
	r->no_map = false;
	r->used = 0;
	r->now = c->now;
	memset(r->mem, 0, RIG_MEM);
	ssd_port_changed(r->ssd);
	ssd_power_on(r->sub);
	rig_again(r->sub);
	ssd_function_reset(r->ssd);
	rig_cfg_set(r, NVME_PCI_CMD, 2, 6);
	assert_int_equal(rig_enable(r, 32) & (NVME_CSTS_RDY | NVME_CSTS_CFS | NVME_CSTS_SHST), NVME_CSTS_RDY);
	nvme_prep_format(&sqe, 1, 0, NVME_FORMAT_SES_NONE);
	assert_int_equal(rig_admin(r, &sqe), 0);
	rig_pair(r, 1, 16, 0);
	buf = rig_alloc(r, 2);
	memset(rig_ptr(r, buf), 0x5a, 512);
	nvme_prep_write(&sqe, 1, 77, 1);
	sqe.prp1 = le64_from(buf);
	assert_int_equal(rig_cmd(r, 1, &sqe, NULL), 0);
	nvme_prep_read(&sqe, 1, 77, 1);
	sqe.prp1 = le64_from(buf + SSD_PAGE);
	assert_int_equal(rig_cmd(r, 1, &sqe, NULL), 0);
	assert_memory_equal(rig_ptr(r, buf), rig_ptr(r, buf + SSD_PAGE), 512);
	c->now = r->now;
}

static void
chaos(void **state)
{
	const char *env = getenv("NVPROOF_SEED");
	uint64_t seed = env ? strtoull(env, NULL, 0) : 20;
	struct chaos c = { .now = 0 };
	struct rig *second = ut_calloc(1, sizeof(*second));

	(void)state;
	printf("[ seed     ] NVPROOF_SEED=%llu\n", (unsigned long long)seed);
	ut_rng_seed(&c.rng, seed);
	c.host[0] = rig_open();
	c.host[1] = second;
	second->sub = c.host[0]->sub;
	second->mem = ut_calloc_aligned(SSD_PAGE, RIG_MEM);
	assert_int_equal(ssd_ctrlr_open(second->sub, &rig_port_ops, second, NULL, &second->ssd), 0);
	for (int i = 0; i < ROUNDS; i++) {
		once(&c);
		if (i % 10000 == 9999) {
			works(&c, c.host[0]);
			works(&c, c.host[1]);
		}
	}
	ssd_ctrlr_close(second->ssd);
	free(second->mem);
	free(second);
	rig_close(c.host[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(chaos) };

	return cmocka_run_group_tests_name("ssd chaos", tests, NULL, NULL);
}
