/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How processes of one user find each other's tables.  The memory itself has no name, so that it ends with its last
 * process whatever happens to that.  A small file in the user's runtime directory says which processes have a table open
 * and as which descriptor; who wants it opens that one through /proc.  Lines of the dead are dropped on the way.
 */
#include "verify/verify_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/alloc.h"

#define LINE 64u
#define LINES 128u
#define SWEPT 256u /* files looked at, when a new one is made */
#define TRIES 200u /* of 5 ms, for the lock of the file: whoever has it is quick, or dead */

struct holder {
	unsigned long long owner; /* as in verify_head.user */
	int fd;
};

struct verify_registry {
	int fd;
	char path[256];
	struct holder holder[LINES];
	uint32_t n;
};

/* A directory of this user alone.  false: there is none to be trusted. */
static bool
runtime_dir(char *out, size_t size)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	struct stat st;
	int n;

	n = snprintf(out, size, "%s/nvproof-%u", base && *base ? base : "/tmp", (unsigned)getuid());
	if (n < 0 || (size_t)n >= size || (mkdir(out, 0700) && errno != EEXIST))
		return false;
	return !lstat(out, &st) && S_ISDIR(st.st_mode) && st.st_uid == getuid() && !(st.st_mode & 077);
}

static uint64_t
hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001b3ull;
	return h;
}

static bool
make_path(const char *name, char *out, size_t size)
{
	char dir[128];
	int n;

	if (!runtime_dir(dir, sizeof(dir)))
		return false;
	n = snprintf(out, size, "%s/verify-%016llx", dir, (unsigned long long)hash(name));
	return n > 0 && (size_t)n < size;
}

static int
lock_file(int fd)
{
	uint32_t i;

	for (i = 0; i < TRIES; i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return 0;
		usleep(5000);
	}
	return -ETIMEDOUT;
}

/* Locked, and still the one of that name. */
static int
open_locked(const char *path)
{
	struct stat st;
	uint32_t i;
	int fd;

	for (i = 0; i < TRIES; i++) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return -errno;
		if (!lock_file(fd) && !fstat(fd, &st) && st.st_nlink)
			return fd;
		close(fd);
	}
	return -ETIMEDOUT;
}

static void
read_holders(struct verify_registry *r)
{
	char text[LINES * LINE + 1], *p = text, *end;
	ssize_t n = pread(r->fd, text, sizeof(text) - 1, 0);
	struct holder *h;

	text[n > 0 ? n : 0] = 0;
	for (; *p && r->n < LINES; p = end + 1) {
		end = strchr(p, '\n');
		if (!end)
			break;
		h = &r->holder[r->n];
		if (sscanf(p, "%llx %d", &h->owner, &h->fd) == 2 && !verify_user_dead(h->owner))
			r->n++;
	}
}

int
verify_registry_enter(const char *name, struct verify_registry **out)
{
	struct verify_registry *r = ut_calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->fd = make_path(name, r->path, sizeof(r->path)) ? open_locked(r->path) : -ENOENT;
	if (r->fd < 0) {
		free(r);
		return -ENOENT;
	}
	read_holders(r);
	*out = r;
	return 0;
}

int
verify_registry_find(struct verify_registry *r)
{
	char path[64];
	uint32_t i;
	int fd;

	for (i = 0; i < r->n; i++) {
		snprintf(path, sizeof(path), "/proc/%u/fd/%d", (unsigned)(r->holder[i].owner >> 32), r->holder[i].fd);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

/* Under a lock of its own, so that nobody enters it meanwhile; a file that is locked is somebody's. */
static void
remove_if_dead(int dir, const char *name)
{
	struct verify_registry r = { .fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW) };

	if (r.fd < 0)
		return;
	if (!flock(r.fd, LOCK_EX | LOCK_NB)) {
		read_holders(&r);
		if (!r.n)
			unlinkat(dir, name, 0);
	}
	close(r.fd);
}

/* Processes that were killed left their files, of drives that nobody may ever name again. */
static void
sweep(void)
{
	char path[128];
	struct dirent *e;
	DIR *dir = runtime_dir(path, sizeof(path)) ? opendir(path) : NULL;

	if (!dir)
		return;
	for (uint32_t i = 0; i < SWEPT && (e = readdir(dir)); i++)
		if (!strncmp(e->d_name, "verify-", strlen("verify-")))
			remove_if_dead(dirfd(dir), e->d_name);
	closedir(dir);
}

void
verify_registry_add(struct verify_registry *r, int fd)
{
	if (!r->n)
		sweep();
	if (r->n < LINES)
		r->holder[r->n++] = (struct holder){ verify_user_self(), fd };
}

/* Written anew; without holders there is nothing to find. */
void
verify_registry_leave(struct verify_registry *r)
{
	char line[LINE];
	off_t at = 0;
	uint32_t i;
	int n;

	if (!r->n)
		unlink(r->path);
	for (i = 0; i < r->n; i++) {
		n = snprintf(line, sizeof(line), "%llx %d\n", r->holder[i].owner, r->holder[i].fd);
		if (pwrite(r->fd, line, (size_t)n, at) != n)
			break; /* who does not find it has a table of his own */
		at += n;
	}
	if (ftruncate(r->fd, at))
		unlink(r->path);
	close(r->fd);
	free(r);
}

void
verify_registry_remove(const char *name, int fd)
{
	unsigned long long self = verify_user_self();
	struct verify_registry *r;
	uint32_t i;

	if (verify_registry_enter(name, &r))
		return;
	for (i = 0; i < r->n; i++)
		if (r->holder[i].owner == self && r->holder[i].fd == fd)
			r->holder[i--] = r->holder[--r->n];
	verify_registry_leave(r);
}
