/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shareable memory from the kernel.  Sealed against a change of its size, because whoever maps it (a device's server,
 * an ioworker) would get SIGBUS if it were truncated behind its back, and refuses descriptors without the seal; and
 * against more seals, because whoever gets the descriptor could forbid writing to the others.
 */
#include "mem/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mem/region.h"
#include "util/alloc.h"
#include "util/bits.h"

#define HUGE_2M (21u << 26) /* log2 of the page size, where memfd_create() wants it */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static int
sealed_fd(uint64_t len, unsigned flags)
{
	int fd = memfd_create("nvproof", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);

	if (fd < 0)
		return -1;
	if (ftruncate(fd, (off_t)len) == 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Map at an address that is a multiple of 2 MiB: reserve more, put the file in the middle, drop both ends. */
static void *
map_aligned(int fd, uint64_t len)
{
	uint64_t slack = NVP_REGION_ALIGN;
	char *room = mmap(NULL, len + slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *va;
	uint64_t front;

	if (room == MAP_FAILED)
		return NULL;
	front = ut_align_up((uintptr_t)room, slack) - (uintptr_t)room;
	va = room + front;
	if (mmap(va, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
		munmap(room, len + slack);
		return NULL;
	}
	if (front)
		munmap(room, front);
	if (slack - front)
		munmap(va + len, slack - front);
	return va;
}

static int
open_kind(uint64_t len, bool huge, struct nvp_memfd *out)
{
	int fd = sealed_fd(len, huge ? MFD_HUGETLB | HUGE_2M : 0);
	void *va = fd < 0 ? NULL : map_aligned(fd, len);

	if (!va) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	*out = (struct nvp_memfd){ .va = va, .len = len, .fd = fd, .huge = huge };
	return 0;
}

/* Once, and only to who asked for it: scripts compare the standard error of programs. */
static void
notice_plain(void)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;

	if (getenv("NVPROOF_DEBUG") && !atomic_flag_test_and_set(&told))
		fprintf(stderr, "nvproof: no free huge pages, using plain memory\n");
}

int
nvp_memfd_open(uint64_t len, struct nvp_memfd *out)
{
	if (ut_alloc_spend() || ut_alloc_spend()) /* a descriptor and a mapping */
		return -ENOMEM;
	if (open_kind(len, true, out) == 0)
		return 0;
	notice_plain();
	return open_kind(len, false, out);
}

void
nvp_memfd_close(struct nvp_memfd *m)
{
	munmap(m->va, m->len);
	close(m->fd);
}

void
nvp_memfd_punch(int fd, uint64_t off, uint64_t len)
{
	(void)!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len);
}
