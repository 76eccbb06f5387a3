/* SPDX-License-Identifier: BSD-3-Clause */
/* What a namespace is.  NVM Command Set 1.1, "Identify Namespace data structure"; NVMe Base 2.1, "Identify command". */
#include "ssd/admin/identify.h"
#include "ssd/fdp/fdp.h"
#include "ssd/nvm/atomic.h"
#include "ssd/nvm/lba_map.h"
#include "ssd/nvm/nvm.h"
#include "ssd/nvm/optional.h"
#include "ssd/nvm/resv.h"
#include "nvproof/spec/feat.h"
#include <string.h>

/* What the host chose when it created the namespace; those of the configuration can be shared where there is somebody to share with. */
static uint8_t
nmic(const struct ssd_ns *ns)
{
	return ns->created || ssd_nr_ctrlrs(ns->sub) > 1 ? ns->nmic : 0;
}

/* Any format may be transferred either way, and have any type of protection information at either end that it has room for. */
static void
formats(const struct ssd *ssd, const struct ssd_ns *ns, struct nvme_id_ns *id)
{
	const struct ssd_format *f = &ns->format;

	id->nlbaf = (uint8_t)(ssd_nr_lbafs(ssd) - 1);
	id->flbas = (uint8_t)(nvme_put(NVME_FLBAS_FIDXL, f->lbaf) | nvme_put(NVME_FLBAS_FIDXU, f->lbaf >> 4) |
			      nvme_put(NVME_FLBAS_MTELBA, f->extended));
	id->mc = (uint8_t)(NVME_MC_MTELBA | NVME_MC_MTSMB);
	id->dpc =
		ns->zones
			? 0
			: (uint8_t)(NVME_DPC_PIT1S | NVME_DPC_PIT2S | NVME_DPC_PIT3S | NVME_DPC_PIIFB | NVME_DPC_PIILB);
	id->dps = (uint8_t)(nvme_put(NVME_DPS_PIT, f->pi) | nvme_put(NVME_DPS_PIP, f->pi_first));
	for (uint32_t i = 0; i < ssd_nr_lbafs(ssd); i++)
		id->lbaf[i] = (struct nvme_lbaf){ .ms = le16_from(ssd_lbafs[i].ms), .lbads = ssd_lbafs[i].lbads };
}

/* What a page of the flash has room for; no boundaries (NABSN, NABSPF), wherever it begins. */
static void
atomicity(const struct ssd_ns *ns, struct nvme_id_ns *id)
{
	if (!ssd_atomic_needed(ns))
		return;
	id->nsfeat |= (uint8_t)NVME_NSFEAT_NSABP;
	id->nawun = le16_from(0xffff); /* as AWUN */
	id->nawupf = le16_from((uint16_t)(ssd_atomic_nlb(ns) - 1));
	id->nacwu = le16_from(SSD_ACWU);
}

/* What only tells of commands that a profile may leave out. */
static void
of_optional(const struct ssd_ns *ns, struct nvme_id_ns *id)
{
	if (!ssd_left_out(ns->sub, NVME_OPC_WRITE_ZEROES))
		id->dlfeat |= (uint8_t)NVME_DLFEAT_WZDS;
	if (ssd_left_out(ns->sub, NVME_OPC_COPY))
		return;
	id->mssrl = le16_from((uint16_t)SSD_COPY_MSSRL(ns));
	id->mcl = le32_from(SSD_COPY_MCL(ns));
	id->msrc = SSD_COPY_MSRC;
}

void
ssd_id_ns(struct ssd *ssd, struct ssd_ns *ns, void *buf)
{
	struct nvme_id_ns *id = buf;

	id->nsze = id->ncap = le64_from(ns->nsze);
	if (ns->zones)
		id->ncap = le64_from(ns->zones->nr * ns->zones->zcap);
	id->nuse = le64_from(ns->alloc->count);
	id->nsfeat = (uint8_t)(NVME_NSFEAT_DAE | NVME_NSFEAT_UIDREUSE);
	atomicity(ns, id);
	formats(ssd, ns, id);
	id->endgid = le16_from(ssd_fdp_there(ns->sub) ? SSD_ENDGID : 0);
	id->nmic = nmic(ns);
	id->rescap = SSD_RESCAP;
	id->fpi = (uint8_t)NVME_FPI_SUPP; /* nothing remains: a format is done when its command completes */
	id->dlfeat = (uint8_t)nvme_put(NVME_DLFEAT_DRB, NVME_DLFEAT_DRB_00);
	of_optional(ns, id);
	id->nsattr = (uint8_t)nvme_put(NVME_NSATTR_CWP, ns->wps != NVME_WPS_NONE);
	id->nvmcap[0] = le64_from(ssd_ns_capacity(ns));
	memcpy(id->nguid, ns->nguid, sizeof(id->nguid));
	memcpy(id->eui64, ns->eui64, sizeof(id->eui64));
}

/* NVM Command Set 1.1, "I/O Command Set specific Identify Namespace": guards and storage tags of the formats. */
void
ssd_id_ns_nvm(struct ssd *ssd, struct ssd_ns *ns, void *buf)
{
	struct nvme_id_ns_nvm *id = buf;

	id->lbstm = le64_from(ns->pi.type ? ns->pi.lbstm : 0);
	id->pic = (uint8_t)(NVME_PIC_PISTS16 | NVME_PIC_STCRS);
	for (uint32_t i = 0; i < ssd_nr_lbafs(ssd); i++)
		id->elbaf[i] = le32_from(nvme_put32(NVME_ELBAF_PIF, ssd_lbafs[i].pif) |
					 nvme_put32(NVME_ELBAF_STS, ssd_lbafs[i].sts));
}

void
ssd_id_ns_ind(struct ssd *ssd, struct ssd_ns *ns, void *buf)
{
	struct nvme_id_ns_ind *id = buf;

	(void)ssd;
	id->nsfeat = (uint8_t)NVME_IND_NSFEAT_UIDREUSE;
	id->nmic = nmic(ns);
	id->rescap = SSD_RESCAP;
	id->fpi = (uint8_t)NVME_FPI_SUPP;
	id->nsattr = (uint8_t)nvme_put(NVME_NSATTR_CWP, ns->wps != NVME_WPS_NONE);
	id->endgid = le16_from(ssd_fdp_there(ns->sub) ? SSD_ENDGID : 0);
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
ssd_id_ns_descs(struct ssd *ssd, struct ssd_ns *ns, void *buf)
{
	const uint8_t csi = ns->zones ? NVME_CSI_ZNS : NVME_CSI_NVM;
	uint8_t *p = buf;

	(void)ssd;
	p = desc(p, NVME_NIDT_EUI64, ns->eui64, NVME_NIDL_EUI64);
	p = desc(p, NVME_NIDT_NGUID, ns->nguid, NVME_NIDL_NGUID);
	p = desc(p, NVME_NIDT_UUID, ns->uuid, NVME_NIDL_UUID);
	desc(p, NVME_NIDT_CSI, &csi, NVME_NIDL_CSI);
}
