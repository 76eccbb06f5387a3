/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MSI: the capability besides MSI-X, for hosts that have nothing else.  Up to 32 messages, as many as the host granted; there
 * are no mask bits in the capability, INTMS and INTMC mask by vector.
 *
 * PCI Local Bus Specification, "Message Signaled Interrupts"; NVMe over PCIe Transport, "Interrupts".
 */
#include "ssd/core.h"
#include "nvproof/spec/pcie.h"
#include <string.h>

/* Whether entries wait in a CQ of this vector: INTMC tells of them only then. */
static bool
waits(const struct ssd *ssd, uint32_t v)
{
	for (uint32_t i = 0; i < SSD_MAX_QUEUES; i++) {
		const struct ssd_cq *cq = &ssd->cq[i];

		if (cq->live && cq->ien && cq->iv == v && ut_load(cq->db) != cq->tail)
			return true;
	}
	return false;
}

/* A queue may have been made when more messages were granted: it has to share. */
void
ssd_msi_raise(struct ssd *ssd, uint32_t v)
{
	v %= ssd->msi_nr;
	if (ssd->intm >> v & 1)
		ssd->msi_pending |= 1u << v;
	else
		ssd->ops->irq(ssd->port, (uint16_t)v);
}

void
ssd_msi_changed(struct ssd *ssd)
{
	uint32_t due = ssd->msi_pending & ~ssd->intm;

	if (!ssd->msi_on || !ssd->dma_ok)
		return;
	ssd->msi_pending &= ~due;
	for (; due; due &= due - 1) {
		uint32_t v = (uint32_t)__builtin_ctz(due);

		if (waits(ssd, v))
			ssd->ops->irq(ssd->port, (uint16_t)v);
	}
}

/* The registers were written. */
void
ssd_msi_apply(struct ssd *ssd, uint32_t mc)
{
	uint32_t mme = nvme_get32(mc, NVME_PCI_MSI_MC_MME);

	ssd->msi_on = nvme_get(mc, NVME_PCI_MSI_MC_MSIE);
	ssd->msi_nr = 1u << UT_MIN(mme, SSD_MSI_MMC);
	if (!ssd->msi_on)
		ssd->msi_pending = 0;
}

void
ssd_msi_setup(struct ssd *ssd, bool on)
{
	uint32_t mc = nvme_put32(NVME_PCI_MSI_MC_MME, SSD_MSI_MMC) | (on ? (uint32_t)NVME_PCI_MSI_MC_MSIE : 0);
	uint32_t cap = ssd->cfg[NVME_PCI_CAP];

	while (cap && ssd->cfg[cap] != NVME_PCI_CAPID_MSI)
		cap = ssd->cfg[cap + 1];
	ssd_cfg_write(ssd, cap + NVME_PCI_MSI_MC, (uint8_t[]){ (uint8_t)mc, 0 }, 2);
}
