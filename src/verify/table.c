/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory behind a verification table: made, shared with another process by descriptor, forgotten. */
#include "verify/verify_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/alloc.h"
#include "util/barrier.h"
#include "util/bits.h"

#define PAGE_ENTRIES (4096u / sizeof(uint64_t))

/* What the kernel would give before it starts to kill; 0 when it does not say. */
static uint64_t
memory_available(void)
{
	unsigned long long kib = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	fclose(f);
	return (uint64_t)kib * 1024;
}

static int
map_table(struct nvp_verify *v)
{
	void *p;

	if (ut_alloc_spend())
		return -ENOMEM;
	p = mmap(NULL, v->map_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, v->fd, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	v->head = p;
	v->entry = (uint64_t *)(void *)((char *)p + VERIFY_HEAD);
	return 0;
}

/* A sparse file that nobody can shorten under the feet of the others. */
static int
make_memfd(uint64_t len)
{
	int fd;

	if (ut_alloc_spend())
		return -ENOMEM;
	fd = memfd_create("nvproof-verify", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -ENOMEM;
	if (ftruncate(fd, (off_t)len) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		close(fd);
		return -ENOMEM;
	}
	return fd;
}

int
nvp_verify_open(uint64_t nlba, uint32_t lba_size, struct nvp_verify **out)
{
	struct nvp_verify *v;
	int rc = -ENOMEM;

	if (!nlba || !lba_size || lba_size > INT32_MAX)
		return -EINVAL;
	if (nlba > memory_available() / sizeof(uint64_t))
		return -ENOMEM;
	v = ut_calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->nlba = nlba;
	v->lba_size = lba_size;
	v->map_len = ut_align_up(VERIFY_HEAD + nlba * sizeof(uint64_t), VERIFY_HEAD);
	v->fd = make_memfd(v->map_len);
	if (v->fd < 0)
		goto err_free;
	rc = map_table(v);
	if (rc)
		goto err_fd;
	*v->head = (struct verify_head){ .magic = VERIFY_MAGIC, .nlba = nlba, .lba_size = lba_size };
	*out = v;
	return 0;

err_fd:
	close(v->fd);
err_free:
	free(v);
	return rc;
}

/* The descriptor comes from another process: its head has to agree with its size. */
static int
check_head(struct nvp_verify *v)
{
	const struct verify_head h = *v->head;

	if (h.magic != VERIFY_MAGIC || !h.nlba || !h.lba_size || h.lba_size > INT32_MAX ||
	    h.nlba > (v->map_len - VERIFY_HEAD) / sizeof(uint64_t))
		return -EPROTO;
	v->nlba = h.nlba;
	v->lba_size = h.lba_size;
	return 0;
}

static int
attach_fd(struct nvp_verify *v)
{
	struct stat st;
	int rc;

	/* Without the seal, whoever holds the file could shorten it, and the next access would be a SIGBUS. */
	if (fstat(v->fd, &st) || st.st_size <= (off_t)VERIFY_HEAD || !(fcntl(v->fd, F_GET_SEALS) & F_SEAL_SHRINK))
		return -EPROTO;
	v->map_len = (uint64_t)st.st_size;
	rc = map_table(v);
	if (rc)
		return rc;
	rc = check_head(v);
	if (rc)
		munmap(v->head, v->map_len);
	return rc;
}

int
nvp_verify_attach(int fd, struct nvp_verify **out)
{
	struct nvp_verify *v = ut_calloc(1, sizeof(*v));
	int rc = -ENOMEM;

	if (!v)
		return -ENOMEM;
	v->fd = ut_alloc_spend() ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (v->fd < 0)
		goto err_free;
	rc = attach_fd(v);
	if (rc)
		goto err_fd;
	*out = v;
	return 0;

err_fd:
	close(v->fd);
err_free:
	free(v);
	return rc;
}

void
nvp_verify_close(struct nvp_verify *v)
{
	if (!v)
		return;
	munmap(v->head, v->map_len);
	close(v->fd);
	free(v);
}

int
nvp_verify_fd(const struct nvp_verify *v)
{
	return v->fd;
}

uint64_t
nvp_verify_nlba(const struct nvp_verify *v)
{
	return v->nlba;
}

uint32_t
nvp_verify_lba_size(const struct nvp_verify *v)
{
	return v->lba_size;
}

void
nvp_verify_enable(struct nvp_verify *v, bool enable)
{
	ut_store(&v->head->enabled, enable ? 1u : 0u);
}

bool
nvp_verify_enabled(const struct nvp_verify *v)
{
	return ut_load(&v->head->enabled) != 0;
}

/* clear: bits to remove.  A writer that is under way learns that its data is not the last word. */
static void
forget_one(uint64_t *entry, uint64_t clear)
{
	uint64_t e = ut_load(entry), n;

	do {
		n = entry_next_gen(e) & ~(clear | ENTRY_KNOWN);
		if (n & ENTRY_WRITERS)
			n |= ENTRY_OVERLAPPED;
	} while (!__atomic_compare_exchange_n(entry, &e, n, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
}

/* The first entry from i on that lies in an allocated page: holes are unknown already, and touching one fills it. */
static uint64_t
skip_hole(const struct nvp_verify *v, uint64_t i)
{
	off_t want = (off_t)(VERIFY_HEAD + i * sizeof(uint64_t));
	off_t got = lseek(v->fd, want, SEEK_DATA);

	if (got < 0)
		return errno == ENXIO ? v->nlba : i;
	return got <= want ? i : ((uint64_t)got - VERIFY_HEAD) / sizeof(uint64_t);
}

static void
forget_range(struct nvp_verify *v, uint64_t slba, uint64_t nlb, uint64_t clear)
{
	uint64_t end = slba + verify_clip(v, slba, nlb), i = slba, stop;

	while (i < end) {
		i = skip_hole(v, i);
		stop = UT_MIN(end, ut_align_up(i + 1, PAGE_ENTRIES));
		for (; i < stop; i++)
			forget_one(&v->entry[i], clear);
	}
}

void
nvp_verify_forget(struct nvp_verify *v, uint64_t slba, uint64_t nlb)
{
	forget_range(v, slba, nlb, 0);
}

void
nvp_verify_reset(struct nvp_verify *v)
{
	forget_range(v, 0, v->nlba, ENTRY_WRITERS | ENTRY_OVERLAPPED);
}
