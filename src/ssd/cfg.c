/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PCI configuration space: a type 0 header, the capabilities PM, MSI-X, PCI Express and MSI, and the extended ones AER and DSN
 * (sriov.c has those of virtual functions).  A table says which bits of a register the host may write or clear; what a write
 * means is worked out from its result.
 *
 * PCI Express Base Specification, "Configuration Space"; NVMe over PCIe Transport, "PCI Express Registers".
 */
#include "ssd/cfg.h"
#include "ssd/admin/virt.h"

enum {
	PM = 0x40,
	MSIX = 0x50,
	PX = 0x60,
	MSI = 0xa0,
	AER = SSD_CFG_AER,
	DSN = SSD_CFG_DSN,
};

#define LINK_SPEED 4u /* 16 GT/s */
#define LINK_WIDTH 4u

struct reg_mask {
	uint16_t off; /* a multiple of 4 */
	uint32_t rw, rw1c;
};

static const struct reg_mask masks[] = {
	{ NVME_PCI_CMD, 0x0547, 0xf900u << 16 }, /* IOSE MSE BME PEE SEE ID; the error bits of STS */
	{ NVME_PCI_CLS, 0xff, 0 },
	{ NVME_PCI_BAR0, ~(SSD_BAR_SIZE - 1), 0 }, /* writing all ones tells the size */
	{ NVME_PCI_BAR1, 0xffffffff, 0 },
	{ NVME_PCI_ILINE, 0xff, 0 },
	{ PM + NVME_PCI_PMCS, 0x0103, 0x8000 },
	{ MSIX, 0xc000u << 16, 0 }, /* MXE, FM */
	{ MSI, 0x0071u << 16, 0 }, /* MSIE, MME */
	{ MSI + NVME_PCI_MSI_MA, 0xfffffffc, 0 },
	{ MSI + NVME_PCI_MSI_MUA, 0xffffffff, 0 },
	{ MSI + NVME_PCI_MSI_MD, 0xffff, 0 },
	{ PX + NVME_PCI_PXDC, 0x7eff, 0x000fu << 16 },
	{ PX + NVME_PCI_PXLC, 0x01cb, 0 },
	{ PX + NVME_PCI_PXDC2, 0x041f, 0 },
	{ PX + NVME_PCI_PXLC2, 0x008f, 0 },
	{ AER + NVME_PCI_AER_UES, 0, 0x05fff030 },
	{ AER + NVME_PCI_AER_UEM, 0x05fff030, 0 },
	{ AER + NVME_PCI_AER_UESEV, 0x05fff030, 0 },
	{ AER + NVME_PCI_AER_CES, 0, 0xf1c1 },
	{ AER + NVME_PCI_AER_CEM, 0xf1c1, 0 },
};

/* What the rest of the controller wants to know, so that no command has to look it up. */
void
ssd_cfg_apply(struct ssd *ssd)
{
	uint32_t cmd = cfg_get16(ssd, NVME_PCI_CMD), mxc = cfg_get16(ssd, MSIX + NVME_PCI_MSIX_MXC);
	bool d0 = nvme_get(cfg_get16(ssd, PM + NVME_PCI_PMCS), NVME_PCI_PMCS_PS) == 0;

	ssd->mem_ok = d0 && nvme_get(cmd, NVME_PCI_CMD_MSE) && ssd_virt_memory(ssd);
	ssd->dma_ok = d0 && nvme_get(cmd, NVME_PCI_CMD_BME) && !ssd_virt_absent(ssd);
	ssd->intx_off = nvme_get(cmd, NVME_PCI_CMD_ID) || !ssd->cfg[NVME_PCI_IPIN];
	ssd->msix_on = nvme_get(mxc, NVME_PCI_MSIX_MXC_MXE);
	ssd->msix_fmask = nvme_get(mxc, NVME_PCI_MSIX_MXC_FM);
	ssd_msi_apply(ssd, cfg_get16(ssd, MSI + NVME_PCI_MSI_MC));
}

static void
apply(struct ssd *ssd)
{
	ssd_cfg_apply(ssd);
	ssd_sriov_apply(ssd);
}

static void
header_reset(struct ssd *ssd)
{
	cfg_put16(ssd, NVME_PCI_VID, SSD_PCI_VID);
	cfg_put16(ssd, NVME_PCI_DID, SSD_PCI_DID);
	/*
	 * PCI resets MSE to 0.  Here it is 1: what attaches over vfio-user takes the function as enabled, as the kernel's VFIO
	 * hands it out, and some hosts set only BME.
	 */
	cfg_put16(ssd, NVME_PCI_CMD, (uint32_t)NVME_PCI_CMD_MSE);
	cfg_put16(ssd, NVME_PCI_STS, (uint32_t)NVME_PCI_STS_CL);
	cfg_put32(ssd, NVME_PCI_RID, NVME_PCI_CLASS_IO << 8);
	cfg_put32(ssd, NVME_PCI_BAR0, nvme_put32(NVME_PCI_BAR_TP, NVME_PCI_BAR_TP_64));
	if (ssd->cmb.size)
		cfg_put32(ssd, NVME_PCI_BAR2,
			  nvme_put32(NVME_PCI_BAR_TP, NVME_PCI_BAR_TP_64) | (uint32_t)NVME_PCI_BAR_PF);
	cfg_put16(ssd, NVME_PCI_SSVID, SSD_PCI_VID);
	cfg_put16(ssd, NVME_PCI_SSID, SSD_PCI_DID);
	ssd->cfg[NVME_PCI_CAP] = PM;
	ssd->cfg[NVME_PCI_IPIN] = 1;
}

static void
pm_msix_reset(struct ssd *ssd)
{
	cfg_put16(ssd, PM, NVME_PCI_CAPID_PM | MSIX << 8);
	cfg_put16(ssd, PM + NVME_PCI_PC, nvme_put32(NVME_PCI_PC_VS, 3));
	cfg_put16(ssd, PM + NVME_PCI_PMCS, (uint32_t)NVME_PCI_PMCS_NSFRST); /* D3hot keeps the state */
	cfg_put16(ssd, MSIX, NVME_PCI_CAPID_MSIX | PX << 8);
	cfg_put16(ssd, MSIX + NVME_PCI_MSIX_MXC, nvme_put32(NVME_PCI_MSIX_MXC_TS, ssd->nr_vectors - 1));
	cfg_put32(ssd, MSIX + NVME_PCI_MSIX_MTAB, SSD_BAR_MSIX); /* in BAR 0 */
	cfg_put32(ssd, MSIX + NVME_PCI_MSIX_MPBA, SSD_BAR_PBA);
}

static void
pcie_reset(struct ssd *ssd)
{
	uint32_t link = nvme_put32(NVME_PCI_PXLCAP_SLS, LINK_SPEED) | nvme_put32(NVME_PCI_PXLCAP_MLW, LINK_WIDTH);

	cfg_put16(ssd, PX, NVME_PCI_CAPID_PCIE | MSI << 8);
	cfg_put16(ssd, PX + NVME_PCI_PXCAP, nvme_put32(NVME_PCI_PXCAP_VER, 2));
	cfg_put32(ssd, PX + NVME_PCI_PXDCAP,
		  nvme_put32(NVME_PCI_PXDCAP_MPS, 1) | nvme_put32(NVME_PCI_PXDCAP_RER, 1) |
			  nvme_put32(NVME_PCI_PXDCAP_FLRC, 1));
	cfg_put16(ssd, PX + NVME_PCI_PXDC, nvme_put32(NVME_PCI_PXDC_ERO, 1) | nvme_put32(NVME_PCI_PXDC_MRRS, 2));
	cfg_put32(ssd, PX + NVME_PCI_PXLCAP, link);
	cfg_put16(ssd, PX + NVME_PCI_PXLS, link); /* CLS and NLW stand where SLS and MLW do */
	cfg_put32(ssd, PX + NVME_PCI_PXDCAP2,
		  nvme_put32(NVME_PCI_PXDCAP2_CTRS, 0xf) | nvme_put32(NVME_PCI_PXDCAP2_CTDS, 1));
	cfg_put32(ssd, PX + NVME_PCI_PXLCAP2, nvme_put32(NVME_PCI_PXLCAP2_SLSV, (1u << LINK_SPEED) - 1));
	cfg_put16(ssd, PX + NVME_PCI_PXLC2, nvme_put32(NVME_PCI_PXLC2_TLS, LINK_SPEED));
}

static void
msi_reset(struct ssd *ssd)
{
	cfg_put16(ssd, MSI, NVME_PCI_CAPID_MSI);
	cfg_put16(ssd, MSI + NVME_PCI_MSI_MC,
		  nvme_put32(NVME_PCI_MSI_MC_MMC, SSD_MSI_MMC) | (uint32_t)NVME_PCI_MSI_MC_C64);
}

static void
extended_reset(struct ssd *ssd)
{
	cfg_put32(ssd, AER, cfg_ecap(NVME_PCI_ECAPID_AER, 2, DSN));
	cfg_put32(ssd, AER + NVME_PCI_AER_UESEV, 0x00462030); /* the defaults of the PCI Express Base Specification */
	cfg_put32(ssd, AER + NVME_PCI_AER_CEM, 0x0000e000);
	cfg_put32(ssd, DSN, cfg_ecap(NVME_PCI_ECAPID_DSN, 1, ssd->sub->cfg.virt ? SSD_CFG_ARI : 0));
	cfg_put32(ssd, DSN + NVME_PCI_DSN_LOW, (uint32_t)ssd->sub->cfg.seed);
	cfg_put32(ssd, DSN + NVME_PCI_DSN_HIGH, (uint32_t)(ssd->sub->cfg.seed >> 32) ^ ssd->cntlid);
}

void
ssd_cfg_reset(struct ssd *ssd)
{
	memset(ssd->cfg, 0, sizeof(ssd->cfg));
	header_reset(ssd);
	pm_msix_reset(ssd);
	pcie_reset(ssd);
	msi_reset(ssd);
	extended_reset(ssd);
	ssd_sriov_reset(ssd);
	apply(ssd);
}

/* The controller memory buffer's BAR: as large as it is. */
static struct reg_mask
bar2_mask(const struct ssd *ssd, uint32_t off)
{
	uint64_t size = ssd_cmb_bar_size(ssd), rw = size ? ~(size - 1) : 0;

	return (struct reg_mask){ .off = (uint16_t)off, .rw = (uint32_t)(off == NVME_PCI_BAR2 ? rw : rw >> 32) };
}

static struct reg_mask
mask_of(const struct ssd *ssd, uint32_t off)
{
	if ((off & ~7u) == NVME_PCI_BAR2)
		return bar2_mask(ssd, off & ~3u);
	for (size_t i = 0; i < UT_ARRAY_LEN(masks); i++) {
		if (masks[i].off == (off & ~3u))
			return masks[i];
	}
	return (struct reg_mask){ .rw = ssd_sriov_rw(ssd, off & ~3u) };
}

void
ssd_cfg_read(struct ssd *ssd, uint32_t off, void *buf, uint32_t len)
{
	memset(buf, 0xff, len);
	if (off >= SSD_CFG_SIZE || !ssd->sub->powered || ssd_virt_absent(ssd))
		return;
	if (ssd_intx_pending(ssd))
		ssd->cfg[NVME_PCI_STS] |= (uint8_t)NVME_PCI_STS_IS;
	else
		ssd->cfg[NVME_PCI_STS] &= (uint8_t)~NVME_PCI_STS_IS;
	memcpy(buf, ssd->cfg + off, UT_MIN(len, SSD_CFG_SIZE - off));
}

/* D1 and D2 are not supported: writing them changes nothing. */
static void
power_state_fix(struct ssd *ssd, uint8_t old)
{
	uint8_t *pmcs = &ssd->cfg[PM + NVME_PCI_PMCS];
	uint32_t ps = nvme_get32(*pmcs, NVME_PCI_PMCS_PS);

	if (ps == 1 || ps == 2)
		*pmcs = (uint8_t)((*pmcs & ~NVME_PCI_PMCS_PS) | (old & NVME_PCI_PMCS_PS));
}

/* A write of 1 to Initiate Function Level Reset, which always reads 0. */
static bool
starts_flr(uint32_t off, const uint8_t *buf, uint32_t len)
{
	uint32_t byte = PX + NVME_PCI_PXDC + 1;

	return off <= byte && byte - off < len && (buf[byte - off] & 0x80);
}

void
ssd_cfg_write(struct ssd *ssd, uint32_t off, const void *buf, uint32_t len)
{
	uint8_t pmcs = ssd->cfg[PM + NVME_PCI_PMCS];
	bool open = ssd_intx_open(ssd);
	const uint8_t *in = buf;

	if (!ssd->sub->powered || ssd_virt_absent(ssd))
		return;
	for (uint32_t i = 0; i < len && off + i < SSD_CFG_SIZE && off + i >= off; i++) {
		struct reg_mask m = mask_of(ssd, off + i);
		uint32_t shift = (off + i) % 4 * 8;
		uint8_t rw = (uint8_t)(m.rw >> shift), w1c = (uint8_t)(m.rw1c >> shift);
		uint8_t *b = &ssd->cfg[off + i];

		*b = (uint8_t)(((*b & ~rw) | (in[i] & rw)) & ~(in[i] & w1c));
	}
	power_state_fix(ssd, pmcs);
	if (starts_flr(off, in, len)) {
		ssd_function_reset(ssd);
		return;
	}
	apply(ssd);
	ssd_msix_changed(ssd);
	ssd_intx_changed(ssd, open);
}
