/* SPDX-License-Identifier: BSD-3-Clause */
/* Verification around each command of a worker: hold.c.  For engines with e->verify and e->extra. */
#pragma once
#include "ioworker/engine.h"

#define IOW_NOBODY UINT32_MAX
#define IOW_SOURCES 1024u /* blocks that a wrong one is compared with */

/* At the start, once e->verify and e->check are known. */
void iow_hold_op(const struct iow_engine *e, struct iow_op *op);
/* Before the command in this place is sent.  false: its LBAs are in use, iow_wait() has to follow. */
bool iow_hold(struct iow_engine *e, uint32_t cid);
void iow_wait(struct iow_engine *e, uint32_t cid);
/* Once a turn while commands wait: how many of them were sent.  A draining engine gives them back. */
uint32_t iow_resume(struct iow_engine *e);
/* After it completed: the status that it has then.  last: a wrong read is not repeated. */
uint16_t iow_release(struct iow_engine *e, uint32_t cid, uint16_t status, bool last);
/* The driver ended it. */
void iow_lose(struct iow_engine *e, uint32_t cid);
/* At the end: whatever is still locked. */
void iow_hold_close(struct iow_engine *e);
/* A sequential read of LBAs that are known to be uncorrectable. */
bool iow_skips(const struct iow_engine *e, const struct iow_io *io);
/* full.c: send it, its LBAs are held. */
void iow_full_launch(struct iow_engine *e, uint32_t cid);
