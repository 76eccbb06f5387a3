/* SPDX-License-Identifier: BSD-3-Clause */
/* Sizes as people write them. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/*
 * A number, decimal or 0x, with an optional K, M, G or T (powers of 1024, either case).  *end is behind it.
 * false: there is none, or it does not fit; *end and *out are untouched.
 */
bool ut_size(const char *s, const char **end, uint64_t *out);
