/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Persistent Event log: events in a buffer of fixed size, in which the oldest make room for new ones.  A host reads a copy that
 * was made when it established its context.
 *
 * NVMe Base 2.1, "Persistent Event Log".
 */
#pragma once
#include "nvproof/spec/feat.h"
#include "nvproof/spec/pel.h"
#include "ssd/ssd_int.h"

#define SSD_PEL_MAX (64u << 10) /* of the whole log; Identify's PELS: 1h */

/* pel.c.  ssd: who it is about, NULL: no controller in particular. */
void ssd_pel_add(struct ssd_subsys *sub, const struct ssd *ssd, enum nvme_pel_type type, const void *data, size_t len);
nvme_status ssd_log_pel_check(struct ssd_cmd *c);
void ssd_log_pel(struct ssd *ssd, void *buf);
bool ssd_pel_kept_ok(const struct ssd_subsys *sub);

/* pel_events.c */
uint64_t ssd_pel_tick(struct ssd *ssd);
void ssd_pel_reset(struct ssd *ssd); /* a Controller Level Reset */
void ssd_pel_power_on(struct ssd_subsys *sub, bool unsafe); /* unsafe: the power went without a shutdown */
void ssd_pel_hw_error(struct ssd *ssd, enum nvme_pel_hw_error_code code);
void ssd_pel_fw_commit(struct ssd_cmd *c, const char old[8], const char new[8], nvme_status st);
void ssd_pel_timestamp(struct ssd *ssd, const struct nvme_timestamp *old);
void ssd_pel_format_start(struct ssd_cmd *c, uint8_t fna);
void ssd_pel_format_done(struct ssd_cmd *c, nvme_status st);
void ssd_pel_sanitize_start(struct ssd *ssd, uint32_t cdw10, uint32_t cdw11);
void
ssd_pel_sanitize_done(struct ssd_subsys *sub, const struct ssd *ssd); /* ssd: whose command it was; NULL: it is gone */
void ssd_pel_temperature(struct ssd_subsys *sub, uint16_t was); /* it is sub->temperature_k now */
void ssd_pel_ns_change(struct ssd_cmd *c, const struct ssd_ns *ns); /* created; or about to be deleted */
