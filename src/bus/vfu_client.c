/* SPDX-License-Identifier: BSD-3-Clause */
/* The bus "vfu:/path.sock": a device that another process serves over vfio-user. */
#include "bus/vfu_client.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/alloc.h"
#include "util/bits.h"

static struct vfu_bus *
vfu_of(struct nvp_bus *bus)
{
	return ut_container_of(bus, struct vfu_bus, base);
}

static void
close_regions(struct vfu_bus *b)
{
	for (uint32_t i = 0; i < VFU_NR_REGIONS; i++) {
		struct vfu_region *reg = &b->region[i];

		for (uint32_t a = 0; a < reg->nr_areas; a++) {
			if (reg->area[a].va)
				munmap(reg->area[a].va, reg->area[a].size);
		}
		for (uint32_t f = 0; f < reg->nr_fds; f++)
			close(reg->fd[f]);
	}
}

void
vfu_client_close(struct nvp_bus *bus)
{
	struct vfu_bus *b = vfu_of(bus);

	close_regions(b);
	for (uint32_t i = 0; i < b->nr_vectors; i++) {
		if (b->vector_fd[i] >= 0)
			close(b->vector_fd[i]);
	}
	close(b->sock);
	pthread_mutex_destroy(&b->lock);
	pthread_mutex_destroy(&b->setup);
	free(b->vector_fd);
	free(b);
}

int
vfu_client_adopt(int sock, const char *path, uint32_t timeout_ms, struct vfu_bus **out)
{
	struct vfu_bus *b = ut_calloc(1, sizeof(*b));
	int rc;

	if (!b) {
		close(sock);
		return -ENOMEM;
	}
	b->sock = sock;
	b->timeout_ms = timeout_ms;
	b->max_xfer = VFU_DEF_MAX_XFER;
	b->base.clock = ut_clock_real();
	snprintf(b->base.addr, sizeof(b->base.addr), "vfu:%s", path);
	pthread_mutex_init(&b->lock, NULL);
	pthread_mutex_init(&b->setup, NULL);
	rc = vfu_probe(b, path);
	if (rc) {
		vfu_client_close(&b->base);
		return rc;
	}
	*out = b;
	return 0;
}

/* The process that serves it: all its sockets lead to one drive.  0: the kernel does not say. */
static uint64_t
server_pid(const struct vfu_bus *b)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	return getsockopt(b->sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) ? 0 : (uint64_t)peer.pid;
}

int
vfu_client_open(const char *path, uint32_t timeout_ms, struct vfu_bus **out)
{
	int sock, rc = vfu_connect(path, timeout_ms, &sock);

	if (!rc)
		rc = vfu_client_adopt(sock, path, timeout_ms, out);
	if (!rc)
		(*out)->base.instance = server_pid(*out);
	return rc;
}

static int
vfu_open(const char *addr, struct nvp_bus **bus)
{
	struct vfu_bus *b;
	int rc = vfu_client_open(addr, VFU_TIMEOUT_MS, &b);

	if (rc)
		return rc;
	b->base.ops = &nvp_vfu_bus_ops;
	*bus = &b->base;
	return 0;
}

static int
check_access(const struct vfu_bus *b, uint32_t index, uint64_t off, uint64_t len)
{
	if (index >= b->nr_regions || off > b->region[index].size || len > b->region[index].size - off)
		return -EINVAL;
	return 0;
}

/* The reply must be about what was asked. */
static int
check_reply(const struct vfu_region_access *a, const struct vfu_region_access *got, uint32_t in_len, uint32_t data)
{
	if (in_len < sizeof(*got) + data || got->offset != a->offset || got->region != a->region)
		return -EPROTO;
	return data && got->count != a->count ? -EPROTO : 0;
}

static int
read_piece(struct vfu_bus *b, const struct vfu_region_access *a, void *buf)
{
	uint64_t small[10]; /* registers are read without an allocation */
	uint32_t room = (uint32_t)sizeof(*a) + a->count;
	struct vfu_region_access *got = room <= sizeof(small) ? (void *)small : ut_calloc(1, room);
	struct vfu_req r = { .cmd = VFU_REGION_READ, .out = a, .out_len = sizeof(*a), .in = got, .room = room };
	int rc = got ? vfu_call(b, &r) : -ENOMEM;

	if (!rc)
		rc = check_reply(a, got, r.in_len, a->count);
	if (!rc)
		memcpy(buf, got->data, a->count);
	if ((void *)got != small)
		free(got);
	return rc;
}

static int
write_piece(struct vfu_bus *b, const struct vfu_region_access *a, const void *buf)
{
	struct vfu_region_access got;
	struct vfu_req r = { .cmd = VFU_REGION_WRITE,
			     .out = a,
			     .out_len = sizeof(*a),
			     .data = buf,
			     .data_len = a->count,
			     .in = &got,
			     .room = sizeof(got) };
	int rc = vfu_call(b, &r);

	return rc ? rc : check_reply(a, &got, r.in_len, 0);
}

/* Any length, in pieces that the server takes. */
static int
region_access(struct vfu_bus *b, uint32_t index, uint64_t off, void *rd, const void *wr, uint32_t len)
{
	int rc = check_access(b, index, off, len);

	for (uint32_t done = 0; done < len && !rc;) {
		struct vfu_region_access a = { .offset = off + done,
					       .region = index,
					       .count = UT_MIN(len - done, b->max_xfer) };

		if (rd)
			rc = read_piece(b, &a, (char *)rd + done);
		else
			rc = write_piece(b, &a, (const char *)wr + done);
		done += a.count;
	}
	return rc;
}

int
vfu_cfg_read(struct nvp_bus *bus, uint32_t off, void *buf, uint32_t len)
{
	return region_access(vfu_of(bus), VFIO_PCI_CONFIG_REGION_INDEX, off, buf, NULL, len);
}

int
vfu_cfg_write(struct nvp_bus *bus, uint32_t off, const void *buf, uint32_t len)
{
	return region_access(vfu_of(bus), VFIO_PCI_CONFIG_REGION_INDEX, off, NULL, buf, len);
}

static bool
is_bar(int bar)
{
	return bar >= 0 && bar <= VFIO_PCI_BAR5_REGION_INDEX;
}

int
vfu_bar_read(struct nvp_bus *bus, int bar, uint64_t off, void *buf, uint32_t len)
{
	return is_bar(bar) ? region_access(vfu_of(bus), (uint32_t)bar, off, buf, NULL, len) : -EINVAL;
}

int
vfu_bar_write(struct nvp_bus *bus, int bar, uint64_t off, const void *buf, uint32_t len)
{
	return is_bar(bar) ? region_access(vfu_of(bus), (uint32_t)bar, off, NULL, buf, len) : -EINVAL;
}

/* The area that has all of [off, off+len), with a file that is long enough: touching beyond its end would fault. */
static struct vfu_area *
find_area(struct vfu_region *reg, uint64_t off, uint64_t len)
{
	for (uint32_t i = 0; i < reg->nr_areas; i++) {
		struct vfu_area *a = &reg->area[i];
		uint64_t end;
		struct stat st;

		if (off < a->offset || off - a->offset > a->size || len > a->size - (off - a->offset) || a->fd < 0)
			continue;
		if (__builtin_add_overflow(reg->fd_offset, a->offset + a->size, &end) || fstat(a->fd, &st))
			continue;
		if ((reg->fd_offset + a->offset) % 4096 || (S_ISREG(st.st_mode) && end > (uint64_t)st.st_size))
			continue;
		return a;
	}
	return NULL;
}

/* An area is mapped once, as a whole. */
static bool
map_area(const struct vfu_region *reg, struct vfu_area *a)
{
	off_t at = (off_t)(reg->fd_offset + a->offset);
	void *va;

	if (a->va)
		return true;
	va = ut_alloc_spend() ? MAP_FAILED : mmap(NULL, a->size, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd, at);
	if (va == MAP_FAILED)
		return false;
	a->va = va;
	return true;
}

void *
vfu_bar_map(struct nvp_bus *bus, int bar, uint64_t off, uint64_t len)
{
	struct vfu_bus *b = vfu_of(bus);
	struct vfu_area *a;
	void *va = NULL;

	if (!is_bar(bar) || !len)
		return NULL;
	pthread_mutex_lock(&b->setup);
	a = find_area(&b->region[bar], off, len);
	if (a && map_area(&b->region[bar], a))
		va = (char *)a->va + (off - a->offset);
	pthread_mutex_unlock(&b->setup);
	return va;
}

int
vfu_bar_fd(struct nvp_bus *bus, int bar, uint64_t off, uint64_t *fd_off)
{
	struct vfu_region *reg;
	struct vfu_area *a;

	if (!is_bar(bar))
		return -EINVAL;
	reg = &vfu_of(bus)->region[bar];
	a = find_area(reg, off, 1);
	if (!a)
		return -ENOTSUP;
	*fd_off = reg->fd_offset + off;
	return a->fd;
}

/* The whole file from its start: a region of ours is one file.  One window is one message, whatever its size. */
int
vfu_dma_map(struct nvp_bus *bus, void *va, uint64_t len, int fd, uint64_t *iova)
{
	struct vfu_bus *b = vfu_of(bus);
	struct vfu_dma_map map = {
		.argsz = sizeof(map), .flags = VFU_DMA_F_READ | VFU_DMA_F_WRITE, .addr = *iova, .size = len
	};
	struct vfu_req r = { .cmd = VFU_DMA_MAP, .out = &map, .out_len = sizeof(map), .fds = &fd, .nfds = 1 };
	uint64_t page = b->pgsizes & -b->pgsizes; /* the smallest that the server can map */

	(void)va;
	if (fd < 0)
		return -ENOTSUP;
	if (!len || (*iova | len) % page)
		return -EINVAL;
	return vfu_call(b, &r);
}

int
vfu_dma_unmap(struct nvp_bus *bus, uint64_t iova, uint64_t len)
{
	struct vfu_dma_unmap un = { .argsz = sizeof(un), .addr = iova, .size = len };
	struct vfu_req r = { .cmd = VFU_DMA_UNMAP, .out = &un, .out_len = sizeof(un) };

	return vfu_call(vfu_of(bus), &r);
}

static int
give_eventfd(struct vfu_bus *b, uint32_t vector, int fd)
{
	struct vfu_irq_set set = { .argsz = sizeof(set),
				   .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
				   .index = b->base.msi ? VFIO_PCI_MSI_IRQ_INDEX : VFIO_PCI_MSIX_IRQ_INDEX,
				   .start = vector,
				   .count = 1 };
	struct vfu_req r = { .cmd = VFU_DEVICE_SET_IRQS, .out = &set, .out_len = sizeof(set), .fds = &fd, .nfds = 1 };

	return vfu_call(b, &r);
}

static int
new_vector(struct vfu_bus *b, uint16_t vector)
{
	int fd, rc;

	fd = ut_alloc_spend() ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -ENOMEM;
	rc = give_eventfd(b, vector, fd);
	if (rc) {
		close(fd);
		return rc;
	}
	b->vector_fd[vector] = fd;
	return fd;
}

int
vfu_irq_fd(struct nvp_bus *bus, uint16_t vector)
{
	struct vfu_bus *b = vfu_of(bus);
	int fd;

	if (vector >= b->nr_vectors)
		return b->nr_vectors ? -EINVAL : -ENOTSUP;
	pthread_mutex_lock(&b->setup);
	fd = b->vector_fd[vector] >= 0 ? b->vector_fd[vector] : new_vector(b, vector);
	pthread_mutex_unlock(&b->setup);
	return fd;
}

/* There is no link between the two processes: all three kinds are the one reset that the protocol has. */
int
vfu_reset(struct nvp_bus *bus, enum nvp_reset kind)
{
	struct vfu_bus *b = vfu_of(bus);
	struct vfu_req r = { .cmd = VFU_DEVICE_RESET };

	(void)kind;
	return b->dev_flags & VFIO_DEVICE_FLAGS_RESET ? vfu_call(b, &r) : -ENOTSUP;
}

const struct nvp_bus_ops nvp_vfu_bus_ops = {
	.name = "vfu",
	.has_msi = true,
	.open = vfu_open,
	.close = vfu_client_close,
	.cfg_read = vfu_cfg_read,
	.cfg_write = vfu_cfg_write,
	.bar_read = vfu_bar_read,
	.bar_write = vfu_bar_write,
	.bar_map = vfu_bar_map,
	.bar_fd = vfu_bar_fd,
	.dma_map = vfu_dma_map,
	.dma_unmap = vfu_dma_unmap,
	.irq_fd = vfu_irq_fd,
	.reset = vfu_reset,
};
