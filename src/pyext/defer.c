/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that wait for their LBAs: see defer.h. */
#include "pyext/defer.h"
#include "pyext/pi.h"

#include "util/bits.h"

#define STUCK_NS 10000000ull /* after which dead processes are looked for */

static struct py_cmd *first, **last = &first;
static uint64_t next_look;
static bool running;

static uint64_t
now_ns(const struct py_cmd *cmd)
{
	return ut_now_ns(nvp_ctrlr_bus(cmd->pq->ctrlr->c)->clock);
}

/* --- sending --- */

static struct py_buffer *
buffer_of(const struct py_cmd *cmd)
{
	return (struct py_buffer *)cmd->buf;
}

/* Its buffer has other data to carry: this command gets a copy, for which its SQE is made anew. */
static bool
use_copy(struct nvp_req *r, struct py_cmd *cmd)
{
	struct py_buffer *from = buffer_of(cmd), *to;
	uint64_t len = cmd->verify.len;

	to = (struct py_buffer *)PyObject_CallFunction((PyObject *)py_buffer_type, "Ks", (unsigned long long)len,
						       "copy");
	if (!to || (to->sgl = from->sgl, py_buffer_attach(to, r, len)) < 0) {
		PyErr_Clear();
		Py_XDECREF((PyObject *)to);
		return false;
	}
	memcpy(to->mem.va, cmd->verify.data, len);
	cmd->verify.data = to->mem.va;
	cmd->buf = (PyObject *)to;
	Py_DECREF((PyObject *)from);
	return true;
}

static bool
prepare_data(struct nvp_req *r, struct py_cmd *cmd)
{
	struct py_buffer *b = buffer_of(cmd);

	if (cmd->verify.op.kind != NVP_VERIFY_WRITE || !cmd->verify.data || !b)
		return false;
	py_verify_wrote(b);
	if (!cmd->verify.inject || !b->flying)
		return true;
	return !cmd->pi && use_copy(r, cmd);
}

static void
launch(struct nvp_req *r, struct py_cmd *cmd)
{
	py_verify_inject(&cmd->verify, prepare_data(r, cmd));
	if (cmd->pi)
		py_pi_begin(cmd->pi); /* after whatever changed the data */
	py_queue_submit(r, cmd);
}

void
py_defer_never(struct nvp_req *r, struct py_cmd *cmd)
{
	if (py_verify_begin(&cmd->verify))
		py_verify_unlocked(&cmd->verify);
	launch(r, cmd);
}

void
py_defer_submit(struct nvp_req *r, struct py_cmd *cmd)
{
	if (!py_verify_begin(&cmd->verify)) {
		launch(r, cmd);
		return;
	}
	py_queue_count(r, cmd);
	cmd->waiting = r;
	cmd->since_ns = now_ns(cmd);
	if (!first)
		next_look = cmd->since_ns + STUCK_NS;
	cmd->next = NULL;
	*last = cmd;
	last = &cmd->next;
}

/* --- waiting --- */

bool
py_defer_any(void)
{
	return first != NULL;
}

bool
py_defer_has(const struct py_queue *pq)
{
	const struct py_cmd *c = first;

	while (c && c->pq != pq)
		c = c->next;
	return c != NULL;
}

static void
unlink_at(struct py_cmd **at)
{
	struct py_cmd *c = *at;

	*at = c->next;
	if (last == &c->next)
		last = at;
	c->next = NULL;
}

/* As if the device had said so; it never saw the command. */
static void
end_unsent(struct py_cmd *cmd, uint16_t status, uint32_t dw0)
{
	const struct nvme_cqe cqe = {
		.dw0 = le32_from(dw0),
		.dw1 = le32_from(dw0),
		.sqid = le16_from(nvp_qpair_id(cmd->pq->q)),
		.cid = nvp_req_cid(cmd->waiting),
		.status = le16_from(
			(uint16_t)(nvme_put(NVME_CQE_SCT, status >> 8) | nvme_put(NVME_CQE_SC, status & 0xff))),
	};

	py_verify_cancel(&cmd->verify);
	nvp_req_put(cmd->waiting);
	py_queue_done(cmd, &cqe);
}

static void
give_up(struct py_cmd *cmd)
{
	int pid = nvp_verify_holder(py_vtab_verify(cmd->verify.vt), &cmd->verify.op);

	py_log(40, "lba 0x%llx is locked by %s %d; its command is given up", (unsigned long long)cmd->verify.op.slba,
	       pid ? "process" : "other commands, of process", pid);
	end_unsent(cmd, 0x7ff, UINT32_MAX);
}

/* What has waited for long may wait for the dead. */
static void
look_for_dead(void)
{
	uint64_t now = now_ns(first);

	if (now < next_look)
		return;
	next_look = now + STUCK_NS;
	nvp_verify_recover(py_vtab_verify(first->verify.vt));
}

static bool
expired(const struct py_cmd *cmd)
{
	return now_ns(cmd) - cmd->since_ns > nvp_ctrlr_timeout_ms(cmd->pq->ctrlr->c) * 1000000ull;
}

/* Callbacks of what ends here may send commands, which go to the end of the list. */
uint32_t
py_defer_run(void)
{
	struct py_cmd **at = &first, *c;
	uint32_t sent = 0;

	if (!first || running)
		return 0;
	running = true;
	look_for_dead();
	while ((c = *at)) {
		if (!py_verify_begin(&c->verify)) {
			struct nvp_req *r = c->waiting;

			unlink_at(at);
			c->waiting = NULL;
			launch(r, c);
			sent++;
		} else if (expired(c)) {
			unlink_at(at);
			give_up(c);
			at = &first;
		} else {
			at = &c->next;
		}
	}
	running = false;
	return sent;
}

void
py_defer_help(struct py_queue *pq)
{
	for (struct py_queue *q = py_queue_all(); q; q = q->all_next)
		if (q != pq && q->q && q->generation == py_generation && !q->lent && q->pending &&
		    nvp_qpair_is_live(q->q))
			nvp_qpair_poll(q->q, UINT32_MAX);
}

void
py_defer_abort(struct py_queue *pq)
{
	struct py_cmd **at = &first, *c;

	while ((c = *at)) {
		if (c->pq != pq) {
			at = &c->next;
			continue;
		}
		unlink_at(at);
		end_unsent(c, NVME_SC_ABORT_SQ_DELETION, 0);
		at = &first;
	}
}
