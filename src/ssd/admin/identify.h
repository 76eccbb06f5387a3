/* SPDX-License-Identifier: BSD-3-Clause */
/* Between identify.c (which CNS, which namespace) and what fills the data structures. */
#pragma once
#include "ssd/ssd_int.h"

/* Warning and critical composite temperature, in K. */
static inline uint16_t
ssd_wctemp(const struct ssd_subsys *sub)
{
	return (uint16_t)(sub->cfg.profile.heat.warning_c + SSD_KELVIN);
}

static inline uint16_t
ssd_cctemp(const struct ssd_subsys *sub)
{
	return (uint16_t)(sub->cfg.profile.heat.critical_c + SSD_KELVIN);
}

/* Notices, the same bits in OAES and feature 0Bh: attached namespace attribute, firmware activation. */
#define SSD_OAES_AEC 0x300u
#define SSD_FNA ((uint8_t)NVME_FNA_CRYES) /* BCNSID is 0: NSID FFFFFFFFh is taken */
#define SSD_ACL 3u /* 0's based.  Aborts are done at once, so more would do no harm */
#define SSD_RAB 4u /* 2^4 commands: the default of the arbitration feature too */

/* How many controllers the subsystem has now. */
uint32_t ssd_nr_ctrlrs(const struct ssd_subsys *sub);

/* id_ctrl.c: 4,096 bytes each, zero on entry */
void ssd_id_ctrl(struct ssd *ssd, void *buf);
void ssd_id_ctrl_nvm(struct ssd *ssd, void *buf);
nvme_status ssd_id_ctrl_list(struct ssd_cmd *c, void *buf);
nvme_status ssd_id_iocs(struct ssd_cmd *c, void *buf);

/* id_ns.c; ns is never NULL */
void ssd_id_ns(struct ssd *ssd, struct ssd_ns *ns, void *buf);
void ssd_id_ns_nvm(struct ssd *ssd, struct ssd_ns *ns, void *buf);
void ssd_id_ns_ind(struct ssd *ssd, struct ssd_ns *ns, void *buf);
void ssd_id_ns_descs(struct ssd *ssd, struct ssd_ns *ns, void *buf);
