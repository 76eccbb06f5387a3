/* SPDX-License-Identifier: BSD-3-Clause */
/* Filling the table, by Vose's way: what an entry lacks is taken from one that has too much. */
#include "ioworker/alias.h"

#include <errno.h>
#include <stdlib.h>
#include "util/alloc.h"

/* Each entry holds `total`; weight i is worth weight[i] * n of it. */
struct work {
	unsigned __int128 *share;
	uint32_t *small, *large; /* stacks */
	uint32_t nsmall, nlarge;
	uint64_t total;
};

static void
sort_in(struct work *w, uint32_t i)
{
	if (w->share[i] < w->total)
		w->small[w->nsmall++] = i;
	else
		w->large[w->nlarge++] = i;
}

static void
fill(struct iow_alias *a, struct work *w)
{
	uint32_t i, big;

	while (w->nsmall && w->nlarge) {
		i = w->small[--w->nsmall];
		big = w->large[--w->nlarge];
		a->entry[i].keep = (uint32_t)((w->share[i] << 32) / w->total);
		a->entry[i].other = big;
		w->share[big] -= w->total - w->share[i];
		sort_in(w, big);
	}
	/* All the others are whole. */
	while (w->nlarge) {
		i = w->large[--w->nlarge];
		a->entry[i] = (struct iow_alias_entry){ UINT32_MAX, i };
	}
}

static void
prepare(struct work *w, const uint64_t *weight, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		w->total += weight[i];
	for (i = 0; i < n; i++) {
		w->share[i] = (unsigned __int128)weight[i] * n;
		sort_in(w, i);
	}
}

int
iow_alias_open(struct iow_alias *a, const uint64_t *weight, uint32_t n)
{
	struct work w = { .share = ut_calloc(n, sizeof(*w.share)), .small = ut_calloc(2u * n, sizeof(*w.small)) };
	int rc = -ENOMEM;

	a->entry = ut_calloc(n, sizeof(*a->entry));
	a->n = n;
	if (a->entry && w.share && w.small) {
		w.large = w.small + n;
		prepare(&w, weight, n);
		fill(a, &w);
		rc = 0;
	}
	free(w.share);
	free(w.small);
	if (rc)
		iow_alias_close(a);
	return rc;
}

void
iow_alias_close(struct iow_alias *a)
{
	free(a->entry);
	a->entry = NULL;
}
