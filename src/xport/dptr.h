/* SPDX-License-Identifier: BSD-3-Clause */
/* The data pointer of a command: PRPs or SGL for one contiguous buffer. */
#pragma once
#include <stdint.h>
#include "nvproof/spec/cmd.h"

#define PRP_LIST_SIZE 4096u /* bytes of one, whatever CC.MPS is: a list may be shorter than a page */

/* Memory for a PRP list, as the host and as the device see it. */
struct prp_list {
	le64 *va;
	uint64_t iova;
	uint8_t page_shift; /* of CC.MPS: 12 is 4 KiB */
};

/* -EINVAL: it takes more entries than the list holds. */
int prp_build(struct nvme_sqe *sqe, uint64_t iova, uint32_t len, const struct prp_list *list);
/* One SGL data block descriptor in the SQE. */
void sgl_build(struct nvme_sqe *sqe, uint64_t iova, uint32_t len);
