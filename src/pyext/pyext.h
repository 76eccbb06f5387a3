/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the extension share: the classes, and the helpers that every one of them needs.
 *
 * All of it runs with the GIL held, which is what makes "one thread at a time per controller" true.  The GIL is released
 * only to wait (queue.c) and to bring a controller up.
 */
#pragma once
#include "pyext/args.h"
#include "nvproof/ctrlr.h"
#include "nvproof/ns.h"
#include "nvproof/spec/regs.h"
#include "nvproof/spec/status.h"
#include "bus/bus.h"
#include "util/rng.h"

struct py_queue;
struct py_iow;
struct py_aer;

struct py_buffer {
	PyObject_HEAD struct nvp_buf mem;
	PyObject *name;
	uint64_t offset; /* of what the device sees, in mem */
	uint64_t size; /* bytes from offset on */
	uint64_t fake_addr; /* told to the device instead of the real one */
	bool fake;
	uint32_t flying; /* commands that the device has with it */
	bool sgl; /* send as an SGL data block */
	struct py_ctrlr *ctrlr; /* in its memory buffer; NULL: in the host's memory */
	struct py_buffer *next_cmb;
	struct py_buffer *prp2; /* PRP1 and PRP2 as they are, no list */
};

struct py_pcie {
	PyObject_HEAD struct nvp_bus *bus; /* NULL: closed */
	struct py_ctrlr *ctrlrs; /* attached ones; not references */
	uint32_t generation; /* of the process that opened it */
};

/* sim_fault.c: methods of it */
PyObject *py_sim_fault_add(PyObject *o, PyObject *rule);
PyObject *py_sim_fault_clear(PyObject *o, PyObject *id);
PyObject *py_sim_faults(PyObject *o, PyObject *unused);

struct py_ctrlr {
	PyObject_HEAD struct py_ctrlr *next; /* of the same pcie */
	struct py_pcie *pcie;
	struct nvp_ctrlr *c; /* NULL: closed */
	struct py_queue *adminq;
	struct py_queue *queues; /* I/O queue pairs */
	struct py_iow *workers; /* started and not closed; not references */
	struct py_aer *aers;
	struct py_buffer *cmb_bufs; /* not references */
	PyObject *aer_cb; /* of the last aer(cb=...), used by the event that is armed at bring-up, too */
	uint32_t *opc_timeout_ms[2]; /* [admin, I/O][opcode]; NULL, or 0: the controller's */
	PyObject *kept; /* list: memory of queues that the device may still use; NULL: none */
	uint32_t backstop_ms; /* how long to wait for an event when no command is left; 0: the default */
	uint64_t retired_ios, retired_bytes; /* of deleted queues */
	uint64_t stat_ios, stat_bytes, stat_ns; /* at the last iostat() */
};

struct py_qpair {
	PyObject_HEAD struct py_ctrlr *ctrlr;
	struct py_queue *pq; /* NULL: deleted, or creation failed */
	uint32_t depth;
	uint32_t prio;
	bool ien;
	PyObject *sq_buf, *cq_buf; /* the script's memory of the rings; references */
};

struct py_ns {
	PyObject_HEAD struct py_ctrlr *ctrlr;
	struct nvp_ns ns;
	bool open;
	uint32_t block; /* bytes of an LBA as transferred */
	uint64_t nlba_verify;
	struct py_vtab *vtab; /* NULL: no table */
	bool crc32; /* of the table */
	uint8_t inject; /* NVP_INJECT_* */
	bool pi_engine; /* protection information is made and checked here */
};

extern PyTypeObject *py_buffer_type, *py_pcie_type, *py_ctrlr_type, *py_qpair_type, *py_ns_type, *py_cqe_type,
	*py_iow_type;

/* Each makes its class and adds it to the module; 0 or -1. */
int py_buffer_setup(PyObject *m);
int py_pcie_setup(PyObject *m);
int py_ctrlr_setup(PyObject *m);
int py_qpair_setup(PyObject *m);
int py_ns_setup(PyObject *m);
int py_cqe_setup(PyObject *m);
int py_iow_setup(PyObject *m);
int py_meta_setup(PyObject *m); /* functions only */
int py_monitor_setup(PyObject *m);
int py_time_setup(PyObject *m);
int py_cmdlog_setup(PyObject *m);
int py_setup_type(PyObject *m, const char *name, PyType_Spec *spec, PyTypeObject **out);

/* Free a heap type's object at the end of its tp_dealloc. */
void py_object_free(PyObject *self);

extern PyObject *py_exc_enumerate, *py_exc_deletion, *py_exc_shutdown, *py_exc_qpair_creation, *py_exc_qpair_deletion,
	*py_exc_ns_creation, *py_exc_ns_deletion;

/* warn.c: text for the user of a script; both return -1 when that raised (warnings are errors). */
int py_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int py_warn_status(uint16_t status);
/* level as in Python's logging (30 warning, 40 error).  Errors are swallowed. */
void py_log(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* An exception in a callback becomes a warning; KeyboardInterrupt and the like stay raised (-1). */
int py_warn_callback(void);

/* module.c: changes in a forked child, which may not touch what its parent opened. */
extern uint32_t py_generation;

/* cqe.c */
PyObject *py_cqe_new(const struct nvme_cqe *cqe);
static inline uint16_t
py_status(const struct nvme_cqe *cqe)
{
	return (uint16_t)(nvme_get(le16_get(cqe->status), NVME_CQE_STATUS) & 0x7ff);
}

/* ctrlr_cmd.c: the last `count` commands of some logs as lines of text, newest first. */
struct nvp_cmdlog_ring;
PyObject *py_cmdlog_lines(const struct nvp_cmdlog_ring *const *rings, uint32_t n, uint32_t count, uint32_t offset);

/* callback.c: call cb with a completion, in the form that it takes.  0, or -1 with the exception of the callback. */
int py_callback(PyObject *cb, const struct nvme_cqe *cqe);

/* controller.c */
struct nvp_ctrlr *py_ctrlr_get(struct py_ctrlr *self); /* NULL with SystemError: closed */
void py_ctrlr_shut(struct py_ctrlr *self); /* close the controller, keep the object */
uint32_t py_ctrlr_timeout(const struct py_ctrlr *self, bool io, uint8_t opc); /* ms; 0: default */

/* ctrlr_aer.c */
int py_aer_start(struct py_ctrlr *self);
int py_aer_send(struct py_ctrlr *self, PyObject *cb, bool refill);
void py_aer_drop(struct py_ctrlr *self);

/* buffer.c */
struct nvp_req;
/* Describe the first len bytes of buf in the request.  -1 with AssertionError: it does not fit. */
int py_buffer_attach(struct py_buffer *buf, struct nvp_req *r, uint64_t len);
/* buf_cmb.c: memory from the controller's buffer; 0, or -1 with an exception.  The controller goes: its buffers are empty. */
int py_buffer_cmb_alloc(struct py_buffer *b, PyObject *nvme, uint64_t len, uint64_t align);
void py_buffer_cmb_free(struct py_buffer *b);
void py_buffer_cmb_lost(struct py_ctrlr *c);
uint64_t py_buffer_addr(const struct py_buffer *buf);

/* ioworker.c: end the workers of a controller, at most `ms`, else -1 with TimeoutError; collect them all. */
int py_iow_stop_all(struct py_ctrlr *c, uint32_t ms);
void py_iow_shut_all(struct py_ctrlr *c);

/* The random numbers of the host side, seeded by srand(). */
extern struct ut_rng py_rng;
extern uint64_t py_seed;
