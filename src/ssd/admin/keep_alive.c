/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keep Alive, command based: the timer starts anew with each Keep Alive command, and runs while the controller is ready.
 * When it expires, the controller logs the error, stops, and sets CSTS.CFS.
 *
 * NVMe Base, "Keep Alive", "Keep Alive Timer" feature, "Command Based Keep Alive".
 */
#include "ssd/admin/admin.h"
#include "ssd/core.h"

void
ssd_kato_restart(struct ssd *ssd)
{
	ssd->kato_due = ssd->feat.kato ? ssd->now_ns + ssd->feat.kato * 1000000ull : 0;
}

void
ssd_kato_check(struct ssd *ssd)
{
	if (!ssd->kato_due || ssd->stopped || ssd->now_ns < ssd->kato_due)
		return;
	ssd->kato_due = 0;
	ssd_error_note(ssd, NVME_SC_KATO_EXPIRED | NVME_STATUS_DNR);
	ssd_fatal(ssd);
}

nvme_status
ssd_adm_keep_alive(struct ssd_cmd *c)
{
	ssd_kato_restart(c->ssd);
	return NVME_SC_SUCCESS;
}
