/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Host memory as the controller sees it: bus addresses, of which any may not be there.  A page that the port can map is
 * remembered, so that the usual access costs one compare and no call.
 */
#include "ssd/core.h"
#include <errno.h>
#include <string.h>

void
ssd_tlb_clear(struct ssd *ssd)
{
	memset(ssd->tlb, 0, sizeof(ssd->tlb));
}

uint8_t *
ssd_tlb_fill(struct ssd *ssd, uint64_t addr)
{
	struct ssd_tlb *e = &ssd->tlb[addr / SSD_PAGE % SSD_TLB_SIZE];

	e->va = ssd->ops->mem_map(ssd->port, addr & ~(uint64_t)(SSD_PAGE - 1), SSD_PAGE);
	e->tag = addr / SSD_PAGE + 1;
	return e->va ? e->va + addr % SSD_PAGE : NULL;
}

/* Whether [addr, addr+len) does not go past the end of the address space. */
static bool
range_ok(uint64_t addr, uint32_t len)
{
	return addr + len >= addr;
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
	return range_ok(addr, len) ? ssd->ops->mem_read(ssd->port, addr, buf, len) : -EFAULT;
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
	return range_ok(addr, len) ? ssd->ops->mem_write(ssd->port, addr, buf, len) : -EFAULT;
}
