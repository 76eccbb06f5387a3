/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Temperature thresholds of the composite temperature and of two sensors (1: the controller, which is the warmest and so the
 * composite temperature; 2: the flash), the event that crossing one raises, and how long it was too warm.
 *
 * NVMe Base 2.1, "Temperature Threshold", "SMART / Health Information".
 */
#include "ssd/admin/feat.h"
#include "ssd/admin/identify.h"

#define SAVED_OVER ssd_saved_bit(offsetof(struct ssd_feat_saved, temp_over))
#define SAVED_UNDER ssd_saved_bit(offsetof(struct ssd_feat_saved, temp_under))
#define NAND_COOLER 5u /* K */
#define MINUTE_NS 60000000000ull

uint16_t
ssd_sensor_k(const struct ssd_subsys *sub, uint32_t sensor)
{
	uint16_t k = sub->temperature_k;

	return sensor == 2 ? (uint16_t)(k > NAND_COOLER ? k - NAND_COOLER : 1) : k;
}

static uint32_t
threshold(const struct ssd *ssd, uint32_t sensor, bool under)
{
	if (sensor)
		return ssd->feat.sensor[sensor - 1][under];
	return under ? ssd->feat.temp_under : ssd->feat.temp_over;
}

static void
threshold_put(struct ssd *ssd, uint32_t sensor, bool under, uint32_t kelvin)
{
	if (sensor)
		ssd->feat.sensor[sensor - 1][under] = kelvin;
	else
		*(under ? &ssd->feat.temp_under : &ssd->feat.temp_over) = kelvin;
}

static uint32_t
threshold_default(const struct ssd *ssd, uint32_t sensor, bool under)
{
	if (under)
		return 0;
	return sensor ? 0xffff : ssd_wctemp(ssd->sub);
}

static uint32_t
threshold_saved(struct ssd *ssd, uint32_t sensor, bool under)
{
	const struct ssd_power_kept *k = &ssd->sub->power_kept[ssd->cntlid - 1];
	const struct ssd_feat_saved *s = ssd_feat_saved(ssd);

	if (sensor && (k->set & SSD_POWER_SENSOR(sensor, under)))
		return le16_get(k->sensor[sensor - 1][under]);
	if (!sensor && (s->set & (under ? SAVED_UNDER : SAVED_OVER)))
		return under ? s->temp_under : s->temp_over;
	return threshold_default(ssd, sensor, under);
}

static void
threshold_save(struct ssd *ssd, uint32_t sensor, bool under, uint32_t kelvin)
{
	struct ssd_power_kept *k = &ssd->sub->power_kept[ssd->cntlid - 1];
	struct ssd_feat_saved *s = ssd_feat_saved(ssd);

	if (sensor) {
		k->sensor[sensor - 1][under] = le16_from((uint16_t)kelvin);
		k->set |= (uint8_t)SSD_POWER_SENSOR(sensor, under);
		ssd_part_save(ssd->sub, SSD_PART_POWER);
		return;
	}
	*(under ? &s->temp_under : &s->temp_over) = kelvin;
	s->set |= under ? SAVED_UNDER : SAVED_OVER;
}

void
ssd_feat_temp_reset(struct ssd *ssd)
{
	for (uint32_t s = 0; s <= SSD_SENSORS; s++) {
		threshold_put(ssd, s, false, threshold_saved(ssd, s, false));
		threshold_put(ssd, s, true, threshold_saved(ssd, s, true));
	}
}

/* An under temperature threshold of 0 K is never reached. */
uint8_t
ssd_temp_warning(const struct ssd *ssd)
{
	for (uint32_t s = 0; s <= SSD_SENSORS; s++) {
		uint32_t k = ssd_sensor_k(ssd->sub, s);

		if (k >= threshold(ssd, s, false) || k <= threshold(ssd, s, true))
			return (uint8_t)NVME_CW_TTC;
	}
	return 0;
}

static void
account(struct ssd_subsys *sub, struct ssd_thermal *t)
{
	uint64_t ns = sub->last_ns > t->since_ns ? sub->last_ns - t->since_ns : 0;

	if (t->k >= ssd_cctemp(sub))
		t->hot_ns += ns;
	else if (t->k >= ssd_wctemp(sub))
		t->warm_ns += ns;
	t->k = sub->temperature_k;
	t->since_ns = sub->last_ns;
}

void
ssd_temp_minutes(const struct ssd_subsys *sub, uint32_t *wctt, uint32_t *cctt)
{
	struct ssd_thermal t = sub->thermal;
	uint64_t ns = sub->last_ns > t.since_ns ? sub->last_ns - t.since_ns : 0;

	*cctt = (uint32_t)((t.hot_ns + (t.k >= ssd_cctemp(sub) ? ns : 0)) / MINUTE_NS);
	*wctt = (uint32_t)((t.warm_ns + (t.k >= ssd_wctemp(sub) && t.k < ssd_cctemp(sub) ? ns : 0)) / MINUTE_NS);
}

void
ssd_temp_check(struct ssd *ssd)
{
	if (ssd->sub->thermal.k != ssd->sub->temperature_k)
		account(ssd->sub, &ssd->sub->thermal);
	if (ssd_temp_warning(ssd))
		ssd_event(ssd, NVME_AER_SMART, NVME_AER_SMART_TEMPERATURE, NVME_LOG_SMART);
}

/* TMPSEL: 0h the composite temperature, 1h and 2h the sensors there are, Fh all (Set only).  THSEL: over or under. */
static nvme_status
check(struct ssd_cmd *c, uint32_t cdw11, bool set)
{
	uint64_t tmpsel = nvme_get(cdw11, NVME_FEAT_TT_TMPSEL);

	if (tmpsel > SSD_SENSORS && !(set && tmpsel == NVME_TMPSEL_ALL))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, SSD_FEAT_CDW11 + 2);
	if (nvme_get(cdw11, NVME_FEAT_TT_THSEL) > NVME_THSEL_UNDER)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, SSD_FEAT_CDW11 + 2);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_temp_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	uint32_t k = nvme_get32(cdw11, NVME_FEAT_TT_TMPTH), tmpsel = nvme_get32(cdw11, NVME_FEAT_TT_TMPSEL);
	bool under = nvme_get(cdw11, NVME_FEAT_TT_THSEL) == NVME_THSEL_UNDER;
	nvme_status st = check(c, cdw11, true);

	if (st)
		return st;
	for (uint32_t s = 0; s <= SSD_SENSORS; s++) {
		if (tmpsel != NVME_TMPSEL_ALL && tmpsel != s)
			continue;
		threshold_put(c->ssd, s, under, k);
		if (save)
			threshold_save(c->ssd, s, under, k);
	}
	ssd_temp_check(c->ssd);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_feat_temp_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	uint32_t sensor = nvme_get32(cdw11, NVME_FEAT_TT_TMPSEL);
	bool under = nvme_get(cdw11, NVME_FEAT_TT_THSEL) == NVME_THSEL_UNDER;
	nvme_status st = check(c, cdw11, false);

	if (st)
		return st;
	if (sel == NVME_FEAT_SEL_CURRENT)
		c->dw0 = threshold(c->ssd, sensor, under);
	else
		c->dw0 = sel == NVME_FEAT_SEL_SAVED ? threshold_saved(c->ssd, sensor, under)
						    : threshold_default(c->ssd, sensor, under);
	return NVME_SC_SUCCESS;
}
