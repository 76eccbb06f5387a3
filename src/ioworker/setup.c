/* SPDX-License-Identifier: BSD-3-Clause */
/* From a plan to tables: commands that are filled but for the LBA, PRP lists, write data, places. */
#include "ioworker/setup.h"

#include <errno.h>
#include <stdlib.h>
#include "ioworker/hold.h"
#include "ioworker/limit.h"
#include "ioworker/plan.h"
#include "ioworker/zoned.h"
#include "util/alloc.h"
#include "util/bits.h"
#include "util/pattern.h"

static bool
changes_lbas(uint32_t opc)
{
	switch (opc) {
	case NVME_OPC_FLUSH:
	case NVME_OPC_READ:
	case NVME_OPC_WRITE: /* recorded */
	case NVME_OPC_COMPARE:
	case NVME_OPC_VERIFY:
	case NVME_OPC_ZONE_APPEND: /* recorded when it is known where it went */
		return false;
	default: /* also what we do not know */
		return iow_dir_of(opc) != IOW_FROM_DEVICE;
	}
}

static void
init_op(struct iow_engine *e, uint32_t i)
{
	const struct iow_target *t = &e->sh->target;
	const struct nvp_iow_plan *p = &e->sh->plan;
	uint8_t opc = (uint8_t)e->view.op[i].opc;
	struct iow_op *op = &e->op[i];
	bool read = iow_dir_of(opc) == IOW_FROM_DEVICE;

	*op = (struct iow_op){ .opc = opc, .stat = &e->view.stat[i], .dir = (uint8_t)iow_dir_of(opc) };
	op->sqe.opc = opc;
	op->sqe.nsid = le32_from(t->nsid);
	op->sqe.cdw12 = le32_from((uint32_t)p->io_flags << 16);
	op->sqe.cdw13 = le32_from(p->cdw13);
	op->is_write = opc == NVME_OPC_WRITE;
	op->is_read = opc == NVME_OPC_READ;
	op->durable = !t->volatile_cache || (p->io_flags & (uint32_t)NVME_RW_FUA >> 16);
	op->changes = changes_lbas(opc);
	op->data = e->buf.iova + (read ? 0 : t->write_off);
	op->list = e->buf.iova + t->list_off[read ? 0 : 1];
	op->data_mask = op->dir ? UINT64_MAX : 0;
	op->lba_mask = UINT64_MAX;
	op->nlb_mask = UINT16_MAX;
	if (opc == NVME_OPC_DSM) /* its LBAs are its data */
		op->lba_mask = op->data_mask = op->nlb_mask = 0;
	if (opc == NVME_OPC_FLUSH) { /* NVMe Base, "Flush command": no LBA, no dword of its own */
		op->lba_mask = op->nlb_mask = 0;
		op->sqe.cdw12 = op->sqe.cdw13 = le32_from(0);
	}
}

/*
 * The lists of commands that fit in one page of them are the same whatever the length: a shorter one uses fewer
 * entries.
 */
static void
fill_lists(struct iow_engine *e, uint32_t which, uint64_t data_off)
{
	const struct iow_target *t = &e->sh->target;
	uint64_t page = 1ull << t->page_shift, pages = t->slot_bytes >> t->page_shift, i;
	uint32_t cid;

	for (cid = 0; cid < e->sh->plan.qdepth; cid++) {
		le64 *entry = (void *)((char *)e->buf.va + t->list_off[which] + (uint64_t)cid * t->list_bytes);
		uint64_t data = e->buf.iova + data_off + cid * t->slot_bytes;

		for (i = 1; i < pages; i++)
			entry[i - 1] = le64_from(data + i * page);
	}
}

static bool
any_op(const struct iow_engine *e, bool (*is)(const struct iow_op *op))
{
	uint32_t i;

	for (i = 0; i < e->sh->dims.nops; i++)
		if (is(&e->op[i]))
			return true;
	return false;
}

static bool
reads(const struct iow_op *op)
{
	return op->data_mask && op->dir == IOW_FROM_DEVICE;
}

static bool
writes(const struct iow_op *op)
{
	return op->data_mask && op->dir == IOW_TO_DEVICE;
}

static bool
is_dsm(const struct iow_op *op)
{
	return op->opc == NVME_OPC_DSM;
}

static bool
recorded(const struct iow_op *op)
{
	return op->is_write || op->changes || op->opc == NVME_OPC_FLUSH;
}

static bool
checked(const struct iow_op *op)
{
	return op->is_read;
}

static int
init_data(struct iow_engine *e)
{
	const struct iow_target *t = &e->sh->target;
	const struct nvp_iow_plan *p = &e->sh->plan;
	struct ut_rng rng; /* not the generator's: which LBAs come must not depend on what is written to them */
	bool one_list = t->list_bytes && !e->big;

	if (one_list && any_op(e, reads))
		fill_lists(e, 0, 0);
	if (one_list && any_op(e, writes))
		fill_lists(e, 1, t->write_off);
	e->writes = any_op(e, writes);
	if (!e->writes)
		return 0;
	if (p->ptype == UT_PTYPE_RANDOM && p->pvalue)
		e->inject = p->inject ? p->inject : NVP_INJECT_ID | NVP_INJECT_TOKEN;
	if (p->ptype == UT_PTYPE_FILE)
		return 0; /* the parent has put it there */
	ut_rng_seed(&rng, ~p->seed);
	return ut_pattern_fill(iow_write_slot(e, 0), p->qdepth * t->slot_bytes, p->ptype, p->pvalue, &rng);
}

static bool
needs_more(const struct iow_engine *e)
{
	const struct nvp_iow_plan *p = &e->sh->plan;

	if (e->verify && (any_op(e, recorded) || (e->check && any_op(e, checked))))
		return true;
	return e->skip || e->inject & (NVP_INJECT_ID | NVP_INJECT_TOKEN) || e->big || e->sgl_below || e->view.log ||
	       e->sh->target.meta_bytes || e->sh->dims.nsteps || any_op(e, is_dsm) || e->sh->dims.nzones ||
	       (p->lba_count && e->sh->dims.nsizes > 1);
}

static void
init_numbers(struct iow_engine *e)
{
	const struct iow_target *t = &e->sh->target;
	const struct nvp_iow_plan *p = &e->sh->plan;

	e->room = p->qdepth;
	e->left = p->io_count ? p->io_count : UINT64_MAX;
	e->lbas_left = p->lba_count && (e->sh->dims.nsizes > 1 || e->sh->dims.nsteps) ? p->lba_count : UINT64_MAX;
	e->stride = t->lba_bytes > t->data_bytes ? t->lba_bytes : 0;
	e->one_page = (1u << t->page_shift) / t->lba_bytes;
	e->two_pages = (2u << t->page_shift) / t->lba_bytes;
	e->slot_bytes = t->slot_bytes;
	e->list_bytes = t->list_bytes;
	e->big = t->list_bytes > 1u << t->page_shift;
	e->heat_shift = t->heat_shift;
	e->check = p->verify && e->verify && nvp_verify_enabled(e->verify);
	e->skip = e->verify && !p->random_percent && !e->sh->dims.nsteps && nvp_verify_any_uncorr(e->verify);
	if (e->verify)
		nvp_verify_set_nsid(e->verify, t->nsid);
	e->sgl_below = (uint32_t)(((uint64_t)p->sgl_percent << 32) / 100 - (p->sgl_percent == 100));
	e->sh->res.miscompare_lba = UINT64_MAX;
	e->sh->mult = e->clock->mult;
}

/* The log of the queue, for failed commands only: they are put there by us. */
static void
init_queue(struct iow_engine *e)
{
	nvp_qpair_set_timeout_ms(e->q, e->sh->plan.timeout_ms);
	qpair_batch_owner(e->q, iow_on_end, e);
	if (!e->sh->plan.log_errors_only)
		return;
	e->log = e->q->log;
	e->q->log = NULL;
}

/* Slots are filled once, and then only ids and tokens change. */
static int
init_same(struct iow_engine *e)
{
	uint64_t nlb = e->slot_bytes / e->sh->target.lba_bytes;
	int rc;

	if (!e->verify || e->inject != (NVP_INJECT_ID | NVP_INJECT_TOKEN))
		return 0;
	rc = nvp_verify_same_init(e->verify);
	if (rc)
		return rc == -EOPNOTSUPP ? 0 : rc;
	e->same_bytes = ut_align_up(nvp_verify_same_bytes(e->verify, (uint32_t)nlb), 64);
	e->same = ut_calloc(e->sh->plan.qdepth, e->same_bytes);
	return e->same ? 0 : -ENOMEM;
}

int
iow_setup(struct iow_engine *e)
{
	struct nvp_iow_plan p;
	uint32_t i;
	int rc;

	iow_view_init(&e->view, e->sh, &e->sh->dims);
	if (!e->sh->dims.nlog)
		e->view.log = NULL;
	p = iow_view_plan(&e->view, e->sh);
	if (p.qdepth > e->q->nreqs || p.nops > NVP_IOW_OPS_MAX)
		return -EINVAL;
	rc = iow_gen_open(&e->gen, &p, e->sh->target.nsze);
	if (rc)
		return rc;
	init_numbers(e);
	for (i = 0; i < p.nops; i++) {
		init_op(e, i);
		iow_hold_op(e, &e->op[i]);
	}
	rc = init_data(e);
	rc = rc ? rc : init_same(e);
	e->stamp = ~p.seed * 0x9e3779b97f4a7c15u; /* anywhere: no two workers begin at the same */
	e->place = ut_calloc(p.qdepth, sizeof(*e->place));
	if (needs_more(e))
		e->extra = ut_calloc(p.qdepth, sizeof(*e->extra));
	if (!e->place || (needs_more(e) && !e->extra))
		return -ENOMEM;
	init_queue(e);
	iow_limit_init(e);
	if (e->extra)
		iow_full_init(e);
	else
		iow_lean_init(e);
	return p.nzones && !rc ? iow_zoned_open(e, &p) : rc;
}
