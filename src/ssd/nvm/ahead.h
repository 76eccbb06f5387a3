/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The copy of a random block is bound by the latency of the memory, not by its bandwidth: while one block is copied, the
 * lines of the next one are on their way.  Nothing depends on it, so a command that will fail may be prefetched for, too.
 */
#pragma once
#include "nvproof/spec/nvm.h"
#include "ssd/core.h"

#define SSD_LINE 64u
#define SSD_AHEAD \
	512u /* bytes: a stream has begun then, which the processor goes on with by itself; more of them slow down the copy */

static inline void
ssd_prefetch(const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += SSD_LINE)
		__builtin_prefetch(p + i, 0, 3);
}

/* The media that a Read or Write is about. */
static inline void
ssd_nvm_ahead(const struct ssd *ssd, const struct ssd_sq *sq, const struct nvme_sqe *sqe)
{
	const struct nvme_rw_cmd *cmd = (const void *)sqe;
	const struct ssd_media *m = ssd->sub->media;
	const struct ssd_ns *ns;
	uint64_t slba, bytes;

	if (!m->flat || !sq->id || (cmd->opc != NVME_OPC_READ && cmd->opc != NVME_OPC_WRITE))
		return;
	ns = ssd_ns_active(ssd, le32_get(cmd->nsid));
	slba = le64_get(cmd->slba);
	if (!ns || slba >= ns->nsze)
		return;
	bytes = UT_MIN((le16_get(cmd->nlb) + 1ull), ns->nsze - slba) << ns->lba_shift;
	ssd_prefetch(m->flat + ns->media_off + (slba << ns->lba_shift), (uint32_t)UT_MIN(bytes, SSD_AHEAD));
}
