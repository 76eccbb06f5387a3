/* SPDX-License-Identifier: BSD-3-Clause */
/* The public face of the process's arena. */
#include "nvproof/buf.h"

#include <errno.h>

#include "mem/region.h"

int
nvp_buf_alloc(uint64_t len, uint64_t align, struct nvp_buf *out)
{
	struct nvp_arena *a = nvp_arena_default();

	if (!a)
		return -ENOMEM;
	return nvp_arena_alloc(a, len, align, out);
}

void
nvp_buf_free(struct nvp_buf *buf)
{
	if (buf->region)
		nvp_arena_free(nvp_arena_default(), buf);
}
