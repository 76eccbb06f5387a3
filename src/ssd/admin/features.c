/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Get and Set Features: what all features have in common.
 *
 * A feature has a default, a saved and a current value.  A Controller Level Reset makes the saved one current, or the
 * default where nothing was saved.  NVMe Base 2.1, "Feature Values".
 */
#include "ssd/admin/admin.h"
#include "ssd/admin/feat.h"
#include "ssd/admin/identify.h"
#include "ssd/core.h"
#include "ssd/fdp/fdp.h"
#include "ssd/zns/zns.h"
#include <string.h>

#define CDW10 offsetof(struct nvme_sqe, cdw10)
#define NSID offsetof(struct nvme_sqe, nsid)

static uint32_t
dword_get(const void *base, size_t off)
{
	uint32_t v;

	memcpy(&v, (const char *)base + off, sizeof(v));
	return v;
}

static void
dword_put(void *base, size_t off, uint32_t v)
{
	memcpy((char *)base + off, &v, sizeof(v));
}

/* Asynchronous events that only some drives have. */
static uint32_t
more_bits(const struct ssd *ssd, const struct ssd_feature *f)
{
	if (f != &ssd_features[NVME_FEAT_ASYNC_EVENT])
		return 0;
	return (ssd_zns_there(ssd->sub) ? (uint32_t)NVME_FEAT_AEC_ZDCN : 0) |
	       (ssd_fdp_there(ssd->sub) ? (uint32_t)NVME_FEAT_AEC_EGEALCN : 0);
}

static uint32_t
default_of(const struct ssd *ssd, const struct ssd_feature *f)
{
	return f->def | more_bits(ssd, f);
}

static uint32_t
saved_or_default(struct ssd *ssd, const struct ssd_feature *f)
{
	const struct ssd_feat_saved *s = ssd_feat_saved(ssd);

	return f->saveable && (s->set & ssd_saved_bit(f->saved_off)) ? dword_get(s, f->saved_off) : default_of(ssd, f);
}

void
ssd_features_reset(struct ssd *ssd)
{
	ssd->feat = (struct ssd_feat){ .timestamp_set_ns = ssd->now_ns };
	for (size_t fid = 0; fid < 256; fid++) {
		const struct ssd_feature *f = &ssd_features[fid];

		if (f->supported && f->mask)
			dword_put(&ssd->feat, f->off, saved_or_default(ssd, f));
	}
	ssd->feat.nr_queues = ssd_feat_queues_max(ssd);
	ssd_feat_temp_reset(ssd);
	ssd_feat_recovery_reset(ssd);
	ssd_coal_changed(ssd);
}

static nvme_status
get_dword(struct ssd_cmd *c, const struct ssd_feature *f, uint32_t sel)
{
	if (sel == NVME_FEAT_SEL_CURRENT)
		c->dw0 = dword_get(&c->ssd->feat, f->off);
	else
		c->dw0 = sel == NVME_FEAT_SEL_DEFAULT ? default_of(c->ssd, f) : saved_or_default(c->ssd, f);
	return NVME_SC_SUCCESS;
}

static nvme_status
get_caps(struct ssd_cmd *c, const struct ssd_feature *f)
{
	c->dw0 = (f->saveable ? (uint32_t)NVME_FEAT_CAPS_SAVEABLE : 0) |
		 (f->ns_specific ? (uint32_t)NVME_FEAT_CAPS_NS_SPEC : 0) |
		 (f->fixed ? 0 : (uint32_t)NVME_FEAT_CAPS_CHANGEABLE);
	return NVME_SC_SUCCESS;
}

/* An NSID that names one namespace, or for Set all of them. */
static nvme_status
check_ns(struct ssd_cmd *c, bool all_ok, bool one)
{
	uint32_t nsid = le32_get(c->sqe->nsid);

	if (nsid == NVME_NSID_ALL && all_ok)
		return NVME_SC_SUCCESS;
	if (nsid == NVME_NSID_ALL && one)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, NSID);
	if (!nsid || nsid > ssd_nn(c->ssd->sub))
		return ssd_fail(c, NVME_SC_INVALID_NS, NSID);
	c->ns = ssd_ns_active(c->ssd, nsid);
	return c->ns ? NVME_SC_SUCCESS : ssd_fail(c, NVME_SC_INVALID_FIELD, NSID);
}

nvme_status
ssd_adm_get_features(struct ssd_cmd *c)
{
	uint32_t cdw10 = le32_get(c->sqe->cdw10), fid = nvme_get32(cdw10, NVME_FEAT_FID);
	uint32_t sel = nvme_get32(cdw10, NVME_FEAT_SEL);
	const struct ssd_feature *f = &ssd_features[fid];
	nvme_status st = NVME_SC_SUCCESS;

	if (!ssd_feature_there(c->ssd, fid))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10);
	if (sel > NVME_FEAT_SEL_CAPS)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10 + 1);
	if (sel == NVME_FEAT_SEL_CAPS)
		return get_caps(c, f);
	if (f->ns_specific)
		st = check_ns(c, false, f->one_ns);
	if (st)
		return st;
	return f->get ? f->get(c, le32_get(c->sqe->cdw11), sel) : get_dword(c, f, sel);
}

static nvme_status
set_dword(struct ssd_cmd *c, const struct ssd_feature *f, bool save)
{
	uint32_t cdw11 = le32_get(c->sqe->cdw11) & (f->mask | more_bits(c->ssd, f));
	nvme_status st = f->check ? f->check(c, le32_get(c->sqe->cdw11)) : NVME_SC_SUCCESS;

	if (st)
		return st;
	dword_put(&c->ssd->feat, f->off, cdw11);
	if (save) {
		dword_put(ssd_feat_saved(c->ssd), f->saved_off, cdw11);
		ssd_feat_saved(c->ssd)->set |= ssd_saved_bit(f->saved_off);
	}
	if (f->done)
		f->done(c->ssd);
	return NVME_SC_SUCCESS;
}

/* NVMe Base 2.1, "Set Features command": what is the feature's, before what is in it. */
static nvme_status
check_set(struct ssd_cmd *c, const struct ssd_feature *f, bool save)
{
	uint32_t nsid = le32_get(c->sqe->nsid);

	if (f->fixed)
		return ssd_fail(c, NVME_SC_FEAT_NOT_CHANGEABLE, CDW10);
	if (save && !f->saveable)
		return ssd_fail(c, NVME_SC_FEAT_NOT_SAVEABLE, CDW10 + 3);
	if (f->ns_specific)
		return check_ns(c, true, f->one_ns);
	if (nsid && nsid != NVME_NSID_ALL) /* a valid one; another is wrong by itself */
		return ssd_fail(c, nsid > ssd_nn(c->ssd->sub) ? NVME_SC_INVALID_NS : NVME_SC_FEAT_NOT_NS_SPECIFIC,
				NSID);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_adm_set_features(struct ssd_cmd *c)
{
	uint32_t cdw10 = le32_get(c->sqe->cdw10), fid = nvme_get32(cdw10, NVME_FEAT_FID);
	bool save = nvme_get(cdw10, NVME_FEAT_SV);
	const struct ssd_feature *f = &ssd_features[fid];
	nvme_status st;

	if (!ssd_feature_there(c->ssd, fid))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10);
	st = check_set(c, f, save);
	if (!st)
		st = f->set ? f->set(c, le32_get(c->sqe->cdw11), save) : set_dword(c, f, save);
	if (!st && save && ssd_persist_save(c->ssd->sub))
		st = NVME_SC_INTERNAL;
	return st;
}
