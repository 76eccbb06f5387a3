/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio-user on the wire: the header, the message structures, and a small codec that moves whole messages with file
 * descriptors over a UNIX stream socket.  Both ends use it; what they do with a message is their own.
 *
 * vfio-user Protocol Specification 0.9, "Header", "Commands".  All integers have the byte order of the host: both ends
 * run on one machine.  VFIO structures and flags: <linux/vfio.h>.
 */
#pragma once
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define VFU_MAJOR 0u
#define VFU_MINOR 1u

/* The kernel passes at most this many descriptors with one sendmsg (SCM_MAX_FD). */
#define VFU_MAX_FDS 253u

/* "VFIO_USER_VERSION": what holds when a side does not say otherwise in its capabilities. */
#define VFU_DEF_MAX_FDS 1u
#define VFU_DEF_MAX_XFER (1u << 20)

enum vfu_command {
	VFU_VERSION = 1,
	VFU_DMA_MAP = 2,
	VFU_DMA_UNMAP = 3,
	VFU_DEVICE_GET_INFO = 4,
	VFU_DEVICE_GET_REGION_INFO = 5,
	VFU_DEVICE_GET_REGION_IO_FDS = 6,
	VFU_DEVICE_GET_IRQ_INFO = 7,
	VFU_DEVICE_SET_IRQS = 8,
	VFU_REGION_READ = 9,
	VFU_REGION_WRITE = 10,
	VFU_DMA_READ = 11,
	VFU_DMA_WRITE = 12,
	VFU_DEVICE_RESET = 13,
	VFU_NR_COMMANDS,
};

struct vfu_hdr {
	uint16_t id; /* the sender's own; echoed in the reply, not necessarily unique */
	uint16_t cmd;
	uint32_t size; /* of the whole message, this header included */
	uint32_t flags;
	uint32_t error; /* an errno, in a reply with VFU_F_ERROR */
};
static_assert(sizeof(struct vfu_hdr) == 16, "header");

#define VFU_F_TYPE 0xfu
#define VFU_F_COMMAND 0x0u
#define VFU_F_REPLY 0x1u
#define VFU_F_NO_REPLY 0x10u
#define VFU_F_ERROR 0x20u

struct vfu_version {
	uint16_t major, minor;
	char data[]; /* JSON and its NUL, or nothing */
};
static_assert(sizeof(struct vfu_version) == 4, "version");

struct vfu_dma_map {
	uint32_t argsz, flags;
	uint64_t offset; /* in the file of the descriptor that comes along */
	uint64_t addr, size;
};
static_assert(sizeof(struct vfu_dma_map) == 32, "DMA map");
#define VFU_DMA_F_READ 0x1u
#define VFU_DMA_F_WRITE 0x2u

struct vfu_dma_unmap {
	uint32_t argsz, flags; /* VFIO_DMA_UNMAP_FLAG_* */
	uint64_t addr, size;
};
static_assert(sizeof(struct vfu_dma_unmap) == 24, "DMA unmap");

struct vfu_device_info {
	uint32_t argsz, flags; /* VFIO_DEVICE_FLAGS_* */
	uint32_t num_regions, num_irqs;
};
static_assert(sizeof(struct vfu_device_info) == 16, "device info");

struct vfu_region_info {
	uint32_t argsz, flags; /* VFIO_REGION_INFO_FLAG_* */
	uint32_t index, cap_offset;
	uint64_t size, offset;
};
static_assert(sizeof(struct vfu_region_info) == 32, "region info");

struct vfu_cap_hdr {
	uint16_t id, version; /* VFIO_REGION_INFO_CAP_* */
	uint32_t next; /* from the start of the region info; 0: the last one */
};

struct vfu_sparse_area {
	uint64_t offset, size;
};

struct vfu_cap_sparse {
	struct vfu_cap_hdr hdr;
	uint32_t nr_areas, reserved;
	struct vfu_sparse_area areas[];
};
static_assert(sizeof(struct vfu_cap_sparse) == 16, "sparse mmap capability");

struct vfu_irq_info {
	uint32_t argsz, flags; /* VFIO_IRQ_INFO_* */
	uint32_t index, count;
};
static_assert(sizeof(struct vfu_irq_info) == 16, "IRQ info");

struct vfu_irq_set {
	uint32_t argsz, flags; /* VFIO_IRQ_SET_* */
	uint32_t index, start, count;
	uint8_t data[];
};
static_assert(sizeof(struct vfu_irq_set) == 20, "IRQ set");

struct vfu_region_access {
	uint64_t offset;
	uint32_t region, count;
	uint8_t data[];
};
static_assert(sizeof(struct vfu_region_access) == 16, "region access");

/* Descriptors that came with a message.  An entry of -1 was taken. */
struct vfu_fds {
	int fd[VFU_MAX_FDS];
	uint32_t n;
	bool lost; /* more came than fit here or than this process may open; the rest is closed */
};

void vfu_fds_close(struct vfu_fds *fds);
/* Make entry i the caller's own; -1 when there is none. */
int vfu_fds_take(struct vfu_fds *fds, uint32_t i);

/*
 * One sendmsg without waiting: the bytes sent, -EAGAIN, or -ENODEV: the other end is gone.  Descriptors travel with the
 * first byte.  vfu_recv_some() is the same for receiving; never ask it for more than the rest of one message, so
 * that descriptors are credited to the message that they came with.
 */
ssize_t vfu_send_some(int sock, const void *buf, size_t len, const int *fds, uint32_t nfds);
ssize_t vfu_recv_some(int sock, void *buf, size_t len, struct vfu_fds *fds);

/*
 * The same, waiting until all is done or CLOCK_MONOTONIC is at deadline_ns: 0, -ETIMEDOUT, -ENODEV.  *done (or NULL)
 * tells how much was received.
 */
int vfu_send(int sock, const void *buf, size_t len, const int *fds, uint32_t nfds, uint64_t deadline_ns);
int vfu_recv(int sock, void *buf, size_t len, struct vfu_fds *fds, uint64_t deadline_ns, size_t *done);
