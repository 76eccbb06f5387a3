/* SPDX-License-Identifier: BSD-3-Clause */
/* A verification table and the data of its LBAs, for the tests of it. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#include "util/alloc.h"
#include "util/rng.h"
#include "verify/verify_int.h"

#define LBAS 64u
#define BYTES 512u
#define NSID 3u

static struct nvp_verify *table;
static uint8_t data[LBAS * BYTES];

/* Data as a driver writes it. */
static inline void
fill(void)
{
	struct ut_rng rng;
	uint32_t i;

	ut_rng_seed(&rng, 5);
	for (i = 0; i < sizeof(data); i += 8)
		memcpy(data + i, &(uint64_t){ ut_rng_next(&rng) }, 8);
	nvp_verify_inject(data, BYTES, BYTES, nvp_verify_id(NSID, 0), LBAS, 1, NVP_INJECT_ID | NVP_INJECT_TOKEN);
}

static inline int
open_table(bool crc32)
{
	const struct nvp_verify_opts opts = { .crc32 = crc32 };

	fill();
	if (nvp_verify_open(LBAS, BYTES, &opts, &table))
		return -1;
	nvp_verify_set_nsid(table, NSID);
	nvp_verify_enable(table, true);
	return 0;
}

static inline int
setup(void **state)
{
	(void)state;
	return open_table(false);
}

static inline int
setup32(void **state)
{
	(void)state;
	return open_table(true);
}

static inline int
teardown(void **state)
{
	(void)state;
	nvp_verify_close(table);
	return 0;
}

static inline struct nvp_verify_op
op_of(enum nvp_verify_kind kind, uint64_t slba, uint32_t nlb)
{
	return (struct nvp_verify_op){ .kind = (uint8_t)kind, .slba = slba, .nlb = nlb };
}

static inline struct nvp_verify_op
begin(enum nvp_verify_kind kind, uint64_t slba, uint32_t nlb)
{
	struct nvp_verify_op op = op_of(kind, slba, nlb);

	assert_int_equal(nvp_verify_begin(table, &op), 0);
	return op;
}

static inline int
end(struct nvp_verify_op *op, enum nvp_verify_verdict verdict)
{
	return nvp_verify_end(table, op, verdict, data + op->slba * BYTES, NULL);
}

static inline void
run_op(enum nvp_verify_kind kind, uint64_t slba, uint32_t nlb, enum nvp_verify_verdict verdict)
{
	struct nvp_verify_op op = begin(kind, slba, nlb);

	assert_int_equal(end(&op, verdict), 0);
}

static inline void
write_ok(uint64_t slba, uint32_t nlb)
{
	run_op(NVP_VERIFY_WRITE, slba, nlb, NVP_VERIFY_OK);
}

static inline int
read_back(uint64_t slba, uint32_t nlb, struct nvp_miscompare *mis)
{
	struct nvp_verify_op op = begin(NVP_VERIFY_READ, slba, nlb);

	return nvp_verify_end(table, &op, NVP_VERIFY_OK, data + slba * BYTES, mis);
}

static inline void
spoil(uint64_t lba)
{
	data[lba * BYTES + 100] ^= 0x10;
}

static inline bool
is_free(enum nvp_verify_kind kind, uint64_t slba, uint32_t nlb)
{
	struct nvp_verify_op op = op_of(kind, slba, nlb);
	int rc = nvp_verify_begin(table, &op);

	nvp_verify_cancel(table, &op);
	return !rc;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST32(name)                                              \
	{                                                         \
#name " (32 bits)", name, setup32, teardown, NULL \
	}
