/* SPDX-License-Identifier: BSD-3-Clause */
/* Driver and software SSD in one process on virtual time: what the tests of this directory share. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bus/bus.h"
#include "nvproof/ctrlr.h"
#include "nvproof/ns.h"
#include "nvproof/sim.h"
#include "nvproof/spec/prep_admin.h"
#include "nvproof/spec/prep_nvm.h"
#include "nvproof/spec/regs.h"
#include "nvproof/spec/status.h"
#include "ssd/ssd.h"
#include "util/alloc.h"
#include "util/rng.h"

static inline nvme_status
status_of(const struct nvme_cqe *cqe)
{
	return nvme_status_code(nvme_status_of(le16_get(cqe->status)));
}

static inline struct nvp_ctrlr *
sim_ctrlr(const char *addr, const struct nvp_ctrlr_opts *opts)
{
	struct nvp_ctrlr *c = NULL;
	int rc;

	assert_int_equal(nvp_sim_register(), 0);
	rc = nvp_ctrlr_open(addr, opts, &c);
	if (rc)
		print_error("%s: %d %s\n", addr, rc, nvp_error());
	assert_int_equal(rc, 0);
	return c;
}

static inline struct nvp_qpair *
sim_qpair(struct nvp_ctrlr *c, uint32_t depth)
{
	struct nvp_qpair_opts opts = { .depth = depth };
	struct nvp_qpair *q = NULL;

	assert_int_equal(nvp_qpair_create(c, &opts, &q, NULL), 0);
	return q;
}

static inline void
must(int rc, const struct nvme_cqe *cqe)
{
	assert_int_equal(rc, 0);
	assert_int_equal(status_of(cqe), 0);
}

/* The seed of a run: NVPROOF_SEED, or the test's own. */
static inline uint64_t
sim_seed(uint64_t otherwise)
{
	const char *env = getenv("NVPROOF_SEED");
	uint64_t seed = env ? strtoull(env, NULL, 0) : otherwise;

	print_message("seed %llu\n", (unsigned long long)seed);
	return seed;
}

/* At the end of main(): when a test failed, how to have it fail again. */
static inline int
sim_end(int failed, uint64_t seed)
{
	char program[4096];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (failed && n > 0)
		fprintf(stderr, "failed with seed %llu; again: NVPROOF_SEED=%llu %.*s\n", (unsigned long long)seed,
			(unsigned long long)seed, (int)n, program);
	return failed;
}
