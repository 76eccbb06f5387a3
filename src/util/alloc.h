/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that can be made to run out: every allocation of library and model goes through here. */
#pragma once
#include <stddef.h>

/*
 * How many more allocations succeed; -1: all.  Tests count it up from 0 to walk every out-of-memory path.
 * It also counts the mappings and descriptors that mem and bus ask the kernel for (ut_alloc_spend()).
 */
extern long ut_alloc_budget;

/* 0 when one more may succeed (and it is spent), -1 when the budget is used up. */
int ut_alloc_spend(void);

/* Zeroed memory or NULL; release with free(). */
void *ut_calloc(size_t n, size_t size);
/* The same, aligned to `align` (a power of two); release with free(). */
void *ut_calloc_aligned(size_t align, size_t size);
char *ut_strdup(const char *s);
