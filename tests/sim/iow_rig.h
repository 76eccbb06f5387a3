/* SPDX-License-Identifier: BSD-3-Clause */
/* A software SSD in a process of its own, a controller on it, a verification table, and workers: for test_iow_process.c. */
#pragma once
#include "sim_test.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include "ioworker/parent.h"
#include "nvproof/ioworker.h"
#include "util/clock.h"
#include "util/pattern.h"
#include "verify/verify_int.h"

#define MS 1000000ull

static struct nvp_ctrlr *c;
static struct nvp_ns ns;
static struct nvp_verify *table;
static pid_t ssd;
static int lifeline;
static char dir[64], sock[128];

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

static void
start_ssd(void)
{
	int ready[2], life[2];
	char fd[16], life_fd[16], word[64] = "";
	const char *program = getenv("NVPROOF_SSD");

	assert_non_null(program); /* the build sets it */
	strcpy(dir, "/tmp/nvproof-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(sock, sizeof(sock), "%s/ssd.sock", dir);
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(life), 0);
	snprintf(fd, sizeof(fd), "%d", ready[1]);
	snprintf(life_fd, sizeof(life_fd), "%d", life[0]);
	ssd = fork();
	if (ssd == 0) { /* no assertion here: it would go on with the tests, a second time */
		close(ready[0]);
		close(life[1]);
		execl(program, "nvproof-ssd", "--socket", sock, "--size", "64M", "--quiet", "--ready-fd", fd,
		      "--lifeline-fd", life_fd, NULL);
		_exit(127);
	}
	close(ready[1]);
	close(life[0]);
	lifeline = life[1]; /* it ends with us, whatever happens to us */
	assert_true(ssd > 0);
	assert_true(read(ready[0], word, sizeof(word) - 1) > 0);
	assert_int_equal(strncmp(word, "ready", 5), 0);
	close(ready[0]);
}

static void
stop_ssd(void)
{
	char path[160];

	if (ssd > 0) {
		kill(ssd, SIGTERM);
		waitpid(ssd, NULL, 0);
	}
	ssd = 0;
	close(lifeline);
	snprintf(path, sizeof(path), "%s.ctl", sock);
	unlink(path);
	unlink(sock);
	assert_int_equal(rmdir(dir), 0);
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
	assert_int_equal(nvp_verify_open(ns.nsze, ns.lba_size, &table), 0);
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
