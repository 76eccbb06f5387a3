/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Admin commands that are done, and whose completion the host gets when as much virtual time has passed as a drive would
 * take.
 */
#include "ssd/core.h"

#define RETRY_NS 1000000u /* while bus mastering is off */

nvme_status
ssd_later(struct ssd_cmd *c, uint64_t at_ns)
{
	struct ssd *ssd = c->ssd;

	if (c->sq->id || ssd->nr_later == SSD_MAX_LATER || at_ns <= ssd->now_ns)
		return NVME_SC_SUCCESS;
	ssd->later[ssd->nr_later++] = (struct ssd_later){ .at_ns = at_ns, .cid = c->sqe->cid, .dw0 = c->dw0 };
	ssd_timer_arm(ssd, at_ns);
	return SSD_PENDING;
}

uint64_t
ssd_later_tick(struct ssd *ssd)
{
	uint64_t next = SSD_NEVER;
	uint32_t left = 0;

	for (uint32_t i = 0; i < ssd->nr_later; i++) {
		const struct ssd_later l = ssd->later[i];

		if (l.at_ns > ssd->now_ns || ssd->stopped || !ssd->dma_ok) {
			ssd->later[left++] = l;
			next = UT_MIN(next, UT_MAX(l.at_ns, ssd->now_ns + RETRY_NS));
			continue;
		}
		ssd_cqe_post(ssd, &ssd->sq[0], l.cid, l.dw0, 0, NVME_SC_SUCCESS);
		ssd->busy = true;
	}
	ssd->nr_later = left;
	return next;
}
