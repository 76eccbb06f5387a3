/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which verification table a namespace uses, and what each command does with it.  A process has one handle a table: two
 * objects for one namespace, through one controller or two, see the same, and so do other processes.
 */
#pragma once
#include "nvproof/ns.h"
#include "nvproof/verify.h"
#include "nvproof/spec/cmd.h"

struct py_vtab;
struct py_buffer;

enum py_vkind {
	PY_V_NONE,
	PY_V_TRACK, /* what `op` says */
	PY_V_DSM, /* the same, the ranges are in the data */
	PY_V_COPY, /* the same, the sources are in the data */
	PY_V_FLUSH, /* what was written becomes durable */
	PY_V_UNLOCKED, /* it went without its LBAs: what is there is not known */
	PY_V_CLEAR, /* everything in a namespace, or in all of them: py_verify_note_admin() */
};

struct py_vcmd {
	struct py_vtab *vt; /* a reference; NULL: nothing is tracked */
	enum py_vkind kind;
	struct nvp_verify_op op;
	struct nvp_verify_range *ranges; /* its own */
	uint8_t format; /* of copy descriptors */
	bool covers; /* PY_V_FLUSH: it is the one that counts */
	uint8_t inject; /* NVP_INJECT_*: into the data, before it is sent */
	const void *data; /* NULL: not known */
	uint64_t len; /* of data */
	uint32_t lba_size, stride; /* of data; more than lba_size: metadata lies between */
	struct nvp_ctrlr *ctrlr; /* PY_V_CLEAR: whose namespaces; a read: whose command log */
	uint32_t nsid;
};

struct py_vtab_opts {
	uint64_t limit; /* LBAs; 0: all */
	bool crc32;
};
/* A reference to the table of this namespace in its present format; NULL: too little memory. */
struct py_vtab *py_vtab_get(const struct nvp_ns *ns, const struct py_vtab_opts *opts);
void py_vtab_ref(struct py_vtab *vt);
void py_vtab_put(struct py_vtab *vt); /* NULL is fine */
struct nvp_verify *py_vtab_verify(const struct py_vtab *vt); /* NULL for NULL */

/* What to tell about a miscompare: the data of the LBA, the last commands on it. */
enum { PY_TELL_DUMP = 1, PY_TELL_LOG = 2 };
void py_vtab_tell(struct py_vtab *vt, unsigned what, bool on);
/* One miscompare in the log.  data: of the LBA; NULL: not there. */
void py_vtab_report(const struct py_vtab *vt, struct nvp_ctrlr *c, const struct nvp_miscompare *mis, const void *data);

/* It goes to this table; takes a reference.  vt NULL: nothing is tracked. */
void py_verify_aim(struct py_vcmd *v, struct py_vtab *vt);
/* Before submission.  0, or -EAGAIN: its LBAs are in use, so it has to wait. */
int py_verify_begin(struct py_vcmd *v);
/* Between the two: id and token go into the data, which may be in another buffer now; and it is looked at. */
void py_verify_inject(struct py_vcmd *v, bool write);
/* It is not sent.  Drops the reference. */
void py_verify_cancel(struct py_vcmd *v);
/* begin() said that its LBAs are in use, and it is sent all the same: end() follows. */
void py_verify_unlocked(struct py_vcmd *v);
/* The same for an admin command that changes namespaces of this controller's subsystem. */
void py_verify_note_admin(struct py_vcmd *v, struct nvp_ctrlr *c, const struct nvme_sqe *sqe);
/* Forget what was written to namespace nsid (NVME_NSID_ALL: all) of this controller's subsystem. */
void py_verify_forget(struct nvp_ctrlr *c, uint32_t nsid);
/* The power of this controller's subsystem went; or it was shut down in order, so that nothing is lost then. */
void py_verify_power(struct nvp_ctrlr *c, bool lost);
/*
 * After completion; a miscompare rewrites the status in *cqe.  lost: the driver gave it up, and *lost_range is what
 * py_verify_over() gets when the queue is gone (nlb 0: nothing).  Drops the reference, or passes it on in *lost_vt.
 */
struct py_lost {
	struct py_vtab *vt;
	struct nvp_verify_range range;
};
void py_verify_end(struct py_vcmd *v, struct nvme_cqe *cqe, bool lost, struct py_lost *rest);
void py_verify_over(struct py_lost *lost);

/* Buffers that were written from lately: what a wrong block is compared with.  gone: the object dies. */
void py_verify_wrote(struct py_buffer *buf);
void py_verify_buffer_gone(struct py_buffer *buf);
