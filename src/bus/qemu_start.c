/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QEMU as a child of this process.  It never outlives it: the kernel kills it when the thread that forked it ends, and that
 * thread lives until the bus is closed.  It holds no file in any directory, so nothing can be left over.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bus/qemu_int.h"
#include "util/alloc.h"
#include "util/bits.h"

#define PROGRAM "qemu-system-x86_64"
#define HIGH_FD 128 /* above all that the child gets */

_Static_assert(HIGH_FD > QEMU_FD_END, "numbers of the child");

static bool
can_run(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

static int
not_found(const char *named)
{
	nvp_bus_set_error("\"qemu:\" needs QEMU, but %s was not found: install the package qemu-system-x86 (Debian, "
			  "Ubuntu), or set NVPROOF_QEMU to the program",
			  named);
	return -ENOENT;
}

/* Relative entries of PATH are not followed: what the current directory holds is not ours to run. */
int
qemu_find_program(char *path, size_t room)
{
	const char *env = getenv("NVPROOF_QEMU"), *p = getenv("PATH"), *end;
	int n;

	if (env && *env) {
		n = snprintf(path, room, "%s", env);
		return n > 0 && (size_t)n < room && can_run(path) ? 0 : not_found(env);
	}
	for (; p && *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, ':');
		n = snprintf(path, room, "%.*s/" PROGRAM, (int)(end - p), p);
		if (path[0] == '/' && n > 0 && (size_t)n < room && can_run(path))
			return 0;
	}
	return not_found(PROGRAM);
}

/* In the child, between fork() and exec(): system calls only. */
static void
become(const struct qemu_child *c, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(126);
	setsid(); /* Ctrl-C in the terminal is for the tests */
	close(0);
	if (open("/dev/null", O_RDONLY) || dup2(c->err, 1) < 0 || dup2(c->err, QEMU_FD_ERR) < 0)
		_exit(126);
	for (int i = QEMU_FD_ERR + 1; i < QEMU_FD_END; i++)
		if (c->fd[i] >= 0 && dup2(c->fd[i], i) < 0)
			_exit(126);
	close_range(QEMU_FD_END, ~0u, 0);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(c->program, c->argv);
	_exit(127);
}

static void
say_forked(struct qemu_child *c, pid_t pid)
{
	pthread_mutex_lock(&c->lock);
	c->pid = pid > 0 ? pid : 0;
	c->rc = pid > 0 ? 0 : -EAGAIN;
	pthread_cond_signal(&c->forked);
	pthread_mutex_unlock(&c->lock);
}

/* The process identifier is valid until it was waited for: under the lock, so that nobody kills somebody else. */
static void
collect(struct qemu_child *c)
{
	siginfo_t si;

	while (waitid(P_PID, (id_t)c->pid, &si, WEXITED | WNOWAIT) && errno == EINTR)
		;
	pthread_mutex_lock(&c->lock);
	(void)waitpid(c->pid, &c->status, WNOHANG);
	c->pid = 0;
	pthread_mutex_unlock(&c->lock);
}

static void *
keep(void *arg)
{
	struct qemu_child *c = arg;
	pid_t parent = getpid(), pid = fork();

	if (!pid)
		become(c, parent);
	say_forked(c, pid);
	if (pid > 0)
		collect(c);
	return NULL;
}

/* The thread gets no signal of the program's. */
static int
start_keeper(struct qemu_child *c)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&c->keeper, NULL, keep, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	c->kept = !rc;
	return -rc;
}

static void
close_theirs(struct qemu_child *c)
{
	for (int i = 0; i < QEMU_FD_END; i++) {
		if (c->fd[i] >= 0)
			close(c->fd[i]);
		c->fd[i] = -1;
	}
}

static int
lift(int *fd)
{
	int high = *fd < 0 ? 0 : fcntl(*fd, F_DUPFD_CLOEXEC, HIGH_FD);

	if (*fd < 0)
		return 0;
	close(*fd);
	*fd = high;
	return high < 0 ? -EMFILE : 0;
}

/* Out of the way of the numbers that the child gets. */
static int
lift_all(struct qemu_child *c)
{
	int rc = lift(&c->err);

	for (int i = 0; i < QEMU_FD_END && !rc; i++)
		rc = lift(&c->fd[i]);
	return rc;
}

int
qemu_child_start(struct qemu_child *c)
{
	int rc = lift_all(c);

	c->rc = 1;
	if (!rc)
		rc = start_keeper(c);
	if (!rc) {
		pthread_mutex_lock(&c->lock);
		while (c->rc == 1)
			pthread_cond_wait(&c->forked, &c->lock);
		rc = c->rc;
		pthread_mutex_unlock(&c->lock);
	}
	close_theirs(c);
	return rc;
}

void
qemu_child_stop(struct qemu_child *c)
{
	pthread_mutex_lock(&c->lock);
	if (c->pid > 0)
		kill(c->pid, SIGKILL);
	pthread_mutex_unlock(&c->lock);
	if (c->kept)
		pthread_join(c->keeper, NULL);
	c->kept = false;
	close_theirs(c);
	if (c->err >= 0)
		close(c->err);
	c->err = -1;
}

/* It closed its sockets: it is about to end, or has. */
static bool
ended(struct qemu_child *c, int *status)
{
	bool over = false;

	for (int i = 0; i < 200 && !over; i++) {
		pthread_mutex_lock(&c->lock);
		over = !c->pid;
		*status = c->status;
		pthread_mutex_unlock(&c->lock);
		if (!over)
			usleep(1000);
	}
	return over;
}

/* The first line that it wrote, without its own name in front. */
static void
last_words(const struct qemu_child *c, char *text, size_t room)
{
	ssize_t n = pread(c->err, text, room - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (!strncmp(text, PROGRAM ": ", sizeof(PROGRAM ": ") - 1))
		memmove(text, text + sizeof(PROGRAM ": ") - 1, strlen(text) - sizeof(PROGRAM ": ") + 2);
}

void
qemu_child_explain(struct qemu_child *c, const char *what)
{
	char text[400];
	int status = 0;
	bool over = ended(c, &status);

	last_words(c, text, sizeof(text));
	if (!over)
		nvp_bus_set_error("QEMU %s: it does not answer within %u s%s%s", what, QEMU_TIMEOUT_MS / 1000,
				  *text ? ": " : "", text);
	else if (WIFSIGNALED(status))
		nvp_bus_set_error("QEMU %s: it was ended by signal %d (%s)%s%s", what, WTERMSIG(status),
				  strsignal(WTERMSIG(status)), *text ? ": " : "", text);
	else
		nvp_bus_set_error("QEMU %s: %s", what, *text ? text : "it ended without a word");
}
