/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sanitize operation.  The data is gone before the command completes; what takes its time after that is what a real drive
 * would need.  With No-Deallocate, blocks that were allocated stay so: an Overwrite leaves its pattern in them, written in
 * pieces while the time passes.
 *
 * NVMe Base 2.1, "Sanitize Operation State Machine", figure "Sanitize Operations - Overwrite Mechanism".
 */
#include "nvproof/spec/feat.h"
#include "ssd/admin/dst.h"
#include "ssd/admin/pel.h"
#include "ssd/admin/sanitize.h"
#include "ssd/core.h"
#include "ssd/media/flash.h"
#include "ssd/zns/zns.h"
#include "ssd/nvm/lba_map.h"
#include <string.h>

#define MS_NS 1000000ull
#define CRYPTO_NS (1000 * MS_NS)
#define BLOCK_NS (2000 * MS_NS)
#define PASS_NS (1000 * MS_NS) /* and a second for each 16 GiB */
#define PASS_SHIFT 34
#define STEP_NS MS_NS /* while there is work to do besides waiting */
#define STEP_BLOCKS 4096u
#define NEVER_YET UINT64_MAX

uint32_t
ssd_sanitize_passes(uint32_t cdw10)
{
	uint32_t n = nvme_get32(cdw10, NVME_SANITIZE_OWPASS);

	return nvme_get(cdw10, NVME_SANITIZE_SANACT) != NVME_SANACT_OVERWRITE ? 0 : n ? n : 16;
}

uint64_t
ssd_sanitize_total_ns(const struct ssd_subsys *sub, uint32_t cdw10)
{
	if (nvme_get(cdw10, NVME_SANITIZE_SANACT) == NVME_SANACT_OVERWRITE)
		return ssd_sanitize_passes(cdw10) * (PASS_NS + (sub->capacity >> PASS_SHIFT) * 1000 * MS_NS);
	return nvme_get(cdw10, NVME_SANITIZE_SANACT) == NVME_SANACT_CRYPTO_ERASE ? CRYPTO_NS : BLOCK_NS;
}

uint64_t
ssd_sanitize_done_ns(const struct ssd_subsys *sub)
{
	const struct ssd_sanitize *s = &sub->sanitize;
	uint64_t now = UT_MAX(sub->last_ns, s->since_ns == NEVER_YET ? 0 : s->since_ns);

	return le64_get(s->kept.done_ns) + (s->since_ns == NEVER_YET ? 0 : now - s->since_ns);
}

void
ssd_sanitize_init(struct ssd_subsys *sub)
{
	sub->sanitize = (struct ssd_sanitize){ .since_ns = NEVER_YET, .kept.erased = 1 };
}

bool
ssd_sanitize_kept_ok(const struct ssd_subsys *sub)
{
	const struct ssd_sanitize_kept *k = &sub->sanitize.kept;
	uint32_t act = nvme_get32(le32_get(k->scdw10), NVME_SANITIZE_SANACT);

	if (k->state > SSD_SANITIZE_UNRESTRICTED_FAILED || k->sos > NVME_SOS_FAILED || k->passes > 16 || k->erased > 1)
		return false;
	return k->state == SSD_SANITIZE_IDLE || (act >= NVME_SANACT_BLOCK_ERASE && act <= NVME_SANACT_CRYPTO_ERASE);
}

static void
erase(struct ssd_subsys *sub, bool dealloc)
{
	sub->media->ops->discard(sub->media, 0, sub->capacity);
	sub->media->ops->flush(sub->media);
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		if (!sub->ns[i].nsze)
			continue;
		ssd_lba_map_clear_all(sub->ns[i].bad);
		if (dealloc || sub->ns[i].zones)
			ssd_lba_map_clear_all(sub->ns[i].alloc);
		ssd_zns_erased(&sub->ns[i]);
	}
}

void
ssd_sanitize_start(struct ssd *by, uint32_t cdw10, uint32_t ovrpat)
{
	struct ssd_subsys *sub = by->sub;

	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (sub->ctrlr[i])
			ssd_event_drop(sub->ctrlr[i], NVME_AER_IOCS, NVME_LOG_SANITIZE);
	}
	ssd_dst_abort(sub, NVME_DSTS_ABORT_SANITIZE);
	sub->sanitize.kept = (struct ssd_sanitize_kept){
		.state = cdw10 & NVME_SANITIZE_AUSE ? SSD_SANITIZE_UNRESTRICTED : SSD_SANITIZE_RESTRICTED,
		.sos = NVME_SOS_IN_PROGRESS,
		.scdw10 = le32_from(cdw10),
		.ovrpat = le32_from(ovrpat),
		.cntlid = le16_from(by->cntlid),
	};
	sub->sanitize.since_ns = by->now_ns;
	ssd_pel_sanitize_start(by, cdw10, ovrpat);
	erase(sub, !(cdw10 & NVME_SANITIZE_NDAS));
	ssd_part_save(sub, SSD_PART_SANITIZE);
	ssd_ns_gate(sub);
	ssd_timer_arm_all(sub, by->now_ns);
}

static void
finish(struct ssd_subsys *sub, bool ok)
{
	struct ssd_sanitize_kept *k = &sub->sanitize.kept;
	uint16_t cntlid = le16_get(k->cntlid);
	struct ssd *by;

	if (ok)
		k->state = SSD_SANITIZE_IDLE;
	else
		k->state = k->state == SSD_SANITIZE_RESTRICTED ? SSD_SANITIZE_RESTRICTED_FAILED
							       : SSD_SANITIZE_UNRESTRICTED_FAILED;
	k->sos = ok ? NVME_SOS_OK : NVME_SOS_FAILED;
	k->erased = ok;
	k->passes = (uint8_t)ssd_sanitize_passes(le32_get(k->scdw10));
	sub->sanitize.since_ns = NEVER_YET;
	ssd_persist_save(sub);
	ssd_part_save(sub, SSD_PART_SANITIZE);
	ssd_ns_gate(sub);
	by = cntlid && cntlid <= SSD_MAX_CTRLRS ? sub->ctrlr[cntlid - 1] : NULL;
	ssd_pel_sanitize_done(sub, by);
	if (by) /* "reported only by that controller" that had the command */
		ssd_event(by, NVME_AER_IOCS, NVME_AER_IOCS_SANITIZE, NVME_LOG_SANITIZE);
}

static void
fill_pattern(uint8_t *p, uint64_t len, uint32_t pattern)
{
	le32 v = le32_from(pattern);

	for (uint64_t at = 0; at + sizeof(v) <= len; at += sizeof(v)) /* blocks and metadata are whole dwords */
		memcpy(p + at, &v, sizeof(v));
}

/* The metadata of a block: the pattern, and FFh in the protection information, whatever the number of passes. */
static void
fill_meta(const struct ssd_ns *ns, uint8_t *p, uint64_t len, uint32_t pattern)
{
	fill_pattern(p, len, pattern);
	for (uint64_t at = 0; ns->pi.type && at < len; at += ns->meta_size)
		memset(p + at + ns->pi.off, 0xff, ns->pi.size);
}

static bool
overwrite(struct ssd_ns *ns, uint64_t lba, uint64_t n, uint32_t pattern)
{
	const struct ssd_media_ops *ops = ns->sub->media->ops;
	uint64_t off = ns->media_off + (lba << ns->lba_shift), len;
	uint8_t *p;

	for (uint64_t left = n << ns->lba_shift; left; left -= len, off += len) {
		len = left;
		p = ops->poke(ns->sub->media, off, &len, 0);
		if (!p)
			return false;
		fill_pattern(p, len, pattern);
	}
	off = ns->meta_off + lba * ns->meta_size;
	for (uint64_t left = ns->sub->media->null ? 0 : n * ns->meta_size; left; left -= len, off += len) {
		len = left;
		p = ops->poke(ns->sub->media, off, &len, 0);
		if (!p)
			return false;
		fill_meta(ns, p, len, pattern);
	}
	return true;
}

/* From work_ns and work_lba on: the next block that keeps its allocation.  NULL: there is none. */
static struct ssd_ns *
next_allocated(struct ssd_subsys *sub, uint64_t *lba)
{
	struct ssd_sanitize_kept *k = &sub->sanitize.kept;
	uint32_t i = le32_get(k->work_ns);

	for (*lba = le64_get(k->work_lba); i < SSD_MAX_NAMESPACES; i++, *lba = 0) {
		struct ssd_ns *ns = &sub->ns[i];

		k->work_ns = le32_from(i);
		if (*lba < ns->nsze && ssd_lba_map_find(ns->alloc, *lba, ns->nsze - *lba, true, lba))
			return ns;
	}
	k->work_ns = le32_from(SSD_MAX_NAMESPACES);
	return NULL;
}

/* Write the pattern into some more blocks.  *done: there are no more. */
static bool
work(struct ssd_subsys *sub, bool *done)
{
	struct ssd_sanitize_kept *k = &sub->sanitize.kept;
	uint32_t cdw10 = le32_get(k->scdw10);
	struct ssd_ns *ns = NULL;
	uint64_t from, to;

	if ((cdw10 & NVME_SANITIZE_NDAS) && ssd_sanitize_passes(cdw10))
		ns = next_allocated(sub, &from);
	*done = !ns;
	if (!ns)
		return true;
	to = from + UT_MIN(STEP_BLOCKS, ns->nsze - from);
	ssd_lba_map_find(ns->alloc, from, to - from, false, &to);
	k->work_lba = le64_from(to);
	return overwrite(ns, from, to - from, le32_get(k->ovrpat));
}

/* A fault that somebody asked for is as good as one of the media. */
static bool
fails(struct ssd_subsys *sub)
{
	bool fault = sub->sanitize.fault;

	sub->sanitize.fault = false;
	return fault;
}

/* After power on.  Of media that take time it is not known how far they were: the work begins again. */
static void
resume(struct ssd_subsys *sub)
{
	struct ssd_sanitize_kept *k = &sub->sanitize.kept;

	sub->sanitize.since_ns = sub->last_ns;
	if (!ssd_flash_ftl(sub->media))
		return;
	erase(sub, !(le32_get(k->scdw10) & NVME_SANITIZE_NDAS));
	k->work_ns = le32_from(0);
	k->work_lba = le64_from(0);
}

uint64_t
ssd_sanitize_tick(struct ssd *ssd)
{
	struct ssd_subsys *sub = ssd->sub;
	struct ssd_sanitize *s = &sub->sanitize;
	uint64_t total, done;
	bool ok, no_work;

	if (!ssd_sanitize_busy(sub))
		return SSD_NEVER;
	if (s->since_ns == NEVER_YET)
		resume(sub);
	ok = work(sub, &no_work);
	total = ssd_sanitize_total_ns(sub, le32_get(s->kept.scdw10));
	done = ssd_sanitize_done_ns(sub);
	if (ok && done < total)
		return no_work ? sub->last_ns + (total - done) : sub->last_ns + STEP_NS;
	if (ok && !no_work)
		return sub->last_ns; /* it takes longer than planned */
	ok = ok && !sub->media->ops->flush(sub->media);
	if (ok && sub->io_due_ns > sub->last_ns)
		return sub->io_due_ns;
	finish(sub, ok && !fails(sub));
	return SSD_NEVER;
}

void
ssd_sanitize_pause(struct ssd_subsys *sub)
{
	struct ssd_sanitize *s = &sub->sanitize;

	if (!ssd_sanitize_busy(sub))
		return;
	s->kept.done_ns = le64_from(ssd_sanitize_done_ns(sub));
	s->since_ns = NEVER_YET;
	ssd_part_save(sub, SSD_PART_SANITIZE);
}
