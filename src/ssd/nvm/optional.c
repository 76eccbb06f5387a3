/* SPDX-License-Identifier: BSD-3-Clause */
/* NVMe Base 2.1, "Identify Controller data structure": ONCS.  What is not announced there is an opcode that is not supported. */
#include "ssd/nvm/optional.h"

/* In the order of the words of the profile's key "without". */
static const struct {
	uint8_t opc;
	uint64_t oncs;
} optional[] = {
	{ NVME_OPC_COMPARE, NVME_ONCS_NVMCMPS },
	{ NVME_OPC_WRITE_UNCOR, NVME_ONCS_NVMWUSV },
	{ NVME_OPC_DSM, NVME_ONCS_NVMDSMSV },
	{ NVME_OPC_WRITE_ZEROES, NVME_ONCS_NVMWZSV },
	{ NVME_OPC_VERIFY, NVME_ONCS_NVMVFYS },
	{ NVME_OPC_COPY, NVME_ONCS_NVMCPYS | NVME_ONCS_NVMCSA | NVME_ONCS_NVMAFC },
};

bool
ssd_left_out(const struct ssd_subsys *sub, uint32_t opc)
{
	for (size_t i = 0; i < UT_ARRAY_LEN(optional); i++) {
		if (optional[i].opc == opc)
			return sub->cfg.profile.without >> i & 1;
	}
	return false;
}

uint16_t
ssd_oncs_left(const struct ssd_subsys *sub, uint16_t oncs)
{
	for (size_t i = 0; i < UT_ARRAY_LEN(optional); i++) {
		if (sub->cfg.profile.without >> i & 1)
			oncs &= (uint16_t)~optional[i].oncs;
	}
	return oncs;
}
