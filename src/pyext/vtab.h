/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which verification table a namespace uses, and what each command does with it.  Tables are shared in the process: two
 * objects for one namespace, through one controller or two, see the same.
 */
#pragma once
#include "nvproof/ns.h"
#include "nvproof/verify.h"
#include "nvproof/spec/cmd.h"

struct py_vtab;

enum py_vkind {
	PY_V_NONE,
	PY_V_WRITE,
	PY_V_READ,
	PY_V_UNKNOWN, /* changes the range in a way that is not recorded */
	PY_V_DSM, /* the ranges are in the data */
	PY_V_FORMAT, /* everything in a namespace, or in all of them: py_verify_begin_format() */
};

struct py_vcmd {
	struct py_vtab *vt; /* a reference; NULL with PY_V_NONE */
	enum py_vkind kind;
	uint32_t nlb;
	uint64_t slba;
	uint64_t token;
	const void *data;
	uint64_t len; /* of data */
	const struct nvme_id_ctrl *id; /* PY_V_FORMAT: whose namespaces */
	uint32_t nsid;
};

/* A reference to the table of this namespace in its present format; NULL: too little memory. */
struct py_vtab *py_vtab_get(const struct nvp_ns *ns, uint64_t nlba);
void py_vtab_ref(struct py_vtab *vt);
void py_vtab_put(struct py_vtab *vt); /* NULL is fine */
struct nvp_verify *py_vtab_verify(const struct py_vtab *vt); /* NULL for NULL */

/* Before submission; takes a reference.  No table: nothing happens. */
void py_verify_begin(struct py_vcmd *v, struct py_vtab *vt);
/* The same for an admin command that changes namespace nsid (NVME_NSID_ALL: all) of this controller's subsystem. */
void py_verify_begin_format(struct py_vcmd *v, struct nvp_ctrlr *c, uint32_t nsid);
/* Forget what was written to namespace nsid (NVME_NSID_ALL: all) of this controller's subsystem. */
void py_verify_forget(struct nvp_ctrlr *c, uint32_t nsid);
/* After completion; a miscompare rewrites the status in *cqe.  Drops the reference. */
void py_verify_end(struct py_vcmd *v, struct nvme_cqe *cqe);
