/* SPDX-License-Identifier: BSD-3-Clause */
/* Moving vfio-user messages and their descriptors over a UNIX stream socket. */
#include "proto/vfu.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include "util/clock.h"

/* Room for all that the kernel passes at once: with less it would close descriptors behind our back. */
union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(VFU_MAX_FDS * sizeof(int))];
};

void
vfu_fds_close(struct vfu_fds *fds)
{
	for (uint32_t i = 0; i < fds->n; i++) {
		if (fds->fd[i] >= 0)
			close(fds->fd[i]);
	}
	fds->n = 0;
	fds->lost = false;
}

int
vfu_fds_take(struct vfu_fds *fds, uint32_t i)
{
	int fd = -1;

	if (i < fds->n) {
		fd = fds->fd[i];
		fds->fd[i] = -1;
	}
	return fd;
}

static ssize_t
socket_error(int err)
{
	if (err == EAGAIN || err == EWOULDBLOCK || err == EINTR)
		return -EAGAIN;
	if (err == EPIPE || err == ECONNRESET || err == ENOTCONN)
		return -ENODEV;
	return -err;
}

ssize_t
vfu_send_some(int sock, const void *buf, size_t len, const int *fds, uint32_t nfds)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control ctl;
	ssize_t n;

	if (nfds > VFU_MAX_FDS)
		return -EINVAL;
	if (nfds) {
		struct cmsghdr *c = &ctl.align;

		memset(&ctl, 0, sizeof(ctl));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
		msg.msg_control = &ctl;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
	}
	n = sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n < 0 ? socket_error(errno) : n;
}

/* Keep what fits; without a place to keep them they are not wanted. */
static void
collect_fds(const struct cmsghdr *c, struct vfu_fds *fds)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int fd;

	for (size_t i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
		if (fds && fds->n < VFU_MAX_FDS) {
			fds->fd[fds->n++] = fd;
			continue;
		}
		close(fd);
		if (fds)
			fds->lost = true;
	}
}

ssize_t
vfu_recv_some(int sock, void *buf, size_t len, struct vfu_fds *fds)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	union control ctl;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = sizeof(ctl) };
	ssize_t n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return socket_error(errno);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			collect_fds(c, fds);
	}
	if (fds && (msg.msg_flags & MSG_CTRUNC))
		fds->lost = true; /* this process may not open that many */
	return n ? n : -ENODEV;
}

/* Until the socket is ready: 0, -ETIMEDOUT.  A hang-up counts as ready; the next call tells. */
static int
wait_ready(int sock, short events, uint64_t deadline_ns)
{
	struct pollfd p = { .fd = sock, .events = events };

	for (;;) {
		uint64_t now = ut_mono_ns();
		struct timespec ts;
		int rc;

		if (now >= deadline_ns)
			return -ETIMEDOUT;
		ts.tv_sec = (time_t)((deadline_ns - now) / 1000000000u);
		ts.tv_nsec = (long)((deadline_ns - now) % 1000000000u);
		rc = ppoll(&p, 1, &ts, NULL);
		if (rc > 0)
			return 0;
		if (rc < 0 && errno != EINTR)
			return -errno;
	}
}

int
vfu_send(int sock, const void *buf, size_t len, const int *fds, uint32_t nfds, uint64_t deadline_ns)
{
	const char *p = buf;
	int rc;

	while (len) {
		ssize_t n = vfu_send_some(sock, p, len, fds, nfds);

		if (n == -EAGAIN) {
			rc = wait_ready(sock, POLLOUT, deadline_ns);
			if (rc)
				return rc;
			continue;
		}
		if (n < 0)
			return (int)n;
		p += n;
		len -= (size_t)n;
		nfds = 0;
	}
	return 0;
}

int
vfu_recv(int sock, void *buf, size_t len, struct vfu_fds *fds, uint64_t deadline_ns, size_t *done)
{
	size_t have = 0;
	int rc = 0;

	while (have < len && !rc) {
		ssize_t n = vfu_recv_some(sock, (char *)buf + have, len - have, fds);

		if (n > 0)
			have += (size_t)n;
		else
			rc = n == -EAGAIN ? wait_ready(sock, POLLIN, deadline_ns) : (int)n;
	}
	if (done)
		*done = have;
	return rc;
}
