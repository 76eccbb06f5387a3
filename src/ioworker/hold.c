/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Verification in a worker.  A command whose LBAs are in use, by this worker or by another process, waits in its place
 * while others go on; it is tried again in each turn, so nobody spins for it, and given up after the time of a command.
 */
#include "ioworker/hold.h"

#include "ioworker/step.h"
#include "util/bits.h"

#define TRIES 16u /* waiting commands looked at in a turn */
#define STUCK_NS 10000000ull /* after which dead processes are looked for */

/* A kill comes between any two instructions, so they have to be in this order; no other processor looks on. */
#define in_order() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* --- the journal of writes, for who has to end them in our place --- */

static void
journal(struct iow_engine *e, uint32_t cid, const struct nvp_verify_op *op)
{
	struct iow_slot *s = &e->view.slot[cid];

	s->slba = op->slba;
	in_order();
	s->nlb = op->nlb;
}

static void
journal_end(struct iow_engine *e, uint32_t cid)
{
	e->view.slot[cid].nlb = 0;
}

/* --- begin --- */

static uint8_t
kind_of(const struct iow_op *op)
{
	if (op->is_read)
		return NVP_VERIFY_READ;
	if (op->is_write)
		return NVP_VERIFY_WRITE;
	switch (op->opc) {
	case NVME_OPC_COMPARE:
	case NVME_OPC_VERIFY:
		return NVP_VERIFY_LOOK;
	case NVME_OPC_WRITE_ZEROES:
	case NVME_OPC_DSM: /* it deallocates */
		return NVP_VERIFY_ZERO;
	case NVME_OPC_WRITE_UNCOR:
		return NVP_VERIFY_UNCORR;
	default:
		return NVP_VERIFY_CHANGE;
	}
}

void
iow_hold_op(const struct iow_engine *e, struct iow_op *op)
{
	op->kind = kind_of(op);
	/* What is read and not checked needs no lock: it changes nothing. */
	op->flushes = e->verify && op->opc == NVME_OPC_FLUSH;
	op->held = e->verify && (op->is_write || op->changes || (op->is_read && e->check));
}

bool
iow_hold(struct iow_engine *e, uint32_t cid)
{
	const struct iow_place *p = &e->place[cid];
	const struct iow_op *op = &e->op[p->op];
	struct nvp_verify_op *v = &e->extra[cid].verify;

	if (iow_unlikely(op->flushes))
		e->extra[cid].covers = nvp_verify_flush_begin(e->verify);
	if (!op->held)
		return true;
	*v = (struct nvp_verify_op){
		.slba = p->slba, .nlb = p->nlb, .kind = op->kind, .durable = op->durable, .stride = e->stride
	};
	if (op->is_write && e->same)
		v->same = (void *)(e->same + cid * e->same_bytes);
	if (iow_unlikely(nvp_verify_begin(e->verify, v)))
		return false;
	if (!op->is_read)
		journal(e, cid, v);
	return true;
}

/* --- waiting --- */

static void
push(struct iow_engine *e, uint32_t cid)
{
	e->extra[cid].next = IOW_NOBODY;
	if (e->waiting.n++)
		e->extra[e->waiting.last].next = cid;
	else
		e->waiting.first = cid;
	e->waiting.last = cid;
}

static uint32_t
pop(struct iow_engine *e)
{
	uint32_t cid = e->waiting.first;

	e->waiting.first = e->extra[cid].next;
	e->waiting.n--;
	return cid;
}

void
iow_wait(struct iow_engine *e, uint32_t cid)
{
	if (!e->waiting.n)
		e->waiting.look = e->now + ut_ns_to_ticks(e->clock, STUCK_NS);
	e->extra[cid].since = e->now;
	push(e, cid);
}

/* It is as if it had never been. */
static void
give_back(struct iow_engine *e, uint32_t cid)
{
	nvp_verify_cancel(e->verify, &e->extra[cid].verify);
	qpair_put(e->q, &e->q->reqs[cid]);
	e->room++;
}

static void
give_up(struct iow_engine *e, uint32_t cid)
{
	const struct nvp_verify_op *op = &e->extra[cid].verify;
	int pid = nvp_verify_holder(e->verify, op);

	iow_reason(e->sh, "LBA %llu is locked by %s %d for longer than %u ms", (unsigned long long)op->slba,
		   pid ? "process" : "other commands, of process", pid, e->sh->plan.timeout_ms);
	give_back(e, cid);
	if (!e->sh->res.status)
		ut_store(&e->sh->res.status, (uint16_t)IOW_STATUS_TIMEOUT);
	iow_drain(e, NVP_IOW_TIMEOUT);
}

/* Nothing got its LBAs for a while. */
static void
stuck(struct iow_engine *e)
{
	if (e->now < e->waiting.look)
		return;
	e->waiting.look = e->now + ut_ns_to_ticks(e->clock, STUCK_NS);
	nvp_verify_recover(e->verify);
}

static bool
try_again(struct iow_engine *e, uint32_t cid)
{
	struct nvp_verify_op *v = &e->extra[cid].verify;

	if (nvp_verify_begin(e->verify, v)) {
		if (e->now - e->extra[cid].since > e->q->timeout_ticks)
			give_up(e, cid);
		else
			push(e, cid);
		return false;
	}
	if (!e->op[e->place[cid].op].is_read)
		journal(e, cid, v);
	iow_full_launch(e, cid);
	return true;
}

uint32_t
iow_resume(struct iow_engine *e)
{
	uint32_t n = UT_MIN(e->waiting.n, TRIES), sent = 0;

	e->now = ut_ticks(e->clock);
	while (e->draining && e->waiting.n)
		give_back(e, pop(e));
	while (n-- && !e->draining)
		sent += try_again(e, pop(e));
	if (sent)
		qpair_batch_ring(e->q, sent, e->now);
	else if (e->waiting.n)
		stuck(e);
	return sent;
}

/* --- end --- */

/* The data of this worker's own writes are still in its slots, but for ids and tokens. */
static void
explain(struct iow_engine *e, uint32_t cid, struct nvp_miscompare *mis)
{
	const struct iow_place *p = &e->place[cid];
	uint32_t bytes = e->sh->target.lba_bytes, n = e->sh->plan.qdepth, per = p->nlb, i, k;
	struct nvp_verify_source src[IOW_SOURCES];
	char line[96], text[128];

	for (i = k = 0; e->writes && k < n * per && i < IOW_SOURCES; k++, i++)
		src[i] = (struct nvp_verify_source){ iow_write_slot(e, k / per) + k % per * bytes,
						     i ? &src[i - 1] : NULL };
	nvp_verify_diagnose(e->verify, &e->extra[cid].verify, iow_read_slot(e, cid), i ? &src[i - 1] : NULL, mis);
	nvp_miscompare_line(mis, line, sizeof(line));
	nvp_miscompare_text(mis, text, sizeof(text));
	iow_reason(e->sh, "%s; %s", line, text);
	e->sh->mis = *mis;
}

static uint16_t
wrong(struct iow_engine *e, uint32_t cid, bool last, struct nvp_miscompare *mis)
{
	if (last && e->sh->res.miscompare_lba == UINT64_MAX) {
		ut_store(&e->sh->res.miscompare_lba, mis->lba);
		explain(e, cid, mis);
	}
	return IOW_STATUS_MISCOMPARE;
}

/* What was written before it began is durable, when it succeeded. */
static void
end_flush(struct iow_engine *e, uint32_t cid, bool ok)
{
	if (e->extra[cid].covers)
		nvp_verify_flush_end(e->verify, ok);
	e->extra[cid].covers = false;
}

uint16_t
iow_release(struct iow_engine *e, uint32_t cid, uint16_t status, bool last)
{
	const struct iow_op *op = &e->op[e->place[cid].op];
	enum nvp_verify_verdict verdict = status ? NVP_VERIFY_FAILED : NVP_VERIFY_OK;
	struct nvp_miscompare mis;
	const uint8_t *data = NULL;

	if (iow_unlikely(op->flushes))
		end_flush(e, cid, !status);
	if (!op->held)
		return status;
	if (op->is_read)
		data = iow_read_slot(e, cid);
	else if (op->is_write)
		data = iow_write_slot(e, cid);
	if (iow_unlikely(nvp_verify_end(e->verify, &e->extra[cid].verify, verdict, data, &mis)))
		return wrong(e, cid, last, &mis);
	if (!op->is_read)
		journal_end(e, cid);
	return status;
}

/* The device may still execute it: the journal keeps it until the parent knows better. */
void
iow_lose(struct iow_engine *e, uint32_t cid)
{
	end_flush(e, cid, false);
	if (e->op[e->place[cid].op].held)
		nvp_verify_end(e->verify, &e->extra[cid].verify, NVP_VERIFY_LOST, NULL, NULL);
}

void
iow_hold_close(struct iow_engine *e)
{
	uint32_t cid;

	for (cid = 0; e->verify && e->extra && cid < e->sh->plan.qdepth; cid++) {
		end_flush(e, cid, false);
		if (e->extra[cid].verify.locked)
			nvp_verify_end(e->verify, &e->extra[cid].verify, NVP_VERIFY_LOST, NULL, NULL);
	}
}

/* --- what a sequential reader leaves out --- */

bool
iow_skips(const struct iow_engine *e, const struct iow_io *io)
{
	uint32_t i;

	if (!e->op[io->op].is_read)
		return false;
	for (i = 0; i < io->nlb; i++)
		if (nvp_verify_is_uncorr(e->verify, io->slba + i))
			return true;
	return false;
}
