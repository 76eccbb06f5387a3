/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Host memory as the controller sees it: bus addresses, of which any may not be there, and of which some may be the
 * controller's own memory buffer (cmb.c).  A page that the port can map is remembered, so that the usual access costs one compare and no call.
 */
#include "ssd/cmb.h"
#include "ssd/core.h"
#include <errno.h>
#include <string.h>

void
ssd_tlb_clear(struct ssd *ssd)
{
	memset(ssd->tlb, 0, sizeof(ssd->tlb));
}

void *
ssd_mem_map(struct ssd *ssd, uint64_t addr, uint64_t len)
{
	if (ssd_unlikely(ssd_cmb_touches(ssd, addr, len)))
		return ssd_cmb_in(ssd, addr, len) ? (uint8_t *)ssd->cmb.va + (addr - ssd->cmb.cba) : NULL;
	return ssd->ops->mem_map(ssd->port, addr, len);
}

uint8_t *
ssd_tlb_fill(struct ssd *ssd, uint64_t addr)
{
	struct ssd_tlb *e = &ssd->tlb[addr / SSD_PAGE % SSD_TLB_SIZE];

	e->va = ssd_mem_map(ssd, addr & ~(uint64_t)(SSD_PAGE - 1), SSD_PAGE);
	e->tag = addr / SSD_PAGE + 1;
	return e->va ? e->va + addr % SSD_PAGE : NULL;
}

/* Whether [addr, addr+len) does not go past the end of the address space. */
static bool
range_ok(uint64_t addr, uint32_t len)
{
	return addr + len >= addr;
}

/* What is no single page that can be mapped, or goes over the edge of the controller memory buffer: page by page. */
static int
far_copy(struct ssd *ssd, uint64_t addr, void *buf, uint32_t len, bool to_host)
{
	if (!range_ok(addr, len))
		return -EFAULT;
	if (ssd_cmb_touches(ssd, addr, len) && addr % SSD_PAGE + len > SSD_PAGE) {
		int rc = 0;

		for (uint32_t done = 0, n; done < len && !rc; done += n) {
			n = UT_MIN(len - done, SSD_PAGE - (uint32_t)((addr + done) % SSD_PAGE));
			rc = to_host ? ssd_mem_write(ssd, addr + done, (char *)buf + done, n)
				     : ssd_mem_read(ssd, addr + done, (char *)buf + done, n);
		}
		return rc;
	}
	return to_host ? ssd->ops->mem_write(ssd->port, addr, buf, len) : ssd->ops->mem_read(ssd->port, addr, buf, len);
}

int
ssd_mem_read(struct ssd *ssd, uint64_t addr, void *buf, uint32_t len)
{
	const uint8_t *va;

	if (addr % SSD_PAGE + len <= SSD_PAGE) {
		va = ssd_page_va(ssd, addr);
		if (va) {
			memcpy(buf, va, len);
			return 0;
		}
	}
	return far_copy(ssd, addr, buf, len, false);
}

int
ssd_mem_write(struct ssd *ssd, uint64_t addr, const void *buf, uint32_t len)
{
	uint8_t *va;

	if (addr % SSD_PAGE + len <= SSD_PAGE) {
		va = ssd_page_va(ssd, addr);
		if (va) {
			memcpy(va, buf, len);
			return 0;
		}
	}
	return far_copy(ssd, addr, (void *)(uintptr_t)buf, len, true);
}
