/* SPDX-License-Identifier: BSD-3-Clause */
/* What verification does around each command of a script. */
#include "pyext/vtab_int.h"

#include <errno.h>
#include <stdlib.h>
#include "nvproof/spec/nvm.h"
#include "pyext/pyext.h"
#include "util/alloc.h"
#include "util/bits.h"

/* --- ranges --- */

/* Dataset Management: the ranges that it names.  NVM Command Set, "Dataset Management command". */
static uint32_t
dsm_ranges(const struct py_vcmd *v, struct nvp_verify_range *out, uint32_t n)
{
	const struct nvme_dsm_range *r = v->data;
	uint32_t i;

	for (i = 0; i < n && (i + 1) * sizeof(*r) <= v->len; i++)
		out[i] = (struct nvp_verify_range){ le64_get(r[i].slba), le32_get(r[i].nlb) };
	return i;
}

/*
 * Copy: its sources.  Descriptors of all formats have SLBA and NLB at the same place; with 2h and 3h they are in
 * other namespaces, and what is copied is not known.  NVM Command Set, "Copy command".
 */
static uint32_t
copy_ranges(struct py_vcmd *v, struct nvp_verify_range *out, uint32_t n)
{
	uint64_t size = v->format & 1 ? sizeof(struct nvme_copy_range_ext) : sizeof(struct nvme_copy_range), sum = 0;
	const uint8_t *p = v->data;
	uint32_t i;

	for (i = 0; i < n && (i + 1) * size <= v->len; i++) {
		const struct nvme_copy_range *r = (const void *)(p + i * size);

		out[i] = (struct nvp_verify_range){ le64_get(r->slba), le16_get(r->nlb) + 1u };
		sum += out[i].nlb;
	}
	v->op.nlb = (uint32_t)sum;
	return i;
}

static bool
overlap(const struct py_vcmd *v, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (v->ranges[i].slba < v->op.slba + v->op.nlb && v->op.slba < v->ranges[i].slba + v->ranges[i].nlb)
			return true;
	return false;
}

/* -1: no memory for them, or none in the data. */
static int
take_ranges(struct py_vcmd *v)
{
	uint32_t n = v->op.nranges;

	v->op.nranges = 0;
	if (v->ranges)
		free(v->ranges);
	v->ranges = v->data && n ? ut_calloc(n, sizeof(*v->ranges)) : NULL;
	if (!v->ranges)
		return -1;
	n = v->kind == PY_V_DSM ? dsm_ranges(v, v->ranges, n) : copy_ranges(v, v->ranges, n);
	if (v->kind == PY_V_COPY && (v->format > 1 || overlap(v, n))) {
		v->op.kind = NVP_VERIFY_CHANGE; /* of the destination alone */
		v->kind = PY_V_TRACK;
		return 0;
	}
	v->op.nranges = n;
	v->op.ranges = v->ranges;
	return n ? 0 : -1;
}

/* --- begin --- */

void
py_verify_aim(struct py_vcmd *v, struct py_vtab *vt)
{
	if (!vt || v->kind == PY_V_NONE || v->kind == PY_V_CLEAR)
		return;
	if (v->kind != PY_V_TRACK && v->kind != PY_V_FLUSH && take_ranges(v)) {
		v->kind = PY_V_NONE;
		return;
	}
	v->op.stride = v->stride > v->lba_size ? v->stride : 0;
	v->vt = vt;
	py_vtab_ref(vt);
}

int
py_verify_begin(struct py_vcmd *v)
{
	if (v->vt && v->kind == PY_V_FLUSH)
		v->covers = nvp_verify_flush_begin(v->vt->v);
	return v->vt && v->kind != PY_V_FLUSH ? nvp_verify_begin(v->vt->v, &v->op) : 0;
}

/* Where there is no table: nobody compares them, but no two writes are equal. */
static uint64_t
next_token(struct py_vcmd *v)
{
	static uint64_t last;

	if (v->vt)
		return nvp_verify_tokens(v->vt->v, 1);
	if (!last)
		last = ut_wall_ns() >> 8;
	return ++last;
}

void
py_verify_inject(struct py_vcmd *v, bool write)
{
	if (write && v->data && v->inject)
		nvp_verify_inject((void *)(uintptr_t)v->data, v->lba_size, v->stride,
				  nvp_verify_id(v->nsid, v->op.slba), v->op.nlb, next_token(v), v->inject);
	if (v->vt && v->op.kind == NVP_VERIFY_WRITE && v->data)
		nvp_verify_note(v->vt->v, &v->op, v->data);
}

static void
drop(struct py_vcmd *v)
{
	free(v->ranges);
	v->ranges = NULL;
	py_vtab_put(v->vt);
	v->vt = NULL;
}

static void
end_flush(struct py_vcmd *v, bool ok)
{
	if (v->covers)
		nvp_verify_flush_end(v->vt->v, ok);
	v->covers = false;
}

void
py_verify_cancel(struct py_vcmd *v)
{
	if (v->vt && v->kind == PY_V_FLUSH)
		end_flush(v, false);
	else if (v->vt)
		nvp_verify_cancel(v->vt->v, &v->op);
	drop(v);
}

/* Of who else writes there meanwhile nobody knows whether it comes first: so it is forgotten now, and at the end once more. */
static void
forget_range(struct py_vcmd *v)
{
	if (v->op.kind != NVP_VERIFY_READ && v->op.kind != NVP_VERIFY_LOOK)
		nvp_verify_mark(v->vt->v, v->op.slba, v->op.nlb, false);
}

void
py_verify_unlocked(struct py_vcmd *v)
{
	nvp_verify_cancel(v->vt->v, &v->op);
	*v = (struct py_vcmd){ .kind = PY_V_UNLOCKED, .vt = v->vt, .op = v->op };
	forget_range(v);
}

/* --- end --- */

static void
rewrite_status(struct nvme_cqe *cqe)
{
	uint16_t phase = le16_get(cqe->status) & NVME_CQE_PHASE;

	cqe->status =
		le16_from((uint16_t)(phase | nvme_put(NVME_CQE_SCT, NVME_SCT_VENDOR) | nvme_put(NVME_CQE_SC, 0x81)));
}

static enum nvp_verify_verdict
verdict_of(const struct nvme_cqe *cqe, bool lost)
{
	if (lost)
		return NVP_VERIFY_LOST;
	return py_status(cqe) ? NVP_VERIFY_FAILED : NVP_VERIFY_OK;
}

void
py_verify_end(struct py_vcmd *v, struct nvme_cqe *cqe, bool lost, struct py_lost *rest)
{
	struct nvp_miscompare mis;

	*rest = (struct py_lost){ 0 };
	if (v->kind == PY_V_CLEAR && (lost || !py_status(cqe)))
		py_verify_forget(v->ctrlr, v->nsid);
	if (!v->vt)
		return;
	if (v->kind == PY_V_FLUSH || v->kind == PY_V_UNLOCKED) {
		if (v->kind == PY_V_FLUSH)
			end_flush(v, !lost && !py_status(cqe));
		else
			forget_range(v);
		drop(v);
		return;
	}
	if (nvp_verify_end(v->vt->v, &v->op, verdict_of(cqe, lost), v->data, &mis)) {
		py_verify_explain(v, &mis);
		rewrite_status(cqe);
	}
	if (lost && !v->op.nranges && v->op.kind != NVP_VERIFY_READ && v->op.kind != NVP_VERIFY_LOOK) {
		*rest = (struct py_lost){ v->vt, { v->op.slba, v->op.nlb } };
		py_vtab_ref(v->vt);
	}
	drop(v);
}

void
py_verify_over(struct py_lost *lost)
{
	nvp_verify_over(lost->vt->v, lost->range.slba, lost->range.nlb);
	py_vtab_put(lost->vt);
}
