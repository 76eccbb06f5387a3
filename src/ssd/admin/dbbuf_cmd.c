/* SPDX-License-Identifier: BSD-3-Clause */
/* Doorbell Buffer Config.  NVMe Base, the command of this name: PRP1 is the shadow doorbell buffer, PRP2 the EventIdx buffer. */
#include "ssd/admin/admin.h"
#include "ssd/core.h"

static nvme_status
check(struct ssd_cmd *c, uint64_t at, size_t field)
{
	if (!at || at % SSD_PAGE || !ssd_dbbuf_reachable(c->ssd, at))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, field);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_adm_dbbuf_config(struct ssd_cmd *c)
{
	uint64_t shadow = le64_get(c->sqe->prp1), event = le64_get(c->sqe->prp2);
	nvme_status st = check(c, shadow, offsetof(struct nvme_sqe, prp1));

	if (!st)
		st = check(c, event, offsetof(struct nvme_sqe, prp2));
	if (!st)
		ssd_dbbuf_set(c->ssd, shadow, event);
	return st;
}
