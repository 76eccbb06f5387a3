/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules for a plan, and how much memory it takes. */
#include "ioworker/plan.h"

#include <errno.h>
#include "ioworker/lba.h"
#include "mem/region.h"
#include "nvproof/spec/regs.h"
#include "util/bits.h"
#include "util/pattern.h"

#define TIME_MAX_NS (1000ull * 3600u * 1000000000u)
#define IO_SIZE_MAX 0x10000u

/* One line a rule, so that the sentence and what it says stand together. */
#define REFUSE_IF(cond, text)           \
	do {                            \
		if (cond) {             \
			*why = text;    \
			return -EINVAL; \
		}                       \
	} while (0)

static int
check_numbers(const struct nvp_ns *ns, const struct nvp_iow_plan *p, const char **why)
{
	uint64_t mqes = nvme_get(nvp_ctrlr_cap(ns->ctrlr), NVME_CAP_MQES);

	REFUSE_IF(!p->io_size || p->io_size >= IO_SIZE_MAX, "io_size is 1 to 65535 LBAs");
	REFUSE_IF(!p->lba_align, "lba_align is 1 or more");
	REFUSE_IF(p->random_percent > 100, "lba_random is 0 to 100 percent");
	REFUSE_IF(p->read_percent > 100, "read_percentage is 0 to 100");
	REFUSE_IF(!p->qdepth || p->qdepth > mqes, "qdepth is 1 to CAP.MQES (a slot of the queue stays empty)");
	REFUSE_IF(p->time_ns > TIME_MAX_NS, "time is at most 1000 hours");
	REFUSE_IF(p->time_ns == 0 && p->io_count == 0 && p->random_percent,
		  "neither time nor io_count says when to end");
	return 0;
}

static int
check_pattern(const struct nvp_iow_plan *p, const char **why)
{
	struct ut_rng rng = { .s = 1 };
	uint64_t probe;

	REFUSE_IF(p->read_percent < 100 && ut_pattern_fill(&probe, sizeof(probe), p->ptype, p->pvalue, &rng),
		  "ptype and pvalue name no data pattern");
	return 0;
}

static int
check_region(const struct nvp_iow_plan *p, const char **why)
{
	uint64_t first = p->region_start / p->lba_align * p->lba_align;

	if (first < p->region_start)
		first += p->lba_align;
	REFUSE_IF(p->region_start >= p->region_end, "region_start is not before region_end (or not in the namespace)");
	REFUSE_IF(first >= p->region_end || p->region_end - first < p->io_size,
		  "the region has no aligned place for io_size LBAs");
	REFUSE_IF(p->lba_start >= p->region_end, "lba_start is behind the region");
	return 0;
}

static uint32_t
lba_bytes(const struct nvp_ns *ns)
{
	return ns->lba_size + (ns->extended ? ns->meta_size : 0u);
}

int
iow_plan_check(const struct nvp_ns *ns, const struct nvp_iow_plan *in, struct nvp_iow_plan *out, const char **why)
{
	int rc;

	*out = *in;
	out->region_end = UT_MIN(in->region_end, ns->nsze);
	out->timeout_ms = in->timeout_ms ? in->timeout_ms : nvp_ctrlr_timeout_ms(ns->ctrlr);
	rc = check_numbers(ns, out, why);
	if (!rc)
		rc = check_pattern(out, why);
	if (!rc)
		rc = check_region(out, why);
	if (rc)
		return rc;
	if (!out->time_ns && !out->io_count)
		out->io_count = iow_lba_once(out);
	return 0;
}

/* Each slot begins on a page: PRP1 without an offset, and no page is shared by two commands. */
void
iow_target_init(struct iow_target *t, const struct nvp_ns *ns, const struct nvp_iow_plan *p)
{
	uint64_t slots;

	*t = (struct iow_target){ .nsid = ns->nsid, .lba_bytes = lba_bytes(ns) };
	t->slot_bytes = ut_align_up((uint64_t)p->io_size * t->lba_bytes, NVP_PAGE);
	t->meta_size = ns->extended ? 0u : ns->meta_size;
	t->meta_bytes = p->io_size * t->meta_size;
	slots = p->qdepth * t->slot_bytes;
	/* What a read leaves behind must not become the data of the next write. */
	t->write_off = p->read_percent ? slots : 0;
	t->meta_off = t->write_off + (p->read_percent < 100 ? slots : 0);
	t->buf_len = t->meta_off + ut_align_up((uint64_t)p->qdepth * t->meta_bytes, NVP_PAGE);
}
