/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Physical addresses, for a device that no IOMMU stands behind.  Only huge pages stay where they are, and only memory that is
 * contiguous for the device can be a region.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "mem/memfd.h"

/* Whether this process's memory is to have physical addresses: NVPROOF_NOIOMMU is set, from before the first buffer on. */
bool nvp_phys_wanted(void);
/*
 * The physical address of [va, va+len), which is whole huge pages.  -EPERM: only root is told; -EADDRNOTAVAIL: it is in
 * several places, or in none.
 */
int nvp_phys_of(const void *va, uint64_t len, uint64_t *phys);
/* A memfd of huge pages that follow each other in physical memory.  -ENOMEM: there are not enough such pages. */
int nvp_phys_open(uint64_t len, struct nvp_memfd *out, uint64_t *phys);
