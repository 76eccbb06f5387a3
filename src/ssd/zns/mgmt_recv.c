/* SPDX-License-Identifier: BSD-3-Clause */
/* Zone Management Receive.  Zoned Namespace Command Set, "Zone Management Receive command". */
#include "ssd/zns/zns.h"
#include <string.h>
#include "ssd/media/media.h"

#define CDW13 offsetof(struct nvme_sqe, cdw13)

struct report {
	struct ssd_cmd *c;
	uint64_t len, at; /* of the buffer; where the next descriptor goes */
	uint32_t step, ext; /* of a descriptor, and of the extension in it */
	uint8_t filter; /* NVME_ZRASF_* */
};

static bool
wanted(const struct ssd_zone *z, uint8_t filter)
{
	static const uint8_t states[] = {
		[NVME_ZRASF_EMPTY] = NVME_ZS_EMPTY,	  [NVME_ZRASF_IMPLICIT] = NVME_ZS_IMPLICIT,
		[NVME_ZRASF_EXPLICIT] = NVME_ZS_EXPLICIT, [NVME_ZRASF_CLOSED] = NVME_ZS_CLOSED,
		[NVME_ZRASF_FULL] = NVME_ZS_FULL,	  [NVME_ZRASF_READ_ONLY] = NVME_ZS_READ_ONLY,
		[NVME_ZRASF_OFFLINE] = NVME_ZS_OFFLINE,
	};

	return filter == NVME_ZRASF_ALL || z->zs == states[filter];
}

/* A zone that cannot be written has no write pointer: all ones. */
static void
describe(const struct ssd_ns *ns, const struct ssd_zone *z, struct nvme_zone_desc *d)
{
	bool no_wp = z->zs >= NVME_ZS_READ_ONLY;

	*d = (struct nvme_zone_desc){
		.zt = NVME_ZT_SEQUENTIAL,
		.zs = (uint8_t)nvme_put(NVME_ZONE_ZS, z->zs),
		.za = z->za,
		.zcap = le64_from(ns->zones->zcap),
		.zslba = le64_from(ssd_zns_zslba(ns, z)),
		.wp = le64_from(no_wp ? UINT64_MAX : ssd_zns_zslba(ns, z) + le64_get(z->wp)),
	};
}

/* What does not fit is cut off by the caller. */
static nvme_status
put(struct report *r, const struct ssd_zone *z)
{
	uint8_t one[sizeof(struct nvme_zone_desc) + 255 * 64];
	struct ssd_ns *ns = r->c->ns;

	describe(ns, z, (struct nvme_zone_desc *)(void *)one);
	if (r->ext && (z->za & NVME_ZA_ZDEV))
		memcpy(one + sizeof(struct nvme_zone_desc), ssd_zns_zde(ns, z), r->ext);
	else
		memset(one + sizeof(struct nvme_zone_desc), 0, r->ext);
	r->at += r->step;
	return ssd_to_host(r->c, r->at - r->step, one, r->step);
}

/* Whole descriptors only; NR_ZONES counts those, or with PARTIAL clear all that there are. */
static nvme_status
fill(struct report *r, uint64_t slba, bool partial)
{
	const struct ssd_zones *s = r->c->ns->zones;
	struct nvme_zone_report head = { .nr_zones = le64_from(0) };
	nvme_status st = NVME_SC_SUCCESS;
	uint64_t n = 0;

	for (const struct ssd_zone *z = ssd_zns_at(r->c->ns, slba); !st && z < s->zone + s->nr; z++) {
		bool room = r->at + r->step <= r->len;

		if (!wanted(z, r->filter) || (partial && !room))
			continue;
		n++;
		if (room)
			st = put(r, z);
	}
	head.nr_zones = le64_from(n);
	return st ? st : ssd_to_host(r->c, 0, &head, UT_MIN(r->len, sizeof(head)));
}

static nvme_status
zeros_after(struct report *r)
{
	nvme_status st = NVME_SC_SUCCESS;

	for (uint64_t n; !st && r->at < r->len; r->at += n) {
		n = UT_MIN(r->len - r->at, SSD_ZEROS);
		st = ssd_to_host(r->c, r->at, ssd_zeros, n);
	}
	return st;
}

nvme_status
ssd_zns_mgmt_recv(struct ssd_cmd *c)
{
	uint32_t cdw13 = le32_get(c->sqe->cdw13), zra = nvme_get32(cdw13, NVME_ZMR_ZRA);
	uint64_t slba = (uint64_t)le32_get(c->sqe->cdw11) << 32 | le32_get(c->sqe->cdw10);
	struct report r = {
		.c = c,
		.len = (le32_get(c->sqe->cdw12) + 1ull) * 4,
		.at = sizeof(struct nvme_zone_report),
		.filter = (uint8_t)nvme_get(cdw13, NVME_ZMR_ZRASF),
	};
	nvme_status st;

	r.ext = zra == NVME_ZRA_EXTENDED ? ssd_zns_zde_bytes(c->ns->sub) : 0;
	r.step = (uint32_t)sizeof(struct nvme_zone_desc) + r.ext;
	if (zra > NVME_ZRA_EXTENDED || (zra == NVME_ZRA_EXTENDED && !r.ext))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW13);
	if (r.filter > NVME_ZRASF_OFFLINE)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW13 + 1);
	if (slba >= c->ns->nsze) {
		c->err_lba = slba;
		return ssd_fail(c, NVME_SC_LBA_RANGE, offsetof(struct nvme_sqe, cdw10));
	}
	if (r.len > ssd_max_xfer(c->ns->sub))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw12));
	st = ssd_data(c, r.len);
	if (!st)
		st = fill(&r, slba, nvme_get(cdw13, NVME_ZMR_PARTIAL));
	return st ? st : zeros_after(&r);
}
