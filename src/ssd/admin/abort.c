/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Abort.  A command that was fetched is done by the time the next one is looked at, except an Asynchronous Event Request.
 * Those can be aborted; all others are either complete or not fetched yet, and "not aborted" is the true answer.
 *
 * NVMe Base, "Abort command".
 */
#include "ssd/admin/admin.h"
#include "ssd/core.h"

nvme_status
ssd_adm_abort(struct ssd_cmd *c)
{
	uint32_t cdw10 = le32_get(c->sqe->cdw10);
	uint32_t sqid = nvme_get32(cdw10, NVME_ABORT_SQID);
	le16 cid = le16_from((uint16_t)nvme_get(cdw10, NVME_ABORT_CID)); /* as it stands in the victim's SQE */

	if (sqid || !ssd_aer_take(c->ssd, cid.raw)) {
		c->dw0 = nvme_put32(NVME_ABORT_IANP, 1);
		return NVME_SC_SUCCESS;
	}
	ssd_cqe_post(c->ssd, c->sq, cid.raw, 0, 0, NVME_SC_ABORT_REQUESTED); /* before that of the Abort */
	return NVME_SC_SUCCESS;
}
