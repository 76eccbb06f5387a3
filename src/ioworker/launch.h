/* SPDX-License-Identifier: BSD-3-Clause */
/* Start the worker's program. */
#pragma once
#include <sys/types.h>

#define IOW_CHILD_SOCK 3 /* the worker's end of the socket */

/*
 * Start `nvproof-worker` with a socket to it.  It is in a process group of its own, so that Ctrl-C in the terminal is the
 * parent's to decide about, and gets no other descriptor than stdout, stderr and the socket.
 * 0: *pid and *sock are the caller's.  -ENOENT: the program was not found; -ENOMEM, or what the kernel said; *why is a sentence.
 */
int iow_spawn(pid_t *pid, int *sock, const char **why);
