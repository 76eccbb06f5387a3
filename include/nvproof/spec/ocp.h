/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log C0h of the Open Compute Project's Datacenter NVMe SSD specification 2.0: "SMART / Health Information Extended".  A drive has it
 * when the last 16 bytes are its GUID.  Fields without their natural alignment are bytes, the lowest first.
 */
#pragma once
#include "nvproof/spec/types.h"

#define OCP_LOG_SMART 0xc0u
#define OCP_SMART_VERSION 3u
#define OCP_SHARED_RAW 0xffffffffffffull /* bad system blocks: they are not apart from those of the user */
#define OCP_SHARED_NORMALIZED 0xffffu
#define OCP_NO_CAPACITOR 0xffffu

/* AFD514C9-7C6F-4F9C-A4F2-BFEA2810AFC5h, the lowest byte first */
#define OCP_SMART_GUID                                                                                         \
	{                                                                                                      \
		0xc5, 0xaf, 0x10, 0x28, 0xea, 0xbf, 0xf2, 0xa4, 0x9c, 0x4f, 0x6f, 0x7c, 0xc9, 0x14, 0xd5, 0xaf \
	}

struct ocp_smart_log {
	le64 written[2], read[2]; /* physical media units, in bytes; low half first */
	uint8_t bad_user_raw[6];
	le16 bad_user_normalized; /* percent of what may be bad, left */
	uint8_t bad_system_raw[6];
	le16 bad_system_normalized;
	le64 xor_recoveries, uncorrectable_reads, soft_ecc_errors;
	le32 e2e_detected, e2e_corrected;
	uint8_t system_used; /* percent */
	uint8_t refreshes[7];
	le32 erases_max, erases_min; /* of a block */
	uint8_t throttlings, throttled; /* events; 0h: not now, 1h, 2h: the level */
	uint8_t errata, point[2], minor[2], major; /* of the specification of this log */
	le64 pcie_errors;
	le32 incomplete_shutdowns;
	uint8_t rsvd116[4];
	uint8_t free_blocks; /* percent */
	uint8_t rsvd121[7];
	le16 capacitor; /* percent */
	uint8_t nvme_errata, cmdset_errata, rsvd132[4];
	le64 unaligned; /* writes of less than the drive's unit */
	le64 security_version, nuse; /* in LBAs, of all namespaces */
	le64 plp_starts[2]; /* the capacitor was needed */
	le64 endurance[2]; /* bytes that can be written at a write amplification of 1 */
	le64 link_retrainings, power_state_changes;
	uint8_t rsvd208[286];
	uint8_t version[2];
	uint8_t guid[16];
};
static_assert(sizeof(struct ocp_smart_log) == 512, "log C0h");
static_assert(offsetof(struct ocp_smart_log, bad_user_raw) == 32, "bad blocks");
static_assert(offsetof(struct ocp_smart_log, xor_recoveries) == 48, "XOR recoveries");
static_assert(offsetof(struct ocp_smart_log, system_used) == 80, "percent used");
static_assert(offsetof(struct ocp_smart_log, erases_max) == 88, "erases");
static_assert(offsetof(struct ocp_smart_log, major) == 103, "version of the specification");
static_assert(offsetof(struct ocp_smart_log, incomplete_shutdowns) == 112, "incomplete shutdowns");
static_assert(offsetof(struct ocp_smart_log, free_blocks) == 120, "percent free blocks");
static_assert(offsetof(struct ocp_smart_log, capacitor) == 128, "capacitor health");
static_assert(offsetof(struct ocp_smart_log, unaligned) == 136, "unaligned I/O");
static_assert(offsetof(struct ocp_smart_log, plp_starts) == 160, "PLP start count");
static_assert(offsetof(struct ocp_smart_log, power_state_changes) == 200, "power state changes");
static_assert(offsetof(struct ocp_smart_log, guid) == 496, "GUID");
