/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker measured, while it runs and after it has ended. */
#include "ioworker/parent.h"

#include <stdlib.h>
#include "util/alloc.h"
#include "util/barrier.h"
#include "util/bits.h"

/* It came to no end by itself: the times are those of the last completion, and what was counted is what is there. */
static void
sum_up(struct nvp_iow *w)
{
	const struct iow_shared *sh = w->sh;
	uint32_t i;

	iow_view_sum(&w->view, sh, &w->res);
	for (i = 0; i < sh->dims.nops; i++)
		w->view.stat[i].hist.count = w->view.stat[i].ios;
	if (!w->res.ns && sh->last_ticks > sh->first_ticks)
		w->res.ns =
			(uint64_t)((unsigned __int128)(sh->last_ticks - sh->first_ticks) * sh->mult >> UT_CLOCK_SHIFT);
}

void
iow_collect(struct nvp_iow *w, int32_t error)
{
	if (w->ended)
		return;
	w->ended = true;
	w->sh->reason[IOW_REASON - 1] = '\0';
	w->res = w->sh->res;
	sum_up(w);
	if (!w->res.error)
		w->res.error = error;
}

void
nvp_iow_live(const struct nvp_iow *w, uint64_t *ios, uint64_t *bytes)
{
	struct nvp_iow_result r;

	iow_view_sum(&w->view, w->sh, &r);
	*ios = r.reads + r.writes + r.others;
	*bytes = r.bytes;
}

const struct nvp_iow_result *
nvp_iow_result(const struct nvp_iow *w)
{
	return &w->res;
}

bool
nvp_iow_miscompare(const struct nvp_iow *w, struct nvp_miscompare *out)
{
	if (w->res.miscompare_lba == UINT64_MAX || !w->sh)
		return false;
	*out = w->sh->mis;
	return true;
}

const char *
nvp_iow_reason(const struct nvp_iow *w)
{
	return w->reason[0] ? w->reason : w->sh->reason;
}

const struct nvp_iow_second *
nvp_iow_seconds(const struct nvp_iow *w, uint32_t *n)
{
	*n = UT_MIN(ut_load(&w->sh->seconds), w->sh->dims.nseconds);
	return w->view.second;
}

uint64_t
nvp_iow_percentile_ns(const struct nvp_iow *w, uint32_t ppm)
{
	struct ut_hist *sum = ut_calloc(1, sizeof(*sum));
	uint64_t ns;
	uint32_t i;

	if (!sum)
		return 0;
	for (i = 0; i < w->sh->dims.nops; i++)
		ut_hist_merge(sum, &w->view.stat[i].hist);
	ns = ut_hist_percentile(sum, ppm);
	free(sum);
	return ns;
}

bool
nvp_iow_op(const struct nvp_iow *w, uint32_t i, struct nvp_iow_op_result *out)
{
	const struct iow_stat *s = &w->view.stat[i];

	if (i >= w->sh->dims.nops)
		return false;
	*out = (struct nvp_iow_op_result){
		.opc = w->view.op[i].opc,
		.ios = ut_load(&s->ios),
		.bytes = ut_load(&s->lbas) * w->sh->target.lba_bytes,
		.latency_sum_ns = ut_load(&s->sum_ns),
		.latency_max_ns = ut_load(&s->max_ns),
	};
	return true;
}

uint32_t
nvp_iow_hist(const struct nvp_iow *w, uint32_t i, struct nvp_iow_bucket *out, uint32_t max)
{
	const struct ut_hist *h = &w->view.stat[i].hist;
	uint64_t count;
	uint32_t b, n = 0;

	if (i >= w->sh->dims.nops)
		return 0;
	for (b = 0; b < UT_HIST_BUCKETS && n < max; b++) {
		count = ut_load(&h->bucket[b]);
		if (count)
			out[n++] = (struct nvp_iow_bucket){ ut_hist_low(b), ut_hist_low(b + 1) - 1, count };
	}
	return n;
}

static uint64_t
since_start_us(const struct iow_shared *sh, uint64_t ticks)
{
	if (ticks <= sh->first_ticks)
		return 0;
	return (uint64_t)((unsigned __int128)(ticks - sh->first_ticks) * sh->mult >> UT_CLOCK_SHIFT) / 1000;
}

uint32_t
nvp_iow_log(const struct nvp_iow *w, struct nvp_iow_log_entry *out, uint32_t max)
{
	uint64_t last = ut_load(&w->sh->log_seq), seq;
	uint32_t n = 0, nlog = w->sh->dims.nlog;
	const struct iow_log *l;

	max = UT_MIN(max, w->sh->plan.log_entries);
	for (seq = last > max ? last - max + 1 : 1; nlog && seq <= last; seq++) {
		l = &w->view.log[(seq - 1) % nlog];
		if (l->seq != seq)
			continue;
		out[n] = (struct nvp_iow_log_entry){
			.slba = l->slba, .nlb = l->nlb, .opc = l->opc, .status = l->status
		};
		out[n].sent_us = since_start_us(w->sh, l->sent);
		out[n++].completed_us = l->completed ? UT_MAX(since_start_us(w->sh, l->completed), 1u) : 0;
	}
	return n;
}

const uint32_t *
nvp_iow_heat(const struct nvp_iow *w, uint32_t *n, uint64_t *lbas)
{
	*lbas = 1ull << w->sh->target.heat_shift;
	*n = (uint32_t)((w->sh->target.nsze - 1) >> w->sh->target.heat_shift) + 1;
	return w->view.heat;
}

uint64_t
nvp_iow_begin_ns(const struct nvp_iow *w)
{
	uint64_t begun = ut_load(&w->sh->first_ns);

	return begun ? begun : ut_load(&w->sh->begin_ns);
}
