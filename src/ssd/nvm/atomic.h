/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What survives a power loss as a whole: writes of up to NAWUPF + 1 logical blocks, and each block with its metadata.
 * NVM Command Set 1.1, "Atomic Operations".
 */
#pragma once
#include "ssd/ssd_int.h"

/* Whether there is something to do for it: other media lose nothing. */
bool ssd_atomic_needed(const struct ssd_ns *ns);

/* Logical blocks that a write of this namespace may have to be atomic: a power of two.  Whatever is announced for all formats. */
uint32_t ssd_atomic_nlb(const struct ssd_ns *ns);
uint32_t ssd_atomic_nlb_of_all(const struct ssd_subsys *sub);

/*
 * What is written until ssd_atomic_end() survives together, if it is no more than that; else each unit of the media does.
 * false: there is no space.
 */
bool ssd_atomic_begin(struct ssd_cmd *c, uint64_t slba, uint32_t nlb);
void ssd_atomic_end(struct ssd_ns *ns);
