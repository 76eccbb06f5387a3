/* SPDX-License-Identifier: BSD-3-Clause */
/* Zone Management Send.  Zoned Namespace Command Set, "Zone Management Send command". */
#include "ssd/zns/zns.h"
#include <string.h>
#include "ssd/fault/fault.h"
#include "ssd/nvm/nvm.h"

#define CDW13 offsetof(struct nvme_sqe, cdw13)
#define SLBA offsetof(struct nvme_sqe, cdw10)

static nvme_status
change(struct ssd_cmd *c, struct ssd_zone *z, enum nvme_zsa zsa, bool zrwaa)
{
	struct ssd_zones *s = c->ns->zones;
	uint32_t max_open = s->max_open, max_active = s->max_active;
	uint64_t arg;
	nvme_status st;

	if (ssd_fault(c->ssd, SSD_FAULT_ZONE_LIMIT_UNCHECKED, &arg))
		s->max_open = s->max_active = 0;
	st = ssd_zone_act(s, z, zsa, zrwaa);
	s->max_open = max_open;
	s->max_active = max_active;
	return st;
}

/* The data of a zone that was reset is gone. */
static nvme_status
act(struct ssd_cmd *c, struct ssd_zone *z, enum nvme_zsa zsa, bool zrwaa)
{
	struct ssd_ns *ns = c->ns;
	bool was_empty = z->zs == NVME_ZS_EMPTY;
	nvme_status st;
	uint64_t arg;

	if (ssd_fault(c->ssd, SSD_FAULT_ZONE_ACTION_IGNORED, &arg))
		return NVME_SC_SUCCESS;
	st = change(c, z, zsa, zrwaa);

	if (st)
		return ssd_fail_lba(c, st, ssd_zns_zslba(ns, z));
	if ((zsa == NVME_ZSA_RESET && !was_empty) || zsa == NVME_ZSA_OFFLINE)
		ssd_nvm_zero(ns, ssd_zns_zslba(ns, z), ns->zones->zsze, true);
	return NVME_SC_SUCCESS;
}

/* Opening all needs room for all: nothing is changed where there is not. */
static nvme_status
act_all(struct ssd_cmd *c, enum nvme_zsa zsa)
{
	struct ssd_zones *s = c->ns->zones;
	uint32_t closed = s->active - s->open;
	nvme_status st = NVME_SC_SUCCESS;

	if (zsa == NVME_ZSA_OPEN && s->max_open && s->open + closed > s->max_open)
		return ssd_fail(c, NVME_SC_ZONE_TOO_MANY_OPEN, CDW13);
	for (uint32_t i = 0; !st && i < s->nr; i++) {
		if (ssd_zone_selected(&s->zone[i], zsa))
			st = act(c, &s->zone[i], zsa, false);
	}
	return st;
}

/* The extension is there as a whole before the zone says so. */
static nvme_status
set_zde(struct ssd_cmd *c, struct ssd_zone *z)
{
	uint32_t len = ssd_zns_zde_bytes(c->ns->sub);
	nvme_status st;

	if (!len)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW13);
	st = ssd_data(c, len);
	if (!st)
		st = ssd_from_host(c, 0, c->ssd->bounce, len);
	if (!st)
		st = act(c, z, NVME_ZSA_SET_ZDE, false);
	if (!st)
		memcpy(ssd_zns_zde(c->ns, z), c->ssd->bounce, len);
	return st;
}

/* SLBA is the last block to commit, not the first of the zone. */
static nvme_status
flush_zrwa(struct ssd_cmd *c, struct ssd_zone *z, uint64_t slba)
{
	nvme_status st = ssd_zone_commit(c->ns->zones, z, slba - ssd_zns_zslba(c->ns, z));

	c->err_lba = slba;
	return st ? ssd_fail(c, st, SLBA) : ssd_nvm_settle(c, NVME_RW_FUA);
}

static nvme_status
one(struct ssd_cmd *c, enum nvme_zsa zsa, uint64_t slba, bool zrwaa)
{
	struct ssd_zone *z;

	if (slba >= c->ns->nsze) {
		c->err_lba = slba;
		return ssd_fail(c, NVME_SC_LBA_RANGE, SLBA);
	}
	z = ssd_zns_at(c->ns, slba);
	if (zsa == NVME_ZSA_ZRWA_FLUSH)
		return flush_zrwa(c, z, slba);
	if (slba != ssd_zns_zslba(c->ns, z))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, SLBA);
	return zsa == NVME_ZSA_SET_ZDE ? set_zde(c, z) : act(c, z, zsa, zrwaa);
}

static nvme_status
check(struct ssd_cmd *c, enum nvme_zsa zsa, bool all, bool zrwaa)
{
	bool known = (zsa >= NVME_ZSA_CLOSE && zsa <= NVME_ZSA_OFFLINE) || zsa == NVME_ZSA_SET_ZDE ||
		     zsa == NVME_ZSA_ZRWA_FLUSH;
	bool zrwa = c->ns->zones->max_zrwa;

	if (!known || (zsa == NVME_ZSA_ZRWA_FLUSH && !zrwa))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW13);
	if (all && zsa >= NVME_ZSA_SET_ZDE)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW13 + 1);
	if (zsa == NVME_ZSA_OPEN && zrwaa && (all || !zrwa))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW13 + 1);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_zns_mgmt_send(struct ssd_cmd *c)
{
	uint32_t cdw13 = le32_get(c->sqe->cdw13);
	enum nvme_zsa zsa = (enum nvme_zsa)nvme_get32(cdw13, NVME_ZMS_ZSA);
	uint64_t slba = (uint64_t)le32_get(c->sqe->cdw11) << 32 | le32_get(c->sqe->cdw10);
	bool all = nvme_get(cdw13, NVME_ZMS_SALL), zrwaa = nvme_get(cdw13, NVME_ZMS_ZRWAA);
	nvme_status st = check(c, zsa, all, zrwaa);

	if (st)
		return st;
	st = all ? act_all(c, zsa) : one(c, zsa, slba, zsa == NVME_ZSA_OPEN && zrwaa);
	if (!st && zsa == NVME_ZSA_RESET && ssd_nvm_settle(c, NVME_RW_FUA)) /* what is reset does not come back */
		st = ssd_fail_lba(c, NVME_SC_WRITE_FAULT, slba);
	if (!st)
		ssd_part_save(c->ns->sub, SSD_PART_ZNS);
	return st;
}
