/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What modelled flash costs, for counting instructions: `count` random reads or writes of 4 KiB on the media of a drive that is
 * full, 32 at a time in virtual time.
 * usage: bench_ftl COUNT PROFILE read|write
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ssd/media/flash.h"
#include "ssd/media/media.h"
#include "util/rng.h"

#define SIZE (256ull << 20)
#define UNITS (SIZE / NAND_UNIT)

static void
access_unit(struct ssd_media *m, uint64_t unit, bool write)
{
	uint64_t len = NAND_UNIT;

	if (write)
		m->ops->poke(m, unit * NAND_UNIT, &len, 0);
	else
		m->ops->peek(m, unit * NAND_UNIT, &len);
}

int
main(int argc, char **argv)
{
	uint64_t count = argc == 4 ? strtoull(argv[1], NULL, 10) : 0, now = 0, due = 0;
	struct ssd_config cfg = { 0 };
	struct ssd_media *m;
	struct ut_rng rng;
	char err[256];

	if (!count || ssd_profile_find(argv[2], &cfg.profile, err, sizeof(err)) ||
	    ssd_media_flash(&cfg, SIZE, &now, &due, &m, err, sizeof(err))) {
		fprintf(stderr, "usage: bench_ftl COUNT PROFILE read|write\n");
		return 2;
	}
	ut_rng_seed(&rng, 1);
	for (uint64_t u = 0; u < UNITS; u++) {
		access_unit(m, u, true);
		now = due > now ? due : now;
	}
	for (uint64_t i = 0; i < count; i++) {
		access_unit(m, ut_rng_below(&rng, UNITS), !strcmp(argv[3], "write"));
		if (i % 32 == 31)
			now = due > now ? due : now;
	}
	m->ops->close(m);
	return 0;
}
