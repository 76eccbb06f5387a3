/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Namespace Management: the data of a create operation.  The fields of the command are in cmd.h; Namespace Attachment takes a
 * Controller List (id_lists.h).
 *
 * NVMe Base 2.1, "Namespace Management command"; NVM Command Set 1.1, "Namespace Management command", figure "Host Software
 * Specified Fields".
 */
#pragma once

#include "nvproof/spec/types.h"

/* Each field is where Identify Namespace has it. */
struct nvme_ns_create {
	le64 nsze, ncap; /* logical blocks of the format that FLBAS names */
	uint8_t rsvd16[10];
	uint8_t flbas;
	uint8_t rsvd27[2];
	uint8_t dps, nmic;
	uint8_t rsvd31[61];
	le32 anagrpid;
	uint8_t rsvd96[4];
	le16 nvmsetid, endgid;
	uint8_t rsvd104[280];
	le64 lbstm; /* byte 384: of the I/O command set */
	le16 nphndls;
	uint8_t rsvd394[118];
	le16 phndl[128]; /* reclaim unit handles, by placement handle */
	uint8_t rsvd768[3328];
};
static_assert(sizeof(struct nvme_ns_create) == 4096, "Namespace Management, create");
static_assert(offsetof(struct nvme_ns_create, flbas) == 26, "FLBAS");
static_assert(offsetof(struct nvme_ns_create, nmic) == 30, "NMIC");
static_assert(offsetof(struct nvme_ns_create, anagrpid) == 92, "ANAGRPID");
static_assert(offsetof(struct nvme_ns_create, lbstm) == 384, "LBSTM");
static_assert(offsetof(struct nvme_ns_create, phndl) == 512, "Placement Handle list");
