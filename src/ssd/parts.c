/* SPDX-License-Identifier: BSD-3-Clause */
/* What an image keeps besides user data, formats and counters: a line for each part; media/annex.c puts it into the file. */
#include "ssd/parts.h"
#include "ssd/admin/boot.h"
#include "ssd/admin/dst.h"
#include "ssd/admin/fw.h"
#include "ssd/admin/mi.h"
#include "ssd/admin/pel.h"
#include "ssd/admin/pstate.h"
#include "ssd/admin/sanitize.h"
#include "ssd/admin/telemetry.h"
#include "ssd/fdp/fdp.h"
#include "ssd/media/media.h"
#include "ssd/nvm/resv.h"
#include "ssd/zns/zns.h"
#include <string.h>

#define KEPT(member, ok)                                                                          \
	{                                                                                         \
		offsetof(struct ssd_subsys, member), sizeof(((struct ssd_subsys *)0)->member), ok \
	}

static const struct {
	size_t off, len;
	bool (*ok)(const struct ssd_subsys *sub); /* of what was loaded: a file is not to be trusted */
} parts[SSD_PARTS] = {
	[SSD_PART_DST] = KEPT(dst.kept, ssd_dst_kept_ok),
	[SSD_PART_FW] = KEPT(fw.kept, ssd_fw_kept_ok),
	[SSD_PART_NS] = KEPT(ns_kept, ssd_ns_kept_ok),
	[SSD_PART_POWER] = KEPT(power_kept, ssd_power_kept_ok),
	[SSD_PART_HEAT] = KEPT(heat, ssd_heat_kept_ok),
	[SSD_PART_SANITIZE] = KEPT(sanitize.kept, ssd_sanitize_kept_ok),
	[SSD_PART_RESV] = KEPT(resv, ssd_resv_kept_ok),
	[SSD_PART_BOOT0] = KEPT(boot.kept[0], ssd_boot_kept_ok),
	[SSD_PART_BOOT1] = KEPT(boot.kept[1], ssd_boot_kept_ok),
	[SSD_PART_VPD] = KEPT(vpd, ssd_vpd_kept_ok),
	[SSD_PART_PEL] = KEPT(pel, ssd_pel_kept_ok),
	[SSD_PART_ZNS] = KEPT(zns, ssd_zns_kept_ok),
	[SSD_PART_FDP] = KEPT(fdp.kept, ssd_fdp_kept_ok),
	[SSD_PART_TELEMETRY] = KEPT(telemetry, ssd_telemetry_kept_ok),
};

static void
part_init(struct ssd_subsys *sub, enum ssd_part part)
{
	switch (part) {
	case SSD_PART_DST:
		ssd_dst_init(sub);
		break;
	case SSD_PART_FW:
		ssd_fw_init(sub);
		break;
	case SSD_PART_NS:
		ssd_ns_kept_init(sub);
		break;
	case SSD_PART_POWER:
		memset(sub->power_kept, 0, sizeof(sub->power_kept));
		break;
	case SSD_PART_HEAT:
		memset(&sub->heat, 0, sizeof(sub->heat));
		break;
	case SSD_PART_SANITIZE:
		ssd_sanitize_init(sub);
		break;
	case SSD_PART_RESV:
		ssd_resv_init(sub);
		break;
	case SSD_PART_BOOT0:
	case SSD_PART_BOOT1:
		ssd_boot_init(sub);
		break;
	case SSD_PART_VPD:
		ssd_vpd_init(sub);
		break;
	case SSD_PART_PEL:
		memset(&sub->pel, 0, sizeof(sub->pel));
		break;
	case SSD_PART_TELEMETRY:
		memset(&sub->telemetry, 0, sizeof(sub->telemetry));
		break;
	case SSD_PART_ZNS:
		ssd_zns_init(sub);
		break;
	case SSD_PART_FDP:
		ssd_fdp_init(sub);
		break;
	case SSD_PARTS:
		break;
	}
}

void
ssd_parts_init(struct ssd_subsys *sub)
{
	for (int i = 0; i < SSD_PARTS; i++)
		part_init(sub, (enum ssd_part)i);
}

void
ssd_parts_load(struct ssd_subsys *sub)
{
	for (int i = 0; i < SSD_PARTS; i++) {
		if (ssd_annex_load(sub->media, (uint32_t)i, (uint8_t *)sub + parts[i].off, parts[i].len) &&
		    !parts[i].ok(sub))
			part_init(sub, (enum ssd_part)i);
	}
}

void
ssd_part_save(struct ssd_subsys *sub, enum ssd_part part)
{
	if (sub->media)
		ssd_annex_save(sub->media, (uint32_t)part, (uint8_t *)sub + parts[part].off, parts[part].len);
}
