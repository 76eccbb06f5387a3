/* SPDX-License-Identifier: BSD-3-Clause */
/* From data to codes.  CRC-32C is ISA-L's; a byte of it is all four folded together. */
#pragma once
#include "verify/verify_int.h"

#include <isa-l/crc.h>

/* ISA-L takes a pointer without const, and only reads. */
static inline uint32_t
crc_of(const void *data, uint32_t len)
{
	return crc32_iscsi((unsigned char *)(uintptr_t)data, (int)len, 0xffffffffu);
}

/* The small numbers are states. */
static inline uint8_t
code8(uint32_t crc)
{
	crc ^= crc >> 16;
	crc ^= crc >> 8;
	crc &= 0xff;
	return (uint8_t)(crc < CODE_FIRST ? crc + 0x80 : crc);
}

static inline uint32_t
code32(uint32_t crc)
{
	return crc < CODE_FIRST ? crc + 0x80000000u : crc;
}

static inline bool
verify_has_id(const struct nvp_verify *v, const void *data, uint64_t lba)
{
	return *(const uint64_t *)data == nvp_verify_id(v->nsid, lba);
}
