/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Temperature thresholds of the composite temperature (the only sensor), the event that crossing one raises, and how
 * long it was too warm.   NVMe Base 2.1, "Temperature Threshold", "SMART / Health Information".
 */
#include "ssd/admin/feat.h"
#include "ssd/admin/identify.h"

#define SAVED_OVER ssd_saved_bit(offsetof(struct ssd_feat_saved, temp_over))
#define SAVED_UNDER ssd_saved_bit(offsetof(struct ssd_feat_saved, temp_under))
#define MINUTE_NS 60000000000ull

void
ssd_feat_temp_reset(struct ssd *ssd)
{
	const struct ssd_feat_saved *s = ssd_feat_saved(ssd);

	ssd->feat.temp_over = s->set & SAVED_OVER ? s->temp_over : SSD_WCTEMP;
	ssd->feat.temp_under = s->set & SAVED_UNDER ? s->temp_under : 0;
}

/* An under temperature threshold of 0 K is never reached. */
uint8_t
ssd_temp_warning(const struct ssd *ssd)
{
	uint32_t k = ssd->sub->temperature_k;

	return k >= ssd->feat.temp_over || k <= ssd->feat.temp_under ? (uint8_t)NVME_CW_TTC : 0;
}

static void
account(struct ssd_subsys *sub, struct ssd_thermal *t)
{
	uint64_t ns = sub->last_ns > t->since_ns ? sub->last_ns - t->since_ns : 0;

	if (t->k >= SSD_CCTEMP)
		t->hot_ns += ns;
	else if (t->k >= SSD_WCTEMP)
		t->warm_ns += ns;
	t->k = sub->temperature_k;
	t->since_ns = sub->last_ns;
}

void
ssd_temp_minutes(const struct ssd_subsys *sub, uint32_t *wctt, uint32_t *cctt)
{
	struct ssd_thermal t = sub->thermal;
	uint64_t ns = sub->last_ns > t.since_ns ? sub->last_ns - t.since_ns : 0;

	*cctt = (uint32_t)((t.hot_ns + (t.k >= SSD_CCTEMP ? ns : 0)) / MINUTE_NS);
	*wctt = (uint32_t)((t.warm_ns + (t.k >= SSD_WCTEMP && t.k < SSD_CCTEMP ? ns : 0)) / MINUTE_NS);
}

void
ssd_temp_check(struct ssd *ssd)
{
	if (ssd->sub->thermal.k != ssd->sub->temperature_k)
		account(ssd->sub, &ssd->sub->thermal);
	if (ssd_temp_warning(ssd))
		ssd_event(ssd, NVME_AER_SMART, NVME_AER_SMART_TEMPERATURE, NVME_LOG_SMART);
}

/* TMPSEL: 0h the composite temperature, Fh all sensors (Set only), others are not there.  THSEL: over or under. */
static nvme_status
check(struct ssd_cmd *c, uint32_t cdw11, bool set)
{
	uint64_t tmpsel = nvme_get(cdw11, NVME_FEAT_TT_TMPSEL);

	if (tmpsel != NVME_TMPSEL_COMPOSITE && !(set && tmpsel == NVME_TMPSEL_ALL))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, SSD_FEAT_CDW11 + 2);
	if (nvme_get(cdw11, NVME_FEAT_TT_THSEL) > NVME_THSEL_UNDER)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, SSD_FEAT_CDW11 + 2);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_temp_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	uint32_t k = nvme_get32(cdw11, NVME_FEAT_TT_TMPTH);
	bool under = nvme_get(cdw11, NVME_FEAT_TT_THSEL) == NVME_THSEL_UNDER;
	struct ssd_feat_saved *s = ssd_feat_saved(c->ssd);
	nvme_status st = check(c, cdw11, true);

	if (st)
		return st;
	*(under ? &c->ssd->feat.temp_under : &c->ssd->feat.temp_over) = k;
	if (save) {
		*(under ? &s->temp_under : &s->temp_over) = k;
		s->set |= under ? SAVED_UNDER : SAVED_OVER;
	}
	ssd_temp_check(c->ssd);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_temp_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	bool under = nvme_get(cdw11, NVME_FEAT_TT_THSEL) == NVME_THSEL_UNDER;
	const struct ssd_feat_saved *s = ssd_feat_saved(c->ssd);
	nvme_status st = check(c, cdw11, false);

	if (st)
		return st;
	c->dw0 = under ? 0 : SSD_WCTEMP;
	if (sel == NVME_FEAT_SEL_CURRENT)
		c->dw0 = under ? c->ssd->feat.temp_under : c->ssd->feat.temp_over;
	else if (sel == NVME_FEAT_SEL_SAVED && (s->set & (under ? SAVED_UNDER : SAVED_OVER)))
		c->dw0 = under ? s->temp_under : s->temp_over;
	return NVME_SC_SUCCESS;
}
