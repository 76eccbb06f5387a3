/* SPDX-License-Identifier: BSD-3-Clause */
/* The image files of nvproof-ssd: made, used by one, refused to others, and whole after whatever ends their server. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ssd_e2e.h"

static void
image_files(void **state)
{
	static const char *const args[] = { "--socket", "%/s", "--image", "%/img", "--size", "16M", "--create", NULL };
	static const char *const other[] = { "--socket", "%/t", "--image", "%/img", "--size", "16M", NULL };
	static const char *const larger[] = { "--socket", "%/t", "--image", "%/img", "--size", "1G", NULL };
	struct nvp_ctrlr *c;
	struct proc p, second;

	(void)state;
	assert_false(proc_start(&p, other));
	assert_int_equal(proc_wait(&p, 10000), 1);
	assert_non_null(strstr(p.text, "img"));
	assert_true(proc_start(&p, args));
	c = open_ctrlr(work_path("vfu:", "s"));
	write_and_read(c, 24, 0x77);
	assert_false(proc_start(&second, other));
	assert_int_equal(proc_wait(&second, 10000), 1);
	assert_non_null(strstr(second.text, "img"));
	nvp_ctrlr_close(c);
	assert_int_equal(proc_stop(&p), 0);
	assert_false(proc_start(&p, larger));
	assert_int_equal(proc_wait(&p, 10000), 1);
	assert_true(proc_start(&p, other));
	assert_int_equal(proc_stop(&p), 0);
	assert_int_equal(unlink(work_path("", "img")), 0);
}

/* What was completed before the server died is in the image, and its sockets are no obstacle to the next one. */
static void
image_of_a_killed_server(void **state)
{
	static const char *const args[] = { "--socket", "%/s", "--image", "%/img", "--size", "16M", "--create", NULL };
	struct nvp_ctrlr *c;
	struct proc p;

	(void)state;
	for (uint8_t round = 0; round < 3; round++) {
		assert_true(proc_start(&p, args));
		c = open_ctrlr(work_path("vfu:", "s"));
		for (uint8_t i = 0; i < round; i++)
			transfer(c, false, 1000u * i, i);
		transfer(c, true, 1000u * round, round);
		kill(p.pid, SIGKILL);
		proc_wait(&p, 10000);
		nvp_ctrlr_close(c);
	}
	assert_true(proc_start(&p, args));
	assert_int_equal(proc_stop(&p), 0);
	assert_int_equal(unlink(work_path("", "img")), 0);
}

/* Somebody cuts the image off: the server says so and ends, rather than give zeros for data; its host does not hang. */
static void
image_cut_off(void **state)
{
	static const char *const args[] = { "--socket", "%/s", "--image", "%/img", "--size", "16M", "--create", NULL };
	struct nvp_qpair_opts opts = { .depth = 8 };
	struct nvp_qpair *q = NULL;
	struct nvp_buf buf = { 0 };
	struct nvp_ctrlr *c;
	struct nvme_cqe cqe;
	struct nvme_sqe sqe;
	struct proc p;

	(void)state;
	assert_true(proc_start(&p, args));
	c = open_ctrlr(work_path("vfu:", "s"));
	transfer(c, true, 0, 0x31);
	assert_int_equal(nvp_qpair_create(c, &opts, &q, NULL), 0);
	assert_int_equal(nvp_buf_alloc(4096, 0, &buf), 0);
	nvp_qpair_set_timeout_ms(q, 1000);
	assert_int_equal(truncate(work_path("", "img"), 0), 0);
	nvme_prep_read(&sqe, 1, 0, 8);
	assert_true(nvp_io(q, &sqe, &buf, 4096, &cqe) != 0 || status_of(&cqe) != 0);
	assert_int_equal(proc_wait(&p, 10000), 128 + SIGBUS);
	assert_non_null(strstr(p.text, "truncated"));
	nvp_qpair_delete(q, NULL);
	nvp_ctrlr_close(c);
	nvp_buf_free(&buf);
	unlink(work_path("", "s"));
	unlink(work_path("", "s.ctl"));
	assert_int_equal(unlink(work_path("", "img")), 0);
}

/* A limit of the file size (RLIMIT_FSIZE) is an error like a full disk, and not a signal that ends the process. */
static void
image_beyond_the_limit(void **state)
{
	static const char *const args[] = { "--socket", "%/s", "--image", "%/img", "--size", "16M", "--create", NULL };
	struct rlimit was, low;
	struct stat st;
	struct proc p;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	low = (struct rlimit){ .rlim_cur = 1 << 20, .rlim_max = was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	assert_false(proc_start(&p, args));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(proc_wait(&p, 10000), 1);
	assert_non_null(strstr(p.text, "File too large"));
	assert_int_equal(stat(work_path("", "img"), &st), -1);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, work_setup, work_teardown)
	const struct CMUnitTest tests[] = {
		T(image_files),
		T(image_of_a_killed_server),
		T(image_cut_off),
		T(image_beyond_the_limit),
	};

	return cmocka_run_group_tests_name("vfu_image", tests, NULL, NULL);
}
