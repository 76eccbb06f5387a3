/* SPDX-License-Identifier: BSD-3-Clause */
/* Which LBAs come next: random and aligned, or sequential with a stride, within a region. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "nvproof/ioworker.h"
#include "util/bits.h"
#include "util/rng.h"

struct iow_lba {
	uint64_t start, end; /* the region, end excluded */
	uint64_t first, spots; /* random: the first aligned LBA, and how many there are */
	uint64_t cur; /* sequential: the next LBA; outside the region: wrap */
	uint64_t wrap; /* where a sequential run begins again */
	uint64_t step; /* modulo 2^64: a negative stride wraps around */
	uint32_t size, align;
	uint32_t seq_align; /* 1 when the stride keeps the alignment by itself */
	uint32_t seq_round; /* seq_align - 1: align up; 0, for a negative stride: down */
	uint32_t random_percent;
};

/* The plan has been checked (iow_plan_check()). */
void iow_lba_init(struct iow_lba *g, const struct nvp_iow_plan *p);
/* How many commands a sequential run takes to cover its region once. */
uint64_t iow_lba_once(const struct nvp_iow_plan *p);

static inline bool
iow_percent(struct ut_rng *rng, uint32_t percent)
{
	if (percent == 0 || percent >= 100)
		return percent != 0;
	return ut_rng_below(rng, 100) < percent;
}

/* Returns how many LBAs: io_size, or fewer for a sequential command at the end of the region. */
static inline uint32_t
iow_lba_next(struct iow_lba *g, struct ut_rng *rng, uint64_t *slba)
{
	if (iow_percent(rng, g->random_percent)) {
		*slba = g->first + ut_rng_below(rng, g->spots) * g->align;
		return g->size;
	}
	if (g->seq_align > 1 && g->cur < g->end)
		g->cur = (g->cur + g->seq_round) / g->seq_align * g->seq_align;
	if (g->cur < g->start || g->cur >= g->end)
		g->cur = g->wrap;
	*slba = g->cur;
	g->cur += g->step;
	return (uint32_t)UT_MIN((uint64_t)g->size, g->end - *slba);
}
