/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The namespaces of a subsystem: where each lies in the media, which controllers it is attached to, and what survives of that.
 *
 * NVMe Base 2.1, "Namespaces", "Namespace Management".
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "nvproof/spec/types.h"
#include "ssd/lbaf.h"

#define SSD_NS_ALIGN (1u << 20) /* capacity is given out in units of this */
#define SSD_NS_MAX (1ull << 50)

/* Why commands to a namespace are looked at by gate.c before they run. */
#define SSD_GATE_SANITIZE 0x01u /* of the subsystem: in progress, or failed */
#define SSD_GATE_PROTECTED 0x02u /* write protected */
#define SSD_GATE_RESERVED 0x04u /* a reservation is held */
#define SSD_GATE_ZONED 0x10u /* of the drive: zones have a say */
#define SSD_GATE_LEFT_OUT 0x20u /* of the drive: its profile has it without some commands */
#define SSD_GATE_ERASED 0x08u /* Global Data Erased: until the first write */

/* What an image keeps of a namespace. */
struct ssd_ns_kept {
	le64 off, size; /* in the media; size 0: not there */
	le32 made; /* identifiers are made from it: no two namespaces of a drive have the same */
	le32 attached;
	uint8_t lbaf, how, nmic, wps; /* how: NS_* of ns.c */
	le32 first_zone;
	le64 lbstm;
	uint8_t rsvd40[24];
};
static_assert(sizeof(struct ssd_ns_kept) == 64, "namespace, kept");

struct ssd_ns_table_kept {
	struct ssd_ns_kept ns[32];
	le32 made; /* namespaces created, ever */
	uint8_t there; /* 1: this table holds; 0: the configuration does */
	uint8_t rsvd2053[59];
};
static_assert(sizeof(struct ssd_ns_table_kept) == 2112, "namespace table, kept");

struct ssd;
struct ssd_subsys;
struct ssd_ns;

/* The namespaces of the configuration, attached to all controllers.  Returns the size of the media. */
uint64_t ssd_ns_default(struct ssd_subsys *sub);
/* From and to what an image keeps. */
void ssd_ns_kept_init(struct ssd_subsys *sub);
bool ssd_ns_kept_ok(const struct ssd_subsys *sub);
void ssd_ns_restore(struct ssd_subsys *sub);
void ssd_ns_save(struct ssd_subsys *sub);

/* Capacity, in bytes. */
uint64_t ssd_ns_capacity(const struct ssd_ns *ns); /* that the namespace has taken; 0: not there */
uint64_t ssd_ns_unallocated(const struct ssd_subsys *sub);

/*
 * A new namespace: empty, attached to nobody.  *out is in sub->ns.  -ENOSPC, -ENOMEM.  There must be a
 * free NSID.
 */
struct ssd_ns_want {
	uint64_t size;
	struct ssd_format format;
	uint64_t lbstm;
	bool shared, zoned;
	const le16 *ruhid; /* by placement handle */
	uint32_t nphndls; /* 0: the controller chooses one */
};
int ssd_ns_create(struct ssd_subsys *sub, const struct ssd_ns_want *want, struct ssd_ns **out);
void ssd_ns_delete(struct ssd_ns *ns);
/* ns_move.c: bring the namespaces together, so that what is free is one gap.  They read as before.  0, -ENOSPC: nothing has moved. */
int ssd_ns_compact(struct ssd_subsys *sub);
/* Its blocks read as zeros and are deallocated; none is uncorrectable any more. */
void ssd_ns_erase(struct ssd_ns *ns);
/* The gate bits again, after what they tell of has changed. */
void ssd_ns_gate(struct ssd_subsys *sub);

/* Attached Namespace Attribute Changed on each controller of the bitmap, except `by` (NULL: all). */
void ssd_ns_changed(const struct ssd *by, const struct ssd_ns *ns, uint32_t ctrlrs);
