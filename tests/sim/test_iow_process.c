/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers as processes, on a software SSD that is one too.  And the death of each of the three in the middle of it:
 * nobody hangs, nobody is left over, and no drive is accused.
 */
#include "iow_rig.h"

static int
count_fds(pid_t pid)
{
	char path[64];
	struct dirent *d;
	int n = 0;
	DIR *dp;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dp = opendir(path);
	if (!dp)
		return -1;
	while ((d = readdir(dp)))
		n += d->d_name[0] != '.';
	closedir(dp);
	return n;
}

static void
io_count_is_exact(void **state)
{
	struct nvp_iow_result r;
	struct nvp_iow *w;
	uint64_t t0, t1;
	int fds;

	(void)state;
	all_is_well();
	fds = count_fds(getpid());
	t0 = ut_mono_ns();
	w = start(&base);
	t1 = ut_mono_ns();
	wait_end(w);
	nvp_iow_close(w, &r);
	assert_int_equal(count_fds(getpid()), fds);
	print_message("started in %.1f ms; %llu commands at %.0f a second, average latency %.1f us\n",
		      (double)(t1 - t0) / 1e6, (unsigned long long)(r.reads + r.writes),
		      (double)(r.reads + r.writes) * 1e9 / (double)r.ns,
		      (double)r.latency_sum_ns / (double)(r.reads + r.writes) / 1e3);
	assert_int_equal(r.reads + r.writes, 5000);
	assert_int_equal(r.bytes, 5000 * 4096);
	assert_in_range(r.reads, 2300, 2700);
	assert_true(r.cpu_ns > 0 && r.ns > 0);
}

static void
time_live_counters_and_seconds(void **state)
{
	struct nvp_iow_plan p = endless();
	uint64_t ios, bytes, last = 0;
	const struct nvp_iow_second *seconds;
	struct nvp_iow_result r;
	struct nvp_iow *w;
	uint32_t n;

	(void)state;
	p.time_ns = 1200 * MS;
	w = start(&p);
	assert_true(getpgid(w->pid) == w->pid); /* Ctrl-C in the terminal is not for it */
	assert_true(count_fds(w->pid) <= 12);
	while (!nvp_iow_wait(w, 200)) {
		nvp_iow_total(c, &ios, &bytes);
		assert_true(ios >= last && bytes <= ios * 4096 && bytes + 64 * 4096 >= ios * 4096);
		last = ios;
	}
	assert_string_equal(nvp_iow_reason(w), "");
	seconds = nvp_iow_seconds(w, &n);
	assert_int_equal(n, 1);
	nvp_iow_live(w, &ios, &bytes);
	assert_int_equal(seconds[0].reads + seconds[0].writes, ios);
	nvp_iow_close(w, &r);
	assert_in_range(r.ns / MS, 1150, 1300);
	assert_int_equal(r.reads + r.writes, ios);
	nvp_iow_total(c, &ios, &bytes);
	assert_int_equal(r.reads + r.writes, ios);
}

static void
four_on_the_same_lbas(void **state)
{
	struct nvp_iow_plan p = base;
	struct nvp_iow_result r;
	struct nvp_iow *w[4];
	int i;

	(void)state;
	p.region_end = 128;
	p.io_count = 20000;
	for (i = 0; i < 4; i++) {
		p.seed = (uint64_t)i;
		w[i] = start(&p);
	}
	for (i = 0; i < 4; i++) {
		wait_end(w[i]);
		assert_string_equal(nvp_iow_reason(w[i]), "");
		nvp_iow_close(w[i], &r);
		assert_int_equal(r.error, 0);
		assert_int_equal(r.reads + r.writes, 20000);
	}
}

/* LBAs whose last write is in doubt. */
static uint32_t
still_counted_in(void)
{
	uint32_t n = 0;
	uint64_t i;

	for (i = 0; i < base.region_end; i++)
		n += table->code[i] == CODE_BUSY || table->code[i] == CODE_TAINTED;
	return n;
}

static void
the_worker_is_killed(void **state)
{
	struct nvp_iow_plan p = endless();
	struct nvp_iow_result r;
	struct nvp_iow *w;
	uint64_t t0;
	int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		p.seed = (uint64_t)i;
		w = start(&p);
		let_it_work(w);
		kill(w->pid, SIGKILL);
		t0 = ut_mono_ns();
		wait_end(w);
		assert_true(ut_mono_ns() - t0 < 1000 * MS);
		assert_non_null(strstr(nvp_iow_reason(w), "killed by signal 9"));
		nvp_iow_close(w, &r);
		assert_int_equal(r.error, NVP_IOW_DIED);
		assert_int_equal(r.status, 0);
		assert_true(r.reads + r.writes >= 500 && r.ns > 0 && r.cpu_ns > 0);
		/* Of all it had in flight, only the LBA that it was just counting may be in doubt. */
		assert_true(still_counted_in() <= (uint32_t)i + 1);
	}
	all_is_well();
}

static void
the_ssd_is_killed(void **state)
{
	struct nvp_iow_plan p = endless();
	struct nvp_iow_result r;
	struct nvp_iow *w;
	uint64_t t0;

	(void)state;
	w = start(&p);
	let_it_work(w);
	kill(ssd, SIGKILL);
	waitpid(ssd, NULL, 0);
	ssd = 0;
	t0 = ut_mono_ns();
	wait_end(w);
	assert_string_equal(nvp_iow_reason(w), "the device is gone");
	nvp_iow_close(w, &r);
	assert_true(ut_mono_ns() - t0 < 1000 * MS);
	assert_int_equal(r.error, NVP_IOW_TERMINATED);
	assert_true(r.reads + r.writes >= 500 && r.ns > 0);
}

static void
the_controller_is_reset(void **state)
{
	struct nvp_iow_plan p = endless();
	struct nvp_iow_result r;
	struct nvp_iow *w, *idle;
	uint64_t t0;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		p.seed = (uint64_t)i;
		w = start(&p);
		idle = start(&p);
		let_it_work(w);
		t0 = ut_mono_ns();
		assert_int_equal(nvp_ctrlr_reset(c), 0);
		assert_true(w->ended && idle->ended); /* before the reset: no doorbell rings in the middle of it */
		assert_int_equal(nvp_iow_wait(w, 0), 1);
		assert_string_equal(nvp_iow_reason(w), "the controller was reset");
		nvp_iow_close(w, &r);
		assert_true(ut_mono_ns() - t0 < 1000 * MS);
		assert_int_equal(r.error, NVP_IOW_TERMINATED);
		assert_int_equal(r.status, 0);
		assert_true(r.reads + r.writes >= 500);
		nvp_iow_close(idle, &r);
		assert_int_equal(r.error, NVP_IOW_TERMINATED);
		all_is_well();
	}
}

/* By somebody else: CC.EN goes to 0 behind our back. */
static void
the_controller_is_disabled(void **state)
{
	struct nvp_iow_plan p = endless();
	struct nvp_iow_result r;
	struct nvp_iow *w;

	(void)state;
	w = start(&p);
	let_it_work(w);
	assert_int_equal(nvp_reg_write32(c, NVME_REG_CC, 0), 0);
	wait_end(w);
	assert_string_equal(nvp_iow_reason(w), "the controller was reset");
	assert_int_equal(nvp_ctrlr_reset(c), 0);
	nvp_iow_close(w, &r);
	assert_int_equal(r.error, NVP_IOW_TERMINATED);
	all_is_well();
}

static void
a_stopped_one_is_closed(void **state)
{
	struct nvp_iow_plan p = endless();
	struct nvp_iow_result r;
	struct nvp_iow *w;
	uint64_t t0;

	(void)state;
	w = start(&p);
	let_it_work(w);
	nvp_iow_stop(w, "the test said so");
	wait_end(w);
	nvp_iow_close(w, &r);
	assert_int_equal(r.error, NVP_IOW_TERMINATED);

	w = start(&p);
	let_it_work(w);
	kill(w->pid, SIGSTOP); /* it does not even hear that it should end */
	t0 = ut_mono_ns();
	nvp_iow_close(w, &r);
	assert_in_range((ut_mono_ns() - t0) / MS, 600, 1500);
	assert_int_equal(r.error, NVP_IOW_TERMINATED);

	w = start(&p);
	let_it_work(w);
	kill(w->pid, SIGSTOP);
	nvp_iow_stop(w, "the test said so");
	t0 = ut_mono_ns();
	wait_end(w);
	assert_in_range((ut_mono_ns() - t0) / MS, 600, 1500);
	assert_string_equal(nvp_iow_reason(w), "the test said so");
	nvp_iow_close(w, &r);
	all_is_well();
}

/* 30 s after its time it is ended by force.  Nobody waits for that here: its beginning is set back. */
static void
one_that_does_not_end(void **state)
{
	struct nvp_iow_plan p = endless();
	struct nvp_iow_result r;
	struct nvp_iow *w;

	(void)state;
	p.time_ns = 60000 * MS;
	w = start(&p);
	let_it_work(w);
	kill(w->pid, SIGSTOP);
	assert_int_equal(nvp_iow_wait(w, 100), 0);
	w->sh->begin_ns -= (60000 + 29000) * MS;
	assert_int_equal(nvp_iow_wait(w, 100), 0);
	w->sh->begin_ns -= 1000 * MS;
	assert_int_equal(nvp_iow_wait(w, 100), 1);
	assert_string_equal(nvp_iow_reason(w), "still running 30 s after its time");
	nvp_iow_close(w, &r);
	assert_int_equal(r.error, NVP_IOW_OVERTIME);
	assert_true(r.reads + r.writes > 0);
	all_is_well();
}

/* Deleting a queue of a controller that is not ready would wait for an answer that does not come. */
static void
closed_while_the_controller_is_down(void **state)
{
	struct nvp_iow_plan p = endless();
	struct nvp_iow_result r;
	struct nvp_iow *w;
	uint64_t t0;

	(void)state;
	w = start(&p);
	let_it_work(w);
	assert_int_equal(nvp_reg_write32(c, NVME_REG_CC, 0), 0);
	t0 = ut_mono_ns();
	nvp_iow_close(w, &r);
	assert_true(ut_mono_ns() - t0 < 1000 * MS);
	assert_int_equal(r.error, NVP_IOW_TERMINATED);
	assert_int_equal(nvp_ctrlr_reset(c), 0);
	all_is_well();
}

/* Alive: /proc has it, and it is no zombie that nobody has collected. */
static bool
alive(pid_t pid)
{
	char path[64], state = 'X';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (fscanf(f, "%*d %*s %c", &state) != 1)
		state = 'X';
	fclose(f);
	return state != 'X' && state != 'Z';
}

static void
the_parent_is_killed(void **state)
{
	struct nvp_iow_plan p = endless();
	pid_t parent, worker = 0;
	int said[2], i;

	(void)state;
	/* The controller is closed first: two processes on one connection would not be a fair test. */
	nvp_ctrlr_close(c);
	c = NULL;
	assert_int_equal(pipe(said), 0);
	parent = fork();
	if (parent == 0) {
		char addr[160];
		struct nvp_iow *w;

		snprintf(addr, sizeof(addr), "vfu:%s", sock);
		if (nvp_ctrlr_open(addr, NULL, &c) || nvp_ns_open(c, 1, &ns, NULL))
			_exit(1);
		if (nvp_iow_start(&ns, &p, table, &w) || write(said[1], &w->pid, sizeof(w->pid)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	close(said[1]);
	assert_true(parent > 0);
	assert_int_equal(read(said[0], &worker, sizeof(worker)), sizeof(worker));
	close(said[0]);
	assert_true(alive(worker));
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	for (i = 0; i < 100 && alive(worker); i++)
		usleep(10000);
	assert_false(alive(worker));
}

static void
a_device_error(void **state)
{
	struct nvp_iow_plan p = base;
	struct nvp_iow_result r;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	struct nvp_qpair *q = sim_qpair(c, 4);
	struct nvp_iow *w;

	(void)state;
	nvme_prep_write_uncor(&sqe, ns.nsid, 1000, 1);
	must(nvp_io(q, &sqe, NULL, 0, &cqe), &cqe);
	assert_int_equal(nvp_qpair_delete(q, NULL), 0);
	p.random_percent = 0;
	p.read_percent = 100;
	w = start(&p);
	wait_end(w);
	assert_string_equal(nvp_iow_reason(w), "read of 8 LBAs at 1000 failed");
	nvp_iow_close(w, &r);
	assert_int_equal(r.error, NVP_IOW_IO);
	assert_int_equal(r.status, 0x281);
}

static void
no_program(void **state)
{
	const char *good = getenv("NVPROOF_WORKER");
	struct nvp_iow *w = NULL;
	int fds = count_fds(getpid());

	(void)state;
	assert_non_null(good); /* the build sets it */
	good = strdup(good);
	setenv("NVPROOF_WORKER", "/nonexistent", 1);
	assert_int_equal(nvp_iow_start(&ns, &base, NULL, &w), -ENOENT);
	assert_non_null(strstr(nvp_error(), "NVPROOF_WORKER"));
	setenv("NVPROOF_WORKER", "/bin/false", 1);
	assert_int_equal(nvp_iow_start(&ns, &base, NULL, &w), -ECHILD);
	assert_non_null(strstr(nvp_error(), "exit status 1"));
	setenv("NVPROOF_WORKER", good, 1);
	free((void *)(uintptr_t)good);
	assert_int_equal(count_fds(getpid()), fds);
	all_is_well();
}

static void
every_allocation_may_fail(void **state)
{
	struct nvp_iow *w = NULL;
	int n, rc;

	(void)state;
	for (n = 0;; n++) {
		ut_alloc_budget = n;
		rc = nvp_iow_start(&ns, &base, table, &w);
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
		cmocka_unit_test_setup_teardown(io_count_is_exact, setup, teardown),
		cmocka_unit_test_setup_teardown(time_live_counters_and_seconds, setup, teardown),
		cmocka_unit_test_setup_teardown(four_on_the_same_lbas, setup, teardown),
		cmocka_unit_test_setup_teardown(the_worker_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(the_ssd_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(the_controller_is_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(the_controller_is_disabled, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stopped_one_is_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_does_not_end, setup, teardown),
		cmocka_unit_test_setup_teardown(closed_while_the_controller_is_down, setup, teardown),
		cmocka_unit_test_setup_teardown(the_parent_is_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_device_error, setup, teardown),
		cmocka_unit_test_setup_teardown(no_program, setup, teardown),
		cmocka_unit_test_setup_teardown(every_allocation_may_fail, setup, teardown),
	};

	return cmocka_run_group_tests_name("iow_process", tests, NULL, NULL);
}
