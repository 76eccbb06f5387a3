/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Verification tables of this process, found by what identifies a namespace for every controller of its subsystem: serial number,
 * subsystem NQN, NSID; and by its format, since a table is per LBA.
 */
#include "pyext/vtab.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "nvproof/spec/nvm.h"
#include "pyext/pyext.h"
#include "pyext/vtab_int.h"
#include "util/alloc.h"

struct py_vtab *py_vtabs;

/*
 * What tells apart devices with one serial number: their server's process, or, where nobody says, the bus itself, and
 * then no other process can have the same device.
 */
static uint64_t
instance_of(struct nvp_ctrlr *c, bool *shared)
{
	const struct nvp_bus *bus = nvp_ctrlr_bus(c);

	*shared = bus->instance || !strcmp(bus->ops->name, "vfio");
	if (bus->instance || *shared)
		return bus->instance;
	return (uintptr_t)bus;
}

static void
set_key(struct py_vtab *key, const struct nvp_ns *ns, bool *shared)
{
	const struct nvme_id_ctrl *id = nvp_ctrlr_id(ns->ctrlr);

	memcpy(key->sn, id->sn, sizeof(key->sn));
	memcpy(key->subnqn, id->subnqn, sizeof(key->subnqn));
	key->instance = instance_of(ns->ctrlr, shared);
	key->nsid = ns->nsid;
	key->lba_size = ns->lba_size;
	key->nsze = ns->nsze;
}

static bool
same_drive(const struct py_vtab *a, const struct py_vtab *b)
{
	return a->instance == b->instance && !memcmp(a->sn, b->sn, sizeof(a->sn)) &&
	       !memcmp(a->subnqn, b->subnqn, sizeof(a->subnqn));
}

static bool
same(const struct py_vtab *a, const struct py_vtab *b)
{
	return same_drive(a, b) && a->nsid == b->nsid && a->lba_size == b->lba_size && a->nsze == b->nsze;
}

static int
open_table(struct py_vtab *vt, const struct py_vtab_opts *opts, bool shared)
{
	struct nvp_verify_opts o = { .limit = opts->limit, .crc32 = opts->crc32 };
	char name[400];
	int rc;

	snprintf(name, sizeof(name), "%.20s|%.256s|%llx|%u|%u|%llx", vt->sn, vt->subnqn,
		 (unsigned long long)vt->instance, vt->nsid, vt->lba_size, (unsigned long long)vt->nsze);
	if (shared)
		o.name = name;
	rc = nvp_verify_open(vt->nsze, vt->lba_size, &o, &vt->v);
	if (!rc)
		nvp_verify_set_nsid(vt->v, vt->nsid);
	return rc;
}

struct py_vtab *
py_vtab_get(const struct nvp_ns *ns, const struct py_vtab_opts *opts)
{
	struct py_vtab *vt = ut_calloc(1, sizeof(*vt)), *t;
	bool shared;

	if (!vt)
		return NULL;
	set_key(vt, ns, &shared);
	for (t = py_vtabs; t; t = t->next) {
		if (!same(t, vt))
			continue;
		free(vt);
		nvp_verify_raise_limit(t->v, opts->limit ? opts->limit : UINT64_MAX);
		t->refs++;
		return t;
	}
	if (open_table(vt, opts, shared)) {
		free(vt);
		return NULL;
	}
	vt->refs = 1;
	vt->tell = PY_TELL_LOG;
	vt->next = py_vtabs;
	py_vtabs = vt;
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
	for (p = &py_vtabs; *p != vt; p = &(*p)->next)
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

/* --- what admin commands do --- */

static struct py_vtab
key_of(struct nvp_ctrlr *c)
{
	const struct nvme_id_ctrl *id = nvp_ctrlr_id(c);
	struct py_vtab key = { 0 };
	bool shared;

	memcpy(key.sn, id->sn, sizeof(key.sn));
	memcpy(key.subnqn, id->subnqn, sizeof(key.subnqn));
	key.instance = instance_of(c, &shared);
	return key;
}

/* Without a volatile write cache (VWC.VWCP) nothing is in doubt. */
void
py_verify_power(struct nvp_ctrlr *c, bool lost)
{
	struct py_vtab key = key_of(c);

	for (struct py_vtab *t = py_vtabs; t; t = t->next) {
		if (!same_drive(t, &key))
			continue;
		if (lost && nvp_ctrlr_id(c)->vwc & NVME_VWC_VWCP)
			nvp_verify_power_lost(t->v);
		else if (!lost)
			nvp_verify_flushed(t->v);
	}
}

void
py_verify_forget(struct nvp_ctrlr *c, uint32_t nsid)
{
	struct py_vtab key = key_of(c);

	for (struct py_vtab *t = py_vtabs; t; t = t->next)
		if ((nsid == NVME_NSID_ALL || t->nsid == nsid) && same_drive(t, &key))
			nvp_verify_clear(t->v);
}

/* Namespace Management deletes with SEL 1; a new namespace of that number has nothing to do with the old one. */
#define NS_DELETE 1u

void
py_verify_note_admin(struct py_vcmd *v, struct nvp_ctrlr *c, const struct nvme_sqe *sqe)
{
	uint32_t dw10 = le32_get(sqe->cdw10);

	v->nsid = NVME_NSID_ALL;
	if (sqe->opc == NVME_ADM_NS_MGMT && (dw10 & 0xf) == NS_DELETE)
		v->nsid = le32_get(sqe->nsid);
	else if (sqe->opc == NVME_ADM_SANITIZE_NS)
		v->nsid = le32_get(sqe->nsid);
	else if (sqe->opc != NVME_ADM_SANITIZE ||
		 nvme_get32(dw10, NVME_SANITIZE_SANACT) < (uint32_t)NVME_SANACT_BLOCK_ERASE)
		return;
	v->kind = PY_V_CLEAR;
	v->ctrlr = c;
}
