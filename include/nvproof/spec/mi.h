/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NVMe Management Interface, as NVMe-MI Send and NVMe-MI Receive tunnel it in band.
 *
 * NVMe Management Interface Specification 1.2, "In-Band Tunneling Message Servicing Model", "Management Interface Command Set",
 * "Response Message Status".
 */
#pragma once

#include "nvproof/spec/types.h"

/* CDW10 of the admin command: the message header.  CDW11: the opcode.  CDW12, CDW13: NVMe Management Dwords 0 and 1. */
#define NVME_MI_MT NVME_BITS(6, 0)
#define NVME_MI_IC NVME_BIT(7)
#define NVME_MI_CSI NVME_BIT(8)
#define NVME_MI_NMIMT NVME_BITS(14, 11)
#define NVME_MI_ROR NVME_BIT(15)
#define NVME_MI_MEB NVME_BIT(16)
#define NVME_MI_CIAP NVME_BIT(17)
#define NVME_MI_OPC NVME_BITS(7, 0)
#define NVME_MI_MT_NVME 4u
#define NVME_MI_NMIMT_MI 1u

/* DW0 of the completion */
#define NVME_MI_STATUS NVME_BITS(7, 0)
#define NVME_MI_NMRESP NVME_BITS(31, 8)
#define NVME_MI_PARAM_BIT NVME_BITS(10, 8) /* with Invalid Parameter: where in the request message */
#define NVME_MI_PARAM_BYTE NVME_BITS(31, 16)

/* Where the dwords of the command are in a request message. */
enum {
	NVME_MI_BYTE_NMD0 = 8,
	NVME_MI_BYTE_NMD1 = 12,
};

enum nvme_mi_opc {
	NVME_MI_READ_DATA = 0x00,
	NVME_MI_SUBSYS_HEALTH = 0x01,
	NVME_MI_CTRLR_HEALTH = 0x02,
	NVME_MI_CONFIG_SET = 0x03,
	NVME_MI_CONFIG_GET = 0x04,
	NVME_MI_VPD_READ = 0x05,
	NVME_MI_VPD_WRITE = 0x06,
	NVME_MI_RESET = 0x07,
	NVME_MI_SHUTDOWN = 0x0c,
};

enum nvme_mi_status {
	NVME_MI_SUCCESS = 0x00,
	NVME_MI_INTERNAL = 0x02,
	NVME_MI_INVALID_OPCODE = 0x03,
	NVME_MI_INVALID_PARAM = 0x04,
	NVME_MI_INVALID_SIZE = 0x06,
	NVME_MI_VPD_EXCEEDED = 0x20,
};

/* Read NVMe-MI Data Structure: NMD0; the length of the data is in NMRESP. */
#define NVME_MI_READ_CTRLID NVME_BITS(15, 0)
#define NVME_MI_READ_PORTID NVME_BITS(23, 16)
#define NVME_MI_READ_DTYP NVME_BITS(31, 24)

enum nvme_mi_dtyp {
	NVME_MI_DTYP_SUBSYS = 0,
	NVME_MI_DTYP_PORT = 1,
	NVME_MI_DTYP_CTRL_LIST = 2,
	NVME_MI_DTYP_CTRL = 3,
	NVME_MI_DTYP_OPTIONAL = 4,
	NVME_MI_DTYP_MEB = 5,
};

struct nvme_mi_subsys_info {
	uint8_t nump; /* 0's based */
	uint8_t mjr, mnr;
	uint8_t nnsc;
	uint8_t rsvd4[28];
};
static_assert(sizeof(struct nvme_mi_subsys_info) == 32, "NVM Subsystem Information");

struct nvme_mi_port_info { /* of a PCIe port */
	uint8_t portt;
	uint8_t portcap;
	le16 mmctptus; /* bytes; 0h: no MCTP */
	le32 meb; /* bytes */
	uint8_t mps, sls, cls, mlw, nlw, pn;
	uint8_t rsvd14[18];
};
static_assert(sizeof(struct nvme_mi_port_info) == 32, "Port Information");
#define NVME_MI_PORT_PCIE 1u

struct nvme_mi_ctrl_info {
	uint8_t portid;
	uint8_t rsvd1[4];
	uint8_t prii; /* bit 0: pri is valid */
	le16 pri;
	le16 vid, did, ssvid, ssid;
	uint8_t rsvd16[16];
};
static_assert(sizeof(struct nvme_mi_ctrl_info) == 32, "Controller Information");

struct nvme_mi_optional_cmd {
	uint8_t type; /* NVME_MI_OPTIONAL_NMIMT */
	uint8_t opc;
};
#define NVME_MI_OPTIONAL_NMIMT NVME_BITS(6, 3)

struct nvme_mi_optional {
	le16 num;
	struct nvme_mi_optional_cmd cmd[1];
};
static_assert(sizeof(struct nvme_mi_optional) == 4, "Optionally Supported Command List");

/* NVM Subsystem Health Status Poll: NMD1, and its answer */
#define NVME_MI_HEALTH_CS NVME_BIT(31) /* clear the composite status */

struct nvme_mi_subsys_health {
	uint8_t nss;
	uint8_t sw; /* the critical warnings of all controllers, inverted */
	uint8_t ctemp; /* degrees C, as a signed byte with limits */
	uint8_t pdlu; /* percent */
	le16 ccs;
	uint8_t rsvd6[2];
};
static_assert(sizeof(struct nvme_mi_subsys_health) == 8, "NVM Subsystem Health");

#define NVME_MI_NSS_P1LA NVME_BIT(2)
#define NVME_MI_NSS_P0LA NVME_BIT(3)
#define NVME_MI_NSS_RNR NVME_BIT(4) /* reset not required */
#define NVME_MI_NSS_DF NVME_BIT(5) /* drive functional */

/* Composite controller status, and what of a controller has changed. */
#define NVME_MI_CCS_RDY NVME_BIT(0)
#define NVME_MI_CCS_CFS NVME_BIT(1)
#define NVME_MI_CCS_SHST NVME_BIT(2)
#define NVME_MI_CCS_NSSRO NVME_BIT(4)
#define NVME_MI_CCS_CECO NVME_BIT(5) /* controller enable change occurred */
#define NVME_MI_CCS_NAC NVME_BIT(6) /* namespace attribute changed */
#define NVME_MI_CCS_FA NVME_BIT(7) /* firmware activated */
#define NVME_MI_CCS_CSTS NVME_BIT(8)
#define NVME_MI_CCS_CTEMP NVME_BIT(9)
#define NVME_MI_CCS_PDLU NVME_BIT(10)
#define NVME_MI_CCS_SPARE NVME_BIT(11)
#define NVME_MI_CCS_CWARN NVME_BIT(12)

/* Controller Health Status Poll: NMD0, NMD1, and its answer */
#define NVME_MI_POLL_SCTLID NVME_BITS(15, 0)
#define NVME_MI_POLL_MAXRENT NVME_BITS(23, 16) /* 0's based */
#define NVME_MI_POLL_INCF NVME_BIT(24)
#define NVME_MI_POLL_INCPF NVME_BIT(25)
#define NVME_MI_POLL_INCVF NVME_BIT(26)
#define NVME_MI_POLL_ALL NVME_BIT(31)
#define NVME_MI_POLL_SELECT NVME_BITS(4, 0) /* CSTS, CTEMP, PDLU, SPARE, CWARN: those that must have changed */
#define NVME_MI_POLL_CCF NVME_BIT(31)
#define NVME_MI_POLL_RENT NVME_BITS(31, 24) /* DW0 of the completion */

struct nvme_mi_ctrl_health {
	le16 ctlid;
	le16 csts;
	le16 ctemp; /* K */
	uint8_t pdlu, spare; /* percent */
	uint8_t cwarn;
	uint8_t rsvd9[7];
};
static_assert(sizeof(struct nvme_mi_ctrl_health) == 16, "Controller Health");

#define NVME_MI_CSTS_RDY NVME_BIT(0)
#define NVME_MI_CSTS_CFS NVME_BIT(1)
#define NVME_MI_CSTS_SHST NVME_BITS(3, 2)
#define NVME_MI_CSTS_NSSRO NVME_BIT(4)
#define NVME_MI_CSTS_CECO NVME_BIT(5)
#define NVME_MI_CSTS_NAC NVME_BIT(6)
#define NVME_MI_CSTS_FA NVME_BIT(7)

/* Configuration Get and Set: NMD0 */
#define NVME_MI_CONFIG_ID NVME_BITS(7, 0)
enum {
	NVME_MI_CONFIG_SMBUS = 1,
	NVME_MI_CONFIG_HEALTH = 2, /* Set: NMD1 has the bits of NVME_MI_CCS_* to clear */
	NVME_MI_CONFIG_MTU = 3,
};

/* VPD Read and Write: NMD0 and NMD1 */
#define NVME_MI_VPD_DOFST NVME_BITS(15, 0)
#define NVME_MI_VPD_DLEN NVME_BITS(15, 0)
