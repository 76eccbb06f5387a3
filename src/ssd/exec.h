/* SPDX-License-Identifier: BSD-3-Clause */
/* Between exec.c and fused.c: a command from its start to its completion. */
#pragma once
#include "ssd/core.h"

static inline void
ssd_cmd_init(struct ssd_cmd *c, struct ssd *ssd, struct ssd_sq *sq, const struct nvme_sqe *sqe)
{
	*c = (struct ssd_cmd){ .ssd = ssd, .sq = sq, .sqe = sqe, .err_byte = 0xffff, .segs = ssd->segs };
}

nvme_status ssd_cmd_run(struct ssd_cmd *c);
void ssd_cmd_complete(struct ssd_cmd *c, nvme_status sc);

/* fused.c: a command with FUSE set, or the one after a first half. */
void ssd_exec_fused(struct ssd *ssd, struct ssd_sq *sq, const struct nvme_sqe *sqe);
