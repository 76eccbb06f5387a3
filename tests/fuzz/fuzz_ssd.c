/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzzing the software SSD as its host: the input is a list of what a host does.  Each step is a byte that says what (WHAT_*), and
 * its arguments; what the input does not give is zeros.  Commands go to the admin queue or to queue pair 1, which
 * exist from the beginning; their addresses are cut to the host's memory in most cases, or nothing would be found there.
 *
 * There is a subsystem with a controller for each input, on virtual time.  The sanitizers judge.
 */
#include <stdlib.h>
#include <string.h>
#include "nvproof/spec/cmd.h"
#include "nvproof/spec/prep_admin.h"
#include "nvproof/spec/regs.h"
#include "ssd/ssd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGE 4096u
#define MEM (128 * PAGE)
#define ENTRIES 16u
#define ADDR_MASK 0x7ffffu /* of MEM */

enum what {
	WHAT_ADMIN, /* queue, flags, 64 bytes of SQE; flags bit 0: addresses as they are */
	WHAT_IO,
	WHAT_MEMORY, /* page, how often, 16 bytes that are repeated */
	WHAT_REGISTER, /* offset, width, value */
	WHAT_CONFIG,
	WHAT_DOORBELL, /* index, value */
	WHAT_TIME, /* in milliseconds */
	WHAT_RESET,
	WHAT_POWER,
	WHAT_KINDS,
};

struct host {
	const uint8_t *in, *end;
	uint8_t *mem;
	struct ssd_subsys *sub;
	struct ssd *ssd;
	uint64_t now_ns;
	uint32_t tail[2];
};

static void
take(struct host *h, void *buf, size_t len)
{
	size_t have = (size_t)(h->end - h->in);

	memset(buf, 0, len);
	memcpy(buf, h->in, have < len ? have : len);
	h->in += have < len ? have : len;
}

static uint32_t
take32(struct host *h, size_t len)
{
	le32 v = le32_from(0);

	take(h, &v, len);
	return le32_get(v);
}

static void *
port_map(void *port, uint64_t addr, uint64_t len)
{
	struct host *h = port;

	return addr < MEM && len <= MEM - addr ? h->mem + addr : NULL;
}

static int
port_read(void *port, uint64_t addr, void *buf, uint32_t len)
{
	const void *va = port_map(port, addr, len);

	if (va)
		memcpy(buf, va, len);
	return va ? 0 : -1;
}

static int
port_write(void *port, uint64_t addr, const void *buf, uint32_t len)
{
	void *va = port_map(port, addr, len);

	if (va)
		memcpy(va, buf, len);
	return va ? 0 : -1;
}

static void
port_irq(void *port, uint16_t vector)
{
	(void)port;
	if (vector >= 128)
		abort();
}

static const struct ssd_port_ops ops = { port_read, port_write, port_map, port_irq };

static void
step(struct host *h)
{
	for (int i = 0; i < 8; i++)
		ssd_step(h->ssd, h->now_ns += 100000);
}

/* The rings lie in the first pages: admin SQ, CQ, I/O SQ, CQ. */
static void
submit(struct host *h, uint32_t q, const struct nvme_sqe *sqe)
{
	uint32_t *db = ssd_doorbells(h->ssd);

	memcpy(h->mem + 2 * q * PAGE + h->tail[q] * sizeof(*sqe), sqe, sizeof(*sqe));
	h->tail[q] = (h->tail[q] + 1) % ENTRIES;
	db[q * 16] = h->tail[q];
	step(h);
	db[q * 16 + 8] = h->tail[q]; /* as if all were taken; when that is not so, it is one more thing to check */
}

static void
enable(struct host *h)
{
	struct nvme_sqe sqe;

	ssd_cfg_write(h->ssd, 4, (const uint8_t[]){ 6, 4 }, 2);
	ssd_bar_write(h->ssd, NVME_REG_CC, 4, 0);
	memset(h->mem, 0, 4 * PAGE);
	memset(h->tail, 0, sizeof(h->tail));
	ssd_bar_write(h->ssd, NVME_REG_AQA, 4, (ENTRIES - 1) | (ENTRIES - 1) << 16);
	ssd_bar_write(h->ssd, NVME_REG_ASQ, 8, 0);
	ssd_bar_write(h->ssd, NVME_REG_ACQ, 8, PAGE);
	ssd_bar_write(h->ssd, NVME_REG_CC, 4, 0x460001);
	step(h);
	nvme_prep_create_io_cq(&sqe, 1, ENTRIES, 3 * PAGE, -1);
	submit(h, 0, &sqe);
	nvme_prep_create_io_sq(&sqe, 1, ENTRIES, 2 * PAGE, 1, NVME_QPRIO_MEDIUM);
	submit(h, 0, &sqe);
}

static void
command(struct host *h, uint32_t q)
{
	bool as_it_is = take32(h, 1) & 1;
	struct nvme_sqe sqe;

	take(h, &sqe, sizeof(sqe));
	if (!as_it_is) {
		sqe.prp1 = le64_from(le64_get(sqe.prp1) & ADDR_MASK);
		if (!(sqe.flags & 0xc0))
			sqe.prp2 = le64_from(le64_get(sqe.prp2) & ADDR_MASK);
		sqe.mptr = le64_from(le64_get(sqe.mptr) & ADDR_MASK);
	}
	submit(h, q, &sqe);
}

static void
memory(struct host *h)
{
	uint32_t page = take32(h, 1) % 128, n = take32(h, 1);
	uint8_t pattern[16];

	take(h, pattern, sizeof(pattern));
	for (uint32_t i = 0; i <= n; i++)
		memcpy(h->mem + page * PAGE + i * sizeof(pattern), pattern, sizeof(pattern));
}

static void
access(struct host *h, bool config)
{
	uint32_t off = take32(h, 2), width = take32(h, 1);
	uint64_t val = 0;

	take(h, &val, sizeof(val));
	if (config)
		ssd_cfg_write(h->ssd, off, &val, width % 9);
	else if (width & 0x80)
		ssd_bar_read(h->ssd, off, width & 0xf);
	else
		ssd_bar_write(h->ssd, off, (int)(width & 0xf), val);
}

static void
one(struct host *h)
{
	uint32_t *db = ssd_doorbells(h->ssd);
	uint32_t i;

	switch ((enum what)(take32(h, 1) % WHAT_KINDS)) {
	case WHAT_ADMIN:
	case WHAT_IO:
		command(h, h->in[-1] % WHAT_KINDS == WHAT_IO);
		return;
	case WHAT_MEMORY:
		memory(h);
		return;
	case WHAT_REGISTER:
	case WHAT_CONFIG:
		access(h, h->in[-1] % WHAT_KINDS == WHAT_CONFIG);
		break;
	case WHAT_DOORBELL:
		i = take32(h, 2) % (SSD_BAR_DB_SIZE / 4);
		db[i] = take32(h, 4);
		break;
	case WHAT_TIME:
		h->now_ns += (uint64_t)take32(h, 3) * 1000000u;
		break;
	case WHAT_POWER:
		ssd_power_off(h->sub);
		step(h);
		ssd_power_on(h->sub);
		enable(h);
		break;
	case WHAT_RESET:
	case WHAT_KINDS:
		enable(h);
		break;
	}
	step(h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ssd_config cfg = {
		.nr_ns = 2, .ns = { { 1u << 20, 512 }, { 1u << 20, 4096 } }, .media = SSD_MEDIA_RAM, .seed = 3
	};
	struct host h = { .in = data, .end = data + size, .mem = calloc(1, MEM) };
	char err[128];

	if (!h.mem || ssd_subsys_open(&cfg, &h.sub, err, sizeof(err)) || ssd_ctrlr_open(h.sub, &ops, &h, NULL, &h.ssd))
		abort();
	enable(&h);
	while (h.in < h.end)
		one(&h);
	ssd_subsys_close(h.sub);
	free(h.mem);
	return 0;
}
