/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Identify tells of several controllers, endurance groups, domains and command sets at once.
 * NVMe Base, "Identify command".
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include "nvproof/spec/id_ctrl.h"

/* Controller List, CNS 12h and 13h.  Ascending identifiers. */
#define NVME_CTRL_LIST_MAX 2047
struct nvme_ctrl_list {
	le16 num;
	le16 cntlid[NVME_CTRL_LIST_MAX];
};
static_assert(sizeof(struct nvme_ctrl_list) == NVME_ID_SIZE, "Controller List");

/* Primary Controller Capabilities, CNS 14h.  VQ: queue resources, VI: interrupt resources. */
struct nvme_primary_ctrl_cap {
	le16 cntlid, portid;
	uint8_t crt;
	uint8_t rsvd5[27];
	le32 vqfrt, vqrfa;
	le16 vqrfap, vqprt, vqfrsm, vqgran;
	uint8_t rsvd48[16];
	le32 vifrt, virfa;
	le16 virfap, viprt, vifrsm, vigran;
	uint8_t rsvd80[4016];
};
static_assert(sizeof(struct nvme_primary_ctrl_cap) == NVME_ID_SIZE, "Primary Controller Capabilities");
static_assert(offsetof(struct nvme_primary_ctrl_cap, vifrt) == 64, "VIFRT");

#define NVME_CRT_VQRS NVME_BITS(0, 0)
#define NVME_CRT_VIRS NVME_BITS(1, 1)

/* Secondary Controller List, CNS 15h. */
struct nvme_secondary_ctrl {
	le16 scid, pcid;
	uint8_t scs;
	uint8_t rsvd5[3];
	le16 vfn, nvq, nvi;
	uint8_t rsvd14[18];
};
static_assert(sizeof(struct nvme_secondary_ctrl) == 32, "Secondary Controller Entry");

#define NVME_SCS_ONLINE NVME_BITS(0, 0)
#define NVME_SECONDARY_CTRL_MAX 127
struct nvme_secondary_ctrl_list {
	uint8_t num;
	uint8_t rsvd1[31];
	struct nvme_secondary_ctrl sc[NVME_SECONDARY_CTRL_MAX];
};
static_assert(sizeof(struct nvme_secondary_ctrl_list) == NVME_ID_SIZE, "Secondary Controller List");

/* UUID List, CNS 17h.  The index in a command's UIDX is 1's based. */
struct nvme_uuid_entry {
	uint8_t header; /* NVME_UUID_IDASSOC */
	uint8_t rsvd1[15];
	uint8_t uuid[16]; /* big endian, as in RFC 4122 */
};
static_assert(sizeof(struct nvme_uuid_entry) == 32, "UUID List Entry");

#define NVME_UUID_IDASSOC NVME_BITS(1, 0)
#define NVME_UUID_MAX 127
struct nvme_uuid_list {
	uint8_t rsvd0[32];
	struct nvme_uuid_entry entry[NVME_UUID_MAX];
};
static_assert(sizeof(struct nvme_uuid_list) == NVME_ID_SIZE, "UUID List");

/* Endurance Group List, CNS 19h. */
#define NVME_ENDGRP_LIST_MAX 2047
struct nvme_endgrp_list {
	le16 num;
	le16 endgid[NVME_ENDGRP_LIST_MAX];
};
static_assert(sizeof(struct nvme_endgrp_list) == NVME_ID_SIZE, "Endurance Group List");

/* Domain List, CNS 18h. */
struct nvme_domain_attr {
	le16 domainid;
	uint8_t rsvd2[14];
	le64 domaincap[2], unallocdomaincap[2], maxegdomaincap[2];
	uint8_t rsvd64[64];
};
static_assert(sizeof(struct nvme_domain_attr) == 128, "Domain Attributes Entry");

#define NVME_DOMAIN_LIST_MAX 31
struct nvme_domain_list {
	uint8_t num;
	uint8_t rsvd1[127];
	struct nvme_domain_attr domain[NVME_DOMAIN_LIST_MAX];
};
static_assert(sizeof(struct nvme_domain_list) == NVME_ID_SIZE, "Domain List");

/* I/O Command Set data structure, CNS 1Ch: bit CSI of each vector says which sets may be enabled together. */
#define NVME_IOCS_COMBINATIONS 512
struct nvme_iocs {
	le64 iocsc[NVME_IOCS_COMBINATIONS];
};
static_assert(sizeof(struct nvme_iocs) == NVME_ID_SIZE, "I/O Command Set");

#define NVME_IOCSC_CSI(csi) NVME_BITS(csi, csi)
