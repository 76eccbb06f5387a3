/* SPDX-License-Identifier: BSD-3-Clause */
/* Where things are in the shared mapping. */
#include "ioworker/shared.h"

#include "nvproof/spec/cmd.h"
#include "util/barrier.h"
#include "util/bits.h"

#define LINE 64u

/* The next array, on a cache line of its own. */
static void *
place(char *base, uint64_t *off, uint64_t n, uint64_t size)
{
	uint64_t at = *off;

	*off = ut_align_up(at + n * size, LINE);
	return base ? base + at : NULL;
}

uint64_t
iow_view_init(struct iow_view *v, void *base, const struct iow_dims *d)
{
	uint64_t off = ut_align_up(sizeof(struct iow_shared), LINE);

	v->slot = place(base, &off, d->qdepth, sizeof(*v->slot));
	v->stat = place(base, &off, d->nops, sizeof(*v->stat));
	v->second = place(base, &off, d->nseconds, sizeof(*v->second));
	v->log = place(base, &off, d->nlog, sizeof(*v->log));
	v->heat = place(base, &off, IOW_HEAT, sizeof(*v->heat));
	v->op = place(base, &off, d->nops, sizeof(*v->op));
	v->size = place(base, &off, d->nsizes, sizeof(*v->size));
	v->region = place(base, &off, d->nregions, sizeof(*v->region));
	v->distribution = place(base, &off, d->has_distribution ? NVP_IOW_BUCKETS : 0, sizeof(*v->distribution));
	v->step = place(base, &off, d->nsteps, sizeof(*v->step));
	v->zone = place(base, &off, d->nzones, sizeof(*v->zone));
	if (!d->has_distribution)
		v->distribution = NULL;
	return off;
}

struct nvp_iow_plan
iow_view_plan(const struct iow_view *v, const struct iow_shared *sh)
{
	struct nvp_iow_plan p = sh->plan;

	p.ops = v->op;
	p.sizes = v->size;
	p.regions = v->region;
	p.distribution = v->distribution;
	p.steps = v->step;
	p.zones = v->zone;
	p.nops = sh->dims.nops;
	p.nsizes = sh->dims.nsizes;
	p.nregions = sh->dims.nregions;
	p.nsteps = sh->dims.nsteps;
	p.nzones = sh->dims.nzones;
	p.qpair = NULL;
	return p;
}

static uint64_t *
counter_of(struct nvp_iow_result *r, uint32_t opc)
{
	if (opc == NVME_OPC_READ)
		return &r->reads;
	return opc == NVME_OPC_WRITE ? &r->writes : &r->others;
}

void
iow_view_sum(const struct iow_view *v, const struct iow_shared *sh, struct nvp_iow_result *out)
{
	const struct iow_stat *s = v->stat;
	uint32_t i;

	out->reads = out->writes = out->others = out->bytes = out->slow = 0;
	out->latency_sum_ns = out->latency_max_ns = 0;
	for (i = 0; i < sh->dims.nops; i++, s++) {
		*counter_of(out, v->op[i].opc) += ut_load(&s->ios);
		out->bytes += ut_load(&s->lbas) * sh->target.lba_bytes;
		out->slow += ut_load(&s->slow);
		out->latency_sum_ns += ut_load(&s->sum_ns);
		out->latency_max_ns = UT_MAX(out->latency_max_ns, ut_load(&s->max_ns));
	}
}
