/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MSI instead of MSI-X, for who asked for it: the capability with all messages that the function has, masks by INTMS and INTMC.
 * PCI Local Bus Specification, "Message Signaled Interrupts"; NVMe Base, "Interrupt Mask Set".
 */
#include "host/ctrlr_int.h"

#include <errno.h>

#include "nvproof/spec/pcie.h"

int
ctrlr_msi_up(struct nvp_ctrlr *c)
{
	uint32_t at = ctrlr_find_cap(c, NVME_PCI_CAPID_MSI);
	le16 raw;
	uint32_t mc;
	int rc;

	if (!at)
		return -ENOTSUP;
	at += NVME_PCI_MSI_MC;
	rc = c->bus->ops->cfg_read(c->bus, at, &raw, sizeof(raw));
	if (rc)
		return rc;
	mc = le16_get(raw) & ~(uint32_t)NVME_PCI_MSI_MC_MME;
	mc |= nvme_put32(NVME_PCI_MSI_MC_MME, nvme_get(mc, NVME_PCI_MSI_MC_MMC)) | (uint32_t)NVME_PCI_MSI_MC_MSIE;
	if (mc == le16_get(raw))
		return 0;
	raw = le16_from((uint16_t)mc);
	return c->bus->ops->cfg_write(c->bus, at, &raw, sizeof(raw));
}

int
ctrlr_msi_mask(struct nvp_ctrlr *c, uint16_t v, bool masked)
{
	if (v >= 32)
		return -EINVAL;
	return nvp_reg_write32(c, masked ? NVME_REG_INTMS : NVME_REG_INTMC, 1u << v);
}
