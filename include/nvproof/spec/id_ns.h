/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Identify data structures that describe namespaces and what they are carved from.
 *
 * NVMe Base Specification 2.2, "Identify command", figures "I/O Command Set Independent Identify Namespace
 * Data Structure" and "Namespace Identification Descriptor"; NVM Command Set Specification 1.1,
 * "Identify Namespace Data Structure, NVM Command Set" and its I/O Command Set specific companion.
 */
#pragma once

#include "nvproof/spec/types.h"

/* LBA Format. */
struct nvme_lbaf {
	le16 ms; /* bytes of metadata a logical block */
	uint8_t lbads; /* 2^LBADS bytes; 0: this entry is not available */
	uint8_t rp;
};
static_assert(sizeof(struct nvme_lbaf) == 4, "LBAF");

#define NVME_LBAF_MAX 64
#define NVME_LBAF_RP NVME_BITS(1, 0)
enum {
	NVME_LBAF_RP_BEST = 0,
	NVME_LBAF_RP_BETTER = 1,
	NVME_LBAF_RP_GOOD = 2,
	NVME_LBAF_RP_DEGRADED = 3,
};

/* Identify Namespace, CNS 00h, and CNS 11h for one that is allocated but not attached. */
struct nvme_id_ns {
	le64 nsze, ncap, nuse; /* logical blocks */
	uint8_t nsfeat;
	uint8_t nlbaf; /* 0's based */
	uint8_t flbas;
	uint8_t mc, dpc, dps;
	uint8_t nmic, rescap, fpi, dlfeat;
	le16 nawun, nawupf, nacwu; /* 0's based */
	le16 nabsn; /* 0's based */
	le16 nabo;
	le16 nabspf; /* 0's based */
	le16 noiob;
	le64 nvmcap[2]; /* bytes, low half first */
	le16 npwg, npwa, npdg, npda, nows; /* 0's based */
	le16 mssrl;
	le32 mcl;
	uint8_t msrc; /* 0's based */
	uint8_t kpios;
	uint8_t nulbaf; /* 0's based */
	uint8_t rsvd83;
	le32 kpiodaag;
	uint8_t rsvd88[4];
	le32 anagrpid;
	uint8_t rsvd96[3];
	uint8_t nsattr;
	le16 nvmsetid, endgid;
	uint8_t nguid[16], eui64[8]; /* big endian */
	struct nvme_lbaf lbaf[NVME_LBAF_MAX];
	uint8_t vs[3712];
};
static_assert(sizeof(struct nvme_id_ns) == 4096, "Identify Namespace");
static_assert(offsetof(struct nvme_id_ns, flbas) == 26, "FLBAS");
static_assert(offsetof(struct nvme_id_ns, nvmcap) == 48, "NVMCAP");
static_assert(offsetof(struct nvme_id_ns, anagrpid) == 92, "ANAGRPID");
static_assert(offsetof(struct nvme_id_ns, nguid) == 104, "NGUID");
static_assert(offsetof(struct nvme_id_ns, lbaf) == 128, "LBAF0");
static_assert(offsetof(struct nvme_id_ns, vs) == 384, "vendor specific");

#define NVME_NSFEAT_THINP NVME_BITS(0, 0)
#define NVME_NSFEAT_NSABP NVME_BITS(1, 1) /* NAWUN, NAWUPF, NACWU are this namespace's own */
#define NVME_NSFEAT_DAE NVME_BITS(2, 2) /* deallocated or unwritten error */
#define NVME_NSFEAT_UIDREUSE NVME_BITS(3, 3) /* 1: NGUID and EUI64 are never reused */
#define NVME_NSFEAT_OPTPERF NVME_BITS(5, 4) /* which of NPWG ... NPDAL are defined */
#define NVME_NSFEAT_MAM NVME_BITS(6, 6) /* multiple atomicity mode */
#define NVME_NSFEAT_OPTRPERF NVME_BITS(7, 7)

#define NVME_FLBAS_FIDXL NVME_BITS(3, 0)
#define NVME_FLBAS_MTELBA NVME_BITS(4, 4) /* metadata at the end of the data LBA */
#define NVME_FLBAS_FIDXU NVME_BITS(6, 5) /* used when more than 16 formats exist */

/* The format index is in two pieces, which are not adjacent. */
static inline unsigned
nvme_flbas_fidx(uint8_t flbas)
{
	return (unsigned)(nvme_get(flbas, NVME_FLBAS_FIDXU) << 4 | nvme_get(flbas, NVME_FLBAS_FIDXL));
}

#define NVME_MC_MTELBA NVME_BITS(0, 0)
#define NVME_MC_MTSMB NVME_BITS(1, 1) /* a separate buffer: MPTR */

#define NVME_DPC_PIT1S NVME_BITS(0, 0)
#define NVME_DPC_PIT2S NVME_BITS(1, 1)
#define NVME_DPC_PIT3S NVME_BITS(2, 2)
#define NVME_DPC_PIIFB NVME_BITS(3, 3) /* may be in the first bytes of metadata */
#define NVME_DPC_PIILB NVME_BITS(4, 4) /* may be in the last */

#define NVME_DPS_PIT NVME_BITS(2, 0) /* 0: protection disabled, 1 to 3: type */
#define NVME_DPS_PIP NVME_BITS(3, 3) /* 1: first bytes of metadata */

#define NVME_NMIC_SHRNS NVME_BITS(0, 0)
#define NVME_NMIC_DISNS NVME_BITS(1, 1) /* dispersed */

#define NVME_RESCAP_PTPL NVME_BITS(0, 0)
#define NVME_RESCAP_WE NVME_BITS(1, 1)
#define NVME_RESCAP_EA NVME_BITS(2, 2)
#define NVME_RESCAP_WERO NVME_BITS(3, 3)
#define NVME_RESCAP_EARO NVME_BITS(4, 4)
#define NVME_RESCAP_WEAR NVME_BITS(5, 5)
#define NVME_RESCAP_EAAR NVME_BITS(6, 6)
#define NVME_RESCAP_IEKEY NVME_BITS(7, 7) /* IEKEY as in Base 1.3 and later */

#define NVME_FPI_PERCENT NVME_BITS(6, 0) /* of the format that REMAINS */
#define NVME_FPI_SUPP NVME_BITS(7, 7)

#define NVME_DLFEAT_DRB NVME_BITS(2, 0) /* what a read of deallocated blocks returns */
#define NVME_DLFEAT_WZDS NVME_BITS(3, 3) /* Write Zeroes takes DEAC */
#define NVME_DLFEAT_GDS NVME_BITS(4, 4) /* the guard of deallocated blocks is the CRC */
enum {
	NVME_DLFEAT_DRB_NONE = 0,
	NVME_DLFEAT_DRB_00 = 1,
	NVME_DLFEAT_DRB_FF = 2,
};

#define NVME_NSATTR_CWP NVME_BITS(0, 0) /* currently write protected */
#define NVME_KPIOS_KPIOENS NVME_BITS(0, 0)
#define NVME_KPIOS_KPIOSNS NVME_BITS(1, 1)

/* CNS 05h, CSI 0. */
struct nvme_id_ns_nvm {
	le64 lbstm;
	uint8_t pic;
	uint8_t pifa;
	uint8_t rsvd10[2];
	le32 elbaf[NVME_LBAF_MAX];
	le32 npdgl, nprg, npra, nors, npdal;
	le32 lbapss;
	le32 tlbaag;
	uint8_t rsvd296[3800];
};
static_assert(sizeof(struct nvme_id_ns_nvm) == 4096, "Identify Namespace, NVM");
static_assert(offsetof(struct nvme_id_ns_nvm, elbaf) == 12, "ELBAF0");
static_assert(offsetof(struct nvme_id_ns_nvm, npdgl) == 268, "NPDGL");

#define NVME_PIC_PISTS16 NVME_BITS(0, 0) /* storage tag with the 16b guard */
#define NVME_PIC_PISTM16 NVME_BITS(1, 1)
#define NVME_PIC_STCRS NVME_BITS(2, 2)
#define NVME_PIC_QPIFS NVME_BITS(3, 3)
#define NVME_PIFA_STMLA NVME_BITS(3, 0)

#define NVME_ELBAF_STS NVME_BITS(6, 0)
#define NVME_ELBAF_PIF NVME_BITS(8, 7)
#define NVME_ELBAF_QPIF NVME_BITS(12, 9) /* used when PIF is 3 */
enum {
	NVME_PIF_16B = 0,
	NVME_PIF_32B = 1,
	NVME_PIF_64B = 2,
	NVME_PIF_QUALIFIED = 3,
};

/* CNS 08h: the same for every command set. */
struct nvme_id_ns_ind {
	uint8_t nsfeat; /* NVME_IND_NSFEAT_*: not the bits of nvme_id_ns */
	uint8_t nmic, rescap, fpi;
	le32 anagrpid;
	uint8_t nsattr;
	uint8_t rsvd9;
	le16 nvmsetid, endgid;
	uint8_t nstat;
	uint8_t kpios;
	le16 maxkt;
	uint8_t rsvd18[2];
	le32 rgrpid;
	uint8_t rsvd24[4072];
};
static_assert(sizeof(struct nvme_id_ns_ind) == 4096, "Identify Namespace, independent");
static_assert(offsetof(struct nvme_id_ns_ind, nstat) == 14, "NSTAT");
static_assert(offsetof(struct nvme_id_ns_ind, rgrpid) == 20, "RGRPID");

#define NVME_IND_NSFEAT_UIDREUSE NVME_BITS(3, 3)
#define NVME_IND_NSFEAT_RMEDIA NVME_BITS(4, 4)
#define NVME_IND_NSFEAT_VWCNP NVME_BITS(5, 5) /* no volatile write cache for this namespace */
#define NVME_NSTAT_NRDY NVME_BITS(0, 0)

/* Namespace Lists, CNS 02h, 07h, 10h, 1Ah, and the changed namespace logs.  Ascending, the rest 0h. */
#define NVME_NS_LIST_MAX 1024
struct nvme_ns_list {
	le32 nsid[NVME_NS_LIST_MAX];
};
static_assert(sizeof(struct nvme_ns_list) == 4096, "Namespace List");

/* CNS 03h: descriptors follow one another; the list ends with NIDL 0h, or at 4,096 bytes. */
struct nvme_ns_id_desc {
	uint8_t nidt;
	uint8_t nidl;
	uint8_t rsvd2[2];
	uint8_t nid[];
};
static_assert(sizeof(struct nvme_ns_id_desc) == 4, "Namespace Identification Descriptor");

enum {
	NVME_NIDT_EUI64 = 1,
	NVME_NIDT_NGUID = 2,
	NVME_NIDT_UUID = 3,
	NVME_NIDT_CSI = 4,
};
enum {
	NVME_NIDL_EUI64 = 8,
	NVME_NIDL_NGUID = 16,
	NVME_NIDL_UUID = 16,
	NVME_NIDL_CSI = 1,
};

/* NVM Set List, CNS 04h. */
struct nvme_nvmset_attr {
	le16 nvmsetid, endgid;
	uint8_t rsvd4[4];
	le32 rr4kt; /* in 100 ns */
	le32 ows; /* in bytes */
	le64 tnvmsetcap[2], unvmsetcap[2];
	uint8_t rsvd48[80];
};
static_assert(sizeof(struct nvme_nvmset_attr) == 128, "NVM Set Attributes Entry");

#define NVME_NVMSET_LIST_MAX 31
struct nvme_nvmset_list {
	uint8_t num;
	uint8_t rsvd1[127];
	struct nvme_nvmset_attr nvmset[NVME_NVMSET_LIST_MAX];
};
static_assert(sizeof(struct nvme_nvmset_list) == 4096, "NVM Set List");

/* Namespace Granularity List, CNS 16h. */
struct nvme_ns_granularity {
	le64 nszegran, ncapgran;
};
struct nvme_ns_granularity_list {
	le32 attributes;
	uint8_t num; /* 0's based */
	uint8_t rsvd5[27];
	struct nvme_ns_granularity desc[16];
	uint8_t rsvd288[3808];
};
static_assert(sizeof(struct nvme_ns_granularity_list) == 4096, "Namespace Granularity List");
static_assert(offsetof(struct nvme_ns_granularity_list, desc) == 32, "NGD0");
