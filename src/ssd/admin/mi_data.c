/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Read NVMe-MI Data Structure: the subsystem, its port, its controllers, its optional commands.
 *
 * NVMe-MI 1.2, "Read NVMe-MI Data Structure".
 */
#include "nvproof/spec/id_lists.h"
#include "nvproof/spec/pcie.h"
#include "ssd/admin/mi.h"
#include <string.h>

#define BYTE_CTRLID NVME_MI_BYTE_NMD0
#define BYTE_PORTID (NVME_MI_BYTE_NMD0 + 2)
#define BYTE_DTYP (NVME_MI_BYTE_NMD0 + 3)

/* NMRESP has the length of the data. */
static nvme_status
reply(struct ssd_cmd *c, const void *src, uint32_t len)
{
	nvme_status st = ssd_reply(c, src, len);

	if (!st)
		c->dw0 = nvme_put32(NVME_MI_NMRESP, len);
	return st;
}

static nvme_status
subsystem(struct ssd_cmd *c)
{
	const struct nvme_mi_subsys_info info = { .nump = 0, .mjr = 1, .mnr = 2 };

	return reply(c, &info, sizeof(info));
}

static uint32_t
cfg32(const struct ssd *ssd, uint32_t off)
{
	le32 v;

	memcpy(&v, ssd->cfg + off, sizeof(v));
	return le32_get(v);
}

/* Where a capability is in configuration space; 0: nowhere. */
static uint32_t
capability(const struct ssd *ssd, uint8_t id)
{
	uint32_t at = ssd->cfg[NVME_PCI_CAP];

	for (int i = 0; at && i < 48; i++, at = ssd->cfg[at + 1]) {
		if (ssd->cfg[at] == id)
			return at;
	}
	return 0;
}

/* The speeds up to the highest are all supported.   PCI Express Base, "Link Capabilities Register", "Link Status Register". */
static void
link_info(const struct ssd *ssd, struct nvme_mi_port_info *p)
{
	uint32_t exp = capability(ssd, NVME_PCI_CAPID_PCIE), cap, status;

	if (!exp)
		return;
	cap = cfg32(ssd, exp + 0x0c);
	status = cfg32(ssd, exp + 0x10) >> 16;
	p->mps = (uint8_t)(cfg32(ssd, exp + 0x04) & 7);
	p->sls = (uint8_t)((1u << (cap & 0xf)) - 1);
	p->cls = (uint8_t)(status & 0xf);
	p->mlw = (uint8_t)(cap >> 4 & 0x3f);
	p->nlw = (uint8_t)(status >> 4 & 0x3f);
}

/* One port, without a Management Endpoint. */
static nvme_status
port(struct ssd_cmd *c)
{
	struct nvme_mi_port_info p = { .portt = NVME_MI_PORT_PCIE };

	if (nvme_get(ssd_mi_nmd0(c), NVME_MI_READ_PORTID))
		return ssd_mi_bad(c, BYTE_PORTID);
	link_info(c->ssd, &p);
	return reply(c, &p, sizeof(p));
}

static nvme_status
controllers(struct ssd_cmd *c)
{
	uint32_t from = nvme_get32(ssd_mi_nmd0(c), NVME_MI_READ_CTRLID);
	struct nvme_ctrl_list *list = (void *)c->ssd->bounce;
	uint32_t n = 0;

	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (c->ssd->sub->ctrlr[i] && i + 1 >= from)
			list->cntlid[n++] = le16_from((uint16_t)(i + 1));
	}
	list->num = le16_from((uint16_t)n);
	return reply(c, list, 2 + 2 * n);
}

/* The routing identifier is not known: the host's bus has it. */
static nvme_status
controller(struct ssd_cmd *c)
{
	uint32_t id = nvme_get32(ssd_mi_nmd0(c), NVME_MI_READ_CTRLID);
	const struct ssd *ssd = id && id <= SSD_MAX_CTRLRS ? c->ssd->sub->ctrlr[id - 1] : NULL;
	struct nvme_mi_ctrl_info info = { .portid = 0 };

	if (!ssd)
		return ssd_mi_bad(c, BYTE_CTRLID);
	memcpy(&info.vid, ssd->cfg, 2);
	memcpy(&info.did, ssd->cfg + 2, 2);
	memcpy(&info.ssvid, ssd->cfg + 0x2c, 2);
	memcpy(&info.ssid, ssd->cfg + 0x2e, 2);
	return reply(c, &info, sizeof(info));
}

static nvme_status
optional(struct ssd_cmd *c)
{
	const struct nvme_mi_optional list = {
		.num = le16_from(1),
		.cmd = { { .type = (uint8_t)nvme_put(NVME_MI_OPTIONAL_NMIMT, NVME_MI_NMIMT_MI),
			   .opc = NVME_MI_VPD_WRITE } },
	};

	return reply(c, &list, sizeof(list));
}

nvme_status
ssd_mi_read_data(struct ssd_cmd *c)
{
	switch (nvme_get(ssd_mi_nmd0(c), NVME_MI_READ_DTYP)) {
	case NVME_MI_DTYP_SUBSYS:
		return subsystem(c);
	case NVME_MI_DTYP_PORT:
		return port(c);
	case NVME_MI_DTYP_CTRL_LIST:
		return controllers(c);
	case NVME_MI_DTYP_CTRL:
		return controller(c);
	case NVME_MI_DTYP_OPTIONAL:
		return optional(c);
	default:
		return ssd_mi_bad(c, BYTE_DTYP); /* there is no Management Endpoint Buffer either */
	}
}
