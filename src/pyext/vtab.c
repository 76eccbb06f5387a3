/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Verification tables of this process, found by what identifies a namespace for every controller of its subsystem: serial number,
 * subsystem NQN, NSID; and by its format, since a table is per LBA.
 */
#include "pyext/vtab.h"

#include <stdlib.h>
#include <string.h>
#include "nvproof/spec/nvm.h"
#include "pyext/pyext.h"
#include "util/alloc.h"

struct py_vtab {
	struct py_vtab *next;
	uint32_t refs;
	struct nvp_verify *v;
	char sn[20];
	char subnqn[256];
	uint32_t nsid, lba_size;
	uint64_t nlba;
};

static struct py_vtab *tables;

static void
set_key(struct py_vtab *key, const struct nvp_ns *ns, uint64_t nlba)
{
	const struct nvme_id_ctrl *id = nvp_ctrlr_id(ns->ctrlr);

	memcpy(key->sn, id->sn, sizeof(key->sn));
	memcpy(key->subnqn, id->subnqn, sizeof(key->subnqn));
	key->nsid = ns->nsid;
	key->lba_size = ns->lba_size;
	key->nlba = nlba;
}

static bool
same(const struct py_vtab *a, const struct py_vtab *b)
{
	return a->nsid == b->nsid && a->lba_size == b->lba_size && a->nlba == b->nlba &&
	       !memcmp(a->sn, b->sn, sizeof(a->sn)) && !memcmp(a->subnqn, b->subnqn, sizeof(a->subnqn));
}

struct py_vtab *
py_vtab_get(const struct nvp_ns *ns, uint64_t nlba)
{
	struct py_vtab *vt = ut_calloc(1, sizeof(*vt)), *t;

	if (!vt)
		return NULL;
	set_key(vt, ns, nlba);
	for (t = tables; t; t = t->next) {
		if (!same(t, vt))
			continue;
		free(vt);
		t->refs++;
		return t;
	}
	if (nvp_verify_open(nlba, ns->lba_size, &vt->v)) {
		free(vt);
		return NULL;
	}
	vt->refs = 1;
	vt->next = tables;
	tables = vt;
	return vt;
}

void
py_vtab_ref(struct py_vtab *vt)
{
	vt->refs++;
}

void
py_vtab_put(struct py_vtab *vt)
{
	struct py_vtab **p;

	if (!vt || --vt->refs)
		return;
	for (p = &tables; *p != vt; p = &(*p)->next)
		;
	*p = vt->next;
	nvp_verify_close(vt->v);
	free(vt);
}

struct nvp_verify *
py_vtab_verify(const struct py_vtab *vt)
{
	return vt ? vt->v : NULL;
}

/* Forget the ranges that a Dataset Management command names.  NVM Command Set, "Dataset Management command". */
static void
forget_ranges(const struct py_vcmd *v)
{
	const struct nvme_dsm_range *r = v->data;

	for (uint32_t i = 0; i < v->nlb && (i + 1) * sizeof(*r) <= v->len; i++)
		nvp_verify_forget(v->vt->v, le64_get(r[i].slba), le32_get(r[i].nlb));
}

void
py_verify_begin(struct py_vcmd *v, struct py_vtab *vt)
{
	if (!vt)
		v->kind = PY_V_NONE;
	if (v->kind == PY_V_NONE)
		return;
	v->vt = vt;
	py_vtab_ref(vt);
	switch (v->kind) {
	case PY_V_WRITE:
	case PY_V_UNKNOWN:
		v->token = nvp_verify_write_begin(vt->v, v->slba, v->nlb);
		break;
	case PY_V_READ:
		v->token = nvp_verify_read_begin(vt->v, v->slba, v->nlb);
		break;
	case PY_V_DSM:
		forget_ranges(v);
		break;
	case PY_V_FORMAT:
	case PY_V_NONE:
		break;
	}
}

void
py_verify_begin_format(struct py_vcmd *v, struct nvp_ctrlr *c, uint32_t nsid)
{
	v->kind = PY_V_FORMAT;
	v->id = nvp_ctrlr_id(c);
	v->nsid = nsid;
}

static void
forget_all(const struct nvme_id_ctrl *id, uint32_t nsid)
{
	for (struct py_vtab *t = tables; t; t = t->next)
		if ((nsid == NVME_NSID_ALL || t->nsid == nsid) && !memcmp(t->sn, id->sn, sizeof(t->sn)) &&
		    !memcmp(t->subnqn, id->subnqn, sizeof(t->subnqn)))
			nvp_verify_forget(t->v, 0, UINT64_MAX);
}

void
py_verify_forget(struct nvp_ctrlr *c, uint32_t nsid)
{
	forget_all(nvp_ctrlr_id(c), nsid);
}

static void
check_read(const struct py_vcmd *v, struct nvme_cqe *cqe)
{
	struct nvp_miscompare mis;
	uint16_t phase = le16_get(cqe->status) & NVME_CQE_PHASE;

	if (py_status(cqe) || !v->data) {
		/* Nothing was transferred; the generation noted at begin needs no undoing. */
		return;
	}
	if (!nvp_verify_read_end(v->vt->v, v->slba, v->nlb, v->data, v->token, &mis))
		return;
	py_log(40, "crc mismatch: lba 0x%llx, expected 0x%08x, but got 0x%08x", (unsigned long long)mis.lba,
	       mis.expected_crc, mis.got_crc);
	cqe->status =
		le16_from((uint16_t)(phase | nvme_put(NVME_CQE_SCT, NVME_SCT_VENDOR) | nvme_put(NVME_CQE_SC, 0x81)));
}

void
py_verify_end(struct py_vcmd *v, struct nvme_cqe *cqe)
{
	bool ok = !py_status(cqe);

	switch (v->kind) {
	case PY_V_WRITE:
		nvp_verify_write_end(v->vt->v, v->slba, v->nlb, v->data, ok && v->data, v->token);
		break;
	case PY_V_UNKNOWN:
		nvp_verify_write_end(v->vt->v, v->slba, v->nlb, NULL, false, v->token);
		break;
	case PY_V_READ:
		check_read(v, cqe);
		break;
	case PY_V_DSM:
		forget_ranges(v);
		break;
	case PY_V_FORMAT:
		forget_all(v->id, v->nsid);
		return;
	case PY_V_NONE:
		return;
	}
	py_vtab_put(v->vt);
	v->vt = NULL;
}
