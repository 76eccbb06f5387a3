/* SPDX-License-Identifier: BSD-3-Clause */
/* The Zoned Namespace Command Set: exec.c runs it, and the Commands Supported and Effects log of CSI 2 is printed from it. */
#include "ssd/nvm/nvm.h"
#include "ssd/nvm/resv.h"
#include "ssd/zns/zns.h"

#define CSUPP NVME_EFFECTS_CSUPP
#define LBCC NVME_EFFECTS_LBCC
#define NS ((uint32_t)nvme_put(NVME_EFFECTS_CSP, NVME_SCOPE_NS))

const struct ssd_opcode ssd_zns_opcodes[256] = {
	[NVME_OPC_FLUSH] = { ssd_nvm_flush, CSUPP | NS },
	[NVME_OPC_WRITE] = { ssd_nvm_write, CSUPP | LBCC | NS },
	[NVME_OPC_READ] = { ssd_nvm_read, CSUPP | NS },
	[NVME_OPC_COMPARE] = { ssd_nvm_compare, CSUPP | NS },
	[NVME_OPC_WRITE_ZEROES] = { ssd_nvm_write_zeroes, CSUPP | LBCC | NS },
	[NVME_OPC_VERIFY] = { ssd_nvm_verify, CSUPP | NS },
	[NVME_OPC_RESV_REGISTER] = { ssd_nvm_resv_register, CSUPP | NS },
	[NVME_OPC_RESV_REPORT] = { ssd_nvm_resv_report, CSUPP | NS },
	[NVME_OPC_RESV_ACQUIRE] = { ssd_nvm_resv_acquire, CSUPP | NS },
	[NVME_OPC_RESV_RELEASE] = { ssd_nvm_resv_release, CSUPP | NS },
	[NVME_OPC_ZONE_MGMT_SEND] = { ssd_zns_mgmt_send, CSUPP | LBCC | NS },
	[NVME_OPC_ZONE_MGMT_RECV] = { ssd_zns_mgmt_recv, CSUPP | NS },
	[NVME_OPC_ZONE_APPEND] = { ssd_zns_append, CSUPP | LBCC | NS },
};
