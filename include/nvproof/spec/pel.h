/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LID 0Dh, the Persistent Event log: a header, and events one after the other.
 *
 * NVMe Base 2.1, "Persistent Event Log", and its sections on each event.
 * Nothing in it is aligned beyond 4 bytes: a quadword is a pair of dwords or four words, the low one first.
 */
#pragma once

#include "nvproof/spec/types.h"

/* LSP of Get Log Page */
enum nvme_pel_action {
	NVME_PEL_READ = 0,
	NVME_PEL_ESTABLISH = 1, /* the reporting context, and read */
	NVME_PEL_RELEASE = 2,
	NVME_PEL_ESTABLISH_HDR = 3, /* the reporting context, or the one that there is, and read its header */
};
#define NVME_PEL_LSP_ACTION NVME_BITS(1, 0)

/* In the Supported Log Pages log, LIDSP of this log */
#define NVME_PEL_LIDSP_ECRH NVME_BITS(0, 0)

struct nvme_pel_hdr {
	uint8_t lid;
	uint8_t rsvd1[3];
	le32 tnev; /* events */
	le32 tll[2]; /* bytes, this header included */
	uint8_t lrev;
	uint8_t rsvd17;
	le16 lhl; /* length of the rest of the header */
	le32 ts[2]; /* as struct nvme_timestamp */
	le32 poh[4];
	le32 pcc[2];
	le16 vid, ssvid;
	char sn[20], mn[40];
	char subnqn[256];
	le16 gnum;
	le16 rci[2];
	uint8_t rsvd378[102];
	uint8_t seb[32]; /* a bit for each supported event type */
};
static_assert(sizeof(struct nvme_pel_hdr) == 512, "Persistent Event log header");
static_assert(offsetof(struct nvme_pel_hdr, gnum) == 372, "GNUM");
static_assert(offsetof(struct nvme_pel_hdr, seb) == 480, "SEB");

#define NVME_PEL_LHL (sizeof(struct nvme_pel_hdr) - 20)
#define NVME_PEL_RCI_RCE NVME_BITS(18, 18) /* a reporting context was there already */

struct nvme_pel_event {
	uint8_t etype, etrev;
	uint8_t ehl; /* of the header, from its fourth byte on */
	uint8_t ehai;
	le16 cntlid;
	le16 ets[4]; /* as struct nvme_timestamp */
	le16 pelpid;
	uint8_t rsvd16[4];
	le16 vsil;
	le16 el; /* of what follows the header */
};
static_assert(sizeof(struct nvme_pel_event) == 24, "event header");
#define NVME_PEL_EHL (sizeof(struct nvme_pel_event) - 3)

enum nvme_pel_type {
	NVME_PEL_SMART = 0x01, /* data: struct nvme_smart_log */
	NVME_PEL_FW_COMMIT = 0x02,
	NVME_PEL_TIMESTAMP = 0x03,
	NVME_PEL_RESET = 0x04,
	NVME_PEL_HW_ERROR = 0x05,
	NVME_PEL_NS_CHANGE = 0x06,
	NVME_PEL_FORMAT_START = 0x07,
	NVME_PEL_FORMAT_DONE = 0x08,
	NVME_PEL_SANITIZE_START = 0x09,
	NVME_PEL_SANITIZE_DONE = 0x0a,
	NVME_PEL_SET_FEATURE = 0x0b,
	NVME_PEL_TELEMETRY = 0x0c, /* data: struct nvme_telemetry_log */
	NVME_PEL_THERMAL = 0x0d,
	NVME_PEL_MEDIA_VERIF = 0x0e,
	NVME_PEL_VENDOR = 0xde,
	NVME_PEL_TCG = 0xdf,
};

struct nvme_pel_fw_commit {
	char ofr[8], nfr[8];
	uint8_t fca, fslt;
	uint8_t sct, sc;
	le16 vafcrc;
};
static_assert(sizeof(struct nvme_pel_fw_commit) == 22, "Firmware Commit event");

struct nvme_pel_timestamp {
	le32 ptstp[2]; /* what it was */
	le32 msr[2]; /* ms since the reset */
};
static_assert(sizeof(struct nvme_pel_timestamp) == 16, "Timestamp Change event");

/* A Power-on or Reset event is the firmware revision (8 bytes), and one of these for each controller. */
struct nvme_pel_reset {
	le16 cid;
	uint8_t fwact;
	uint8_t opip;
	uint8_t rsvd4[12];
	le32 cpc; /* power cycles */
	le32 poms[2]; /* ms of power on */
	le32 cts[2];
};
static_assert(sizeof(struct nvme_pel_reset) == 36, "Controller Reset Information");

struct nvme_pel_hw_error {
	le16 code;
	uint8_t rsvd2[2];
};
enum nvme_pel_hw_error_code {
	NVME_PEL_HW_CRITICAL_WARNING = 0x06,
	NVME_PEL_HW_UNSAFE_SHUTDOWN = 0x08,
	NVME_PEL_HW_FATAL = 0x09, /* CSTS.CFS */
};

struct nvme_pel_ns_change {
	le32 cdw10;
	uint8_t rsvd4[4];
	le64 nsze;
	uint8_t rsvd16[8];
	le64 ncap;
	uint8_t flbas, dps, nmic, rsvd35;
	le32 anagrpid;
	le16 nvmsetid;
	uint8_t rsvd42[2];
	le32 nsid;
};
static_assert(sizeof(struct nvme_pel_ns_change) == 48, "Change Namespace event");

struct nvme_pel_format_start {
	le32 nsid;
	uint8_t fna, rsvd5[3];
	le32 cdw10;
};
struct nvme_pel_format_done {
	le32 nsid;
	uint8_t sfpi; /* smallest format progress indicator */
	uint8_t fnvms; /* 0: done */
	le16 ci;
	le32 sf; /* status field */
};
static_assert(sizeof(struct nvme_pel_format_start) == 12 && sizeof(struct nvme_pel_format_done) == 12, "Format events");

struct nvme_pel_sanitize_start {
	le32 sanicap, cdw10, cdw11;
};
struct nvme_pel_sanitize_done {
	le16 sprog, sstat, ci;
	uint8_t rsvd6[2];
};
static_assert(sizeof(struct nvme_pel_sanitize_done) == 8, "Sanitize Completion event");

struct nvme_pel_thermal {
	uint8_t otmp; /* K between the threshold and the temperature */
	uint8_t thresh; /* NVME_PEL_THRESH_* */
};
enum nvme_pel_thresh {
	NVME_PEL_THRESH_WCTEMP = 0x01,
	NVME_PEL_THRESH_CCTEMP = 0x02,
	NVME_PEL_THRESH_TMT1 = 0x03,
	NVME_PEL_THRESH_TMT2 = 0x04,
	NVME_PEL_THRESH_NORMAL = 0x88,
	NVME_PEL_THRESH_UNDER = 0xb0,
};
