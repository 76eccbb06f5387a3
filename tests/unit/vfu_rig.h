/* SPDX-License-Identifier: BSD-3-Clause */
/* A vfio-user server around the fake SSD, and a client that writes the bytes of its messages itself. */
#pragma once
#include <linux/vfio.h>
#include "fake_ssd.h"
#include "front/vfu_server.h"

struct rig {
	struct loop loop;
	struct ssd_subsys *sub;
	struct ssd *ssd;
	struct vfu_server server;
	char dir[64], path[96];
	char err[256];
};

/* A reply as it came, in one piece. */
struct raw_reply {
	struct vfu_hdr hdr;
	uint8_t data[70000];
	uint32_t len; /* of data */
	int fd[8];
	uint32_t nfds;
};

int rig_open(void **state); /* cmocka setup and teardown; *state is a struct rig */
int rig_close(void **state);
int rig_sockets(struct rig *r); /* how many connections the server holds */

int raw_connect(struct rig *r);
/* Let the server work until it has nothing to do. */
void raw_pump(struct rig *r);
void raw_send(int sock, const void *buf, size_t len, const int *fds, uint32_t nfds);
/* One command with this payload; id 0 always, as the client in the field does. */
void raw_command(int sock, uint16_t cmd, const void *payload, uint32_t len, const int *fds, uint32_t nfds);
/* What the server says next, in one recvmsg: 1 got, 0 nothing, -1 the connection was closed. */
int raw_reply(struct rig *r, int sock, struct raw_reply *out);
/* Command and reply: 0 or the errno of the reply; fails the test when there is no proper reply. */
int raw_call(struct rig *r, int sock, uint16_t cmd, const void *payload, uint32_t len, struct raw_reply *out);
int raw_call_fds(struct rig *r, int sock, uint16_t cmd, const void *payload, uint32_t len, const int *fds,
		 uint32_t nfds, struct raw_reply *out);
/* Connect and agree on version 0.1 without JSON. */
int raw_attach(struct rig *r);
void raw_close_fds(struct raw_reply *rep);

int raw_map(struct rig *r, int sock, uint64_t addr, uint64_t size, uint64_t off, int fd);
int raw_unmap(struct rig *r, int sock, uint64_t addr, uint64_t size, uint32_t flags);
int raw_memfd(uint64_t size, bool sealed);
/* Open descriptors of this process: to see that none is left. */
int count_fds(void);
