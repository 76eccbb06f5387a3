/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules for a plan, one function a group of fields. */
#include "ioworker/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "host/ctrlr_int.h"
#include "ioworker/gen.h"
#include "ioworker/zoned.h"
#include "nvproof/spec/regs.h"
#include "util/alloc.h"
#include "util/bits.h"
#include "util/pattern.h"

#define TIME_MAX_NS (1000ull * 3600u * 1000000000u)
#define IO_SIZE_MAX 0x10000u
#define QPRIO_MAX 3u
#define LOG_MAX (1u << 20)

/* One line a rule, so that the sentence and what it says stand together. */
#define REFUSE_IF(cond, text)           \
	do {                            \
		if (cond) {             \
			*why = text;    \
			return -EINVAL; \
		}                       \
	} while (0)

static int
check_numbers(const struct nvp_iow_plan *p, const char **why)
{
	REFUSE_IF(p->random_percent > 100, "lba_random is 0 to 100 percent");
	REFUSE_IF(p->sgl_percent > 100, "sgl_percentage is 0 to 100");
	REFUSE_IF(p->time_ns > TIME_MAX_NS, "time is at most 1000 hours");
	REFUSE_IF(p->iops && p->iops < p->qdepth, "iops is at least qdepth");
	REFUSE_IF(p->qprio > QPRIO_MAX, "qprio is 0 to 3");
	REFUSE_IF(p->lba_step < INT16_MIN || p->lba_step > INT16_MAX, "lba_step has 16 bits");
	REFUSE_IF(p->nzones > IOW_ZONES_MAX, "at most 65536 zones");
	REFUSE_IF(p->nzones && (p->nsteps || p->distribution), "zns: neither io_sequence nor distribution");
	REFUSE_IF(p->log_entries > LOG_MAX, "the list of commands has at most 1048576 entries");
	return 0;
}

static int
check_queue(const struct nvp_ns *ns, const struct nvp_iow_plan *p, const char **why)
{
	uint64_t mqes = nvme_get(nvp_ctrlr_cap(ns->ctrlr), NVME_CAP_MQES);

	REFUSE_IF(!p->qdepth || p->qdepth > mqes, "qdepth is 1 to CAP.MQES (a slot of the queue stays empty)");
	if (!p->qpair)
		return 0;
	REFUSE_IF(p->qpair->ctrlr != ns->ctrlr, "the qpair is one of another controller");
	REFUSE_IF(p->qdepth >= p->qpair->mq.depth, "qdepth is below the depth of the qpair");
	return 0;
}

/* --- sizes --- */

static int
check_sizes(const struct nvp_iow_plan *p, const char **why)
{
	uint32_t i;

	REFUSE_IF(p->nsizes > IOW_SIZES_MAX, "io_size has at most 65535 different values");
	for (i = 0; i < p->nsizes; i++) {
		REFUSE_IF(!p->sizes[i].nlb || p->sizes[i].nlb >= IO_SIZE_MAX, "io_size is 1 to 65535 LBAs");
		REFUSE_IF(!p->sizes[i].align, "lba_align is 1 or more");
		REFUSE_IF(!p->sizes[i].weight, "io_size with a ratio of 0");
	}
	return 0;
}

static int
take_sizes(struct iow_recipe *r, const char **why)
{
	struct nvp_iow_plan *p = &r->p;
	const struct nvp_iow_size one = { p->io_size, p->lba_align, 1 };
	const struct nvp_iow_size *from = p->nsizes ? p->sizes : &one;

	p->nsizes = UT_MAX(p->nsizes, 1u);
	p->sizes = from;
	if (check_sizes(p, why))
		return -EINVAL;
	r->sizes = ut_calloc(p->nsizes, sizeof(*r->sizes));
	if (!r->sizes)
		return -ENOMEM;
	memcpy(r->sizes, from, p->nsizes * sizeof(*r->sizes));
	p->sizes = r->sizes;
	return 0;
}

/* --- opcodes --- */

/* Those whose CDW10 to CDW12 are no LBA range, and whose effect nobody wants by the million. */
static bool
is_range_command(uint32_t opc)
{
	switch (opc) {
	case NVME_OPC_RESV_REGISTER:
	case NVME_OPC_RESV_REPORT:
	case NVME_OPC_RESV_ACQUIRE:
	case NVME_OPC_RESV_RELEASE:
	case NVME_OPC_IO_MGMT_RECV:
	case NVME_OPC_IO_MGMT_SEND:
	case NVME_OPC_CANCEL:
	case NVME_OPC_COPY:
	case NVME_OPC_ZONE_MGMT_SEND:
	case NVME_OPC_ZONE_MGMT_RECV:
	case NVME_OPC_ZONE_APPEND:
	case NVME_OPC_FABRICS:
		return false;
	default:
		return opc <= UINT8_MAX && iow_dir_of(opc) != (IOW_TO_DEVICE | IOW_FROM_DEVICE);
	}
}

static int
add_op(struct iow_recipe *r, uint32_t opc, uint32_t weight, const char **why)
{
	struct nvp_iow_plan *p = &r->p;
	uint32_t i;

	REFUSE_IF(!is_range_command(opc) && !(opc == NVME_OPC_ZONE_APPEND && p->nzones),
		  "op_percentage: no command on a range of LBAs has that opcode");
	for (i = 0; i < p->nops; i++)
		if (r->ops[i].opc == opc)
			return 0;
	REFUSE_IF(p->nops == NVP_IOW_OPS_MAX, "at most 16 different opcodes");
	r->ops[p->nops++] = (struct nvp_iow_op){ opc, weight };
	return 0;
}

static int
take_mix(struct iow_recipe *r, const char **why)
{
	uint32_t reads = r->p.read_percent;
	int rc = 0;

	REFUSE_IF(reads > 100, "read_percentage is 0 to 100");
	if (reads)
		rc = add_op(r, NVME_OPC_READ, reads, why);
	if (reads < 100)
		rc = add_op(r, NVME_OPC_WRITE, 100 - reads, why);
	return rc;
}

/* Zoned Namespace Command Set, "I/O Commands": those that say where. */
static int
check_zone_ops(const struct iow_recipe *r, const char **why)
{
	uint32_t i;

	for (i = 0; r->p.nzones && i < r->p.nops; i++)
		switch (r->ops[i].opc) {
		case NVME_OPC_FLUSH:
		case NVME_OPC_WRITE:
		case NVME_OPC_READ:
		case NVME_OPC_COMPARE:
		case NVME_OPC_WRITE_ZEROES:
		case NVME_OPC_VERIFY:
		case NVME_OPC_ZONE_APPEND:
			break;
		default:
			REFUSE_IF(true, "zns: no command with that opcode");
		}
	return 0;
}

static int
check_zones(const struct nvp_iow_plan *p, const struct nvp_ns *ns, const char **why)
{
	uint32_t i;

	for (i = 0; i < p->nzones; i++) {
		const struct nvp_iow_zone *z = &p->zones[i];

		REFUSE_IF(!z->cap || z->wp > z->cap || z->slba >= ns->nsze || ns->nsze - z->slba < z->cap,
			  "zns: a zone that is not in the namespace");
	}
	return 0;
}

static int
take_ops(struct iow_recipe *r, const char **why)
{
	const struct nvp_iow_op *given = r->p.ops;
	uint32_t n = r->p.nops, i;
	int rc = 0;

	r->p.ops = r->ops;
	r->p.nops = 0;
	for (i = 0; !rc && i < r->p.nsteps; i++)
		rc = add_op(r, r->p.steps[i].opc, 1, why);
	if (r->p.nsteps)
		return rc;
	if (!n)
		return take_mix(r, why);
	for (i = 0; !rc && i < n; i++) {
		REFUSE_IF(!given[i].weight, "op_percentage of 0");
		rc = add_op(r, given[i].opc, given[i].weight, why);
	}
	return rc;
}

/* --- LBAs --- */

/* NVM Command Set, "Read", "Write": NLB has 16 bits, and DSM's ranges have 32. */
static int
check_steps(const struct nvp_iow_plan *p, const char **why)
{
	uint32_t i;

	for (i = 0; i < p->nsteps; i++) {
		REFUSE_IF(!p->steps[i].nlb && p->steps[i].opc != NVME_OPC_FLUSH, "io_sequence: a command on no LBA");
		REFUSE_IF(p->steps[i].nlb > IO_SIZE_MAX && p->steps[i].opc != NVME_OPC_DSM,
			  "io_sequence: a command on more than 65536 LBAs");
	}
	return 0;
}

static int
take_regions(struct iow_recipe *r, const struct nvp_ns *ns, const char **why)
{
	struct nvp_iow_plan *p = &r->p;
	const struct nvp_iow_region one = { p->region_start, p->region_end };
	const struct nvp_iow_region *from = p->nregions ? p->regions : &one;
	uint32_t i;

	p->nregions = UT_MAX(p->nregions, 1u);
	REFUSE_IF(p->nregions > IOW_REGIONS_MAX, "at most 4096 regions");
	REFUSE_IF((uint64_t)p->nregions * p->nsizes > IOW_PLACES_MAX, "too many sizes in too many regions");
	r->regions = ut_calloc(p->nregions, sizeof(*r->regions));
	if (!r->regions)
		return -ENOMEM;
	for (i = 0; i < p->nregions; i++) {
		r->regions[i] = from[i];
		r->regions[i].end = UT_MIN(from[i].end, ns->nsze);
		REFUSE_IF(r->regions[i].start >= r->regions[i].end,
			  "region_start is not before region_end (or not in the namespace)");
	}
	p->regions = r->regions;
	return 0;
}

static int
check_fit(const struct nvp_iow_region *r, const struct nvp_iow_size *s, const char **why)
{
	uint64_t first = r->start / s->align * s->align;

	if (first < r->start)
		first += s->align;
	REFUSE_IF(first >= r->end || r->end - first < s->nlb, "the region has no aligned place for io_size LBAs");
	return 0;
}

/* A single size that is larger than the single region becomes as large as that. */
static int
fit_sizes(struct iow_recipe *r, const char **why)
{
	struct nvp_iow_plan *p = &r->p;
	uint64_t len = r->regions[0].end - r->regions[0].start;
	uint32_t i, k;

	if (p->nsizes == 1 && p->nregions == 1 && !p->whole && r->sizes[0].nlb > len)
		r->sizes[0].nlb = (uint32_t)len;
	for (i = 0; i < p->nregions; i++)
		for (k = 0; k < p->nsizes; k++)
			if (check_fit(&r->regions[i], &r->sizes[k], why))
				return -EINVAL;
	return 0;
}

static int
check_distribution(const struct iow_recipe *r, const struct nvp_ns *ns, const char **why)
{
	const struct nvp_iow_plan *p = &r->p;
	uint32_t i, sum = 0;

	if (!p->distribution)
		return 0;
	for (i = 0; i < NVP_IOW_BUCKETS; i++)
		sum += p->distribution[i];
	REFUSE_IF(!sum, "distribution: all of it is 0");
	REFUSE_IF(p->random_percent < 100, "distribution needs lba_random of 100 percent");
	REFUSE_IF(p->nregions > 1 || r->regions[0].start || r->regions[0].end != ns->nsze,
		  "distribution needs the whole namespace as its region");
	REFUSE_IF(ns->nsze < NVP_IOW_BUCKETS, "distribution needs 100 LBAs");
	return 0;
}

/* What there is to write, or to read. */
static uint64_t
zones_once(const struct iow_recipe *r)
{
	const struct nvp_iow_plan *p = &r->p;
	uint64_t n = 0, len;
	uint32_t i;

	for (i = 0; i < p->nzones; i++) {
		len = p->ops[0].opc == NVME_OPC_READ ? p->zones[i].wp
		      : p->zones[i].kept	     ? 0
						     : p->zones[i].cap - p->zones[i].wp;
		n += (len + r->sizes[0].nlb - 1) / r->sizes[0].nlb;
	}
	return n;
}

static int
take_limits(struct iow_recipe *r, const char **why)
{
	struct nvp_iow_plan *p = &r->p;

	if (p->nsteps) {
		p->io_count = p->io_count ? UT_MIN(p->io_count, p->nsteps) : p->nsteps;
		return 0;
	}
	if (p->nsizes == 1 && p->lba_count) {
		uint64_t n = (p->lba_count + r->sizes[0].nlb - 1) / r->sizes[0].nlb;

		p->io_count = p->io_count ? UT_MIN(p->io_count, n) : n;
	}
	if (p->time_ns || p->io_count || p->lba_count)
		return 0;
	REFUSE_IF(p->random_percent || p->nsizes > 1, "neither time, io_count nor lba_count says when to end");
	p->io_count = p->nzones ? zones_once(r) : iow_gen_once(p);
	REFUSE_IF(p->nzones && (p->nops > 1 || !p->io_count), "neither time, io_count nor lba_count says when to end");
	p->once = true;
	return 0;
}

static int
take_lbas(struct iow_recipe *r, const struct nvp_ns *ns, const char **why)
{
	int rc;

	if (r->p.nsteps) {
		r->p.nsizes = r->p.nregions = 0;
		r->p.distribution = NULL;
		return check_steps(&r->p, why);
	}
	rc = take_sizes(r, why);
	if (!rc)
		rc = take_regions(r, ns, why);
	if (!rc)
		rc = fit_sizes(r, why);
	if (!rc)
		rc = check_distribution(r, ns, why);
	REFUSE_IF(!rc && !r->p.distribution && r->p.lba_start >= r->regions[r->p.nregions - 1].end,
		  "lba_start is behind the region");
	return rc;
}

/* --- data --- */

static bool
has_dir(const struct iow_recipe *r, enum iow_dir dir)
{
	uint32_t i;

	for (i = 0; i < r->p.nops; i++)
		if (iow_dir_of(r->ops[i].opc) == dir && r->ops[i].opc != NVME_OPC_DSM)
			return true;
	return false;
}

static int
check_pattern(const struct iow_recipe *r, const char **why)
{
	struct ut_rng rng = { .s = 1 };
	uint64_t probe;

	if (r->p.ptype == UT_PTYPE_FILE) {
		REFUSE_IF(!r->p.data || !r->p.data_len, "ptype f17eh without data");
		return 0;
	}
	REFUSE_IF(has_dir(r, IOW_TO_DEVICE) && ut_pattern_fill(&probe, sizeof(probe), r->p.ptype, r->p.pvalue, &rng),
		  "ptype and pvalue name no data pattern");
	return 0;
}

static uint32_t
longest(const struct iow_recipe *r)
{
	uint32_t i, max = 1;
	bool data = has_dir(r, IOW_TO_DEVICE) || has_dir(r, IOW_FROM_DEVICE);

	for (i = 0; data && i < r->p.nsizes; i++)
		max = UT_MAX(max, r->sizes[i].nlb);
	for (i = 0; i < r->p.nsteps; i++)
		if (iow_dir_of(r->p.steps[i].opc) && r->p.steps[i].opc != NVME_OPC_DSM)
			max = UT_MAX(max, r->p.steps[i].nlb);
	return max;
}

int
iow_recipe_make(struct iow_recipe *r, const struct nvp_ns *ns, const struct nvp_iow_plan *in, const char **why)
{
	int rc;

	*r = (struct iow_recipe){ .p = *in };
	r->p.timeout_ms = in->timeout_ms ? in->timeout_ms : nvp_ctrlr_timeout_ms(ns->ctrlr);
	rc = check_numbers(&r->p, why);
	if (!rc)
		rc = check_queue(ns, &r->p, why);
	if (!rc)
		rc = take_ops(r, why);
	if (!rc)
		rc = check_zone_ops(r, why);
	if (!rc)
		rc = check_zones(&r->p, ns, why);
	if (!rc)
		rc = take_lbas(r, ns, why);
	if (!rc)
		rc = check_pattern(r, why);
	if (!rc)
		rc = take_limits(r, why);
	r->nlb_max = rc ? 0 : longest(r);
	return rc;
}

void
iow_recipe_free(struct iow_recipe *r)
{
	free(r->sizes);
	free(r->regions);
	r->sizes = NULL;
	r->regions = NULL;
}
