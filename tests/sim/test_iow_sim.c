/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers on a simulated SSD: the engine in this process, on virtual time. */
#include "sim_test.h"

#include "nvproof/ioworker.h"
#include "nvproof/verify.h"
#include "util/bits.h"
#include "util/pattern.h"

static struct nvp_ctrlr *c;
static struct nvp_ns ns;

static const struct nvp_iow_plan base = {
	.io_size = 8,
	.lba_align = 8,
	.random_percent = 100,
	.read_percent = 50,
	.qdepth = 31,
	.io_count = 2000,
	.region_end = UINT64_MAX,
	.seed = 7,
	.ptype = UT_PTYPE_RANDOM,
	.pvalue = 100,
	.cpu = -1,
	.exit_on_error = true,
};

static int
setup(void **state)
{
	(void)state;
	c = sim_ctrlr("sim:ram?size=16M&seed=1", NULL);
	assert_int_equal(nvp_ns_open(c, 1, &ns, NULL), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	nvp_ctrlr_close(c);
	return 0;
}

static struct nvp_verify *
table(void)
{
	struct nvp_verify *v = NULL;

	assert_int_equal(nvp_verify_open(ns.nsze, ns.lba_size, NULL, &v), 0);
	nvp_verify_enable(v, true);
	return v;
}

static struct nvp_iow *
start(const struct nvp_iow_plan *p, struct nvp_verify *v)
{
	struct nvp_iow *w = NULL;
	int rc = nvp_iow_start(&ns, p, v, &w);

	if (rc)
		print_error("%s\n", nvp_error());
	assert_int_equal(rc, 0);
	return w;
}

static void
wait_end(struct nvp_iow *w)
{
	int i;

	for (i = 0; i < 1000 && !nvp_iow_wait(w, 100); i++)
		;
	assert_int_equal(nvp_iow_wait(w, 0), 1);
}

static struct nvp_iow_result
run(const struct nvp_iow_plan *p, struct nvp_verify *v)
{
	struct nvp_iow *w = start(p, v);
	struct nvp_iow_result r;

	wait_end(w);
	nvp_iow_close(w, &r);
	return r;
}

static struct nvme_cqe
one_io(uint8_t opc, uint64_t lba, uint8_t fill)
{
	struct nvp_qpair *q = sim_qpair(c, 4);
	struct nvp_buf buf = { 0 };
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	assert_int_equal(nvp_buf_alloc(ns.lba_size, 0, &buf), 0);
	memset(buf.va, fill, ns.lba_size);
	nvme_prep_write(&sqe, ns.nsid, lba, 1);
	sqe.opc = opc;
	assert_int_equal(
		nvp_io(q, &sqe, opc == NVME_OPC_WRITE ? &buf : NULL, opc == NVME_OPC_WRITE ? ns.lba_size : 0, &cqe), 0);
	assert_int_equal(nvp_qpair_delete(q, NULL), 0);
	nvp_buf_free(&buf);
	return cqe;
}

static void
counts_are_those_of_the_drive(void **state)
{
	struct ssd_stats s0, s1;
	struct nvp_iow_result r;
	uint64_t ios, bytes;

	(void)state;
	ssd_get_stats(nvp_sim_subsys(nvp_ctrlr_bus(c)), &s0);
	r = run(&base, NULL);
	ssd_get_stats(nvp_sim_subsys(nvp_ctrlr_bus(c)), &s1);
	assert_int_equal(r.error, NVP_IOW_OK);
	assert_int_equal(r.reads + r.writes, 2000);
	assert_in_range(r.reads, 900, 1100);
	assert_int_equal(s1.cmds_read - s0.cmds_read, r.reads);
	assert_int_equal(s1.cmds_write - s0.cmds_write, r.writes);
	assert_int_equal(r.bytes, 2000 * 4096);
	assert_true(r.ns > 0 && r.latency_max_ns > 0);
	assert_true(r.latency_sum_ns / 2000 <= r.latency_max_ns);
	nvp_iow_total(c, &ios, &bytes);
	assert_int_equal(ios, 2000);
	assert_int_equal(bytes, 2000 * 4096);
}

static void
fill_and_read_back(void **state)
{
	struct nvp_iow_plan p = base;
	struct nvp_verify *v = table();
	struct nvp_iow_result r;

	(void)state;
	p.random_percent = 0;
	p.io_count = 0;
	p.read_percent = 0;
	p.io_size = 60;
	p.lba_align = 1;
	p.verify = true;
	r = run(&p, v);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.bytes, ns.nsze * ns.lba_size);
	p.read_percent = 100;
	r = run(&p, v);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.bytes, ns.nsze * ns.lba_size);
	one_io(NVME_OPC_WRITE, 12345, 0x5a); /* behind the table's back */
	r = run(&p, v);
	assert_int_equal(r.error, NVP_IOW_IO);
	assert_int_equal(r.status, 0x781);
	assert_int_equal(r.miscompare_lba, 12345);
	nvp_verify_close(v);
}

static void
a_device_error_stops_it(void **state)
{
	struct nvp_iow_plan p = base;
	struct nvp_iow_result r;
	struct nvp_iow *w;

	(void)state;
	assert_int_equal(status_of(&(struct nvme_cqe[]){ one_io(NVME_OPC_WRITE_UNCOR, 100, 0) }[0]), 0);
	p.random_percent = 0;
	p.io_count = 0;
	p.read_percent = 100;
	w = start(&p, NULL);
	wait_end(w);
	assert_int_equal(nvp_iow_result(w)->error, NVP_IOW_IO);
	assert_non_null(strstr(nvp_iow_reason(w), "read of 8 LBAs at 96"));
	nvp_iow_close(w, &r);
	assert_int_equal(r.status, 0x281);
	assert_in_range(r.reads, 13, 13 + p.qdepth);
}

static void
a_drive_without_power_times_out(void **state)
{
	struct ssd_subsys *sub = nvp_sim_subsys(nvp_ctrlr_bus(c));
	struct nvp_iow_plan p = base;
	struct nvp_iow_result r;
	struct nvp_iow *w;

	(void)state;
	p.io_count = 0;
	p.time_ns = 100000000000ull;
	p.timeout_ms = 200;
	w = start(&p, NULL);
	assert_int_equal(nvp_iow_wait(w, 1), 0);
	assert_true(nvp_iow_running(w));
	ssd_power_off(sub);
	wait_end(w);
	nvp_iow_close(w, &r);
	assert_int_equal(r.error, NVP_IOW_TIMEOUT);
	assert_int_equal(r.status, 0x7ff);
	assert_true(r.reads > 0 && r.writes > 0);
	ssd_power_on(sub);
	assert_int_equal(nvp_ctrlr_reset(c), 0);
	r = run(&base, NULL);
	assert_int_equal(r.error, 0);
}

static void
a_reset_ends_it_without_an_error_of_the_drive(void **state)
{
	struct nvp_iow_plan p = base;
	struct nvp_verify *v = table();
	struct nvp_iow_result r;
	struct nvp_iow *w;
	int i;

	(void)state;
	p.io_count = 0;
	p.time_ns = 100000000000ull;
	p.verify = true;
	for (i = 0; i < 5; i++) {
		p.seed = (uint64_t)i;
		w = start(&p, v);
		assert_int_equal(nvp_iow_wait(w, 1), 0);
		assert_int_equal(nvp_ctrlr_reset(c), 0);
		wait_end(w);
		assert_non_null(strstr(nvp_iow_reason(w), "reset"));
		nvp_iow_close(w, &r);
		assert_int_equal(r.error, NVP_IOW_TERMINATED);
		assert_int_equal(r.status, 0);
		assert_true(r.reads > 0);
	}
	r = run(&base, v); /* what the reset cut off is not held against the drive */
	assert_int_equal(r.error, 0);
	nvp_verify_close(v);
}

static void
closing_a_running_one(void **state)
{
	struct nvp_iow_plan p = base;
	struct nvp_iow_result r;
	struct nvp_iow *w;

	(void)state;
	p.io_count = 0;
	p.time_ns = 100000000000ull;
	w = start(&p, NULL);
	nvp_iow_wait(w, 1);
	nvp_iow_close(w, &r);
	assert_int_equal(r.error, NVP_IOW_TERMINATED);
	assert_true(r.reads > 0 && r.ns > 0);
	w = start(&p, NULL);
	nvp_iow_close(w, NULL);
	nvp_iow_close(NULL, NULL);
}

/* Three on the same few LBAs at once, verified. */
static void
several_at_once(uint64_t seed, struct nvp_iow_result *r)
{
	struct nvp_verify *v = table();
	struct nvp_iow_plan p = base;
	struct nvp_iow *w[3];
	int i;

	p.region_end = 256;
	p.verify = true;
	for (i = 0; i < 3; i++) {
		p.seed = seed + (uint64_t)i;
		w[i] = start(&p, v);
	}
	for (i = 0; i < 3; i++) {
		wait_end(w[i]);
		assert_string_equal(nvp_iow_reason(w[i]), "");
		nvp_iow_close(w[i], &r[i]);
		assert_int_equal(r[i].error, 0);
		assert_int_equal(r[i].reads + r[i].writes, 2000);
	}
	nvp_verify_close(v);
}

static void
one_seed_one_run(void **state)
{
	struct nvp_iow_result a[3], b[3], d[3];

	several_at_once(20, a);
	teardown(state);
	setup(state);
	several_at_once(20, b);
	teardown(state);
	setup(state);
	several_at_once(30, d);
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, d, sizeof(a));
}

static void
time_and_percentiles(void **state)
{
	struct nvp_iow_plan p = base;
	const struct nvp_iow_second *per_second;
	uint64_t sum = 0;
	struct nvp_iow *w;
	uint32_t n, i;

	(void)state;
	p.io_count = 0;
	p.time_ns = 20000000; /* virtual time is dear: 20 ms */
	p.qdepth = 2;
	w = start(&p, NULL);
	wait_end(w);
	assert_in_range(nvp_iow_result(w)->ns, 19000000, 21000000);
	per_second = nvp_iow_seconds(w, &n);
	for (i = 0; i < n; i++)
		sum += per_second[i].reads + per_second[i].writes;
	assert_int_equal(n, 1);
	assert_int_equal(sum, nvp_iow_result(w)->reads + nvp_iow_result(w)->writes);
	assert_true(nvp_iow_percentile_ns(w, 500000) <= nvp_iow_percentile_ns(w, 990000));
	assert_true(nvp_iow_percentile_ns(w, 1000000) * 100 >= nvp_iow_result(w)->latency_max_ns * 99);
	nvp_iow_close(w, NULL);
}

static void
what_cannot_be_done(void **state)
{
	struct nvp_iow_plan p = base;
	struct nvp_verify *v = NULL;
	struct nvp_iow_result r;
	struct nvp_iow *w = NULL;

	(void)state;
	p.io_size = (uint32_t)(nvp_ctrlr_mdts_bytes(c) / ns.lba_size) + 8;
	r = run(&p, NULL);
	assert_int_equal(r.error, NVP_IOW_MDTS);
	assert_int_equal(r.status, 0x002);
	p = base;
	p.qdepth = 0;
	assert_int_equal(nvp_iow_start(&ns, &p, NULL, &w), -EINVAL);
	assert_non_null(strstr(nvp_error(), "qdepth"));
	assert_int_equal(nvp_verify_open(100, 4096, NULL, &v), 0);
	assert_int_equal(nvp_iow_start(&ns, &base, v, &w), -EINVAL);
	assert_non_null(strstr(nvp_error(), "verification"));
	nvp_verify_close(v);
}

static void
every_allocation_may_fail(void **state)
{
	struct nvp_iow *w = NULL;
	int n, rc;

	(void)state;
	for (n = 0;; n++) {
		ut_alloc_budget = n;
		rc = nvp_iow_start(&ns, &base, NULL, &w);
		ut_alloc_budget = -1;
		if (!rc && nvp_iow_result(w)->error != NVP_IOW_BUFFERS)
			break;
		assert_true(rc == -ENOMEM || !rc);
		if (!rc) /* no memory for the data is a result */
			nvp_iow_close(w, NULL);
	}
	assert_true(n > 4);
	wait_end(w);
	nvp_iow_close(w, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_are_those_of_the_drive, setup, teardown),
		cmocka_unit_test_setup_teardown(fill_and_read_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_device_error_stops_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_drive_without_power_times_out, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reset_ends_it_without_an_error_of_the_drive, setup, teardown),
		cmocka_unit_test_setup_teardown(closing_a_running_one, setup, teardown),
		cmocka_unit_test_setup_teardown(one_seed_one_run, setup, teardown),
		cmocka_unit_test_setup_teardown(time_and_percentiles, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_done, setup, teardown),
		cmocka_unit_test_setup_teardown(every_allocation_may_fail, setup, teardown),
	};

	return cmocka_run_group_tests_name("iow_sim", tests, NULL, NULL);
}
