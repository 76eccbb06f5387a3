/* SPDX-License-Identifier: BSD-3-Clause */
/* An image file for a test, and a copy of it: what a process that is killed at this instant leaves. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "util/alloc.h"

static char path[64], copy[80]; /* neither is there at first */

static inline int
image_setup(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/nvproof-image-XXXXXX");
	close(mkstemp(path));
	unlink(path);
	snprintf(copy, sizeof(copy), "%s.copy", path);
	return 0;
}

static inline int
image_teardown(void **state)
{
	(void)state;
	ut_alloc_budget = -1;
	unlink(path);
	unlink(copy);
	return 0;
}

/* Holes stay holes. */
static inline void
image_copy(void)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "cp --sparse=always %s %s", path, copy);
	assert_int_equal(system(cmd), 0);
}
