/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command log: a ring per queue pair with each command's SQE, CQE and two time stamps.  All rings of a process lie
 * in one memfd, the *book*, which no device can reach.  One writer a ring (who owns the queue pair), any readers.
 *
 * Another process of the same user finds the book among the open files of this one (nvp_cmdlog_attach()) and reads it
 * while this one works, hangs or is stopped.  The book ends with the process, however that ends: nothing is left over.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "nvproof/spec/cmd.h"

#define NVP_CMDLOG_ENTRIES 2048u /* a power of two */
#define NVP_CMDLOG_SLOTS 2048u /* rings in a book */
#define NVP_CMDLOG_NAME "nvproof-cmdlog" /* of the memfd */
#define NVP_CMDLOG_MAGIC 0x31676f6c6476706eull /* "npvdlog1": changes with the layout */

struct nvp_ctrlr;

struct nvp_cmdlog_entry {
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	uint64_t submit_ticks;
	uint64_t complete_ticks; /* 0: not completed yet */
	uint64_t seq; /* 1, 2, ...; written last; 0: being written or never used */
	uint8_t pad[24];
};
_Static_assert(sizeof(struct nvp_cmdlog_entry) == 128, "two cache lines");

struct nvp_cmdlog_ring {
	uint64_t head; /* commands logged so far */
	uint64_t first; /* head when the present owner got the ring: what came before is not its own */
	uint64_t mult; /* ns = ticks * mult >> UT_CLOCK_SHIFT */
	uint64_t base_ticks; /* taken at the same moment as base_wall_ns */
	uint64_t base_wall_ns;
	uint64_t base_mono_ns; /* CLOCK_MONOTONIC then; 0: virtual time */
	uint16_t qid;
	uint8_t pad[78];
	struct nvp_cmdlog_entry entry[NVP_CMDLOG_ENTRIES];
};
_Static_assert(sizeof(struct nvp_cmdlog_ring) % 128 == 0, "entries are aligned");

enum nvp_cmdlog_state {
	NVP_CMDLOG_FREE = 0,
	NVP_CMDLOG_LIVE,
	NVP_CMDLOG_ENDED, /* its queue is deleted; readable until a new queue needs the ring */
};

/* Whose ring it is. */
struct nvp_cmdlog_slot {
	uint64_t gen; /* grows with each change; odd: being changed */
	uint32_t state; /* enum nvp_cmdlog_state */
	uint32_t ctrlr; /* a number for each controller that was opened, 1 and up */
	uint64_t begun_ns, ended_ns; /* CLOCK_MONOTONIC */
	uint16_t qid;
	char addr[94]; /* of the device, cut where it is longer */
};
_Static_assert(sizeof(struct nvp_cmdlog_slot) == 128, "two cache lines");

struct nvp_cmdlog_book {
	uint64_t magic; /* written last */
	int32_t pid; /* who made it: a forked child has the file open, too */
	uint32_t size_ring;
	uint8_t pad[112];
	char title[256]; /* what the process is busy with, for people; always ends with a NUL */
	struct nvp_cmdlog_slot slot[NVP_CMDLOG_SLOTS];
	struct nvp_cmdlog_ring ring[NVP_CMDLOG_SLOTS];
};

/* One entry as a reader wants it; times in ns since the epoch (virtual time: since the start). */
struct nvp_cmdlog_rec {
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	uint64_t submit_ns;
	uint64_t complete_ns; /* 0: outstanding */
	uint64_t seq; /* of its ring, growing */
	uint16_t qid;
	uint16_t slot; /* of a merge: number of its ring in the array, or in the book */
};

/*
 * Copy up to max entries, newest first, skipping `offset` of the newest.  Safe against the writer.  Returns how many.
 */
uint32_t nvp_cmdlog_read(const struct nvp_cmdlog_ring *ring, uint32_t offset, struct nvp_cmdlog_rec *out, uint32_t max);
/* The same over several rings in time order, newest first.  0 as well when there is no memory for it. */
uint32_t
nvp_cmdlog_merge(const struct nvp_cmdlog_ring *const *rings, uint32_t n, struct nvp_cmdlog_rec *out, uint32_t max);
/* One entry as text ("...: Read sqid:1 cid:3 nsid:1 slba:0 nlb:8 -> SUCCESS (00/00) 12.3 us").  Like snprintf(). */
int nvp_cmdlog_text(const struct nvp_cmdlog_rec *rec, char *out, uint32_t size);

/*
 * A ring for a queue that somebody runs without a struct nvp_qpair.  Any thread; one writer a ring.  -ENOMEM, -ENOSPC:
 * the book is full.
 */
int nvp_cmdlog_begin(const struct nvp_ctrlr *c, uint16_t qid, struct nvp_cmdlog_ring **out);
/* What it has stays readable for a while. */
void nvp_cmdlog_end(struct nvp_cmdlog_ring *ring);
uint64_t nvp_cmdlog_submit(const struct nvp_ctrlr *c, struct nvp_cmdlog_ring *ring, const struct nvme_sqe *sqe);
void
nvp_cmdlog_complete(const struct nvp_ctrlr *c, struct nvp_cmdlog_ring *ring, uint64_t seq, const struct nvme_cqe *cqe);
/* Say what this process is busy with; NULL: nothing. */
void nvp_cmdlog_title(const char *title);

/* The book of a process, read only.  Whatever is in it is not trusted: the process may be anybody's. */
struct nvp_cmdlog_view;

/*
 * -ESRCH: no such process; -ENOENT: it has no book; -EACCES: it belongs to another user; -EPROTO: it is of another
 * version; -ENOMEM.  A view stays readable when the process ends.
 */
int nvp_cmdlog_attach(int32_t pid, struct nvp_cmdlog_view **out);
void nvp_cmdlog_detach(struct nvp_cmdlog_view *v); /* NULL is fine */
/* What it is busy with; size bytes, always a string. */
void nvp_cmdlog_view_title(const struct nvp_cmdlog_view *v, char *out, uint32_t size);
/* Whose ring number i is.  False: nobody's, or it is changing just now. */
bool nvp_cmdlog_view_slot(const struct nvp_cmdlog_view *v, uint32_t i, struct nvp_cmdlog_slot *out);
/* Commands that this ring's owner has sent. */
uint64_t nvp_cmdlog_view_count(const struct nvp_cmdlog_view *v, uint32_t i);
/* The rings of these numbers merged, as nvp_cmdlog_merge(). */
uint32_t nvp_cmdlog_view_read(const struct nvp_cmdlog_view *v, const uint16_t *slots, uint32_t n,
			      struct nvp_cmdlog_rec *out, uint32_t max);
