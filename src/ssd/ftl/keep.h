/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an image keeps of the FTL itself, behind the NAND.  Everything that a power loss leaves is on NAND; this is for the process that
 * ends without one, killed.  Counters, as of the last program.  And what a capacitor would have saved then: trimmed ranges from when they
 * are trimmed, and what was in the write buffer when the host flushed.
 */
#pragma once
#include "ssd/ftl/ftl_int.h"

struct ftl_keep {
	struct ftl_stats stats;
	struct nand_stats nand_stats;
	struct ut_rng rng; /* of the NAND; never 0 */
	uint64_t now_ns; /* in the flash's own time */
	uint64_t used; /* 0: nothing was ever kept */
	uint32_t nr_trimmed, rsvd;
	struct ftl_trimmed trimmed[FTL_JOURNAL_RECORDS];
};

struct ftl_kept_slot { /* the write buffer, by slot */
	_Alignas(8) uint32_t unit; /* + 1; 0: nothing is kept.  All is changed at once */
	uint16_t place, copy; /* of two, which are written in turn */
};

/* 0, or -ENOMEM.  Without a store nothing is kept, and all these do nothing. */
int keep_open(struct ftl *f);
bool keep_meta_ok(const struct ftl *f); /* pages that hold map, journal or a root are what was programmed */
void keep_stats(struct ftl *f);
void keep_trimmed(struct ftl *f); /* f->trimmed has grown, or is void */
void keep_trim_again(struct ftl *f); /* recovery: the ranges that were kept */
bool keep_flush(struct ftl *f); /* false: the disk is full */
void keep_changed(struct ftl *f, const uint8_t *to); /* the slot with this memory is written again */
void keep_drop(struct ftl *f, uint32_t slot);
void keep_restore(struct ftl *f); /* what was flushed, and was in the write buffer, goes to NAND */
