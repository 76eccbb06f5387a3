/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NVMe Base, "Physical Region Page Entry and List": the first entry may point into a page, all others to the start of
 * one; PRP2 is empty, the second page, or a list.
 */
#include "xport/dptr.h"

#include <errno.h>

int
prp_build(struct nvme_sqe *sqe, uint64_t iova, uint32_t len, const struct prp_list *list)
{
	uint64_t page = 1ull << list->page_shift;
	uint64_t first = page - (iova & (page - 1)); /* bytes that PRP1 covers */
	uint64_t next = iova + first, pages, i;

	sqe->prp1 = le64_from(iova);
	sqe->prp2 = le64_from(0);
	if (len <= first)
		return 0;
	pages = (len - first + page - 1) >> list->page_shift;
	if (pages == 1) {
		sqe->prp2 = le64_from(next);
		return 0;
	}
	if (pages > PRP_LIST_SIZE / sizeof(le64))
		return -EINVAL;
	for (i = 0; i < pages; i++, next += page)
		list->va[i] = le64_from(next);
	sqe->prp2 = le64_from(list->iova);
	return 0;
}
