/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zoned namespaces: command dwords and data structures.
 *
 * Zoned Namespace Command Set 1.1 and later, "Zoned Namespace Command Set Commands", "Zone Descriptor data structure",
 * "Identify command", "Changed Zone List".
 */
#pragma once
#include "nvproof/spec/types.h"

/* Zone states: ZS, the upper half of its byte. */
enum nvme_zs {
	NVME_ZS_EMPTY = 0x1,
	NVME_ZS_IMPLICIT = 0x2,
	NVME_ZS_EXPLICIT = 0x3,
	NVME_ZS_CLOSED = 0x4,
	NVME_ZS_READ_ONLY = 0xd,
	NVME_ZS_FULL = 0xe,
	NVME_ZS_OFFLINE = 0xf,
};

#define NVME_ZT_SEQUENTIAL 2u /* zone type: sequential write required */
#define NVME_ZONE_ZT NVME_BITS(3, 0)
#define NVME_ZONE_ZS NVME_BITS(7, 4)

/* Zone attributes: ZA. */
#define NVME_ZA_ZFC NVME_BIT(0) /* finished by the controller */
#define NVME_ZA_FZR NVME_BIT(1) /* finish recommended */
#define NVME_ZA_RZR NVME_BIT(2) /* reset recommended */
#define NVME_ZA_ZRWAV NVME_BIT(3) /* has a zone random write area */
#define NVME_ZA_ZDEV NVME_BIT(7) /* its descriptor extension is valid */

struct nvme_zone_desc {
	uint8_t zt; /* NVME_ZONE_ZT */
	uint8_t zs; /* NVME_ZONE_ZS */
	uint8_t za, zai;
	uint8_t rsvd4[4];
	le64 zcap, zslba, wp;
	uint8_t rsvd32[32];
};
static_assert(sizeof(struct nvme_zone_desc) == 64, "Zone Descriptor");
static_assert(offsetof(struct nvme_zone_desc, wp) == 24, "WP");

/* Report Zones and Extended Report Zones: descriptors follow, each with its extension in the extended one. */
struct nvme_zone_report {
	le64 nr_zones;
	uint8_t rsvd8[56];
};
static_assert(sizeof(struct nvme_zone_report) == 64, "Report Zones");

/* Zone Management Send, CDW13; CDW10-11 is SLBA. */
#define NVME_ZMS_ZSA NVME_BITS(7, 0)
#define NVME_ZMS_SALL NVME_BIT(8)
#define NVME_ZMS_ZRWAA NVME_BIT(9) /* ZSASO of Open Zone: allocate a zone random write area */
enum nvme_zsa {
	NVME_ZSA_CLOSE = 0x01,
	NVME_ZSA_FINISH = 0x02,
	NVME_ZSA_OPEN = 0x03,
	NVME_ZSA_RESET = 0x04,
	NVME_ZSA_OFFLINE = 0x05,
	NVME_ZSA_SET_ZDE = 0x10,
	NVME_ZSA_ZRWA_FLUSH = 0x11, /* SLBA: the last block that is committed */
};

/* Zone Management Receive, CDW13; CDW10-11 is SLBA, CDW12 dwords, 0's based. */
#define NVME_ZMR_ZRA NVME_BITS(7, 0)
#define NVME_ZMR_ZRASF NVME_BITS(15, 8)
#define NVME_ZMR_PARTIAL NVME_BIT(16)
enum nvme_zra {
	NVME_ZRA_REPORT = 0,
	NVME_ZRA_EXTENDED = 1,
};
enum nvme_zrasf {
	NVME_ZRASF_ALL = 0,
	NVME_ZRASF_EMPTY = 1,
	NVME_ZRASF_IMPLICIT = 2,
	NVME_ZRASF_EXPLICIT = 3,
	NVME_ZRASF_CLOSED = 4,
	NVME_ZRASF_FULL = 5,
	NVME_ZRASF_READ_ONLY = 6,
	NVME_ZRASF_OFFLINE = 7,
};

/* Identify Namespace, CNS 05h with CSI 2. */
struct nvme_lbafe {
	le64 zsze;
	uint8_t zdes; /* in 64 bytes */
	uint8_t rsvd9[7];
};
static_assert(sizeof(struct nvme_lbafe) == 16, "LBA Format Extension");

struct nvme_id_ns_zns {
	le16 zoc, ozcs;
	le32 mar, mor; /* 0's based; FFFFFFFFh: no limit */
	le32 rrl, frl; /* seconds */
	le32 rrl1, rrl2, rrl3, frl1, frl2, frl3;
	le32 numzrwa;
	le16 zrwafg, zrwasz;
	uint8_t zrwacap;
	uint8_t rsvd53[2763];
	struct nvme_lbafe lbafe[64];
	uint8_t vs[256];
};
static_assert(sizeof(struct nvme_id_ns_zns) == 4096, "Identify Namespace, ZNS");
static_assert(offsetof(struct nvme_id_ns_zns, numzrwa) == 44, "NUMZRWA");
static_assert(offsetof(struct nvme_id_ns_zns, lbafe) == 2816, "LBAFE0");

#define NVME_ZOC_VZCC NVME_BIT(0)
#define NVME_ZOC_ZAE NVME_BIT(1)
#define NVME_OZCS_RAZB NVME_BIT(0) /* reads may cross zone boundaries */
#define NVME_OZCS_ZRWASUP NVME_BIT(1)
#define NVME_ZRWACAP_EXPFLUSHSUP NVME_BIT(0)

/* Identify Controller, CNS 06h with CSI 2. */
struct nvme_id_ctrl_zns {
	uint8_t zasl; /* 2^n pages of CAP.MPSMIN; 0: as MDTS */
	uint8_t rsvd1[4095];
};
static_assert(sizeof(struct nvme_id_ctrl_zns) == 4096, "Identify Controller, ZNS");

/* Log BFh, of a namespace. */
#define NVME_CHANGED_ZONES_MAX 511u
struct nvme_changed_zones_log {
	le16 nrzid; /* FFFFh: more than fit */
	uint8_t rsvd2[6];
	le64 zid[NVME_CHANGED_ZONES_MAX]; /* ZSLBA */
};
static_assert(sizeof(struct nvme_changed_zones_log) == 4096, "Changed Zone List");
