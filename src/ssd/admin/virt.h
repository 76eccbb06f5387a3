/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtualization enhancements, where the drive was started with them: the first controller is the primary one, and hands queue
 * and interrupt resources to the others, its secondary controllers, which are offline until it puts them online.
 */
#pragma once
#include "ssd/ssd_int.h"

#define SSD_VQPRT 64u /* private to the primary controller: queue pairs, the admin queue included; vectors */
#define SSD_VIPRT 64u
#define SSD_VFRT 64u /* flexible ones, of either kind */
#define SSD_VFRSM 64u /* the most that a secondary controller may have */

static inline bool
ssd_virt_primary(const struct ssd *ssd)
{
	return ssd->sub->cfg.virt && ssd->cntlid == 1;
}

static inline bool
ssd_virt_offline(const struct ssd *ssd)
{
	return ssd->sub->cfg.virt && ssd->cntlid != 1 && !ssd->sub->virt.sec[ssd->cntlid - 1].online;
}

/* Whether its virtual function is not there: neither configuration space nor registers answer. */
static inline bool
ssd_virt_absent(const struct ssd *ssd)
{
	return ssd->sub->cfg.virt && ssd->cntlid > ssd->sub->virt.vfs + 1;
}

/* Memory space of virtual functions has one enable for all of them. */
static inline bool
ssd_virt_memory(const struct ssd *ssd)
{
	return !ssd->sub->cfg.virt || ssd->cntlid == 1 || (!ssd_virt_absent(ssd) && ssd->sub->virt.vf_mse);
}

/* A controller level reset: of a primary one it puts all secondary ones offline.  What the controller has from then on. */
void ssd_virt_reset(struct ssd *ssd);
/* Put a secondary controller online (false: it lacks resources), or offline without any. */
bool ssd_virt_online(struct ssd_subsys *sub, uint32_t cntlid);
void ssd_virt_off(struct ssd_subsys *sub, uint32_t cntlid);
/* sriov.c: there is one more secondary controller. */
void ssd_sriov_count(struct ssd_subsys *sub);
/* Resources of a kind (NVME_VIRT_RT_*) that nobody but `cntlid` has. */
uint32_t ssd_virt_free(const struct ssd_subsys *sub, uint32_t rt, uint32_t cntlid);

nvme_status ssd_id_primary(struct ssd_cmd *c, void *buf); /* CNS 14h */
nvme_status ssd_id_secondary(struct ssd_cmd *c, void *buf); /* CNS 15h */
