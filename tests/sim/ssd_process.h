/* SPDX-License-Identifier: BSD-3-Clause */
/* A software SSD in a process of its own, which ends with the test. */
#pragma once
#include "sim_test.h"

#include <signal.h>
#include <sys/wait.h>

static pid_t ssd;
static int lifeline;
static char dir[64], sock[128];

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
