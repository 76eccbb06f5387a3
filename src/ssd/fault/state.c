/* SPDX-License-Identifier: BSD-3-Clause */
/* Registers and interrupts while rules are armed. */
#include "ssd/fault/fault.h"

static bool
strikes(struct ssd *ssd, enum ssd_fault p)
{
	uint64_t arg;

	return ssd_fault_strikes(ssd->sub, p, &arg);
}

static uint32_t
csts(struct ssd *ssd, uint32_t v)
{
	const uint32_t rdy = (uint32_t)NVME_CSTS_RDY;

	if ((v & rdy) && strikes(ssd, SSD_FAULT_RDY_NEVER))
		v &= ~rdy;
	else if (!(v & rdy) && strikes(ssd, SSD_FAULT_RDY_STUCK))
		v |= rdy;
	if (nvme_get(v, NVME_CSTS_SHST) == NVME_CSTS_SHST_COMPLETE && strikes(ssd, SSD_FAULT_SHST_STUCK))
		v = (v & ~(uint32_t)NVME_CSTS_SHST) | nvme_put32(NVME_CSTS_SHST, NVME_CSTS_SHST_OCCURRING);
	return v;
}

uint32_t
ssd_fault_reg(struct ssd *ssd, uint32_t off, uint32_t v)
{
	uint64_t arg = off;

	if (off == NVME_REG_CSTS)
		v = csts(ssd, v);
	if (off == NVME_REG_VS && strikes(ssd, SSD_FAULT_VS_ZERO))
		v = 0;
	if (off == NVME_REG_CAP && strikes(ssd, SSD_FAULT_MQES_ZERO))
		v &= ~(uint32_t)NVME_CAP_MQES;
	return ssd_fault_strikes(ssd->sub, SSD_FAULT_REG_ONES, &arg) ? UINT32_MAX : v;
}

uint32_t
ssd_fault_irq(struct ssd *ssd, uint32_t *vector)
{
	uint64_t arg;

	if (strikes(ssd, SSD_FAULT_IRQ_LOST))
		return 0;
	if (ssd_fault_strikes(ssd->sub, SSD_FAULT_IRQ_LATE, &arg)) {
		ssd_fault_hold(ssd,
			       &(struct ssd_fault_later){ .ssd = ssd, .at_ns = ssd->now_ns + arg, .irq = *vector + 1 });
		return 0;
	}
	if (ssd_fault_strikes(ssd->sub, SSD_FAULT_IRQ_VECTOR, &arg))
		*vector = (*vector ^ (uint32_t)arg) % SSD_NR_VECTORS;
	return 1 + strikes(ssd, SSD_FAULT_IRQ_TWICE);
}
