/* SPDX-License-Identifier: BSD-3-Clause */
/* Fuzzing profile files: whatever is in one, the answer is a drive that can be, or one line that names file and line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "ssd/profile.h"
#include "ssd/ssd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ssd_profile p = { .name = "old" };
	struct ssd_config cfg = { 0 };
	char err[256] = "";

	if (ssd_profile_parse("fuzz.ini", (const char *)data, size, &p, err, sizeof(err))) {
		if (strncmp(err, "fuzz.ini:", 9) || strchr(err, '\n') || strcmp(p.name, "old"))
			abort();
		return 0;
	}
	ssd_profile_apply(&p, &cfg);
	if (!cfg.nr_ns || cfg.nr_ns > SSD_MAX_NAMESPACES || cfg.queues >= SSD_MAX_QUEUES || p.heat.warning_c > 120)
		abort();
	return 0;
}
