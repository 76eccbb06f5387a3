/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client's side of vfio-user: a bus to an NVMe function that a server process implements.
 *
 * vfu_sock.c connects and exchanges messages, each with a deadline; vfu_open.c learns what the device has; vfu_client.c is the
 * table of bus functions.  A server that dies makes every function return -ENODEV at once, from then on.
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "bus/bus.h"
#include "proto/vfu.h"

#define VFU_TIMEOUT_MS 10000u
#define VFU_NR_REGIONS 9u /* VFIO_PCI_NUM_REGIONS: six BARs, ROM, configuration space, VGA */
#define VFU_MAX_AREAS 8u
#define VFU_MAX_VECTORS 2048u /* the most that MSI-X has */

struct vfu_area {
	uint64_t offset, size; /* in the region */
	int fd; /* -1: none */
	void *va; /* NULL: not mapped yet */
};

struct vfu_region {
	uint64_t size, fd_offset; /* fd_offset: where offset 0 of the region is in the file */
	uint32_t flags; /* VFIO_REGION_INFO_FLAG_* */
	uint32_t nr_areas; /* what may be mapped */
	struct vfu_area area[VFU_MAX_AREAS];
	int fd[VFU_MAX_AREAS];
	uint32_t nr_fds;
};

struct vfu_bus {
	struct nvp_bus base;
	pthread_mutex_t lock; /* one request at a time: memory may be mapped by any thread */
	pthread_mutex_t setup; /* guards what is made on demand: mappings, eventfds */
	int sock;
	bool dead;
	uint16_t next_id;
	uint32_t timeout_ms;

	uint32_t max_xfer, max_fds; /* what the server takes */
	uint64_t pgsizes;
	uint32_t dev_flags; /* VFIO_DEVICE_FLAGS_* */
	uint32_t nr_regions, nr_irqs;
	struct vfu_region region[VFU_NR_REGIONS];
	uint32_t nr_vectors;
	int *vector_fd; /* nr_vectors of them, -1: not asked for yet */

	struct vfu_child *child; /* the private server behind it, or NULL; ssd_spawn.c */
};

/* A request and its answer.  The payload of the reply is cut to `room`. */
struct vfu_req {
	uint16_t cmd;
	const void *out; /* payload, out_len bytes, then data, data_len bytes */
	uint32_t out_len;
	const void *data;
	uint32_t data_len;
	const int *fds;
	uint32_t nfds;
	void *in;
	uint32_t room, in_len;
	struct vfu_fds *in_fds; /* NULL: descriptors are not wanted and closed */
};

/* vfu_sock.c */
/* Connect: -ENOENT, -ECONNREFUSED, -ENOTSOCK, -ENAMETOOLONG, -ETIMEDOUT, with a line for a person. */
int vfu_connect(const char *path, uint32_t timeout_ms, int *sock);
/*
 * Send and wait for the reply.  0; -ETIMEDOUT; -ENODEV: the server is gone; -EPROTO: it does not make sense; else the
 * (negative) errno of the server's reply.
 */
int vfu_call(struct vfu_bus *b, struct vfu_req *r);

/* vfu_open.c */
/* Everything that is asked before the first register.  Errors with a line for a person. */
int vfu_probe(struct vfu_bus *b, const char *path);

/* vfu_client.c */
int vfu_client_open(const char *path, uint32_t timeout_ms, struct vfu_bus **out);
/* The same over a connected, non-blocking socket, which is the client's from now on (closed on failure). */
int vfu_client_adopt(int sock, const char *path, uint32_t timeout_ms, struct vfu_bus **out);
void vfu_client_close(struct nvp_bus *bus);
int vfu_cfg_read(struct nvp_bus *bus, uint32_t off, void *buf, uint32_t len);
int vfu_cfg_write(struct nvp_bus *bus, uint32_t off, const void *buf, uint32_t len);
int vfu_bar_read(struct nvp_bus *bus, int bar, uint64_t off, void *buf, uint32_t len);
int vfu_bar_write(struct nvp_bus *bus, int bar, uint64_t off, const void *buf, uint32_t len);
void *vfu_bar_map(struct nvp_bus *bus, int bar, uint64_t off, uint64_t len);
int vfu_bar_fd(struct nvp_bus *bus, int bar, uint64_t off, uint64_t *fd_off);
int vfu_dma_map(struct nvp_bus *bus, void *va, uint64_t len, int fd, uint64_t *iova);
int vfu_dma_unmap(struct nvp_bus *bus, uint64_t iova, uint64_t len);
int vfu_irq_fd(struct nvp_bus *bus, uint16_t vector);
int vfu_reset(struct nvp_bus *bus, enum nvp_reset kind);
