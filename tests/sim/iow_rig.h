/* SPDX-License-Identifier: BSD-3-Clause */
/* A software SSD in a process of its own, a controller on it, a verification table, and workers: for test_iow_process.c. */
#pragma once
#include "ssd_process.h"

#include <dirent.h>
#include "ioworker/parent.h"
#include "nvproof/ioworker.h"
#include "util/clock.h"
#include "util/pattern.h"
#include "verify/verify_int.h"

#define MS 1000000ull

static struct nvp_ctrlr *c;
static struct nvp_ns ns;
static struct nvp_verify *table;

static const struct nvp_iow_plan base = {
	.io_size = 8,
	.lba_align = 8,
	.random_percent = 100,
	.read_percent = 50,
	.qdepth = 31,
	.io_count = 5000,
	.region_end = 4096,
	.seed = 7,
	.ptype = UT_PTYPE_RANDOM,
	.pvalue = 100,
	.cpu = -1,
	.verify = true,
	.exit_on_error = true,
};

/* Endless, until somebody dies. */
static struct nvp_iow_plan
endless(void)
{
	struct nvp_iow_plan p = base;

	p.io_count = 0;
	p.time_ns = 600000 * MS;
	return p;
}

static int
setup(void **state)
{
	char addr[160];
	int rc;

	(void)state;
	start_ssd();
	snprintf(addr, sizeof(addr), "vfu:%s", sock);
	rc = nvp_ctrlr_open(addr, NULL, &c);
	if (rc)
		print_error("%s\n", nvp_error());
	assert_int_equal(rc, 0);
	assert_int_equal(nvp_ns_open(c, 1, &ns, NULL), 0);
	assert_int_equal(nvp_verify_open(ns.nsze, ns.lba_size, NULL, &table), 0);
	nvp_verify_enable(table, true);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	nvp_verify_close(table);
	nvp_ctrlr_close(c);
	stop_ssd();
	return 0;
}

static struct nvp_iow *
start(const struct nvp_iow_plan *p)
{
	struct nvp_iow *w = NULL;
	int rc = nvp_iow_start(&ns, p, table, &w);

	if (rc)
		print_error("%d %s\n", rc, nvp_error());
	assert_int_equal(rc, 0);
	assert_false(w->local);
	return w;
}

static void
wait_end(struct nvp_iow *w)
{
	int i;

	for (i = 0; i < 300 && !nvp_iow_wait(w, 100); i++)
		;
	if (!w->ended)
		print_error("a worker does not end\n");
	assert_true(w->ended);
}

static void
all_is_well(void)
{
	struct nvp_iow *w = start(&base);
	struct nvp_iow_result r;

	wait_end(w);
	if (nvp_iow_reason(w)[0])
		print_error("%s\n", nvp_iow_reason(w));
	nvp_iow_close(w, &r);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.status, 0);
	assert_int_equal(r.reads + r.writes, base.io_count);
}

static void
let_it_work(const struct nvp_iow *w)
{
	uint64_t ios = 0, bytes, end = ut_mono_ns() + 5000 * MS;

	while (ios < 500 && ut_mono_ns() < end)
		nvp_iow_live(w, &ios, &bytes);
	assert_true(ios >= 500);
}
