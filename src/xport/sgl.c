/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NVMe Base, "Scatter Gather List (SGL)": one contiguous buffer needs a single Data Block descriptor, in the SQE
 * itself.
 */
#include "xport/dptr.h"

void
sgl_build(struct nvme_sqe *sqe, uint64_t iova, uint32_t len)
{
	sqe->flags = (uint8_t)((sqe->flags & ~(uint8_t)NVME_SQE_PSDT) | nvme_put(NVME_SQE_PSDT, NVME_PSDT_SGL));
	sqe->sgl = (struct nvme_sgl_desc){
		.addr = le64_from(iova),
		.len = le32_from(len),
		.type = nvme_sgl_id(NVME_SGL_DATA_BLOCK, NVME_SGL_SUBTYPE_ADDRESS),
	};
}
