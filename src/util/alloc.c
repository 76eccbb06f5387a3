/* SPDX-License-Identifier: BSD-3-Clause */
#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>

long ut_alloc_budget = -1;

int
ut_alloc_spend(void)
{
	if (ut_alloc_budget < 0)
		return 0;
	if (ut_alloc_budget == 0)
		return -1;
	ut_alloc_budget--;
	return 0;
}

void *
ut_calloc(size_t n, size_t size)
{
	return ut_alloc_spend() ? NULL : calloc(n, size);
}

void *
ut_calloc_aligned(size_t align, size_t size)
{
	size_t whole = (size + align - 1) & ~(align - 1);
	void *p = ut_alloc_spend() ? NULL : aligned_alloc(align, whole);

	return p ? memset(p, 0, whole) : NULL;
}

char *
ut_strdup(const char *s)
{
	size_t len = strlen(s) + 1;
	char *copy = ut_calloc(1, len);

	return copy ? memcpy(copy, s, len) : NULL;
}
