/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The verification table as it lies in shared memory: a page of head, then one 64-bit entry per LBA.
 *
 *	63      32 31      14 13    13 12       12 11      0
 *	CRC-32C    generation  known    overlapped  writers
 *
 * An entry is only ever changed whole, by compare and exchange, so any number of processes may work on it and one
 * that is killed leaves it whole.  A new page of the sparse file is all zero: nothing known, nobody writing.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "nvproof/verify.h"

#define VERIFY_MAGIC 0x6e767066544c4231ull
#define VERIFY_HEAD 4096u /* bytes before the first entry */

/* More writers than fit: the count stays at its end, and the LBA is not checked until nvp_verify_reset(). */
#define ENTRY_WRITERS 0xfffull
#define ENTRY_OVERLAPPED (1ull << 12) /* since the first of the present writers began, a second one did */
#define ENTRY_KNOWN (1ull << 13)
#define ENTRY_GEN_SHIFT 14
#define ENTRY_GEN (0x3ffffull << ENTRY_GEN_SHIFT)
#define ENTRY_CRC_SHIFT 32

struct verify_head {
	uint64_t magic;
	uint64_t nlba;
	uint32_t lba_size;
	uint32_t enabled;
};

struct nvp_verify {
	struct verify_head *head;
	uint64_t *entry;
	uint64_t nlba; /* a copy: what others write into shared memory is not trusted as a bound */
	uint32_t lba_size;
	int fd;
	uint64_t map_len;
};

/* How many of nlb LBAs from slba on are in the table. */
static inline uint64_t
verify_clip(const struct nvp_verify *v, uint64_t slba, uint64_t nlb)
{
	if (slba >= v->nlba)
		return 0;
	return nlb < v->nlba - slba ? nlb : v->nlba - slba;
}

static inline uint64_t
entry_next_gen(uint64_t e)
{
	return (e & ~ENTRY_GEN) | ((e + (1ull << ENTRY_GEN_SHIFT)) & ENTRY_GEN);
}
