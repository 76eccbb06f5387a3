/* SPDX-License-Identifier: BSD-3-Clause */
/* Completions while rules are armed, and what is held back for a time. */
#include "ssd/fault/fault.h"
#include <stdlib.h>
#include <string.h>

#define IN(p) ssd_fault_in(s, SSD_FAULT_##p)
#define ARG(p) s->arg[SSD_FAULT_##p]
#define FAR_NS 1000000u

/* The command is not complete: what strikes its completion is remembered. */
void
ssd_fault_mark(struct ssd *ssd)
{
	struct ssd_faults *f = ssd->sub->faults;

	if (!(f->now.on[0] | f->now.on[1]) || f->nr_marks == SSD_FAULT_MARKS)
		return;
	f->mark[f->nr_marks++] =
		(struct ssd_fault_mark){ .ssd = ssd, .sqid = f->cqe_sqid, .cid = f->cqe_cid, .set = f->now };
}

/* What strikes this completion; false: nothing. */
static bool
set_of(struct ssd *ssd, const struct ssd_late *l, struct ssd_fault_set *out)
{
	struct ssd_faults *f = ssd->sub->faults;

	if (f->in_command && !f->posted && f->cqe_ssd == ssd && f->cqe_sqid == l->sqid && f->cqe_cid == l->cid) {
		f->posted = true;
		*out = f->now;
		return true;
	}
	for (uint32_t i = 0; i < f->nr_marks; i++) {
		if (f->mark[i].ssd != ssd || f->mark[i].sqid != l->sqid || f->mark[i].cid != l->cid)
			continue;
		*out = f->mark[i].set;
		f->mark[i] = f->mark[--f->nr_marks];
		return true;
	}
	return false;
}

static bool
held_back(struct ssd *ssd, const struct ssd_late *l, const struct ssd_fault_set *s)
{
	uint64_t by = 0;

	if (IN(HANG))
		by = ARG(HANG);
	else if (IN(CQE_LATE))
		by = ARG(CQE_LATE);
	else if (IN(CQE_JITTER))
		by = ARG(CQE_JITTER);
	else if (IN(CQE_BURST) && ARG(CQE_BURST))
		by = ARG(CQE_BURST) - ssd->now_ns % ARG(CQE_BURST);
	if (!by)
		return false;
	ssd_fault_hold(ssd, &(struct ssd_fault_later){ .ssd = ssd,
						       .at_ns = ssd->now_ns + by,
						       .sqid = l->sqid,
						       .cid = l->cid,
						       .dw0 = l->dw0,
						       .dw1 = l->dw1,
						       .status = l->status });
	return true;
}

bool
ssd_fault_cqe(struct ssd *ssd, const struct ssd_late *l, struct ssd_fault_cqe *f)
{
	struct ssd_fault_set set, *s = &set;

	*f = (struct ssd_fault_cqe){ .times = 1 };
	if (!set_of(ssd, l, s))
		return true;
	if (IN(CQE_LOST) || held_back(ssd, l, s))
		return false;
	f->times += IN(CQE_TWICE);
	f->skip = IN(CQE_SKIP);
	f->flip01 = IN(CQE_DW0) ? (uint32_t)ARG(CQE_DW0) : 0;
	f->flip01 ^= IN(CQE_RESERVED) ? ARG(CQE_RESERVED) << 32 : 0;
	f->flip23 = IN(CQE_SQHD) ? ARG(CQE_SQHD) & 0xffff : 0;
	f->flip23 ^= IN(CQE_SQID) ? (ARG(CQE_SQID) & 0xffff) << 16 : 0;
	f->flip23 ^= IN(CQE_CID) ? (ARG(CQE_CID) & 0xffff) << 32 : 0;
	f->flip23 ^= IN(CQE_PHASE_STUCK) ? 1ull << 48 : 0;
	f->flip23 ^= IN(CQE_DNR) ? NVME_STATUS_DNR << 49 : 0;
	f->apart = IN(CQE_PHASE_FIRST);
	f->apart_ns = f->apart ? ARG(CQE_PHASE_FIRST) : 0;
	return true;
}

static void
deliver(const struct ssd_fault_later *l)
{
	struct ssd *ssd = l->ssd;

	if (l->irq)
		ssd_irq_raise(ssd, l->irq - 1);
	else if (l->data) {
		(void)ssd_mem_write(ssd, l->addr, l->data, l->len);
		free(l->data);
	} else if (l->addr)
		(void)ssd_mem_write(ssd, l->addr, &l->qword, sizeof(l->qword));
	else if (ssd->sq[l->sqid].live)
		ssd_cqe_post(ssd, &ssd->sq[l->sqid], l->cid, l->dw0, l->dw1, l->status);
	ssd->busy = true;
}

void
ssd_fault_hold(struct ssd *ssd, const struct ssd_fault_later *l)
{
	struct ssd_faults *f = ssd->sub->faults;

	if (f->nr_later == SSD_FAULT_LATER) { /* as many as can be */
		deliver(l);
		return;
	}
	f->later[f->nr_later++] = *l;
	ssd_timer_arm(ssd, l->at_ns);
}

static struct ssd_fault_later
take(struct ssd_faults *f, uint32_t i)
{
	struct ssd_fault_later l = f->later[i];

	memmove(&f->later[i], &f->later[i + 1], (--f->nr_later - i) * sizeof(f->later[0]));
	return l;
}

/* The earliest of this controller that is due. */
static bool
take_due(struct ssd *ssd, struct ssd_fault_later *l, uint64_t *next)
{
	struct ssd_faults *f = ssd->sub->faults;
	uint32_t first = SSD_FAULT_LATER;

	*next = SSD_NEVER;
	for (uint32_t i = 0; i < f->nr_later; i++) {
		if (f->later[i].ssd == ssd && f->later[i].at_ns < *next) {
			*next = f->later[i].at_ns;
			first = i;
		}
	}
	if (*next > ssd->now_ns || first == SSD_FAULT_LATER)
		return false;
	if (ssd->stopped || !ssd->dma_ok) {
		*next = ssd->now_ns + FAR_NS;
		return false;
	}
	*l = take(f, first);
	return true;
}

/* Anything that is due; a drive that was pulled goes here, where no command is being carried out. */
uint64_t
ssd_fault_tick(struct ssd *ssd)
{
	struct ssd_faults *f = ssd->sub->faults;
	struct ssd_fault_later l;
	uint64_t next;

	if (!f)
		return SSD_NEVER;
	if (f->remove) {
		f->remove = false;
		ssd_power_off(ssd->sub);
		return SSD_NEVER;
	}
	while (take_due(ssd, &l, &next))
		deliver(&l);
	if (!(ssd->hold & SSD_HOLD_FAULT))
		return next;
	if (f->hang_until_ns > ssd->now_ns)
		return UT_MIN(next, f->hang_until_ns);
	ssd->hold &= (uint8_t)~SSD_HOLD_FAULT;
	ssd->busy = true;
	return next;
}

void
ssd_fault_release(struct ssd_subsys *sub)
{
	struct ssd_faults *f = sub->faults;

	for (uint32_t i = 0; i < f->nr_later; i++)
		f->later[i].at_ns = 0;
	f->nr_marks = 0;
	f->hang_until_ns = 0;
	f->remove = false;
}

void
ssd_fault_forget(struct ssd *ssd, uint16_t sqid)
{
	struct ssd_faults *f = ssd->sub->faults;

	for (uint32_t i = 0; i < f->nr_marks;) {
		if (f->mark[i].ssd == ssd && f->mark[i].sqid == sqid)
			f->mark[i] = f->mark[--f->nr_marks];
		else
			i++;
	}
	for (uint32_t i = 0; i < f->nr_later;) {
		if (f->later[i].ssd == ssd && f->later[i].sqid == sqid)
			free(take(f, i).data);
		else
			i++;
	}
}
