/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Boot partitions by property: a host writes where it wants what (BPMBL, BPRSEL), and the controller copies it to host memory
 * and says so in BPINFO.  No queue is needed, and the controller need not be enabled.
 *
 * NVMe Base 2.2, "Reading from a Boot Partition", "Offset 40h: BPINFO", "Offset 44h: BPRSEL", "Offset 48h: BPMBL".
 */
#include "ssd/admin/boot.h"
#include "ssd/core.h"

#define UNIT 4096u /* of BPRSZ and BPROF */
#define UNIT_NS 4000u /* a boot partition is not fast */

uint32_t
ssd_boot_reg_read(const struct ssd *ssd, uint32_t off)
{
	switch (off) {
	case NVME_REG_BPINFO:
		return nvme_put32(NVME_BPINFO_BPSZ, SSD_BP_SIZE >> 17) | nvme_put32(NVME_BPINFO_BRS, ssd->boot.brs) |
		       nvme_put32(NVME_BPINFO_ABPID, ssd->sub->boot.kept[0].abpid);
	case NVME_REG_BPRSEL:
		return ssd->boot.bprsel;
	case NVME_REG_BPMBL:
		return (uint32_t)ssd->boot.bpmbl;
	default:
		return (uint32_t)(ssd->boot.bpmbl >> 32);
	}
}

static void
read_start(struct ssd *ssd)
{
	uint32_t units = nvme_get32(ssd->boot.bprsel, NVME_BPRSEL_BPRSZ);

	ssd->boot.brs = NVME_BPINFO_BRS_BUSY;
	ssd->boot.due_ns = ssd->now_ns + (units + 1) * (uint64_t)UNIT_NS;
	ssd_timer_arm(ssd, ssd->boot.due_ns);
}

/* While a read is in progress a host changes neither; what it writes then is dropped. */
void
ssd_boot_reg_write(struct ssd *ssd, uint32_t off, uint32_t val, uint32_t mask)
{
	uint32_t shift = off == NVME_REG_BPMBL ? 0 : 32;

	if (off == NVME_REG_BPINFO || ssd->boot.brs == NVME_BPINFO_BRS_BUSY)
		return;
	if (off == NVME_REG_BPRSEL) {
		ssd->boot.bprsel = ((ssd->boot.bprsel & ~mask) | (val & mask)) &
				   (uint32_t)(NVME_BPRSEL_BPRSZ | NVME_BPRSEL_BPROF | NVME_BPRSEL_BPID);
		read_start(ssd);
		return;
	}
	ssd->boot.bpmbl &= ~((uint64_t)mask << shift);
	ssd->boot.bpmbl |= (uint64_t)(val & mask) << shift;
	ssd->boot.bpmbl &= NVME_BPMBL_BMBBA;
}

void
ssd_boot_reset(struct ssd *ssd)
{
	ssd->boot = (struct ssd_boot_read){ .brs = NVME_BPINFO_BRS_NONE };
}

static bool
copy(struct ssd *ssd)
{
	uint32_t sel = ssd->boot.bprsel, bpid = nvme_get32(sel, NVME_BPRSEL_BPID);
	uint64_t off = nvme_get(sel, NVME_BPRSEL_BPROF) * UNIT, len = nvme_get(sel, NVME_BPRSEL_BPRSZ) * UNIT;

	if (!ssd->dma_ok || off > SSD_BP_SIZE || len > SSD_BP_SIZE - off)
		return false;
	for (uint64_t at = 0; at < len; at += UNIT) {
		if (ssd_mem_write(ssd, ssd->boot.bpmbl + at, ssd->sub->boot.kept[bpid].data + off + at, UNIT))
			return false;
	}
	return true;
}

uint64_t
ssd_boot_tick(struct ssd *ssd)
{
	if (ssd->boot.brs != NVME_BPINFO_BRS_BUSY)
		return SSD_NEVER;
	if (ssd->now_ns < ssd->boot.due_ns)
		return ssd->boot.due_ns;
	ssd->boot.brs = copy(ssd) ? NVME_BPINFO_BRS_DONE : NVME_BPINFO_BRS_ERROR;
	ssd->busy = true;
	return SSD_NEVER;
}
