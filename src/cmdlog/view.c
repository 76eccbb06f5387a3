/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The book of another process.  It is found among that process's open files, which the kernel shows to its own user
 * only, and it is mapped read only.  The process may be stopped, hung or hostile: nothing of what is read is used as
 * an index or a length, and a file that could be truncated behind our back is refused.
 */
#include "nvproof/cmdlog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/barrier.h"
#include "util/bits.h"

#define LINK "/memfd:" NVP_CMDLOG_NAME

struct nvp_cmdlog_view {
	const struct nvp_cmdlog_book *book;
};

static int
map_book(int fd, const struct nvp_cmdlog_book **out)
{
	const struct nvp_cmdlog_book *b;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) || (uint64_t)st.st_size < sizeof(*b))
		return -EPROTO;
	b = mmap(NULL, sizeof(*b), PROT_READ, MAP_SHARED, fd, 0);
	if (b == MAP_FAILED)
		return -ENOMEM;
	if (ut_load(&b->magic) == NVP_CMDLOG_MAGIC && ut_load(&b->size_ring) == sizeof(struct nvp_cmdlog_ring)) {
		*out = b;
		return 0;
	}
	munmap((void *)(uintptr_t)b, sizeof(*b));
	return -EPROTO;
}

/*
 * The last number of "NSpid:": what the process itself takes for its process id.  A process may have opened the book
 * of its parent, and is not to be taken for it.
 */
static int32_t
own_pid(int32_t pid)
{
	char path[64], line[256];
	int32_t own = pid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		const char *last = strncmp(line, "NSpid:", 6) ? NULL : strrchr(line, '\t');

		if (last)
			own = (int32_t)strtol(last, NULL, 10);
	}
	if (f)
		fclose(f);
	return own;
}

/* Its open file `name`, if that is its book.  First as a mere path: opening somebody's file may have effects. */
static int
try_file(int dir, const char *name, int32_t pid, const struct nvp_cmdlog_book **out)
{
	char target[sizeof(LINK) + 16] = "", path[64];
	int at, fd, rc;

	if (readlinkat(dir, name, target, sizeof(target) - 1) < 0 || strncmp(target, LINK, sizeof(LINK) - 1))
		return -ENOENT;
	at = openat(dir, name, O_PATH | O_CLOEXEC);
	if (at < 0)
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", at);
	rc = readlink(path, target, sizeof(target) - 1) < 0 || strncmp(target, LINK, sizeof(LINK) - 1) ? -ENOENT : 0;
	fd = rc ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	close(at);
	if (fd < 0)
		return rc ? rc : -errno;
	rc = map_book(fd, out);
	close(fd);
	if (!rc && ut_load(&(*out)->pid) != own_pid(pid)) {
		munmap((void *)(uintptr_t)*out, sizeof(**out));
		rc = -ENOENT;
	}
	return rc;
}

static int
find_book(int32_t pid, const struct nvp_cmdlog_book **out)
{
	char path[64];
	struct dirent *e;
	int rc = -ENOENT;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? -ESRCH : -errno;
	while (rc == -ENOENT && (e = readdir(d)))
		rc = try_file(dirfd(d), e->d_name, pid, out);
	closedir(d);
	return rc;
}

int
nvp_cmdlog_attach(int32_t pid, struct nvp_cmdlog_view **out)
{
	struct nvp_cmdlog_view *v = ut_calloc(1, sizeof(*v));
	int rc = v ? find_book(pid, &v->book) : -ENOMEM;

	if (rc) {
		free(v);
		return rc;
	}
	*out = v;
	return 0;
}

void
nvp_cmdlog_detach(struct nvp_cmdlog_view *v)
{
	if (!v)
		return;
	munmap((void *)(uintptr_t)v->book, sizeof(*v->book));
	free(v);
}

void
nvp_cmdlog_view_title(const struct nvp_cmdlog_view *v, char *out, uint32_t size)
{
	uint32_t n = UT_MIN(size, (uint32_t)sizeof(v->book->title));

	memcpy(out, v->book->title, n);
	out[n - 1] = '\0';
}

bool
nvp_cmdlog_view_slot(const struct nvp_cmdlog_view *v, uint32_t i, struct nvp_cmdlog_slot *out)
{
	const struct nvp_cmdlog_slot *s = &v->book->slot[i];
	uint64_t gen = ut_load(&s->gen);

	if (gen & 1)
		return false;
	ut_acquire_barrier(); /* gen before what it vouches for */
	*out = *s;
	ut_acquire_barrier(); /* all of the copy before looking whether it still holds */
	out->gen = gen;
	out->addr[sizeof(out->addr) - 1] = '\0';
	return ut_load(&s->gen) == gen && out->state != NVP_CMDLOG_FREE;
}

uint64_t
nvp_cmdlog_view_count(const struct nvp_cmdlog_view *v, uint32_t i)
{
	const struct nvp_cmdlog_ring *r = &v->book->ring[i];
	uint64_t head = ut_load(&r->head), first = ut_load(&r->first);

	return head > first ? head - first : 0;
}

uint32_t
nvp_cmdlog_view_read(const struct nvp_cmdlog_view *v, const uint16_t *slots, uint32_t n, struct nvp_cmdlog_rec *out,
		     uint32_t max)
{
	const struct nvp_cmdlog_ring **rings = ut_calloc(n + 1ull, sizeof(void *));
	uint32_t i, count = 0;

	if (!rings)
		return 0;
	for (i = 0; i < n; i++)
		rings[i] = &v->book->ring[slots[i]];
	count = nvp_cmdlog_merge(rings, n, out, max);
	free(rings);
	for (i = 0; i < count; i++)
		out[i].slot = slots[out[i].slot];
	return count;
}
