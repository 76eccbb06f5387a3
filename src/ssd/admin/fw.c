/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Firmware Commit, the slots, and activation: at the reset that the image asks for, or at once.  At once is a pause: the host is
 * told by an event, CSTS.PP is set and no command is taken until the new revision runs; then the command completes.
 *
 * NVMe Base 2.1, "Firmware Update Process", "Firmware Commit command", "Firmware Slot Information" log.
 */
#include "ssd/admin/fw.h"
#include "nvproof/spec/feat.h"
#include "ssd/admin/boot.h"
#include "ssd/admin/mi.h"
#include "ssd/admin/pel.h"
#include "ssd/core.h"
#include <string.h>

#define CDW10 offsetof(struct nvme_sqe, cdw10)

static void
set_rev(char rev[8], const char *s)
{
	memset(rev, ' ', 8);
	memcpy(rev, s, strnlen(s, 8));
}

static bool
empty(const struct ssd_fw_slot *s)
{
	return !s->rev[0];
}

void
ssd_fw_init(struct ssd_subsys *sub)
{
	sub->fw = (struct ssd_fw){ .kept = { .active = 1 } };
	set_rev(sub->fw.kept.slot[0].rev, sub->cfg.fr);
	memcpy(sub->fw.fr, sub->fw.kept.slot[0].rev, sizeof(sub->fw.fr));
}

bool
ssd_fw_kept_ok(const struct ssd_subsys *sub)
{
	const struct ssd_fw_kept *k = &sub->fw.kept;

	return k->active && k->active <= SSD_FW_SLOTS && k->next <= SSD_FW_SLOTS && !empty(&k->slot[k->active - 1]) &&
	       (!k->next || !empty(&k->slot[k->next - 1]));
}

/* Whether a reset of this kind is what the image asks for. */
static bool
enough(const struct ssd_fw_slot *s, enum ssd_fw_reset kind)
{
	uint32_t flags = le32_get(s->flags);

	return kind >= SSD_FW_RESET_NSS || !(flags & (SSD_FW_NEEDS_CONV | SSD_FW_NEEDS_NSSR));
}

static void
activate(struct ssd_subsys *sub)
{
	struct ssd_fw_kept *k = &sub->fw.kept;

	if (k->next)
		k->active = k->next;
	sub->fw.activated = true;
	k->next = 0;
	memcpy(sub->fw.fr, k->slot[k->active - 1].rev, sizeof(sub->fw.fr));
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (sub->ctrlr[i])
			ssd_mi_happened(sub->ctrlr[i], NVME_MI_CCS_FA);
	}
	ssd_part_save(sub, SSD_PART_FW);
}

/* The power loads what is in the active slot, which may have been replaced since. */
void
ssd_fw_reset(struct ssd_subsys *sub, enum ssd_fw_reset kind)
{
	struct ssd_fw_kept *k = &sub->fw.kept;

	if (kind == SSD_FW_RESET_POWER)
		set_rev(k->slot[0].rev, sub->cfg.fr); /* slot 1 is what this program is */
	if (k->next ? enough(&k->slot[k->next - 1], kind) : kind == SSD_FW_RESET_POWER)
		activate(sub);
}

static void
pause_end(struct ssd *ssd)
{
	ssd->hold &= (uint8_t)~SSD_HOLD_FW;
	ssd->csts &= ~(uint32_t)NVME_CSTS_PP;
	ssd->busy = true;
}

uint64_t
ssd_fw_tick(struct ssd *ssd)
{
	struct ssd_fw *fw = &ssd->sub->fw;

	if (!(ssd->hold & SSD_HOLD_FW))
		return SSD_NEVER;
	if (ssd->now_ns < fw->pause_end_ns)
		return fw->pause_end_ns;
	if (fw->pausing) {
		fw->pausing = false;
		activate(ssd->sub);
	}
	pause_end(ssd);
	return SSD_NEVER;
}

/* All controllers run the same firmware: all of them pause.  Each host learns it before. */
static nvme_status
activate_now(struct ssd_cmd *c)
{
	struct ssd_subsys *sub = c->ssd->sub;

	sub->fw.pausing = true;
	sub->fw.pause_end_ns = c->ssd->now_ns + SSD_FW_PAUSE_NS;
	ssd_event_all(sub, NVME_AER_NOTICE, NVME_AER_NOTICE_FW_ACTIVATION, NVME_LOG_FW_SLOT);
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (!sub->ctrlr[i] || sub->ctrlr[i]->stopped)
			continue;
		sub->ctrlr[i]->hold |= SSD_HOLD_FW;
		sub->ctrlr[i]->csts |= (uint32_t)NVME_CSTS_PP;
	}
	ssd_timer_arm_all(sub, sub->fw.pause_end_ns);
	return ssd_later(c, sub->fw.pause_end_ns);
}

/* The image in k->next is to run: at a reset, or now.  A status says what reset it takes; the commit was successful then. */
static nvme_status
schedule(struct ssd_cmd *c, uint8_t slot, uint8_t ca)
{
	struct ssd_fw_kept *k = &c->ssd->sub->fw.kept;
	uint32_t flags = le32_get(k->slot[slot - 1].flags);

	if (ca == NVME_FW_CA_ACTIVATE_NOW && (flags & SSD_FW_NEEDS_TIME))
		return ssd_fail(c, NVME_SC_FW_NEEDS_MAX_TIME, CDW10);
	k->next = slot;
	if (flags & SSD_FW_NEEDS_NSSR)
		return ssd_fail(c, NVME_SC_FW_NEEDS_SUBSYS_RESET, CDW10);
	if (flags & SSD_FW_NEEDS_CONV)
		return ssd_fail(c, NVME_SC_FW_NEEDS_CONV_RESET, CDW10);
	if (ca != NVME_FW_CA_ACTIVATE_NOW)
		return NVME_SC_SUCCESS;
	if (flags & SSD_FW_NEEDS_RESET)
		return ssd_fail(c, NVME_SC_FW_NEEDS_CTRLR_RESET, CDW10);
	return activate_now(c);
}

/* FS 0h: the controller chooses.  An empty one; else one that neither runs nor is to. */
static uint8_t
choose_slot(const struct ssd_fw_kept *k)
{
	for (uint8_t s = 2; s <= SSD_FW_SLOTS; s++) {
		if (empty(&k->slot[s - 1]))
			return s;
	}
	for (uint8_t s = 2; s <= SSD_FW_SLOTS; s++) {
		if (s != k->active && s != k->next)
			return s;
	}
	return k->active == 2 ? 3 : 2;
}

static nvme_status
check_slot(struct ssd_cmd *c, bool replace, uint8_t *slot)
{
	const struct ssd_fw_kept *k = &c->ssd->sub->fw.kept;

	if (!*slot && replace)
		*slot = choose_slot(k);
	if (!*slot || *slot > SSD_FW_SLOTS || (replace && *slot == 1))
		return ssd_fail(c, NVME_SC_INVALID_FW_SLOT, CDW10);
	if (!replace && empty(&k->slot[*slot - 1]))
		return ssd_fail(c, NVME_SC_INVALID_FW_IMAGE, CDW10);
	return NVME_SC_SUCCESS;
}

static nvme_status
commit(struct ssd_cmd *c, uint8_t slot, bool replace, char new[8])
{
	uint8_t ca = (uint8_t)nvme_get(le32_get(c->sqe->cdw10), NVME_FW_CA);
	struct ssd_fw_kept *k = &c->ssd->sub->fw.kept;
	struct ssd_fw_slot image = { 0 };
	nvme_status st = check_slot(c, replace, &slot);

	if (st)
		return st;
	if (replace && !ssd_fw_image_ok(c->ssd, &image))
		return ssd_fail(c, NVME_SC_INVALID_FW_IMAGE, CDW10);
	if (!replace)
		image = k->slot[slot - 1];
	memcpy(new, image.rev, 8);
	if (ca != NVME_FW_CA_REPLACE && (le32_get(image.flags) & SSD_FW_PROHIBITED))
		return ssd_fail(c, NVME_SC_FW_PROHIBITED, CDW10);
	k->slot[slot - 1] = image;
	st = ca == NVME_FW_CA_REPLACE ? NVME_SC_SUCCESS : schedule(c, slot, ca);
	ssd_part_save(c->ssd->sub, SSD_PART_FW);
	return st;
}

/* Whatever comes of it, the download is used up.  DW0.MUD is 0h: overlapping updates are refused, not detected. */
nvme_status
ssd_adm_fw_commit(struct ssd_cmd *c)
{
	uint32_t cdw10 = le32_get(c->sqe->cdw10);
	uint8_t ca = (uint8_t)nvme_get(cdw10, NVME_FW_CA), slot = (uint8_t)nvme_get(cdw10, NVME_FW_FS);
	bool replace = ca <= NVME_FW_CA_REPLACE_ACTIVATE;
	char new[8] = { 0 };
	nvme_status st;

	if (ca > NVME_FW_CA_ACTIVATE_NOW && ca < NVME_FW_CA_BP_REPLACE)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10);
	if (ca == NVME_FW_CA_ACTIVATE_NOW)
		replace = ssd_fw_load_any(c->ssd);
	st = ca >= NVME_FW_CA_BP_REPLACE ? ssd_boot_commit(c, ca) : commit(c, slot, replace, new);
	ssd_fw_load_drop(c->ssd);
	ssd_pel_fw_commit(c, c->ssd->sub->fw.fr, new, st);
	return st;
}

void
ssd_log_fw_slot(struct ssd *ssd, void *buf)
{
	const struct ssd_fw_kept *k = &ssd->sub->fw.kept;
	struct nvme_fw_slot_log *log = buf;

	log->afi = (uint8_t)(nvme_put(NVME_AFI_CAFS, k->active) | nvme_put(NVME_AFI_NAFS, k->next));
	for (uint32_t i = 0; i < SSD_FW_SLOTS; i++)
		memcpy(log->frs[i], k->slot[i].rev, sizeof(log->frs[i]));
}
