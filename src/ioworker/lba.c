/* SPDX-License-Identifier: BSD-3-Clause */
/* Setting up the LBA generator; lba.h has the part that runs per command. */
#include "ioworker/lba.h"

static uint64_t
round_up(uint64_t lba, uint32_t align)
{
	return (lba + align - 1) / align * align;
}

/* A run with a negative stride begins at the last place where a whole command fits. */
static uint64_t
wrap_lba(const struct nvp_iow_plan *p)
{
	if (p->lba_step >= 0)
		return round_up(p->region_start, p->lba_align);
	return (p->region_end - p->io_size) / p->lba_align * p->lba_align;
}

static uint64_t
stride(const struct nvp_iow_plan *p)
{
	return p->lba_step ? (uint64_t)(int64_t)p->lba_step : p->io_size;
}

void
iow_lba_init(struct iow_lba *g, const struct nvp_iow_plan *p)
{
	*g = (struct iow_lba){
		.start = p->region_start,
		.end = p->region_end,
		.first = round_up(p->region_start, p->lba_align),
		.wrap = wrap_lba(p),
		.step = stride(p),
		.size = p->io_size,
		.align = p->lba_align,
		.seq_align = p->lba_align,
		.random_percent = p->random_percent,
	};
	g->spots = (p->region_end - p->io_size - g->first) / p->lba_align + 1;
	g->cur = p->lba_start > p->region_start ? round_up(p->lba_start, p->lba_align) : g->wrap;
	if (g->cur >= g->end)
		g->cur = g->wrap;
	if (p->lba_step % (int64_t)p->lba_align == 0 && (p->lba_step || p->io_size % p->lba_align == 0))
		g->seq_align = 1;
	g->seq_round = p->lba_step < 0 ? 0 : g->seq_align - 1;
}

uint64_t
iow_lba_once(const struct nvp_iow_plan *p)
{
	struct iow_lba g;
	uint64_t by;

	iow_lba_init(&g, p);
	/* With an alignment that the stride does not keep, each command starts a whole number of alignments further. */
	by = round_up(p->lba_step < 0 ? 0 - g.step : g.step, g.seq_align);
	if (p->lba_step < 0)
		return (g.cur - g.first) / by + 1;
	return (g.end - g.cur + by - 1) / by;
}
