/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Controller properties (registers in BAR 0, or Property Get/Set over fabrics) and doorbells.
 *
 * NVMe Base 2.0, "Controller Properties"; NVMe over PCIe Transport 1.0, "Doorbell" properties.
 */
#pragma once

#include "nvproof/spec/types.h"

/* Offsets of the properties.  8-byte ones: CAP, ASQ, ACQ, BPMBL, CMBMSC; all others are 4 bytes. */
#define NVME_REG_CAP 0x00u
#define NVME_REG_VS 0x08u
#define NVME_REG_INTMS 0x0cu
#define NVME_REG_INTMC 0x10u
#define NVME_REG_CC 0x14u
#define NVME_REG_CSTS 0x1cu
#define NVME_REG_NSSR 0x20u
#define NVME_REG_AQA 0x24u
#define NVME_REG_ASQ 0x28u
#define NVME_REG_ACQ 0x30u
#define NVME_REG_CMBLOC 0x38u
#define NVME_REG_CMBSZ 0x3cu
#define NVME_REG_BPINFO 0x40u
#define NVME_REG_BPRSEL 0x44u
#define NVME_REG_BPMBL 0x48u
#define NVME_REG_CMBMSC 0x50u
#define NVME_REG_CMBSTS 0x58u
#define NVME_REG_CMBEBS 0x5cu
#define NVME_REG_CMBSWTP 0x60u
#define NVME_REG_NSSD 0x64u
#define NVME_REG_CRTO 0x68u
#define NVME_REG_PMRCAP 0xe00u
#define NVME_REG_PMRCTL 0xe04u
#define NVME_REG_PMRSTS 0xe08u
#define NVME_REG_PMREBS 0xe0cu
#define NVME_REG_PMRSWTP 0xe10u
#define NVME_REG_PMRMSCL 0xe14u
#define NVME_REG_PMRMSCU 0xe18u
#define NVME_REG_DB 0x1000u /* first doorbell: tail of the admin SQ */

/* CAP: Controller Capabilities */
#define NVME_CAP_MQES NVME_BITS(15, 0) /* 0's based */
#define NVME_CAP_CQR NVME_BIT(16)
#define NVME_CAP_AMS NVME_BITS(18, 17)
#define NVME_CAP_AMS_WRR NVME_BIT(17)
#define NVME_CAP_AMS_VS NVME_BIT(18)
#define NVME_CAP_TO NVME_BITS(31, 24) /* 500 ms units */
#define NVME_CAP_DSTRD NVME_BITS(35, 32) /* stride is 4 << DSTRD bytes */
#define NVME_CAP_NSSRS NVME_BIT(36)
#define NVME_CAP_CSS NVME_BITS(44, 37)
#define NVME_CAP_CSS_NVM NVME_BIT(37)
#define NVME_CAP_CSS_IOCSS NVME_BIT(43) /* one or more I/O command sets: CC.CSS 110b */
#define NVME_CAP_CSS_NOIOCSS NVME_BIT(44) /* admin only: CC.CSS 111b */
#define NVME_CAP_BPS NVME_BIT(45)
#define NVME_CAP_CPS NVME_BITS(47, 46)
#define NVME_CAP_MPSMIN NVME_BITS(51, 48) /* page is 4096 << MPS bytes */
#define NVME_CAP_MPSMAX NVME_BITS(55, 52)
#define NVME_CAP_PMRS NVME_BIT(56)
#define NVME_CAP_CMBS NVME_BIT(57)
#define NVME_CAP_NSSS NVME_BIT(58)
#define NVME_CAP_CRMS NVME_BITS(60, 59)
#define NVME_CAP_CRMS_CRWMS NVME_BIT(59)
#define NVME_CAP_CRMS_CRIMS NVME_BIT(60)
#define NVME_CAP_NSSES NVME_BIT(61)

/* CAP.CPS: what one controller's power scope is */
enum nvme_cap_cps {
	NVME_CAP_CPS_NOT_REPORTED = 0,
	NVME_CAP_CPS_CTRLR = 1,
	NVME_CAP_CPS_DOMAIN = 2,
	NVME_CAP_CPS_SUBSYSTEM = 3,
};

/* VS: Version */
#define NVME_VS_TER NVME_BITS(7, 0)
#define NVME_VS_MNR NVME_BITS(15, 8)
#define NVME_VS_MJR NVME_BITS(31, 16)
#define NVME_VERSION(mjr, mnr, ter) \
	(nvme_put32(NVME_VS_MJR, mjr) | nvme_put32(NVME_VS_MNR, mnr) | nvme_put32(NVME_VS_TER, ter))

/* CC: Controller Configuration */
#define NVME_CC_EN NVME_BIT(0)
#define NVME_CC_CSS NVME_BITS(6, 4)
#define NVME_CC_MPS NVME_BITS(10, 7)
#define NVME_CC_AMS NVME_BITS(13, 11)
#define NVME_CC_SHN NVME_BITS(15, 14)
#define NVME_CC_IOSQES NVME_BITS(19, 16) /* log2: 6 is 64 bytes */
#define NVME_CC_IOCQES NVME_BITS(23, 20) /* log2: 4 is 16 bytes */
#define NVME_CC_CRIME NVME_BIT(24)

/* Values of CC.CSS, CC.AMS, CC.SHN: to be placed with nvme_put() */
enum nvme_cc_css {
	NVME_CC_CSS_NVM = 0,
	NVME_CC_CSS_IOCSS = 6, /* all I/O command sets of the I/O Command Set Profile */
	NVME_CC_CSS_ADMIN = 7,
};

enum nvme_cc_ams {
	NVME_CC_AMS_RR = 0,
	NVME_CC_AMS_WRR = 1,
	NVME_CC_AMS_VS = 7,
};

enum nvme_cc_shn {
	NVME_CC_SHN_NONE = 0,
	NVME_CC_SHN_NORMAL = 1,
	NVME_CC_SHN_ABRUPT = 2,
};

/* CSTS: Controller Status */
#define NVME_CSTS_RDY NVME_BIT(0)
#define NVME_CSTS_CFS NVME_BIT(1)
#define NVME_CSTS_SHST NVME_BITS(3, 2)
#define NVME_CSTS_NSSRO NVME_BIT(4) /* write 1 to clear */
#define NVME_CSTS_PP NVME_BIT(5)
#define NVME_CSTS_ST NVME_BIT(6) /* SHST is about: 0 the controller, 1 the subsystem */

enum nvme_csts_shst {
	NVME_CSTS_SHST_NORMAL = 0, /* no shutdown requested */
	NVME_CSTS_SHST_OCCURRING = 1,
	NVME_CSTS_SHST_COMPLETE = 2,
};

/* NSSR, NSSD: the magic values that start a subsystem reset ("NVMe") or shutdown ("Nrml", "Abpt") */
#define NVME_NSSR_VALUE 0x4e564d65u
#define NVME_NSSD_NORMAL 0x4e726d6cu
#define NVME_NSSD_ABRUPT 0x41627074u

/* AQA: Admin Queue Attributes.  Both sizes are 0's based. */
#define NVME_AQA_ASQS NVME_BITS(11, 0)
#define NVME_AQA_ACQS NVME_BITS(27, 16)

/* ASQ, ACQ: base addresses, at least page aligned.  The mask keeps the address in place. */
#define NVME_ASQ_ASQB NVME_BITS(63, 12)
#define NVME_ACQ_ACQB NVME_BITS(63, 12)

/* CMBLOC: Controller Memory Buffer Location */
#define NVME_CMBLOC_BIR NVME_BITS(2, 0)
#define NVME_CMBLOC_CQMMS NVME_BIT(3)
#define NVME_CMBLOC_CQPDS NVME_BIT(4)
#define NVME_CMBLOC_CDPMLS NVME_BIT(5)
#define NVME_CMBLOC_CDPCILS NVME_BIT(6)
#define NVME_CMBLOC_CDMMMS NVME_BIT(7)
#define NVME_CMBLOC_CQDA NVME_BIT(8)
#define NVME_CMBLOC_OFST NVME_BITS(31, 12) /* in units of CMBSZ.SZU */

/* CMBSZ: Controller Memory Buffer Size */
#define NVME_CMBSZ_SQS NVME_BIT(0)
#define NVME_CMBSZ_CQS NVME_BIT(1)
#define NVME_CMBSZ_LISTS NVME_BIT(2)
#define NVME_CMBSZ_RDS NVME_BIT(3)
#define NVME_CMBSZ_WDS NVME_BIT(4)
#define NVME_CMBSZ_SZU NVME_BITS(11, 8) /* unit is 4 KiB << (4 * SZU) */
#define NVME_CMBSZ_SZ NVME_BITS(31, 12)

/* BPINFO, BPRSEL, BPMBL: Boot Partitions */
#define NVME_BPINFO_BPSZ NVME_BITS(14, 0) /* 128 KiB units */
#define NVME_BPINFO_BRS NVME_BITS(25, 24)
#define NVME_BPINFO_ABPID NVME_BIT(31)
#define NVME_BPRSEL_BPRSZ NVME_BITS(9, 0) /* 4 KiB units */
#define NVME_BPRSEL_BPROF NVME_BITS(29, 10) /* 4 KiB units */
#define NVME_BPRSEL_BPID NVME_BIT(31)
#define NVME_BPMBL_BMBBA NVME_BITS(63, 12)

enum nvme_bpinfo_brs {
	NVME_BPINFO_BRS_NONE = 0,
	NVME_BPINFO_BRS_BUSY = 1,
	NVME_BPINFO_BRS_DONE = 2,
	NVME_BPINFO_BRS_ERROR = 3,
};

/* CMBMSC, CMBSTS, CMBEBS, CMBSWTP: Controller Memory Buffer control */
#define NVME_CMBMSC_CRE NVME_BIT(0)
#define NVME_CMBMSC_CMSE NVME_BIT(1)
#define NVME_CMBMSC_CBA NVME_BITS(63, 12)
#define NVME_CMBSTS_CBAI NVME_BIT(0)
#define NVME_CMBEBS_CMBSZU NVME_BITS(3, 0)
#define NVME_CMBEBS_RBB NVME_BIT(4)
#define NVME_CMBEBS_CMBWBZ NVME_BITS(31, 8)
#define NVME_CMBSWTP_CMBSWTU NVME_BITS(3, 0)
#define NVME_CMBSWTP_CMBSWTV NVME_BITS(31, 8)

/* CRTO: Controller Ready Timeouts, both in 500 ms units */
#define NVME_CRTO_CRWMT NVME_BITS(15, 0)
#define NVME_CRTO_CRIMT NVME_BITS(31, 16)

/* PMR*: Persistent Memory Region */
#define NVME_PMRCAP_RDS NVME_BIT(3)
#define NVME_PMRCAP_WDS NVME_BIT(4)
#define NVME_PMRCAP_BIR NVME_BITS(7, 5)
#define NVME_PMRCAP_PMRTU NVME_BITS(9, 8) /* unit of PMRTO: 0 is 500 ms, 1 is minutes */
#define NVME_PMRCAP_PMRWBM NVME_BITS(13, 10)
#define NVME_PMRCAP_PMRTO NVME_BITS(23, 16)
#define NVME_PMRCAP_CMSS NVME_BIT(24)
#define NVME_PMRCTL_EN NVME_BIT(0)
#define NVME_PMRSTS_ERR NVME_BITS(7, 0)
#define NVME_PMRSTS_NRDY NVME_BIT(8)
#define NVME_PMRSTS_HSTS NVME_BITS(11, 9)
#define NVME_PMRSTS_CBAI NVME_BIT(12)
#define NVME_PMREBS_PMRSZU NVME_BITS(3, 0)
#define NVME_PMREBS_RBB NVME_BIT(4)
#define NVME_PMREBS_PMRWBZ NVME_BITS(31, 8)
#define NVME_PMRSWTP_PMRSWTU NVME_BITS(3, 0)
#define NVME_PMRSWTP_PMRSWTV NVME_BITS(31, 8)
#define NVME_PMRMSCL_CMSE NVME_BIT(1)
#define NVME_PMRMSCL_CBA NVME_BITS(31, 12)

/* Offset in BAR 0 of the tail doorbell of submission queue qid.  dstrd is CAP.DSTRD. */
static inline uint32_t
nvme_sq_tdbl(uint16_t qid, uint8_t dstrd)
{
	return NVME_REG_DB + 2u * qid * (4u << dstrd);
}

/* Offset in BAR 0 of the head doorbell of completion queue qid. */
static inline uint32_t
nvme_cq_hdbl(uint16_t qid, uint8_t dstrd)
{
	return NVME_REG_DB + (2u * qid + 1u) * (4u << dstrd);
}
