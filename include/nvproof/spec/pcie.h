/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PCI Express configuration space of an NVMe function: the type 0 header, capabilities, and the MSI-X table.
 *
 * NVMe over PCIe Transport Specification, "PCI Express Registers"; PCI Express Base Specification,
 * "Configuration Space".  Offsets are constants, not a struct: the space is read with the width that
 * each register has.  NVME_PCI_<register> is an offset (in a capability, from its first byte);
 * NVME_PCI_<register>_<field> is a field.
 */
#pragma once

#include "nvproof/spec/types.h"

#define NVME_PCI_CFG_SIZE 256 /* as seen through the PCI compatible mechanism */
#define NVME_PCI_ECFG_SIZE 4096 /* with the extended capabilities */

/* Type 0 header. */
enum {
	NVME_PCI_VID = 0x00, /* 16 */
	NVME_PCI_DID = 0x02, /* 16 */
	NVME_PCI_CMD = 0x04, /* 16 */
	NVME_PCI_STS = 0x06, /* 16 */
	NVME_PCI_RID = 0x08, /* 8 */
	NVME_PCI_CC = 0x09, /* 24: PI, SCC, BCC */
	NVME_PCI_CLS = 0x0c, /* 8 */
	NVME_PCI_MLT = 0x0d, /* 8 */
	NVME_PCI_HTYPE = 0x0e, /* 8 */
	NVME_PCI_BIST = 0x0f, /* 8 */
	NVME_PCI_BAR0 = 0x10, /* 32: MLBAR */
	NVME_PCI_BAR1 = 0x14, /* 32: MUBAR */
	NVME_PCI_BAR2 = 0x18,
	NVME_PCI_BAR3 = 0x1c,
	NVME_PCI_BAR4 = 0x20,
	NVME_PCI_BAR5 = 0x24,
	NVME_PCI_CCPTR = 0x28, /* 32 */
	NVME_PCI_SSVID = 0x2c, /* 16 */
	NVME_PCI_SSID = 0x2e, /* 16 */
	NVME_PCI_EROM = 0x30, /* 32 */
	NVME_PCI_CAP = 0x34, /* 8 */
	NVME_PCI_ILINE = 0x3c, /* 8 */
	NVME_PCI_IPIN = 0x3d, /* 8: 1 is INTA# */
	NVME_PCI_MGNT = 0x3e, /* 8 */
	NVME_PCI_MLAT = 0x3f, /* 8 */
	NVME_PCI_HEADER_SIZE = 0x40,
};

/* Mass storage, non-volatile memory; the programming interface tells what kind of controller. */
#define NVME_PCI_CLASS_IO 0x010802u
#define NVME_PCI_CLASS_ADMIN 0x010803u /* administrative controller */

#define NVME_PCI_CMD_IOSE NVME_BITS(0, 0)
#define NVME_PCI_CMD_MSE NVME_BITS(1, 1)
#define NVME_PCI_CMD_BME NVME_BITS(2, 2)
#define NVME_PCI_CMD_PEE NVME_BITS(6, 6)
#define NVME_PCI_CMD_SEE NVME_BITS(8, 8)
#define NVME_PCI_CMD_ID NVME_BITS(10, 10) /* INTx disable */

#define NVME_PCI_STS_IS NVME_BITS(3, 3) /* INTx pending */
#define NVME_PCI_STS_CL NVME_BITS(4, 4) /* capabilities list, always 1 */
#define NVME_PCI_STS_DPD NVME_BITS(8, 8)
#define NVME_PCI_STS_STA NVME_BITS(11, 11)
#define NVME_PCI_STS_RTA NVME_BITS(12, 12)
#define NVME_PCI_STS_RMA NVME_BITS(13, 13)
#define NVME_PCI_STS_SSE NVME_BITS(14, 14)
#define NVME_PCI_STS_DPE NVME_BITS(15, 15)

#define NVME_PCI_HTYPE_HL NVME_BITS(6, 0)
#define NVME_PCI_HTYPE_MFD NVME_BITS(7, 7)

#define NVME_PCI_BAR_RTE NVME_BITS(0, 0) /* 1: I/O space */
#define NVME_PCI_BAR_TP NVME_BITS(2, 1) /* 2: 64 bits */
#define NVME_PCI_BAR_PF NVME_BITS(3, 3)
#define NVME_PCI_BAR_BA NVME_BITS(31, 4)
#define NVME_PCI_BAR_TP_32 0
#define NVME_PCI_BAR_TP_64 2

/* Capabilities: byte 0 is the identifier, byte 1 the offset of the next one, 0h at the end. */
#define NVME_PCI_CAP_CID NVME_BITS(7, 0)
#define NVME_PCI_CAP_NEXT NVME_BITS(15, 8)
enum {
	NVME_PCI_CAPID_PM = 0x01,
	NVME_PCI_CAPID_VPD = 0x03,
	NVME_PCI_CAPID_MSI = 0x05,
	NVME_PCI_CAPID_VS = 0x09,
	NVME_PCI_CAPID_PCIE = 0x10,
	NVME_PCI_CAPID_MSIX = 0x11,
};

/* Power Management. */
enum {
	NVME_PCI_PC = 0x02, /* 16 */
	NVME_PCI_PMCS = 0x04, /* 16 */
	NVME_PCI_PM_SIZE = 0x08,
};
#define NVME_PCI_PC_VS NVME_BITS(2, 0)
#define NVME_PCI_PC_D1S NVME_BITS(9, 9)
#define NVME_PCI_PC_D2S NVME_BITS(10, 10)
#define NVME_PCI_PC_PSUP NVME_BITS(15, 11)
#define NVME_PCI_PMCS_PS NVME_BITS(1, 0) /* 0: D0, 3: D3hot */
#define NVME_PCI_PMCS_NSFRST NVME_BITS(3, 3) /* D3hot to D0 does not reset */
#define NVME_PCI_PMCS_PMEE NVME_BITS(8, 8)
#define NVME_PCI_PMCS_PMES NVME_BITS(15, 15)

/* Message Signaled Interrupts, the layout with 64-bit addresses (NVMe requires it). */
enum {
	NVME_PCI_MSI_MC = 0x02, /* 16 */
	NVME_PCI_MSI_MA = 0x04, /* 32 */
	NVME_PCI_MSI_MUA = 0x08, /* 32 */
	NVME_PCI_MSI_MD = 0x0c, /* 16 */
	NVME_PCI_MSI_MMASK = 0x10, /* 32 */
	NVME_PCI_MSI_MPEND = 0x14, /* 32 */
	NVME_PCI_MSI_SIZE = 0x18,
};
#define NVME_PCI_MSI_MC_MSIE NVME_BITS(0, 0)
#define NVME_PCI_MSI_MC_MMC NVME_BITS(3, 1) /* 2^n messages asked for */
#define NVME_PCI_MSI_MC_MME NVME_BITS(6, 4) /* 2^n messages granted */
#define NVME_PCI_MSI_MC_C64 NVME_BITS(7, 7)
#define NVME_PCI_MSI_MC_PVM NVME_BITS(8, 8)

/* MSI-X. */
enum {
	NVME_PCI_MSIX_MXC = 0x02, /* 16 */
	NVME_PCI_MSIX_MTAB = 0x04, /* 32 */
	NVME_PCI_MSIX_MPBA = 0x08, /* 32 */
	NVME_PCI_MSIX_SIZE = 0x0c,
};
#define NVME_PCI_MSIX_MXC_TS NVME_BITS(10, 0) /* 0's based */
#define NVME_PCI_MSIX_MXC_FM NVME_BITS(14, 14) /* function mask */
#define NVME_PCI_MSIX_MXC_MXE NVME_BITS(15, 15)
#define NVME_PCI_MSIX_MTAB_TBIR NVME_BITS(2, 0)
#define NVME_PCI_MSIX_MTAB_TO NVME_BITS(31, 3) /* use the bits in place: a multiple of 8 */
#define NVME_PCI_MSIX_MPBA_PBIR NVME_BITS(2, 0)
#define NVME_PCI_MSIX_MPBA_PBAO NVME_BITS(31, 3)

/* One entry of the MSI-X table, in the BAR that MTAB names. */
struct nvme_msix_entry {
	le32 mta, mtua; /* message address */
	le32 mtd; /* message data */
	le32 mvc; /* NVME_MSIX_MVC_MASK; 1 after reset */
};
static_assert(sizeof(struct nvme_msix_entry) == 16, "MSI-X Table Entry");
static_assert(offsetof(struct nvme_msix_entry, mvc) == 12, "Vector Control");

#define NVME_MSIX_MVC_MASK NVME_BITS(0, 0)
#define NVME_MSIX_MAX 2048

/* PCI Express capability. */
enum {
	NVME_PCI_PXCAP = 0x02, /* 16 */
	NVME_PCI_PXDCAP = 0x04, /* 32 */
	NVME_PCI_PXDC = 0x08, /* 16 */
	NVME_PCI_PXDS = 0x0a, /* 16 */
	NVME_PCI_PXLCAP = 0x0c, /* 32 */
	NVME_PCI_PXLC = 0x10, /* 16 */
	NVME_PCI_PXLS = 0x12, /* 16 */
	NVME_PCI_PXDCAP2 = 0x24, /* 32 */
	NVME_PCI_PXDC2 = 0x28, /* 16 */
	NVME_PCI_PXLCAP2 = 0x2c, /* 32 */
	NVME_PCI_PXLC2 = 0x30, /* 16 */
	NVME_PCI_PXLS2 = 0x32, /* 16 */
	NVME_PCI_PX_SIZE = 0x3c,
};
#define NVME_PCI_PXCAP_VER NVME_BITS(3, 0) /* 2 */
#define NVME_PCI_PXCAP_DPT NVME_BITS(7, 4) /* 0: endpoint */
#define NVME_PCI_PXCAP_IMN NVME_BITS(13, 9)
#define NVME_PCI_PXDCAP_MPS NVME_BITS(2, 0) /* 128 << n bytes */
#define NVME_PCI_PXDCAP_ETFS NVME_BITS(5, 5)
#define NVME_PCI_PXDCAP_L0SL NVME_BITS(8, 6)
#define NVME_PCI_PXDCAP_L1L NVME_BITS(11, 9)
#define NVME_PCI_PXDCAP_RER NVME_BITS(15, 15)
#define NVME_PCI_PXDCAP_CSPLV NVME_BITS(25, 18)
#define NVME_PCI_PXDCAP_CSPLS NVME_BITS(27, 26)
#define NVME_PCI_PXDCAP_FLRC NVME_BITS(28, 28) /* NVMe requires 1 */
#define NVME_PCI_PXDC_CERE NVME_BITS(0, 0)
#define NVME_PCI_PXDC_NFERE NVME_BITS(1, 1)
#define NVME_PCI_PXDC_FERE NVME_BITS(2, 2)
#define NVME_PCI_PXDC_URRE NVME_BITS(3, 3)
#define NVME_PCI_PXDC_ERO NVME_BITS(4, 4)
#define NVME_PCI_PXDC_MPS NVME_BITS(7, 5)
#define NVME_PCI_PXDC_MRRS NVME_BITS(14, 12) /* 128 << n bytes */
#define NVME_PCI_PXDC_IFLR NVME_BITS(15, 15) /* write 1: function level reset; reads 0 */
#define NVME_PCI_PXDS_CED NVME_BITS(0, 0)
#define NVME_PCI_PXDS_NFED NVME_BITS(1, 1)
#define NVME_PCI_PXDS_FED NVME_BITS(2, 2)
#define NVME_PCI_PXDS_URD NVME_BITS(3, 3)
#define NVME_PCI_PXDS_TP NVME_BITS(5, 5) /* transactions pending */
#define NVME_PCI_PXLCAP_SLS NVME_BITS(3, 0) /* 1: 2.5 GT/s ... 6: 64 GT/s */
#define NVME_PCI_PXLCAP_MLW NVME_BITS(9, 4)
#define NVME_PCI_PXLCAP_ASPMS NVME_BITS(11, 10)
#define NVME_PCI_PXLCAP_PN NVME_BITS(31, 24)
#define NVME_PCI_PXLC_ASPMC NVME_BITS(1, 0)
#define NVME_PCI_PXLC_CCC NVME_BITS(6, 6)
#define NVME_PCI_PXLS_CLS NVME_BITS(3, 0)
#define NVME_PCI_PXLS_NLW NVME_BITS(9, 4)
#define NVME_PCI_PXDCAP2_CTRS NVME_BITS(3, 0)
#define NVME_PCI_PXDCAP2_CTDS NVME_BITS(4, 4)
#define NVME_PCI_PXDC2_CTV NVME_BITS(3, 0)
#define NVME_PCI_PXDC2_CTD NVME_BITS(4, 4)
#define NVME_PCI_PXLCAP2_SLSV NVME_BITS(7, 1)
#define NVME_PCI_PXLC2_TLS NVME_BITS(3, 0)

/* Extended capabilities: from offset 100h, one dword of header, NEXT 0h at the end. */
#define NVME_PCI_ECAP_BASE 0x100
#define NVME_PCI_ECAP_CID NVME_BITS(15, 0)
#define NVME_PCI_ECAP_CVER NVME_BITS(19, 16)
#define NVME_PCI_ECAP_NEXT NVME_BITS(31, 20)
enum {
	NVME_PCI_ECAPID_AER = 0x0001,
	NVME_PCI_ECAPID_DSN = 0x0003,
	NVME_PCI_ECAPID_ARI = 0x000e,
	NVME_PCI_ECAPID_SRIOV = 0x0010,
	NVME_PCI_ECAPID_LTR = 0x0018,
	NVME_PCI_ECAPID_SECONDARY = 0x0019,
	NVME_PCI_ECAPID_L1SS = 0x001e,
	NVME_PCI_ECAPID_DOE = 0x002e,
};

/* Advanced Error Reporting. */
enum {
	NVME_PCI_AER_UES = 0x04, /* 32, as all of these: write 1 to clear */
	NVME_PCI_AER_UEM = 0x08,
	NVME_PCI_AER_UESEV = 0x0c,
	NVME_PCI_AER_CES = 0x10, /* write 1 to clear */
	NVME_PCI_AER_CEM = 0x14,
	NVME_PCI_AER_CC = 0x18,
	NVME_PCI_AER_HL = 0x1c, /* four dwords */
	NVME_PCI_AER_TLP = 0x38,
	NVME_PCI_AER_SIZE = 0x48,
};
#define NVME_PCI_AER_UE_DLPE NVME_BITS(4, 4)
#define NVME_PCI_AER_UE_PT NVME_BITS(12, 12) /* poisoned TLP */
#define NVME_PCI_AER_UE_FCPE NVME_BITS(13, 13)
#define NVME_PCI_AER_UE_CT NVME_BITS(14, 14) /* completion timeout */
#define NVME_PCI_AER_UE_CA NVME_BITS(15, 15) /* completer abort */
#define NVME_PCI_AER_UE_UC NVME_BITS(16, 16) /* unexpected completion */
#define NVME_PCI_AER_UE_RO NVME_BITS(17, 17)
#define NVME_PCI_AER_UE_MT NVME_BITS(18, 18) /* malformed TLP */
#define NVME_PCI_AER_UE_ECRC NVME_BITS(19, 19)
#define NVME_PCI_AER_UE_UR NVME_BITS(20, 20) /* unsupported request */
#define NVME_PCI_AER_UE_UIE NVME_BITS(22, 22)
#define NVME_PCI_AER_CE_RE NVME_BITS(0, 0)
#define NVME_PCI_AER_CE_BT NVME_BITS(6, 6)
#define NVME_PCI_AER_CE_BD NVME_BITS(7, 7)
#define NVME_PCI_AER_CE_RR NVME_BITS(8, 8)
#define NVME_PCI_AER_CE_RT NVME_BITS(12, 12)
#define NVME_PCI_AER_CE_ANFE NVME_BITS(13, 13)
#define NVME_PCI_AER_CE_CIE NVME_BITS(14, 14)
#define NVME_PCI_AER_CE_HLO NVME_BITS(15, 15)

/* Device Serial Number. */
enum {
	NVME_PCI_DSN_LOW = 0x04,
	NVME_PCI_DSN_HIGH = 0x08,
	NVME_PCI_DSN_SIZE = 0x0c,
};

/* Single Root I/O Virtualization. */
enum {
	NVME_PCI_SRIOV_CAP = 0x04, /* 32 */
	NVME_PCI_SRIOV_CTL = 0x08, /* 16 */
	NVME_PCI_SRIOV_STS = 0x0a, /* 16 */
	NVME_PCI_SRIOV_INITIAL_VFS = 0x0c, /* 16 */
	NVME_PCI_SRIOV_TOTAL_VFS = 0x0e, /* 16 */
	NVME_PCI_SRIOV_NUM_VFS = 0x10, /* 16 */
	NVME_PCI_SRIOV_FDL = 0x12, /* 8 */
	NVME_PCI_SRIOV_VF_OFFSET = 0x14, /* 16 */
	NVME_PCI_SRIOV_VF_STRIDE = 0x16, /* 16 */
	NVME_PCI_SRIOV_VF_DID = 0x1a, /* 16 */
	NVME_PCI_SRIOV_SUP_PGSIZE = 0x1c, /* 32 */
	NVME_PCI_SRIOV_SYS_PGSIZE = 0x20, /* 32 */
	NVME_PCI_SRIOV_VF_BAR0 = 0x24, /* 32, six of them */
	NVME_PCI_SRIOV_SIZE = 0x40,
};
#define NVME_PCI_SRIOV_CTL_VFE NVME_BITS(0, 0)
#define NVME_PCI_SRIOV_CTL_VFMSE NVME_BITS(3, 3)
#define NVME_PCI_SRIOV_CTL_ARI NVME_BITS(4, 4)
