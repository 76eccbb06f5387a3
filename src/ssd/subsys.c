/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The NVM subsystem: its media, its namespaces, and its power.
 *
 * NVMe Base, "NVM Subsystem", "SMART / Health Information" (power cycles, unsafe shutdowns).
 */
#include "ssd/core.h"
#include "ssd/admin/boot.h"
#include "ssd/admin/dst.h"
#include "ssd/admin/sanitize.h"
#include "ssd/admin/fw.h"
#include "ssd/admin/identify.h"
#include "ssd/admin/mi.h"
#include "ssd/admin/pel.h"
#include "ssd/admin/pstate.h"
#include "ssd/fault/fault.h"
#include "ssd/fdp/fdp.h"
#include "ssd/media/flash.h"
#include "ssd/media/media.h"
#include "ssd/nvm/resv.h"
#include "ssd/admin/telemetry.h"
#include "ssd/admin/virt.h"
#include "ssd/zns/zns.h"
#include "util/alloc.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_MIN 4096u

struct complaint {
	char *err;
	size_t len;
};

static int __attribute__((format(printf, 3, 4))) complain(const struct complaint *to, int rc, const char *fmt, ...)
{
	va_list ap;

	if (to->err && to->len) {
		va_start(ap, fmt);
		vsnprintf(to->err, to->len, fmt, ap);
		va_end(ap);
	}
	return rc;
}

static int
ns_check(const struct ssd_ns_config *ns, uint32_t nsid, const struct complaint *to)
{
	if (ns->lba_size != 512 && ns->lba_size != 4096)
		return complain(to, -EINVAL, "namespace %u: an LBA has 512 or 4096 bytes, not %u", nsid, ns->lba_size);
	if (ns->size < NS_MIN || ns->size > SSD_NS_MAX)
		return complain(to, -EINVAL, "namespace %u: a size is from 4096 to 2^50 bytes, not %" PRIu64, nsid,
				ns->size);
	return 0;
}

static int
config_check(const struct ssd_config *cfg, const struct complaint *to)
{
	const char *why;
	int rc = 0;

	if (!cfg->nr_ns || cfg->nr_ns > SSD_MAX_NAMESPACES)
		return complain(to, -EINVAL, "a software SSD has 1 to %u namespaces, not %u", SSD_MAX_NAMESPACES,
				cfg->nr_ns);
	if (cfg->queues >= SSD_MAX_QUEUES)
		return complain(to, -EINVAL, "at most %u I/O queue pairs, not %u", SSD_MAX_QUEUES - 1, cfg->queues);
	if (cfg->virt && cfg->queues)
		return complain(to, -EINVAL, "with virt the number of queue pairs is what the host assigns");
	if (cfg->mdts > SSD_MAX_MDTS)
		return complain(to, -EINVAL, "MDTS is at most %u, not %u", SSD_MAX_MDTS, cfg->mdts);
	if (cfg->media == SSD_MEDIA_FILE && !cfg->image)
		return complain(to, -EINVAL, "media in a file need the path of an image");
	if (cfg->media == SSD_MEDIA_FLASH && cfg->profile.media != SSD_PROFILE_FLASH)
		return complain(to, -EINVAL, "media of flash need a profile that has some");
	if (cfg->cmb_size % SSD_PAGE || cfg->cmb_size > SSD_CMB_MAX)
		return complain(to, -EINVAL, "a controller memory buffer is whole 4 KiB up to 1 GiB, not %" PRIu64,
				cfg->cmb_size);
	for (uint32_t i = 0; i < cfg->nr_ns && !rc; i++)
		rc = ns_check(&cfg->ns[i], i + 1, to);
	if (!rc && ssd_zns_check(cfg, &why))
		rc = complain(to, -EINVAL, "%s", why);
	return rc;
}

static void
config_defaults(struct ssd_config *cfg)
{
	char err[80];

	if (!cfg->profile.name[0] && ssd_profile_find("ram", &cfg->profile, err, sizeof(err)))
		assert(false); /* it is part of the library */
	cfg->queues = cfg->queues ? cfg->queues : SSD_MAX_QUEUES - 1;
	cfg->mqes = cfg->mqes ? cfg->mqes : 65534;
	cfg->mdts = cfg->mdts ? cfg->mdts : SSD_MAX_MDTS;
	cfg->sn[sizeof(cfg->sn) - 1] = cfg->mn[sizeof(cfg->mn) - 1] = cfg->fr[sizeof(cfg->fr) - 1] = 0;
	if (!cfg->sn[0])
		snprintf(cfg->sn, sizeof(cfg->sn), "NVP%016" PRIX64, cfg->seed);
	if (!cfg->mn[0])
		snprintf(cfg->mn, sizeof(cfg->mn), "nvproof software SSD");
	if (!cfg->fr[0])
		snprintf(cfg->fr, sizeof(cfg->fr), "0.1");
}

static int
media_open(struct ssd_subsys *sub, uint64_t size, const struct complaint *to)
{
	int rc;

	if (sub->cfg.media == SSD_MEDIA_FILE)
		return ssd_media_file(&sub->cfg, size, &sub->media, to->err, to->len);
	if (sub->cfg.media == SSD_MEDIA_FLASH)
		return ssd_media_flash(&sub->cfg, size, &sub->last_ns, &sub->io_due_ns, &sub->media, to->err, to->len);
	rc = sub->cfg.media == SSD_MEDIA_NULL ? ssd_media_null(size, &sub->media)
					      : ssd_media_ram(size, sub->cfg.ram_limit, &sub->media);
	return rc ? complain(to, rc, "no memory for %" PRIu64 " bytes of media", size) : 0;
}

static int
maps_open(struct ssd_subsys *sub, const struct complaint *to)
{
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		int rc = sub->ns[i].nsze ? ssd_ns_maps_open(&sub->ns[i]) : 0;

		if (rc)
			return complain(to, rc, "no memory for the tables of namespace %u", i + 1);
	}
	return 0;
}

static void
subsys_free(struct ssd_subsys *sub)
{
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++)
		ssd_ns_maps_close(&sub->ns[i]);
	if (sub->media)
		sub->media->ops->close(sub->media);
	free(sub);
}

/* The process before ended without a word: for the drive that was a loss of power without notice. */
static void
killed(struct ssd_subsys *sub)
{
	if (!ssd_image_was_open(sub->media))
		return;
	sub->smart.unsafe_shutdowns++;
	sub->pel.unsafe = true;
}

int
ssd_subsys_open(const struct ssd_config *cfg, struct ssd_subsys **out, char *err, size_t errlen)
{
	char none[1];
	const struct complaint to = { .err = err ? err : none, .len = err ? errlen : sizeof(none) };
	struct ssd_subsys *sub;
	int rc = config_check(cfg, &to);

	if (rc)
		return rc;
	sub = ut_calloc(1, sizeof(*sub));
	if (!sub)
		return complain(&to, -ENOMEM, "no memory");
	sub->cfg = *cfg;
	config_defaults(&sub->cfg);
	sub->temperature_k = (uint16_t)(sub->cfg.profile.heat.idle_c + SSD_KELVIN);
	rc = media_open(sub, ssd_ns_default(sub), &to);
	if (!rc && ssd_persist_load(sub))
		rc = complain(&to, -EUCLEAN, "the image is damaged");
	ssd_parts_init(sub);
	if (!rc)
		ssd_parts_load(sub);
	ssd_ns_restore(sub);
	ssd_fdp_open(sub);
	if (!rc)
		rc = maps_open(sub, &to);
	if (rc) {
		subsys_free(sub);
		return rc;
	}
	sub->cfg.image = NULL; /* the caller's; not needed any more */
	killed(sub);
	ssd_resv_power_lost(sub); /* as far as it was not noticed when it happened */
	ssd_ns_gate(sub);
	ssd_power_on(sub);
	*out = sub;
	return 0;
}

/* The process ends in order: what its drive has in the write buffer is in the file then, and nothing is cut. */
static void
settle_image(struct ssd_subsys *sub)
{
	if (!sub->powered || !sub->media->image)
		return;
	sub->media->ops->flush(sub->media);
	sub->last_ns = UT_MAX(sub->last_ns, sub->io_due_ns);
}

void
ssd_subsys_close(struct ssd_subsys *sub)
{
	if (!sub)
		return;
	settle_image(sub);
	ssd_power_off(sub);
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++)
		ssd_ctrlr_close(sub->ctrlr[i]);
	ssd_faults_close(sub);
	subsys_free(sub);
}

/* A controller that was enabled and not shut down since makes the loss of power an unsafe one. */
void
ssd_power_off(struct ssd_subsys *sub)
{
	bool clean = true;

	if (!sub->powered)
		return;
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (!sub->ctrlr[i])
			continue;
		clean = clean && sub->ctrlr[i]->clean;
		ssd_power_reset(sub->ctrlr[i]);
		ssd_heat_off(sub->ctrlr[i]);
	}
	if (!clean && !ssd_fault_strikes(sub, SSD_FAULT_UNSAFE_UNCOUNTED, &(uint64_t){ 0 }))
		sub->smart.unsafe_shutdowns++;
	if (ssd_fault_strikes(sub, SSD_FAULT_SMART_FORGETS, &(uint64_t){ 0 }))
		sub->smart = (struct ssd_smart){ 0 };
	sub->pel.unsafe = !clean;
	ssd_part_save(sub, SSD_PART_PEL);
	ssd_dst_pause(sub);
	ssd_sanitize_pause(sub);
	ssd_resv_power_lost(sub);
	ssd_part_save(sub, SSD_PART_HEAT);
	ssd_part_save(sub, SSD_PART_ZNS);
	ssd_part_save(sub, SSD_PART_FDP);
	ssd_persist_save(sub);
	sub->media->ops->power_off(sub->media);
	sub->powered = false;
	sub->stepped = false;
	sub->io_busy = 0;
}

void
ssd_power_on(struct ssd_subsys *sub)
{
	if (sub->powered)
		return;
	sub->powered = true;
	sub->smart.power_cycles++;
	sub->recovery_ns = sub->media->ops->power_on(sub->media);
	ssd_fw_reset(sub, SSD_FW_RESET_POWER);
	ssd_boot_power_on(sub);
	ssd_zns_power_on(sub);
	ssd_fdp_power_on(sub);
	sub->mi_ccs = 0;
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (sub->ctrlr[i])
			ssd_power_reset(sub->ctrlr[i]);
	}
	ssd_pel_power_on(sub, sub->pel.unsafe);
}

bool
ssd_powered(const struct ssd_subsys *sub)
{
	return sub->powered;
}

void
ssd_get_stats(const struct ssd_subsys *sub, struct ssd_stats *out)
{
	const struct ftl *ftl = ssd_flash_ftl(sub->media);

	*out = sub->stats;
	if (!ftl)
		return;
	out->flash_host_bytes = ftl_stats(ftl)->host_bytes;
	for (int s = 0; s < FTL_STREAMS; s++)
		out->flash_programmed_bytes += ftl_stats(ftl)->programmed[s] * NAND_UNIT;
	out->flash_write_amplification = ftl_waf(ftl);
	out->flash_bad_blocks = ftl_health(ftl).bad;
	out->flash_erases = ftl_nand(ftl)->stats.erases;
	out->flash_refreshed_blocks = ftl_stats(ftl)->refreshed;
	out->flash_levelled_blocks = ftl_stats(ftl)->levelled;
	out->flash_unreadable = ftl_stats(ftl)->unreadable;
	out->flash_hard_reads = ftl_stats(ftl)->hard;
	out->flash_slc_bytes = ftl_stats(ftl)->programmed[FTL_CACHE] * NAND_UNIT;
	out->flash_folded_bytes = ftl_stats(ftl)->folded * NAND_UNIT;
	out->flash_failed_programs = ftl_nand(ftl)->stats.failed_programs;
}

/* Above the critical temperature the drive keeps what it knows: it may be the last chance. */
static void
critical_check(struct ssd_subsys *sub, uint16_t was)
{
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (!sub->ctrlr[i] || was >= ssd_cctemp(sub) || sub->temperature_k < ssd_cctemp(sub))
			continue;
		ssd_pel_hw_error(sub->ctrlr[i], NVME_PEL_HW_CRITICAL_WARNING);
		ssd_telemetry_capture(sub->ctrlr[i], "critical temperature");
		break;
	}
}

uint16_t
ssd_temperature(const struct ssd_subsys *sub)
{
	return sub->temperature_k;
}

void
ssd_set_temperature(struct ssd_subsys *sub, uint16_t kelvin)
{
	uint16_t was = sub->temperature_k;

	sub->temperature_k = kelvin;
	if (sub->powered) {
		ssd_pel_temperature(sub, was);
		critical_check(sub, was);
	}
	ssd_mi_look(sub);
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (!sub->ctrlr[i])
			continue;
		ssd_temp_check(sub->ctrlr[i]);
		ssd_heat_check(sub->ctrlr[i]);
	}
}
