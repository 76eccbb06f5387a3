/* SPDX-License-Identifier: BSD-3-Clause */
/* Framing of vfio-user messages on a non-blocking socket, server side. */
#include "front/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util/alloc.h"
#include "util/bits.h"

/* One client must not keep the others waiting: after so many messages it is their turn. */
#define MESSAGES_PER_TURN 64

static void conn_ready(struct loop_source *src, uint32_t events);

static void
conn_clear(struct vfu_conn *c)
{
	vfu_fds_close(&c->fds);
	c->have = 0;
	c->in_len = 0;
	c->bad_size = false;
	c->too_big = false;
}

int
conn_open(struct vfu_conn *c, struct loop *l, int fd)
{
	int rc;

	c->loop = l;
	c->src = (struct loop_source){ .fd = fd, .ready = conn_ready };
	c->attached = c->closing = false;
	c->out_len = c->out_off = 0;
	c->fds.n = 0;
	conn_clear(c);
	c->in = ut_calloc(1, CONN_BUF);
	c->out = ut_calloc(1, sizeof(struct vfu_hdr) + CONN_BUF);
	rc = c->in && c->out ? loop_add(l, &c->src, EPOLLIN) : -ENOMEM;
	if (!rc)
		return 0;
	free(c->in);
	free(c->out);
	close(fd);
	c->src.fd = -1;
	return rc;
}

void
conn_close(struct vfu_conn *c)
{
	if (c->src.fd < 0)
		return;
	c->on_close(c);
	loop_del(c->loop, &c->src);
	close(c->src.fd);
	c->src.fd = -1;
	conn_clear(c);
	free(c->in);
	free(c->out);
	c->in = c->out = NULL;
	c->out_len = 0;
}

/* Send what is left of the reply; the descriptor travels with its first byte. */
static void
flush_reply(struct vfu_conn *c)
{
	uint32_t nfds = c->out_fd >= 0 && !c->out_off;
	ssize_t n = vfu_send_some(c->src.fd, c->out + c->out_off, c->out_len - c->out_off, &c->out_fd, nfds);

	if (n < 0 && n != -EAGAIN) {
		c->out_len = 0;
		c->closing = true;
		return;
	}
	if (n > 0)
		c->out_off += (uint32_t)n;
	if (c->out_off == c->out_len)
		c->out_len = 0;
}

void
conn_reply(struct vfu_conn *c, int err, uint32_t len, int fd)
{
	struct vfu_hdr hdr = { .id = c->hdr.id, .cmd = c->hdr.cmd, .flags = VFU_F_REPLY };

	if (c->hdr.flags & VFU_F_NO_REPLY)
		return;
	/* "If an error occurs, the reply message must only include the reply header." */
	if (err) {
		hdr.flags |= VFU_F_ERROR;
		hdr.error = (uint32_t)err;
		len = 0;
		fd = -1;
	}
	hdr.size = (uint32_t)sizeof(hdr) + len;
	memcpy(c->out, &hdr, sizeof(hdr));
	c->out_len = hdr.size;
	c->out_off = 0;
	c->out_fd = fd;
	flush_reply(c);
	if (c->out_len)
		loop_mod(c->loop, &c->src, EPOLLOUT);
}

static void
check_header(struct vfu_conn *c)
{
	c->bad_size = c->hdr.size < sizeof(c->hdr) || c->hdr.size - sizeof(c->hdr) > CONN_MAX_PAYLOAD;
	c->too_big = !c->bad_size && c->hdr.size - sizeof(c->hdr) > CONN_BUF;
}

/* Where the next bytes go and how many: never past the end of this message. */
static size_t
next_piece(struct vfu_conn *c, void **p)
{
	uint64_t at = c->have - sizeof(c->hdr);

	if (c->have < sizeof(c->hdr)) {
		*p = (uint8_t *)&c->hdr + c->have;
		return sizeof(c->hdr) - c->have;
	}
	if (c->too_big) {
		*p = c->in; /* read to keep in step, and forgotten */
		return UT_MIN(c->hdr.size - c->have, CONN_BUF);
	}
	*p = c->in + at;
	return c->hdr.size - c->have;
}

/* The first message has none, so nobody who was not let in yet can make us hold any. */
static void
refuse_strangers_fds(struct vfu_conn *c)
{
	if (c->attached || !c->fds.n)
		return;
	vfu_fds_close(&c->fds);
	c->fds.lost = true;
}

/* 1: a message is complete (or its header is impossible); 0: wait for more; negative: the client is gone. */
static int
fill(struct vfu_conn *c)
{
	while (c->have < sizeof(c->hdr) || (!c->bad_size && c->have < c->hdr.size)) {
		bool in_header = c->have < sizeof(c->hdr);
		void *p;
		size_t want = next_piece(c, &p);
		ssize_t n = vfu_recv_some(c->src.fd, p, want, &c->fds);

		if (n < 0)
			return n == -EAGAIN ? 0 : (int)n;
		refuse_strangers_fds(c);
		c->have += (uint64_t)n;
		if (in_header && c->have == sizeof(c->hdr))
			check_header(c);
	}
	c->in_len = c->bad_size || c->too_big ? 0 : c->hdr.size - (uint32_t)sizeof(c->hdr);
	return 1;
}

void
conn_pump(struct vfu_conn *c)
{
	for (int i = 0; i < MESSAGES_PER_TURN && c->src.fd >= 0 && !c->out_len && !c->closing; i++) {
		int rc = fill(c);

		if (!rc)
			return;
		if (rc < 0) {
			c->closing = true;
			break;
		}
		c->on_msg(c);
		conn_clear(c);
	}
	if (c->closing && !c->out_len)
		conn_close(c);
}

static void
conn_ready(struct loop_source *src, uint32_t events)
{
	struct vfu_conn *c = ut_container_of(src, struct vfu_conn, src);

	(void)events;
	if (c->out_len) {
		flush_reply(c);
		if (!c->out_len)
			loop_mod(c->loop, &c->src, EPOLLIN);
	}
	conn_pump(c);
}
