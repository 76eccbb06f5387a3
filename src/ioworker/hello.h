/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a parent sends to its worker, once.  The descriptors come in this order: shared mapping, doorbells, regions, and the
 * verification table if there is one.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "host/share.h"
#include "ioworker/msg.h"
#include "util/clock.h"

#define IOW_HELLO_REGIONS 16u /* rings, lists, log and data of one queue pair lie in at most 5 */
#define IOW_HELLO_FDS (3u + IOW_HELLO_REGIONS)
_Static_assert(IOW_HELLO_FDS <= IOW_MSG_FDS, "one message");

struct iow_hello {
	uint64_t magic; /* IOW_MAGIC */
	uint64_t shared_len;
	int32_t parent; /* process id */
	uint32_t nregions;
	uint32_t verify; /* 1: there is a table */
	struct ut_clock_base clock;
	struct nvp_qpair_share qpair;
	struct {
		uint64_t iova, len;
	} region[IOW_HELLO_REGIONS];
};
