/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The zones of a namespace and their state machine.  Nothing here knows of commands, media or controllers.
 *
 * ssd_zone_to() alone changes a state, so that the counts of open and active zones and of random write areas change in one
 * place.  Zoned Namespace Command Set, "Zone State Machine".
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "nvproof/spec/status.h"
#include "nvproof/spec/zns.h"

#define SSD_ZONES 8192u /* of a subsystem */
#define SSD_ZONE_ZDE_ROOM (96u << 10) /* bytes of descriptor extensions of a subsystem */

/* As an image keeps it. */
struct ssd_zone {
	le64 wp; /* blocks from the start of the zone; of a zone that was finished, what was written */
	uint8_t zs, za;
	uint8_t rsvd10[2];
	le32 seq; /* when it was opened: who is closed first */
};
static_assert(sizeof(struct ssd_zone) == 16, "zone, kept");

struct ssd_zns_kept {
	struct ssd_zone zone[SSD_ZONES];
	uint8_t zde[SSD_ZONE_ZDE_ROOM];
};

struct ssd_zones {
	struct ssd_zone *zone;
	uint32_t nr; /* 0: not a zoned namespace */
	uint64_t zsze, zcap; /* blocks */
	uint32_t max_open, max_active, max_zrwa; /* open, active: 0: no limit */
	uint64_t zrwasz, zrwafg; /* blocks */
	uint32_t open, active, zrwa; /* how many there are */
	uint32_t seq;
};

static inline bool
ssd_zone_open(const struct ssd_zone *z)
{
	return z->zs == NVME_ZS_IMPLICIT || z->zs == NVME_ZS_EXPLICIT;
}

static inline bool
ssd_zone_active(const struct ssd_zone *z)
{
	return ssd_zone_open(z) || z->zs == NVME_ZS_CLOSED;
}

/* Whatever state may follow which: the caller has checked.  Attributes that end with the state go. */
void ssd_zone_to(struct ssd_zones *s, struct ssd_zone *z, enum nvme_zs to);
/* The counts again, from the states. */
void ssd_zones_count(struct ssd_zones *s);

/* May it be opened?  A zone that was opened implicitly is closed for it where the limit needs that, when `make` is set. */
nvme_status ssd_zone_room(struct ssd_zones *s, const struct ssd_zone *z, bool make);
/* May nlb blocks be written from block `at` of the zone on?  Changes nothing. */
nvme_status ssd_zone_writable(struct ssd_zones *s, const struct ssd_zone *z, uint64_t at, uint64_t nlb);
/* They were. */
void ssd_zone_written(struct ssd_zones *s, struct ssd_zone *z, uint64_t at, uint64_t nlb);

/* Zone Management Send.  Success without a change where the zone is in that state already. */
nvme_status ssd_zone_act(struct ssd_zones *s, struct ssd_zone *z, enum nvme_zsa zsa, bool zrwaa);
/* Blocks up to `last` are committed. */
nvme_status ssd_zone_commit(struct ssd_zones *s, struct ssd_zone *z, uint64_t last);
/* Whether Select All means this zone.  Zone Management Send command, "Select All". */
bool ssd_zone_selected(const struct ssd_zone *z, enum nvme_zsa zsa);
/* The power was gone: no zone is open. */
void ssd_zones_power_on(struct ssd_zones *s);
