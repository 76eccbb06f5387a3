/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The verification table as it lies in shared memory, front to back:
 *
 *	head	who uses it, and what is the same for all
 *	groups	locks, for 8 LBAs each; LBAs that are a multiple of 262,144 apart share them
 *	stamps	a byte for each lock: which flush the last write there waits for
 *	codes	at 4 MiB: a byte for each 512 bytes, or 4 bytes for each LBA
 *	foreign	a byte for each 4,096 LBAs: something there was written without its id
 *
 * A new page is all zero: unlocked and unknown.  Locks say whose they are, so those of a dead process can be told from
 * all others: a writer's lane holds its user number, a reader's bit is at its user number.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "nvproof/verify.h"
#include "util/barrier.h"
#include "util/bits.h"

#define VERIFY_MAGIC 0x6e767066544c4234ull
#define VERIFY_FRONT (4u << 20)
#define VERIFY_GROUPS 32768u
#define VERIFY_LANES 8u /* LBAs of a group */
#define VERIFY_LOCKS ((uint64_t)VERIFY_GROUPS * VERIFY_LANES)
#define VERIFY_UNIT 512u
#define VERIFY_CHUNK_SHIFT 12u
#define VERIFY_BULK 65536u /* LBAs; longer operations, and those of several ranges, are locked by lock.c */

/* A code below CODE_FIRST is a state. */
enum verify_state {
	CODE_UNKNOWN = 0,
	CODE_BUSY, /* a write is in flight; or was, when its process died */
	CODE_TAINTED, /* a write may still come that nobody waits for */
	CODE_UNMAPPED,
	CODE_UNCORR,
	CODE_FIRST,
};

enum verify_locked { LOCKED_NOT, LOCKED_CLAIMED, LOCKED_ALL }; /* claimed: others' reads have not ended yet */

struct verify_group {
	uint64_t readers; /* bit n: user n reads here */
	uint64_t writers; /* a lane (byte) an LBA: its user; with LANE_BULK: by the one long operation of that user */
	uint64_t last; /* the last write that began here: slba << 16 | nlb - 1; for diagnosis only */
	uint64_t token; /* of it */
	/* What a power loss would leave; doubt.h. */
	uint8_t durable[VERIFY_LANES]; /* the code of the last durable version; a state: not known */
	uint16_t whose[VERIFY_LANES]; /* which of the lane's LBAs; 0: of several, or nobody's */
	uint64_t rsvd;
};
_Static_assert(sizeof(struct verify_group) == 64, "a group is a cache line");
#define LANE_BULK 0x80u

struct verify_head {
	uint64_t magic;
	uint64_t nlba, limit;
	uint32_t lba_size, code_bytes; /* of an LBA: lba_size / 512, or 4 */
	uint32_t crc32;
	uint32_t enabled;
	uint32_t broken; /* somebody writes without a place in user[]: nothing can be known */
	uint32_t huge;
	uint32_t uncorr; /* some LBAs are, or were */
	uint32_t stamp; /* of writes that end now; 1 to 126 */
	uint32_t covered; /* by a flush: the stamps up to this one */
	uint32_t volatiles; /* there were writes that are not durable by themselves */
	uint32_t flusher; /* the user whose flush is under way; 0: nobody */
	uint64_t token __attribute__((aligned(64)));
	uint64_t user[NVP_VERIFY_USERS + 1]
		__attribute__((aligned(64))); /* pid << 32 | its start; 0: free; [0] unused */
};
#define VERIFY_GROUPS_AT 65536u
_Static_assert(sizeof(struct verify_head) <= VERIFY_GROUPS_AT, "head");
#define VERIFY_STAMPS_AT (VERIFY_GROUPS_AT + VERIFY_GROUPS * sizeof(struct verify_group))
_Static_assert(VERIFY_STAMPS_AT + VERIFY_LOCKS <= VERIFY_FRONT, "groups and stamps");

struct nvp_verify {
	struct verify_head *head;
	struct verify_group *group;
	uint8_t *stamp;
	uint8_t *code;
	uint8_t *foreign;
	uint64_t *reads; /* this handle's reads in flight: 16 bits an LBA of the lock table */
	uint64_t tags; /* its user number in each lane */
	uint64_t bit;
	uint64_t nlba; /* copies: what others write into shared memory is not trusted as a bound */
	uint32_t lba_size, code_bytes;
	uint32_t user;
	uint32_t nsid;
	uint32_t held; /* operations that hold locks */
	bool crc32, bulk;
	struct verify_sums *sums; /* same.c; NULL: not asked for */
	int fd;
	uint64_t map_len;
	char *name; /* NULL: private */
};

/* How many of nlb LBAs from slba on are in the table. */
static inline uint64_t
verify_clip(const struct nvp_verify *v, uint64_t slba, uint64_t nlb)
{
	uint64_t limit = UT_MIN(ut_load(&v->head->limit), v->nlba);

	if (slba >= limit)
		return 0;
	return nlb < limit - slba ? nlb : limit - slba;
}

/* In the data of an operation, from one LBA to the next. */
static inline uint32_t
verify_stride(const struct nvp_verify *v, const struct nvp_verify_op *op)
{
	return op->stride ? op->stride : v->lba_size;
}

static inline uint8_t *
verify_code(const struct nvp_verify *v, uint64_t lba)
{
	return v->code + lba * v->code_bytes;
}

/* table.c: bytes of the whole file for a table of this size. */
uint64_t verify_file_len(uint64_t nlba, uint32_t code_bytes);
void verify_place(struct nvp_verify *v);

/* user.c: a number for this handle.  -EUSERS. */
int verify_user_take(struct nvp_verify *v);
void verify_user_drop(struct nvp_verify *v);
uint64_t verify_user_self(void);
bool verify_user_dead(uint64_t owner);

/* The end of a write: it is in the device's cache. */
static inline void
verify_stamp(struct nvp_verify *v, uint64_t slba, uint64_t n)
{
	uint64_t at = slba % VERIFY_LOCKS, first = UT_MIN(n, VERIFY_LOCKS - at);
	int stamp = (int)ut_load(&v->head->stamp);

	if (!ut_load(&v->head->volatiles))
		ut_store(&v->head->volatiles, 1u);
	memset(v->stamp + at, stamp, first);
	if (n > first)
		memset(v->stamp, stamp, UT_MIN(n - first, VERIFY_LOCKS));
}

/* registry.c: the descriptor of a table that another process has open under this name, or -1; lock held or not. */
struct verify_registry;
int verify_registry_enter(const char *name, struct verify_registry **out);
int verify_registry_find(struct verify_registry *r);
void verify_registry_add(struct verify_registry *r, int fd);
void verify_registry_leave(struct verify_registry *r);
void verify_registry_remove(const char *name, int fd);

/* bulk.c */
int verify_bulk_lock(struct nvp_verify *v, struct nvp_verify_op *op);
void verify_bulk_unlock(struct nvp_verify *v, struct nvp_verify_op *op);
/* All ranges of an operation, one after the other, cut to the table. */
static inline uint32_t
verify_ranges(const struct nvp_verify_op *op)
{
	return op->nranges + (op->nranges == 0 || op->kind == NVP_VERIFY_COPY);
}
static inline struct nvp_verify_range
verify_range(const struct nvp_verify *v, const struct nvp_verify_op *op, uint32_t i)
{
	struct nvp_verify_range r = { op->slba, op->nlb };

	if (i < op->nranges)
		r = op->ranges[i];
	r.nlb = verify_clip(v, r.slba, r.nlb);
	return r;
}

/* state.c: every code of n LBAs: one that is tainted stays so, one that is busy becomes unknown, all others `to`. */
void verify_set(struct nvp_verify *v, uint64_t slba, uint64_t n, uint8_t to);
/* The first byte from c on, up to end, that may be other than zero: looking at a hole would fill it. */
uint8_t *verify_skip_hole(const struct nvp_verify *v, uint8_t *c, uint8_t *end);
/* One LBA: whatever its code is, unless it is tainted. */
void verify_forget(struct nvp_verify *v, uint64_t lba);
/* What begin() and end() of an operation that holds its LBAs alone do to them. */
void verify_make_busy(struct nvp_verify *v, uint64_t slba, uint64_t n);
void verify_settle(struct nvp_verify *v, uint64_t slba, uint64_t n, uint8_t to);
