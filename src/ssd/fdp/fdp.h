/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flexible Data Placement: one endurance group with one configuration and one reclaim group.  A reclaim unit handle is a place of
 * the flash (ftl.h), a reclaim unit is what such a place fills before it goes on in fresh blocks: a block of each die.  Garbage
 * collection brings together what was apart: handles are initially isolated.
 *
 * NVMe Base 2.2, "Flexible Data Placement".
 */
#pragma once
#include "nvproof/spec/fdp.h"
#include "ssd/ssd_int.h"

#define SSD_ENDGID 1u

/* The drive has an endurance group, and Flexible Data Placement; whether that is enabled. */
bool ssd_fdp_there(const struct ssd_subsys *sub);
bool ssd_fdp_on(const struct ssd_subsys *sub);
uint32_t ssd_fdp_handles(const struct ssd_subsys *sub); /* reclaim unit handles */

void ssd_fdp_init(struct ssd_subsys *sub);
bool ssd_fdp_kept_ok(const struct ssd_subsys *sub);
void ssd_fdp_open(struct ssd_subsys *sub); /* after the namespaces are there */
void ssd_fdp_power_on(struct ssd_subsys *sub);
void ssd_fdp_enable(struct ssd_subsys *sub, bool on); /* there is no namespace */

/* handles.c: the placement handles of namespaces.  n = 0: the controller chooses one. */
bool ssd_fdp_list_ok(const struct ssd_subsys *sub, const le16 *ruhid, uint32_t n);
void ssd_fdp_ns_created(struct ssd_ns *ns, const le16 *ruhid, uint32_t n);
void ssd_fdp_ns_deleted(struct ssd_ns *ns);
uint32_t ssd_fdp_ns_count(
	const struct ssd_ns *ns); /* placement handles; with one reclaim group they are its placement identifiers */
uint32_t ssd_fdp_ns_ruh(const struct ssd_ns *ns, uint32_t ph);
uint8_t ssd_fdp_attribute(const struct ssd_subsys *sub, uint32_t ruh); /* NVME_RUHA_* */

/* Where a write of such a namespace goes: c->place.  What DTYPE is refused with. */
nvme_status ssd_fdp_direct(struct ssd_cmd *c, uint32_t dtype, uint16_t pid);
/* The handle goes on in another reclaim unit; `told`: as the host asked for, with an event if this one is not full. */
void ssd_fdp_update(struct ssd_cmd *c, uint32_t ph, bool told);
/* See what has happened to the units of a handle since the last look. */
void ssd_fdp_look(struct ssd *ssd, uint32_t ruh);
uint32_t ssd_fdp_time_left(const struct ssd *ssd, uint32_t ruh); /* seconds; 0: there is no limit */

/* events.c */
#define SSD_FDP_EVENT_TYPES 6u
extern const uint8_t ssd_fdp_event_types[SSD_FDP_EVENT_TYPES];
int ssd_fdp_event_index(uint8_t type); /* of that table; -1: there is none */
struct ssd_fdp_note {
	uint8_t type;
	uint32_t ruh;
	uint64_t ago_ns;
	const struct ssd_ns *ns; /* NULL: any that has the handle */
	uint32_t pid; /* of ns; FFFFFFFFh: whichever has the handle */
	bool nowhere; /* no location belongs to it */
	uint64_t lba; /* reallocated: from here */
	uint32_t nlb; /* 0: LBAs mean nothing */
};
#define SSD_FDP_ANY_PID UINT32_MAX
void ssd_fdp_event(struct ssd *ssd, const struct ssd_fdp_note *note); /* if it is enabled for the handle */
void ssd_fdp_reallocs(struct ssd *ssd); /* what garbage collection has moved since the last look */

/* io_mgmt.c: commands that only drives with it have. */
extern const struct ssd_opcode ssd_fdp_opcodes[256];

/* log_fdp.c, endgrp.c */
nvme_status ssd_log_endgrp_check(struct ssd_cmd *c);
nvme_status ssd_log_fdp_check(struct ssd_cmd *c); /* and it is enabled */
void ssd_log_fdp_configs(struct ssd *ssd, void *buf);
void ssd_log_fdp_ruhu(struct ssd *ssd, void *buf);
void ssd_log_fdp_stats(struct ssd *ssd, void *buf);
void ssd_log_fdp_events(struct ssd *ssd, void *buf);
void ssd_log_endgrp(struct ssd *ssd, void *buf);
void ssd_log_endgrp_agg(struct ssd *ssd, void *buf);
void ssd_log_endgrp_agg_read(struct ssd *ssd);
void ssd_endgrp_warn(struct ssd *ssd, uint8_t fresh); /* critical warnings that are new */
nvme_status ssd_id_endgrp_list(struct ssd_cmd *c, void *buf);

/* feat_fdp.c, endgrp.c */
nvme_status ssd_feat_fdp_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_fdp_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);
nvme_status ssd_feat_fdp_events_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_fdp_events_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);
nvme_status ssd_feat_endgrp_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_endgrp_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);
