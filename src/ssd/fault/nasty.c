/* SPDX-License-Identifier: BSD-3-Clause */
/* What a drive may do and a driver does not like, chosen by a seed. */
#include "ssd/fault/fault.h"
#include <stdio.h>

int
ssd_fault_nasty(struct ssd_subsys *sub, uint64_t seed, char *err, size_t errlen)
{
	static const struct {
		const char *point; /* with a time up to max_us, and a probability up to max_ppm */
		uint32_t max_us, max_ppm;
	} legal[] = {
		{ "cqe-jitter", 500, 400000 },
		{ "cqe-burst", 200, 900000 },
		{ "irq-late", 300, 300000 },
	};
	static const struct {
		const char *point;
		uint32_t max_ppm;
	} events[] = {
		{ "aer-noise", 5000 },
		{ "write-split,opc=write", 300000 },
	};
	struct ut_rng rng;
	char rule[SSD_FAULT_TEXT];
	uint32_t id;
	int rc = 0;

	ut_rng_seed(&rng, seed);
	for (size_t i = 0; i < UT_ARRAY_LEN(legal) && !rc; i++) {
		uint32_t us = 1 + (uint32_t)ut_rng_below(&rng, legal[i].max_us);
		uint32_t ppm = 1 + (uint32_t)ut_rng_below(&rng, legal[i].max_ppm);

		snprintf(rule, sizeof(rule), "%s=%uus,prob=0.%06u", legal[i].point, us, ppm);
		rc = ssd_fault_add(sub, rule, &id, err, errlen);
	}
	for (size_t i = 0; i < UT_ARRAY_LEN(events) && !rc; i++) {
		snprintf(rule, sizeof(rule), "%s,prob=0.%06u", events[i].point,
			 1 + (uint32_t)ut_rng_below(&rng, events[i].max_ppm));
		rc = ssd_fault_add(sub, rule, &id, err, errlen);
	}
	return rc;
}
