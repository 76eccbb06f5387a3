/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reservation Report: an entry for each registrant, whether a controller is its host's at the moment or not.
 *
 * NVMe Base 2.1, "Reservation Report command".
 */
#include "ssd/nvm/resv.h"
#include <string.h>

/* A controller of the host; this one, if it is. */
static uint16_t
controller_of(const struct ssd *me, const struct ssd_resv_host *h)
{
	if (ssd_resv_is_host(me, h))
		return me->cntlid;
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		const struct ssd *ssd = me->sub->ctrlr[i];

		if (ssd && ssd_resv_is_host(ssd, h))
			return ssd->cntlid;
	}
	return 0xffff;
}

static uint32_t
header(const struct ssd_resv_kept *r, uint8_t *buf)
{
	struct nvme_resv_status *s = (void *)buf;
	uint32_t n = 0;

	for (uint32_t i = 0; i < SSD_RESV_HOSTS; i++)
		n += r->host[i].there;
	s->gen = r->gen;
	s->rtype = r->rtype;
	s->regstrnt[0] = (uint8_t)n;
	s->ptpls = r->ptpl;
	return n;
}

static uint64_t
plain(const struct ssd *ssd, const struct ssd_resv_kept *r, uint8_t *buf)
{
	struct nvme_resv_registrant *e = (void *)(buf + sizeof(struct nvme_resv_status));
	uint32_t n = header(r, buf);

	for (uint32_t i = 0; i < SSD_RESV_HOSTS; i++) {
		if (!r->host[i].there)
			continue;
		e->cntlid = le16_from(controller_of(ssd, &r->host[i]));
		e->rcsts = ssd_resv_holds(r, i) ? (uint8_t)NVME_RCSTS_AHHR : 0;
		memcpy(e->hostid, r->host[i].id, sizeof(e->hostid));
		e->rkey = r->host[i].rkey;
		e++;
	}
	return sizeof(struct nvme_resv_status) + n * sizeof(*e);
}

static uint64_t
extended(const struct ssd *ssd, const struct ssd_resv_kept *r, uint8_t *buf)
{
	struct nvme_resv_registrant_ext *e = (void *)(buf + NVME_RESV_STATUS_EXT);
	uint32_t n = header(r, buf);

	for (uint32_t i = 0; i < SSD_RESV_HOSTS; i++) {
		if (!r->host[i].there)
			continue;
		e->cntlid = le16_from(controller_of(ssd, &r->host[i]));
		e->rcsts = ssd_resv_holds(r, i) ? (uint8_t)NVME_RCSTS_AHHR : 0;
		memcpy(e->hostid, r->host[i].id, sizeof(e->hostid));
		e->rkey = r->host[i].rkey;
		e++;
	}
	return NVME_RESV_STATUS_EXT + n * sizeof(*e);
}

/* The data structure has to fit the Host Identifier; a host that has set none may use either. */
static nvme_status
check_format(struct ssd_cmd *c, bool eds)
{
	static const uint8_t no_id[16];
	const struct ssd_feat *f = &c->ssd->feat;

	if (memcmp(f->host_id, no_id, sizeof(no_id)) && eds != f->host_id_wide)
		return ssd_fail(c, NVME_SC_HOSTID_FORMAT, offsetof(struct nvme_sqe, cdw11));
	return NVME_SC_SUCCESS;
}

/* What the host asks for beyond the data structure is not transferred. */
nvme_status
ssd_nvm_resv_report(struct ssd_cmd *c)
{
	uint64_t len = (le32_get(c->sqe->cdw10) + 1ull) * 4, have, max = (uint64_t)SSD_PAGE << c->ssd->sub->cfg.mdts;
	bool eds = le32_get(c->sqe->cdw11) & NVME_RESV_REPORT_EDS;
	const struct ssd_resv_kept *r = ssd_resv_of(c->ns);
	nvme_status st = check_format(c, eds);

	if (!st && len > max)
		st = ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw10));
	if (!st)
		st = ssd_data(c, len);
	if (st)
		return st;
	memset(c->ssd->bounce, 0, SSD_BOUNCE);
	have = eds ? extended(c->ssd, r, c->ssd->bounce) : plain(c->ssd, r, c->ssd->bounce);
	return ssd_to_host(c, 0, c->ssd->bounce, UT_MIN(len, have));
}
