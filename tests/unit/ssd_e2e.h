/* SPDX-License-Identifier: BSD-3-Clause */
/* The driver attached to the program nvproof-ssd, for tests of both. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "nvproof/ctrlr.h"
#include "nvproof/ns.h"
#include "nvproof/spec/prep_nvm.h"
#include "nvproof/spec/status.h"
#include "ssd_proc.h"

static inline struct nvp_ctrlr *
open_ctrlr(const char *addr)
{
	struct nvp_ctrlr *c = NULL;
	int rc = nvp_ctrlr_open(addr, NULL, &c);

	if (rc)
		print_error("%s: %s\n", addr, nvp_error());
	assert_int_equal(rc, 0);
	return c;
}

static inline nvme_status
status_of(const struct nvme_cqe *cqe)
{
	return nvme_status_code(nvme_status_of(le16_get(cqe->status)));
}

/* Eight LBAs that all have the pattern, over a new queue pair. */
static inline void
transfer(struct nvp_ctrlr *c, bool write, uint64_t lba, uint8_t pattern)
{
	struct nvp_qpair_opts opts = { .depth = 8 };
	struct nvp_qpair *q = NULL;
	struct nvp_buf buf = { 0 };
	struct nvme_cqe cqe;
	struct nvme_sqe sqe;
	struct nvp_ns ns;

	assert_int_equal(nvp_ns_open(c, 1, &ns, NULL), 0);
	assert_int_equal(nvp_qpair_create(c, &opts, &q, NULL), 0);
	assert_int_equal(nvp_buf_alloc(ns.lba_size * 8, 0, &buf), 0);
	memset(buf.va, write ? pattern : 0, buf.len);
	if (write)
		nvme_prep_write(&sqe, 1, lba, 8);
	else
		nvme_prep_read(&sqe, 1, lba, 8);
	assert_int_equal(nvp_io(q, &sqe, &buf, (uint32_t)buf.len, &cqe), 0);
	assert_int_equal(status_of(&cqe), 0);
	for (uint64_t i = 0; i < buf.len; i++)
		assert_int_equal(((uint8_t *)buf.va)[i], pattern);
	nvp_qpair_delete(q, NULL);
	nvp_buf_free(&buf);
}

static inline void
write_and_read(struct nvp_ctrlr *c, uint64_t lba, uint8_t pattern)
{
	transfer(c, true, lba, pattern);
	transfer(c, false, lba, pattern);
}
