/* SPDX-License-Identifier: BSD-3-Clause */
/* Starting, watching and ending nvproof-ssd. */
#include "ssd_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "util/clock.h"

char work_dir[64];

int
work_setup(void **state)
{
	(void)state;
	strcpy(work_dir, "/tmp/ssd-proc-XXXXXX");
	if (!mkdtemp(work_dir))
		return -1;
	return setenv("XDG_RUNTIME_DIR", work_dir, 1); /* private drives live here, too */
}

int
work_teardown(void **state)
{
	(void)state;
	if (rmdir(work_dir)) {
		print_error("%s: %s\n", work_dir, strerror(errno));
		return -1;
	}
	return 0;
}

const char *
work_path(const char *prefix, const char *name)
{
	static char buf[4][128];
	static unsigned next;
	char *p = buf[next++ % 4];

	snprintf(p, sizeof(buf[0]), "%s%s/%s", prefix, work_dir, name);
	return p;
}

static void
run(const char *const *args, int out)
{
	const char *argv[40] = { getenv("NVPROOF_SSD") };
	char *text = malloc(40 * 256);

	for (int i = 0; args[i]; i++) {
		char *p = text + i * 256;
		const char *mark = strchr(args[i], '%');

		if (mark)
			snprintf(p, 256, "%.*s%s%s", (int)(mark - args[i]), args[i], work_dir, mark + 1);
		else
			snprintf(p, 256, "%s", args[i]);
		argv[i + 1] = p;
	}
	dup2(out, 1);
	dup2(out, 2);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* Read what there is; false: the end. */
static bool
take_text(struct proc *p, int ms)
{
	struct pollfd pfd = { .fd = p->out, .events = POLLIN };
	ssize_t n;

	if (poll(&pfd, 1, ms) <= 0)
		return true;
	n = read(p->out, p->text + p->len, sizeof(p->text) - 1 - p->len);
	if (n <= 0)
		return false;
	p->len += (size_t)n;
	p->text[p->len] = '\0';
	return true;
}

bool
proc_start(struct proc *p, const char *const *args)
{
	uint64_t end = ut_mono_ns() + 20000000000u;
	int fd[2];

	memset(p, 0, sizeof(*p));
	assert_non_null(getenv("NVPROOF_SSD"));
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	p->out = fd[0];
	p->pid = fork();
	if (!p->pid)
		run(args, fd[1]);
	close(fd[1]);
	while (!strstr(p->text, "listening on") && take_text(p, 100)) {
		if (ut_mono_ns() > end)
			return false;
	}
	return strstr(p->text, "listening on") != NULL;
}

int
proc_wait(struct proc *p, int ms)
{
	uint64_t end = ut_mono_ns() + (uint64_t)ms * 1000000u;
	int status;

	while (waitpid(p->pid, &status, WNOHANG) != p->pid) {
		if (ut_mono_ns() > end)
			return -1;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	while (take_text(p, 0) && p->len < sizeof(p->text) - 1) {
		struct pollfd pfd = { .fd = p->out, .events = POLLIN };

		if (poll(&pfd, 1, 0) <= 0)
			break;
	}
	close(p->out);
	p->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
proc_stop(struct proc *p)
{
	int rc;

	kill(p->pid, SIGTERM);
	rc = proc_wait(p, 10000);
	if (rc < 0) {
		kill(p->pid, SIGKILL);
		proc_wait(p, 10000);
	}
	return rc;
}

bool
wait_exists(const char *path, bool exists, int ms)
{
	uint64_t end = ut_mono_ns() + (uint64_t)ms * 1000000u;

	while ((access(path, F_OK) == 0) != exists) {
		if (ut_mono_ns() > end)
			return false;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return true;
}

unsigned long long
cpu_ns(pid_t pid)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	if (f)
		fclose(f);
	return ns;
}

int
control_connect(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval tv = { .tv_sec = 5 };

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (!connect(sock, (struct sockaddr *)&sa, sizeof(sa)))
		return sock;
	close(sock);
	return -1;
}

bool
control_ask(const char *path, const char *line, char *answer, size_t room)
{
	int sock = control_connect(path);
	size_t n = 0;
	ssize_t got;

	if (sock < 0 || send(sock, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line) ||
	    send(sock, "\n", 1, MSG_NOSIGNAL) != 1)
		return false;
	while (n < room - 1 && (got = recv(sock, answer + n, room - 1 - n, 0)) > 0) {
		n += (size_t)got;
		if (answer[n - 1] == '\n')
			break;
	}
	answer[n] = '\0';
	close(sock);
	return n > 0;
}
