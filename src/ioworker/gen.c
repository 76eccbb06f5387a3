/* SPDX-License-Identifier: BSD-3-Clause */
/* Making the tables of the generator, and the steps of it that are rare. */
#include "ioworker/gen.h"

#include <errno.h>
#include <stdlib.h>
#include "util/alloc.h"
#include "util/bits.h"

/* lba / align.  The product is at most one too large, and only when lba * align passes 2^64. */
static uint64_t
divide(const struct iow_kind *k, uint64_t lba)
{
	uint64_t q;

	if (k->align == 1)
		return lba;
	q = (uint64_t)((unsigned __int128)lba * k->inverse >> 64);
	return q - (q * k->align > lba);
}

uint64_t
iow_gen_round(const struct iow_gen *g, const struct iow_kind *k, uint64_t lba)
{
	if (lba < g->start || lba >= g->end)
		return lba;
	return divide(k, g->back ? lba : lba + k->align - 1) * k->align;
}

/* The first place in the region of a run; of one with a negative stride, the last one for a whole command. */
static uint64_t
entry_of(const struct iow_gen *g, const struct iow_kind *k)
{
	if (!g->back)
		return divide(k, g->start + k->align - 1) * k->align;
	return divide(k, g->end - k->nlb) * k->align;
}

static void
set_region(struct iow_gen *g, uint32_t i)
{
	g->at_region = i;
	g->start = g->region[i].start;
	g->end = g->region[i].end;
}

uint64_t
iow_gen_enter(struct iow_gen *g, const struct iow_kind *k)
{
	uint32_t last = g->nregions - 1, i = g->at_region;

	if (g->back)
		set_region(g, i ? i - 1 : last);
	else
		set_region(g, i == last ? 0 : i + 1);
	return entry_of(g, k);
}

static void
make_kind(struct iow_kind *k, const struct nvp_iow_size *s)
{
	*k = (struct iow_kind){ .nlb = s->nlb, .align = s->align };
	if (s->align > 1)
		k->inverse = UINT64_MAX / s->align + 1;
}

/*
 * Where a sequential run begins: lba_start, in whichever region it lies; else at the first (last) one's beginning
 * (end).
 */
static void
begin_sequential(struct iow_gen *g, const struct nvp_iow_plan *p)
{
	uint32_t i;

	set_region(g, g->back ? g->nregions - 1 : 0);
	g->cur = entry_of(g, &g->kind[0]);
	for (i = 0; p->lba_start && i < g->nregions; i++) {
		if (p->lba_start <= p->regions[i].start || p->lba_start >= p->regions[i].end)
			continue;
		set_region(g, i);
		g->cur = iow_gen_round(g, &g->kind[0], p->lba_start);
		return;
	}
}

/* Not when there is one alignment, and each command ends, or the stride leads, to a multiple of it. */
static bool
needs_rounding(const struct nvp_iow_plan *p)
{
	const struct nvp_iow_size *s = p->sizes;
	uint32_t i, by;

	for (i = 0; i < p->nsizes; i++) {
		by = p->lba_step ? (uint32_t)abs(p->lba_step) : s[i].nlb;
		if (s[i].align != s[0].align || by % s[i].align)
			return true;
	}
	return false;
}

static void
init_sequential(struct iow_gen *g, const struct nvp_iow_plan *p)
{
	g->region = p->regions;
	g->nregions = p->nregions;
	g->step = (uint64_t)(int64_t)p->lba_step;
	g->back = p->lba_step < 0;
	g->whole = p->whole;
	g->round = needs_rounding(p);
	begin_sequential(g, p);
}

/* --- random --- */

/* The places from `from` on whose last one is not after `last`. */
static struct iow_spots
spots_in(const struct iow_kind *k, uint64_t from, uint64_t last)
{
	uint64_t first = (from + k->align - 1) / k->align * k->align;

	return (struct iow_spots){ first, first > last ? 0 : (last - first) / k->align + 1 };
}

static uint64_t
bucket_start(uint64_t nsze, uint32_t i)
{
	return (uint64_t)((unsigned __int128)nsze * i / NVP_IOW_BUCKETS);
}

struct area {
	uint64_t start, end, weight;
};

static uint32_t
list_areas(const struct nvp_iow_plan *p, uint64_t nsze, struct area *out)
{
	uint32_t i, n = 0;

	for (i = 0; !p->distribution && i < p->nregions; i++)
		out[n++] = (struct area){ p->regions[i].start, p->regions[i].end,
					  p->regions[i].end - p->regions[i].start };
	for (i = 0; p->distribution && i < NVP_IOW_BUCKETS; i++)
		if (p->distribution[i])
			out[n++] =
				(struct area){ bucket_start(nsze, i), bucket_start(nsze, i + 1), p->distribution[i] };
	return n;
}

/* In a region all of a command lies inside; in a bucket of a distribution it begins there. */
static void
fill_spots(struct iow_gen *g, const struct area *a, uint32_t n, uint64_t nsze, bool whole)
{
	struct iow_spots *s = g->spots;
	uint64_t last;
	uint32_t i, k;

	for (i = 0; i < n; i++, a++)
		for (k = 0; k < g->nkinds; k++, s++) {
			last = whole ? a->end - g->kind[k].nlb : UT_MIN(a->end - 1, nsze - g->kind[k].nlb);
			*s = spots_in(&g->kind[k], a->start, last);
			if (!s->spots) /* a bucket without an aligned place: the next one there is */
				*s = (struct iow_spots){ UT_MIN(s->first, (nsze - g->kind[k].nlb) / g->kind[k].align *
										  g->kind[k].align),
							 1 };
		}
}

static int
init_areas(struct iow_gen *g, const struct area *a, uint32_t n)
{
	uint64_t *weight = ut_calloc(n, sizeof(*weight));
	uint32_t i;
	int rc;

	if (!weight)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		weight[i] = a[i].weight;
	rc = iow_alias_open(&g->areas, weight, n);
	free(weight);
	return rc;
}

static int
init_random(struct iow_gen *g, const struct nvp_iow_plan *p, uint64_t nsze)
{
	struct area *a = ut_calloc(UT_MAX(p->nregions, NVP_IOW_BUCKETS), sizeof(*a));
	uint32_t n;
	int rc = -ENOMEM;

	if (!a)
		return rc;
	n = list_areas(p, nsze, a);
	g->spots = ut_calloc((uint64_t)n * g->nkinds, sizeof(*g->spots));
	if (g->spots) {
		fill_spots(g, a, n, nsze, !p->distribution);
		rc = init_areas(g, a, n);
	}
	if (p->random_percent < 100)
		g->flags |= IOW_GEN_MIX;
	else
		g->flags |= n > 1 ? IOW_GEN_AREAS : IOW_GEN_RANDOM;
	g->random_below = (uint32_t)(((uint64_t)p->random_percent << 32) / 100);
	free(a);
	return rc;
}

/* --- sizes and opcodes --- */

static int
init_sizes(struct iow_gen *g, const struct nvp_iow_plan *p)
{
	uint64_t *weight = ut_calloc(p->nsizes, sizeof(*weight));
	uint32_t i;
	int rc = -ENOMEM;

	g->nkinds = p->nsizes;
	g->kind = ut_calloc(p->nsizes, sizeof(*g->kind));
	if (g->kind && weight) {
		for (i = 0; i < p->nsizes; i++) {
			make_kind(&g->kind[i], &p->sizes[i]);
			weight[i] = p->sizes[i].weight;
		}
		rc = iow_alias_open(&g->sizes, weight, p->nsizes);
	}
	if (p->nsizes > 1)
		g->flags |= IOW_GEN_SIZES;
	free(weight);
	return rc;
}

static int
init_ops(struct iow_gen *g, const struct nvp_iow_plan *p)
{
	uint64_t weight[NVP_IOW_OPS_MAX];
	uint32_t i;

	for (i = 0; i < p->nops; i++) {
		weight[i] = p->ops[i].weight;
		g->op_of[p->ops[i].opc & 0xff] = (uint8_t)i;
	}
	if (p->nops > 1)
		g->flags |= IOW_GEN_OPS;
	return iow_alias_open(&g->ops, weight, p->nops);
}

int
iow_gen_open(struct iow_gen *g, const struct nvp_iow_plan *p, uint64_t nsze)
{
	int rc;

	*g = (struct iow_gen){ .step_at = p->steps };
	ut_rng_seed(&g->rng, p->seed);
	g->step_end = p->steps + p->nsteps;
	rc = init_ops(g, p);
	if (p->nsteps || rc)
		goto out;
	rc = init_sizes(g, p);
	if (!rc)
		init_sequential(g, p);
	if (!rc && p->random_percent)
		rc = init_random(g, p, nsze);
out:
	if (rc)
		iow_gen_close(g);
	return rc;
}

void
iow_gen_close(struct iow_gen *g)
{
	iow_alias_close(&g->ops);
	iow_alias_close(&g->sizes);
	iow_alias_close(&g->areas);
	free(g->kind);
	free(g->spots);
	g->kind = NULL;
	g->spots = NULL;
}

/* Not the shortest way, but the one that cannot disagree with what a run does: count in one region by its rules. */
static uint64_t
once_in(const struct nvp_iow_plan *p, const struct nvp_iow_region *r)
{
	uint64_t by = p->lba_step ? (uint64_t)llabs(p->lba_step) : p->sizes[0].nlb, first, n;
	uint64_t from = p->lba_start > r->start && p->lba_start < r->end ? p->lba_start : r->start;
	uint32_t align = p->sizes[0].align;

	by = (by + align - 1) / align * align; /* each begins a whole number of alignments further */
	first = (from + align - 1) / align * align;
	if (p->lba_step < 0) {
		from = p->lba_start > r->start && p->lba_start < r->end ? p->lba_start : r->end - p->sizes[0].nlb;
		return (from / align * align - (r->start + align - 1) / align * align) / by + 1;
	}
	n = (r->end - first + by - 1) / by;
	return n - (p->whole && n > 1 && (r->end - first - (n - 1) * by) < p->sizes[0].nlb);
}

uint64_t
iow_gen_once(const struct nvp_iow_plan *p)
{
	uint64_t n = 0;
	uint32_t i;

	for (i = 0; i < p->nregions; i++)
		n += once_in(p, &p->regions[i]);
	return n;
}
