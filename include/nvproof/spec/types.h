/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The vocabulary of every wire header: little-endian integers and bit fields.
 *
 * An leNN is a struct, so that a forgotten conversion does not compile.  A field is one constant, the
 * mask in its place, and its bit numbers are the ones printed in the figure: NVME_BITS(31, 24).
 *
 * NVMe Base Specification 2.0, "Conventions" (byte, word and dword relationships).
 */
#pragma once

#include <assert.h>
#include <endian.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	uint16_t raw;
} le16;

typedef struct {
	uint32_t raw;
} le32;

typedef struct {
	uint64_t raw;
} le64;

static_assert(sizeof(le16) == 2 && sizeof(le32) == 4 && sizeof(le64) == 8, "LE types have no padding");

static inline le16
le16_from(uint16_t v)
{
	return (le16){ htole16(v) };
}

static inline le32
le32_from(uint32_t v)
{
	return (le32){ htole32(v) };
}

static inline le64
le64_from(uint64_t v)
{
	return (le64){ htole64(v) };
}

static inline uint16_t
le16_get(le16 v)
{
	return le16toh(v.raw);
}

static inline uint32_t
le32_get(le32 v)
{
	return le32toh(v.raw);
}

static inline uint64_t
le64_get(le64 v)
{
	return le64toh(v.raw);
}

/* hi and lo may be equal.  All three work in constant expressions; all three yield 64 bits. */
#define NVME_BITS(hi, lo) ((~0ull >> (63 - (hi))) & (~0ull << (lo)))
#define NVME_BIT(n) NVME_BITS(n, n)
#define nvme_get(reg, field) (((uint64_t)(reg) & (field)) >> __builtin_ctzll(field))
#define nvme_put(field, val) (((uint64_t)(val) << __builtin_ctzll(field)) & (field))

/* The same for a dword, which is what most fields live in: no cast at each use. */
#define nvme_get32(reg, field) ((uint32_t)nvme_get(reg, field))
#define nvme_put32(field, val) ((uint32_t)nvme_put(field, val))
