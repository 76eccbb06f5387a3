/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a worker's process. */
#pragma once

/* Serve one plan from the parent on the other end of sock.  Returns the exit status. */
int iow_child(int sock);
