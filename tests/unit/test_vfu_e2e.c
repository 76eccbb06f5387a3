/* SPDX-License-Identifier: BSD-3-Clause */
/* The program nvproof-ssd, its command line and its end, and the driver attached to it over vfio-user. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "bus/bus.h"
#include "nvproof/ctrlr.h"
#include "nvproof/ns.h"
#include "nvproof/spec/prep_nvm.h"
#include "nvproof/spec/status.h"
#include "ssd_e2e.h"
#include "util/alloc.h"
#include "util/clock.h"

static const char *const one[] = { "--socket", "%/s", NULL };

static void
attach_identify_and_stop(void **state)
{
	struct nvp_ctrlr *c;
	struct stat st;
	struct proc p;

	(void)state;
	assert_true(
		proc_start(&p, (const char *const[]){ "--socket", "%/s", "--sn", "E2E-1", "--mn", "A model", NULL }));
	assert_int_equal(stat(work_path("", "s"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	c = open_ctrlr(work_path("vfu:", "s"));
	assert_memory_equal(nvp_ctrlr_id(c)->sn, "E2E-1 ", 6);
	assert_memory_equal(nvp_ctrlr_id(c)->mn, "A model ", 8);
	write_and_read(c, 100, 0x5c);
	nvp_ctrlr_close(c);
	/* And again: the drive is as after a reset, and keeps its data. */
	c = open_ctrlr(work_path("vfu:", "s"));
	write_and_read(c, 0, 0x3a);
	nvp_ctrlr_close(c);
	assert_int_equal(proc_stop(&p), 0);
}

static void
two_controllers_of_one_drive(void **state)
{
	struct nvp_ctrlr *a, *b;
	struct nvp_bus *bus;
	char answer[1024];
	struct proc p;

	(void)state;
	assert_true(proc_start(&p, (const char *const[]){ "--socket", "%/a", "--socket", "%/b", NULL }));
	a = open_ctrlr(work_path("vfu:", "a"));
	b = open_ctrlr(work_path("vfu:", "b"));
	assert_int_not_equal(le16_get(nvp_ctrlr_id(a)->cntlid), le16_get(nvp_ctrlr_id(b)->cntlid));
	assert_memory_equal(nvp_ctrlr_id(a)->sn, nvp_ctrlr_id(b)->sn, 20);
	write_and_read(a, 8, 1);
	write_and_read(b, 8, 2);
	assert_int_equal(nvp_bus_open(work_path("vfu:", "a"), &bus), -EBUSY);
	assert_non_null(strstr(nvp_bus_error(), "in use by another client"));
	/* Beside each socket there is the control socket. */
	assert_true(control_ask(work_path("", "b.ctl"), "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"info\"}", answer,
				sizeof(answer)));
	assert_non_null(strstr(answer, "\"controllers\":2"));
	assert_non_null(strstr(answer, "\"attached\":true"));
	/* The death of one client does not touch the other. */
	nvp_ctrlr_close(a);
	write_and_read(b, 16, 3);
	nvp_ctrlr_close(b);
	assert_int_equal(proc_stop(&p), 0);
}

static void
one_server_a_socket(void **state)
{
	struct proc p, second;

	(void)state;
	assert_true(proc_start(&p, one));
	assert_false(proc_start(&second, one));
	assert_int_equal(proc_wait(&second, 10000), 1);
	assert_non_null(strstr(second.text, "address in use by another server"));
	assert_int_equal(proc_stop(&p), 0);
	/* Killed: it leaves its sockets, and the next one takes them over. */
	assert_true(proc_start(&p, one));
	kill(p.pid, SIGKILL);
	assert_int_equal(proc_wait(&p, 10000), 128 + SIGKILL);
	assert_int_equal(access(work_path("", "s"), F_OK), 0);
	assert_true(proc_start(&p, one));
	nvp_ctrlr_close(open_ctrlr(work_path("vfu:", "s")));
	kill(p.pid, SIGINT);
	assert_int_equal(proc_wait(&p, 10000), 0);
}

static void
command_line(void **state)
{
	static const char *const bad[][8] = {
		{ NULL },
		{ "--socket", "%/s", "--size", "0", NULL },
		{ "--socket", "%/s", "--size", "12Q", NULL },
		{ "--socket", "%/s", "--size", "99999999T", NULL },
		{ "--socket", "%/s", "--lba", "513", NULL },
		{ "--socket", "%/s", "--ns", "0", NULL },
		{ "--socket", "%/s", "--ns", "1G:777", NULL },
		{ "--socket", "%/s", "--ns", "1G", "--ns", "2", NULL },
		{ "--socket", "%/s", "--profile", "tape", NULL },
		{ "--socket", "%/s", "--profile", "%/none.ini", NULL },
		{ "--socket", "%/s", "--profile", "null", "--image", "%/i", NULL },
		{ "--socket", "%/s", "--queues", "128", NULL },
		{ "--socket", "%/s", "--mdts", "10", NULL },
		{ "--socket", "%/s", "--sn", "123456789012345678901", NULL },
		{ "--socket", "%/s", "--cpu", "9999", NULL },
		{ "--socket", "%/s", "--ready-fd", "77", NULL },
		{ "--socket", "%/s", "--socket", "%/s", NULL },
		{ "--socket", "%/none/s", NULL },
		{ "--socket", NULL },
		{ "--nonsense", NULL },
		{ "word", NULL },
	};
	struct proc p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *nl;

		assert_false(proc_start(&p, bad[i]));
		assert_int_equal(proc_wait(&p, 10000), 1);
		nl = strchr(p.text, '\n');
		assert_non_null(nl);
		assert_int_equal(nl[1], '\0'); /* one line */
		assert_int_equal(strncmp(p.text, "nvproof-ssd: ", 13), 0);
	}
	assert_false(proc_start(&p, (const char *const[]){ "--help", NULL }));
	assert_int_equal(proc_wait(&p, 10000), 0);
	assert_non_null(strstr(p.text, "--lifeline-fd"));
	assert_false(proc_start(&p, (const char *const[]){ "--version", NULL }));
	assert_int_equal(proc_wait(&p, 10000), 0);
	assert_int_equal(strncmp(p.text, "nvproof-ssd ", 12), 0);
}

static void
control_socket(void **state)
{
	static const struct {
		const char *ask, *want;
	} cases[] = {
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"info\"}", "\"version\":\"" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"stats\"}", "\"cmds_admin\":0" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"temperature\"}", "\"kelvin\":308" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"temperature\",\"params\":{\"celsius\":70}}",
		  "\"kelvin\":343" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"temperature\",\"params\":{\"kelvin\":-4}}", "-32602" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"temperature\",\"params\":{\"kelvin\":\"hot\"}}",
		  "-32602" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"power_off\"}", "\"powered\":false" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"power_on\"}", "\"powered\":true" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"power_cycle\"}", "\"powered\":true" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"explode\"}", "-32601" },
		{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"info\"}", "-32600" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"info\",\"params\":[1]}", "-32602" },
		{ "[]", "-32600" },
		{ "{nonsense", "-32700" },
	};
	struct nvp_ctrlr *c;
	char answer[1024];
	char *big;
	struct proc p;
	int silent[12];

	(void)state;
	assert_true(proc_start(&p, (const char *const[]){ "--socket", "%/s", "--control", "%/ctl", NULL }));
	for (int i = 0; i < 12; i++)
		silent[i] = control_connect(work_path("", "ctl")); /* they keep nobody out */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(control_ask(work_path("", "ctl"), cases[i].ask, answer, sizeof(answer)));
		if (!strstr(answer, cases[i].want))
			print_error("%s -> %s\n", cases[i].ask, answer);
		assert_non_null(strstr(answer, cases[i].want));
	}
	big = malloc(100000);
	memset(big, ' ', 99999);
	big[99999] = '\0';
	assert_true(control_ask(work_path("", "s.ctl"), big, answer, sizeof(answer)));
	assert_non_null(strstr(answer, "-32700"));
	free(big);
	for (int i = 0; i < 12; i++)
		close(silent[i]);
	/* Power off under a client: registers read all ones; on again, it comes up again. */
	c = open_ctrlr(work_path("vfu:", "s"));
	assert_true(control_ask(work_path("", "ctl"), cases[6].ask, answer, sizeof(answer)));
	{
		uint32_t v;

		assert_int_equal(nvp_reg_read32(c, 0x1c, &v), -ENODEV);
	}
	assert_true(control_ask(work_path("", "ctl"), cases[7].ask, answer, sizeof(answer)));
	assert_int_equal(nvp_ctrlr_reset(c), 0);
	nvp_ctrlr_close(c);
	assert_true(control_ask(work_path("", "ctl"), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"shutdown\"}", answer,
				sizeof(answer)));
	assert_int_equal(proc_wait(&p, 10000), 0);
}

/* A private drive: everything of it is gone after close(); nothing of it is there for others. */
static void
private_drive(void **state)
{
	struct nvp_ctrlr *c = open_ctrlr("ssd:ram?size=32M&ns=2&lba=4096&sn=PRIVATE&ctrlrs=2");
	char dir[256], *slash;
	struct stat st;
	struct nvp_ns ns;

	(void)state;
	assert_int_equal(strncmp(nvp_ctrlr_bus(c)->addr + 4, work_dir, strlen(work_dir)), 0);
	assert_memory_equal(nvp_ctrlr_id(c)->sn, "PRIVATE ", 8);
	assert_int_equal(nvp_ns_open(c, 2, &ns, NULL), 0);
	assert_int_equal(ns.lba_size, 4096);
	assert_int_equal(ns.nsze, 8192);
	snprintf(dir, sizeof(dir), "%s", nvp_ctrlr_bus(c)->addr);
	assert_int_equal(strncmp(dir, "vfu:/", 5), 0);
	slash = strrchr(dir, '/');
	*slash = '\0';
	assert_int_equal(stat(dir + 4, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	nvp_ctrlr_close(c);
	assert_int_equal(access(dir + 4, F_OK), -1);
	/* What is wrong with an address is said, and nothing is left. */
	assert_int_equal(nvp_ctrlr_open("ssd:nope", NULL, &c), -EINVAL);
	assert_non_null(strstr(nvp_error(), "profile"));
	assert_int_equal(nvp_ctrlr_open("ssd:?size=12Q", NULL, &c), -EINVAL);
	assert_non_null(strstr(nvp_error(), "--size 12Q"));
	assert_int_equal(nvp_ctrlr_open("ssd:?colour=red", NULL, &c), -EINVAL);
	assert_non_null(strstr(nvp_error(), "colour=red"));
	assert_int_equal(nvp_ctrlr_open("ssd:?image=/nonexistent/image", NULL, &c), -EINVAL);
	assert_non_null(strstr(nvp_error(), "/nonexistent/image"));
}

static void
private_drive_without_memory(void **state)
{
	struct nvp_bus *bus;
	int rc = -ENOMEM;
	long n;

	(void)state;
	for (n = 0; rc; n++) {
		ut_alloc_budget = n;
		rc = nvp_bus_open("ssd:?size=16M", &bus);
		ut_alloc_budget = -1;
		if (rc)
			assert_int_equal(rc, -ENOMEM);
	}
	assert_true(n > 6);
	nvp_bus_close(bus);
}

/* The parent is killed without a chance: process, sockets and directory of its drive go by themselves. */
static void
killed_parent_leaves_nothing(void **state)
{
	char dir[256] = "", *slash;
	pid_t parent;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	parent = fork();
	if (!parent) {
		struct nvp_bus *bus;

		if (nvp_bus_open("", &bus))
			_exit(1);
		(void)!write(fd[1], bus->addr, sizeof(dir));
		pause();
	}
	close(fd[1]);
	assert_int_equal(read(fd[0], dir, sizeof(dir)), sizeof(dir));
	close(fd[0]);
	slash = strrchr(dir, '/');
	*slash = '\0';
	assert_int_equal(access(dir + 4, F_OK), 0);
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	assert_true(wait_exists(dir + 4, false, 5000));
}

/* The server is killed in the middle of it: every function ends with an error, soon. */
static void
killed_server(void **state)
{
	struct nvp_qpair_opts opts = { .depth = 8 };
	struct nvp_ctrlr *c;
	struct nvp_qpair *q = NULL;
	struct nvp_buf buf = { 0 };
	struct nvme_cqe cqe;
	struct nvme_sqe sqe;
	struct proc p;
	uint64_t t0;
	uint32_t v;

	(void)state;
	assert_true(proc_start(&p, one));
	c = open_ctrlr(work_path("vfu:", "s"));
	assert_int_equal(nvp_qpair_create(c, &opts, &q, NULL), 0);
	assert_int_equal(nvp_buf_alloc(4096, 0, &buf), 0);
	kill(p.pid, SIGKILL);
	proc_wait(&p, 10000);
	t0 = ut_mono_ns();
	assert_int_equal(nvp_reg_read32(c, 0x1c, &v), -ENODEV);
	nvp_qpair_set_timeout_ms(q, 500);
	nvme_prep_read(&sqe, 1, 0, 8);
	assert_true(nvp_io(q, &sqe, &buf, 4096, &cqe) != 0 || status_of(&cqe) != 0);
	nvp_qpair_delete(q, NULL);
	nvp_ctrlr_close(c);
	nvp_buf_free(&buf);
	assert_true(ut_mono_ns() - t0 < 15000000000u);
	unlink(work_path("", "s"));
	unlink(work_path("", "s.ctl"));
}

/* An address that is not mapped is the command's error, with the status of the specification, and the drive goes on. */
static void
dma_outside_the_maps(void **state)
{
	struct nvp_qpair_opts opts = { .depth = 8 };
	struct nvp_ctrlr *c;
	struct nvp_qpair *q = NULL;
	struct nvme_cqe cqe;
	struct nvme_sqe sqe;
	struct proc p;

	(void)state;
	assert_true(proc_start(&p, one));
	c = open_ctrlr(work_path("vfu:", "s"));
	assert_int_equal(nvp_qpair_create(c, &opts, &q, NULL), 0);
	nvme_prep_read(&sqe, 1, 0, 8);
	sqe.prp1 = le64_from(0x6660000000000000u);
	assert_int_equal(nvp_io(q, &sqe, NULL, 0, &cqe), 0);
	assert_int_equal(status_of(&cqe), NVME_SC_DATA_TRANSFER);
	nvp_qpair_delete(q, NULL);
	write_and_read(c, 0, 9);
	nvp_ctrlr_close(c);
	assert_int_equal(proc_stop(&p), 0);
}

/* An interrupt comes through the eventfd; and a doorbell after a long sleep is noticed within a few milliseconds. */
static void
idle_and_awake(void **state)
{
	struct nvp_qpair_opts opts = { .depth = 8, .ien = true, .iv = 3 };
	struct timespec second = { .tv_sec = 1 };
	struct nvp_qpair *q = NULL;
	struct nvp_ctrlr *c;
	struct proc p;
	struct pollfd pfd = { .events = POLLIN };
	unsigned long long used;
	uint64_t best = UINT64_MAX;

	(void)state;
	assert_true(proc_start(&p, one));
	c = open_ctrlr(work_path("vfu:", "s"));
	pfd.fd = nvp_ctrlr_bus(c)->ops->irq_fd(nvp_ctrlr_bus(c), 3);
	assert_true(pfd.fd >= 0);
	assert_int_equal(nvp_qpair_create(c, &opts, &q, NULL), 0);
	used = cpu_ns(p.pid);
	nanosleep(&second, NULL);
	used = cpu_ns(p.pid) - used;
	print_message("idle: %llu us of CPU time a second\n", used / 1000);
	assert_true(used < 100000000u); /* a guard against spinning; the figure itself is for the benchmark */
	for (int i = 0; i < 10; i++) {
		struct nvp_req *r = nvp_req_get(q);
		uint64_t t0;

		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
		nvme_prep_flush(nvp_req_sqe(r), 1);
		t0 = ut_mono_ns();
		nvp_req_submit(r, NULL, NULL);
		assert_int_equal(poll(&pfd, 1, 5000), 1);
		t0 = ut_mono_ns() - t0;
		best = t0 < best ? t0 : best;
		assert_int_equal(read(pfd.fd, &t0, 8), 8);
		assert_int_equal(nvp_qpair_wait(q, 1), 1);
	}
	print_message("idle to interrupt: %llu us at best\n", (unsigned long long)best / 1000);
	assert_true(best < 3000000u);
	nvp_qpair_delete(q, NULL);
	nvp_ctrlr_close(c);
	assert_int_equal(proc_stop(&p), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, work_setup, work_teardown)
	const struct CMUnitTest tests[] = {
		T(attach_identify_and_stop),
		T(two_controllers_of_one_drive),
		T(one_server_a_socket),
		T(command_line),
		T(control_socket),
		T(private_drive),
		T(private_drive_without_memory),
		T(killed_parent_leaves_nothing),
		T(killed_server),
		T(dma_outside_the_maps),
		T(idle_and_awake),
	};

	return cmocka_run_group_tests_name("vfu_e2e", tests, NULL, NULL);
}
