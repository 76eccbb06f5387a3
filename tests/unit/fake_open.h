/* SPDX-License-Identifier: BSD-3-Clause */
/* A controller and a queue pair on the fake device, opened. */
#pragma once
#include "fake_ctrlr.h"

static inline struct nvp_ctrlr *
open_fake(struct fake *f)
{
	struct nvp_ctrlr *c = NULL;

	fake_init(f, FAIL_NONE);
	assert_int_equal(nvp_ctrlr_attach(&f->base, &(struct nvp_ctrlr_opts){ .timeout_ms = 100 }, &c), 0);
	return c;
}

static inline struct nvp_qpair *
open_queue(struct nvp_ctrlr *c)
{
	struct nvp_qpair *q = NULL;

	assert_int_equal(nvp_qpair_create(c, &(struct nvp_qpair_opts){ .depth = 16 }, &q, NULL), 0);
	return q;
}
