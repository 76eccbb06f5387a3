/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Identify tells of zones.  Zoned Namespace Command Set, "I/O Command Set Specific Identify Namespace data structure", "I/O
 * Command Set specific Identify Controller data structure".
 */
#include "ssd/zns/zns.h"

static le32
limit(uint32_t most)
{
	return le32_from(most ? most - 1 : UINT32_MAX);
}

void
ssd_id_ns_zns(struct ssd *ssd, struct ssd_ns *ns, void *buf)
{
	const struct ssd_profile_zones *p = &ssd->sub->cfg.profile.zones;
	const struct ssd_zones *s = ns->zones;
	struct nvme_id_ns_zns *id = buf;

	id->ozcs = le16_from(
		(uint16_t)(nvme_put(NVME_OZCS_RAZB, p->cross_read) | nvme_put(NVME_OZCS_ZRWASUP, s->max_zrwa != 0)));
	id->mar = limit(s->max_active);
	id->mor = limit(s->max_open);
	if (s->max_zrwa) {
		id->numzrwa = limit(s->max_zrwa);
		id->zrwafg = le16_from((uint16_t)s->zrwafg);
		id->zrwasz = le16_from((uint16_t)s->zrwasz);
		id->zrwacap = (uint8_t)NVME_ZRWACAP_EXPFLUSHSUP;
	}
	for (uint32_t i = 0; i < ssd_nr_lbafs(ssd); i++) {
		id->lbafe[i].zsze = le64_from(p->size >> ssd_lbafs[i].lbads);
		id->lbafe[i].zdes = (uint8_t)(ssd_zns_zde_bytes(ssd->sub) / 64);
	}
}

void
ssd_id_ctrl_zns(struct ssd *ssd, void *buf)
{
	((struct nvme_id_ctrl_zns *)buf)->zasl = ssd_zns_zasl(ssd->sub);
}
