/* SPDX-License-Identifier: BSD-3-Clause */
/* Findings, kept until somebody asks.  Several queue pairs (threads) add to one list, so it has a lock. */
#pragma once
#include <pthread.h>
#include <stdint.h>
#include "nvproof/err.h"

#define EVENTS_KEPT 64u /* when nobody reads, the oldest ones stay: they tell how it began */

struct nvp_events {
	pthread_mutex_t lock;
	uint32_t count;
	struct nvp_event ev[EVENTS_KEPT];
};

void events_init(struct nvp_events *e);
void events_add(struct nvp_events *e, const struct nvp_event *ev);
uint32_t events_take(struct nvp_events *e, struct nvp_event *out, uint32_t max);
