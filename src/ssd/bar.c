/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BAR 0: controller properties, doorbells, the MSI-X table and its pending bits.
 *
 * Everything is made of dwords.  A 64-bit access is its two halves, the low one first; a narrower one is part of a dword, and
 * a narrower write leaves the other bytes as they are (for a write-1-to-set or -clear register: writes 0 there).
 *
 * NVMe Base, "Controller Properties"; NVMe over PCIe Transport, "Doorbell".
 */
#include "ssd/cmb.h"
#include "ssd/core.h"
#include "ssd/fault/fault.h"
#include "ssd/admin/boot.h"

#define HALF_OFF(reg, off) (((off) - (reg)) / 4 * 32)

static uint32_t
reg_read(const struct ssd *ssd, uint32_t off)
{
	switch (off) {
	case NVME_REG_CAP:
	case NVME_REG_CAP + 4:
		return (uint32_t)(ssd->cap >> HALF_OFF(NVME_REG_CAP, off));
	case NVME_REG_VS:
		return SSD_VS;
	case NVME_REG_INTMS:
	case NVME_REG_INTMC:
		return ssd->intm;
	case NVME_REG_CC:
		return ssd->cc;
	case NVME_REG_CSTS:
		return ssd->csts;
	case NVME_REG_AQA:
		return ssd->aqa;
	case NVME_REG_ASQ:
	case NVME_REG_ASQ + 4:
		return (uint32_t)(ssd->asq >> HALF_OFF(NVME_REG_ASQ, off));
	case NVME_REG_ACQ:
	case NVME_REG_ACQ + 4:
		return (uint32_t)(ssd->acq >> HALF_OFF(NVME_REG_ACQ, off));
	case NVME_REG_BPINFO:
	case NVME_REG_BPRSEL:
	case NVME_REG_BPMBL:
	case NVME_REG_BPMBL + 4:
		return ssd_boot_reg_read(ssd, off);
	case NVME_REG_CMBLOC:
	case NVME_REG_CMBSZ:
	case NVME_REG_CMBMSC:
	case NVME_REG_CMBMSC + 4:
	case NVME_REG_CMBSTS:
		return ssd_cmb_reg(ssd, off);
	case NVME_REG_CRTO:
		return nvme_put32(NVME_CRTO_CRWMT, SSD_CAP_TO);
	default:
		return 0; /* NSSR reads 0; the rest is not there */
	}
}

static uint32_t
dword_read(struct ssd *ssd, uint32_t off)
{
	if (off >= SSD_BAR_MSIX)
		return ssd_msix_read(ssd, off);
	if (off >= SSD_BAR_DB)
		return 0; /* doorbells are not to be read; others may write them while we look */
	return ssd->faulty ? ssd_fault_reg(ssd, off, reg_read(ssd, off)) : reg_read(ssd, off);
}

uint64_t
ssd_bar_read(struct ssd *ssd, uint32_t off, int width)
{
	uint64_t ones = width == 8 ? UINT64_MAX : (1ull << (width * 8 & 63)) - 1;
	uint64_t v;

	if ((width != 1 && width != 2 && width != 4 && width != 8) || off % (uint32_t)width)
		return UINT64_MAX;
	if (!ssd->sub->powered || !ssd->mem_ok)
		return ones;
	if (off >= SSD_BAR_SIZE)
		return 0;
	v = dword_read(ssd, off & ~3u);
	if (width == 8)
		v |= (uint64_t)dword_read(ssd, off + 4) << 32;
	return v >> (off % 4 * 8) & ones;
}

static void
half_write(uint64_t *reg, uint32_t shift, uint32_t val, uint32_t mask)
{
	*reg = (*reg & ~((uint64_t)mask << shift)) | ((uint64_t)(val & mask) << shift);
}

/* The admin queues cannot be moved while they are in use. */
static void
admin_queue_write(struct ssd *ssd, uint32_t off, uint32_t val, uint32_t mask)
{
	if (nvme_get(ssd->cc, NVME_CC_EN))
		return;
	if (off == NVME_REG_AQA)
		ssd->aqa = ((ssd->aqa & ~mask) | (val & mask)) & (uint32_t)(NVME_AQA_ASQS | NVME_AQA_ACQS);
	else if (off < NVME_REG_ACQ)
		half_write(&ssd->asq, HALF_OFF(NVME_REG_ASQ, off), val, mask);
	else
		half_write(&ssd->acq, HALF_OFF(NVME_REG_ACQ, off), val, mask);
	ssd->asq &= NVME_ASQ_ASQB;
	ssd->acq &= NVME_ACQ_ACQB;
}

static void
intmc_write(struct ssd *ssd, uint32_t val)
{
	bool open = ssd_intx_open(ssd);

	ssd->intm &= ~val;
	ssd_intx_changed(ssd, open);
	ssd_msi_changed(ssd);
}

static void
reg_write(struct ssd *ssd, uint32_t off, uint32_t val, uint32_t mask)
{
	switch (off) {
	case NVME_REG_INTMS:
		ssd->intm |= val & mask;
		break;
	case NVME_REG_INTMC:
		intmc_write(ssd, val & mask);
		break;
	case NVME_REG_CC:
		ssd_cc_write(ssd, (ssd->cc & ~mask) | (val & mask));
		break;
	case NVME_REG_CSTS:
		ssd->csts &= ~(val & mask & (uint32_t)NVME_CSTS_NSSRO);
		break;
	case NVME_REG_NSSR:
		if ((val & mask) == NVME_NSSR_VALUE)
			ssd_nssr(ssd->sub);
		break;
	case NVME_REG_BPRSEL:
	case NVME_REG_BPMBL:
	case NVME_REG_BPMBL + 4:
		ssd_boot_reg_write(ssd, off, val, mask);
		break;
	case NVME_REG_CMBMSC:
	case NVME_REG_CMBMSC + 4:
		ssd_cmb_msc_write(ssd, HALF_OFF(NVME_REG_CMBMSC, off), val, mask);
		break;
	case NVME_REG_AQA:
	case NVME_REG_ASQ:
	case NVME_REG_ASQ + 4:
	case NVME_REG_ACQ:
	case NVME_REG_ACQ + 4:
		admin_queue_write(ssd, off, val, mask);
		break;
	default:
		break;
	}
}

/* Doorbells that are trapped end where mapped ones are written; what is between them is nothing. */
static void
doorbell_write(struct ssd *ssd, uint32_t off, uint32_t val)
{
	off -= SSD_BAR_DB;
	if (off % (4u << SSD_DSTRD) == 0 && off < SSD_BAR_DB_SIZE)
		ut_store(&ssd->db[off / 4], val);
}

static void
dword_write(struct ssd *ssd, uint32_t off, uint32_t val, uint32_t mask)
{
	if (off >= SSD_BAR_MSIX)
		ssd_msix_write(ssd, off, val, mask);
	else if (off >= SSD_BAR_DB)
		doorbell_write(ssd, off, val & mask);
	else
		reg_write(ssd, off, val, mask);
}

void
ssd_bar_write(struct ssd *ssd, uint32_t off, int width, uint64_t val)
{
	uint32_t shift = off % 4 * 8;

	if ((width != 1 && width != 2 && width != 4 && width != 8) || off % (uint32_t)width || off >= SSD_BAR_SIZE)
		return;
	if (!ssd->sub->powered || !ssd->mem_ok)
		return;
	if (width == 8) {
		dword_write(ssd, off, (uint32_t)val, UINT32_MAX);
		if (ssd->mem_ok) /* the low half may have been NSSR */
			dword_write(ssd, off + 4, (uint32_t)(val >> 32), UINT32_MAX);
		return;
	}
	dword_write(ssd, off & ~3u, (uint32_t)val << shift,
		    width == 4 ? UINT32_MAX : ((1u << (width * 8)) - 1) << shift);
}
