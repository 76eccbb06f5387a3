/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device Self-test: one operation at a time in the subsystem (DSTO.SDSO), whose progress is virtual time.
 *
 * NVMe Base 2.1, "Device Self-test command", "Device Self-test Operations".
 */
#pragma once
#include "ssd/ssd_int.h"

#define SSD_DST_SHORT_MS 6000u
#define SSD_DST_EXTENDED_MS 60000u /* EDSTT: a minute */

nvme_status ssd_adm_dst(struct ssd_cmd *c);
void ssd_log_dst(struct ssd *ssd, void *buf);
uint64_t ssd_dst_tick(struct ssd *ssd);

void ssd_dst_init(struct ssd_subsys *sub);
/* Whether what an image kept can be used. */
bool ssd_dst_kept_ok(const struct ssd_subsys *sub);
/* A Controller Level Reset of this controller ends its short test; an extended one goes on. */
void ssd_dst_reset(struct ssd *ssd);
/* The power goes: an extended test goes on where it was. */
void ssd_dst_pause(struct ssd_subsys *sub);

/* What others do ends a test of the same namespaces: NVME_DSTS_ABORT_FORMAT, _NS_REMOVED.  nsid may be FFFFFFFFh. */
void ssd_dst_abort_ns(struct ssd_subsys *sub, uint32_t nsid, uint8_t why);
/* A sanitize operation ends every test: NVME_DSTS_ABORT_SANITIZE. */
void ssd_dst_abort(struct ssd_subsys *sub, uint8_t why);
