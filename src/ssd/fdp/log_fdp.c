/* SPDX-License-Identifier: BSD-3-Clause */
/* The log pages of Flexible Data Placement.   NVMe Base 2.2, the sections of their names in "Get Log Page command". */
#include "ssd/fdp/fdp.h"
#include "ssd/media/flash.h"
#include <string.h>

#define LSI (offsetof(struct nvme_sqe, cdw11) + 2)

nvme_status
ssd_log_endgrp_check(struct ssd_cmd *c)
{
	return nvme_get(le32_get(c->sqe->cdw11), NVME_GLP_LSI) == SSD_ENDGID ? NVME_SC_SUCCESS
									     : ssd_fail(c, NVME_SC_INVALID_FIELD, LSI);
}

nvme_status
ssd_log_fdp_check(struct ssd_cmd *c)
{
	nvme_status st = ssd_log_endgrp_check(c);

	return st || ssd_fdp_on(c->ssd->sub) ? st : ssd_fail(c, NVME_SC_FDP_DISABLED, LSI);
}

/* FDPVWC: there is a volatile write cache with it, too. */
void
ssd_log_fdp_configs(struct ssd *ssd, void *buf)
{
	uint32_t handles = ssd_fdp_handles(ssd->sub);
	struct nvme_fdp_configs_log *log = buf;
	struct nvme_fdp_config_desc *d = (void *)(log + 1);
	size_t size = sizeof(*d) + handles * sizeof(d->ruh[0]);

	log->size = le32_from((uint32_t)(sizeof(*log) + size));
	d->dsze = le16_from((uint16_t)size);
	d->fdpa = (uint8_t)(NVME_FDPA_FDPCV | NVME_FDPA_FDPVWC);
	d->nrg = le32_from(1);
	d->nruh = le16_from((uint16_t)handles);
	d->maxpids = le16_from((uint16_t)(handles - 1));
	d->nnss = le32_from(ssd_nn(ssd->sub));
	d->runs = le64_from(ftl_ru_units(ssd_flash_ftl(ssd->sub->media)) * NAND_UNIT);
	d->erutl = le32_from(ssd->sub->cfg.profile.fdp.time_limit_s);
	for (uint32_t i = 0; i < handles; i++)
		d->ruh[i].ruht = NVME_RUHT_INITIALLY_ISOLATED;
}

void
ssd_log_fdp_ruhu(struct ssd *ssd, void *buf)
{
	uint32_t handles = ssd_fdp_handles(ssd->sub);
	struct nvme_fdp_ruhu_log *log = buf;

	log->nruh = le16_from((uint16_t)handles);
	for (uint32_t i = 0; i < handles; i++)
		log->ruh[i].ruha = ssd_fdp_attribute(ssd->sub, i);
}

/* Padding of pages that are not full does not count, as everywhere in the figures of write amplification. */
void
ssd_log_fdp_stats(struct ssd *ssd, void *buf)
{
	const struct nand_config *nand = &ftl_nand(ssd_flash_ftl(ssd->sub->media))->cfg;
	const le64 *base = ssd->sub->fdp.kept.base;
	struct nvme_fdp_stats_log *log = buf;
	struct ssd_stats s;

	ssd_get_stats(ssd->sub, &s);
	log->hbmw[0] = le64_from(s.flash_host_bytes - le64_get(base[0]));
	log->mbmw[0] = le64_from(s.flash_programmed_bytes - le64_get(base[1]));
	log->mbe[0] = le64_from((s.flash_erases - le64_get(base[2])) * nand->pages * nand->units * NAND_UNIT);
}

/* The oldest first. */
void
ssd_log_fdp_events(struct ssd *ssd, void *buf)
{
	const struct ssd_fdp_events *ring = &ssd->sub->fdp.kept.events[!(ssd->log_lsp & NVME_FDP_EVENTS_LSP_HOST)];
	struct nvme_fdp_events_log *log = buf;

	for (uint32_t ruh = 0; ruh < ssd_fdp_handles(ssd->sub); ruh++)
		ssd_fdp_look(ssd, ruh);
	ssd_fdp_reallocs(ssd);
	log->n = ring->n;
	memcpy(log->event, ring->event, le32_get(ring->n) * sizeof(ring->event[0]));
}
