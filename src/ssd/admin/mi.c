/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NVMe-MI Send and NVMe-MI Receive: the message header, and which command is tunneled.
 *
 * NVMe Base 2.2, "NVMe-MI Send command", "NVMe-MI Receive command"; NVMe-MI 1.2, "In-Band Tunneling Message Servicing Model".
 */
#include "ssd/admin/mi.h"

#define CDW10 offsetof(struct nvme_sqe, cdw10)

static const struct mi_command {
	nvme_status (*exec)(struct ssd_cmd *c);
	bool send;
	uint32_t effects;
} table[256] = {
	[NVME_MI_READ_DATA] = { ssd_mi_read_data, false, 0 },
	[NVME_MI_SUBSYS_HEALTH] = { ssd_mi_subsys_health, false, 0 },
	[NVME_MI_CTRLR_HEALTH] = { ssd_mi_ctrlr_health, false, 0 },
	[NVME_MI_CONFIG_SET] = { ssd_mi_config_set, true, 0 },
	[NVME_MI_CONFIG_GET] = { ssd_mi_config_get, false, 0 },
	[NVME_MI_VPD_READ] = { ssd_mi_vpd_read, false, 0 },
	[NVME_MI_VPD_WRITE] = { ssd_mi_vpd_write, true, 0 },
};

nvme_status
ssd_mi_fail(struct ssd_cmd *c, enum nvme_mi_status status)
{
	c->dw0 = nvme_put32(NVME_MI_STATUS, status);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_mi_bad(struct ssd_cmd *c, uint32_t byte)
{
	c->dw0 = nvme_put32(NVME_MI_STATUS, NVME_MI_INVALID_PARAM) | nvme_put32(NVME_MI_PARAM_BYTE, byte);
	return NVME_SC_SUCCESS;
}

/* A request, of the Management Interface command set, without what only Management Endpoints have. */
static nvme_status
check_header(struct ssd_cmd *c)
{
	const uint32_t endpoints = (uint32_t)(NVME_MI_IC | NVME_MI_ROR | NVME_MI_MEB | NVME_MI_CIAP);
	uint32_t nmh = le32_get(c->sqe->cdw10);

	if (nvme_get(nmh, NVME_MI_MT) != NVME_MI_MT_NVME)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10);
	if (nvme_get(nmh, NVME_MI_NMIMT) != NVME_MI_NMIMT_MI)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10 + 1);
	if (nmh & endpoints)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10);
	return NVME_SC_SUCCESS;
}

static nvme_status
tunnel(struct ssd_cmd *c, bool send)
{
	const struct mi_command *m = &table[nvme_get(le32_get(c->sqe->cdw11), NVME_MI_OPC)];
	nvme_status st = check_header(c);

	if (st)
		return st;
	if (!m->exec || m->send != send)
		return ssd_mi_fail(c, NVME_MI_INVALID_OPCODE);
	return m->exec(c);
}

nvme_status
ssd_adm_mi_send(struct ssd_cmd *c)
{
	return tunnel(c, true);
}

nvme_status
ssd_adm_mi_recv(struct ssd_cmd *c)
{
	return tunnel(c, false);
}

/* NVMe Base 2.2, "NVMe-MI Commands Supported and Effects". */
void
ssd_log_mi_effects(struct ssd *ssd, void *buf)
{
	struct nvme_mi_effects_log *log = buf;

	(void)ssd;
	for (uint32_t opc = 0; opc < 256; opc++) {
		if (table[opc].exec)
			log->mics[opc] = le32_from((uint32_t)NVME_EFFECTS_CSUPP | table[opc].effects |
						   nvme_put32(NVME_EFFECTS_CSP, NVME_SCOPE_NSS));
	}
}
