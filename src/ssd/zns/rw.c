/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands of the NVM command set on zones, and Zone Append.
 *
 * A write pointer moves when all of a command was done: one that fails on its way leaves nothing behind it.
 */
#include "ssd/zns/zns.h"
#include "ssd/fault/fault.h"
#include "ssd/nvm/nvm.h"

#define SLBA offsetof(struct nvme_rw_cmd, slba)

static bool
is_write(uint8_t opc)
{
	return opc == NVME_OPC_WRITE || opc == NVME_OPC_WRITE_ZEROES;
}

static bool
range_of(const struct ssd_cmd *c, uint64_t *slba, uint64_t *nlb)
{
	const struct nvme_rw_cmd *cmd = (const void *)c->sqe;

	*slba = le64_get(cmd->slba);
	*nlb = le16_get(cmd->nlb) + 1u;
	return ssd_nvm_in_range(c->ns, *slba, *nlb);
}

static nvme_status
zone_fail(struct ssd_cmd *c, nvme_status st, uint64_t lba)
{
	c->err_lba = lba;
	return st ? ssd_fail(c, st, SLBA) : st;
}

/* "Read command": zones that are offline, and the boundaries between zones unless OZCS.RAZB says that they do not matter. */
static nvme_status
before_read(struct ssd_cmd *c, uint64_t slba, uint64_t nlb)
{
	const struct ssd_zones *s = c->ns->zones;
	struct ssd_zone *z = ssd_zns_at(c->ns, slba), *last = ssd_zns_at(c->ns, slba + nlb - 1);

	if (z != last && !c->ns->sub->cfg.profile.zones.cross_read)
		return zone_fail(c, NVME_SC_ZONE_BOUNDARY, ssd_zns_zslba(c->ns, z) + s->zsze);
	for (; z <= last; z++) {
		if (z->zs == NVME_ZS_OFFLINE)
			return zone_fail(c, NVME_SC_ZONE_IS_OFFLINE, UT_MAX(slba, ssd_zns_zslba(c->ns, z)));
	}
	return NVME_SC_SUCCESS;
}

/* What is not in the namespace at all is the command's own to refuse. */
nvme_status
ssd_zns_before(struct ssd_cmd *c)
{
	uint64_t slba, nlb, arg;
	struct ssd_zone *z;
	nvme_status st;

	if (nvme_get(c->ssd->cc, NVME_CC_CSS) != NVME_CC_CSS_IOCSS)
		return ssd_fail(c, NVME_SC_INVALID_NS, offsetof(struct nvme_sqe, nsid));
	switch (c->sqe->opc) {
	case NVME_OPC_WRITE:
	case NVME_OPC_WRITE_ZEROES:
		if (!range_of(c, &slba, &nlb))
			return NVME_SC_SUCCESS;
		z = ssd_zns_at(c->ns, slba);
		st = ssd_zone_writable(c->ns->zones, z, slba - ssd_zns_zslba(c->ns, z), nlb);
		if (st == NVME_SC_ZONE_INVALID_WRITE && ssd_fault(c->ssd, SSD_FAULT_ZONE_WP_UNCHECKED, &arg))
			st = NVME_SC_SUCCESS;
		if (!st)
			c->place = ssd_zns_place(c->ns, z);
		return zone_fail(c, st, slba);
	case NVME_OPC_READ:
	case NVME_OPC_COMPARE:
	case NVME_OPC_VERIFY:
		return range_of(c, &slba, &nlb) ? before_read(c, slba, nlb) : NVME_SC_SUCCESS;
	default:
		return NVME_SC_SUCCESS;
	}
}

void
ssd_zns_after(struct ssd_cmd *c, nvme_status st)
{
	uint64_t slba, nlb, arg;
	struct ssd_zone *z;

	if (!is_write(c->sqe->opc) || !range_of(c, &slba, &nlb))
		return;
	z = ssd_zns_at(c->ns, slba);
	if (!st || ssd_fault(c->ssd, SSD_FAULT_ZONE_WP_MOVED, &arg))
		ssd_zone_written(c->ns->zones, z, slba - ssd_zns_zslba(c->ns, z), nlb);
	else if (!(z->za & NVME_ZA_ZRWAV)) /* what came before it failed */
		ssd_nvm_zero(c->ns, slba, nlb, true);
}

/* In pages, as a power of two; never more than MDTS. */
uint8_t
ssd_zns_zasl(const struct ssd_subsys *sub)
{
	uint64_t limit = sub->cfg.profile.zones.append_limit;
	uint8_t zasl = 0;

	while (limit && zasl < sub->cfg.mdts && (SSD_PAGE << (zasl + 1)) <= limit)
		zasl++;
	return limit ? UT_MAX(zasl, 1) : 0;
}

static nvme_status
check_append(struct ssd_cmd *c, const struct ssd_zone *z, uint64_t slba, uint64_t nlb)
{
	uint8_t zasl = ssd_zns_zasl(c->ns->sub);
	uint64_t bytes = nlb * (c->ns->lba_size + (c->ns->format.extended ? c->ns->meta_size : 0));

	if (slba != ssd_zns_zslba(c->ns, z))
		return zone_fail(c, NVME_SC_INVALID_FIELD, slba);
	if (bytes > (uint64_t)SSD_PAGE << (zasl ? zasl : c->ns->sub->cfg.mdts))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_rw_cmd, nlb));
	if (z->za & NVME_ZA_ZRWAV)
		return zone_fail(c, NVME_SC_ZONE_INVALID_OP, slba);
	return zone_fail(c, ssd_zone_writable(c->ns->zones, z, le64_get(z->wp), nlb), slba);
}

/* "Zone Append command": a Write at the write pointer; which block that was is the result.  PIREMAP: there is no protection information. */
nvme_status
ssd_zns_append(struct ssd_cmd *c)
{
	const struct nvme_sqe *sqe = c->sqe;
	struct nvme_sqe copy = *sqe;
	uint64_t slba, nlb, at, more;
	struct ssd_zone *z;
	nvme_status st;

	range_of(c, &slba, &nlb);
	if (slba >= c->ns->nsze)
		return zone_fail(c, NVME_SC_LBA_RANGE, slba);
	z = ssd_zns_at(c->ns, slba);
	st = check_append(c, z, slba, nlb);
	if (st)
		return st;
	c->place = ssd_zns_place(c->ns, z);
	at = slba + le64_get(z->wp);
	copy.opc = NVME_OPC_WRITE;
	copy.cdw10 = le32_from((uint32_t)at);
	copy.cdw11 = le32_from((uint32_t)(at >> 32));
	copy.cdw12 = le32_from(le32_get(copy.cdw12) & ~(uint32_t)NVME_BIT(25)); /* PIREMAP */
	c->sqe = &copy;
	st = ssd_nvm_write(c);
	ssd_zns_after(c, st);
	c->sqe = sqe;
	if (st)
		return st;
	if (ssd_fault(c->ssd, SSD_FAULT_ZONE_APPEND_LBA, &more))
		at += more;
	c->dw0 = (uint32_t)at;
	c->dw1 = (uint32_t)(at >> 32);
	return NVME_SC_SUCCESS;
}
