/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Boot partitions: two of SSD_BP_SIZE bytes, shared by all controllers of the subsystem.
 *
 * NVMe Base 2.2, "Boot Partitions".
 */
#pragma once
#include "ssd/ssd_int.h"

/* What CAP.BPS, BPCAP and the properties announce. */
#define SSD_BPCAP ((uint8_t)(NVME_BPCAP_SFBPWPS | nvme_put(NVME_BPCAP_RPMBBPWPS, NVME_BPCAP_RPMB_NO)))

void ssd_boot_init(struct ssd_subsys *sub);
bool ssd_boot_kept_ok(const struct ssd_subsys *sub);
void ssd_boot_power_on(struct ssd_subsys *sub); /* write protection begins anew */

/* Properties BPINFO, BPRSEL and BPMBL; they work while the controller is disabled too. */
uint32_t ssd_boot_reg_read(const struct ssd *ssd, uint32_t off);
void ssd_boot_reg_write(struct ssd *ssd, uint32_t off, uint32_t val, uint32_t mask);
void ssd_boot_reset(struct ssd *ssd);
uint64_t ssd_boot_tick(struct ssd *ssd);

/* Firmware Commit with an action that is about a boot partition. */
nvme_status ssd_boot_commit(struct ssd_cmd *c, uint8_t ca);
/* Get Log Page: part of the Boot Partition log, after ssd_data(). */
nvme_status ssd_log_boot(struct ssd_cmd *c, uint64_t off, uint64_t len);

nvme_status ssd_feat_bpwp_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_bpwp_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);
