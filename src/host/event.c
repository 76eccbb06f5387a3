/* SPDX-License-Identifier: BSD-3-Clause */
/* What is strange about a device, as data. */
#include "host/event.h"

#include <string.h>

#include "host/ctrlr_int.h"
#include "util/bits.h"

void
events_init(struct nvp_events *e)
{
	pthread_mutex_init(&e->lock, NULL);
	e->count = 0;
}

void
events_add(struct nvp_events *e, const struct nvp_event *ev)
{
	pthread_mutex_lock(&e->lock);
	if (e->count < EVENTS_KEPT)
		e->ev[e->count++] = *ev;
	pthread_mutex_unlock(&e->lock);
}

uint32_t
events_take(struct nvp_events *e, struct nvp_event *out, uint32_t max)
{
	uint32_t n;

	pthread_mutex_lock(&e->lock);
	n = UT_MIN(e->count, max);
	if (n) {
		memcpy(out, e->ev, n * sizeof(*out));
		e->count -= n;
		memmove(e->ev, e->ev + n, e->count * sizeof(*out));
	}
	pthread_mutex_unlock(&e->lock);
	return n;
}

uint32_t
nvp_ctrlr_events(struct nvp_ctrlr *c, struct nvp_event *out, uint32_t max)
{
	return events_take(&c->events, out, max);
}

const char *
nvp_event_name(enum nvp_event_kind kind)
{
	static const char *const names[] = {
		[NVP_EVENT_TIMEOUT] = "timeout",
		[NVP_EVENT_UNEXPECTED_CID] = "unexpected cid",
		[NVP_EVENT_LATE_CQE] = "late completion",
		[NVP_EVENT_BAD_SQID] = "bad sqid",
		[NVP_EVENT_BAD_SQHD] = "bad sqhd",
		[NVP_EVENT_GONE] = "device is gone",
		[NVP_EVENT_FATAL] = "controller fatal status",
	};

	return (size_t)kind < UT_ARRAY_LEN(names) ? names[kind] : "unknown";
}
