/* SPDX-License-Identifier: BSD-3-Clause */
/* Compare: the host's data against the media. */
#include "ssd/nvm/nvm.h"
#include <string.h>

/* `len` bytes of the range at `off`, which fit the scratch memory. */
static nvme_status
compare_piece(struct ssd_cmd *c, const struct nvm_range *r, uint64_t off, uint64_t len)
{
	struct ssd_media *m = c->ns->sub->media;
	uint64_t done, n;
	nvme_status st = ssd_from_host(c, off, c->ssd->bounce, len);

	for (done = 0; !st && done < len; done += n) {
		const uint8_t *mine, *theirs = c->ssd->bounce + done;
		uint64_t i;

		n = len - done;
		mine = m->ops->peek(m, ssd_nvm_off(c->ns, r->slba) + off + done, &n);
		if (!memcmp(mine, theirs, n))
			continue;
		for (i = 0; mine[i] == theirs[i]; i++)
			;
		st = ssd_fail_lba(c, NVME_SC_COMPARE_FAILED, r->slba + ((off + done + i) >> c->ns->lba_shift));
	}
	return st;
}

/*
 * NVM Command Set 1.1, "Compare command".  Also the first half of Compare and Write, which is atomic up to ACWU blocks
 * and refused beyond: Atomic Write Unit Exceeded.  The core's fused.c has seen to the rest of that.
 */
nvme_status
ssd_nvm_compare(struct ssd_cmd *c)
{
	const struct nvme_rw_cmd *cmd = (const void *)c->sqe;
	struct nvm_range r;
	uint64_t total, off;
	nvme_status st;

	if (c->ns->meta_size)
		return ssd_nvm_compare_meta(c);
	st = ssd_nvm_data_range(c, &r);
	if (!st)
		st = ssd_nvm_acwu(c, r.nlb);
	if (!st)
		st = ssd_nvm_readable(c, r.slba, r.nlb);
	if (!st && (nvme_rw_cdw12(cmd) & NVME_RW_FUA))
		st = ssd_nvm_settle(c, NVME_RW_FUA);
	if (st)
		return st;
	total = (uint64_t)r.nlb << c->ns->lba_shift;
	st = ssd_data(c, total);
	for (off = 0; !st && !c->ns->sub->media->null && off < total; off += SSD_BOUNCE)
		st = compare_piece(c, &r, off, UT_MIN(total - off, SSD_BOUNCE));
	if (!st)
		ssd_nvm_did_read(c, total);
	return st;
}
