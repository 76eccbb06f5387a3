/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding and starting nvproof-worker. */
#include "ioworker/launch.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/alloc.h"
#include "util/bits.h"

#define PROGRAM "nvproof-worker"

extern char **environ;

/* From the folder of the library, the extension or the program: installed together, or in a build directory. */
static const char *const near_by[] = {
	"", "bin/", "../bin/", "../cmd/", "../src/cmd/", "../../src/cmd/", "../../../src/cmd/", "../libexec/nvproof/",
};

static bool
can_run(const char *path)
{
	struct stat st;

	return path[0] == '/' && !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/* file: an absolute path, next to which the program may lie. */
static bool
find_near(const char *file, char *out, size_t size)
{
	const char *slash = strrchr(file, '/');
	size_t i;
	int n;

	if (file[0] != '/')
		return false;
	for (i = 0; i < UT_ARRAY_LEN(near_by); i++) {
		n = snprintf(out, size, "%.*s/%s" PROGRAM, (int)(slash - file), file, near_by[i]);
		if (n > 0 && (size_t)n < size && can_run(out))
			return true;
	}
	return false;
}

/* Relative entries of PATH are not followed: what the current directory holds is not ours to run. */
static bool
find_in_path(char *out, size_t size)
{
	const char *p = getenv("PATH"), *end;
	int n;

	for (; p && *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, ':');
		n = snprintf(out, size, "%.*s/" PROGRAM, (int)(end - p), p);
		if (n > 0 && (size_t)n < size && can_run(out))
			return true;
	}
	return false;
}

static bool
find_program(char *out, size_t size)
{
	const char *env = getenv("NVPROOF_WORKER");
	char self[PATH_MAX], real[PATH_MAX];
	Dl_info here;
	ssize_t n;

	if (env && *env)
		return (size_t)snprintf(out, size, "%s", env) < size && can_run(out);
	if (dladdr((void *)(uintptr_t)iow_spawn, &here) && here.dli_fname && realpath(here.dli_fname, real) &&
	    find_near(real, out, size))
		return true;
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		if (find_near(self, out, size))
			return true;
	}
	return find_in_path(out, size);
}

static int
set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (!rc)
		rc = posix_spawnattr_setpgroup(attr, 0);
	if (!rc)
		rc = posix_spawnattr_setsigmask(attr, &none);
	if (!rc)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	return rc;
}

static int
set_actions(posix_spawn_file_actions_t *fa, int sock)
{
	int rc = posix_spawn_file_actions_addopen(fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (!rc)
		rc = posix_spawn_file_actions_adddup2(fa, sock, IOW_CHILD_SOCK);
	if (!rc)
		rc = posix_spawn_file_actions_addclosefrom_np(fa, IOW_CHILD_SOCK + 1);
	return rc;
}

static int
spawn(const char *path, int sock, pid_t *pid)
{
	char *const argv[] = { (char *)(uintptr_t)PROGRAM, NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	int rc;

	rc = posix_spawn_file_actions_init(&fa);
	if (rc)
		return -rc;
	rc = posix_spawnattr_init(&attr);
	if (rc)
		goto out_actions;
	rc = set_attributes(&attr);
	if (!rc)
		rc = set_actions(&fa, sock);
	if (!rc)
		rc = posix_spawn(pid, path, &fa, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
out_actions:
	posix_spawn_file_actions_destroy(&fa);
	return -rc;
}

int
iow_spawn(pid_t *pid, int *sock, const char **why)
{
	char path[PATH_MAX];
	int pair[2], rc;

	if (!find_program(path, sizeof(path))) {
		*why = PROGRAM " was not found: set NVPROOF_WORKER to its path";
		return -ENOENT;
	}
	if (ut_alloc_spend() || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		*why = "no socket for the worker";
		return -ENOMEM;
	}
	rc = spawn(path, pair[1], pid);
	close(pair[1]);
	if (rc) {
		*why = PROGRAM " could not be started";
		close(pair[0]);
		return rc;
	}
	*sock = pair[0];
	return 0;
}
