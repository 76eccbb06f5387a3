/* SPDX-License-Identifier: BSD-3-Clause */
/* A listening UNIX socket: private, replaced when its server is dead, refused when it lives, removed at the end. */
#pragma once
#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>
#include "front/loop.h"

struct listener {
	struct loop_source src;
	int spare; /* given up when descriptors run out */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	dev_t dev; /* what we made: removed only if it is still that */
	ino_t ino;
};

/*
 * Bind (mode 0600) and listen.  -EADDRINUSE: a live server is there, or a file that is not a socket; -ENAMETOOLONG; -errno.
 * err gets a line that says what to do.
 */
int listener_open(struct listener *ln, const char *path, char *err, size_t errlen);
void listener_close(struct listener *ln); /* removes the socket */
/* A new connection, non-blocking, or -errno. */
int listener_accept(struct listener *ln);
