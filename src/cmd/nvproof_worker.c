/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvproof-worker: one ioworker.  Not for people: the library starts it with a socket as descriptor 3, over which it gets a
 * queue pair, memory and a plan, and it ends with its parent.
 */
#include <stdio.h>
#include <sys/socket.h>
#include "ioworker/child.h"
#include "ioworker/launch.h"

static int
is_socket(int fd)
{
	int type;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

int
main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1 || !is_socket(IOW_CHILD_SOCK)) {
		fprintf(stderr, "nvproof-worker is started by libnvproof (ioworker), not by hand\n");
		return 2;
	}
	return iow_child(IOW_CHILD_SOCK);
}
