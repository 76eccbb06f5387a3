/* SPDX-License-Identifier: BSD-3-Clause */
/* Get Log Page: which log, which part of it.   NVMe Base 2.1, "Get Log Page command". */
#include "ssd/admin/log.h"
#include "ssd/admin/admin.h"
#include "ssd/admin/boot.h"
#include "ssd/admin/dst.h"
#include "ssd/admin/fw.h"
#include "ssd/admin/mi.h"
#include "ssd/admin/sanitize.h"
#include "ssd/admin/pel.h"
#include "ssd/admin/telemetry.h"
#include "nvproof/spec/ocp.h"
#include "ssd/fdp/fdp.h"
#include "ssd/media/flash.h"
#include "ssd/media/media.h"
#include "ssd/nvm/resv.h"
#include "ssd/zns/zns.h"
#include <string.h>

#define CDW(n) offsetof(struct nvme_sqe, cdw##n)

const struct ssd_log ssd_logs[256] = {
	[NVME_LOG_SUPPORTED] = { .size = sizeof(struct nvme_supported_log_pages), .fill = ssd_log_supported },
	[NVME_LOG_ERROR] = { .size = SSD_ERROR_ENTRIES * sizeof(struct nvme_error_log_entry), .fill = ssd_log_error },
	[NVME_LOG_SMART] = { .size = sizeof(struct nvme_smart_log), .fill = ssd_log_smart },
	[NVME_LOG_FW_SLOT] = { .size = sizeof(struct nvme_fw_slot_log), .fill = ssd_log_fw_slot },
	[NVME_LOG_CHANGED_NS] = { .size = sizeof(struct nvme_ns_list),
				  .fill = ssd_log_changed_ns,
				  .read_done = ssd_log_changed_ns_read },
	[NVME_LOG_EFFECTS] = { .size = sizeof(struct nvme_effects_log),
			       .fill = ssd_log_effects,
			       .check = ssd_log_effects_check },
	[NVME_LOG_SELF_TEST] = { .size = sizeof(struct nvme_self_test_log), .fill = ssd_log_dst },
	[NVME_LOG_TELEMETRY_HOST] = { .size = sizeof(struct ssd_telemetry),
				      .fill = ssd_log_telemetry_host,
				      .check = ssd_log_telemetry_host_check },
	[NVME_LOG_TELEMETRY_CTRL] = { .size = sizeof(struct ssd_telemetry),
				      .fill = ssd_log_telemetry_ctrl,
				      .check = ssd_log_telemetry_ctrl_check,
				      .read_done = ssd_log_telemetry_ctrl_read },
	[NVME_LOG_PEL] = { .size = SSD_PEL_MAX, .fill = ssd_log_pel, .check = ssd_log_pel_check },
	[NVME_LOG_FID_EFFECTS] = { .size = sizeof(struct nvme_fid_effects_log), .fill = ssd_log_fid_effects },
	[NVME_LOG_MI_EFFECTS] = { .size = sizeof(struct nvme_mi_effects_log), .fill = ssd_log_mi_effects },
	[NVME_LOG_BOOT_PARTITION] = { .size = sizeof(struct nvme_boot_partition_log) + SSD_BP_SIZE,
				      .part = ssd_log_boot },
	[NVME_LOG_RESV] = { .size = sizeof(struct nvme_resv_log), .fill = ssd_log_resv, .taken = ssd_log_resv_taken },
	[NVME_LOG_ZNS_CHANGED] = { .size = sizeof(struct nvme_changed_zones_log),
				   .fill = ssd_log_changed_zones,
				   .check = ssd_log_changed_zones_check,
				   .read_done = ssd_log_changed_zones_read },
	[NVME_LOG_ENDGRP] = { .size = sizeof(struct nvme_endgrp_log),
			      .fdp = true,
			      .fill = ssd_log_endgrp,
			      .check = ssd_log_endgrp_check },
	[NVME_LOG_ENDGRP_AGG] = { .size = sizeof(struct nvme_endgrp_agg_log),
				  .fdp = true,
				  .fill = ssd_log_endgrp_agg,
				  .read_done = ssd_log_endgrp_agg_read },
	[NVME_LOG_FDP_CONFIGS] = { .size = sizeof(struct nvme_fdp_configs_log) + sizeof(struct nvme_fdp_config_desc) +
					   SSD_FDP_HANDLES * sizeof(struct nvme_fdp_ruh_desc),
				   .fdp = true,
				   .fill = ssd_log_fdp_configs,
				   .check = ssd_log_endgrp_check },
	[NVME_LOG_FDP_RUH_USAGE] = { .size = sizeof(struct nvme_fdp_ruhu_log) +
					     SSD_FDP_HANDLES * sizeof(struct nvme_fdp_ruhu_desc),
				     .fdp = true,
				     .fill = ssd_log_fdp_ruhu,
				     .check = ssd_log_fdp_check },
	[NVME_LOG_FDP_STATS] = { .size = sizeof(struct nvme_fdp_stats_log),
				 .fdp = true,
				 .fill = ssd_log_fdp_stats,
				 .check = ssd_log_fdp_check },
	[NVME_LOG_FDP_EVENTS] = { .size = sizeof(struct nvme_fdp_events_log),
				  .fdp = true,
				  .fill = ssd_log_fdp_events,
				  .check = ssd_log_fdp_check },
	[NVME_LOG_SANITIZE] = { .size = sizeof(struct nvme_sanitize_log), .fill = ssd_log_sanitize },
	[OCP_LOG_SMART] = { .size = sizeof(struct ocp_smart_log), .fill = ssd_log_ocp_smart },
};

bool
ssd_log_there(const struct ssd *ssd, uint32_t lid)
{
	if (lid == OCP_LOG_SMART)
		return ssd_flash_ftl(ssd->sub->media);
	return ssd_logs[lid].size && (!ssd_logs[lid].fdp || ssd_fdp_there(ssd->sub)) &&
	       (lid != NVME_LOG_ZNS_CHANGED || ssd_zns_there(ssd->sub));
}

struct part {
	uint64_t off, len; /* of the log, in bytes */
};

/* NUMD is 0's based.  An offset beyond the end is wrong; a length beyond it is not. */
static nvme_status
check_part(struct ssd_cmd *c, const struct ssd_log *log, struct part *p)
{
	const struct nvme_sqe *sqe = c->sqe;
	uint64_t numd =
		nvme_get(le32_get(sqe->cdw11), NVME_GLP_NUMDU) << 16 | nvme_get(le32_get(sqe->cdw10), NVME_GLP_NUMDL);

	p->len = (numd + 1) * 4;
	p->off = (uint64_t)le32_get(sqe->cdw13) << 32 | le32_get(sqe->cdw12);
	if (nvme_get(le32_get(sqe->cdw14), NVME_GLP_OT)) /* no log announces index offsets */
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW(14) + 2);
	if (p->off % 4 || p->off > log->size)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW(12));
	if (p->len > ssd_max_xfer(c->ssd->sub))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW(10) + 2);
	return NVME_SC_SUCCESS;
}

/* Only the changed zones are of a single namespace (LPA: SMARTS is 0). */
static nvme_status
check(struct ssd_cmd *c, const struct ssd_log *log, struct part *p)
{
	uint32_t nsid = le32_get(c->sqe->nsid);
	nvme_status st;

	if (!ssd_log_there(c->ssd, (uint32_t)(log - ssd_logs)))
		return ssd_fail(c, NVME_SC_INVALID_LOG_PAGE, CDW(10));
	if (nsid && nsid != NVME_NSID_ALL && log != &ssd_logs[NVME_LOG_ZNS_CHANGED])
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, nsid));
	st = check_part(c, log, p);
	return !st && log->check ? log->check(c) : st; /* the last, because it may do something */
}

/* What the host asks for beyond the end of the log is zeros. */
static nvme_status
send(struct ssd_cmd *c, const struct ssd_log *log, const struct part *p)
{
	uint64_t have = UT_MIN(p->len, log->size - p->off), done, n;
	nvme_status st = ssd_data(c, p->len);

	if (!st && have && log->part)
		st = log->part(c, p->off, have);
	else if (!st && have)
		st = ssd_to_host(c, 0, c->ssd->bounce + p->off, have);
	for (done = have; !st && done < p->len; done += n) {
		n = UT_MIN(p->len - done, SSD_ZEROS);
		st = ssd_to_host(c, done, ssd_zeros, n);
	}
	return st;
}

nvme_status
ssd_adm_get_log_page(struct ssd_cmd *c)
{
	uint32_t cdw10 = le32_get(c->sqe->cdw10);
	uint8_t lid = (uint8_t)nvme_get(cdw10, NVME_GLP_LID);
	const struct ssd_log *log = &ssd_logs[lid];
	struct part p = { 0, 0 };
	nvme_status st;

	c->ssd->log_nsid = le32_get(c->sqe->nsid);
	c->ssd->log_lsp = nvme_get32(cdw10, NVME_GLP_LSP);
	c->ssd->log_csi = nvme_get32(le32_get(c->sqe->cdw14), NVME_GLP_CSI);
	st = check(c, log, &p);
	if (st)
		return st == SSD_LOG_NO_DATA ? NVME_SC_SUCCESS : st;
	if (log->fill) {
		memset(c->ssd->bounce, 0, log->size);
		log->fill(c->ssd, c->ssd->bounce);
	}
	st = send(c, log, &p);
	if (!st && log->taken)
		log->taken(c->ssd);
	if (st || (cdw10 & NVME_GLP_RAE))
		return st;
	if (log->read_done)
		log->read_done(c->ssd);
	ssd_event_unmask(c->ssd, lid);
	return NVME_SC_SUCCESS;
}
