/* SPDX-License-Identifier: BSD-3-Clause */
/* Zoned namespaces: what commands do with the zones of zone.h. */
#pragma once
#include "ssd/ssd_int.h"
#include "ssd/zns/zone.h"

extern const struct ssd_opcode ssd_zns_opcodes[256]; /* table.c */

/* Whether the drive has the command set at all. */
static inline bool
ssd_zns_there(const struct ssd_subsys *sub)
{
	return sub->cfg.profile.set == SSD_PROFILE_ZONED;
}

/* set.c: the zones of a namespace.  -ENOSPC: there are too many of them. */
int ssd_zns_open(struct ssd_ns *ns);
void ssd_zns_close(struct ssd_ns *ns);
/* As the format says: how long a zone is in blocks, and how many there are. */
void ssd_zns_use_format(struct ssd_ns *ns);
void ssd_zns_erased(struct ssd_ns *ns); /* all that was written is gone */
void ssd_zns_init(struct ssd_subsys *sub);
bool ssd_zns_kept_ok(const struct ssd_subsys *sub);
void ssd_zns_subsys_reset(struct ssd_subsys *sub); /* NVM Subsystem Reset: no zone is open after it */
void ssd_zns_power_on(struct ssd_subsys *sub);
int ssd_zns_check(const struct ssd_config *cfg, const char **why);
/* Whether zones from `first` on, of `size` bytes of media, are in the table. */
bool ssd_zns_place_ok(const struct ssd_subsys *sub, uint64_t size, uint32_t first);
uint32_t ssd_zns_index(const struct ssd_ns *ns, const struct ssd_zone *z);
uint8_t *ssd_zns_zde(const struct ssd_ns *ns, const struct ssd_zone *z); /* its descriptor extension */
uint32_t ssd_zns_zde_bytes(const struct ssd_subsys *sub);

static inline struct ssd_zone *
ssd_zns_at(const struct ssd_ns *ns, uint64_t lba)
{
	return &ns->zones->zone[lba / ns->zones->zsze];
}

static inline uint64_t
ssd_zns_zslba(const struct ssd_ns *ns, const struct ssd_zone *z)
{
	return (uint64_t)(z - ns->zones->zone) * ns->zones->zsze;
}

/* place.c: where on the flash a write to the zone goes */
uint32_t ssd_zns_place(struct ssd_ns *ns, const struct ssd_zone *z);

/* rw.c: before and after a command of the NVM command set. */
nvme_status ssd_zns_before(struct ssd_cmd *c);
void ssd_zns_after(struct ssd_cmd *c, nvme_status st);
nvme_status ssd_zns_append(struct ssd_cmd *c);
uint8_t ssd_zns_zasl(const struct ssd_subsys *sub);

/* mgmt_send.c, mgmt_recv.c */
nvme_status ssd_zns_mgmt_send(struct ssd_cmd *c);
nvme_status ssd_zns_mgmt_recv(struct ssd_cmd *c);

/* id_zns.c, changed.c */
void ssd_id_ns_zns(struct ssd *ssd, struct ssd_ns *ns, void *buf);
void ssd_id_ctrl_zns(struct ssd *ssd, void *buf);
void ssd_log_changed_zones(struct ssd *ssd, void *buf);
void ssd_log_changed_zones_read(struct ssd *ssd);
nvme_status ssd_log_changed_zones_check(struct ssd_cmd *c);
uint32_t ssd_zns_event_nsid(const struct ssd *ssd); /* whose zones changed */
void ssd_zns_changed(struct ssd_ns *ns, const struct ssd_zone *z);
