/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O commands whose media take time: they are carried out when they are taken, and their completion is posted when the media
 * would have done it.  A heap by due time; equal times in the order of the commands.
 */
#include "ssd/core.h"
#include "ssd/media/flash.h"
#include <string.h>

#define RETRY_NS 2000u /* no room in the completion queue */
#define FAR_NS 1000000u /* while bus mastering is off */

static bool
before(const struct ssd_delayed *a, const struct ssd_delayed *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void
swap(struct ssd_delayed *a, struct ssd_delayed *b)
{
	struct ssd_delayed t = *a;

	*a = *b;
	*b = t;
}

static void
push(struct ssd *ssd, const struct ssd_delayed *d)
{
	struct ssd_delayed *h = ssd->delayed;
	uint32_t i = ssd->nr_delayed++;

	h[i] = *d;
	for (; i && before(&h[i], &h[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&h[i], &h[(i - 1) / 2]);
	if (ssd->nr_delayed >= SSD_MAX_DELAYED - 1) /* a fused pair takes two places */
		ssd->hold |= SSD_HOLD_MEDIA;
	ssd_timer_arm(ssd, h[0].due_ns);
}

static struct ssd_delayed
pop(struct ssd *ssd)
{
	struct ssd_delayed *h = ssd->delayed, top = h[0];
	uint32_t i = 0, least;

	h[0] = h[--ssd->nr_delayed];
	for (;; i = least) {
		least = i;
		for (uint32_t child = 2 * i + 1; child <= 2 * i + 2 && child < ssd->nr_delayed; child++)
			least = before(&h[child], &h[least]) ? child : least;
		if (least == i)
			break;
		swap(&h[i], &h[least]);
	}
	ssd->hold &= (uint8_t)~SSD_HOLD_MEDIA;
	return top;
}

bool
ssd_delay(struct ssd_cmd *c, nvme_status sc)
{
	struct ssd *ssd = c->ssd;
	uint64_t due = ssd->sub->io_due_ns;

	ssd->sub->io_due_ns = 0;
	if (due <= ssd->now_ns)
		return false;
	if (!c->sq->id)
		return !sc && ssd_later(c, due) == SSD_PENDING;
	assert(ssd->nr_delayed < SSD_MAX_DELAYED);
	push(ssd, &(struct ssd_delayed){ .due_ns = due,
					 .order = ssd->delay_order++,
					 .sqid = c->sq->id,
					 .cid = c->sqe->cid,
					 .status = sc,
					 .dw0 = c->dw0,
					 .dw1 = c->dw1 });
	return true;
}

uint64_t
ssd_delay_tick(struct ssd *ssd)
{
	if (ssd->stopped) /* until a reset, which forgets them */
		return SSD_NEVER;
	if (ssd->nr_delayed && ssd->delayed[0].due_ns <= ssd->now_ns)
		ssd_flash_reached(ssd->sub->media, ssd->now_ns);
	while (ssd->nr_delayed && ssd->delayed[0].due_ns <= ssd->now_ns) {
		struct ssd_delayed d = pop(ssd);
		struct ssd_sq *sq = &ssd->sq[d.sqid];

		if (!ssd->dma_ok || !ssd_cq_room(ssd, sq->cq)) {
			d.due_ns = ssd->now_ns + (ssd->dma_ok ? RETRY_NS : FAR_NS);
			push(ssd, &d);
			continue;
		}
		ssd_cqe_post(ssd, sq, d.cid, d.dw0, d.dw1, d.status);
		ssd->busy = true;
	}
	return ssd->nr_delayed ? ssd->delayed[0].due_ns : SSD_NEVER;
}

void
ssd_delay_drop(struct ssd *ssd, uint16_t sqid)
{
	uint32_t n = ssd->nr_delayed;

	ssd->nr_delayed = 0;
	ssd->hold &= (uint8_t)~SSD_HOLD_MEDIA;
	for (uint32_t i = 0; i < n; i++) {
		struct ssd_delayed d = ssd->delayed[i];

		if (d.sqid != sqid)
			push(ssd, &d);
	}
}
