/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transparent data verification: a table with one entry per LBA, in memory shared by all processes that use the namespace.
 * A write that succeeds records the CRC-32C of each LBA; a read that succeeds is checked against it.
 *
 * An entry is {crc32, generation, writers in flight}.  A write counts itself in before submission and out after completion; a read
 * notes the generations and is judged only when nothing was written meanwhile.  So overlapping commands, in this or another process, are
 * never misjudged: what cannot be known is not checked.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct nvp_verify;

struct nvp_miscompare {
	uint64_t lba;
	uint32_t expected_crc, got_crc;
};

/* A table for `nlba` LBAs of lba_size bytes, in a sparse memfd.  -ENOMEM: too little memory; the I/O goes on without. */
int nvp_verify_open(uint64_t nlba, uint32_t lba_size, struct nvp_verify **out);
/* The same table in another process, from its descriptor (which stays the caller's). */
int nvp_verify_attach(int fd, struct nvp_verify **out);
void nvp_verify_close(struct nvp_verify *v);	/* NULL is fine */
int nvp_verify_fd(const struct nvp_verify *v);

/* Check reads or not; writes always update the table.  Shared by all processes. */
void nvp_verify_enable(struct nvp_verify *v, bool enable);
bool nvp_verify_enabled(const struct nvp_verify *v);

/*
 * Around each command, any process.  begin() before submission gives a token, end() after completion takes it.
 * LBAs outside the table are ignored.
 */
uint64_t nvp_verify_write_begin(struct nvp_verify *v, uint64_t slba, uint32_t nlb);
/* ok: the write succeeded and `data` (nlb * lba_size bytes, unchanged since begin) is there now; else: unknown. */
void nvp_verify_write_end(struct nvp_verify *v, uint64_t slba, uint32_t nlb, const void *data, bool ok, uint64_t token);
uint64_t nvp_verify_read_begin(struct nvp_verify *v, uint64_t slba, uint32_t nlb);
/* 0: equal, unknown or not enabled; 1: *mis says which LBA differs. */
int nvp_verify_read_end(struct nvp_verify *v, uint64_t slba, uint32_t nlb, const void *data, uint64_t token, struct nvp_miscompare *mis);
/* Forget LBAs (trim, write zeroes, format, a command of unknown effect). */
void nvp_verify_forget(struct nvp_verify *v, uint64_t slba, uint64_t nlb);
