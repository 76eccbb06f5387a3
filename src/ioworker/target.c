/* SPDX-License-Identifier: BSD-3-Clause */
/* How much memory a plan takes, and how it is divided. */
#include "ioworker/plan.h"

#include "host/ctrlr_int.h"
#include "nvproof/spec/nvm.h"
#include "util/bits.h"

#define SECONDS_SPARE 40u /* over the planned time: the grace of 30 s, and some */
#define SECONDS_OPEN 86400u /* without a planned time */

static uint32_t
lba_bytes(const struct nvp_ns *ns)
{
	return ns->lba_size + (ns->extended ? ns->meta_size : 0u);
}

static bool
uses(const struct iow_recipe *r, enum iow_dir dir)
{
	uint32_t i;

	for (i = 0; i < r->p.nops; i++)
		if (iow_dir_of(r->ops[i].opc) == dir && r->ops[i].opc != NVME_OPC_DSM)
			return true;
	return false;
}

/* Pages of PRP list for so many data pages; the last entry of a full one leads to the next. */
static uint32_t
list_pages(uint64_t pages, uint64_t page)
{
	uint64_t per_page = page / sizeof(le64);

	if (pages <= 2)
		return 0;
	if (pages - 1 <= per_page)
		return 1;
	return (uint32_t)((pages - 2 + per_page - 2) / (per_page - 1));
}

static void
heat_init(struct iow_target *t)
{
	while ((t->nsze - 1) >> t->heat_shift >= IOW_HEAT)
		t->heat_shift++;
}

/* Each slot begins on a page: PRP1 without an offset, and no page is shared by two commands. */
void
iow_target_init(struct iow_target *t, const struct nvp_ns *ns, const struct iow_recipe *r)
{
	uint32_t shift = ctrlr_page_shift(ns->ctrlr), n = r->p.qdepth;
	uint64_t page = 1ull << shift, slots, lists;
	bool reads = uses(r, IOW_FROM_DEVICE), writes = uses(r, IOW_TO_DEVICE);

	*t = (struct iow_target){ .nsid = ns->nsid,
				  .lba_bytes = lba_bytes(ns),
				  .data_bytes = ns->lba_size,
				  .nsze = ns->nsze,
				  .page_shift = shift,
				  .volatile_cache = nvp_ctrlr_id(ns->ctrlr)->vwc & (uint32_t)NVME_VWC_VWCP };
	t->nlb_max = r->nlb_max;
	t->slot_bytes = ut_align_up((uint64_t)r->nlb_max * t->lba_bytes, page);
	t->list_bytes = list_pages(t->slot_bytes >> shift, page) << shift;
	t->meta_size = ns->extended ? 0u : ns->meta_size;
	t->meta_bytes = (uint32_t)ut_align_up((uint64_t)r->nlb_max * t->meta_size, sizeof(uint64_t));
	slots = n * t->slot_bytes;
	lists = (uint64_t)n * t->list_bytes;
	/* What a read leaves behind must not become the data of the next write. */
	t->write_off = reads ? slots : 0;
	t->list_off[0] = t->write_off + (writes ? slots : 0);
	t->list_off[1] = t->list_off[0] + (reads ? lists : 0);
	t->range_off = t->list_off[1] + (writes ? lists : 0);
	t->meta_off = t->range_off + ut_align_up(n * sizeof(struct nvme_dsm_range), page);
	t->buf_len = t->meta_off + ut_align_up((uint64_t)n * t->meta_bytes, page);
	heat_init(t);
}

void
iow_dims_init(struct iow_dims *d, const struct iow_recipe *r)
{
	const struct nvp_iow_plan *p = &r->p;

	*d = (struct iow_dims){
		.qdepth = p->qdepth,
		.nops = p->nops,
		.nsizes = p->nsizes,
		.nregions = p->nregions,
		.nlog = p->log_entries ? p->log_entries + p->qdepth : 0,
		.nseconds = p->time_ns ? (uint32_t)(p->time_ns / 1000000000u) + SECONDS_SPARE : SECONDS_OPEN,
		.has_distribution = p->distribution != NULL,
		.nsteps = p->nsteps,
		.nzones = p->nzones,
	};
}
