/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of text over a socket to QEMU.  Every wait has a deadline, and whatever goes wrong is the end of the connection. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "bus/qemu_int.h"
#include "util/bits.h"
#include "util/clock.h"

/* A connection that failed once is out of step: an answer that comes late would be taken for that of the next request. */
static int
end(struct qemu_lines *l, int rc)
{
	l->dead = true;
	return rc;
}

/* Until fd is ready: 0, -ETIMEDOUT. */
static int
wait_for(const struct qemu_lines *l, short events, uint64_t until_ns)
{
	struct pollfd p = { .fd = l->fd, .events = events };
	int n;

	for (;;) {
		uint64_t now = ut_mono_ns();
		int ms = now >= until_ns ? 0 : (int)((until_ns - now) / 1000000) + 1;

		n = poll(&p, 1, ms);
		if (n > 0)
			return 0;
		if (n == 0 && !ms)
			return -ETIMEDOUT;
		if (n < 0 && errno != EINTR)
			return -EIO;
	}
}

static uint64_t
deadline(const struct qemu_lines *l)
{
	return ut_mono_ns() + l->timeout_ms * 1000000ull;
}

static ssize_t
send_some(const struct qemu_lines *l, const char *text, size_t len, int pass)
{
	union {
		struct cmsghdr hdr;
		char room[CMSG_SPACE(sizeof(int))];
	} ctl = { .hdr = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (pass >= 0) {
		memcpy(CMSG_DATA(&ctl.hdr), &pass, sizeof(pass));
		msg.msg_control = &ctl;
		msg.msg_controllen = sizeof(ctl.room);
	}
	return sendmsg(l->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int
qemu_lines_send(struct qemu_lines *l, const char *text, size_t len, int pass)
{
	uint64_t until = 0;

	if (l->dead)
		return -ENODEV;
	while (len) {
		ssize_t n = send_some(l, text, len, pass);

		if (n > 0) {
			text += n;
			len -= (size_t)n;
			pass = -1;
		} else if (n < 0 && errno == EAGAIN) {
			until = until ? until : deadline(l);
			if (wait_for(l, POLLOUT, until))
				return end(l, -ETIMEDOUT);
		} else if (n < 0 && errno != EINTR) {
			return end(l, -ENODEV);
		}
	}
	return 0;
}

/* More bytes behind those that there are. */
static int
fill(struct qemu_lines *l, uint64_t until)
{
	ssize_t n;

	if (l->begin) {
		memmove(l->buf, l->buf + l->begin, l->end - l->begin);
		l->end -= l->begin;
		l->begin = 0;
	}
	if (l->end == sizeof(l->buf))
		return end(l, -EPROTO);
	for (;;) {
		n = recv(l->fd, l->buf + l->end, sizeof(l->buf) - l->end, MSG_DONTWAIT);
		if (n > 0)
			break;
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return end(l, -ENODEV);
		if (wait_for(l, POLLIN, until))
			return end(l, -ETIMEDOUT);
	}
	l->end += (uint32_t)n;
	return 0;
}

int
qemu_lines_next(struct qemu_lines *l, char **line)
{
	uint64_t until = 0;
	uint32_t looked = l->begin;
	char *nl;
	int rc;

	if (l->dead)
		return -ENODEV;
	while (!(nl = memchr(l->buf + looked, '\n', l->end - looked))) {
		uint32_t had = l->end - l->begin;

		until = until ? until : deadline(l);
		rc = fill(l, until);
		if (rc)
			return rc;
		looked = l->begin + had;
	}
	*nl = '\0';
	*line = l->buf + l->begin;
	l->begin = (uint32_t)(nl - l->buf) + 1;
	if (nl > *line && nl[-1] == '\r')
		nl[-1] = '\0';
	return 0;
}
