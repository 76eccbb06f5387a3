/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copy, with descriptor format 0h: within one namespace that has no protection information.  The other formats are not
 * announced in CDFS.
 *
 * Everything is checked before anything is written, so that a refused command changes nothing.  A source range fits
 * the scratch memory (MSSRL) and is read whole before it is written: a range that overlaps its destination is copied
 * as it was.
 */
#include "ssd/nvm/nvm.h"

#define CDW12 offsetof(struct nvme_sqe, cdw12)

/* NVM Command Set 1.1, "Copy command": limits and ranges.  DW0 stays 0h: no data was written. */
static nvme_status
check_ranges(struct ssd_cmd *c, const struct nvme_copy_range *range, uint32_t nr, uint64_t *total)
{
	struct ssd_ns *ns = c->ns;
	nvme_status st = NVME_SC_SUCCESS;
	uint32_t i;

	*total = 0;
	for (i = 0; i < nr; i++) {
		*total += le16_get(range[i].nlb) + 1u;
		if (le16_get(range[i].nlb) + 1u > SSD_COPY_MSSRL(ns) || *total > SSD_COPY_MCL(ns))
			return ssd_fail(c, NVME_SC_CMD_SIZE_LIMIT, CDW12);
	}
	for (i = 0; !st && i < nr; i++) {
		uint64_t slba = le64_get(range[i].slba);

		if (range[i].rsvd18[0] & 0x0f) /* CETYPE */
			return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW12);
		if (!ssd_nvm_in_range(ns, slba, le16_get(range[i].nlb) + 1u))
			return ssd_fail_lba(c, NVME_SC_LBA_RANGE, UT_MAX(slba, ns->nsze));
		st = ssd_nvm_readable(c, slba, le16_get(range[i].nlb) + 1u);
	}
	return st;
}

static nvme_status
copy_ranges(struct ssd_cmd *c, const struct nvme_copy_range *range, uint32_t nr, uint64_t dst)
{
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t nlb = le16_get(range[i].nlb) + 1u;
		nvme_status st;

		if (!c->ns->sub->media->null)
			ssd_nvm_load(c, le64_get(range[i].slba), c->ssd->bounce2, nlb);
		st = ssd_nvm_store(c, dst, c->ssd->bounce2, nlb);
		if (st) {
			c->dw0 = i; /* "the lowest numbered Source Range entry that was not successfully copied" */
			return st;
		}
		dst += nlb;
	}
	return NVME_SC_SUCCESS;
}

static nvme_status
check_command(struct ssd_cmd *c, uint32_t cdw12)
{
	if (nvme_get(cdw12, NVME_COPY_DESFMT))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW12 + 1);
	if (nvme_get(cdw12, NVME_COPY_CETYPE) || nvme_get(cdw12, NVME_COPY_DTYPE))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW12 + 2);
	if (nvme_get(cdw12, NVME_COPY_NR) > SSD_COPY_MSRC)
		return ssd_fail(c, NVME_SC_CMD_SIZE_LIMIT, CDW12);
	return NVME_SC_SUCCESS;
}

static void
count(struct ssd_subsys *sub, uint64_t bytes)
{
	sub->smart.host_reads++;
	sub->smart.host_writes++;
	sub->smart.units_read_512 += bytes / 512;
	sub->smart.units_written_512 += bytes / 512;
	sub->stats.bytes_written += bytes;
}

nvme_status
ssd_nvm_copy(struct ssd_cmd *c)
{
	const struct nvme_copy_range *range = (const void *)c->ssd->bounce;
	uint32_t cdw12 = le32_get(c->sqe->cdw12), nr = nvme_get32(cdw12, NVME_COPY_NR) + 1;
	uint64_t dst = (uint64_t)le32_get(c->sqe->cdw11) << 32 | le32_get(c->sqe->cdw10), total;
	nvme_status st = check_command(c, cdw12);

	if (!st)
		st = ssd_data(c, nr * sizeof(*range));
	if (!st)
		st = ssd_from_host(c, 0, c->ssd->bounce, nr * sizeof(*range));
	if (!st)
		st = check_ranges(c, range, nr, &total);
	if (st)
		return st;
	if (!ssd_nvm_in_range(c->ns, dst, total)) {
		c->err_lba = UT_MAX(dst, c->ns->nsze);
		return ssd_fail(c, NVME_SC_LBA_RANGE, offsetof(struct nvme_sqe, cdw10));
	}
	st = copy_ranges(c, range, nr, dst);
	if (!st)
		st = ssd_nvm_settle(c, cdw12);
	if (!st)
		count(c->ssd->sub, total << c->ns->lba_shift);
	return st;
}
