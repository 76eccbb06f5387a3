/* SPDX-License-Identifier: BSD-3-Clause */
/* Looking for the program nvproof-ssd. */
#include "bus/ssd_spawn.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bus/bus.h"

#ifndef NVP_BINDIR
#define NVP_BINDIR "/usr/local/bin"
#endif
#define PROGRAM "nvproof-ssd"

static bool
usable(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/* Beside `file`, or in the directory of programs of the build tree that `file` is in. */
static bool
beside(const char *file, char *path, size_t room)
{
	static const char *const steps[] = { "", "../cmd/", "../src/cmd/", "../../src/cmd/", "../bin/" };
	const char *slash = strrchr(file, '/');

	for (size_t i = 0; slash && i < sizeof(steps) / sizeof(steps[0]); i++) {
		int n = snprintf(path, room, "%.*s%s" PROGRAM, (int)(slash + 1 - file), file, steps[i]);

		if (n > 0 && (size_t)n < room && usable(path))
			return true;
	}
	return false;
}

static bool
beside_us(char *path, size_t room)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	Dl_info lib;

	if (n > 0) {
		exe[n] = '\0';
		if (beside(exe, path, room))
			return true;
	}
	return dladdr(PROGRAM, &lib) && lib.dli_fname && beside(lib.dli_fname, path, room);
}

static bool
in_path(char *path, size_t room)
{
	const char *p = getenv("PATH");

	while (p && *p) {
		size_t len = strcspn(p, ":");
		int n = snprintf(path, room, "%.*s/" PROGRAM, (int)len, p);

		if (len && n > 0 && (size_t)n < room && usable(path))
			return true;
		p += len + (p[len] == ':');
	}
	return false;
}

int
ssd_find_program(char *path, size_t room)
{
	const char *env = getenv("NVPROOF_SSD");

	if (env && *env) {
		if (usable(env) && (size_t)snprintf(path, room, "%s", env) < room)
			return 0;
		nvp_bus_set_error("NVPROOF_SSD=%s: not a program; set it to the path of nvproof-ssd", env);
		return -ENOENT;
	}
	if (beside_us(path, room) || in_path(path, room))
		return 0;
	if ((size_t)snprintf(path, room, "%s/" PROGRAM, NVP_BINDIR) < room && usable(path))
		return 0;
	nvp_bus_set_error("the program nvproof-ssd is not installed; build it, or set NVPROOF_SSD to its path");
	return -ENOENT;
}
