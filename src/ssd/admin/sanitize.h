/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sanitize: the command and its log (sanitize.c), and the operation, which runs in virtual time and survives resets and power
 * cycles (sanitize_run.c).
 *
 * NVMe Base 2.1, "Sanitize command", "Sanitize Operations", "Sanitize Status" log.
 */
#pragma once
#include "ssd/ssd_int.h"

/* NODMMAS 01b: after an operation with No-Deallocate the media is not modified any more. */
#define SSD_SANICAP \
	((uint32_t)(NVME_SANICAP_CES | NVME_SANICAP_BES | NVME_SANICAP_OWS | nvme_put(NVME_SANICAP_NODMMAS, 1)))

nvme_status ssd_adm_sanitize(struct ssd_cmd *c);
void ssd_sanitize_log(const struct ssd_subsys *sub, struct nvme_sanitize_log *log);
void ssd_log_sanitize(struct ssd *ssd, void *buf);

/* What a command that is not allowed now ends with; success: all are. */
nvme_status ssd_sanitize_status(const struct ssd_subsys *sub);
bool ssd_sanitize_busy(const struct ssd_subsys *sub); /* an operation is in progress */
/* User data was written: Global Data Erased is over. */
void ssd_sanitize_written(struct ssd_subsys *sub);

/* sanitize_run.c */
void ssd_sanitize_start(struct ssd *by, uint32_t cdw10, uint32_t ovrpat);
uint64_t ssd_sanitize_tick(struct ssd *ssd);
uint64_t ssd_sanitize_total_ns(const struct ssd_subsys *sub, uint32_t cdw10);
uint64_t ssd_sanitize_done_ns(const struct ssd_subsys *sub); /* of that */
uint32_t ssd_sanitize_passes(uint32_t cdw10);

void ssd_sanitize_init(struct ssd_subsys *sub);
bool ssd_sanitize_kept_ok(const struct ssd_subsys *sub);
void ssd_sanitize_pause(struct ssd_subsys *sub); /* the power goes */
