/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue pair as the extension uses it: a pool of contexts, one for each command that can be outstanding.  A context
 * holds the references to buffer and callback from submission to completion.
 */
#pragma once
#include "pyext/pyext.h"
#include "nvproof/qpair.h"
#include "pyext/vtab.h"

struct py_queue;
struct py_pi;

#define PY_BACKSTOP_MS 20000u /* beyond a command's timeout: the driver itself hangs */

/* Somebody who waits for one command, instead of a callback. */
struct py_sync {
	struct nvme_cqe cqe;
	bool done;
};

struct py_cmd {
	struct py_cmd *next; /* free ones; those that wait for their LBAs */
	struct py_queue *pq;
	PyObject *buf, *meta, *cb; /* references */
	struct py_sync *sync;
	struct py_pi *pi; /* its own; NULL: the engine has nothing to do */
	struct py_vcmd verify;
	struct nvme_sqe sqe; /* kept when there is a callback, for get_cmd() */
	struct nvp_req *waiting; /* not sent yet: defer.c */
	uint64_t since_ns; /* it waits */
	uint16_t cid;
	bool counted; /* among the queue's pending ones */
	bool aer; /* sent as a raw command: has no deadline, does not count */
	bool forgotten; /* whoever waited for it was interrupted */
};

struct py_queue {
	struct py_queue *next; /* of the controller, or in the graveyard */
	struct py_queue *all_next; /* of the process */
	struct nvp_qpair *q;
	struct py_ctrlr *ctrlr; /* a reference only in the graveyard */
	struct py_cmd *pool, *free;
	uint32_t nr; /* contexts in the pool */
	uint32_t generation; /* of the process that made it */
	uint32_t pending; /* without AERs */
	uint64_t reaped, consumed; /* completions; those that a waitdone() has accounted for */
	uint64_t aer_reaped; /* admin queue only */
	uint32_t aer_dw0; /* of the last event */
	PyObject *lost; /* list: memory of commands that timed out */
	struct py_lost *lost_lbas; /* what they may still write */
	uint32_t nlost;
	uint64_t last_latency_ns;
	uint32_t last_dw0;
	uint16_t last_status; /* sct << 8 | sc */
	uint16_t last_cid;
	bool ending; /* being deleted or reset: 00/08 is no news */
	bool mute; /* nobody is there any more: no callbacks */
	bool lent; /* an ioworker uses it */
};

/* NULL with MemoryError.  q stays the caller's when that fails. */
struct py_queue *py_queue_new(struct py_ctrlr *c, struct nvp_qpair *q);
/* Contexts for the queue's depth, after that may have grown; nothing is outstanding.  -1 with MemoryError. */
int py_queue_fit(struct py_queue *pq);
/* Frees the contexts; the driver's queue must be gone. */
void py_queue_free(struct py_queue *pq);

/*
 * A request with its context.  NULL with an exception: the queue is full (AssertionError) or gone (SystemError).
 * Either py_queue_submit() or py_queue_abort() follows.
 */
struct nvp_req *py_queue_get(struct py_queue *pq, const char *what, struct py_cmd **cmd);
void py_queue_abort(struct nvp_req *r, struct py_cmd *cmd);
void py_queue_submit(struct nvp_req *r, struct py_cmd *cmd);
/* It will be submitted later; it counts as outstanding from now on. */
void py_queue_count(struct nvp_req *r, struct py_cmd *cmd);
/* The end of a command that was never sent; its request is free already. */
void py_queue_done(struct py_cmd *cmd, const struct nvme_cqe *cqe);
struct py_queue *py_queue_all(void);
/* Keep references from now until completion.  Each may be NULL. */
void py_cmd_hold(struct py_cmd *cmd, struct py_buffer *buf, struct py_buffer *meta, PyObject *cb);

/*
 * Waiting.  Only one at a time in the whole process: AssertionError otherwise, which a callback that tries gets to see.
 * leave() deletes the queues whose objects died meanwhile, and returns -1 when a callback left an exception.
 */
int py_wait_enter(const char *what);
int py_wait_leave(void);
/* Forget what a callback left: the caller has an exception of its own. */
void py_wait_leave_quiet(void);
bool py_waiting(void);
/* Leave, with what the function in between returned: None, or NULL with an exception when rc is -1. */
PyObject *py_wait_result(int rc);

/* monitor.c: a monitor's thread has the device for itself; others wait until it is done.  -1 with an exception. */
extern unsigned long py_monitor_owner; /* thread; 0: none */
extern bool py_monitor_wanted; /* a monitor is due and found no moment: who sends next gives it one */
int py_monitor_wait(void);
/* Whether nobody has a command on this queue that he has not waited for yet. */
bool py_queue_quiet(const struct py_queue *pq);

/* waitdone(): 0 or -1 with an exception. */
int py_queue_waitdone(struct py_queue *pq, uint32_t expected, bool admin);
/* Send the request and wait for just this one.  0 (the device's verdict is in sync), or -1 with an exception. */
int py_queue_sync(struct nvp_req *r, struct py_cmd *cmd, struct py_sync *sync);

/* The queue's timeout, references and counts after a controller reset. */
void py_queue_renew(struct py_queue *pq);

/* Keep an exception that was raised while completions are reaped; the first one wins. */
void py_keep_error(void);
/* The SQE of the command whose callback runs now; NULL outside of one. */
const struct nvme_sqe *py_current_sqe(void);

/* The queue of an object that died: deleted now, or when the wait that runs is over. */
void py_queue_bury(struct py_queue *pq, struct py_ctrlr *owner);
/* Take a queue from its controller, and add its counters to the controller's. */
void py_queue_retire(struct py_queue *pq);
/* Take a queue off its controller's list. */
void py_queue_unlink(struct py_queue *pq);
