/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands between a command and its handler: a sanitize operation, write protection, a reservation.  While none of them is
 * there an I/O command pays one test of a byte for it.
 */
#pragma once
#include "ssd/ssd_int.h"

/* exec.c: an I/O command whose namespace has a gate bit, or that has no namespace (Flush of all). */
nvme_status ssd_gate_io(struct ssd_cmd *c);
/* After it: what a write that was done ends. */
void ssd_gate_io_done(struct ssd_cmd *c, nvme_status st);
/* Each admin command, after the checks that all share. */
nvme_status ssd_gate_admin(struct ssd_cmd *c);
