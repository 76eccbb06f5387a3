/* SPDX-License-Identifier: BSD-3-Clause */
/* A bus made of a few registers, and a device behind it that answers admin commands as the test wants. */
#pragma once
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
#include "util/bits.h"

#define FAKE_BAR_SIZE 0x3000

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
	bool instant; /* it works whenever it is rung, not only while the driver gives way */
	int mute; /* an opcode that is not answered; -1: none */
	bool no_dma; /* memory can be mapped no more: the other end is gone */
	bool keeps_dma; /* nor taken away: it does not answer */
	int maps;
	struct fake_map {
		uint64_t iova, len;
		char *va;
	} map[8];
	uint32_t aers;
	int irq_rc; /* what asking for a vector's descriptor gets */
	uint64_t identify_prp1; /* of the last one */
	uint32_t create_cq_dw11;
	bool mapped_running; /* it got memory while it was enabled */
	uint32_t disables; /* how often it has stopped all it did */
	void (*seen)(struct fake *f, const struct nvme_sqe *sqe, bool answered); /* what it does; NULL: nobody looks */
};

static struct fake *
of(struct nvp_bus *bus)
{
	return ut_container_of(bus, struct fake, base);
}

static void *
fake_va(const struct fake *f, uint64_t iova)
{
	for (const struct fake_map *m = f->map; m < f->map + f->maps; m++)
		if (iova - m->iova < m->len)
			return m->va + (iova - m->iova);
	fail_msg("the device was told of memory that it cannot reach");
	return NULL;
}

static nvme_status
verdict(struct fake *f, const struct nvme_sqe *sqe, uint32_t *dw0)
{
	if (sqe->opc == NVME_ADM_IDENTIFY)
		f->identify_prp1 = le64_get(sqe->prp1);
	if (sqe->opc == NVME_ADM_CREATE_IO_CQ)
		f->create_cq_dw11 = le32_get(sqe->cdw11);
	if (sqe->opc == NVME_ADM_IDENTIFY)
		return f->fail == FAIL_IDENTIFY ? NVME_SC_INTERNAL : 0;
	*dw0 = 0x00030003;
	return f->fail == FAIL_QUEUES ? NVME_SC_INVALID_FIELD : 0;
}

static void
answer(struct fake *f, const struct nvme_sqe *sqe)
{
	struct nvme_cqe *e = (struct nvme_cqe *)fake_va(f, f->acq) + f->cq_tail;
	uint32_t dw0 = 0, depth = (f->aqa & 0xfff) + 1;
	nvme_status st = verdict(f, sqe, &dw0);

	if (sqe->opc == NVME_ADM_ASYNC_EVENT) {
		f->aers++;
		return;
	}
	if (f->seen && !st)
		f->seen(f, sqe, sqe->opc != f->mute);
	if (sqe->opc == f->mute)
		return;
	*e = (struct nvme_cqe){ .dw0 = le32_from(dw0), .sqhd = le16_from((uint16_t)f->sq_head), .cid = sqe->cid };
	e->status = le16_from((uint16_t)(st << 1 | f->phase));
	if (++f->cq_tail == depth) {
		f->cq_tail = 0;
		f->phase ^= 1;
	}
}

static void
fake_work(struct fake *f)
{
	uint32_t depth = (f->aqa & 0xfff) + 1;

	f->now_ns += 1000000;
	/* Without any memory it can only wait, also if it is still enabled. */
	while (f->csts & 1 && f->maps && f->fail != FAIL_SILENT && f->sq_head != f->db[0] && f->db[0] < depth) {
		const struct nvme_sqe *sq = fake_va(f, f->asq);
		uint32_t at = f->sq_head;

		f->sq_head = (f->sq_head + 1) % depth;
		answer(f, &sq[at]);
	}
}

static void
fake_relax(struct ut_clock *clk, uint32_t idle)
{
	(void)idle;
	fake_work(ut_container_of(clk, struct fake, clock));
}

static int
fake_cfg_read(struct nvp_bus *bus, uint32_t off, void *buf, uint32_t len)
{
	assert_in_range(len, 1, 4);
	memset(buf, 0, len); /* no capabilities */
	if (off == 4)
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
	if (off >= FAKE_BAR_SIZE)
		return -EINVAL;
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
		f->disables++;
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
	if (off >= FAKE_BAR_SIZE)
		return -EINVAL;
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
	if (off == 0x1000 && f->instant)
		fake_work(f);
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
fake_bar_fd(struct nvp_bus *bus, int bar, uint64_t off, uint64_t *fd_off)
{
	(void)bus, (void)bar;
	*fd_off = off;
	return 0;
}

static int
fake_dma_map(struct nvp_bus *bus, void *va, uint64_t len, int fd, uint64_t *iova)
{
	struct fake *f = of(bus);

	(void)fd;
	if (f->no_dma)
		return -ENODEV;
	if (f->fail == FAIL_DMA)
		return -ENOBUFS;
	if (f->fail == FAIL_DMA_MOVED)
		*iova += 4096;
	assert_true(f->maps < 8);
	f->mapped_running |= f->csts & 1;
	f->map[f->maps++] = (struct fake_map){ .iova = *iova, .len = len, .va = va };
	return 0;
}

static int
fake_dma_unmap(struct nvp_bus *bus, uint64_t iova, uint64_t len)
{
	struct fake *f = of(bus);

	if (f->keeps_dma)
		return -ETIMEDOUT;
	for (int i = 0; i < f->maps; i++) {
		if (f->map[i].iova == iova && f->map[i].len == len) {
			f->map[i] = f->map[--f->maps];
			return 0;
		}
	}
	return -ENOENT;
}

static int
fake_irq_fd(struct nvp_bus *bus, uint16_t vector)
{
	(void)vector;
	return of(bus)->irq_rc;
}

static const struct nvp_bus_ops fake_ops = {
	.name = "fake",
	.cfg_read = fake_cfg_read,
	.cfg_write = fake_cfg_write,
	.bar_read = fake_bar_read,
	.bar_write = fake_bar_write,
	.bar_map = fake_bar_map,
	.bar_fd = fake_bar_fd,
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
	f->mute = -1;
	f->irq_rc = -ENOTSUP;
	f->fail = fail;
	if (fail == FAIL_DISABLE || fail == FAIL_STUCK_CC)
		f->cc = 0x00460001;
	if (fail == FAIL_DISABLE)
		f->csts = (uint32_t)NVME_CSTS_RDY;
}
