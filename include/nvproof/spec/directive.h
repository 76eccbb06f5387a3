/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Directives: what Directive Send and Directive Receive carry.  The fields of the commands are NVME_DIRECTIVE_* in cmd.h, the
 * types NVME_DTYPE_* in nvm.h.
 *
 * NVMe Base 2.2, "Directives", "Identify (Directive Type 00h)", "Streams (Directive Type 01h)".
 */
#pragma once

#include "nvproof/spec/types.h"

/* DOPER.  Receive and Send count for themselves. */
enum {
	NVME_DIR_RECV_ID_PARAMS = 0x01,
	NVME_DIR_SEND_ID_ENABLE = 0x01,
	NVME_DIR_RECV_STREAMS_PARAMS = 0x01,
	NVME_DIR_RECV_STREAMS_STATUS = 0x02,
	NVME_DIR_RECV_STREAMS_ALLOC = 0x03,
	NVME_DIR_SEND_STREAMS_RELEASE_ID = 0x01,
	NVME_DIR_SEND_STREAMS_RELEASE_RES = 0x02,
};

/* Enable Directive, CDW12 */
#define NVME_DIR_ENABLE_ENDIR NVME_BIT(0)
#define NVME_DIR_ENABLE_DTYPE NVME_BITS(15, 8)

/* Allocate Resources, CDW12; and DW0 of its completion */
#define NVME_DIR_ALLOC_NSR NVME_BITS(15, 0)
#define NVME_DIR_ALLOC_NSA NVME_BITS(15, 0)

/* Identify: Return Parameters.  A bit for each directive type. */
struct nvme_dir_id_params {
	uint8_t supported[32];
	uint8_t enabled[32];
	uint8_t persistent[32]; /* over Controller Level Resets */
	uint8_t rsvd96[4000];
};
static_assert(sizeof(struct nvme_dir_id_params) == 4096, "Identify directive, return parameters");

/* Streams: Return Parameters. */
struct nvme_dir_streams_params {
	le16 msl, nssa, nsso; /* of the subsystem */
	uint8_t nssc;
	uint8_t rsvd7[9];
	le32 sws; /* in logical blocks */
	le16 sgs; /* in SWS */
	le16 nsa, nso; /* of the namespace, and of the host */
	uint8_t rsvd26[6];
};
static_assert(sizeof(struct nvme_dir_streams_params) == 32, "Streams directive, return parameters");
static_assert(offsetof(struct nvme_dir_streams_params, sws) == 16, "SWS");

#define NVME_DIR_NSSC_SSID NVME_BIT(0)
#define NVME_DIR_NSSC_SRNZID NVME_BIT(1)

/* Streams: Get Status.  Ascending; as many as there are. */
struct nvme_dir_streams_status {
	le16 osc;
	le16 sid[];
};
static_assert(sizeof(struct nvme_dir_streams_status) == 2, "Streams directive, status");
