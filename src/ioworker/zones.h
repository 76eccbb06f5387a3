/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The zones of a plan: which one is written next, where its write pointer is, and what of it can be read.  Nothing here
 * knows of commands or queues; zoned.c sends.  Zoned Namespace Command Set, "Zone State Machine", "Zone Resources".
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "nvproof/ioworker.h"

struct iow_zone {
	uint64_t slba, cap;
	uint64_t sent, done; /* LBAs from slba on: given to writes, and certainly written */
	uint32_t writes, reads; /* in flight */
	bool gap; /* writes ended out of order: what is written is known again when none is in flight */
	bool broken; /* a write failed: nobody knows where the device's write pointer is */
	bool kept; /* it cannot be written, or must not any more */
	bool resetting;
	bool chosen;
	bool active; /* it takes one of the device's active resources */
};

struct iow_zones {
	struct iow_zone *zone;
	uint32_t nr;
	uint32_t *chosen; /* those that are written, in turns */
	uint32_t nr_chosen, turn, width;
	uint32_t next; /* where the search for another one goes on */
	uint32_t active, max_active, resetting;
	bool one_write; /* a zone has one write in flight at the most */
	uint32_t read_at; /* sequential reads: zone, and LBA in it */
	uint64_t read_off;
};

int iow_zones_open(struct iow_zones *s, const struct nvp_iow_plan *p); /* -ENOMEM */
void iow_zones_close(struct iow_zones *s);

/* Which zones are written now.  How many LBAs there is room for in them. */
uint64_t iow_zones_choose(struct iow_zones *s);
/* The zone that the next write goes to, at its LBA `sent`.  NULL: none now. */
struct iow_zone *iow_zones_pick(struct iow_zones *s);
/* One that has to be reset so that there is something to write.  NULL: none is needed, or can be. */
struct iow_zone *iow_zones_stale(struct iow_zones *s);
/* A zone with something to read: any, or that from which a sequential run goes on.  NULL: there is nothing. */
struct iow_zone *iow_zones_filled(struct iow_zones *s, uint32_t from);

void iow_zone_sends(struct iow_zone *z, uint32_t nlb);
void iow_zone_wrote(struct iow_zones *s, struct iow_zone *z, uint64_t at, uint32_t nlb, bool ok);
void iow_zone_resets(struct iow_zones *s, struct iow_zone *z);
void iow_zone_was_reset(struct iow_zones *s, struct iow_zone *z, bool ok);
