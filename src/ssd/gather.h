/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads and Writes of one burst are carried out in two passes: first all of them are checked and their data found, then all
 * is copied, in order, and then their completions are stored.  Copies of kilobytes push everything else out of the
 * first-level cache, so what is done between them is slow; and copies that follow each other overlap in the processor.
 *
 * A copy waits only within memory that stays where it is: media that are flat, host memory that is mapped.  Any other command
 * begins when nothing waits, so nobody sees the difference.
 */
#pragma once
#include "ssd/core.h"

#define SSD_GATHER_BYTES 65536u /* when so much waits, it is copied and told: a completion must not wait for long */

void ssd_copies_run(struct ssd *ssd);

/*
 * Stores past the cache are the slower ones for a host that does not look at its data.  For media they save a read of what
 * is overwritten, and where a host far from this core reads all its data, its cache has the lines, and taking each of them
 * away costs more.  Nobody tells, so the other way is tried now and then for some bursts, and the quicker one is kept.
 */
bool ssd_past_now(const struct ssd_past *s); /* whether this burst is stored past the cache */
void
ssd_past_took(struct ssd_past *s, uint64_t ticks, uint32_t bytes); /* that burst, which was long enough to compare */

/* The data of c, at `media`, in one piece; false: it cannot wait, nothing was done.  c->segs is set. */
static inline bool
ssd_copy_later(struct ssd_cmd *c, uint8_t *media, uint64_t len, bool to_host)
{
	const struct ssd_seg *s = &c->segs[0];
	struct ssd *ssd = c->ssd;

	if (!c->ns->sub->media->flat || !c->sq->cq->gather || c->nsegs != 1 || !s->va || s->len != len)
		return false;
	ssd->copies[ssd->nr_copies++] =
		(struct ssd_copy){ .media = media, .host = s->va, .len = (uint32_t)len, .to_host = to_host };
	ssd->copy_bytes += (uint32_t)len;
	return true;
}
