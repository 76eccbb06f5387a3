/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shadow doorbells: after Doorbell Buffer Config the doorbells of I/O queues are in host memory, and the controller tells in
 * a second buffer (EventIdx) up to where it has seen them; a host that passes that value writes the register too.
 *
 * The entries lie where the registers do, from the first doorbell on (CAP.DSTRD apart).  The admin queue keeps its registers.
 * Any reset of the controller takes the buffers away.  NVMe Base, "Doorbell Buffer Config command", "Doorbell Stride".
 */
#include "ssd/core.h"
#include <string.h>

/* How far the doorbells of all queues that can be reach. */
static uint32_t
span(const struct ssd *ssd)
{
	return 2 * (ssd_queues_max(ssd) + 1) * (4u << SSD_DSTRD);
}

static uint32_t
offset_of(const struct ssd *ssd, const uint32_t *reg)
{
	return (uint32_t)((const char *)reg - (const char *)ssd->db);
}

/* Where the queue's doorbell is read from now on. */
static const uint32_t *
place_of(const struct ssd *ssd, const uint32_t *reg)
{
	const struct ssd_dbbuf *b = &ssd->dbbuf;

	if (!b->on)
		return reg;
	return (const uint32_t *)(const void *)((b->va ? (const char *)b->va : (const char *)b->copy) +
						offset_of(ssd, reg));
}

void
ssd_dbbuf_sq(struct ssd *ssd, struct ssd_sq *sq)
{
	sq->db = sq->id ? place_of(ssd, ssd_db_sq(ssd, sq->id)) : ssd_db_sq(ssd, sq->id);
}

void
ssd_dbbuf_cq(struct ssd *ssd, struct ssd_cq *cq)
{
	cq->db = cq->id ? place_of(ssd, ssd_db_cq(ssd, cq->id)) : ssd_db_cq(ssd, cq->id);
}

static void
put(struct ssd *ssd, uint64_t base, uint32_t off, uint32_t v)
{
	le32 le = le32_from(v);

	(void)ssd_mem_write(ssd, base + off, &le, sizeof(le)); /* gone memory: the host notices itself */
}

/* Both buffers say what the controller knows: a queue goes on from there, whatever the memory held. */
static void
publish(struct ssd *ssd, const uint32_t *reg, uint32_t v)
{
	put(ssd, ssd->dbbuf.shadow, offset_of(ssd, reg), v);
	put(ssd, ssd->dbbuf.event, offset_of(ssd, reg), v);
	if (!ssd->dbbuf.va)
		ssd->dbbuf.copy[offset_of(ssd, reg) / 4] = v;
}

void
ssd_dbbuf_new_sq(struct ssd *ssd, struct ssd_sq *sq)
{
	ssd_dbbuf_sq(ssd, sq);
	if (ssd->dbbuf.on && sq->id)
		publish(ssd, ssd_db_sq(ssd, sq->id), 0);
}

void
ssd_dbbuf_new_cq(struct ssd *ssd, struct ssd_cq *cq)
{
	ssd_dbbuf_cq(ssd, cq);
	if (ssd->dbbuf.on && cq->id)
		publish(ssd, ssd_db_cq(ssd, cq->id), 0);
}

/* What was seen.  An event index that is the doorbell's own value asks for the register at the next change. */
void
ssd_dbbuf_seen(struct ssd *ssd, const uint32_t *reg, uint32_t v)
{
	put(ssd, ssd->dbbuf.event, offset_of(ssd, reg), v);
}

static void
repoint(struct ssd *ssd)
{
	for (uint32_t i = 0; i < SSD_MAX_QUEUES; i++) {
		if (ssd->sq[i].live)
			ssd_dbbuf_sq(ssd, &ssd->sq[i]);
		if (ssd->cq[i].live)
			ssd_dbbuf_cq(ssd, &ssd->cq[i]);
	}
}

/* What is known, for as long as the memory does not say otherwise. */
static void
copy_known(struct ssd *ssd)
{
	for (uint32_t i = 1; i < SSD_MAX_QUEUES; i++) {
		if (ssd->sq[i].live)
			ssd->dbbuf.copy[offset_of(ssd, ssd_db_sq(ssd, i)) / 4] = ssd->sq[i].tail;
		if (ssd->cq[i].live)
			ssd->dbbuf.copy[offset_of(ssd, ssd_db_cq(ssd, i)) / 4] = ssd->cq[i].head;
	}
}

/* A buffer that cannot be mapped as a whole is read each step. */
void
ssd_dbbuf_map(struct ssd *ssd)
{
	struct ssd_dbbuf *b = &ssd->dbbuf;

	if (!b->on)
		return;
	b->va = ssd_mem_map(ssd, b->shadow, span(ssd));
	if (!b->va) {
		copy_known(ssd);
		ssd_dbbuf_read(ssd);
	}
	repoint(ssd);
}

/* One that is gone keeps its last values. */
void
ssd_dbbuf_read(struct ssd *ssd)
{
	struct ssd_dbbuf *b = &ssd->dbbuf;

	for (uint32_t off = 0; b->on && !b->va && off < span(ssd); off += SSD_PAGE)
		(void)ssd_mem_read(ssd, b->shadow + off, (char *)b->copy + off, UT_MIN(span(ssd) - off, SSD_PAGE));
}

void
ssd_dbbuf_reset(struct ssd *ssd)
{
	ssd->dbbuf.on = false;
	ssd->dbbuf.va = NULL;
}

/* A page is what a host has to give at least; more, when it uses queues whose doorbells are beyond. */
bool
ssd_dbbuf_reachable(struct ssd *ssd, uint64_t at)
{
	return !ssd_mem_read(ssd, at, ssd->bounce, UT_MIN(span(ssd), SSD_PAGE));
}

void
ssd_dbbuf_set(struct ssd *ssd, uint64_t shadow, uint64_t event)
{
	struct ssd_dbbuf *b = &ssd->dbbuf;

	b->on = true;
	b->shadow = shadow;
	b->event = event;
	b->va = ssd_mem_map(ssd, shadow, span(ssd));
	for (uint32_t i = 1; i < SSD_MAX_QUEUES; i++) {
		if (ssd->sq[i].live)
			publish(ssd, ssd_db_sq(ssd, i), ssd->sq[i].tail);
		if (ssd->cq[i].live)
			publish(ssd, ssd_db_cq(ssd, i), ssd->cq[i].head);
	}
	repoint(ssd);
}
