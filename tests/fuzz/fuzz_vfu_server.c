/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzzing the vfio-user server: the input is what a client writes on the socket.  Its first byte is flags: 1: a version
 * exchange has been done before, 2: a descriptor comes with every message, 4: the bytes come in small pieces.
 *
 * The fake SSD stands behind the server, so that what is found is the server's.  After each input the client goes, and nothing
 * of it may be left.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "../unit/fake_ssd.h"
#include "front/vfu_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop loop;
static struct vfu_server server;
static int memory = -1;

static void
start(void)
{
	struct ssd_config cfg = { .nr_ns = 0 };
	struct ssd_subsys *sub;
	char err[256] = "";

	memory = memfd_create("fuzz", MFD_CLOEXEC);
	if (memory < 0 || ftruncate(memory, 2 << 20) || dma_guard() || loop_init(&loop) ||
	    ssd_subsys_open(&cfg, &sub, err, sizeof(err)) ||
	    vfu_server_open(&server, &loop, sub, NULL, err, sizeof(err)))
		abort();
}

static void
pump(void)
{
	for (int i = 0; i < 3; i++) {
		loop.active_ns = 0;
		loop_once(&loop, 0);
	}
}

/* Read the answers away, and close what comes with them. */
static void
drain(int sock)
{
	static uint8_t scrap[1 << 16];
	struct vfu_fds fds = { .n = 0 };

	while (vfu_recv_some(sock, scrap, sizeof(scrap), &fds) > 0)
		vfu_fds_close(&fds);
}

static void
handshake(int sock)
{
	static const uint8_t version[20] = { 0, 0, 1, 0, 20, [18] = 1 };

	vfu_send_some(sock, version, sizeof(version), NULL, 0);
	pump();
	drain(sock);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t flags = size ? data[0] : 0, b[64];
	int pair[2];

	if (memory < 0)
		start();
	if (!size || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return 0;
	if (vfu_server_adopt(&server, pair[1]))
		abort();
	if (flags & 1)
		handshake(pair[0]);
	for (size_t at = 1; at < size;) {
		size_t n = flags & 4 ? 5 : size - at;
		ssize_t sent;

		if (n > size - at)
			n = size - at;
		sent = vfu_send_some(pair[0], data + at, n, &memory, (flags & 2) != 0);
		at += sent > 0 ? (size_t)sent : size;
		pump();
		drain(pair[0]);
	}
	/* The device at work: whatever was mapped is touched. */
	for (uint32_t i = 0; i < server.dma.n; i++) {
		server.ssd->ops->mem_read(&server, server.dma.map[i].addr, b, sizeof(b));
		server.ssd->ops->mem_write(&server, server.dma.map[i].addr, b, sizeof(b));
	}
	server.ssd->ops->irq(&server, 0);
	close(pair[0]);
	pump();
	if (server.client || server.dma.n || loop.attached)
		abort();
	return 0;
}
