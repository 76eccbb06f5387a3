/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of libnvme's sizes, offsets and constants, as plain data. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct spec_name {
	const char *name; /* how nvproof calls it */
	uint64_t value;
};

/* The value of an offset entry: position and width of the field, so that both are compared. */
#define SPEC_OFF(off, width) ((uint64_t)(off) << 32 | (uint64_t)(width))

extern const struct spec_name spec_oracle[];
extern const size_t spec_oracle_count;
