/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is strange about a device, as data.  Functions return a negative errno for trouble on the host's side; a
 * command's status is in its CQE; and what no command explains (a stray completion, an all-ones register) is an event
 * here.
 */
#pragma once
#include <stdint.h>
#include "nvproof/spec/cmd.h"
#include "nvproof/spec/names.h"

enum nvp_event_kind {
	NVP_EVENT_TIMEOUT, /* no completion within the deadline; cqe is the host-made one */
	NVP_EVENT_UNEXPECTED_CID, /* completion for a command that was not outstanding */
	NVP_EVENT_LATE_CQE, /* completion of a command that had timed out */
	NVP_EVENT_BAD_SQID, /* CQE.SQID is not a queue of this CQ */
	NVP_EVENT_BAD_SQHD, /* CQE.SQHD is outside the queue */
	NVP_EVENT_GONE, /* a register read as all ones, or the transport was lost */
	NVP_EVENT_FATAL, /* CSTS.CFS */
};

struct nvp_event {
	enum nvp_event_kind kind;
	uint16_t qid;
	uint64_t time_ns; /* CLOCK_MONOTONIC, or virtual */
	struct nvme_cqe cqe;
};

/* The kind in words, e.g. "unexpected cid". */
const char *nvp_event_name(enum nvp_event_kind kind);
