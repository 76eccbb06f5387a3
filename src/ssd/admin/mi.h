/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NVMe Management Interface, in band: one function a command, listed in mi.c, which the NVMe-MI Commands Supported and Effects
 * log is printed from too.  There is no Management Endpoint (Identify's MEC is 0h).
 *
 * NVMe Management Interface Specification 1.2, "Management Interface Command Set".
 */
#pragma once
#include "nvproof/spec/mi.h"
#include "ssd/ssd_int.h"

nvme_status ssd_adm_mi_send(struct ssd_cmd *c);
nvme_status ssd_adm_mi_recv(struct ssd_cmd *c);
void ssd_log_mi_effects(struct ssd *ssd, void *buf);

static inline uint32_t
ssd_mi_nmd0(const struct ssd_cmd *c)
{
	return le32_get(c->sqe->cdw12);
}

static inline uint32_t
ssd_mi_nmd1(const struct ssd_cmd *c)
{
	return le32_get(c->sqe->cdw13);
}

/* The admin command succeeds, and its DW0 says that the tunneled one did not. */
nvme_status ssd_mi_fail(struct ssd_cmd *c, enum nvme_mi_status status);
nvme_status ssd_mi_bad(struct ssd_cmd *c, uint32_t byte); /* Invalid Parameter: this byte of the request message */

/* mi_data.c, mi_health.c, mi_vpd.c */
nvme_status ssd_mi_read_data(struct ssd_cmd *c);
nvme_status ssd_mi_subsys_health(struct ssd_cmd *c);
nvme_status ssd_mi_ctrlr_health(struct ssd_cmd *c);
nvme_status ssd_mi_config_get(struct ssd_cmd *c);
nvme_status ssd_mi_config_set(struct ssd_cmd *c);
nvme_status ssd_mi_vpd_read(struct ssd_cmd *c);
nvme_status ssd_mi_vpd_write(struct ssd_cmd *c);

/* mi_health.c: look at all controllers; what is different from the last look has changed. */
void ssd_mi_look(struct ssd_subsys *sub);
/* Something that a look cannot see: NVME_MI_CCS_CECO, NAC or FA. */
void ssd_mi_forget(struct ssd *ssd); /* from here on nothing of it has changed */
void ssd_mi_happened(struct ssd *ssd, uint32_t what);

/* mi_vpd.c */
void ssd_vpd_init(struct ssd_subsys *sub);
bool ssd_vpd_kept_ok(const struct ssd_subsys *sub);
