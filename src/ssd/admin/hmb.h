/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Host memory buffer: memory that the host lends.  The drive keeps a record at the start of each piece, and renews it while it
 * has the memory; what it finds changed, or cannot reach, it tells in the error log.
 */
#pragma once
#include "ssd/ssd_int.h"

#define SSD_HMPRE 1024u /* in 4 KiB: preferred, minimum, and the least that a descriptor may have to be used */
#define SSD_HMMIN 16u
#define SSD_HMMINDS 1u
#define SSD_HMMAXD 256u /* descriptors that are used */
#define SSD_HMB_BEAT_NS 100000000u /* how often the records are renewed */

/* The record.  Little-endian. */
struct ssd_hmb_record {
	char magic[8]; /* "nvproof" and NUL */
	le16 cntlid;
	le16 index; /* of the descriptor */
	le32 lent; /* how many times the host lent this memory without a break in its contents, from 1 */
	le64 beat; /* how many times it was renewed */
	le64 host_reads, host_writes; /* commands, as SMART has them */
	uint8_t rsvd40[20];
	le32 crc; /* CRC-32C of what is before it */
};
static_assert(sizeof(struct ssd_hmb_record) == 64, "HMB record");

nvme_status ssd_feat_hmb_set(struct ssd_cmd *c, uint32_t cdw11, bool save);
nvme_status ssd_feat_hmb_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel);
/* A reset ends the use; a power cycle forgets what was in it too. */
void ssd_hmb_reset(struct ssd *ssd);
void ssd_hmb_forget(struct ssd *ssd);
uint64_t ssd_hmb_tick(struct ssd *ssd);
