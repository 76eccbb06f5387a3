/* SPDX-License-Identifier: BSD-3-Clause */
/* What a namespace is.  NVM Command Set 1.1, "Identify Namespace data structure"; NVMe Base 2.1, "Identify command". */
#include "ssd/admin/identify.h"
#include "ssd/nvm/lba_map.h"
#include "ssd/nvm/nvm.h"
#include <string.h>

static uint8_t
nmic(const struct ssd_ns *ns)
{
	return ssd_nr_ctrlrs(ns->sub) > 1 ? (uint8_t)NVME_NMIC_SHRNS : 0;
}

void
ssd_id_ns(struct ssd_ns *ns, void *buf)
{
	struct nvme_id_ns *id = buf;

	id->nsze = id->ncap = le64_from(ns->nsze);
	id->nuse = le64_from(ns->alloc->count);
	id->nsfeat = (uint8_t)(NVME_NSFEAT_DAE | NVME_NSFEAT_UIDREUSE);
	id->nlbaf = 1; /* two formats */
	id->flbas = ns->lbaf;
	id->nmic = nmic(ns);
	id->fpi = (uint8_t)NVME_FPI_SUPP; /* nothing remains: a format is done when its command completes */
	id->dlfeat = (uint8_t)(nvme_put(NVME_DLFEAT_DRB, NVME_DLFEAT_DRB_00) | NVME_DLFEAT_WZDS);
	id->nvmcap[0] = le64_from(ns->nsze << ns->lba_shift);
	id->mssrl = le16_from((uint16_t)SSD_COPY_MSSRL(ns));
	id->mcl = le32_from(SSD_COPY_MCL(ns));
	id->msrc = SSD_COPY_MSRC;
	memcpy(id->nguid, ns->nguid, sizeof(id->nguid));
	memcpy(id->eui64, ns->eui64, sizeof(id->eui64));
	id->lbaf[0].lbads = 9;
	id->lbaf[1].lbads = 12;
}

/* No protection information, no storage tags: all 0h. */
void
ssd_id_ns_nvm(struct ssd_ns *ns, void *buf)
{
	(void)ns;
	(void)buf;
}

void
ssd_id_ns_ind(struct ssd_ns *ns, void *buf)
{
	struct nvme_id_ns_ind *id = buf;

	id->nsfeat = (uint8_t)NVME_IND_NSFEAT_UIDREUSE;
	id->nmic = nmic(ns);
	id->fpi = (uint8_t)NVME_FPI_SUPP;
	id->nstat = (uint8_t)NVME_NSTAT_NRDY;
}

static uint8_t *
desc(uint8_t *p, uint8_t type, const void *nid, uint8_t len)
{
	struct nvme_ns_id_desc d = { .nidt = type, .nidl = len };

	memcpy(p, &d, sizeof(d));
	memcpy(p + sizeof(d), nid, len);
	return p + sizeof(d) + len;
}

void
ssd_id_ns_descs(struct ssd_ns *ns, void *buf)
{
	static const uint8_t csi = NVME_CSI_NVM;
	uint8_t *p = buf;

	p = desc(p, NVME_NIDT_EUI64, ns->eui64, NVME_NIDL_EUI64);
	p = desc(p, NVME_NIDT_NGUID, ns->nguid, NVME_NIDL_NGUID);
	p = desc(p, NVME_NIDT_UUID, ns->uuid, NVME_NIDL_UUID);
	desc(p, NVME_NIDT_CSI, &csi, NVME_NIDL_CSI);
}
