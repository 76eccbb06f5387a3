/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a controller: enable and ready, shutdown, the kinds of reset, fatal errors, and the step that drives it all.
 *
 * What a reset leaves:	a controller reset (CC.EN 1 to 0)	AQA, ASQ, ACQ, CMBMSC and configuration space
 *			a function reset			nothing
 *			an NVM subsystem reset			nothing, of any controller; CSTS.NSSRO tells of it
 *
 * NVMe Base, "Controller Initialization", "Controller Shutdown", "Resets", "Controller Properties".
 */
#include "ssd/cmb.h"
#include "ssd/core.h"
#include "ssd/fault/fault.h"
#include "ssd/media/flash.h"
#include "ssd/admin/admin.h"
#include "ssd/admin/boot.h"
#include "ssd/admin/dst.h"
#include "ssd/admin/fw.h"
#include "ssd/admin/hmb.h"
#include "ssd/admin/mi.h"
#include "ssd/admin/pel.h"
#include "ssd/admin/pstate.h"
#include "ssd/admin/virt.h"
#include "ssd/zns/zns.h"
#include "ssd/nvm/resv.h"
#include "ssd/nvm/streams.h"
#include "ssd/admin/telemetry.h"
#include "util/alloc.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t
cap_of(const struct ssd_config *cfg)
{
	return nvme_put(NVME_CAP_MQES, cfg->mqes) | nvme_put(NVME_CAP_TO, SSD_CAP_TO) |
	       nvme_put(NVME_CAP_DSTRD, SSD_DSTRD) | NVME_CAP_NSSRS | NVME_CAP_AMS_WRR | NVME_CAP_CSS_NVM |
	       NVME_CAP_BPS | NVME_CAP_CRMS_CRWMS | nvme_put(NVME_CAP_CMBS, cfg->cmb_size != 0) |
	       nvme_put(NVME_CAP_CSS_IOCSS, cfg->profile.set == SSD_PROFILE_ZONED);
}

/* A secondary controller that is offline cannot be enabled. */
static uint32_t
csts_at_reset(const struct ssd *ssd)
{
	return ssd_virt_offline(ssd) ? (uint32_t)NVME_CSTS_CFS : 0;
}

void
ssd_ctrlr_reset(struct ssd *ssd)
{
	ssd->csts = (ssd->csts & (uint32_t)NVME_CSTS_NSSRO) | csts_at_reset(ssd);
	ssd->stopped = true;
	ssd->shutting = false;
	ssd->ready_ns = SSD_NEVER;
	ssd->kato_due = 0;
	ssd->intm = 0;
	memset(ssd->pba, 0, sizeof(ssd->pba));
	ssd_aer_reset(ssd);
	ssd_queues_reset(ssd);
	ssd_streams_reset(ssd);
	ssd_virt_reset(ssd);
	ssd_features_reset(ssd);
	ssd_dst_reset(ssd);
	ssd_fw_load_drop(ssd);
	ssd_boot_reset(ssd);
	ssd->hold = 0;
	ssd->nr_later = 0;
	ssd->nr_delayed = 0;
	ssd_pstate_reset(ssd);
	ssd_resv_ctrlr_reset(ssd);
	ssd_hmb_reset(ssd);
	ssd->pel_len = 0;
	ssd->reset_ns = ssd->now_ns;
	ssd->timers_ns = 0; /* whatever was armed for what is gone now */
}

static void
registers_reset(struct ssd *ssd)
{
	ssd_ctrlr_reset(ssd);
	ssd->cc = ssd->aqa = 0;
	ssd->csts = csts_at_reset(ssd);
	ssd->asq = ssd->acq = 0;
}

void
ssd_function_reset(struct ssd *ssd)
{
	if (!ssd->sub->powered)
		return;
	ssd_fw_reset(ssd->sub, SSD_FW_RESET_CTRLR);
	registers_reset(ssd);
	ssd_msix_reset(ssd);
	ssd_cfg_reset(ssd);
	ssd_tlb_clear(ssd);
	ssd_cmb_reset(ssd);
	ssd_pel_reset(ssd);
}

void
ssd_power_reset(struct ssd *ssd)
{
	registers_reset(ssd);
	ssd_msix_reset(ssd);
	ssd_cfg_reset(ssd);
	ssd_tlb_clear(ssd);
	ssd_cmb_lose(ssd);
	ssd_hmb_forget(ssd);
	memset(ssd->errors, 0, sizeof(ssd->errors));
	memset(ssd->changed_ns, 0, sizeof(ssd->changed_ns));
	memset(&ssd->telemetry, 0, sizeof(ssd->telemetry));
	ssd->telemetry_gen = 0;
	ssd->pel_smart_ns = 0;
	ssd->clean = true;
	ssd_mi_forget(ssd);
}

void
ssd_nssr(struct ssd_subsys *sub)
{
	ssd_fw_reset(sub, SSD_FW_RESET_NSS);
	ssd_zns_subsys_reset(sub);
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (!sub->ctrlr[i])
			continue;
		ssd_function_reset(sub->ctrlr[i]);
		sub->ctrlr[i]->csts |= (uint32_t)NVME_CSTS_NSSRO;
	}
	ssd_mi_look(sub);
}

void
ssd_fatal(struct ssd *ssd)
{
	if (ssd->csts & NVME_CSTS_CFS)
		return;
	ssd->csts |= (uint32_t)NVME_CSTS_CFS;
	ssd->stopped = true;
	ssd_pel_hw_error(ssd, NVME_PEL_HW_FATAL);
	ssd_telemetry_capture(ssd, "controller fatal status");
}

static bool
css_valid(const struct ssd *ssd)
{
	uint64_t css = nvme_get(ssd->cc, NVME_CC_CSS);

	return css == NVME_CC_CSS_NVM || (css == NVME_CC_CSS_IOCSS && nvme_get(ssd->cap, NVME_CAP_CSS_IOCSS));
}

/* IOSQES and IOCQES may be 0 until there are I/O queues: the host reads what they have to be from Identify. */
static bool
cc_valid(const struct ssd *ssd)
{
	uint64_t sqes = nvme_get(ssd->cc, NVME_CC_IOSQES), cqes = nvme_get(ssd->cc, NVME_CC_IOCQES);
	uint64_t ams = nvme_get(ssd->cc, NVME_CC_AMS);

	return css_valid(ssd) && nvme_get(ssd->cc, NVME_CC_MPS) == 0 &&
	       (ams == NVME_CC_AMS_RR || ams == NVME_CC_AMS_WRR) && (!sqes || sqes == 6) && (!cqes || cqes == 4);
}

/* Sizes are 0's based, and two entries is the least.  A base of 0 was never written. */
static bool
admin_queues_valid(const struct ssd *ssd)
{
	return nvme_get(ssd->aqa, NVME_AQA_ASQS) && nvme_get(ssd->aqa, NVME_AQA_ACQS) && (ssd->asq || ssd->acq) &&
	       ssd->asq != ssd->acq;
}

static void
admin_queues_create(struct ssd *ssd)
{
	const struct ssd_queue_attr cq = {
		.pc = true,
		.ien = true,
		.base = ssd->acq,
		.size = nvme_get32(ssd->aqa, NVME_AQA_ACQS) + 1,
	};
	const struct ssd_queue_attr sq = {
		.pc = true,
		.base = ssd->asq,
		.size = nvme_get32(ssd->aqa, NVME_AQA_ASQS) + 1,
	};

	ssd_cq_create(ssd, &cq);
	ssd_sq_create(ssd, &sq, &ssd->cq[0]);
}

static void
enable(struct ssd *ssd)
{
	ssd->shutting = false;
	if (ssd_virt_offline(ssd))
		return;
	ssd->csts &= (uint32_t)NVME_CSTS_NSSRO;
	if (!cc_valid(ssd) || !admin_queues_valid(ssd)) {
		ssd_fatal(ssd);
		return;
	}
	ssd->clean = false;
	ssd->ready_ns = ssd->now_ns + SSD_READY_NS;
}

static void
shutdown(struct ssd *ssd)
{
	if (ssd->shutting || nvme_get(ssd->csts, NVME_CSTS_SHST))
		return;
	ssd->csts |= nvme_put32(NVME_CSTS_SHST, NVME_CSTS_SHST_OCCURRING);
	ssd->shutting = true;
	ssd->stopped = true;
	ssd->sub->media->ops->flush(ssd->sub->media);
	ssd->shut_ns = UT_MAX(ssd->now_ns, ssd->sub->io_due_ns);
	ssd->sub->io_due_ns = 0;
}

/* While it is enabled, a host may only change SHN and the entry sizes; the rest stays as it was. */
void
ssd_cc_write(struct ssd *ssd, uint32_t cc)
{
	const uint32_t live = (uint32_t)(NVME_CC_EN | NVME_CC_SHN | NVME_CC_IOSQES | NVME_CC_IOCQES);
	bool was = nvme_get(ssd->cc, NVME_CC_EN), is = nvme_get(cc, NVME_CC_EN);

	cc &= (uint32_t)(NVME_CC_EN | NVME_CC_CSS | NVME_CC_MPS | NVME_CC_AMS | NVME_CC_SHN | NVME_CC_IOSQES |
			 NVME_CC_IOCQES);
	if (was != is)
		ssd_mi_happened(ssd, NVME_MI_CCS_CECO);
	ssd->cc = was && is ? (ssd->cc & ~live) | (cc & live) : cc;
	if (was && !is) {
		ssd_fw_reset(ssd->sub, SSD_FW_RESET_CTRLR);
		ssd_ctrlr_reset(ssd);
		ssd_pel_reset(ssd);
	} else if (!was && is)
		enable(ssd);
	if (nvme_get(cc, NVME_CC_SHN))
		shutdown(ssd);
}

static void
shutdown_finish(struct ssd *ssd)
{
	struct ssd_subsys *sub = ssd->sub;

	ssd->shutting = false;
	ssd->clean = true;
	ssd_flash_reached(sub->media, ssd->now_ns);
	ssd_persist_save(sub);
	ssd->csts &= ~(uint32_t)NVME_CSTS_SHST;
	ssd->csts |= nvme_put32(NVME_CSTS_SHST, NVME_CSTS_SHST_COMPLETE);
	ssd->busy = true;
}

void
ssd_ctrlr_tick(struct ssd *ssd)
{
	if (ssd_unlikely(ssd->shutting && ssd->now_ns >= ssd->shut_ns))
		shutdown_finish(ssd);
	if (ssd_likely(ssd->now_ns < ssd->ready_ns))
		return;
	ssd->ready_ns = ssd->sub->media_ready_ns;
	if (ssd->now_ns < ssd->ready_ns)
		return;
	ssd->ready_ns = SSD_NEVER;
	ssd->csts |= (uint32_t)NVME_CSTS_RDY;
	ssd->busy = true;
	if (nvme_get(ssd->csts, NVME_CSTS_SHST) || nvme_get(ssd->csts, NVME_CSTS_CFS))
		return;
	admin_queues_create(ssd);
	ssd->stopped = false;
	ssd->timers_ns = 0;
	ssd_kato_restart(ssd);
	ssd_temp_check(ssd); /* a warning that is there already is news to this host */
	ssd_telemetry_ready(ssd);
	ssd_mi_look(ssd->sub);
}

uint64_t
ssd_ctrlr_due(const struct ssd *ssd)
{
	uint64_t due = UT_MIN(ssd->ready_ns, ssd->timers_ns);

	if (ssd->busy)
		return ssd->now_ns;
	if (ssd->shutting)
		due = UT_MIN(due, ssd->shut_ns);
	if (ssd->kato_due && !ssd->stopped)
		due = UT_MIN(due, ssd->kato_due);
	return due;
}

/* An I/O command is outstanding until its CQE is posted. */
static bool
late_io(const struct ssd *ssd)
{
	for (uint32_t i = 0; i < ssd->nr_late; i++) {
		if (ssd->late[i].sqid)
			return true;
	}
	return ssd->nr_delayed != 0;
}

/* The keep alive timer is looked at after the queues: a command that is there already counts, however late the step is. */
static void
run(struct ssd *ssd)
{
	uint64_t admin = ssd->sub->stats.cmds_admin;
	uint32_t done;

	if (ssd_unlikely(ssd->dbbuf.on))
		ssd_dbbuf_read(ssd);
	if (ssd_unlikely(ssd->nr_late))
		ssd_cq_late(ssd);
	ssd->io_waits = false;
	done = ssd_arb_run(ssd);
	if (done > ssd->sub->stats.cmds_admin - admin || ssd->io_waits || ssd_unlikely(late_io(ssd))) {
		ssd->sub->io_busy |= 1u << (ssd->cntlid - 1);
		ssd_pstate_io(ssd);
	}
	if (ssd_unlikely(ssd->io_held))
		ssd_pstate_wake(ssd);
	if (done)
		ssd->busy = true;
	else if (!ssd->stopped)
		ssd_db_scan(ssd);
	if (ssd_unlikely(ssd->sub->media->warning & ~ssd->sub->media->warned))
		ssd_media_warn(ssd->sub);
	if (ssd_unlikely(ssd->nr_aer_events) && ssd_aer_deliver(ssd))
		ssd->busy = true;
}

/*
 * Controller Busy Time: what lies between a step that had I/O commands and the next one.  Whoever drives the model steps it
 * again at once while it is busy, so that this is the time that the commands took.
 */
static void
count_time(struct ssd_subsys *sub, uint64_t now_ns)
{
	if (sub->stepped && now_ns > sub->last_ns) {
		sub->smart.power_on_ns += now_ns - sub->last_ns;
		if (sub->io_busy)
			sub->smart.busy_ns += now_ns - sub->last_ns;
	}
	if (!sub->stepped) {
		sub->media_ready_ns = now_ns + sub->recovery_ns;
		ssd_flash_clock(sub->media, now_ns);
	}
	if (!sub->stepped || now_ns > sub->last_ns)
		sub->last_ns = now_ns;
	sub->stepped = true;
}

uint64_t
ssd_step(struct ssd *ssd, uint64_t now_ns)
{
	ssd->busy = false;
	if (now_ns > ssd->now_ns)
		ssd->now_ns = now_ns;
	if (ssd_unlikely(!ssd->sub->powered))
		return SSD_NEVER;
	count_time(ssd->sub, now_ns);
	ssd->sub->io_busy &= ~(1u << (ssd->cntlid - 1));
	ssd_ctrlr_tick(ssd);
	if (ssd_unlikely(ssd->now_ns >= ssd->timers_ns))
		ssd_timers_run(ssd);
	if (ssd_likely(!ssd->stopped && ssd->dma_ok))
		run(ssd);
	if (ssd_unlikely(ssd->kato_due))
		ssd_kato_check(ssd);
	ssd_irq_flush(ssd);
	return ssd_ctrlr_due(ssd);
}

bool
ssd_was_busy(const struct ssd *ssd)
{
	return ssd->busy;
}

void
ssd_port_changed(struct ssd *ssd)
{
	ssd_queues_remap(ssd);
}

void *
ssd_doorbells(struct ssd *ssd)
{
	return ssd->db;
}

static int
buffers_open(struct ssd *ssd, void *doorbells)
{
	ssd->queue_pages = ut_calloc((size_t)SSD_MAX_QUEUES * (SSD_SQ_PAGES + SSD_CQ_PAGES), sizeof(uint64_t));
	ssd->bounce = ut_calloc(1, SSD_BOUNCE);
	ssd->bounce2 = ut_calloc(1, SSD_BOUNCE);
	ssd->fw_load.buf = ut_calloc(1, SSD_FW_MAX);
	ssd->pel = ut_calloc(1, SSD_PEL_MAX);
	ssd->delayed = ut_calloc(SSD_MAX_DELAYED, sizeof(ssd->delayed[0]));
	if (!doorbells)
		doorbells = ssd->db_own = ut_calloc_aligned(SSD_PAGE, SSD_BAR_DB_SIZE);
	ssd->db = doorbells;
	if (ssd_cmb_open(ssd))
		return -ENOMEM;
	return ssd->queue_pages && ssd->bounce && ssd->bounce2 && ssd->fw_load.buf && ssd->pel && ssd->delayed &&
			       ssd->db
		       ? 0
		       : -ENOMEM;
}

static void
ctrlr_free(struct ssd *ssd)
{
	free(ssd->queue_pages);
	free(ssd->bounce);
	free(ssd->bounce2);
	free(ssd->fw_load.buf);
	free(ssd->pel);
	free(ssd->delayed);
	free(ssd->db_own);
	ssd_cmb_close(ssd);
	free(ssd);
}

int
ssd_ctrlr_open(struct ssd_subsys *sub, const struct ssd_port_ops *ops, void *port, void *doorbells, struct ssd **out)
{
	uint16_t slot = 0;
	struct ssd *ssd;

	while (slot < SSD_MAX_CTRLRS && sub->ctrlr[slot])
		slot++;
	if (slot == SSD_MAX_CTRLRS)
		return -ENOSPC;
	ssd = ut_calloc_aligned(64, sizeof(*ssd));
	if (!ssd)
		return -ENOMEM;
	*ssd = (struct ssd){ .sub = sub, .ops = ops, .port = port, .cntlid = (uint16_t)(slot + 1) };
	if (buffers_open(ssd, doorbells)) {
		ctrlr_free(ssd);
		return -ENOMEM;
	}
	ssd->cap = cap_of(&sub->cfg);
	ssd->nr_ioqs = sub->cfg.queues;
	ssd->nr_vectors = SSD_NR_VECTORS;
	ssd->now_ns = sub->last_ns;
	ssd->error_count = sub->smart.error_entries; /* "retained across power off conditions" */
	ssd->faulty = sub->faults && sub->faults->nr;
	sub->ctrlr[slot] = ssd;
	ssd_power_reset(ssd);
	ssd_sriov_count(sub);
	*out = ssd;
	return 0;
}

void
ssd_ctrlr_close(struct ssd *ssd)
{
	if (!ssd)
		return;
	ssd_dst_reset(ssd);
	ssd_streams_reset(ssd);
	ssd->sub->ctrlr[ssd->cntlid - 1] = NULL;
	ssd->sub->io_busy &= ~(1u << (ssd->cntlid - 1));
	ctrlr_free(ssd);
}
