/* SPDX-License-Identifier: BSD-3-Clause */
/* Logs of what there is, printed from the tables that run it: logs, commands, features. */
#include "ssd/admin/feat.h"
#include "ssd/admin/log.h"
#include "ssd/admin/pel.h"
#include "ssd/admin/telemetry.h"
#include "ssd/fdp/fdp.h"
#include "ssd/nvm/optional.h"
#include "ssd/zns/zns.h"

static uint32_t
lidsp(uint32_t lid)
{
	if (lid == NVME_LOG_TELEMETRY_HOST)
		return nvme_put32(NVME_LIDS_LIDSP, SSD_TELEMETRY_LIDSP);
	return lid == NVME_LOG_PEL ? nvme_put32(NVME_LIDS_LIDSP, NVME_PEL_LIDSP_ECRH) : 0;
}

void
ssd_log_supported(struct ssd *ssd, void *buf)
{
	struct nvme_supported_log_pages *log = buf;

	for (uint32_t lid = 0; lid < 256; lid++)
		log->lids[lid] = le32_from(ssd_log_there(ssd, lid) ? (uint32_t)NVME_LIDS_LSUPP | lidsp(lid) : 0);
}

/*
 * CSI is looked at where CC.CSS lets the host choose; zones are there with NVM.   NVMe Base 2.1, "Commands Supported and
 * Effects".
 */
nvme_status
ssd_log_effects_check(struct ssd_cmd *c)
{
	if (nvme_get(c->ssd->cc, NVME_CC_CSS) == NVME_CC_CSS_IOCSS && c->ssd->log_csi != NVME_CSI_NVM &&
	    !(c->ssd->log_csi == NVME_CSI_ZNS && ssd_zns_there(c->ssd->sub)))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw14) + 3);
	return NVME_SC_SUCCESS;
}

void
ssd_log_effects(struct ssd *ssd, void *buf)
{
	bool zones = ssd->log_csi == NVME_CSI_ZNS && nvme_get(ssd->cc, NVME_CC_CSS) == NVME_CC_CSS_IOCSS;
	const struct ssd_opcode *io = zones ? ssd_zns_opcodes : ssd_nvm_opcodes;
	struct nvme_effects_log *log = buf;
	bool fdp = ssd_fdp_there(ssd->sub);

	for (uint32_t opc = 0; opc < 256; opc++) {
		log->acs[opc] = le32_from(ssd_admin_there(ssd, opc) ? ssd_admin_opcodes[opc].effects : 0);
		if (ssd_left_out(ssd->sub, opc))
			continue; /* the buffer is zeroed */
		log->iocs[opc] = le32_from(io[opc].effects | (fdp ? ssd_fdp_opcodes[opc].effects : 0));
	}
}

void
ssd_log_fid_effects(struct ssd *ssd, void *buf)
{
	struct nvme_fid_effects_log *log = buf;

	for (uint32_t fid = 0; fid < 256; fid++) {
		if (ssd_feature_there(ssd, fid))
			log->fids[fid] = le32_from((uint32_t)NVME_FIDS_FSUPP |
						   nvme_put32(NVME_FIDS_FSP, ssd_features[fid].scope));
	}
}
