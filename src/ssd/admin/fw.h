/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Firmware: what was downloaded (fw_load.c), the slots, and which of them runs (fw.c).  ssd/fw.h has the image's format.
 *
 * NVMe Base 2.1, "Firmware Update Process", "Firmware Image Download command", "Firmware Commit command".
 */
#pragma once
#include "ssd/fw.h"
#include "ssd/ssd_int.h"

#define SSD_FW_UNIT 4096u /* Identify's FWUG: 1h */
#define SSD_FW_PAUSE_NS 50000000ull /* to activate without a reset; MTFA says 100 ms */
#define SSD_FW_MTFA 1u

nvme_status ssd_adm_fw_download(struct ssd_cmd *c);
nvme_status ssd_adm_fw_commit(struct ssd_cmd *c);
void ssd_log_fw_slot(struct ssd *ssd, void *buf);
uint64_t ssd_fw_tick(struct ssd *ssd);

void ssd_fw_init(struct ssd_subsys *sub);
bool ssd_fw_kept_ok(const struct ssd_subsys *sub);

/* What kind of reset: it may activate the image that waits for one. */
enum ssd_fw_reset {
	SSD_FW_RESET_CTRLR, /* Controller Reset, Function Level Reset */
	SSD_FW_RESET_NSS, /* NVM Subsystem Reset */
	SSD_FW_RESET_POWER,
};
void ssd_fw_reset(struct ssd_subsys *sub, enum ssd_fw_reset kind);

/* fw_load.c: the image that this controller's host downloaded piece by piece. */
uint32_t ssd_fw_loaded(const struct ssd *ssd); /* bytes from the start without a hole; 0: none, or with holes */
bool ssd_fw_load_any(const struct ssd *ssd);
void ssd_fw_load_drop(struct ssd *ssd);
bool ssd_fw_image_ok(const struct ssd *ssd, struct ssd_fw_slot *out);
