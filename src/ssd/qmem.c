/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a queue that is not physically contiguous lies: the PRP list of its create command, read once.
 *
 * NVMe Base, "Create I/O Submission Queue command", PRP1 when PC is 0; "Physical Region Page Entry and List".
 */
#include "ssd/core.h"

static nvme_status
pages_copy(const le64 *prp, uint64_t *pages, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		pages[i] = le64_get(prp[i]);
		if (pages[i] % SSD_PAGE)
			return NVME_SC_PRP_INVALID_OFFSET;
	}
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_queue_pages(struct ssd *ssd, uint64_t list, uint64_t *pages, uint32_t nr_pages)
{
	const uint32_t slots = SSD_PAGE / sizeof(le64);
	le64 prp[SSD_PAGE / sizeof(le64)];
	nvme_status st;

	for (uint32_t done = 0; done < nr_pages;) {
		bool chained = nr_pages - done > slots; /* the last entry is the address of the next list */
		uint32_t n = chained ? slots - 1 : nr_pages - done;

		if (list % SSD_PAGE)
			return NVME_SC_PRP_INVALID_OFFSET;
		if (ssd_mem_read(ssd, list, prp, (n + chained) * (uint32_t)sizeof(le64)))
			return NVME_SC_DATA_TRANSFER;
		st = pages_copy(prp, pages + done, n);
		if (st)
			return st;
		done += n;
		if (chained)
			list = le64_get(prp[n]);
	}
	return NVME_SC_SUCCESS;
}
