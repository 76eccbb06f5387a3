/* SPDX-License-Identifier: BSD-3-Clause */
/* One message with descriptors over the socket between parent and worker. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define IOW_MSG_FDS 250u /* the kernel passes 253 at most */

/* Worker to parent, one byte each. */
#define IOW_SAYS_STARTED 'S'
#define IOW_SAYS_ENDED 'E'

/* 0, or a negative errno (-EPIPE: the other end is gone).  Never blocks for long: the socket's buffer takes it. */
int iow_msg_send(int sock, const void *msg, size_t len, const int *fds, uint32_t nfds);
/*
 * Waits at most `ms`.  Exactly len bytes, or -EPROTO; fds[] gets up to IOW_MSG_FDS descriptors, close-on-exec, the
 * caller's to close.  -ETIMEDOUT, -EPIPE.
 */
int iow_msg_recv(int sock, void *msg, size_t len, int *fds, uint32_t *nfds, int ms);
