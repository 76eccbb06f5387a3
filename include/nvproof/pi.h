/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Protection information on the host's side: made before a write, checked after a read.  Pure arithmetic on memory of the
 * caller: no command is sent or changed behind his back, and nothing here knows what the device does with the same bytes.
 *
 * NVM Command Set 1.1, "End-to-end Data Protection".
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "nvproof/spec/cmd.h"

/* How the blocks of a namespace are protected; nvp_ns_open() fills nvp_ns.pi. */
struct nvp_pi {
	uint8_t type; /* 0: not at all; 1 to 3 */
	uint8_t guard; /* bytes of it: 2, 4 or 8 */
	uint8_t size; /* bytes of all of it: 8 or 16 */
	uint8_t sts; /* bits of storage tag */
	bool extended; /* the metadata of a block follows its data */
	uint16_t off; /* in the metadata: 0, or that it ends with it */
	uint16_t meta_size;
	uint32_t lba_size;
	uint64_t lbstm; /* the bits of the storage tag that count */
};

/* As many bits as the format has are used. */
struct nvp_pi_tags {
	uint64_t storage;
	uint64_t ref; /* of the first block; each next one has 1 more, but with type 3 all have this */
	uint16_t app, app_mask;
};

/* LBST, ILBRT, LBAT and LBATM of a command: CDW2, CDW3, CDW14, CDW15.  Nothing else of the SQE is changed. */
void nvp_pi_put_tags(const struct nvp_pi *pi, const struct nvp_pi_tags *tags, struct nvme_sqe *sqe);
void nvp_pi_get_tags(const struct nvp_pi *pi, const struct nvme_sqe *sqe, struct nvp_pi_tags *tags);

/* Whether the metadata of this Read or Write stays in the device: PRACT is set, and it is nothing but protection information. */
bool nvp_pi_stripped(const struct nvp_pi *pi, const struct nvme_sqe *sqe);

/* nlb blocks at data; their metadata at meta, or (extended, meta is not used) each behind its data. */
void nvp_pi_make(const struct nvp_pi *pi, const struct nvp_pi_tags *tags, void *data, void *meta, uint32_t nlb);

#define NVP_PI_GUARD 1u
#define NVP_PI_APP 2u
#define NVP_PI_REF 4u /* with type 3 there is nothing to compare with: not checked */
#define NVP_PI_STORAGE 8u

struct nvp_pi_error {
	unsigned what; /* one of the above */
	uint32_t block; /* of those given */
	uint64_t expected, got;
};

/*
 * 0: all is as it must be; 1: *err (may be NULL) says what is not, the first of it.  A block whose application tag (type 3: and
 * reference tag) is all ones is not checked.
 */
int nvp_pi_check(const struct nvp_pi *pi, const struct nvp_pi_tags *tags, unsigned what, const void *data,
		 const void *meta, uint32_t nlb, struct nvp_pi_error *err);
/* "guard", "application tag", "reference tag", "storage tag". */
const char *nvp_pi_what(unsigned what);
