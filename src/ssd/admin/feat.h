/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Features: one line of a table each.  A feature is a dword of struct ssd_feat (most of them), or has functions of its
 * own.
 *
 * NVMe Base 2.1, "Feature Values", "Get Features command", "Set Features command".
 */
#pragma once
#include "nvproof/spec/feat.h"
#include "ssd/ssd_int.h"

#define SSD_FEAT_CDW11 offsetof(struct nvme_sqe, cdw11)

struct ssd_feature {
	bool supported;
	bool saveable, ns_specific, fixed; /* fixed: not changeable */
	bool one_ns; /* Get with NSID FFFFFFFFh is Invalid Field in Command */
	uint32_t scope; /* NVME_SCOPE_*, for the log */
	/*
	 * A dword: where in struct ssd_feat and, if saveable, in struct ssd_feat_saved; which bits exist; its default.
	 */
	uint16_t off, saved_off;
	uint32_t mask, def;
	/* More than a dword.  check: of CDW11, before anything changes.  done: after a dword changed. */
	nvme_status (*check)(struct ssd_cmd *c, uint32_t cdw11);
	void (*done)(struct ssd *ssd);
	nvme_status (*set)(struct ssd_cmd *c, uint32_t cdw11, bool save);
	nvme_status (*get)(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel); /* sets c->dw0 */
};

extern const struct ssd_feature ssd_features[256]; /* feat_table.c */

/* Whether this controller has it. */
bool ssd_feature_there(const struct ssd *ssd, uint32_t fid);

static inline struct ssd_feat_saved *
ssd_feat_saved(struct ssd *ssd)
{
	return &ssd->sub->saved[ssd->cntlid - 1];
}

/* Saved members are dwords; member n has bit n - 1 of `set`. */
static inline uint32_t
ssd_saved_bit(size_t off)
{
	return 1u << (off / sizeof(uint32_t) - 1);
}

/* feat_temp.c */
nvme_status ssd_feat_temp_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_temp_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);
void ssd_feat_temp_reset(struct ssd *ssd);
uint16_t ssd_sensor_k(const struct ssd_subsys *sub, uint32_t sensor); /* 0: composite */
/* The critical warning byte of SMART, as far as temperature goes; minutes in WCTT and CCTT. */
uint8_t ssd_temp_warning(const struct ssd *ssd);
void ssd_temp_minutes(const struct ssd_subsys *sub, uint32_t *wctt, uint32_t *cctt);

/* feat_ctrl.c */
uint32_t ssd_feat_queues_max(const struct ssd *ssd); /* as DW0 of the answer: all queues there are */
nvme_status ssd_feat_queues_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_queues_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);
nvme_status ssd_feat_vector_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_vector_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);
void ssd_feat_recovery_reset(struct ssd *ssd);
nvme_status ssd_feat_recovery_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_recovery_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);
nvme_status ssd_feat_profile_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_profile_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);

/* feat_data.c: with a data structure */
void ssd_timestamp(const struct ssd *ssd, struct nvme_timestamp *ts); /* as Get Features returns it */
nvme_status ssd_feat_timestamp_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_timestamp_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);
nvme_status ssd_feat_behavior_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_behavior_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);

/* feat_wp.c */
nvme_status ssd_feat_wp_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_wp_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);

/* feat_resv.c */
nvme_status ssd_feat_host_id_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_host_id_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);
nvme_status ssd_feat_resv_mask_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_resv_mask_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);
nvme_status ssd_feat_resv_persist_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_resv_persist_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);
