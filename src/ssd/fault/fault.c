/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules that are armed, and whether one strikes. */
#include "ssd/fault/fault.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ssd/nvm/nvm.h"
#include "util/alloc.h"

#define ARG_NAME_NONE ""
#define ARG_NAME_NUMBER "number"
#define ARG_NAME_TIME "time"
#define ARG_NAME_STATUS "status"

const struct ssd_fault_line ssd_fault_lines[SSD_FAULTS] = {
#define FAULT(symbol, name, when, arg, def, does, violates) \
	[SSD_FAULT_##                                       \
		symbol] = { { name, ARG_NAME_##arg, does, violates }, SSD_FAULT_AT_##when, SSD_FAULT_ARG_##arg, def },
#include "ssd/fault/points.h"
#undef FAULT
};

/* Points that are about one command: a rule need not say so. */
static const struct {
	enum ssd_fault point;
	uint8_t opc;
	bool admin;
} about[] = {
	{ SSD_FAULT_READ_STALE, NVME_OPC_READ, false },
	{ SSD_FAULT_READ_ELSEWHERE, NVME_OPC_READ, false },
	{ SSD_FAULT_WRITE_LOST, NVME_OPC_WRITE, false },
	{ SSD_FAULT_WRITE_ELSEWHERE, NVME_OPC_WRITE, false },
	{ SSD_FAULT_WRITE_TORN, NVME_OPC_WRITE, false },
	{ SSD_FAULT_WRITE_FLIP, NVME_OPC_WRITE, false },
	{ SSD_FAULT_WRITE_SPILL, NVME_OPC_WRITE, false },
	{ SSD_FAULT_FUA_IGNORED, NVME_OPC_WRITE, false },
	{ SSD_FAULT_FLUSH_IGNORED, NVME_OPC_FLUSH, false },
	{ SSD_FAULT_ZEROES_IGNORED, NVME_OPC_WRITE_ZEROES, false },
	{ SSD_FAULT_TRIM_IGNORED, NVME_OPC_DSM, false },
	{ SSD_FAULT_TRIM_MORE, NVME_OPC_DSM, false },
	{ SSD_FAULT_RU_RESET_ON_TRIM, NVME_OPC_DSM, false },
	{ SSD_FAULT_UNCOR_IGNORED, NVME_OPC_WRITE_UNCOR, false },
	{ SSD_FAULT_COMPARE_EQUAL, NVME_OPC_COMPARE, false },
	{ SSD_FAULT_COMPARE_DIFFERS, NVME_OPC_COMPARE, false },
	{ SSD_FAULT_FEATURE_IGNORED, NVME_ADM_SET_FEATURES, true },
	{ SSD_FAULT_FEATURE_ZERO, NVME_ADM_GET_FEATURES, true },
	{ SSD_FAULT_FORMAT_IGNORED, NVME_ADM_FORMAT_NVM, true },
	{ SSD_FAULT_SANITIZE_IGNORED, NVME_ADM_SANITIZE, true },
	{ SSD_FAULT_FW_COMMIT_IGNORED, NVME_ADM_FW_COMMIT, true },
	{ SSD_FAULT_SQ_DELETE_IGNORED, NVME_ADM_DELETE_IO_SQ, true },
	{ SSD_FAULT_CQ_CREATE_IGNORED, NVME_ADM_CREATE_IO_CQ, true },
	{ SSD_FAULT_ABORT_LIES, NVME_ADM_ABORT, true },
	{ SSD_FAULT_LOG_OFFSET, NVME_ADM_GET_LOG_PAGE, true },
	{ SSD_FAULT_CQ_DELETE_SHARED, NVME_ADM_DELETE_IO_CQ, true },
	{ SSD_FAULT_AER_UNASKED, NVME_ADM_ASYNC_EVENT, true },
};

const struct ssd_fault_point *
ssd_fault_point(uint32_t i)
{
	return i < SSD_FAULTS ? &ssd_fault_lines[i].point : NULL;
}

static bool
data_to_host(enum ssd_fault p)
{
	return p >= SSD_FAULT_DATA_FLIP && p <= SSD_FAULT_DATA_SWAPPED;
}

/* What the rule does not say, the point does. */
static void
complete(struct ssd_fault_rule *r)
{
	if (r->has_opc || r->has_sq)
		return;
	for (size_t i = 0; i < UT_ARRAY_LEN(about); i++) {
		if (about[i].point == r->point) {
			r->has_opc = true;
			r->opc = about[i].opc;
			r->admin = about[i].admin;
		}
	}
	if (data_to_host(r->point)) {
		r->has_opc = true;
		r->opc = NVME_OPC_READ;
	}
}

static bool
has_range(uint8_t opc)
{
	return opc == NVME_OPC_READ || opc == NVME_OPC_WRITE || opc == NVME_OPC_WRITE_UNCOR ||
	       opc == NVME_OPC_COMPARE || opc == NVME_OPC_WRITE_ZEROES || opc == NVME_OPC_VERIFY;
}

/* Without opc and sq a rule is about I/O commands. */
static bool
is_about(const struct ssd_fault_rule *r, const struct ssd_sq *sq, const struct nvme_sqe *sqe)
{
	const struct nvme_rw_cmd *rw = (const void *)sqe;
	bool admin = r->admin || (r->has_sq && !r->sq);

	if (admin != !sq->id || (r->has_sq && r->sq != sq->id) || (r->has_opc && r->opc != sqe->opc))
		return false;
	if (r->has_nsid && r->nsid != le32_get(sqe->nsid))
		return false;
	if (!r->has_slba)
		return true;
	return !admin && has_range(sqe->opc) && r->slba >= le64_get(rw->slba) &&
	       r->slba - le64_get(rw->slba) <= le16_get(rw->nlb);
}

static bool
strikes(struct ssd_fault_armed *a)
{
	a->st.seen++;
	if (a->st.seen < a->rule.nth || (a->rule.count != SSD_FAULT_ALL && a->st.hits >= a->rule.count))
		return false;
	if (a->rule.ppm < 1000000 && ut_rng_below(&a->rng, 1000000) >= a->rule.ppm)
		return false;
	a->st.hits++;
	return true;
}

/* The argument, or by chance up to it. */
static uint64_t
chosen(struct ssd_fault_armed *a)
{
	bool chance = a->rule.point == SSD_FAULT_CQE_JITTER || a->rule.point == SSD_FAULT_IRQ_LATE;

	return chance && a->rule.arg ? 1 + ut_rng_below(&a->rng, a->rule.arg) : a->rule.arg;
}

void
ssd_fault_match(struct ssd *ssd, const struct ssd_sq *sq, const struct nvme_sqe *sqe, struct ssd_fault_set *set)
{
	struct ssd_faults *f = ssd->sub->faults;

	set->on[0] = set->on[1] = 0;
	for (uint32_t i = 0; i < SSD_FAULT_RULES; i++) {
		struct ssd_fault_armed *a = &f->armed[i];
		enum ssd_fault p = a->rule.point;

		if (!a->st.id || ssd_fault_lines[p].when != SSD_FAULT_AT_COMMAND || !is_about(&a->rule, sq, sqe) ||
		    !strikes(a))
			continue;
		set->on[p / 64] |= 1ull << (p % 64);
		set->arg[p] = chosen(a);
	}
}

bool
ssd_fault_strikes(struct ssd_subsys *sub, enum ssd_fault p, uint64_t *arg)
{
	struct ssd_faults *f = sub->faults;

	if (!f)
		return false;
	if (ssd_fault_lines[p].when == SSD_FAULT_AT_COMMAND) {
		if (!f->in_command || !ssd_fault_in(&f->now, p))
			return false;
		*arg = f->now.arg[p];
		return true;
	}
	for (uint32_t i = 0; i < SSD_FAULT_RULES; i++) {
		struct ssd_fault_armed *a = &f->armed[i];

		if (a->st.id && a->rule.point == p && (p != SSD_FAULT_REG_ONES || a->rule.arg == *arg) && strikes(a)) {
			*arg = chosen(a);
			return true;
		}
	}
	return false;
}

const uint8_t *
ssd_fault_was(const struct ssd_subsys *sub, uint64_t slba, uint32_t nsid)
{
	for (uint32_t i = 0; i < SSD_FAULT_RULES; i++) {
		const struct ssd_fault_armed *a = &sub->faults->armed[i];

		if (a->st.id && a->was && a->rule.slba == slba && (!a->rule.has_nsid || a->rule.nsid == nsid))
			return a->was;
	}
	return NULL;
}

/* All controllers go the slow way, or the fast one again. */
static void
arm(struct ssd_subsys *sub)
{
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		struct ssd *ssd = sub->ctrlr[i];

		if (!ssd)
			continue;
		ssd->faulty = sub->faults && sub->faults->nr;
		ssd_queues_remap(ssd);
		ssd_timer_arm(ssd, ssd->now_ns);
	}
}

/* The LBA as it is now. */
static int
snapshot(struct ssd_subsys *sub, struct ssd_fault_armed *a)
{
	struct ssd_ns *ns = ssd_ns_get(sub, a->rule.has_nsid ? a->rule.nsid : 1);
	uint64_t done = 0, len;

	if (a->rule.point != SSD_FAULT_READ_STALE || !ns || a->rule.slba >= ns->nsze)
		return 0;
	a->was = ut_calloc(1, SSD_FAULT_STALE);
	if (!a->was)
		return -ENOMEM;
	for (; done < ns->lba_size; done += len) {
		len = ns->lba_size - done;
		memcpy(a->was + done, sub->media->ops->peek(sub->media, ssd_nvm_off(ns, a->rule.slba) + done, &len),
		       len);
	}
	return 0;
}

static struct ssd_fault_armed *
free_place(struct ssd_faults *f)
{
	for (uint32_t i = 0; i < SSD_FAULT_RULES; i++) {
		if (!f->armed[i].st.id)
			return &f->armed[i];
	}
	return NULL;
}

int
ssd_fault_add(struct ssd_subsys *sub, const char *text, uint32_t *id, char *err, size_t errlen)
{
	struct ssd_fault_armed *a;
	struct ssd_fault_rule r;
	int rc = ssd_fault_parse(text, &r, err, errlen);

	if (rc)
		return rc;
	if (!sub->faults)
		sub->faults = ut_calloc(1, sizeof(*sub->faults));
	if (!sub->faults)
		return -ENOMEM;
	a = free_place(sub->faults);
	if (!a) {
		snprintf(err, errlen, "there are at most %u rules; clear some", SSD_FAULT_RULES);
		return -ENOSPC;
	}
	complete(&r);
	*a = (struct ssd_fault_armed){ .rule = r };
	rc = snapshot(sub, a);
	if (rc)
		return rc;
	ut_rng_seed(&a->rng, (r.seed ? r.seed : sub->cfg.seed) ^ (uint64_t)r.point << 40);
	snprintf(a->st.text, sizeof(a->st.text), "%s", text);
	a->st.id = *id = ++sub->faults->last_id;
	sub->faults->nr++;
	arm(sub);
	return 0;
}

uint32_t
ssd_fault_clear(struct ssd_subsys *sub, uint32_t id)
{
	struct ssd_faults *f = sub->faults;
	uint32_t n = 0;

	for (uint32_t i = 0; f && i < SSD_FAULT_RULES; i++) {
		struct ssd_fault_armed *a = &f->armed[i];

		if (!a->st.id || (id && a->st.id != id))
			continue;
		free(a->was);
		*a = (struct ssd_fault_armed){ 0 };
		f->nr--;
		n++;
	}
	if (n && !f->nr) {
		ssd_fault_release(sub);
		arm(sub);
	}
	return n;
}

bool
ssd_fault_state(const struct ssd_subsys *sub, uint32_t n, struct ssd_fault_state *out)
{
	for (uint32_t i = 0; sub->faults && i < SSD_FAULT_RULES; i++) {
		if (!sub->faults->armed[i].st.id || n--)
			continue;
		*out = sub->faults->armed[i].st;
		return true;
	}
	return false;
}

void
ssd_faults_close(struct ssd_subsys *sub)
{
	if (!sub->faults)
		return;
	for (uint32_t i = 0; i < SSD_FAULT_RULES; i++)
		free(sub->faults->armed[i].was);
	for (uint32_t i = 0; i < sub->faults->nr_later; i++)
		free(sub->faults->later[i].data);
	free(sub->faults);
	sub->faults = NULL;
}
