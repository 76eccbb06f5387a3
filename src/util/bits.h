/* SPDX-License-Identifier: BSD-3-Clause */
/* Small arithmetic that every layer needs. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define UT_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define UT_MIN(a, b) ((a) < (b) ? (a) : (b))
#define UT_MAX(a, b) ((a) > (b) ? (a) : (b))
#define ut_container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* align is a power of two. */
static inline uint64_t
ut_align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}
