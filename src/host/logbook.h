/* SPDX-License-Identifier: BSD-3-Clause */
/* The book of this process: where the rings of all command logs lie (nvproof/cmdlog.h). */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "nvproof/cmdlog.h"
#include "util/clock.h"

/* Stands for the book among the regions that two processes share; no device ever gets such an address. */
#define LOGBOOK_IOVA (1ull << 62)

/* A ring for queue `qid`, empty.  -ENOMEM, -ENOSPC: all are in use. */
int logbook_take(const struct ut_clock *clock, const char *addr, uint32_t ctrlr, uint16_t qid,
		 struct nvp_cmdlog_ring **out);
/* Its queue is gone: the ring can be read until another queue needs it.  NULL is fine. */
void logbook_end(struct nvp_cmdlog_ring *ring);
/* The ring of a live queue, of several the newest; NULL: there is none. */
struct nvp_cmdlog_ring *logbook_find(uint32_t ctrlr, uint16_t qid);
/* A number for a controller. */
uint32_t logbook_ctrlr(void);

/* For another process: the file, and its length.  -1: there is no book yet. */
int logbook_fd(uint64_t *len);
/* Where a ring is, as an address in that file counted from LOGBOOK_IOVA. */
uint64_t logbook_iova(const struct nvp_cmdlog_ring *ring);
