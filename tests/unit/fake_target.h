/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A scripted vfio-user server in a thread: answers like the target in the field (BAR0 of 16 KiB with one area 1000h..1FFFh
 * behind a file of exactly 2000h bytes, JSON capabilities), and misbehaves at the n-th message as the script says.
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "proto/vfu.h"

enum target_act {
	ACT_DIE = 1, /* close the connection instead of answering */
	ACT_SILENT, /* say nothing */
	ACT_LATE, /* answer after late_ms */
	ACT_HALF, /* half a header, then nothing */
	ACT_SHORT, /* an answer without its payload */
	ACT_HUGE, /* a header that promises 2 GiB */
	ACT_TINY, /* a header with an impossible size */
	ACT_FLOOD, /* answers to something else, without an end, while the client stays; 3 s at most */
	ACT_OTHER_ID, /* an answer to something else, then the right one */
	ACT_COMMAND, /* a command of its own first */
	ACT_ERROR, /* an error of `err` */
	ACT_ERROR_ZERO, /* an error that does not say which */
	ACT_JUNK, /* an answer full of ones */
};

struct target {
	/* the script */
	enum target_act act;
	int at; /* at which message, from 0 */
	int err;
	uint32_t late_ms;
	uint16_t major, minor;
	const char *json; /* NULL: none */
	uint32_t max_xfer; /* checked in what the client sends */
	bool no_sparse, whole_mappable;
	uint64_t area_off, area_size;
	uint32_t file_size; /* of the descriptor behind BAR0 */
	uint32_t class;
	uint32_t dev_flags;

	/* what happened */
	int messages, maps, unmaps, resets, irqs;
	uint64_t last_map_addr;
	bool map_had_fd, over_max;
	int refused; /* replies of the client to our command */
	int irq_fd; /* the last one given, or -1 */
	uint8_t bar[0x4000], cfg[0x1000];
	int bar_fd;

	char dir[64], path[96];
	int listen_fd;
	volatile int session_fd;
	pthread_t thread;
};

void target_defaults(struct target *t);
void target_start(struct target *t);
void target_stop(struct target *t);
/* cmocka setup (defaults, not started) and teardown (stops it); *state is a struct target. */
int target_setup(void **state);
int target_teardown(void **state);
