/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bring-up on a bus made of a few registers and a device that answers admin commands as the test wants: each step fails once, and whatever
 * fails leaves a clear line, an error code that says which kind, and no memory behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "bus/bus.h"
#include "nvproof/ctrlr.h"
#include "nvproof/spec/prep_admin.h"
#include "nvproof/spec/regs.h"
#include "nvproof/spec/status.h"
#include "util/alloc.h"
#include "util/bits.h"

enum fail {
	FAIL_NONE,
	FAIL_CFG, /* configuration space cannot be read */
	FAIL_ONES, /* registers read as all ones */
	FAIL_BAR, /* the transport is lost */
	FAIL_DISABLE, /* CSTS.RDY stays 1 */
	FAIL_ENABLE, /* CSTS.RDY stays 0 */
	FAIL_FATAL, /* CSTS.CFS instead of RDY */
	FAIL_IDENTIFY, /* an error status */
	FAIL_SILENT, /* admin commands are never answered */
	FAIL_QUEUES, /* Number of Queues: an error status */
	FAIL_DMA, /* memory cannot be mapped */
	FAIL_DMA_MOVED, /* ... or only somewhere else */
	FAIL_STUCK_CC, /* enabled, but not ready when found, and never ready */
};

struct fake {
	struct nvp_bus base;
	struct ut_clock clock;
	uint64_t now_ns;
	enum fail fail;
	uint64_t cap, asq, acq;
	uint32_t cc, csts, aqa;
	uint16_t pci_cmd;
	uint32_t sq_head, cq_tail;
	uint16_t phase;
	uint32_t db[2048];
	bool no_map; /* doorbells only by bar_write() */
	int maps;
	char *va; /* of the one region that is expected */
	uint64_t iova;
	uint32_t aers;
};

static struct fake *
of(struct nvp_bus *bus)
{
	return ut_container_of(bus, struct fake, base);
}

static nvme_status
verdict(struct fake *f, const struct nvme_sqe *sqe, uint32_t *dw0)
{
	if (sqe->opc == NVME_ADM_IDENTIFY)
		return f->fail == FAIL_IDENTIFY ? NVME_SC_INTERNAL : 0;
	*dw0 = 0x00030003;
	return f->fail == FAIL_QUEUES ? NVME_SC_INVALID_FIELD : 0;
}

static void
answer(struct fake *f, const struct nvme_sqe *sqe)
{
	struct nvme_cqe *e = (struct nvme_cqe *)(void *)(f->va + (f->acq - f->iova)) + f->cq_tail;
	uint32_t dw0 = 0, depth = (f->aqa & 0xfff) + 1;
	nvme_status st = verdict(f, sqe, &dw0);

	if (sqe->opc == NVME_ADM_ASYNC_EVENT) {
		f->aers++;
		return;
	}
	*e = (struct nvme_cqe){ .dw0 = le32_from(dw0), .sqhd = le16_from((uint16_t)f->sq_head), .cid = sqe->cid };
	e->status = le16_from((uint16_t)(st << 1 | f->phase));
	if (++f->cq_tail == depth) {
		f->cq_tail = 0;
		f->phase ^= 1;
	}
}

static void
fake_relax(struct ut_clock *clk, uint32_t idle)
{
	struct fake *f = ut_container_of(clk, struct fake, clock);
	uint32_t depth = (f->aqa & 0xfff) + 1;

	(void)idle;
	f->now_ns += 1000000;
	while (f->csts & 1 && f->fail != FAIL_SILENT && f->sq_head != f->db[0]) {
		const struct nvme_sqe *sq = (const void *)(f->va + (f->asq - f->iova));
		uint32_t at = f->sq_head;

		f->sq_head = (f->sq_head + 1) % depth;
		answer(f, &sq[at]);
	}
}

static int
fake_cfg_read(struct nvp_bus *bus, uint32_t off, void *buf, uint32_t len)
{
	assert_int_equal(off, 4);
	assert_int_equal(len, 2);
	memcpy(buf, &of(bus)->pci_cmd, len);
	return of(bus)->fail == FAIL_CFG ? -EPIPE : 0;
}

static int
fake_cfg_write(struct nvp_bus *bus, uint32_t off, const void *buf, uint32_t len)
{
	(void)off;
	memcpy(&of(bus)->pci_cmd, buf, len);
	return 0;
}

static int
fake_bar_read(struct nvp_bus *bus, int bar, uint64_t off, void *buf, uint32_t len)
{
	struct fake *f = of(bus);
	uint64_t v = 0;

	(void)bar;
	if (f->fail == FAIL_BAR)
		return -EPIPE;
	if (off == NVME_REG_CAP)
		v = f->cap;
	else if (off == NVME_REG_CC)
		v = f->cc;
	else if (off == NVME_REG_CSTS)
		v = f->csts;
	if (f->fail == FAIL_ONES)
		v = UINT64_MAX;
	memcpy(buf, &v, len);
	return 0;
}

static void
write_cc(struct fake *f, uint32_t v)
{
	f->cc = v;
	if (!(v & 1) && f->fail != FAIL_DISABLE) {
		f->csts = 0;
		f->sq_head = f->cq_tail = f->aers = 0;
		f->phase = 1;
		f->db[0] = 0;
	}
	if (v & 1 && f->fail == FAIL_FATAL)
		f->csts = (uint32_t)NVME_CSTS_CFS;
	else if (v & 1 && f->fail != FAIL_ENABLE)
		f->csts = (uint32_t)NVME_CSTS_RDY;
}

static int
fake_bar_write(struct nvp_bus *bus, int bar, uint64_t off, const void *buf, uint32_t len)
{
	struct fake *f = of(bus);
	uint64_t v = 0;

	(void)bar;
	memcpy(&v, buf, len);
	if (off == NVME_REG_CC)
		write_cc(f, (uint32_t)v);
	else if (off == NVME_REG_AQA)
		f->aqa = (uint32_t)v;
	else if (off == NVME_REG_ASQ)
		f->asq = v;
	else if (off == NVME_REG_ACQ)
		f->acq = v;
	else if (off >= 0x1000)
		f->db[(off - 0x1000) / 4] = (uint32_t)v;
	return 0;
}

static void *
fake_bar_map(struct nvp_bus *bus, int bar, uint64_t off, uint64_t len)
{
	(void)bar;
	if (of(bus)->no_map)
		return NULL;
	assert_int_equal(off, 0x1000);
	assert_true(len <= sizeof(of(bus)->db));
	return of(bus)->db;
}

static int
fake_dma_map(struct nvp_bus *bus, void *va, uint64_t len, int fd, uint64_t *iova)
{
	struct fake *f = of(bus);

	(void)len, (void)fd;
	if (f->fail == FAIL_DMA)
		return -ENOBUFS;
	if (f->fail == FAIL_DMA_MOVED)
		*iova += 4096;
	f->maps++;
	f->va = va;
	f->iova = *iova;
	return 0;
}

static int
fake_dma_unmap(struct nvp_bus *bus, uint64_t iova, uint64_t len)
{
	(void)iova, (void)len;
	of(bus)->maps--;
	return 0;
}

static int
fake_irq_fd(struct nvp_bus *bus, uint16_t vector)
{
	(void)bus, (void)vector;
	return -ENOTSUP;
}

static const struct nvp_bus_ops fake_ops = {
	.name = "fake",
	.cfg_read = fake_cfg_read,
	.cfg_write = fake_cfg_write,
	.bar_read = fake_bar_read,
	.bar_write = fake_bar_write,
	.bar_map = fake_bar_map,
	.dma_map = fake_dma_map,
	.dma_unmap = fake_dma_unmap,
	.irq_fd = fake_irq_fd,
};

static void
fake_init(struct fake *f, enum fail fail)
{
	memset(f, 0, sizeof(*f));
	f->base = (struct nvp_bus){ .ops = &fake_ops, .clock = &f->clock, .addr = "fake:device" };
	f->clock = (struct ut_clock){ .virtual_ns = &f->now_ns, .mult = 1ull << UT_CLOCK_SHIFT, .relax = fake_relax };
	f->cap = nvme_put(NVME_CAP_MQES, 1023) | nvme_put(NVME_CAP_TO, 4) | NVME_CAP_CSS_NVM;
	f->phase = 1;
	f->fail = fail;
	if (fail == FAIL_DISABLE || fail == FAIL_STUCK_CC)
		f->cc = 0x00460001;
	if (fail == FAIL_DISABLE)
		f->csts = (uint32_t)NVME_CSTS_RDY;
}

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
	{ FAIL_CFG, -EPIPE, "bus master" },
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
		cmocka_unit_test(every_allocation_may_fail), cmocka_unit_test(works),
		cmocka_unit_test(each_step_fails),	     cmocka_unit_test(half_enabled_device),
		cmocka_unit_test(reset_after_each_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
