/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Protection information as the controller makes and checks it.  The host's side of the same is in the driver, and shares
 * nothing with this but the checksums.
 *
 * NVM Command Set 1.1, "End-to-end Data Protection".
 */
#pragma once
#include "nvproof/spec/nvm.h"
#include "ssd/nvm/blocks.h"

/* What a command says about it, wherever its fields are. */
struct nvm_pi_fields {
	uint8_t prinfo; /* bit 3 PRACT, 2 guard, 1 application tag, 0 reference tag */
	bool stc;
	uint16_t sr_high; /* storage and reference tag, bits 79:64 */
	uint64_t sr_low;
	uint16_t lbat, lbatm;
};
#define NVM_PRINFO_PRACT 0x8u
#define NVM_PRINFO_PRCHK 0x7u
#define NVM_PRINFO_GUARD 0x4u
#define NVM_PRINFO_APP 0x2u
#define NVM_PRINFO_REF 0x1u

/* The same, understood. */
struct nvm_pi {
	bool pract, guard, app, ref, storage; /* what to do, and what to check */
	uint16_t lbat, lbatm;
	uint64_t st, rt; /* storage tag, and reference tag of the first block */
};

/* The fields of Read, Write, Compare, Verify and Write Zeroes; of the write side of Copy. */
struct nvm_pi_fields nvm_pi_fields(const struct nvme_sqe *sqe);

/*
 * For c->ns, which has protection information.  slba is the first block that is meant.  Invalid Protection Information: the
 * type of the namespace has no such check, or (type 1) the reference tag is not the LBA's.
 */
nvme_status nvm_pi_parse(struct ssd_cmd *c, const struct nvm_pi_fields *f, uint64_t slba, struct nvm_pi *out);

/* Blocks from number `first` of the command on, which are at slba. */
void nvm_pi_make(const struct ssd_ns *ns, const struct nvm_pi *pi, const struct nvm_blocks *b, uint64_t first);
nvme_status
nvm_pi_check(struct ssd_cmd *c, const struct nvm_pi *pi, const struct nvm_blocks *b, uint64_t first, uint64_t slba);
/* The same of blocks that come from the media: a wrong guard is an error of the media, which SMART counts. */
nvme_status nvm_pi_check_media(struct ssd_cmd *c, const struct nvm_pi *pi, const struct nvm_blocks *b, uint64_t first,
			       uint64_t slba);

/* The namespace's format is an extended one, and the host has not said that it knows those: Invalid Namespace or Format. */
nvme_status nvm_pi_known(struct ssd_cmd *c);

/* PRACT, and there is no metadata besides: it does not cross the bus. */
static inline bool
nvm_pi_stripped(const struct ssd_ns *ns, const struct nvm_pi *pi)
{
	return pi->pract && ns->meta_size == ns->pi.size;
}
