/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LBA formats: the table that Identify prints and Format chooses from, and what a choice makes of a namespace.
 *
 * NVM Command Set 1.1, "LBA Format data structure", "Protection Information Formats".
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct ssd_lbaf {
	uint8_t lbads; /* 2^lbads bytes of data */
	uint16_t ms; /* bytes of metadata */
	uint8_t pif, sts; /* guard (NVME_PIF_*), and bits of storage tag */
};

#define SSD_NR_LBAFS 31u
#define SSD_LBAF_EXT 10u /* from here on a format needs Host Behavior Support's LBAFEE */
extern const struct ssd_lbaf ssd_lbafs[SSD_NR_LBAFS];

/* A choice, as Format NVM and Namespace Management make it. */
struct ssd_format {
	uint8_t lbaf;
	bool extended; /* MSET: the metadata of a block follows its data in one buffer */
	uint8_t pi; /* protection information: 0 none, or type 1 to 3 */
	bool pi_first; /* PIL: in the first bytes of the metadata */
};

/* Whether there is such a format, and room in its metadata for what is asked. */
bool ssd_format_ok(const struct ssd_format *f);
/* Bytes that a block takes in the media. */
uint32_t ssd_format_block(const struct ssd_format *f);
/*
 * Give the namespace, whose media_off and media_size are set, this format: sizes, protection, how many blocks there are.
 * The data under it is not touched.  f is ok.
 */
struct ssd_ns;
void ssd_ns_use_format(struct ssd_ns *ns, const struct ssd_format *f);
