/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a controller says of itself.  Each bit that is set is true of the code: a handler's limit and its announcement
 * are the same constant.
 *
 * NVMe Base 2.1, "Identify Controller data structure"; NVM Command Set 1.1, "I/O Command Set specific Identify
 * Controller".
 */
#include "nvproof/spec/id_lists.h"
#include "ssd/admin/boot.h"
#include "ssd/admin/dst.h"
#include "ssd/admin/fw.h"
#include "ssd/admin/hmb.h"
#include "ssd/admin/identify.h"
#include "ssd/nvm/atomic.h"
#include "ssd/nvm/optional.h"
#include "ssd/admin/sanitize.h"
#include "ssd/admin/pel.h"
#include "ssd/admin/pstate.h"
#include "ssd/admin/virt.h"
#include "ssd/fdp/fdp.h"
#include "ssd/nvm/nvm.h"
#include "ssd/zns/zns.h"
#include <stdio.h>
#include <string.h>

static void
pad(char *dst, const char *src, size_t len)
{
	memset(dst, ' ', len);
	memcpy(dst, src, strnlen(src, len));
}

uint32_t
ssd_nr_ctrlrs(const struct ssd_subsys *sub)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++)
		n += sub->ctrlr[i] != NULL;
	return n;
}

/* NVMe Base 2.1, "NVMe Qualified Names": the form with a UUID; RFC 9562, version 8 (the rest is the maker's choice). */
static void
subnqn(const char *sn, char *nqn, size_t len)
{
	uint64_t h[2] = { 0xcbf29ce484222325ull, 0x84222325cbf29ce4ull };

	for (; *sn; sn++) { /* FNV-1a, from two beginnings */
		h[0] = (h[0] ^ (uint8_t)*sn) * 0x100000001b3ull;
		h[1] = (h[1] ^ (uint8_t)*sn) * 0x100000001b3ull;
	}
	snprintf(nqn, len, "nqn.2014-08.org.nvmexpress:uuid:%08x-%04x-8%03x-%04x-%012llx", (unsigned)(h[0] >> 32),
		 (unsigned)(h[0] >> 16 & 0xffff), (unsigned)(h[0] & 0xfff), (unsigned)(h[1] >> 48 & 0x3fff) | 0x8000u,
		 (unsigned long long)(h[1] & 0xffffffffffffull));
}

static void
who(struct ssd *ssd, struct nvme_id_ctrl *id)
{
	const struct ssd_config *cfg = &ssd->sub->cfg;

	memcpy(&id->vid, ssd->cfg, 2); /* as in configuration space */
	memcpy(&id->ssvid, ssd->cfg + 0x2c, 2);
	pad(id->sn, cfg->sn, sizeof(id->sn));
	pad(id->mn, cfg->mn, sizeof(id->mn));
	memcpy(id->fr, ssd->sub->fw.fr, sizeof(id->fr));
	for (int i = 0; i < 3; i++)
		id->ieee[i] = (uint8_t)(cfg->profile.oui >> 8 * i);
	id->cntlid = le16_from(ssd->cntlid);
	id->ver = le32_from(SSD_VS);
	id->cntrltype = NVME_CNTRLTYPE_IO;
	id->nvmsr = (uint8_t)NVME_NVMSR_NVMESD;
	id->vwci = (uint8_t)(NVME_VWCI_VWCRV | nvme_put(NVME_VWCI_VWCR, ssd->sub->vpd.left));
	if (ssd_nr_ctrlrs(ssd->sub) > 1)
		id->cmic = (uint8_t)(NVME_CMIC_MPORTS | NVME_CMIC_MCTRS);
	if (ssd->sub->cfg.virt && !ssd_virt_primary(ssd))
		id->cmic |= (uint8_t)NVME_CMIC_FT;
	subnqn(ssd->sub->cfg.sn, id->subnqn, sizeof(id->subnqn));
}

static void
admin_caps(struct ssd *ssd, struct nvme_id_ctrl *id)
{
	id->rab = SSD_RAB;
	id->mdts = ssd->sub->cfg.mdts;
	id->oaes = le32_from(SSD_OAES_AEC | (ssd_zns_there(ssd->sub) ? (uint32_t)NVME_OAES_ZDCN : 0));
	if (ssd_fdp_there(ssd->sub))
		id->oaes = le32_from(le32_get(id->oaes) | (uint32_t)NVME_OAES_EGEALPCN);
	id->oacs = le16_from((uint16_t)(NVME_OACS_SSRS | NVME_OACS_FNVMS | NVME_OACS_FWDS | NVME_OACS_NMS |
					NVME_OACS_DSTS | NVME_OACS_DIRS | NVME_OACS_NSRS | NVME_OACS_DBCS));
	if (ssd_virt_primary(ssd))
		id->oacs = le16_from(le16_get(id->oacs) | (uint16_t)NVME_OACS_VMS);
	id->bpcap = SSD_BPCAP;
	id->acl = SSD_ACL;
	id->aerl = (uint8_t)(ssd->sub->cfg.profile.aers - 1);
	id->frmw = (uint8_t)(NVME_FRMW_FFSRO | NVME_FRMW_FAWR | nvme_put(NVME_FRMW_NOFS, SSD_FW_SLOTS));
	id->fwug = SSD_FW_UNIT / 4096;
	id->mtfa = le16_from(SSD_FW_MTFA);
	id->lpa = (uint8_t)(NVME_LPA_CSES | NVME_LPA_LPEDS | NVME_LPA_TS | NVME_LPA_PES | NVME_LPA_MLPS);
	id->pels = le32_from(SSD_PEL_MAX >> 16);
	id->elpe = SSD_ERROR_ENTRIES - 1;
	id->wctemp = le16_from(ssd_wctemp(ssd->sub));
	id->cctemp = le16_from(ssd_cctemp(ssd->sub));
	id->kas = le16_from(1);
	id->hmpre = le32_from(SSD_HMPRE);
	id->hmmin = le32_from(SSD_HMMIN);
	id->hmminds = le32_from(SSD_HMMINDS);
	id->hmmaxd = le16_from(SSD_HMMAXD);
	id->edstt = le16_from(SSD_DST_EXTENDED_MS / 60000);
	id->dsto = (uint8_t)NVME_DSTO_SDSO;
	id->sanicap = le32_from(SSD_SANICAP);
	id->tnvmcap[0] = le64_from(ssd->sub->capacity);
	id->unvmcap[0] = le64_from(ssd_ns_unallocated(ssd->sub));
	ssd_id_psds(id);
	id->apsta = (uint8_t)NVME_APSTA_APSTS;
	id->hctma = le16_from((uint16_t)NVME_HCTMA_HCTMS);
	id->mntmt = le16_from(SSD_MNTMT);
	id->mxtmt = le16_from(SSD_MXTMT);
	id->rtd3r = le32_from(SSD_RTD3R_US);
	id->rtd3e = le32_from(SSD_RTD3E_US);
}

static void
nvm_caps(struct ssd *ssd, struct nvme_id_ctrl *id)
{
	id->sqes = 0x66;
	id->cqes = 0x44;
	id->nn = le32_from(ssd_nn(ssd->sub));
	id->oncs = le16_from(ssd_oncs_left(
		ssd->sub, (uint16_t)(NVME_ONCS_NVMCMPS | NVME_ONCS_NVMWUSV | NVME_ONCS_NVMDSMSV | NVME_ONCS_NVMWZSV |
				     NVME_ONCS_SSFS | NVME_ONCS_RESERVS | NVME_ONCS_TSS | NVME_ONCS_NVMVFYS |
				     NVME_ONCS_NVMCPYS | NVME_ONCS_NVMCSA | NVME_ONCS_NVMAFC)));
	id->fuses = le16_from(ssd_left_out(ssd->sub, NVME_OPC_COMPARE) ? 0 : (uint16_t)NVME_FUSES_FCWS);
	id->fna = SSD_FNA;
	id->vwc = (uint8_t)(NVME_VWC_VWCP | nvme_put(NVME_VWC_FB, NVME_VWC_FB_YES));
	id->awun = le16_from(0xffff); /* a command runs to its end before the next begins */
	id->awupf = le16_from((uint16_t)(ssd_atomic_nlb_of_all(ssd->sub) - 1));
	id->nwpc = (uint8_t)NVME_NWPC_NWPWPS;
	id->acwu = le16_from(SSD_ACWU);
	id->cdfs = le16_from((uint16_t)(NVME_CDFS_CDF(0) | NVME_CDFS_CDF(1)));
	id->sgls = le32_from(SSD_SGLS);
	id->ctratt = le32_from((uint32_t)(NVME_CTRATT_HIDS | NVME_CTRATT_ELBAS | NVME_CTRATT_NOPSPM));
	if (!ssd_fdp_there(ssd->sub))
		return;
	id->ctratt = le32_from(le32_get(id->ctratt) | (uint32_t)(NVME_CTRATT_EGS | NVME_CTRATT_FDPS));
	id->endgidmax = le16_from(SSD_ENDGID);
}

void
ssd_id_ctrl(struct ssd *ssd, void *buf)
{
	struct nvme_id_ctrl *id = buf;

	who(ssd, id);
	admin_caps(ssd, id);
	nvm_caps(ssd, id);
}

/* No limits besides MDTS: all 0h.  NVM Command Set 1.1 has VER for its own revision. */
void
ssd_id_ctrl_nvm(struct ssd *ssd, void *buf)
{
	struct nvme_id_ctrl_nvm *id = buf;

	(void)ssd;
	id->ver = le32_from(NVME_VERSION(1, 1, 0));
}

/* Identifiers from CDW10.CNTID on.  c->ns: of those that it is attached to. */
nvme_status
ssd_id_ctrl_list(struct ssd_cmd *c, void *buf)
{
	uint32_t from = nvme_get32(le32_get(c->sqe->cdw10), NVME_IDENTIFY_CNTID), n = 0;
	struct nvme_ctrl_list *list = buf;

	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (c->ssd->sub->ctrlr[i] && i + 1 >= from && (!c->ns || (c->ns->attached >> i & 1)))
			list->cntlid[n++] = le16_from((uint16_t)(i + 1));
	}
	list->num = le16_from((uint16_t)n);
	return NVME_SC_SUCCESS;
}

/* One combination: the NVM command set and zones.  Only where CAP.CSS announces that there is something to combine. */
nvme_status
ssd_id_iocs(struct ssd_cmd *c, void *buf)
{
	uint32_t cntid = nvme_get32(le32_get(c->sqe->cdw10), NVME_IDENTIFY_CNTID);
	struct nvme_iocs *iocs = buf;

	if (!nvme_get(c->ssd->cap, NVME_CAP_CSS_IOCSS))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw10));
	if (cntid != NVME_CNTLID_ALL && (!cntid || cntid > SSD_MAX_CTRLRS || !c->ssd->sub->ctrlr[cntid - 1]))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw10) + 2);
	iocs->iocsc[0] = le64_from(NVME_IOCSC_CSI(NVME_CSI_NVM) |
				   (ssd_zns_there(c->ssd->sub) ? NVME_IOCSC_CSI(NVME_CSI_ZNS) : 0));
	return NVME_SC_SUCCESS;
}
