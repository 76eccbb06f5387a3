/* SPDX-License-Identifier: BSD-3-Clause */
/* PCI configuration space among the files that fill it. */
#pragma once
#include "ssd/core.h"
#include "nvproof/spec/pcie.h"
#include <string.h>

/* Where the extended capabilities are. */
enum {
	SSD_CFG_AER = 0x100,
	SSD_CFG_DSN = 0x150,
	SSD_CFG_ARI = 0x160, /* with virtual functions only, as SRIOV */
	SSD_CFG_SRIOV = 0x170,
};

static inline void
cfg_put16(struct ssd *ssd, uint32_t off, uint32_t v)
{
	le16 le = le16_from((uint16_t)v);

	memcpy(ssd->cfg + off, &le, sizeof(le));
}

static inline void
cfg_put32(struct ssd *ssd, uint32_t off, uint32_t v)
{
	le32 le = le32_from(v);

	memcpy(ssd->cfg + off, &le, sizeof(le));
}

static inline uint32_t
cfg_get16(const struct ssd *ssd, uint32_t off)
{
	le16 le;

	memcpy(&le, ssd->cfg + off, sizeof(le));
	return le16_get(le);
}

static inline uint32_t
cfg_ecap(uint32_t id, uint32_t version, uint32_t next)
{
	return nvme_put32(NVME_PCI_ECAP_CID, id) | nvme_put32(NVME_PCI_ECAP_CVER, version) |
	       nvme_put32(NVME_PCI_ECAP_NEXT, next);
}

/* cfg.c: what the registers say becomes what the controller does. */
void ssd_cfg_apply(struct ssd *ssd);

/* sriov.c; of a drive with virtual functions: the capabilities ARI and SR-IOV of a function. */
void ssd_sriov_reset(struct ssd *ssd);
/* The bits of a register (off: a multiple of 4) that the host may write. */
uint32_t ssd_sriov_rw(const struct ssd *ssd, uint32_t off);
/* The physical function's registers may have changed: virtual functions appear and vanish. */
void ssd_sriov_apply(struct ssd *ssd);
