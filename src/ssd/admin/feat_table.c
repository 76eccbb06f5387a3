/* SPDX-License-Identifier: BSD-3-Clause */
/* Which features there are; the Feature Identifiers Supported and Effects log is printed from this table too. */
#include "ssd/admin/admin.h"
#include "ssd/admin/boot.h"
#include "ssd/admin/feat.h"
#include "ssd/admin/hmb.h"
#include "ssd/admin/identify.h"
#include "ssd/admin/pstate.h"
#include "ssd/core.h"
#include "ssd/fdp/fdp.h"

#define DWORD(m) .off = offsetof(struct ssd_feat, m)
#define SAVED(m) .saveable = true, .saved_off = offsetof(struct ssd_feat_saved, m)
#define CTRL .supported = true, .scope = NVME_SCOPE_CTRL
#define RESV .supported = true, .scope = NVME_SCOPE_NS, .ns_specific = true, .one_ns = true
#define BITS(b) ((uint32_t)(b))

/* SMART: spare, temperature, reliability, read only, volatile memory backup. */
#define AEC_BITS (0x1fu | SSD_OAES_AEC | (uint32_t)NVME_FEAT_AEC_TLN)

const struct ssd_feature ssd_features[256] = {
	[NVME_FEAT_ARBITRATION] = { CTRL, SAVED(arbitration), DWORD(arbitration), .def = SSD_RAB,
				    .mask = BITS(NVME_FEAT_ARB_AB | NVME_FEAT_ARB_LPW | NVME_FEAT_ARB_MPW |
						 NVME_FEAT_ARB_HPW) },
	[NVME_FEAT_POWER_MGMT] = { CTRL, SAVED(power), DWORD(power), .set = ssd_feat_power_set,
				   .get = ssd_feat_power_get, .mask = BITS(NVME_FEAT_PM_PS | NVME_FEAT_PM_WH) },
	[NVME_FEAT_TEMP_THRESH] = { CTRL, SAVED(temp_over), .set = ssd_feat_temp_set, .get = ssd_feat_temp_get },
	[NVME_FEAT_ERR_RECOVERY] = { .supported = true,
				     .scope = NVME_SCOPE_NS,
				     .ns_specific = true,
				     .set = ssd_feat_recovery_set,
				     .get = ssd_feat_recovery_get },
	[NVME_FEAT_VWC] = { CTRL, SAVED(vwc), DWORD(vwc), .mask = NVME_FEAT_VWC_WCE, .def = NVME_FEAT_VWC_WCE },
	[NVME_FEAT_NUM_QUEUES] = { CTRL, .set = ssd_feat_queues_set, .get = ssd_feat_queues_get },
	[NVME_FEAT_IRQ_COALESCE] = { CTRL, SAVED(int_coal), DWORD(int_coal),
				     .mask = BITS(NVME_FEAT_IC_THR | NVME_FEAT_IC_TIME), .done = ssd_coal_changed },
	[NVME_FEAT_IRQ_CONFIG] = { CTRL, .set = ssd_feat_vector_set, .get = ssd_feat_vector_get },
	[NVME_FEAT_WRITE_ATOMIC] = { CTRL, SAVED(write_atomic), DWORD(write_atomic), .mask = NVME_FEAT_WAN_DN },
	[NVME_FEAT_ASYNC_EVENT] = { CTRL, SAVED(aec), DWORD(aec), .mask = AEC_BITS, .def = AEC_BITS },
	[NVME_FEAT_APST] = { CTRL, .saveable = true, .set = ssd_feat_apst_set, .get = ssd_feat_apst_get },
	[NVME_FEAT_HCTM] = { CTRL, .saveable = true, .set = ssd_feat_hctm_set, .get = ssd_feat_hctm_get },
	[NVME_FEAT_NOPSC] = { CTRL, .saveable = true, .set = ssd_feat_nopsc_set, .get = ssd_feat_nopsc_get },
	[NVME_FEAT_HMB] = { CTRL, .set = ssd_feat_hmb_set, .get = ssd_feat_hmb_get },
	[NVME_FEAT_TIMESTAMP] = { CTRL, .set = ssd_feat_timestamp_set, .get = ssd_feat_timestamp_get },
	[NVME_FEAT_KATO] = { CTRL, DWORD(kato), .mask = ~0u, .done = ssd_kato_restart },
	[NVME_FEAT_HOST_BEHAVIOR] = { CTRL, .set = ssd_feat_behavior_set, .get = ssd_feat_behavior_get },
	[NVME_FEAT_IOCS_PROFILE] = { CTRL, .set = ssd_feat_profile_set, .get = ssd_feat_profile_get },
	[NVME_FEAT_HOST_ID] = { CTRL, .set = ssd_feat_host_id_set, .get = ssd_feat_host_id_get },
	[NVME_FEAT_RESV_NOTIFY] = { RESV, .set = ssd_feat_resv_mask_set, .get = ssd_feat_resv_mask_get },
	[NVME_FEAT_RESV_PERSIST] = { RESV, .set = ssd_feat_resv_persist_set, .get = ssd_feat_resv_persist_get },
	[NVME_FEAT_WRITE_PROTECT] = { .supported = true,
				      .scope = NVME_SCOPE_NS,
				      .ns_specific = true,
				      .set = ssd_feat_wp_set,
				      .get = ssd_feat_wp_get },
	[NVME_FEAT_BP_WRITE_PROTECT] = { .supported = true,
					 .scope = NVME_SCOPE_NSS,
					 .set = ssd_feat_bpwp_set,
					 .get = ssd_feat_bpwp_get },
	[NVME_FEAT_ENDGRP_EVENT] = { CTRL, .set = ssd_feat_endgrp_set, .get = ssd_feat_endgrp_get },
	[NVME_FEAT_FDP] = { .supported = true,
			    .scope = NVME_SCOPE_ENDGRP,
			    .set = ssd_feat_fdp_set,
			    .get = ssd_feat_fdp_get },
	[NVME_FEAT_FDP_EVENTS] = { RESV, .set = ssd_feat_fdp_events_set, .get = ssd_feat_fdp_events_get },
	[NVME_FEAT_SW_PROGRESS] = { CTRL, SAVED(sw_progress), DWORD(sw_progress), .mask = BITS(NVME_FEAT_SPM_PBSLC) },
};

/* The I/O Command Set Profile belongs to CC.CSS = 110b.   NVMe Base 2.1, "I/O Command Set Profile". */
bool
ssd_feature_there(const struct ssd *ssd, uint32_t fid)
{
	if (fid == NVME_FEAT_IOCS_PROFILE && !nvme_get(ssd->cap, NVME_CAP_CSS_IOCSS))
		return false;
	if ((fid == NVME_FEAT_FDP || fid == NVME_FEAT_FDP_EVENTS || fid == NVME_FEAT_ENDGRP_EVENT) &&
	    !ssd_fdp_there(ssd->sub))
		return false;
	return ssd_features[fid].supported;
}
