/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Boot partitions: Firmware Commit writes them, the Boot Partition log reads them, and the Boot Partition Write Protection Config
 * feature protects them.  boot_reg.c has the way to read them without queues.
 *
 * NVMe Base 2.2, "Boot Partitions", "Writing to a Boot Partition", "Set Features Boot Partition Write Protection".
 */
#include "ssd/admin/boot.h"
#include "nvproof/spec/feat.h"
#include "ssd/admin/feat.h"
#include "ssd/admin/fw.h"
#include <string.h>

#define CDW10 offsetof(struct nvme_sqe, cdw10)

void
ssd_boot_init(struct ssd_subsys *sub)
{
	memset(&sub->boot, 0, sizeof(sub->boot));
	ssd_boot_power_on(sub);
}

bool
ssd_boot_kept_ok(const struct ssd_subsys *sub)
{
	return sub->boot.kept[0].abpid < SSD_BPS;
}

/* "Any Boot Partition in a Write Unlocked state transitions to the Write Locked state": as do those locked until now. */
void
ssd_boot_power_on(struct ssd_subsys *sub)
{
	for (int i = 0; i < SSD_BPS; i++)
		sub->boot.wps[i] = NVME_BPWPS_LOCKED;
}

static void
save(struct ssd_subsys *sub, uint32_t bpid)
{
	ssd_part_save(sub, bpid ? SSD_PART_BOOT1 : SSD_PART_BOOT0);
}

/* The image is what was downloaded, from its first byte on without a hole; behind it the partition is zeros. */
static nvme_status
replace(struct ssd_cmd *c, uint32_t bpid)
{
	struct ssd_boot *boot = &c->ssd->sub->boot;
	uint32_t len = ssd_fw_loaded(c->ssd);
	uint8_t *data = boot->kept[bpid].data;

	if (boot->wps[bpid] != NVME_BPWPS_UNLOCKED)
		return ssd_fail(c, NVME_SC_BP_WRITE_PROHIBITED, CDW10 + 3);
	if (!len || len > SSD_BP_SIZE)
		return ssd_fail(c, NVME_SC_INVALID_FW_IMAGE, CDW10);
	memcpy(data, c->ssd->fw_load.buf, len);
	memset(data + len, 0, SSD_BP_SIZE - len);
	save(c->ssd->sub, bpid);
	return NVME_SC_SUCCESS;
}

/* Which one is active is no part of its contents: write protection does not concern it. */
nvme_status
ssd_boot_commit(struct ssd_cmd *c, uint8_t ca)
{
	struct ssd_subsys *sub = c->ssd->sub;
	uint32_t bpid = nvme_get32(le32_get(c->sqe->cdw10), NVME_FW_BPID);

	if (ca == NVME_FW_CA_BP_REPLACE)
		return replace(c, bpid);
	sub->boot.kept[0].abpid = (uint8_t)bpid;
	save(sub, 0);
	return NVME_SC_SUCCESS;
}

/* NVMe Base 2.2, "Boot Partition" log: it leaves the properties alone. */
nvme_status
ssd_log_boot(struct ssd_cmd *c, uint64_t off, uint64_t len)
{
	uint32_t lsp = nvme_get32(le32_get(c->sqe->cdw10), NVME_GLP_LSP);
	const struct ssd_boot *boot = &c->ssd->sub->boot;
	const struct nvme_boot_partition_log hdr = {
		.lid = NVME_LOG_BOOT_PARTITION,
		.bpinfo = le32_from(nvme_put32(NVME_BPINFO_BPSZ, SSD_BP_SIZE >> 17) |
				    nvme_put32(NVME_BPINFO_ABPID, boot->kept[0].abpid)),
	};
	uint64_t head = off < sizeof(hdr) ? UT_MIN(len, sizeof(hdr) - off) : 0;
	nvme_status st = NVME_SC_SUCCESS;

	if (head)
		st = ssd_to_host(c, 0, (const uint8_t *)&hdr + off, head);
	if (!st && len > head)
		st = ssd_to_host(c, head, boot->kept[nvme_get(lsp, NVME_BOOT_LSP_BPID)].data + off + head - sizeof(hdr),
				 len - head);
	return st;
}

/* "Locked until power cycle" is left by a power cycle alone. */
static nvme_status
check_change(struct ssd_cmd *c, uint32_t from, uint32_t to)
{
	if (to > NVME_BPWPS_UNTIL_POWER_CYCLE)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, SSD_FEAT_CDW11);
	if (from == NVME_BPWPS_UNTIL_POWER_CYCLE && to != NVME_BPWPS_NO_CHANGE && to != from)
		return ssd_fail(c, NVME_SC_FEAT_NOT_CHANGEABLE, SSD_FEAT_CDW11);
	return NVME_SC_SUCCESS;
}

/* NVMe Base 2.2, "Boot Partition Write Protection Config".  Both partitions change, or none. */
nvme_status
ssd_feat_bpwp_set(struct ssd_cmd *c, uint32_t cdw11, bool sv)
{
	uint8_t *wps = c->ssd->sub->boot.wps;
	uint32_t to[SSD_BPS] = { nvme_get32(cdw11, NVME_FEAT_BPWP_BP0WPS), nvme_get32(cdw11, NVME_FEAT_BPWP_BP1WPS) };
	nvme_status st = NVME_SC_SUCCESS;

	(void)sv;
	for (int i = 0; !st && i < SSD_BPS; i++)
		st = check_change(c, wps[i], to[i]);
	for (int i = 0; !st && i < SSD_BPS; i++) {
		if (to[i] != NVME_BPWPS_NO_CHANGE)
			wps[i] = (uint8_t)to[i];
	}
	return st;
}

nvme_status
ssd_feat_bpwp_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	const uint8_t *wps = c->ssd->sub->boot.wps;
	bool current = sel == NVME_FEAT_SEL_CURRENT;

	(void)cdw11;
	c->dw0 = nvme_put32(NVME_FEAT_BPWP_BP0WPS, current ? wps[0] : NVME_BPWPS_LOCKED) |
		 nvme_put32(NVME_FEAT_BPWP_BP1WPS, current ? wps[1] : NVME_BPWPS_LOCKED);
	return NVME_SC_SUCCESS;
}
