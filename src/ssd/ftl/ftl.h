/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flash translation layer: logical units of 4 KiB on NAND that is written in pages and erased in blocks.
 *
 * A write goes into the write buffer; when a page of units is there, it is programmed on the next die, and the map points at
 * it.  Garbage collection moves what is still valid out of the block with the least of it.  After a power loss the map is
 * built again from what is on the NAND: the last checkpoint of the map, and the spare bytes of all pages that are newer.
 *
 * What keeps that true, in four rules:
 *	1. each page has a sequence number; of two copies of a unit the one with the higher number counts;
 *	2. a block is erased only after every operation that was issued before it became empty has ended, so that no copy goes
 *	   before a newer one is there; a program that fails ends when what it should have written is elsewhere;
 *	3. trimmed ranges are written down (the journal) before such an erase, and when the host flushes;
 *	4. a checkpoint counts when its root page is whole.
 *
 * Time is the caller's, and never goes back.  A call that needs something which only time brings (a free block, an erase) lets
 * the NAND run ahead and says so in *due_ns; whatever it reports as done before due_ns is not done yet for the host.
 */
#pragma once
#include "ssd/nand/nand.h"

/* What a unit on NAND is: a logical unit, or one of these. */
#define FTL_MAP 0xf0000000u /* + n: a part of the map */
#define FTL_JOURNAL 0xfe000000u /* trimmed ranges */
#define FTL_ROOT 0xff000000u /* a checkpoint is complete */
#define FTL_MAX_UNITS FTL_MAP /* logical units: 15 TiB */
#define FTL_PLACES 16u
#define FTL_MAP_ENTRIES 1020u /* a part, behind its head */

enum ftl_collect { /* which block garbage collection takes */
		   FTL_GREEDY, /* the one with the least valid data */
		   FTL_COST_BENEFIT, /* old ones are preferred */
		   FTL_RANDOM, /* any: what others are compared with */
};

struct ftl_config {
	struct nand_config nand;
	uint32_t units; /* logical, of 4 KiB */
	uint32_t buffer; /* units of write buffer; 0: 4 pages a die */
	uint32_t ckpt_pages; /* programmed between two checkpoints; 0: a quarter of all, 4,096 at the least */
	uint32_t places; /* the host's data goes into so many separate sets of blocks, at most FTL_PLACES; 0: one */
	uint64_t link_ns; /* a unit on the link to the host; 0: no time */
	bool capacitor; /* what is in the write buffer survives a power loss */
	enum ftl_collect collect;
	uint32_t read_limit; /* reads of a block since its erase, then it is refreshed; 0: any number */
	uint64_t age_limit_ns; /* of data, then it is refreshed; 0: any */
	bool no_refresh; /* it is not: from twice the limit on it cannot be read */
	bool recovers; /* but with efforts, up to four times the limit */
	uint32_t wear_spread; /* of erases, then a block that is left out is emptied; 0: any */
	uint32_t slc_blocks; /* a die: the host's data goes into as many blocks with one bit a cell first */
	uint32_t slc_dynamic; /* and into as many percent of the blocks that are free */
	bool unchecked; /* with a store: opened even when a page of the map is damaged */
	bool rebuild; /* no checkpoint is believed: the map is what the pages say */
	uint64_t idle_ns; /* without a command, before work that can wait is done; 0: 10 ms */
};

enum ftl_stream { /* what is programmed into blocks of its own */
		  FTL_HOST,
		  FTL_MOVED,
		  FTL_META,
		  FTL_CACHE, /* of the host, with one bit a cell */
		  FTL_STREAMS,
};

struct ftl_stats { /* units */
	uint64_t host_written, host_read, host_trimmed; /* written: calls of ftl_write() */
	uint64_t host_bytes; /* what these changed */
	uint64_t partial; /* of less than a unit */
	uint64_t programmed[FTL_STREAMS], padded;
	uint64_t collected; /* blocks */
	uint64_t folded; /* moved out of blocks with one bit a cell */
	uint64_t refreshed, levelled; /* blocks */
	uint64_t unreadable, hard; /* reads that failed; that took efforts */
	uint64_t rewritten; /* what failed programs should have written */
	uint64_t checkpoints, recoveries, recovered_ns;
};

struct ftl_health {
	uint32_t bad; /* blocks that failed to erase, or to program */
	uint8_t spare; /* percent of the blocks that may, left */
	uint8_t used; /* percent of the endurance, 255 at most */
	bool read_only; /* nothing of the spare is left: ftl_write() fails */
};

struct ftl_realloc { /* garbage collection moved units that follow each other */
	uint64_t ns;
	uint32_t unit, count;
	uint32_t place; /* where they were written to; FTL_PLACES: they have been moved before */
};
#define FTL_REALLOCS 64u

struct ftl_wear {
	uint32_t least, most; /* erases of a block that is not bad */
	uint8_t free_percent; /* of the blocks */
};

struct ftl;

/* How much of cfg->nand.store is needed; what of it is sparse is nand_store_data(). */
uint64_t ftl_store_bytes(const struct ftl_config *cfg);
/* Blocks that hold no data of the host at any time. */
uint64_t ftl_spare_blocks(const struct ftl_config *cfg);
/* -EINVAL: impossible geometry, or too little NAND for so many units; -ENOMEM; -EUCLEAN: a page of the map in the store is damaged. */
int ftl_open(const struct ftl_config *cfg, struct ftl **out);
void ftl_close(struct ftl *f); /* NULL is fine */

/*
 * What is written to a place fills one reclaim unit after the other: as much as a block of each die.  How large one is, how much
 * of the present one is used, and its number, in the order of the place.
 */
uint64_t ftl_ru_units(const struct ftl *f);
uint64_t ftl_ru_used(const struct ftl *f, uint32_t place);
uint32_t ftl_ru_number(const struct ftl *f, uint32_t place);
/* How much garbage collection ever moved; n: the entry of that number, from 0, of the last FTL_REALLOCS. */
uint64_t ftl_reallocs(const struct ftl *f);
const struct ftl_realloc *ftl_realloc(const struct ftl *f, uint64_t n);
/* The next write to this place begins in fresh blocks.  Returns when what was written there is on its way. */
void ftl_place_end(struct ftl *f, uint64_t now_ns, uint32_t place, uint64_t *due_ns);

/*
 * One unit.  `place` (below `places`; else it is 0): what is written goes into blocks that hold nothing which was written to
 * another.  Garbage collection does not keep them apart.  *due_ns is raised to when it is done.  The pointer is to NAND_UNIT bytes, valid until the next call.
 * read: NULL: it was never written, or trimmed.  write: `bytes` of what is there now are to be changed in place; NAND_UNIT: all
 * of it will be.  NULL: there is no space, for good.
 */
const void *ftl_read(struct ftl *f, uint64_t now_ns, uint32_t unit, uint64_t *due_ns);
void *ftl_write(struct ftl *f, uint64_t now_ns, uint32_t unit, uint32_t bytes, uint32_t place, uint64_t *due_ns);
/*
 * Units that survive a power loss all together or not at all.  What is written until ftl_apart() goes into one page: all of these
 * ranges, and nothing else.  The limit is a page of them; whoever asks for more gets nothing.  false: there is no space.
 */
struct ftl_range {
	uint32_t unit, count;
};
bool ftl_together(struct ftl *f, uint64_t now_ns, const struct ftl_range *ranges, uint32_t n, uint32_t place,
		  uint64_t *due_ns);
void ftl_apart(struct ftl *f);

/* Units read as never written from now on. */
void ftl_trim(struct ftl *f, uint64_t now_ns, uint32_t unit, uint32_t count, uint64_t *due_ns);
/* All that was written and trimmed survives a power loss from *due_ns on.  false: not all of it, there is no space. */
bool ftl_flush(struct ftl *f, uint64_t now_ns, uint64_t *due_ns);

/* The oldest page of the write buffer is programmed before it has to be. */
void ftl_spill(struct ftl *f, uint64_t now_ns);

/* Once more, and the next operation of this kind fails. */
void ftl_fail(struct ftl *f, enum nand_kind kind);

/* Let time pass.  Returns when to call next; NAND_NEVER. */
uint64_t ftl_advance(struct ftl *f, uint64_t now_ns);

/* A store was opened, and the time is now_ns by a clock that may be another than that of its last life: the age of data goes on. */
void ftl_clock(struct ftl *f, uint64_t now_ns);

/* The power goes at now_ns, at any instant; and comes back.  power_on returns how long the recovery takes. */
void ftl_power_off(struct ftl *f, uint64_t now_ns);
uint64_t ftl_power_on(struct ftl *f);

/* Units that the last checkpoint has, and that are nowhere now and were not trimmed: after ftl_open() of a store.  How many. */
uint32_t ftl_lost(const struct ftl *f, void (*tell)(void *arg, uint32_t unit, uint32_t page), void *arg);

struct ftl_health ftl_health(const struct ftl *f);
struct ftl_wear ftl_wear(const struct ftl *f);
const struct ftl_stats *ftl_stats(const struct ftl *f);
const struct nand *ftl_nand(const struct ftl *f);
/* Write amplification so far: bytes programmed (metadata too, padding not) over bytes that the host wrote. */
double ftl_waf(const struct ftl *f);
