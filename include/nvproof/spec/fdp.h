/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flexible Data Placement: log pages, the events feature, and I/O Management.  The fields of the features are NVME_FEAT_FDP* in
 * feat.h, the placement identifier of a write is NVME_RW_DSPEC in nvm.h, the handles of a new namespace are in ns_mgmt.h.
 *
 * NVMe Base 2.2, "Flexible Data Placement", "FDP Configurations", "Reclaim Unit Handle Usage", "FDP Statistics", "FDP Events",
 * "I/O Management Receive command", "I/O Management Send command".
 */
#pragma once

#include "nvproof/spec/types.h"

enum { /* RUHT */
       NVME_RUHT_INITIALLY_ISOLATED = 1,
       NVME_RUHT_PERSISTENTLY_ISOLATED = 2,
};

struct nvme_fdp_ruh_desc {
	uint8_t ruht;
	uint8_t rsvd1[3];
};
static_assert(sizeof(struct nvme_fdp_ruh_desc) == 4, "Reclaim Unit Handle Descriptor");

struct nvme_fdp_config_desc {
	le16 dsze; /* bytes */
	uint8_t fdpa;
	uint8_t vss;
	le32 nrg;
	le16 nruh;
	le16 maxpids; /* 0's based */
	le32 nnss;
	le64 runs; /* bytes */
	le32 erutl; /* seconds; 0h: not reported */
	uint8_t rsvd28[36];
	struct nvme_fdp_ruh_desc ruh[];
};
static_assert(sizeof(struct nvme_fdp_config_desc) == 64, "FDP Configuration Descriptor");
static_assert(offsetof(struct nvme_fdp_config_desc, runs) == 16, "RUNS");

/* FDPA */
#define NVME_FDPA_RGIF NVME_BITS(3, 0)
#define NVME_FDPA_FDPVWC NVME_BIT(4)
#define NVME_FDPA_FDPCV NVME_BIT(7)

/* LID 20h, FDP Configurations; descriptors follow. */
struct nvme_fdp_configs_log {
	le16 numfdpc; /* 0's based */
	uint8_t version;
	uint8_t rsvd3;
	le32 size; /* bytes, of all of it */
	uint8_t rsvd8[8];
};
static_assert(sizeof(struct nvme_fdp_configs_log) == 16, "FDP Configurations");

/* LID 21h, Reclaim Unit Handle Usage; a descriptor for each handle. */
struct nvme_fdp_ruhu_desc {
	uint8_t ruha; /* NVME_RUHA_* */
	uint8_t rsvd1[7];
};
struct nvme_fdp_ruhu_log {
	le16 nruh;
	uint8_t rsvd2[6];
	struct nvme_fdp_ruhu_desc ruh[];
};
static_assert(sizeof(struct nvme_fdp_ruhu_desc) == 8, "Reclaim Unit Handle Usage Descriptor");
static_assert(sizeof(struct nvme_fdp_ruhu_log) == 8, "Reclaim Unit Handle Usage");

enum {
	NVME_RUHA_UNUSED = 0,
	NVME_RUHA_HOST = 1, /* a placement handle that a host chose has it */
	NVME_RUHA_CTRL = 2, /* one that the controller chose */
};

/* LID 22h, FDP Statistics: bytes since it was enabled; low half first. */
struct nvme_fdp_stats_log {
	le64 hbmw[2]; /* of the host, with metadata */
	le64 mbmw[2]; /* to the media */
	le64 mbe[2]; /* erased */
	uint8_t rsvd48[16];
};
static_assert(sizeof(struct nvme_fdp_stats_log) == 64, "FDP Statistics");

enum { /* FDP event types */
       NVME_FDP_EVENT_RUNFW = 0x00, /* reclaim unit not fully written to capacity */
       NVME_FDP_EVENT_RUTLE = 0x01, /* its time limit exceeded */
       NVME_FDP_EVENT_RESET = 0x02, /* a Controller Level Reset modified reclaim unit handles */
       NVME_FDP_EVENT_PID = 0x03, /* invalid placement identifier */
       NVME_FDP_EVENT_REALLOC = 0x80, /* media reallocated */
       NVME_FDP_EVENT_MODIFY = 0x81, /* implicitly modified reclaim unit handle */
};

/* Within the event of type 80h. */
struct nvme_fdp_realloc {
	uint8_t sef; /* NVME_FDP_REALLOC_* */
	uint8_t rsvd1;
	le16 nlbam;
	uint8_t lba[8]; /* little-endian, not aligned */
	uint8_t rsvd12[4];
};
static_assert(sizeof(struct nvme_fdp_realloc) == 16, "Media Reallocated");
#define NVME_FDP_REALLOC_LBAV NVME_BIT(0)

struct nvme_fdp_event {
	uint8_t type;
	uint8_t fdpef; /* NVME_FDPEF_* */
	le16 pid;
	uint8_t timestamp[8]; /* as Get Features has it; not aligned */
	le32 nsid;
	uint8_t specific[16];
	le16 rgid, ruhid;
	uint8_t rsvd36[4];
	uint8_t vs[24];
};
static_assert(sizeof(struct nvme_fdp_event) == 64, "FDP Event");
static_assert(offsetof(struct nvme_fdp_event, nsid) == 12, "NSID");
static_assert(offsetof(struct nvme_fdp_event, rgid) == 32, "RGID");

#define NVME_FDPEF_PIV NVME_BIT(0) /* placement identifier valid */
#define NVME_FDPEF_NSIDV NVME_BIT(1)
#define NVME_FDPEF_LV NVME_BIT(2) /* location: RGID, RUHID */

/* LID 23h, FDP Events: the most recent ones. */
#define NVME_FDP_EVENTS_MAX 63
struct nvme_fdp_events_log {
	le32 n;
	uint8_t rsvd4[60];
	struct nvme_fdp_event event[NVME_FDP_EVENTS_MAX];
};
static_assert(sizeof(struct nvme_fdp_events_log) == 4096, "FDP Events");
#define NVME_FDP_EVENTS_LSP_HOST NVME_BIT(0) /* within LSP: those that the host caused, else the controller's */

/* Feature 1Eh, Get: one for each type; Set takes types alone, a byte each. */
struct nvme_fdp_event_desc {
	uint8_t type;
	uint8_t fdpeta; /* NVME_FDPETA_* */
};
static_assert(sizeof(struct nvme_fdp_event_desc) == 2, "Supported FDP Event Descriptor");
#define NVME_FDPETA_FDPEE NVME_BIT(0)

/* I/O Management Receive and Send: CDW10.  CDW11 of Receive is NUMD, 0's based. */
#define NVME_IO_MGMT_MO NVME_BITS(7, 0)
#define NVME_IO_MGMT_MOS NVME_BITS(31, 16)
enum {
	NVME_IO_MGMT_NO_ACTION = 0,
	NVME_IO_MGMT_RECV_RUHS = 1, /* Reclaim Unit Handle Status */
	NVME_IO_MGMT_SEND_RUHU = 1, /* Reclaim Unit Handle Update; MOS: placement identifiers, 0's based */
};

struct nvme_ruhs_desc {
	le16 pid, ruhid;
	le32 earutr; /* seconds; 0h: not reported */
	le64 ruamw; /* logical blocks */
	uint8_t rsvd16[16];
};
static_assert(sizeof(struct nvme_ruhs_desc) == 32, "Reclaim Unit Handle Status Descriptor");

struct nvme_ruhs {
	uint8_t rsvd0[14];
	le16 nruhsd;
	struct nvme_ruhs_desc desc[];
};
static_assert(sizeof(struct nvme_ruhs) == 16, "Reclaim Unit Handle Status");
