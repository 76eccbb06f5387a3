/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transparent data verification: what was written must come back.  One table a namespace, in memory that all processes
 * share which use it: a code (a byte of CRC for 512 bytes, or a CRC-32C an LBA) and a state for each LBA, and locks.
 *
 * The rules, by which a drive that is right is never accused:
 * - begin() before a command is submitted and end() after it completed.  begin() locks the LBAs between all processes:
 *   reads share them, all others have them alone.  It never waits: -EAGAIN says that they are in use.
 * - From begin() on, the LBAs of a write are `busy`.  Only a write that succeeded leaves a code.  One that failed, was
 *   torn by a power cut or ended with its queue leaves them unknown: old, new or a mixture, so nothing is checked until
 *   they are written again.
 * - A command that the driver gave up (a timeout), and that of a process that died, may still be executed later.  Its
 *   LBAs are `tainted`: not even a later write makes them known, until nvp_verify_over() says that the device is done
 *   with it, or everything is forgotten.
 * - Data that changed in its buffer between begin() and end() (another command's, the script's) is not recorded.
 * - After Write Zeroes and a deallocation an LBA is unmapped: not checked.  After Write Uncorrectable a read that
 *   succeeds is wrong, even when the command itself failed.
 *
 * A handle belongs to one thread.  A process that dies with locks held blocks nobody: see nvp_verify_recover().
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct nvp_verify;

struct nvp_verify_opts {
	uint64_t limit; /* LBAs that are verified, from 0 on; 0: all */
	bool crc32; /* 4 bytes an LBA instead of 1 byte for 512 */
	/* What tells the namespace from all others in the eyes of this user's processes.  NULL: a table of its own. */
	const char *name;
};

/*
 * The table, in a sparse file in memory, of huge pages when enough are free.  With a name that another process has open,
 * it is the same table, and crc32 is as it is there.  -ENOMEM: what `limit` needs is not available, the I/O goes on
 * without; -EUSERS: more than NVP_VERIFY_USERS handles; -EINVAL.
 */
int nvp_verify_open(uint64_t nlba, uint32_t lba_size, const struct nvp_verify_opts *opts, struct nvp_verify **out);
/* The same table in another process, from its descriptor (which stays the caller's).  -EPROTO: that is no such table. */
int nvp_verify_attach(int fd, struct nvp_verify **out);
void nvp_verify_close(struct nvp_verify *v); /* NULL is fine; what is still locked is released */
int nvp_verify_fd(const struct nvp_verify *v); /* close-on-exec; valid until close */
uint64_t nvp_verify_nlba(const struct nvp_verify *v);
uint64_t nvp_verify_limit(const struct nvp_verify *v);
/* More LBAs, when there is memory for them. */
void nvp_verify_raise_limit(struct nvp_verify *v, uint64_t limit);
uint32_t nvp_verify_lba_size(const struct nvp_verify *v);
bool nvp_verify_crc32(const struct nvp_verify *v);
bool nvp_verify_huge(const struct nvp_verify *v);
#define NVP_VERIFY_USERS 62u

/* Check reads or not; writes always update the table.  Shared by all processes.  Off at first. */
void nvp_verify_enable(struct nvp_verify *v, bool enable);
bool nvp_verify_enabled(const struct nvp_verify *v);

/* --- around each command --- */

enum nvp_verify_kind {
	NVP_VERIFY_READ,
	NVP_VERIFY_WRITE,
	NVP_VERIFY_LOOK, /* Compare, Verify: reads, and nothing to check */
	NVP_VERIFY_ZERO, /* Write Zeroes, a deallocation: unmapped */
	NVP_VERIFY_UNCORR,
	NVP_VERIFY_COPY, /* the LBAs are the destination, `ranges` the sources */
	NVP_VERIFY_CHANGE, /* in a way that is not known */
};

struct nvp_verify_range {
	uint64_t slba, nlb;
};

struct nvp_verify_op {
	uint64_t slba;
	uint32_t nlb;
	uint8_t kind; /* enum nvp_verify_kind */
	bool durable; /* when it completed it was: FUA, or the device has no volatile write cache */
	uint32_t
		stride; /* bytes from one LBA to the next in the data: more than lba_size with metadata between; 0: lba_size */

	struct nvp_verify_same *same; /* of a write, see there; NULL: the data are anything */
	uint64_t token; /* with `same`: in each LBA */

	uint8_t locked; /* from here on: ours */
	bool noted;
	uint32_t n; /* LBAs that are in the table */
	uint32_t sum;
	uint32_t nranges;
	const struct nvp_verify_range *ranges; /* instead of slba and nlb; with Copy, besides; valid until end() */
};

/*
 * Of a buffer that is written again and again, and in which nothing changes but the ids and the token that nvp_verify_inject()
 * puts there: with it, the end of a write need not look at all data.  nvp_verify_same_bytes() large, and zeroed at
 * first; the caller's, and used by this buffer alone.
 */
struct nvp_verify_same {
	uint32_t known; /* LBAs that were looked at */
	uint32_t crc[]; /* one a code, as if id and token were zeros */
};
uint64_t nvp_verify_same_bytes(const struct nvp_verify *v, uint32_t nlb);
int nvp_verify_same_init(
	struct nvp_verify *v); /* before the first op that has one.  -ENOMEM; -EOPNOTSUPP: LBAs too large */

enum nvp_verify_verdict {
	NVP_VERIFY_OK, /* the command succeeded */
	NVP_VERIFY_FAILED, /* not, and the device is done with it */
	NVP_VERIFY_LOST, /* the driver gave it up: the device may still execute it */
};

/*
 * 0: submit it.  -EAGAIN: its LBAs are in use, call again later with the same op; a writer keeps its place before new
 * readers meanwhile, so either that or nvp_verify_cancel() has to follow.
 */
int nvp_verify_begin(struct nvp_verify *v, struct nvp_verify_op *op);
void nvp_verify_cancel(struct nvp_verify *v, struct nvp_verify_op *op); /* it was not submitted */
/* begin() or end() of a command at this LBA will follow soon: what they look at is asked for.  Any value is allowed. */
void nvp_verify_prefetch(const struct nvp_verify *v, uint64_t slba);
/* Optional, between begin() and the submission of a write whose data may be changed by others before its end(). */
void nvp_verify_note(struct nvp_verify *v, struct nvp_verify_op *op, const void *data);

struct nvp_miscompare;
/*
 * data: of a read what came, of a write what was sent (nlb LBAs, `stride` apart); NULL: not known.  Returns 1 when a read
 * gave wrong data: *mis (may be NULL) says which LBA, the first one, and nvp_verify_diagnose() the rest.
 */
int nvp_verify_end(struct nvp_verify *v, struct nvp_verify_op *op, enum nvp_verify_verdict verdict, const void *data,
		   struct nvp_miscompare *mis);
/*
 * Whether a process that died holds locks: they are taken from it; how many handles it had.  To be called when begin()
 * has said -EAGAIN for some milliseconds.
 */
uint32_t nvp_verify_recover(struct nvp_verify *v);
/* The process whose write the first LBA of an operation waits for; 0: it waits for reads, or for nothing any more. */
int nvp_verify_holder(const struct nvp_verify *v, const struct nvp_verify_op *op);

/* --- without a command --- */

/* The device is done with a write whose end nobody saw: its queue was deleted, its process collected. */
void nvp_verify_over(struct nvp_verify *v, uint64_t slba, uint64_t nlb);
/* Nothing is known of them any more, or uncorr: a read has to fail. */
void nvp_verify_mark(struct nvp_verify *v, uint64_t slba, uint64_t nlb, bool uncorr);
/* Everything is forgotten: a format, a sanitize, a script that knows better. */
void nvp_verify_clear(struct nvp_verify *v);
/* A read of this LBA has to fail. */
bool nvp_verify_is_uncorr(const struct nvp_verify *v, uint64_t lba);
bool nvp_verify_any_uncorr(const struct nvp_verify *v); /* false: certainly none */

/* --- the volatile write cache of the device --- */

/*
 * A Flush of the namespace: begin() before it is submitted, and if that was true, end() when it completed.  What was
 * written before is there after a power loss then; all other writes, but for those with `durable` set, are in doubt.
 */
bool nvp_verify_flush_begin(struct nvp_verify *v);
void nvp_verify_flush_end(struct nvp_verify *v, bool ok);
/* All that was written is durable: the device was shut down in order. */
void nvp_verify_flushed(struct nvp_verify *v);
/*
 * The power went: an LBA whose last write was not durable is old or new until it is written again.  Old is the version that was
 * durable when the first write after it began: a byte of its code is kept.  New is the last one that was written.  Of those
 * between, if there were more writes, only the id is known (which LBA it is of), so that stale data from before the durable
 * version is found with one write, not with more.  Anything else is a miscompare, and says so (`in_doubt`).
 * Not checked are LBAs of which no durable version is known, those whose last command was no write or did not succeed, and those
 * that share a lock (262,144 LBAs apart) with another one that was written since.
 */
void nvp_verify_power_lost(struct nvp_verify *v);

/* --- what is put into written data --- */

/* n tokens: the first one.  Each is greater than all before, in all processes. */
uint64_t nvp_verify_tokens(struct nvp_verify *v, uint32_t n);

/* The first 8 bytes of each LBA: its address in bits 47:0, its namespace in bits 63:48. */
static inline uint64_t
nvp_verify_id(uint32_t nsid, uint64_t lba)
{
	return (lba & 0xffffffffffffull) | (uint64_t)nsid << 48;
}

/* What nvp_verify_end() has to know to check the first 8 bytes. */
void nvp_verify_set_nsid(struct nvp_verify *v, uint32_t nsid);

enum { NVP_INJECT_ID = 1, NVP_INJECT_TOKEN = 2, NVP_INJECT_NOTHING = 4 };
/* Into nlb LBAs at data, `stride` bytes apart: the id in the first 8 bytes, the token in the last 8 of lba_size. */
void nvp_verify_inject(void *data, uint32_t lba_size, uint32_t stride, uint64_t id, uint32_t nlb, uint64_t token,
		       unsigned what);

/* --- a miscompare, explained --- */

enum nvp_mis_kind {
	NVP_MIS_OTHER, /* nothing of what was expected */
	NVP_MIS_STALE, /* an older version of this LBA */
	NVP_MIS_MISDIRECTED, /* the data of another LBA */
	NVP_MIS_TORN, /* parts of one write, the rest older */
	NVP_MIS_FLIPPED, /* the right version with wrong bits */
	NVP_MIS_UNWRITTEN, /* zeroes or ones: as if never written */
	NVP_MIS_UNCORRECTABLE, /* the read should have failed */
};
#define NVP_MIS_BITS 8u

struct nvp_miscompare {
	uint64_t lba;
	uint32_t expected_crc, got_crc;
	bool lba_mismatch; /* found by the id */
	bool in_doubt; /* since a power loss: it is not the durable version either */
	enum nvp_mis_kind kind;
	uint64_t got_id, got_token;
	uint64_t expected_token; /* of the last write; 0: not known any more */
	uint32_t nbits; /* flipped, all of them; the first ones are in bit[], counted from bit 0 of byte 0 of the LBA */
	uint32_t bit[NVP_MIS_BITS];
	uint32_t good_from,
		good_to; /* torn: these bytes of the command's data are of the last write; metadata counts too */
};

/* Data that the LBA may have been written from; NULL ends. */
struct nvp_verify_source {
	const void *data; /* lba_size bytes; its id and token may be others by now */
	const struct nvp_verify_source *next;
};

/* Find out what happened: right after end() returned 1, with the same data. */
void nvp_verify_diagnose(struct nvp_verify *v, const struct nvp_verify_op *op, const void *data,
			 const struct nvp_verify_source *sources, struct nvp_miscompare *mis);
/* "crc mismatch: lba 0x3e8, expected 0x11, but got 0x22", as scripts look for it.  Like snprintf(). */
int nvp_miscompare_line(const struct nvp_miscompare *mis, char *out, uint32_t size);
/* What happened in one line: "stale version: ...".  Like snprintf(). */
int nvp_miscompare_text(const struct nvp_miscompare *mis, char *out, uint32_t size);

/* --- snapshots --- */

/*
 * The table in a file, to be verified against in another run.  Nothing may be in flight: what is, is unknown there.
 * Negative errno.
 */
int nvp_verify_save(struct nvp_verify *v, const char *path);
/*
 * Instead of all that is known.  -EPROTO: no snapshot, damaged, or of another version; -ENXIO: of another size or format of
 * namespace.  The table is unchanged then.
 */
int nvp_verify_load(struct nvp_verify *v, const char *path);
