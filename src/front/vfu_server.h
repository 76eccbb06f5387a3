/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vfio-user server for one controller of a software SSD: one UNIX socket, one client at a time.
 *
 * Registers and configuration space are messages; doorbells are a shared page that the main loop polls; the client's
 * memory is mapped.  A client that goes away leaves a device as after a function-level reset.
 */
#pragma once
#include "front/conn.h"
#include "front/dma.h"
#include "front/irq.h"
#include "front/listen.h"
#include "front/loop.h"
#include "ssd/ssd.h"

/* The client that has the device, and others that are about to be told that it is taken. */
#define SERVER_MAX_CONNS 8u

struct vfu_server {
	struct loop *loop;
	struct ssd *ssd;
	struct dma_table dma;
	struct irqs irqs;
	int db_fd; /* memfd: offset 0 is offset 0 of BAR0, the doorbells are where they are there */
	void *db; /* SSD_BAR_DB_SIZE bytes, at the same address for as long as the server lives */
	int cmb_fd; /* memfd behind BAR 2; -1: there is no controller memory buffer */
	void *cmb;
	uint64_t cmb_size; /* of the BAR */
	struct listener listener;
	struct vfu_conn conn[SERVER_MAX_CONNS];
	struct vfu_conn *client; /* the one that has the device, or NULL */
	uint64_t nr_accepted;
	uint64_t nr_refused;
};

/*
 * Add a controller to sub and serve it on path (NULL: only on sockets given by vfu_server_adopt()).  The err line is for a person.
 * -EADDRINUSE: another server is there; -ENOMEM; -errno.
 */
int vfu_server_open(struct vfu_server *s, struct loop *l, struct ssd_subsys *sub, const char *path, char *err,
		    size_t errlen);
/* Drops the client, removes the socket, closes the controller. */
void vfu_server_close(struct vfu_server *s);
/* Serve a connected socket; it is the server's from now on. */
int vfu_server_adopt(struct vfu_server *s, int fd);

/* Inside: one function a message.  0 and *len bytes at conn_payload(), or -errno. */
struct vfu_reply {
	uint32_t len;
	int fd; /* to pass along, not to close; -1 */
};
typedef int (*vfu_handler)(struct vfu_server *s, struct vfu_conn *c, struct vfu_reply *r);

int vfu_on_version(struct vfu_server *s, struct vfu_conn *c, struct vfu_reply *r); /* vfu_version.c */
int vfu_on_region_info(struct vfu_server *s, struct vfu_conn *c, struct vfu_reply *r); /* vfu_region.c */
int vfu_on_region_read(struct vfu_server *s, struct vfu_conn *c, struct vfu_reply *r);
int vfu_on_region_write(struct vfu_server *s, struct vfu_conn *c, struct vfu_reply *r);
int vfu_cmb_open(struct vfu_server *s); /* vfu_cmb.c; after the controller was opened.  -errno */
void vfu_cmb_renew(struct vfu_server *s);
void vfu_cmb_close(struct vfu_server *s);
void vfu_dispatch(struct vfu_conn *c); /* vfu_msgs.c */
/* The device is this client's from now on; -EBUSY: it is taken. */
int vfu_server_attach(struct vfu_server *s, struct vfu_conn *c);
