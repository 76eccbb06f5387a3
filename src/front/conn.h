/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One vfio-user connection of a server: cuts the byte stream into messages without ever waiting, however slowly they come,
 * and sends each reply in one piece when the socket has room.  While a reply cannot be sent, nothing more is read.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "front/loop.h"
#include "proto/vfu.h"

#define CONN_MAX_XFER 65536u /* what we tell as max_data_xfer_size */
#define CONN_BUF (CONN_MAX_XFER + 256u) /* payload that is kept; a longer one is read, dropped and refused */
/* A client that was told nothing may send 1 MiB of data.  Beyond that it is no message of this protocol. */
#define CONN_MAX_PAYLOAD (VFU_DEF_MAX_XFER + 4096u)

struct vfu_conn;
typedef void (*vfu_conn_fn)(struct vfu_conn *c);

struct vfu_conn {
	struct loop_source src;
	struct loop *loop;
	vfu_conn_fn on_msg; /* a whole message is there */
	vfu_conn_fn on_close; /* told once, while src.fd is still open */
	void *owner;
	uint64_t since; /* the order in which they came */
	bool attached; /* negotiated: this client has the device */
	bool closing; /* close when the reply is out */

	struct vfu_hdr hdr;
	uint64_t have; /* bytes of this message so far, header included */
	bool bad_size; /* the size in the header is impossible: the stream is out of step */
	bool too_big; /* the payload was dropped */
	uint8_t *in; /* CONN_BUF bytes of payload */
	uint32_t in_len;
	struct vfu_fds fds;

	uint8_t *out; /* header and CONN_BUF */
	uint32_t out_len, out_off; /* 0: nothing to send */
	int out_fd;
};

/* Watch a connected, non-blocking socket; it is the connection's from now on (closed on failure).  -ENOMEM, -errno. */
int conn_open(struct vfu_conn *c, struct loop *l, int fd);
void conn_close(struct vfu_conn *c);
/* Read and handle what has arrived. */
void conn_pump(struct vfu_conn *c);
/*
 * Answer the current message: err (0 or a positive errno), or `len` bytes that were put at conn_payload() and fd (-1: none; it
 * stays the caller's and open until the next message).  Nothing is sent when the client wants no reply.
 */
void conn_reply(struct vfu_conn *c, int err, uint32_t len, int fd);

static inline void *
conn_payload(struct vfu_conn *c)
{
	return c->out + sizeof(struct vfu_hdr);
}
