/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket: what is no part of NVMe (power, temperature, statistics, shutdown), as JSON-RPC 2.0, one message a line.
 * control.c moves lines; control_methods.c is the table of methods.
 */
#pragma once
#include <jansson.h>
#include "front/listen.h"
#include "front/loop.h"
#include "ssd/ssd.h"

#define CONTROL_MAX_CLIENTS 8u
#define CONTROL_MAX_LINE 16384u
#define CONTROL_SCHEMA 1 /* "schema_version" in every result */

struct vfu_server;

struct control_client {
	struct loop_source src;
	struct control *ctl;
	char *line; /* CONTROL_MAX_LINE bytes */
	size_t len;
	bool skipping; /* a line that is too long, until its end */
	char *out; /* what could not be sent yet */
	size_t out_len, out_off;
};

struct control {
	struct loop *loop;
	struct ssd_subsys *sub;
	const char *version;
	struct vfu_server *server; /* nr_servers of them */
	uint32_t nr_servers;
	char wrong[480]; /* about the parameters, in the answer that says so */
	struct listener listener;
	struct control_client client[CONTROL_MAX_CLIENTS];
	uint32_t next_victim;
};

/* Listen on path.  loop, sub, version, server and nr_servers are filled by the caller. */
int control_open(struct control *ctl, const char *path, char *err, size_t errlen);
void control_close(struct control *ctl);

/* The answer to one line, a new string to free(); NULL: a notification, no answer. */
char *control_answer(struct control *ctl, const char *line, size_t len);
