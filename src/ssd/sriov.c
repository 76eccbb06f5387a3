/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Single Root I/O Virtualization: the primary controller is a physical function, the n-th secondary controller its virtual
 * function n.  A virtual function is there while VF Enable is set and NumVFs covers it; before that, nobody answers, and
 * when it goes, its controller is offline without any resources.
 *
 * Up to seven of them follow the physical function as functions 1 to 7 of the device: First VF Offset and VF Stride are 1.
 * VF BAR0, BAR2 and the device identifier tell what a virtual function is like.  What attaches over vfio-user gets it as the
 * kernel's VFIO hands out virtual functions: with identifiers and BARs of its own.
 *
 * PCI Express Base Specification, "Single Root I/O Virtualization and Sharing"; NVMe Base, "Virtualization Enhancements".
 */
#include "ssd/cfg.h"
#include "ssd/admin/virt.h"
#include "ssd/cmb.h"

#define AT(reg) (SSD_CFG_SRIOV + (uint32_t)NVME_PCI_SRIOV_##reg)
#define PAGE_SIZES 0x553u /* those that every device supports: 4 KiB to 4 MiB */
#define BAR_64 nvme_put32(NVME_PCI_BAR_TP, NVME_PCI_BAR_TP_64)

static uint32_t
total_vfs(const struct ssd_subsys *sub)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i < SSD_MAX_CTRLRS; i++)
		n += sub->ctrlr[i] != NULL;
	return n;
}

void
ssd_sriov_count(struct ssd_subsys *sub)
{
	struct ssd *pf = sub->ctrlr[0];

	if (!pf || !ssd_virt_primary(pf))
		return;
	cfg_put16(pf, AT(INITIAL_VFS), total_vfs(sub));
	cfg_put16(pf, AT(TOTAL_VFS), total_vfs(sub));
}

/* The next function of the device; a virtual function has none: only those that are no virtual ones are in that list. */
static void
ari_reset(struct ssd *ssd, uint32_t next)
{
	cfg_put32(ssd, SSD_CFG_ARI, cfg_ecap(NVME_PCI_ECAPID_ARI, 1, next));
}

void
ssd_sriov_reset(struct ssd *ssd)
{
	if (!ssd->sub->cfg.virt)
		return;
	if (!ssd_virt_primary(ssd)) {
		ari_reset(ssd, 0);
		ssd->cfg[NVME_PCI_IPIN] = 0; /* "VFs ... must not use INTx" */
		return;
	}
	ari_reset(ssd, SSD_CFG_SRIOV);
	cfg_put32(ssd, SSD_CFG_SRIOV, cfg_ecap(NVME_PCI_ECAPID_SRIOV, 1, 0));
	cfg_put16(ssd, AT(VF_OFFSET), 1);
	cfg_put16(ssd, AT(VF_STRIDE), 1);
	cfg_put16(ssd, AT(VF_DID), SSD_PCI_DID);
	cfg_put32(ssd, AT(SUP_PGSIZE), PAGE_SIZES);
	cfg_put32(ssd, AT(SYS_PGSIZE), 1);
	cfg_put32(ssd, AT(VF_BAR0), BAR_64);
	if (ssd->cmb.size)
		cfg_put32(ssd, AT(VF_BAR0) + 8, BAR_64 | (uint32_t)NVME_PCI_BAR_PF);
	ssd_sriov_count(ssd->sub);
}

/* A BAR of all virtual functions: aligned to its size, and to a page of the system. */
static uint32_t
bar_rw(const struct ssd *ssd, uint64_t size, bool high)
{
	uint64_t page = (uint64_t)cfg_get16(ssd, AT(SYS_PGSIZE)) << 12, rw = size ? ~(UT_MAX(size, page) - 1) : 0;

	return (uint32_t)(high ? rw >> 32 : rw);
}

uint32_t
ssd_sriov_rw(const struct ssd *ssd, uint32_t off)
{
	bool on = nvme_get(cfg_get16(ssd, AT(CTL)), NVME_PCI_SRIOV_CTL_VFE);

	if (!ssd_virt_primary(ssd))
		return 0;
	switch (off) {
	case AT(CTL):
		return (uint32_t)(NVME_PCI_SRIOV_CTL_VFE | NVME_PCI_SRIOV_CTL_VFMSE | NVME_PCI_SRIOV_CTL_ARI);
	case AT(NUM_VFS): /* what it means to change these while VF Enable is set is undefined: nothing, here */
		return on ? 0 : 0xffff;
	case AT(SYS_PGSIZE):
		return on ? 0 : PAGE_SIZES;
	case AT(VF_BAR0):
	case AT(VF_BAR0) + 4:
		return bar_rw(ssd, SSD_BAR_SIZE, off != AT(VF_BAR0));
	case AT(VF_BAR0) + 8:
	case AT(VF_BAR0) + 12:
		return bar_rw(ssd, ssd_cmb_bar_size(ssd), off != AT(VF_BAR0) + 8);
	default:
		return 0;
	}
}

static void
vanish(struct ssd *vf)
{
	ssd_virt_off(vf->sub, vf->cntlid);
	ssd_msix_reset(vf);
	ssd_cfg_reset(vf);
}

void
ssd_sriov_apply(struct ssd *ssd)
{
	uint32_t ctl = cfg_get16(ssd, AT(CTL)), n = cfg_get16(ssd, AT(NUM_VFS));
	struct ssd_virt *v = &ssd->sub->virt;
	uint32_t was = v->vfs;

	if (!ssd_virt_primary(ssd))
		return;
	v->vfs = (uint16_t)(nvme_get(ctl, NVME_PCI_SRIOV_CTL_VFE) ? UT_MIN(n, SSD_MAX_CTRLRS - 1) : 0);
	v->vf_mse = nvme_get(ctl, NVME_PCI_SRIOV_CTL_VFMSE);
	for (uint32_t i = 1; i < SSD_MAX_CTRLRS; i++) {
		struct ssd *vf = ssd->sub->ctrlr[i];

		if (vf && i <= was && i > v->vfs)
			vanish(vf);
		else if (vf)
			ssd_cfg_apply(vf);
	}
}
