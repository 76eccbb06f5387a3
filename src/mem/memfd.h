/* SPDX-License-Identifier: BSD-3-Clause */
/* One memfd, sized, sealed and mapped: what a region is made of. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct nvp_memfd {
	void *va; /* aligned to NVP_REGION_ALIGN */
	uint64_t len;
	int fd;
	bool huge;
};

/* Huge pages when there are enough, else plain ones.  len: a multiple of NVP_REGION_ALIGN.  -ENOMEM. */
int nvp_memfd_open(uint64_t len, struct nvp_memfd *out);
void nvp_memfd_close(struct nvp_memfd *m);
/*
 * Give the pages of a range back to the kernel; they read as zeros from then on.  A hint: nothing is lost when it
 * fails.
 */
void nvp_memfd_punch(int fd, uint64_t off, uint64_t len);
