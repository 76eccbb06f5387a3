/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Device Self-test.  The command starts an operation and is done; the operation ends by itself, and its result is in the log.
 *
 * A test has segments, of which two can find anything in a drive made of software: the SMART check (a critical warning is on) and
 * the media check of an extended test (the media do not take what is written).
 *
 * NVMe Base 2.1, "Device Self-test command", "Device Self-test Operations", "Device Self-test" log.
 */
#include "ssd/admin/dst.h"
#include "ssd/admin/feat.h"
#include "ssd/core.h"
#include "ssd/media/media.h"
#include <string.h>

#define SEGMENT_SMART 2u /* as the specification's example numbers them */
#define SEGMENT_MEDIA 7u
#define HOUR_NS 3600000000000ull
#define MS_NS 1000000ull

static uint64_t
total_ms(uint8_t stc)
{
	return stc == NVME_DST_SHORT ? SSD_DST_SHORT_MS : SSD_DST_EXTENDED_MS;
}

void
ssd_dst_init(struct ssd_subsys *sub)
{
	sub->dst = (struct ssd_dst){ 0 };
	for (uint32_t i = 0; i < NVME_SELF_TEST_RESULTS; i++)
		sub->dst.kept.result[i].dsts = NVME_DSTS_UNUSED;
}

bool
ssd_dst_kept_ok(const struct ssd_subsys *sub)
{
	const struct ssd_dst_kept *k = &sub->dst.kept;

	return !k->stc || (k->stc <= NVME_DST_EXTENDED && le32_get(k->left_ms) <= total_ms(k->stc));
}

/* The operation is over: its result is the newest. */
static void
finish(struct ssd_subsys *sub, uint8_t why, uint8_t segment)
{
	struct ssd_dst_kept *k = &sub->dst.kept;
	uint64_t poh = sub->smart.power_on_ns / HOUR_NS;

	memmove(&k->result[1], &k->result[0], sizeof(k->result) - sizeof(k->result[0]));
	k->result[0] = (struct nvme_self_test_result){
		.dsts = (uint8_t)(nvme_put(NVME_DSTS_STC, k->stc) | nvme_put(NVME_DSTS_RESULT, why)),
		.segn = segment,
		.poh = { le32_from((uint32_t)poh), le32_from((uint32_t)(poh >> 32)) },
	};
	k->stc = 0;
	ssd_part_save(sub, SSD_PART_DST);
}

static void
start(struct ssd *ssd, uint8_t stc, uint32_t nsid)
{
	struct ssd_dst *d = &ssd->sub->dst;

	d->kept.stc = stc;
	d->kept.nsid = le32_from(nsid);
	d->kept.cntlid = le16_from(ssd->cntlid);
	d->kept.left_ms = le32_from((uint32_t)total_ms(stc));
	d->end_ns = ssd->now_ns + total_ms(stc) * MS_NS;
	ssd_part_save(ssd->sub, SSD_PART_DST);
	ssd_timer_arm_all(ssd->sub, d->end_ns);
}

static void
run_segments(struct ssd *ssd)
{
	struct ssd_media *m = ssd->sub->media;

	if (ssd_temp_warning(ssd))
		finish(ssd->sub, NVME_DSTS_FAIL_SEGMENT, SEGMENT_SMART);
	else if (ssd->sub->dst.kept.stc == NVME_DST_EXTENDED && m->ops->flush(m))
		finish(ssd->sub, NVME_DSTS_FAIL_SEGMENT, SEGMENT_MEDIA);
	else
		finish(ssd->sub, NVME_DSTS_OK, 0);
}

uint64_t
ssd_dst_tick(struct ssd *ssd)
{
	struct ssd_dst *d = &ssd->sub->dst;

	if (!d->kept.stc)
		return SSD_NEVER;
	if (!d->end_ns)
		d->end_ns = ssd->now_ns + le32_get(d->kept.left_ms) * MS_NS;
	if (ssd->now_ns < d->end_ns)
		return d->end_ns;
	run_segments(ssd);
	return SSD_NEVER;
}

void
ssd_dst_abort(struct ssd_subsys *sub, uint8_t why)
{
	if (sub->dst.kept.stc)
		finish(sub, why, 0);
}

/* A test with NSID 0h is one of the controller only: no namespace is its business. */
void
ssd_dst_abort_ns(struct ssd_subsys *sub, uint32_t nsid, uint8_t why)
{
	uint32_t tested = le32_get(sub->dst.kept.nsid);

	if (tested && (tested == nsid || tested == NVME_NSID_ALL || nsid == NVME_NSID_ALL))
		ssd_dst_abort(sub, why);
}

void
ssd_dst_reset(struct ssd *ssd)
{
	const struct ssd_dst_kept *k = &ssd->sub->dst.kept;

	if (k->stc == NVME_DST_SHORT && le16_get(k->cntlid) == ssd->cntlid)
		finish(ssd->sub, NVME_DSTS_ABORT_RESET, 0);
}

void
ssd_dst_pause(struct ssd_subsys *sub)
{
	struct ssd_dst *d = &sub->dst;
	uint64_t left = d->end_ns > sub->last_ns ? d->end_ns - sub->last_ns : 0;

	if (!d->kept.stc || !d->end_ns)
		return;
	d->kept.left_ms = le32_from((uint32_t)(left / MS_NS));
	d->end_ns = 0;
	ssd_part_save(sub, SSD_PART_DST);
}

/* 0h: the controller alone; FFFFFFFFh: and all namespaces; else and this one. */
static nvme_status
check_nsid(struct ssd_cmd *c)
{
	uint32_t nsid = le32_get(c->sqe->nsid);

	if (!nsid || nsid == NVME_NSID_ALL)
		return NVME_SC_SUCCESS;
	if (nsid > ssd_nn(c->ssd->sub))
		return ssd_fail(c, NVME_SC_INVALID_NS, offsetof(struct nvme_sqe, nsid));
	if (!ssd_ns_active(c->ssd, nsid))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, nsid));
	return NVME_SC_SUCCESS;
}

/* Figure "Device Self-test Command Processing".  Aborting when nothing runs is no error and leaves the log alone. */
nvme_status
ssd_adm_dst(struct ssd_cmd *c)
{
	uint8_t stc = (uint8_t)nvme_get(le32_get(c->sqe->cdw10), NVME_DST_STC);
	nvme_status st;

	if (stc == NVME_DST_ABORT) {
		ssd_dst_abort(c->ssd->sub, NVME_DSTS_ABORT_CMD);
		return NVME_SC_SUCCESS;
	}
	if (stc != NVME_DST_SHORT && stc != NVME_DST_EXTENDED)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw10));
	st = check_nsid(c);
	if (st)
		return st;
	if (c->ssd->sub->dst.kept.stc)
		return ssd_fail(c, NVME_SC_DST_IN_PROGRESS, offsetof(struct nvme_sqe, cdw10));
	start(c->ssd, stc, le32_get(c->sqe->nsid));
	return NVME_SC_SUCCESS;
}

void
ssd_log_dst(struct ssd *ssd, void *buf)
{
	const struct ssd_dst *d = &ssd->sub->dst;
	struct nvme_self_test_log *log = buf;
	uint64_t total, left;

	memcpy(log->result, d->kept.result, sizeof(log->result));
	if (!d->kept.stc)
		return;
	total = total_ms(d->kept.stc) * MS_NS;
	left = d->end_ns > ssd->now_ns ? d->end_ns - ssd->now_ns : 0;
	log->cdsto = d->kept.stc;
	log->cdstc = (uint8_t)nvme_put(NVME_CDSTC_PERCENT, (total - left) * 100 / total);
}
