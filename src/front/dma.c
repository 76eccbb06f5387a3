/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of DMA maps, and surviving a client that truncates a file under us. */
#include "front/dma.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct dma_table *all_tables;

/* The first range that ends after addr; t->n when there is none. */
static uint32_t
lower_bound(const struct dma_table *t, uint64_t addr)
{
	uint32_t lo = 0, hi = t->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->map[mid].addr + (t->map[mid].len - 1) < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct dma_map *
find(struct dma_table *t, uint64_t addr)
{
	uint32_t i = lower_bound(t, addr);

	return i < t->n && t->map[i].addr <= addr ? &t->map[i] : NULL;
}

/*
 * Runs inside the access that failed.  The whole range is replaced, because with huge pages a part cannot be; what is
 * read from now on is zeros, and whoever asked is told afterwards.  Only system calls here.
 */
static bool
patch(uintptr_t where)
{
	for (struct dma_table *t = all_tables; t; t = t->next) {
		for (uint32_t i = 0; i < t->n; i++) {
			struct dma_map *m = &t->map[i];

			if (!m->va || where < (uintptr_t)m->va || where - (uintptr_t)m->va >= m->len)
				continue;
			m->bad = true;
			return mmap(m->va, m->len, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED;
		}
	}
	return false;
}

static void
on_sigbus(int sig, siginfo_t *info, void *context)
{
	static const char line[] = "nvproof-ssd: SIGBUS outside the client's memory (was the image truncated?)\n";
	int saved = errno;

	(void)context;
	if (!patch((uintptr_t)info->si_addr)) {
		(void)!write(STDERR_FILENO, line, sizeof(line) - 1);
		signal(sig, SIG_DFL); /* the access is repeated and ends the process */
	}
	errno = saved;
}

int
dma_guard(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	sigemptyset(&sa.sa_mask);
	return sigaction(SIGBUS, &sa, NULL) ? -errno : 0;
}

void
dma_init(struct dma_table *t)
{
	t->n = 0;
	t->next = all_tables;
	all_tables = t;
}

void
dma_fini(struct dma_table *t)
{
	struct dma_table **p = &all_tables;

	while (t->n)
		dma_release(&t->map[--t->n]);
	while (*p && *p != t)
		p = &(*p)->next;
	if (*p)
		*p = t->next;
}

static int
check_range(const struct dma_map *m, uint64_t off)
{
	if (!m->len || (m->addr | m->len | off) % DMA_PAGE)
		return -EINVAL;
	if (m->addr + (m->len - 1) < m->addr || off + m->len < off || off + m->len > INT64_MAX)
		return -EINVAL;
	return 0;
}

/* Map the client's file.  Beyond its end nothing can be reached, so that is refused right away. */
static int
map_file(struct dma_map *m, int fd, uint64_t off)
{
	int prot = (m->readable ? PROT_READ : 0) | (m->writable ? PROT_WRITE : 0);
	int seals = fcntl(fd, F_GET_SEALS); /* before the size, which could shrink in between otherwise */
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISREG(st.st_mode) && off + m->len > (uint64_t)st.st_size)
		return -EINVAL;
	m->sealed = seals >= 0 && (seals & F_SEAL_SHRINK);
	m->va = mmap(NULL, m->len, prot, MAP_SHARED, fd, (off_t)off);
	if (m->va == MAP_FAILED) {
		m->va = NULL;
		return -errno;
	}
	madvise(m->va, m->len, MADV_DONTFORK);
	return 0;
}

int
dma_add(struct dma_table *t, const struct dma_map *m, int fd, uint64_t off)
{
	struct dma_map map = { .addr = m->addr, .len = m->len, .readable = m->readable, .writable = m->writable };
	int rc = check_range(m, off);
	uint32_t i;

	if (rc)
		return rc;
	i = lower_bound(t, m->addr);
	if (i < t->n && t->map[i].addr <= m->addr + (m->len - 1))
		return -EEXIST;
	if (t->n == DMA_MAX_MAPS)
		return -ENOSPC;
	rc = fd >= 0 ? map_file(&map, fd, off) : 0;
	if (rc)
		return rc;
	memmove(&t->map[i + 1], &t->map[i], (t->n - i) * sizeof(t->map[0]));
	t->map[i] = map;
	t->n++;
	return 0;
}

int
dma_remove(struct dma_table *t, uint64_t addr, uint64_t len, struct dma_map *gone)
{
	struct dma_map *m = find(t, addr);

	if (!m || m->addr != addr || m->len != len)
		return -ENOENT;
	*gone = *m;
	t->n--;
	memmove(m, m + 1, (size_t)(&t->map[t->n] - m) * sizeof(*m));
	return 0;
}

void
dma_release(const struct dma_map *gone)
{
	if (gone->va)
		munmap(gone->va, gone->len);
}

/* One piece of a copy, within one range.  The flag is read after the copy: the handler runs inside it. */
static int
copy_piece(struct dma_map *m, uint64_t off, void *buf, size_t len, bool to_host)
{
	char *va;

	if (!m->va || m->bad || !(to_host ? m->writable : m->readable))
		return -EFAULT;
	va = (char *)m->va + off;
	if (to_host)
		memcpy(va, buf, len);
	else
		memcpy(buf, va, len);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return m->bad ? -EFAULT : 0;
}

static int
copy(struct dma_table *t, uint64_t addr, void *buf, uint32_t len, bool to_host)
{
	char *p = buf;

	while (len) {
		struct dma_map *m = find(t, addr);
		uint64_t off, n;
		int rc;

		if (!m)
			return -EFAULT;
		off = addr - m->addr;
		n = m->len - off < len ? m->len - off : len;
		rc = copy_piece(m, off, p, (size_t)n, to_host);
		if (rc)
			return rc;
		addr += n;
		p += n;
		len -= (uint32_t)n;
	}
	return 0;
}

int
dma_read(struct dma_table *t, uint64_t addr, void *buf, uint32_t len)
{
	return copy(t, addr, buf, len, false);
}

int
dma_write(struct dma_table *t, uint64_t addr, const void *buf, uint32_t len)
{
	return copy(t, addr, (void *)(uintptr_t)buf, len, true);
}

void *
dma_pointer(struct dma_table *t, uint64_t addr, uint64_t len)
{
	struct dma_map *m = find(t, addr);

	if (!m || !m->va || !m->sealed || m->bad || !m->readable || !m->writable)
		return NULL;
	if (!len || len > m->len - (addr - m->addr))
		return NULL;
	return (char *)m->va + (addr - m->addr);
}
