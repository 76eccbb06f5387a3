/* SPDX-License-Identifier: BSD-3-Clause */
/* The raw client and the server that it talks to, in one thread. */
#include "vfu_rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

int
rig_open(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct ssd_config cfg = { .nr_ns = 0 };

	strcpy(r->dir, "/tmp/vfu-rig-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->path, sizeof(r->path), "%s/s", r->dir);
	assert_int_equal(dma_guard(), 0);
	assert_int_equal(loop_init(&r->loop), 0);
	assert_int_equal(ssd_subsys_open(&cfg, &r->sub, r->err, sizeof(r->err)), 0);
	assert_int_equal(vfu_server_open(&r->server, &r->loop, r->sub, r->path, r->err, sizeof(r->err)), 0);
	r->ssd = r->server.ssd;
	*state = r;
	return 0;
}

int
rig_close(void **state)
{
	struct rig *r = *state;

	vfu_server_close(&r->server);
	ssd_subsys_close(r->sub);
	loop_fini(&r->loop);
	assert_int_equal(access(r->path, F_OK), -1);
	assert_int_equal(rmdir(r->dir), 0);
	free(r);
	return 0;
}

int
rig_sockets(struct rig *r)
{
	int n = 0;

	for (uint32_t i = 0; i < SERVER_MAX_CONNS; i++)
		n += r->server.conn[i].src.fd >= 0;
	return n;
}

int
count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

void
raw_pump(struct rig *r)
{
	for (int i = 0; i < 8; i++) {
		r->loop.active_ns = 0; /* look at the sockets now, and do not sleep */
		loop_once(&r->loop, 0);
	}
}

int
raw_connect(struct rig *r)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(sa.sun_path, r->path);
	assert_int_equal(connect(sock, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return sock;
}

void
raw_send(int sock, const void *buf, size_t len, const int *fds, uint32_t nfds)
{
	assert_int_equal(vfu_send_some(sock, buf, len, fds, nfds), len);
}

void
raw_command(int sock, uint16_t cmd, const void *payload, uint32_t len, const int *fds, uint32_t nfds)
{
	struct vfu_hdr hdr = { .cmd = cmd, .size = (uint32_t)sizeof(hdr) + len };
	uint8_t *msg = malloc(hdr.size);

	memcpy(msg, &hdr, sizeof(hdr));
	if (len)
		memcpy(msg + sizeof(hdr), payload, len);
	raw_send(sock, msg, hdr.size, fds, nfds);
	free(msg);
}

int
raw_reply(struct rig *r, int sock, struct raw_reply *out)
{
	struct vfu_fds fds = { .n = 0 };
	uint8_t *msg = malloc(sizeof(out->hdr) + sizeof(out->data));
	ssize_t n;

	raw_pump(r);
	n = vfu_recv_some(sock, msg, sizeof(out->hdr) + sizeof(out->data), &fds);
	if (n <= 0) {
		free(msg);
		return n == -EAGAIN ? 0 : -1;
	}
	memset(out, 0, sizeof(*out));
	memcpy(&out->hdr, msg, sizeof(out->hdr));
	assert_int_equal(n, out->hdr.size);
	out->len = (uint32_t)n - (uint32_t)sizeof(out->hdr);
	memcpy(out->data, msg + sizeof(out->hdr), out->len);
	assert_in_range(fds.n, 0, 8);
	out->nfds = fds.n;
	memcpy(out->fd, fds.fd, fds.n * sizeof(int));
	free(msg);
	return 1;
}

int
raw_call_fds(struct rig *r, int sock, uint16_t cmd, const void *payload, uint32_t len, const int *fds, uint32_t nfds,
	     struct raw_reply *out)
{
	struct raw_reply *rep = out ? out : malloc(sizeof(*rep));
	int err;

	raw_command(sock, cmd, payload, len, fds, nfds);
	assert_int_equal(raw_reply(r, sock, rep), 1);
	assert_int_equal(rep->hdr.id, 0);
	assert_int_equal(rep->hdr.cmd, cmd);
	assert_int_equal(rep->hdr.flags & VFU_F_TYPE, VFU_F_REPLY);
	err = rep->hdr.flags & VFU_F_ERROR ? (int)rep->hdr.error : 0;
	if (rep->hdr.flags & VFU_F_ERROR) {
		assert_int_not_equal(err, 0);
		assert_int_equal(rep->hdr.size, sizeof(rep->hdr));
	}
	if (!out) {
		raw_close_fds(rep);
		free(rep);
	}
	return err;
}

int
raw_call(struct rig *r, int sock, uint16_t cmd, const void *payload, uint32_t len, struct raw_reply *out)
{
	return raw_call_fds(r, sock, cmd, payload, len, NULL, 0, out);
}

void
raw_close_fds(struct raw_reply *rep)
{
	for (uint32_t i = 0; i < rep->nfds; i++)
		close(rep->fd[i]);
	rep->nfds = 0;
}

int
raw_attach(struct rig *r)
{
	struct vfu_version v = { .major = 0, .minor = 1 };
	int sock = raw_connect(r);

	assert_int_equal(raw_call(r, sock, VFU_VERSION, &v, sizeof(v), NULL), 0);
	return sock;
}

int
raw_map(struct rig *r, int sock, uint64_t addr, uint64_t size, uint64_t off, int fd)
{
	struct vfu_dma_map m = {
		.argsz = sizeof(m), .flags = VFU_DMA_F_READ | VFU_DMA_F_WRITE, .offset = off, .addr = addr, .size = size
	};

	return raw_call_fds(r, sock, VFU_DMA_MAP, &m, sizeof(m), &fd, fd >= 0, NULL);
}

int
raw_unmap(struct rig *r, int sock, uint64_t addr, uint64_t size, uint32_t flags)
{
	struct vfu_dma_unmap u = { .argsz = sizeof(u), .flags = flags, .addr = addr, .size = size };

	return raw_call(r, sock, VFU_DMA_UNMAP, &u, sizeof(u), NULL);
}

int
raw_memfd(uint64_t size, bool sealed)
{
	int fd = memfd_create("rig", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	if (sealed)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	return fd;
}
