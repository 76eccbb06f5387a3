/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registers.  A device that has gone answers all ones: a finding, told once, and -ENODEV to whoever asks.  A value of
 * all ones alone proves nothing (INTMS may be so), thus CSTS, which has reserved bits, is asked too.
 */
#include "host/ctrlr_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/bits.h"

#define NSEC_PER_SEC 1000000000ull
#define TO_UNIT_NS (NSEC_PER_SEC / 2) /* CAP.TO and CRTO count 500 ms */
#define WIN_SIZE 4096ull

int
ctrlr_fail(const struct nvp_ctrlr *c, int rc, const char *fmt, ...)
{
	char text[320];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	nvp_bus_set_error("%.160s: %s", c->bus->addr, text);
	return rc;
}

static void
add_event(struct nvp_ctrlr *c, enum nvp_event_kind kind)
{
	struct nvp_event ev = {
		.kind = kind,
		.time_ns = ut_now_ns(c->bus->clock),
	};

	events_add(&c->events, &ev);
}

static int
gone(struct nvp_ctrlr *c, const char *why)
{
	if (!c->gone)
		add_event(c, NVP_EVENT_GONE);
	c->gone = true;
	return ctrlr_fail(c, -ENODEV, "the device is gone (%s)", why);
}

/*
 * What a bus says about its other end; everything else is about this access alone, e.g. an offset outside of the BAR.
 */
static bool
is_lost(int rc)
{
	return rc == -ENODEV || rc == -EPIPE || rc == -ETIMEDOUT || rc == -EPROTO;
}

static int
bar_result(struct nvp_ctrlr *c, uint32_t off, int rc)
{
	if (!rc)
		return 0;
	if (is_lost(rc))
		return gone(c, "the transport is lost");
	return ctrlr_fail(c, rc, "register %xh cannot be accessed: %s", off, strerror(-rc));
}

static int
bar_read(struct nvp_ctrlr *c, uint32_t off, void *raw, uint32_t len)
{
	return bar_result(c, off, off & (len - 1) ? -EINVAL : c->bus->ops->bar_read(c->bus, 0, off, raw, len));
}

static int
bar_write(struct nvp_ctrlr *c, uint32_t off, const void *raw, uint32_t len)
{
	return bar_result(c, off, off & (len - 1) ? -EINVAL : c->bus->ops->bar_write(c->bus, 0, off, raw, len));
}

static int
raw_read32(struct nvp_ctrlr *c, uint32_t off, uint32_t *val)
{
	le32 raw;
	int rc = bar_read(c, off, &raw, sizeof(raw));

	if (!rc)
		*val = le32_get(raw);
	return rc;
}

int
ctrlr_csts(struct nvp_ctrlr *c, uint32_t *csts)
{
	int rc = raw_read32(c, NVME_REG_CSTS, csts);

	if (!rc && *csts == UINT32_MAX)
		return gone(c, "its registers read as all ones");
	return rc;
}

int
nvp_reg_read32(struct nvp_ctrlr *c, uint32_t off, uint32_t *val)
{
	uint32_t csts;
	int rc;

	rc = raw_read32(c, off, val);
	if (!rc && *val == UINT32_MAX)
		rc = ctrlr_csts(c, &csts);
	return rc;
}

int
nvp_reg_write32(struct nvp_ctrlr *c, uint32_t off, uint32_t val)
{
	le32 raw = le32_from(val);
	int rc = off == NVME_REG_CC && val & NVME_CC_EN ? ctrlr_before_enable(c) : 0;

	return rc ? rc : bar_write(c, off, &raw, sizeof(raw));
}

int
nvp_reg_read64(struct nvp_ctrlr *c, uint32_t off, uint64_t *val)
{
	uint32_t csts;
	le64 raw;
	int rc = bar_read(c, off, &raw, sizeof(raw));

	if (rc)
		return rc;
	*val = le64_get(raw);
	return *val == UINT64_MAX ? ctrlr_csts(c, &csts) : 0;
}

int
nvp_reg_write64(struct nvp_ctrlr *c, uint32_t off, uint64_t val)
{
	le64 raw = le64_from(val);

	return bar_write(c, off, &raw, sizeof(raw));
}

int
ctrlr_check_disabled(struct nvp_ctrlr *c)
{
	uint32_t cc, csts;
	int rc = raw_read32(c, NVME_REG_CC, &cc);

	if (!rc)
		rc = ctrlr_csts(c, &csts);
	if (rc)
		return rc;
	return nvme_get(cc, NVME_CC_EN) || nvme_get(csts, NVME_CSTS_RDY) ? -EBUSY : 0;
}

int
ctrlr_look(struct nvp_ctrlr *c)
{
	uint32_t csts;
	int rc = ctrlr_csts(c, &csts);

	if (!rc && csts & NVME_CSTS_CFS && !c->fatal_seen) {
		c->fatal_seen = true;
		add_event(c, NVP_EVENT_FATAL);
	}
	return rc;
}

/* NVMe Base, "Controller Properties": CAP.TO, or CRTO.CRWMT where the controller has it (CAP.CRMS.CRWMS). */
static uint64_t
ready_timeout_ns(struct nvp_ctrlr *c)
{
	uint64_t units = nvme_get(c->cap, NVME_CAP_TO);
	uint32_t crto = 0;

	if (nvme_get(c->cap, NVME_CAP_CRMS_CRWMS) && !raw_read32(c, NVME_REG_CRTO, &crto) && crto != UINT32_MAX &&
	    nvme_get(crto, NVME_CRTO_CRWMT) > units)
		units = nvme_get(crto, NVME_CRTO_CRWMT);
	return (units ? units : 1) * TO_UNIT_NS;
}

static int
not_ready(struct nvp_ctrlr *c, uint32_t rdy, uint64_t limit_ns)
{
	return ctrlr_fail(c, -ETIMEDOUT, "CSTS.RDY did not become %u within %u.%u s (CAP.TO)", rdy,
			  (unsigned)(limit_ns / NSEC_PER_SEC), (unsigned)(limit_ns / (NSEC_PER_SEC / 10) % 10));
}

int
ctrlr_wait_rdy(struct nvp_ctrlr *c, uint32_t rdy)
{
	struct ut_clock *clk = c->bus->clock;
	uint64_t limit_ns = ready_timeout_ns(c), end = ut_ticks(clk) + ut_ns_to_ticks(clk, limit_ns);
	uint32_t csts, idle = 0;
	bool last = false; /* look once more after the deadline: this process may have been stopped meanwhile */
	int rc;

	for (;;) {
		rc = ctrlr_csts(c, &csts);
		if (rc)
			return rc;
		if (nvme_get(csts, NVME_CSTS_RDY) == rdy)
			return 0;
		if (rdy && csts & NVME_CSTS_CFS)
			return ctrlr_fail(c, -EIO, "controller fatal status (CSTS.CFS) instead of ready");
		if (last)
			return not_ready(c, rdy, limit_ns);
		last = ut_ticks(clk) >= end;
		clk->relax(clk, idle);
		idle = UT_MIN(idle + 64, 1u << 20); /* a register access is slow: back off soon */
	}
}

/* Doorbells are mapped page by page: where servers offer them, one area of at least a page starts at 1000h. */
static void *
window(struct nvp_ctrlr *c, uint64_t off)
{
	void *va;

	for (uint32_t i = 0; i < c->nr_db; i++)
		if (c->db[i].off == off)
			return c->db[i].va;
	va = c->bus->ops->bar_map(c->bus, 0, off, WIN_SIZE);
	if (va && c->nr_db < DB_WINDOWS) {
		c->db[c->nr_db].off = off;
		c->db[c->nr_db++].va = va;
	}
	return va;
}

uint32_t *
ctrlr_doorbell(struct nvp_ctrlr *c, uint64_t off)
{
	char *page = window(c, off & ~(WIN_SIZE - 1));

	return page ? (uint32_t *)(void *)(page + (off & (WIN_SIZE - 1))) : NULL;
}
