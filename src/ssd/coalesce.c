/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupt coalescing: a vector of I/O completion queues interrupts when as many entries as the threshold came since its last
 * interrupt, or when the aggregation time has passed since the first of them.  The admin queue's entries, those of commands
 * that failed, and vectors with CD set interrupt at once.
 *
 * NVMe Base, features "Interrupt Coalescing" and "Interrupt Vector Configuration".  Nothing is counted while an entry is
 * posted: what came is the distance of the tail from where it was at the last interrupt.
 */
#include "ssd/core.h"
#include "nvproof/spec/feat.h"
#include <string.h>

#define TIME_NS 100000u /* the unit of TIME */

static bool
bit_of(const uint64_t *set, uint32_t v)
{
	return set[v / 64] >> (v % 64) & 1;
}

static bool
uses(const struct ssd_cq *cq, uint32_t v)
{
	return cq->live && cq->ien && cq->iv == v;
}

static uint32_t
news(const struct ssd_cq *cq)
{
	return cq->tail >= cq->told ? cq->tail - cq->told : cq->tail + cq->size - cq->told;
}

/* Entries that the vector did not tell of; UINT32_MAX: one of them must not wait. */
static uint32_t
count(const struct ssd *ssd, uint32_t v)
{
	uint32_t n = 0;

	if (uses(&ssd->cq[0], v) && news(&ssd->cq[0]))
		return UINT32_MAX;
	for (uint32_t i = 1; i < SSD_MAX_QUEUES; i++)
		n += uses(&ssd->cq[i], v) ? news(&ssd->cq[i]) : 0;
	return n;
}

static void
told(struct ssd *ssd, uint32_t v)
{
	for (uint32_t i = 0; i < SSD_MAX_QUEUES; i++) {
		if (uses(&ssd->cq[i], v))
			ssd->cq[i].told = ssd->cq[i].tail;
	}
	ssd->coal.held[v / 64] &= ~(1ull << (v % 64));
	ssd->coal.now[v / 64] &= ~(1ull << (v % 64));
}

/* Both THR (0's based) and TIME are not 0h here. */
static bool
may_wait(struct ssd *ssd, uint32_t v)
{
	struct ssd_coal *co = &ssd->coal;

	if (bit_of(ssd->feat.irq_cd, v) || bit_of(co->now, v))
		return false;
	if (bit_of(co->held, v) && ssd->now_ns >= co->due_ns[v])
		return false;
	return count(ssd, v) <= nvme_get32(ssd->feat.int_coal, NVME_FEAT_IC_THR);
}

static void
hold(struct ssd *ssd, uint32_t v)
{
	struct ssd_coal *co = &ssd->coal;

	if (bit_of(co->held, v))
		return;
	co->held[v / 64] |= 1ull << (v % 64);
	co->due_ns[v] = ssd->now_ns + nvme_get32(ssd->feat.int_coal, NVME_FEAT_IC_TIME) * (uint64_t)TIME_NS;
	ssd_timer_arm(ssd, co->due_ns[v]);
}

uint64_t
ssd_coal_filter(struct ssd *ssd, uint32_t w, uint64_t due)
{
	uint64_t out = 0;

	for (; due; due &= due - 1) {
		uint32_t v = w * 64 + (uint32_t)__builtin_ctzll(due);

		if (may_wait(ssd, v)) {
			hold(ssd, v);
		} else {
			told(ssd, v);
			out |= 1ull << (v % 64);
		}
	}
	return out;
}

void
ssd_coal_soon(struct ssd *ssd, const struct ssd_cq *cq)
{
	ssd->coal.now[cq->iv / 64] |= 1ull << (cq->iv % 64);
}

/* What waits goes out with the next step; what comes is counted from here. */
void
ssd_coal_changed(struct ssd *ssd)
{
	struct ssd_coal *co = &ssd->coal;
	uint32_t v = ssd->feat.int_coal;

	for (uint32_t w = 0; w < SSD_NR_VECTORS / 64; w++)
		ssd->irq_due[w] |= co->held[w];
	memset(co, 0, sizeof(*co));
	for (uint32_t i = 0; i < SSD_MAX_QUEUES; i++)
		ssd->cq[i].told = ssd->cq[i].tail;
	co->on = nvme_get(v, NVME_FEAT_IC_THR) && nvme_get(v, NVME_FEAT_IC_TIME);
	for (uint32_t w = 0; w < SSD_NR_VECTORS / 64; w++)
		co->now[w] = ssd->irq_due[w];
}

uint64_t
ssd_coal_tick(struct ssd *ssd)
{
	uint64_t next = SSD_NEVER;

	for (uint32_t w = 0; w < SSD_NR_VECTORS / 64; w++) {
		for (uint64_t h = ssd->coal.held[w]; h; h &= h - 1) {
			uint32_t v = w * 64 + (uint32_t)__builtin_ctzll(h);

			if (ssd->now_ns >= ssd->coal.due_ns[v])
				ssd->irq_due[w] |= 1ull << (v % 64);
			else
				next = UT_MIN(next, ssd->coal.due_ns[v]);
		}
	}
	return next;
}
