/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The main loop of a server: one thread polls the doorbells of all controllers and, every so often, the sockets.
 * After activity it spins, so that an answer costs microseconds; then it sleeps in epoll_wait: up to a
 * millisecond while a client is attached (doorbells are plain memory, nobody wakes us), longer when none is.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include "ssd/ssd.h"

struct loop_source;
typedef void (*loop_ready_fn)(struct loop_source *src, uint32_t events);

/* Embedded by whoever owns a descriptor.  It must stay valid for one round after loop_del(): events may be under way. */
struct loop_source {
	int fd; /* -1: not watched */
	loop_ready_fn ready;
};

struct loop {
	int ep;
	bool stop;
	bool crowded; /* few cores: whoever has nothing to do gives way */
	struct ssd *ssd[SSD_MAX_CTRLRS];
	uint32_t nr_ssds;
	uint32_t attached; /* clients that may ring a doorbell */
	uint64_t active_ns; /* when something last happened */
	uint64_t polled_ns; /* when the sockets were last looked at */
	uint64_t nap_ns; /* how long to sleep next; grows while idle */
};

int loop_init(struct loop *l); /* -errno */
void loop_fini(struct loop *l);
int loop_add(struct loop *l, struct loop_source *src, uint32_t events);
int loop_mod(struct loop *l, struct loop_source *src, uint32_t events);
void loop_del(struct loop *l, struct loop_source *src); /* src->fd stays open and is the caller's */
void loop_add_ssd(struct loop *l, struct ssd *ssd);
void loop_del_ssd(struct loop *l, const struct ssd *ssd);

/* One round: step every controller, look at the sockets when it is time, relax.  Returns after at most max_ns of sleep. */
void loop_once(struct loop *l, uint64_t max_ns);
void loop_run(struct loop *l); /* until l->stop */
