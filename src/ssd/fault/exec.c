/* SPDX-License-Identifier: BSD-3-Clause */
/* A command while rules are armed: what it was made into, whether it is carried out, and what becomes of its data. */
#include "ssd/fdp/fdp.h"
#include "ssd/fault/fault.h"
#include <stdlib.h>
#include <string.h>
#include "nvproof/spec/feat.h"
#include "nvproof/spec/nvm.h"
#include "ssd/admin/admin.h"
#include "ssd/exec.h"
#include "ssd/media/flash.h"
#include "ssd/nvm/lba_map.h"
#include "ssd/nvm/nvm.h"
#include "util/alloc.h"

#define ON(p) ssd_fault_in(&f->now, SSD_FAULT_##p)
#define ARG(p) f->now.arg[SSD_FAULT_##p]

static const enum ssd_fault ignored[] = {
	SSD_FAULT_WRITE_LOST,	     SSD_FAULT_FLUSH_IGNORED,	  SSD_FAULT_ZEROES_IGNORED,
	SSD_FAULT_TRIM_IGNORED,	     SSD_FAULT_UNCOR_IGNORED,	  SSD_FAULT_FEATURE_IGNORED,
	SSD_FAULT_FORMAT_IGNORED,    SSD_FAULT_SANITIZE_IGNORED,  SSD_FAULT_FW_COMMIT_IGNORED,
	SSD_FAULT_SQ_DELETE_IGNORED, SSD_FAULT_CQ_CREATE_IGNORED,
};

/* What a check finds, and is not looked at. */
static const struct {
	enum ssd_fault point;
	nvme_status st;
} unchecked[] = {
	{ SSD_FAULT_COMPARE_EQUAL, NVME_SC_COMPARE_FAILED },
	{ SSD_FAULT_RANGE_UNCHECKED, NVME_SC_LBA_RANGE },
	{ SSD_FAULT_OPCODE_UNCHECKED, NVME_SC_INVALID_OPCODE },
	{ SSD_FAULT_FIELD_UNCHECKED, NVME_SC_INVALID_FIELD },
};

static bool
is_rw(const struct ssd_cmd *c)
{
	uint8_t opc = c->sqe->opc;

	return c->sq->id && (opc == NVME_OPC_READ || opc == NVME_OPC_WRITE || opc == NVME_OPC_COMPARE);
}

/* Bytes of data, as far as faults know; 0: none, or more than they deal with. */
static uint32_t
data_len(const struct ssd_cmd *c)
{
	const struct nvme_rw_cmd *rw = (const void *)c->sqe;
	const struct ssd_ns *ns = ssd_ns_active(c->ssd, le32_get(c->sqe->nsid));
	uint64_t len = 0;

	if (is_rw(c))
		len = ns ? (le16_get(rw->nlb) + 1ull) << ns->lba_shift : 0;
	else if (!c->sq->id && c->sqe->opc == NVME_ADM_IDENTIFY)
		len = 4096;
	else if (!c->sq->id && c->sqe->opc == NVME_ADM_GET_LOG_PAGE)
		len = ((le32_get(c->sqe->cdw10) >> 16 | (uint64_t)(le32_get(c->sqe->cdw11) & 0xffff) << 16) + 1) * 4;
	return len <= sizeof(c->ssd->sub->faults->old) ? (uint32_t)len : 0;
}

static void
change_range(const struct ssd_faults *f, struct nvme_rw_cmd *rw, bool read)
{
	uint64_t slba = le64_get(rw->slba);
	uint32_t nlb = le16_get(rw->nlb);

	if (ON(SLBA_BITS) && ARG(SLBA_BITS) < 64)
		slba &= (1ull << ARG(SLBA_BITS)) - 1;
	if (read && ON(READ_ELSEWHERE))
		slba += ARG(READ_ELSEWHERE);
	if (!read && ON(WRITE_ELSEWHERE))
		slba += ARG(WRITE_ELSEWHERE);
	if (ON(NLB_LESS) && nlb)
		nlb--;
	if (ON(NLB_8BIT))
		nlb &= 0xff;
	if (ON(WRITE_TORN) && nlb)
		nlb = (nlb + 1) / 2 - 1;
	if (ON(FUA_IGNORED))
		rw->control.raw &= (uint16_t)~le16_from((uint16_t)(NVME_RW_FUA >> 16)).raw;
	rw->slba = le64_from(slba);
	rw->nlb = le16_from((uint16_t)nlb);
}

static void
change_prps(const struct ssd_faults *f, struct nvme_sqe *sqe, uint32_t len)
{
	uint64_t prp1 = le64_get(sqe->prp1), prp2 = le64_get(sqe->prp2);
	uint64_t first = SSD_PAGE - prp1 % SSD_PAGE;
	bool list = len > first + SSD_PAGE, second = len > first && !list;

	if (ON(PRP_SHIFT) && list)
		prp2 += 8 * ARG(PRP_SHIFT);
	if (ON(PRP_LIST_OFFSET) && list)
		prp2 -= prp2 % SSD_PAGE;
	if (ON(PRP2_IGNORED) && second)
		prp2 = prp1 - prp1 % SSD_PAGE + SSD_PAGE;
	if (ON(PRP1_OFFSET))
		prp1 -= prp1 % SSD_PAGE;
	sqe->prp1 = le64_from(prp1);
	sqe->prp2 = le64_from(prp2);
}

static void
change(const struct ssd_cmd *c, struct nvme_sqe *sqe)
{
	const struct ssd_faults *f = c->ssd->sub->faults;
	uint32_t nsid = le32_get(sqe->nsid);

	if (c->sq->id && ON(NSID_IGNORED))
		sqe->nsid = le32_from(1);
	if (c->sq->id && ON(NSID_SWAPPED) && (nsid == 1 || nsid == 2))
		sqe->nsid = le32_from(3 - nsid);
	if (is_rw(c)) {
		change_prps(f, sqe, data_len(c));
		change_range(f, (void *)sqe, sqe->opc == NVME_OPC_READ);
	}
	if (!c->sq->id && ON(LOG_OFFSET))
		sqe->cdw12 = sqe->cdw13 = le32_from(0);
}

/* The data as the command left it at the host; replaced by what a fault makes of it. */
static void
put_back(struct ssd_cmd *c, uint32_t off, const uint8_t *what, uint32_t len)
{
	(void)ssd_to_host(c, off, what, len);
}

/* What is there now comes later; until then it is as it was. */
static void
data_later(struct ssd_cmd *c, uint64_t by_ns)
{
	struct ssd_faults *f = c->ssd->sub->faults;
	uint32_t off = 0;

	for (uint32_t i = 0; i < c->nsegs; i++) {
		const struct ssd_seg *s = &c->segs[i];
		uint8_t *data = s->bucket ? NULL : malloc(s->len);

		if (data && !ssd_mem_read(c->ssd, s->addr, data, s->len)) {
			ssd_fault_hold(c->ssd, &(struct ssd_fault_later){ .ssd = c->ssd,
									  .at_ns = c->ssd->now_ns + by_ns,
									  .addr = s->addr,
									  .data = data,
									  .len = s->len });
			(void)ssd_mem_write(c->ssd, s->addr, f->old + off, s->len);
		} else
			free(data);
		off += s->len;
	}
}

static void
swap_halves(struct ssd_cmd *c, uint32_t len)
{
	uint8_t *all = ut_calloc(1, len);
	uint32_t half = len / 2;

	if (all && !ssd_from_host(c, 0, all, len)) {
		put_back(c, 0, all + half, half);
		put_back(c, half, all, half);
	}
	free(all);
}

static void
flip_byte(struct ssd_cmd *c, uint64_t at, uint32_t len)
{
	uint8_t b;

	if (at >= len || ssd_from_host(c, at, &b, 1))
		return;
	b ^= 1;
	put_back(c, (uint32_t)at, &b, 1);
}

static void
spoil_data(struct ssd_cmd *c, uint32_t len)
{
	struct ssd_faults *f = c->ssd->sub->faults;
	const struct ssd_seg *last = c->nsegs ? &c->segs[c->nsegs - 1] : NULL;
	uint32_t tail;

	if (!len || !last)
		return;
	if (ON(DATA_SWAPPED))
		swap_halves(c, len);
	if (ON(DATA_TORN))
		put_back(c, len / 2, f->old + len / 2, len - len / 2);
	if (ON(DATA_SHORT)) {
		tail = (uint32_t)UT_MIN(ARG(DATA_SHORT), len);
		put_back(c, len - tail, f->old + len - tail, tail);
	}
	if (ON(DATA_NONE))
		put_back(c, 0, f->old, len);
	if (ON(DATA_LATE))
		data_later(c, ARG(DATA_LATE));
	if (ON(DATA_FLIP))
		flip_byte(c, ARG(DATA_FLIP), len);
	if (ON(DATA_BEYOND))
		(void)ssd_mem_write(c->ssd, last->addr + last->len, "\xde\xad\xbe\xef", 4);
	if (ON(DATA_ZEROS)) {
		memset(f->old, 0, len);
		put_back(c, 0, f->old, len);
	}
}

/* The LBA of the rule as it was when it was armed. */
static void
spoil_stale(struct ssd_cmd *c)
{
	const struct nvme_rw_cmd *rw = (const void *)c->sqe;
	uint32_t nlb = le16_get(rw->nlb) + 1u;

	for (uint32_t i = 0; i < nlb; i++) {
		const uint8_t *was = ssd_fault_was(c->ssd->sub, le64_get(rw->slba) + i, c->ns->nsid);

		if (was)
			put_back(c, i << c->ns->lba_shift, was, c->ns->lba_size);
	}
}

static void
spoil_media(struct ssd_cmd *c)
{
	struct ssd_faults *f = c->ssd->sub->faults;
	const struct nvme_rw_cmd *rw = (const void *)c->sqe;
	struct ssd_media *m = c->ssd->sub->media;
	uint64_t len = 1;
	uint8_t *b;

	if (!ON(WRITE_FLIP) || ARG(WRITE_FLIP) >= (le16_get(rw->nlb) + 1ull) << c->ns->lba_shift)
		return;
	b = m->ops->poke(m, ssd_nvm_off(c->ns, le64_get(rw->slba)) + ARG(WRITE_FLIP), &len, 0);
	if (b)
		*b ^= 1;
}

static void
trim_more(struct ssd_cmd *c, uint64_t more)
{
	struct nvme_dsm_range r;
	uint64_t slba;

	if (ssd_from_host(c, 0, &r, sizeof(r)))
		return;
	slba = le64_get(r.slba) + le32_get(r.nlb);
	if (slba < c->ns->nsze)
		ssd_nvm_zero(c->ns, slba, UT_MIN(more, c->ns->nsze - slba), true);
}

static void
reset_units(struct ssd_cmd *c)
{
	for (uint32_t ph = 0; ph < ssd_fdp_ns_count(c->ns); ph++)
		ssd_fdp_update(c, ph, false);
}

/* Carried out once more, as a command of its own whose completion nobody sees. */
static void
run_again(const struct ssd_cmd *c, uint64_t further)
{
	struct nvme_sqe sqe = *c->sqe;
	struct nvme_rw_cmd *rw = (void *)&sqe;
	struct ssd_cmd again;

	if (further)
		rw->slba = le64_from(le64_get(rw->slba) + further);
	ssd_cmd_init(&again, c->ssd, c->sq, &sqe);
	(void)ssd_cmd_run(&again);
}

static nvme_status
run(struct ssd_cmd *c)
{
	struct ssd_faults *f = c->ssd->sub->faults;
	struct ssd_smart smart = c->ssd->sub->smart;
	nvme_status st;

	if (ON(STATUS))
		return (nvme_status)ARG(STATUS);
	for (size_t i = 0; i < UT_ARRAY_LEN(ignored); i++) {
		if (ssd_fault_in(&f->now, ignored[i]))
			return NVME_SC_SUCCESS;
	}
	if (ON(WRITE_TORN) && ((const struct nvme_rw_cmd *)(const void *)c->sqe)->nlb.raw == 0)
		return NVME_SC_SUCCESS; /* half of one block is none */
	st = ssd_cmd_run(c);
	if (ON(CMD_TWICE) && !st)
		run_again(c, 0);
	if (ON(WRITE_SPILL) && !st)
		run_again(c, ARG(WRITE_SPILL));
	if (ON(SMART_FROZEN))
		c->ssd->sub->smart = smart;
	return st;
}

static nvme_status
answer(struct ssd_cmd *c, nvme_status st)
{
	struct ssd_faults *f = c->ssd->sub->faults;

	for (size_t i = 0; i < UT_ARRAY_LEN(unchecked); i++) {
		if (ssd_fault_in(&f->now, unchecked[i].point) && nvme_status_code(st) == unchecked[i].st)
			st = NVME_SC_SUCCESS;
	}
	if (ON(COMPARE_DIFFERS) && !st)
		st = NVME_SC_COMPARE_FAILED;
	if (ON(STATUS_AFTER) && !st)
		st = (nvme_status)ARG(STATUS_AFTER);
	if (ON(ABORT_LIES))
		c->dw0 &= ~(uint32_t)NVME_ABORT_IANP;
	if (ON(FEATURE_ZERO))
		c->dw0 = 0;
	if (ON(AER_UNASKED) && st == SSD_PENDING && ssd_aer_take(c->ssd, c->sqe->cid))
		st = NVME_SC_SUCCESS;
	return st;
}

static void
spoil(struct ssd_cmd *c, uint32_t len)
{
	struct ssd_faults *f = c->ssd->sub->faults;
	bool read = c->sq->id && c->sqe->opc == NVME_OPC_READ;

	if (read || !c->sq->id)
		spoil_data(c, len);
	if (read && ON(READ_STALE) && c->ns)
		spoil_stale(c);
	if (c->sq->id && c->sqe->opc == NVME_OPC_WRITE)
		spoil_media(c);
	if (ON(WRITE_SPLIT))
		ssd_flash_spill(c->ssd->sub->media);
	if (c->sq->id && c->sqe->opc == NVME_OPC_DSM && ON(TRIM_MORE))
		trim_more(c, ARG(TRIM_MORE));
	if (c->sq->id && c->sqe->opc == NVME_OPC_DSM && ON(RU_RESET_ON_TRIM) && c->ns && c->ns->fdp)
		reset_units(c);
}

/* Faults of the controller, from this command on.  Whether the command is one of those that are never heard of again. */
static bool
controller(struct ssd *ssd)
{
	struct ssd_faults *f = ssd->sub->faults;

	if (ON(CFS))
		ssd_fatal(ssd);
	if (ON(REMOVE)) {
		f->remove = true;
		ssd->hold |= SSD_HOLD_FAULT;
		ssd_timer_arm(ssd, ssd->now_ns);
	}
	if (ON(HANG)) {
		f->hang_until_ns = ssd->now_ns + ARG(HANG);
		ssd->hold |= SSD_HOLD_FAULT;
		ssd_timer_arm(ssd, f->hang_until_ns);
	}
	if (ON(PROGRAM_FAIL))
		ssd_flash_fail(ssd->sub->media, NAND_PROGRAM);
	if (ON(ERASE_FAIL))
		ssd_flash_fail(ssd->sub->media, NAND_ERASE);
	if (ON(AER_NOISE))
		ssd_event(ssd, NVME_AER_VENDOR, 0x7e, 0xc0);
	return ON(CFS) || ON(REMOVE) || ON(CMD_LOST);
}

static void
one(struct ssd *ssd, struct ssd_sq *sq, const struct nvme_sqe *as_fetched)
{
	struct ssd_faults *f = ssd->sub->faults;
	struct nvme_sqe sqe = *as_fetched;
	struct ssd_cmd c;
	uint32_t len;
	nvme_status st;

	ssd_cmd_init(&c, ssd, sq, &sqe);
	change(&c, &sqe);
	len = data_len(&c);
	if (len && !ssd_data(&c, len))
		(void)ssd_from_host(&c, 0, f->old, len);
	ssd_cmd_init(&c, ssd, sq, &sqe);
	st = run(&c);
	if (!st)
		spoil(&c, len);
	ssd_cmd_complete(&c, answer(&c, st));
}

void
ssd_fault_exec(struct ssd *ssd, struct ssd_sq *sq, const struct nvme_sqe *sqe)
{
	struct ssd_faults *f = ssd->sub->faults;
	struct nvme_sqe before = f->before[sq->id];

	f->before[sq->id] = *sqe;
	ssd_fault_match(ssd, sq, sqe, &f->now);
	if (controller(ssd))
		return;
	f->in_command = true;
	f->cqe_ssd = ssd;
	f->cqe_sqid = sq->id;
	if (ON(SQE_STALE))
		sqe = &before;
	f->cqe_cid = sqe->cid;
	f->posted = false;
	if (sq->id && (sq->fused || (sqe->flags & NVME_SQE_FUSE)))
		ssd_exec_fused(ssd, sq, sqe);
	else
		one(ssd, sq, sqe);
	if (!f->posted)
		ssd_fault_mark(ssd);
	f->in_command = false;
}
