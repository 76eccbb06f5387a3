/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors over a UNIX socket: unix(7), SCM_RIGHTS. */
#include "ioworker/msg.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "util/clock.h"

union control {
	char buf[CMSG_SPACE(IOW_MSG_FDS * sizeof(int))];
	struct cmsghdr align;
};

int
iow_msg_send(int sock, const void *msg, size_t len, const int *fds, uint32_t nfds)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)msg, .iov_len = len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control c;
	struct cmsghdr *h;
	ssize_t n;

	if (nfds > IOW_MSG_FDS)
		return -E2BIG;
	if (nfds) {
		memset(&c, 0, sizeof(c));
		m.msg_control = c.buf;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(h), fds, nfds * sizeof(int));
	}
	do
		n = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return (size_t)n == len ? 0 : -EPROTO;
}

/* Interrupted waits go on; the deadline holds. */
static int
wait_readable(int sock, int ms)
{
	uint64_t end = ut_mono_ns() + (uint64_t)ms * 1000000u, now = 0;
	struct pollfd p = { .fd = sock, .events = POLLIN };
	int rc;

	do {
		now = ut_mono_ns();
		rc = poll(&p, 1, now < end ? (int)((end - now) / 1000000u) : 0);
	} while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return -errno;
	return rc ? 0 : -ETIMEDOUT;
}

static void
take_fds(struct msghdr *m, int *fds, uint32_t *nfds)
{
	struct cmsghdr *h;
	size_t n;

	for (h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds + *nfds, CMSG_DATA(h), n * sizeof(int));
		*nfds += (uint32_t)n;
	}
}

int
iow_msg_recv(int sock, void *msg, size_t len, int *fds, uint32_t *nfds, int ms)
{
	struct iovec iov = { .iov_base = msg, .iov_len = len };
	union control c;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.buf, .msg_controllen = sizeof(c.buf) };
	uint32_t i;
	ssize_t n;
	int rc;

	*nfds = 0;
	rc = wait_readable(sock, ms);
	if (rc)
		return rc;
	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	if (n == 0)
		return -EPIPE;
	take_fds(&m, fds, nfds);
	if ((size_t)n == len && !(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return 0;
	for (i = 0; i < *nfds; i++)
		close(fds[i]);
	*nfds = 0;
	return -EPROTO;
}
