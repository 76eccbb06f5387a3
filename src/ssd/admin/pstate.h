/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Power states, and the heat that may force the drive to go slower.  Latencies are virtual time: while a state is entered or
 * left I/O commands wait, and Set Features completes when the new state is there.
 *
 * NVMe Base 2.1, "Power Management"; features 02h, 0Ch, 10h and 11h.
 */
#pragma once
#include "ssd/ssd_int.h"

#define SSD_NPSS 4u /* 0's based: states 0 to 4, of which 3 and 4 are not operational */
#define SSD_RTD3R_US 500000u
#define SSD_RTD3E_US 500000u
#define SSD_MNTMT 313u /* what thermal management temperatures can be set to, in K */
#define SSD_MXTMT 358u

/* pstate.c */
void ssd_id_psds(struct nvme_id_ctrl *id);
bool ssd_pstate_operational(uint8_t ps);
void ssd_pstate_reset(struct ssd *ssd); /* after the features were reset */
void ssd_pstate_io(struct ssd *ssd); /* an I/O command was taken, or is outstanding: the drive is not idle */
void ssd_pstate_wake(struct ssd *ssd); /* an I/O command waits */
uint64_t ssd_pstate_tick(struct ssd *ssd);
/* Go to a state; when it is reached. */
uint64_t ssd_pstate_enter(struct ssd *ssd, uint8_t ps);
nvme_status ssd_feat_power_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_power_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);

/* apst.c: autonomous transitions, and what is saved of all these features */
uint64_t ssd_apst_tick(struct ssd *ssd);
void ssd_power_features_reset(struct ssd *ssd);
bool ssd_power_kept_ok(const struct ssd_subsys *sub);
nvme_status ssd_feat_apst_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_apst_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);
nvme_status ssd_feat_nopsc_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_nopsc_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);

/* heat.c: host controlled thermal management */
void ssd_heat_check(struct ssd *ssd); /* the temperature or a threshold changed */
void ssd_heat_off(struct ssd *ssd); /* the power goes: no time passes from now on */
void ssd_heat_io(struct ssd *ssd); /* I/O commands were served, and it is too warm */
uint64_t ssd_heat_tick(struct ssd *ssd);
uint64_t ssd_warm_tick(struct ssd *ssd); /* warm.c */
void ssd_heat_smart(const struct ssd *ssd, struct nvme_smart_log *log);
bool ssd_heat_kept_ok(const struct ssd_subsys *sub);
nvme_status ssd_feat_hctm_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_hctm_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);
