/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which command comes next: opcode, size, and LBA.  All choices are tables that are made from the plan once; what
 * runs per command draws random bits and looks up.  A step that a plan does not need (there is one size, one region,
 * ...) is no code at all: the function below is instantiated for each combination of flags.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "ioworker/alias.h"
#include "nvproof/ioworker.h"
#include "util/rng.h"

enum iow_gen_flags {
	IOW_GEN_OPS = 1, /* more than one opcode */
	IOW_GEN_SIZES = 2, /* more than one size */
	IOW_GEN_LBA = 12, /* one of these: */
	IOW_GEN_SEQ = 0,
	IOW_GEN_RANDOM = 4, /* in one region */
	IOW_GEN_AREAS = 8, /* random in several regions, or by distribution */
	IOW_GEN_MIX = 12, /* a percentage of random among sequential */
	IOW_GEN_NR = 16,
};

struct iow_io {
	uint64_t slba;
	uint32_t nlb;
	uint32_t op; /* index in the plan */
};

/* One size. */
struct iow_kind {
	uint32_t nlb, align;
	uint64_t inverse; /* 2^64 / align, for a division by multiplying */
};

/* Where a random command of one kind may begin in one area: at `spots` places from `first` on, `align` apart. */
struct iow_spots {
	uint64_t first, spots;
};

struct iow_gen {
	struct ut_rng rng;
	unsigned flags;
	struct iow_alias ops, sizes, areas;
	struct iow_kind *kind;
	struct iow_spots *spots; /* [area * nkinds + kind] */
	uint32_t nkinds;
	uint32_t random_below; /* of 2^32 draws, so many are random */

	/* sequential */
	uint64_t cur; /* the next LBA; outside of the region: on to the next region */
	uint64_t start, end; /* of the region */
	uint64_t step; /* modulo 2^64: a negative stride wraps around; 0: the size */
	bool round; /* the stride does not keep the alignment by itself */
	bool back; /* the stride is negative */
	bool whole;
	uint32_t at_region;
	const struct nvp_iow_region *region;
	uint32_t nregions;

	/* a trace */
	const struct nvp_iow_step *step_at, *step_end;
	uint8_t op_of[256]; /* opcode to index */
};

/* p: checked, with its arrays, which outlive the generator (or steps).  -ENOMEM. */
int iow_gen_open(struct iow_gen *g, const struct nvp_iow_plan *p, uint64_t nsze);
void iow_gen_close(struct iow_gen *g);
/* Enter the next region (the one before, with a negative stride); the LBA to go on from, for a command of this kind. */
uint64_t iow_gen_enter(struct iow_gen *g, const struct iow_kind *k);
/* lba aligned for this kind: up, with a negative stride down. */
uint64_t iow_gen_round(const struct iow_gen *g, const struct iow_kind *k, uint64_t lba);
/* How many commands a sequential run takes to cover all its regions once; the plan has one size. */
uint64_t iow_gen_once(const struct nvp_iow_plan *p);

static inline void
iow_gen_sequential(struct iow_gen *g, const struct iow_kind *k, struct iow_io *io)
{
	uint64_t lba = g->cur, left;

	if (g->round)
		lba = iow_gen_round(g, k, lba);
	if (__builtin_expect(lba - g->start >= g->end - g->start, 0))
		lba = iow_gen_enter(g, k);
	left = g->end - lba;
	io->nlb = k->nlb;
	if (__builtin_expect(left < k->nlb, 0)) {
		if (g->whole)
			lba = iow_gen_enter(g, k);
		else
			io->nlb = (uint32_t)left;
	}
	io->slba = lba;
	g->cur = lba + (g->step ? g->step : io->nlb);
}

/* Each function for one combination of flags, which is a constant in it. */
static inline __attribute__((always_inline)) void
iow_gen_next(struct iow_gen *g, struct iow_io *io, const unsigned f)
{
	uint32_t kind = 0, area = 0;
	const struct iow_spots *s;
	uint64_t r;

	io->op = 0;
	if (f & (IOW_GEN_OPS | IOW_GEN_SIZES)) {
		r = ut_rng_next(&g->rng);
		if (f & IOW_GEN_OPS)
			io->op = iow_alias_pick(&g->ops, (uint32_t)(r >> 32));
		if (f & IOW_GEN_SIZES)
			kind = iow_alias_pick(&g->sizes, (uint32_t)r);
	}
	if ((f & IOW_GEN_LBA) == IOW_GEN_SEQ) {
		iow_gen_sequential(g, &g->kind[kind], io);
		return;
	}
	if (f & IOW_GEN_AREAS) {
		r = ut_rng_next(&g->rng);
		if ((f & IOW_GEN_LBA) == IOW_GEN_MIX && (uint32_t)r >= g->random_below) {
			iow_gen_sequential(g, &g->kind[kind], io);
			return;
		}
		area = iow_alias_pick(&g->areas, (uint32_t)(r >> 32));
	}
	s = &g->spots[(uint64_t)area * g->nkinds + kind];
	io->nlb = g->kind[kind].nlb;
	io->slba = s->first + ut_rng_below(&g->rng, s->spots) * g->kind[kind].align;
}

static inline void
iow_gen_trace(struct iow_gen *g, struct iow_io *io)
{
	const struct nvp_iow_step *s = g->step_at++;

	io->slba = s->slba;
	io->nlb = s->nlb;
	io->op = g->op_of[s->opc & 0xff];
}
