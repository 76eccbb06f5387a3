/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Error recovery: data that a simple read does not give takes efforts, and the host says how much of them it wants.
 *
 * NVMe Base, "Error Recovery" feature: Time Limited Error Recovery "applies to I/O commands that support the Limited Retry
 * bit", from when the recovery starts, and 0 is no limit.  NVM Command Set, "Read command": Limited Retry, "limited
 * retry efforts", which are none here.
 */
#include "nvproof/spec/feat.h"
#include "nvproof/spec/nvm.h"
#include "ssd/core.h"

#define TLER_NS 100000000ull

static bool
may_limit_retries(uint8_t opc)
{
	return opc == NVME_OPC_READ || opc == NVME_OPC_COMPARE || opc == NVME_OPC_VERIFY || opc == NVME_OPC_COPY;
}

static uint64_t
limit_ns(const struct ssd_cmd *c)
{
	uint64_t tler = c->ns ? c->ns->err_recovery & NVME_FEAT_ER_TLER : 0;

	if (!c->sq->id || !may_limit_retries(c->sqe->opc))
		return UINT64_MAX;
	if (le32_get(c->sqe->cdw12) & NVME_RW_LR)
		return 0;
	return tler ? tler * TLER_NS : UINT64_MAX;
}

bool
ssd_recover(struct ssd_cmd *c)
{
	struct ssd_subsys *sub = c->ssd->sub;
	uint64_t limit = limit_ns(c), needs = sub->media->recovery_ns;
	bool got = sub->media->trouble == SSD_MEDIA_HARD && needs <= limit;

	sub->media->trouble = SSD_MEDIA_FINE;
	sub->io_due_ns += UT_MIN(needs, limit);
	sub->smart.media_errors += !got;
	return got;
}
