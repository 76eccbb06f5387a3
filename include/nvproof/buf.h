/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that host and device share. */
#pragma once
#include <stdint.h>

struct nvp_region;

/* Contiguous for the device: byte i is at va[i] here and at iova + i there.  Plain data: may be copied. */
struct nvp_buf {
	void *va;
	uint64_t iova; /* the address that the device sees */
	uint64_t len; /* bytes, as asked for */
	struct nvp_region *region; /* where it was cut from */
};

/*
 * Zero-filled, aligned to `align` (a power of two up to 2 MiB; 0: a page), usable with every controller of this
 * process, opened before or later.  Any thread; takes a lock, so not for the I/O path.  -ENOMEM, -EINVAL, or why a
 * device could not be given the memory.  It must outlive the commands that use it.
 */
int nvp_buf_alloc(uint64_t len, uint64_t align, struct nvp_buf *out);
void nvp_buf_free(struct nvp_buf *buf); /* a zeroed one is fine; it is zeroed afterwards */
