/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts: the MSI-X table and its pending bits; INTx with INTMS and INTMC while neither MSI-X nor MSI (msi.c) is on.
 *
 * A CQ that posted leaves its vector in irq_due; at the end of the step each such vector interrupts once, or becomes
 * pending if it is masked.  Without bus mastering nothing goes out, and irq_due keeps it.
 *
 * PCI Local Bus Specification, "MSI-X Capability and Table Structure"; NVMe Base, "Interrupt Mask Set".
 */
#include "ssd/core.h"
#include "ssd/fault/fault.h"
#include "nvproof/spec/pcie.h"
#include <string.h>

#define MSIX_TABLE_END (SSD_BAR_MSIX + SSD_NR_VECTORS * 16u)
#define MSIX_PBA_END (SSD_BAR_PBA + SSD_NR_VECTORS / 8u)

static struct nvme_msix_entry *
entry(struct ssd *ssd, uint32_t v)
{
	return (struct nvme_msix_entry *)(void *)ssd->msix + v;
}

static bool
masked(struct ssd *ssd, uint32_t v)
{
	return ssd->msix_fmask || (le32_get(entry(ssd, v)->mvc) & NVME_MSIX_MVC_MASK);
}

void
ssd_msix_reset(struct ssd *ssd)
{
	memset(ssd->msix, 0, sizeof(ssd->msix));
	memset(ssd->pba, 0, sizeof(ssd->pba));
	for (uint32_t v = 0; v < SSD_NR_VECTORS; v++)
		entry(ssd, v)->mvc = le32_from((uint32_t)NVME_MSIX_MVC_MASK);
}

uint32_t
ssd_msix_read(const struct ssd *ssd, uint32_t off)
{
	le32 v;

	if (off < MSIX_TABLE_END) {
		memcpy(&v, ssd->msix + (off - SSD_BAR_MSIX), sizeof(v));
		return le32_get(v);
	}
	if (off >= SSD_BAR_PBA && off < MSIX_PBA_END)
		return (uint32_t)(ssd->pba[(off - SSD_BAR_PBA) / 8] >> (off % 8 * 8));
	return 0;
}

void
ssd_msix_write(struct ssd *ssd, uint32_t off, uint32_t val, uint32_t mask)
{
	le32 v;

	if (off >= MSIX_TABLE_END)
		return; /* the pending bits are read-only */
	if (off % 16 == offsetof(struct nvme_msix_entry, mvc))
		mask &= (uint32_t)NVME_MSIX_MVC_MASK;
	v = le32_from((ssd_msix_read(ssd, off) & ~mask) | (val & mask));
	memcpy(ssd->msix + (off - SSD_BAR_MSIX), &v, sizeof(v));
	ssd_msix_changed(ssd);
}

void
ssd_msix_changed(struct ssd *ssd)
{
	if (!ssd->msix_on || ssd->msix_fmask || !ssd->dma_ok)
		return;
	for (uint32_t w = 0; w < SSD_NR_VECTORS / 64; w++) {
		for (uint64_t p = ssd->pba[w]; p; p &= p - 1) {
			uint32_t v = w * 64 + (uint32_t)__builtin_ctzll(p);

			if (masked(ssd, v))
				continue;
			ssd->pba[w] &= ~(1ull << (v % 64));
			ssd->ops->irq(ssd->port, (uint16_t)v);
		}
	}
}

void
ssd_irq_raise(struct ssd *ssd, uint32_t v)
{
	if (!ssd->msix_on && ssd->msi_on) {
		ssd_msi_raise(ssd, v);
		return;
	}
	if (!ssd->msix_on) {
		if (!ssd->intx_off && !(ssd->intm & 1))
			ssd->ops->irq(ssd->port, 0);
		return;
	}
	if (masked(ssd, v))
		ssd->pba[v / 64] |= 1ull << (v % 64);
	else
		ssd->ops->irq(ssd->port, (uint16_t)v);
}

static inline void
raise_now(struct ssd *ssd, uint32_t v)
{
	uint32_t times = ssd_unlikely(ssd->faulty) ? ssd_fault_irq(ssd, &v) : 1;

	for (; times; times--)
		ssd_irq_raise(ssd, v);
}

void
ssd_irq_flush(struct ssd *ssd)
{
	if (!ssd->dma_ok)
		return;
	for (uint32_t w = 0; w < SSD_NR_VECTORS / 64; w++) {
		uint64_t due = ssd->irq_due[w];

		ssd->irq_due[w] = 0;
		if (ssd_unlikely(due && ssd->coal.on))
			due = ssd_coal_filter(ssd, w, due);
		for (; due; due &= due - 1)
			raise_now(ssd, w * 64 + (uint32_t)__builtin_ctzll(due));
	}
}

/* INTx is a level: it stays while a CQ with interrupts has entries that the host has not taken. */
bool
ssd_intx_pending(const struct ssd *ssd)
{
	if (ssd->msix_on || ssd->msi_on)
		return false;
	for (uint32_t i = 0; i < SSD_MAX_QUEUES; i++) {
		const struct ssd_cq *cq = &ssd->cq[i];

		if (cq->live && cq->ien && ut_load(cq->db) != cq->tail)
			return true;
	}
	return false;
}

/* Whether an entry in a CQ may interrupt by INTx. */
bool
ssd_intx_open(const struct ssd *ssd)
{
	return !ssd->msix_on && !ssd->msi_on && !ssd->intx_off && !(ssd->intm & 1) && ssd->dma_ok;
}

/* INTx is a level: where entries wait when what kept it down goes away, there is an interrupt. */
void
ssd_intx_changed(struct ssd *ssd, bool was_open)
{
	if (!was_open && ssd_intx_open(ssd) && ssd_intx_pending(ssd))
		ssd->ops->irq(ssd->port, 0);
}

void
ssd_msix_setup(struct ssd *ssd, bool on)
{
	uint8_t mxc[2];
	uint32_t cap = ssd->cfg[NVME_PCI_CAP];

	while (cap && ssd->cfg[cap] != NVME_PCI_CAPID_MSIX)
		cap = ssd->cfg[cap + 1];
	for (uint32_t v = 0; on && v < SSD_NR_VECTORS; v++)
		entry(ssd, v)->mvc = le32_from(0);
	ssd_cfg_read(ssd, cap + NVME_PCI_MSIX_MXC, mxc, sizeof(mxc));
	mxc[1] = (uint8_t)(mxc[1] & 0x3f); /* MXE is bit 15, FM is bit 14 */
	if (on)
		mxc[1] |= 0x80;
	ssd_cfg_write(ssd, cap + NVME_PCI_MSIX_MXC, mxc, sizeof(mxc));
}
