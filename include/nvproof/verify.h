/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transparent data verification: a table with one entry per LBA, in memory shared by all processes that use the namespace.
 * A write that succeeds records the CRC-32C of each LBA; a read that succeeds is checked against it.
 *
 * An entry is {crc32, generation, writers in flight}.  A write counts itself in before submission and out after
 * completion; a read notes the generations and is judged only when nothing was written meanwhile.  Two writes that
 * overlap in time leave the LBA unknown.  So overlapping commands, in this or another process, are never misjudged: what
 * cannot be known is not checked.  No function here takes a lock; all may be called from any thread and process.
 *
 * A process that dies between begin() and end() leaves LBAs with a writer counted in: they are not checked any more.  Who
 * knows what it had in flight calls nvp_verify_write_end() with ok = false in its place, once the queue is gone.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct nvp_verify;

struct nvp_miscompare {
	uint64_t lba;
	uint32_t expected_crc, got_crc;
};

/*
 * A table for `nlba` LBAs of lba_size bytes, in a sparse memfd of 8 bytes an LBA.  Unused parts cost nothing, but a whole
 * table has to fit in the memory that is available now.  -ENOMEM: it does not; the I/O goes on without.  -EINVAL.
 */
int nvp_verify_open(uint64_t nlba, uint32_t lba_size, struct nvp_verify **out);
/* The same table in another process, from its descriptor (which stays the caller's).  -EPROTO: that is no such table. */
int nvp_verify_attach(int fd, struct nvp_verify **out);
void nvp_verify_close(struct nvp_verify *v); /* NULL is fine */
int nvp_verify_fd(const struct nvp_verify *v); /* close-on-exec; valid until close */
uint64_t nvp_verify_nlba(const struct nvp_verify *v);
uint32_t nvp_verify_lba_size(const struct nvp_verify *v);

/* Check reads or not; writes always update the table.  Shared by all processes.  Off at first. */
void nvp_verify_enable(struct nvp_verify *v, bool enable);
bool nvp_verify_enabled(const struct nvp_verify *v);

/*
 * Around each command, any process.  begin() before submission gives a token, end() after completion takes it.
 * LBAs outside the table are ignored.
 */
uint64_t nvp_verify_write_begin(struct nvp_verify *v, uint64_t slba, uint32_t nlb);
/*
 * ok: the write succeeded and `data` (nlb * lba_size bytes, unchanged since begin) is there now; else (data may be NULL):
 * unknown.  The device must be done with the command: one that was given up may still be executed later, so call this
 * only after its queue was deleted or the controller reset.
 */
void nvp_verify_write_end(struct nvp_verify *v, uint64_t slba, uint32_t nlb, const void *data, bool ok, uint64_t token);
uint64_t nvp_verify_read_begin(struct nvp_verify *v, uint64_t slba, uint32_t nlb);
/* 0: equal, unknown or not enabled; 1: *mis (may be NULL) says which LBA differs, the first one. */
int nvp_verify_read_end(struct nvp_verify *v, uint64_t slba, uint32_t nlb, const void *data, uint64_t token,
			struct nvp_miscompare *mis);
/*
 * Forget LBAs (trim, write zeroes, format, a command of unknown effect).  A command that changes LBAs and takes time is
 * write_begin() before and write_end(ok = false) after; this is the short form when nobody else writes there.
 */
void nvp_verify_forget(struct nvp_verify *v, uint64_t slba, uint64_t nlb);
/* The same for the whole table, and counts left by the dead are cleared too.  Only while nothing is in flight. */
void nvp_verify_reset(struct nvp_verify *v);
