/* SPDX-License-Identifier: BSD-3-Clause */
/* Asynchronous Event Request: waits for an event; see aer.c.   NVMe Base, "Asynchronous Event Request command". */
#include "ssd/admin/admin.h"
#include "ssd/core.h"

nvme_status
ssd_adm_aer(struct ssd_cmd *c)
{
	nvme_status st = ssd_aer_add(c->ssd, c->sqe->cid);

	return st ? ssd_fail(c, st, offsetof(struct nvme_sqe, opc)) : SSD_PENDING;
}
