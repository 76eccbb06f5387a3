/* SPDX-License-Identifier: BSD-3-Clause */
/* Physical addresses of huge pages.  Kernel documentation, "Examining Process Page Tables" (/proc/pid/pagemap). */
#include "mem/phys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "mem/region.h"
#include "util/bits.h"

#define PRESENT (1ull << 63)
#define PFN ((1ull << 55) - 1)

bool
nvp_phys_wanted(void)
{
	const char *env = getenv("NVPROOF_NOIOMMU");

	return env && env[0] && env[0] != '0';
}

static int
page_address(int map, const char *va, uint64_t *phys)
{
	uint64_t entry, index = (uintptr_t)va / NVP_PAGE;

	if (pread(map, &entry, sizeof(entry), (off_t)(index * sizeof(entry))) != (ssize_t)sizeof(entry) ||
	    !(entry & PRESENT))
		return -EADDRNOTAVAIL;
	*phys = (entry & PFN) * NVP_PAGE;
	return *phys ? 0 : -EPERM; /* who may not know is told zero */
}

static int
follow_each_other(int map, const char *va, uint64_t len, uint64_t *phys)
{
	uint64_t at;
	int rc = page_address(map, va, phys);

	for (uint64_t off = NVP_REGION_ALIGN; off < len && !rc; off += NVP_REGION_ALIGN) {
		rc = page_address(map, va + off, &at);
		if (!rc && at != *phys + off)
			rc = -EADDRNOTAVAIL;
	}
	return rc;
}

int
nvp_phys_of(const void *va, uint64_t len, uint64_t *phys)
{
	int map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), rc;

	if (map < 0)
		return -EPERM;
	rc = follow_each_other(map, va, len, phys);
	close(map);
	return rc;
}

int
nvp_phys_open(uint64_t len, struct nvp_memfd *out, uint64_t *phys)
{
	int rc = nvp_memfd_open(len, out);

	if (rc)
		return rc;
	for (uint64_t off = 0; off < len && out->huge; off += NVP_REGION_ALIGN)
		((volatile char *)out->va)[off] = 0; /* now it has a place */
	rc = out->huge ? nvp_phys_of(out->va, len, phys) : -ENOMEM;
	if (rc)
		nvp_memfd_close(out);
	return rc == -EADDRNOTAVAIL ? -ENOMEM : rc;
}
