/* SPDX-License-Identifier: BSD-3-Clause */
/* One die of pages of 16 KiB and one bit a cell: for tests of what the translation layer does, not of how long it takes. */
#pragma once
#include "ssd/ftl/ftl.h"

static inline struct nand_config
one_die(uint32_t blocks)
{
	return (struct nand_config){ .channels = 1,
				     .dies = 1,
				     .blocks = blocks,
				     .pages = 32,
				     .units = 4,
				     .levels = 1,
				     .read_ns = { 40000 },
				     .program_ns = { 300000 },
				     .erase_ns = 3000000,
				     .unit_ns = 2000 };
}
