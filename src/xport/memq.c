/* SPDX-License-Identifier: BSD-3-Clause */
/* The rare operations on rings. */
#include "xport/memq.h"

#include <string.h>

void
memq_reset(struct memq *q)
{
	q->sq_tail = q->sq_rung = q->cq_head = 0;
	q->phase = 1;
	if (!q->cq)
		return;
	/* NVMe Base, "Phase Tag": the host clears all of them before it creates the queue. */
	memset(q->cq, 0, (size_t)q->depth * sizeof(*q->cq));
}

void
memq_doorbell_slow(struct memq *q, uint64_t off, uint32_t val)
{
	le32 raw = le32_from(val);

	if (!q->bus)
		return;
	ut_release_barrier(); /* the entries before the doorbell, whichever way it goes */
	(void)q->bus->ops->bar_write(q->bus, 0, off, &raw, sizeof(raw));
}
