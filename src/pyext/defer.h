/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands whose LBAs are in use wait here, each with its place in its queue, until the ones before it are done: nothing
 * is reaped while a command is sent, so no callback runs where a script does not expect one.  They are tried again
 * whenever a command completes and in each turn of a wait, and given up after the time of a command.
 */
#pragma once
#include "pyext/queue.h"

/* Send it now, or when its LBAs are free. */
void py_defer_submit(struct nvp_req *r, struct py_cmd *cmd);
/* Half of a fused pair, whose halves go together: at once, and without verification where its LBAs are in use. */
void py_defer_never(struct nvp_req *r, struct py_cmd *cmd);
/* Whether any command waits; of this queue. */
bool py_defer_any(void);
bool py_defer_has(const struct py_queue *pq);
/* Try them all again; how many were sent. */
uint32_t py_defer_run(void);
/* Nothing came and some wait: other queues may have what they wait for. */
void py_defer_help(struct py_queue *pq);
/* The queue ends: what waits there is completed with 00/08. */
void py_defer_abort(struct py_queue *pq);
