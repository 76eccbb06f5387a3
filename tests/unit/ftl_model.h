/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reference model of the FTL: for each unit the version that has to be there after a power loss, and those that may be.  A
 * unit holds its number and its version in each 8 bytes, so that a mix or another unit's data are seen.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "ssd/ftl/ftl_int.h"
#include "util/rng.h"

#define MODEL_UNITS 1600u
#define MS 1000000ull

struct model_group { /* units that survive together, since `safe` was */
	struct ftl_range range[2];
	uint32_t version;
};

struct model {
	struct ftl *f;
	struct ut_rng rng;
	uint64_t now;
	uint32_t version; /* of the last write */
	uint32_t safe[MODEL_UNITS]; /* survives; 0: nothing was written */
	uint32_t last[MODEL_UNITS]; /* reads now */
	uint32_t *since[MODEL_UNITS]; /* versions since `safe` was, which may be there too */
	uint32_t nr_since[MODEL_UNITS];
	struct model_group *group;
	uint32_t nr_groups;
	uint64_t erases; /* seen so far */
	uint64_t steps;
	uint32_t flushes, cuts, trims; /* of a thousand steps */
	bool ended; /* blocks failed until nothing can be written any more */
	bool stands; /* time only goes on when the FTL says so: a host with many commands under way */
};

/* 16 KiB pages on 4 dies: small, so that everything happens often. */
struct ftl_config model_config(void);

/* A finding ends the process with status 1 and a line: run it in a child. */
void model_open(struct model *m, const struct ftl_config *cfg, uint64_t seed);
void model_close(struct model *m);
void model_write(struct model *m, uint32_t u, bool whole);
void model_write_together(struct model *m, uint32_t u);
void model_read(struct model *m, uint32_t u);
void model_trim(struct model *m, uint32_t u, uint32_t n);
void model_flush(struct model *m);
void model_power_cut(struct model *m);
void model_trim_empties_blocks(struct model *m);
void model_programs_fail(struct model *m);
/* The valid units of each block, against what the map, its parts, the journal and the root point at. */
void model_recount(const struct model *m);
/* A random one of these, as often as m says; time goes on. */
void model_step(struct model *m);
