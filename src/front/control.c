/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines in, lines out, for several clients, without ever waiting for one of them. */
#include "front/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "util/alloc.h"
#include "util/bits.h"

static void
client_close(struct control_client *c)
{
	if (c->src.fd < 0)
		return;
	loop_del(c->ctl->loop, &c->src);
	close(c->src.fd);
	c->src.fd = -1;
	free(c->line);
	free(c->out);
	c->line = c->out = NULL;
}

/* Send what there is; whoever does not read gets no further answers until it does. */
static void
client_flush(struct control_client *c)
{
	ssize_t n = send(c->src.fd, c->out + c->out_off, c->out_len - c->out_off, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		client_close(c);
		return;
	}
	if (n > 0)
		c->out_off += (size_t)n;
	if (c->out_off < c->out_len) {
		loop_mod(c->ctl->loop, &c->src, EPOLLOUT);
		return;
	}
	free(c->out);
	c->out = NULL;
	loop_mod(c->ctl->loop, &c->src, EPOLLIN);
}

static void
client_answer(struct control_client *c, const char *line, size_t len)
{
	c->out = control_answer(c->ctl, line, len);
	if (!c->out)
		return;
	c->out_len = strlen(c->out);
	c->out_off = 0;
	client_flush(c);
}

/* Answer the complete lines; stop while an answer waits to be sent. */
static void
client_lines(struct control_client *c)
{
	char *nl;

	while (c->src.fd >= 0 && !c->out && (nl = memchr(c->line, '\n', c->len))) {
		size_t used = (size_t)(nl - c->line) + 1;
		char *copy = ut_calloc(1, used);

		if (copy)
			memcpy(copy, c->line, used - 1);
		c->len -= used;
		memmove(c->line, nl + 1, c->len);
		if (copy && !c->skipping && used > 1)
			client_answer(c, copy, used - 1);
		c->skipping = false;
		free(copy);
	}
	if (c->src.fd >= 0 && !c->out && c->len == CONTROL_MAX_LINE) {
		c->len = 0;
		if (!c->skipping) {
			c->skipping = true;
			client_answer(c, "", 0); /* no JSON: a parse error */
		}
	}
}

static void
client_ready(struct loop_source *src, uint32_t events)
{
	struct control_client *c = ut_container_of(src, struct control_client, src);
	ssize_t n;

	(void)events;
	if (c->out) {
		client_flush(c);
	} else {
		n = recv(c->src.fd, c->line + c->len, CONTROL_MAX_LINE - c->len, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			client_close(c);
			return;
		}
		c->len += n > 0 ? (size_t)n : 0;
	}
	if (c->src.fd >= 0)
		client_lines(c);
}

/* A free place; when all are taken, those who have been there take turns in making room. */
static struct control_client *
place(struct control *ctl)
{
	struct control_client *c;

	for (uint32_t i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		if (ctl->client[i].src.fd < 0)
			return &ctl->client[i];
	}
	c = &ctl->client[ctl->next_victim++ % CONTROL_MAX_CLIENTS];
	client_close(c);
	return c;
}

static void
client_open(struct control *ctl, int fd)
{
	struct control_client *c = place(ctl);

	*c = (struct control_client){ .src = { .fd = fd, .ready = client_ready }, .ctl = ctl };
	c->line = ut_calloc(1, CONTROL_MAX_LINE);
	if (c->line && !loop_add(ctl->loop, &c->src, EPOLLIN))
		return;
	free(c->line);
	c->line = NULL;
	c->src.fd = -1;
	close(fd);
}

static void
on_connect(struct loop_source *src, uint32_t events)
{
	struct listener *ln = ut_container_of(src, struct listener, src);
	int fd = listener_accept(ln);

	(void)events;
	if (fd >= 0)
		client_open(ut_container_of(ln, struct control, listener), fd);
}

int
control_open(struct control *ctl, const char *path, char *err, size_t errlen)
{
	int rc;

	for (uint32_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
		ctl->client[i].src.fd = -1;
	rc = listener_open(&ctl->listener, path, err, errlen);
	if (rc)
		return rc;
	ctl->listener.src.ready = on_connect;
	rc = loop_add(ctl->loop, &ctl->listener.src, EPOLLIN);
	if (rc)
		listener_close(&ctl->listener);
	return rc;
}

void
control_close(struct control *ctl)
{
	for (uint32_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
		client_close(&ctl->client[i]);
	loop_del(ctl->loop, &ctl->listener.src);
	listener_close(&ctl->listener);
}
