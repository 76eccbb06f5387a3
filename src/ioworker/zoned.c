/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sending and reaping for plans on zones.
 *
 * Writes to one zone are sent in order of their LBAs, and a device that takes the commands of a queue in order executes them in
 * order; where it does not, zone_one_write or Zone Append is for it.  What a Zone Append wrote is known, and verified, from
 * its completion on.  Zoned Namespace Command Set, "Write command", "Zone Append command".
 */
#include "ioworker/zoned.h"

#include <errno.h>
#include <stdlib.h>
#include "ioworker/hold.h"
#include "ioworker/step.h"
#include "ioworker/zones.h"
#include "nvproof/spec/zns.h"
#include "util/alloc.h"
#include "util/bits.h"

#define NO_ZONE UINT32_MAX

struct iow_zoned {
	struct iow_zones s;
	struct iow_stat stat; /* of resets: no part of the results */
	struct iow_io held; /* drawn, and not sent yet */
	bool holding;
	bool writes; /* the plan has writes: what is not written is not read */
	uint32_t random_percent;
	uint32_t align;
	uint64_t stuck; /* since when nothing could be sent, in ticks; 0: something could */
};

static bool
is_zone_write(uint8_t opc)
{
	return opc == NVME_OPC_WRITE || opc == NVME_OPC_WRITE_ZEROES || opc == NVME_OPC_ZONE_APPEND;
}

/* --- where --- */

/* Where a read begins, in what is written; without any, and if nobody writes, in what could be. */
static struct iow_zone *
place_read(struct iow_engine *e, struct iow_io *io)
{
	struct iow_zoned *z = e->zoned;
	bool random = z->random_percent && ut_rng_below(&e->gen.rng, 100) < z->random_percent;
	uint32_t from = random ? (uint32_t)ut_rng_below(&e->gen.rng, z->s.nr) : z->s.read_at;
	struct iow_zone *zone = iow_zones_filled(&z->s, from);
	uint64_t len, at;

	if (!zone && z->writes)
		return NULL;
	zone = zone ? zone : &z->s.zone[from];
	len = zone->done ? zone->done : zone->cap;
	at = zone == &z->s.zone[z->s.read_at] && z->s.read_off < len ? z->s.read_off : 0;
	io->nlb = (uint32_t)UT_MIN((uint64_t)io->nlb, len);
	if (random)
		at = ut_rng_below(&e->gen.rng, (len - io->nlb) / z->align + 1) * z->align;
	io->nlb = (uint32_t)UT_MIN((uint64_t)io->nlb, len - at);
	io->slba = zone->slba + at;
	if (random)
		return zone;
	z->s.read_at = (uint32_t)(zone - z->s.zone);
	z->s.read_off = at + io->nlb;
	if (z->s.read_off >= len) {
		z->s.read_at = (z->s.read_at + 1) % z->s.nr;
		z->s.read_off = 0;
	}
	return zone;
}

static struct iow_zone *
place_write(struct iow_engine *e, struct iow_io *io)
{
	struct iow_zone *zone = iow_zones_pick(&e->zoned->s);

	if (!zone)
		return NULL;
	io->nlb = (uint32_t)UT_MIN((uint64_t)io->nlb, zone->cap - zone->sent);
	io->slba = zone->slba + (e->op[io->op].opc == NVME_OPC_ZONE_APPEND ? 0 : zone->sent);
	return zone;
}

/* --- send --- */

static void
launch(struct iow_engine *e, uint32_t cid, const struct iow_io *io, uint32_t zone)
{
	struct iow_extra *x = &e->extra[cid];

	e->place[cid] = (struct iow_place){ io->slba, io->nlb, io->op };
	x->retries = 0;
	x->zone = zone;
	x->sgl = e->sgl_below && ut_rng_next(&e->gen.rng) >> 32 < e->sgl_below;
}

/*
 * A zone is reset ahead of its turn, but none without need: what a run leaves is what it wrote last.  `left` commands write an LBA
 * each at the least.  Its LBAs are forgotten before it is sent, so that nothing is expected of them whatever becomes of it.
 */
static uint32_t
reset_one(struct iow_engine *e, uint64_t left)
{
	struct iow_zones *s = &e->zoned->s;
	uint64_t room = iow_zones_choose(s);
	struct iow_zone *zone;
	struct nvp_req *r;

	if (room && UT_MIN(left, e->lbas_left) <= room)
		return 0;
	zone = iow_zones_stale(s);
	if (!zone)
		return 0;
	if (e->verify)
		nvp_verify_mark(e->verify, zone->slba, zone->cap, false);
	iow_zone_resets(s, zone);
	r = qpair_batch_get(e->q);
	launch(e, r->cid, &(struct iow_io){ zone->slba, 0, IOW_OP_RESET }, (uint32_t)(zone - s->zone));
	e->room--;
	iow_full_launch(e, r->cid);
	return 1;
}

/* No two writes are equal; which LBA it will be is not known. */
static void
stamp(struct iow_engine *e, uint32_t cid, uint32_t nlb)
{
	const struct iow_target *t = &e->sh->target;

	if (!(e->inject & NVP_INJECT_TOKEN))
		return;
	e->stamp = e->verify ? nvp_verify_tokens(e->verify, 1) : e->stamp + 1;
	nvp_verify_inject(iow_write_slot(e, cid), t->data_bytes, t->lba_bytes, 0, nlb, e->stamp, NVP_INJECT_TOKEN);
}

enum sent {
	SENT,
	WAITS, /* a read, for its LBAs */
	REFUSED, /* somebody else uses the LBAs behind a write pointer: the order has to stay */
};

static enum sent
send_one(struct iow_engine *e, const struct iow_io *io, struct iow_zone *zone)
{
	struct nvp_req *r = qpair_batch_get(e->q);
	uint8_t opc = e->op[io->op].opc;
	bool held;

	launch(e, r->cid, io, zone ? (uint32_t)(zone - e->zoned->s.zone) : NO_ZONE);
	held = iow_hold(e, r->cid);
	if (!held && is_zone_write(opc)) {
		nvp_verify_cancel(e->verify, &e->extra[r->cid].verify);
		qpair_put(e->q, r);
		return REFUSED;
	}
	e->view.heat[io->slba >> e->heat_shift]++;
	e->lbas_left -= UT_MIN(e->lbas_left, (uint64_t)io->nlb);
	if (zone && is_zone_write(opc))
		iow_zone_sends(zone, io->nlb);
	else if (zone)
		zone->reads++;
	if (!held) {
		iow_wait(e, r->cid);
		return WAITS;
	}
	if (opc == NVME_OPC_ZONE_APPEND)
		stamp(e, r->cid, io->nlb);
	iow_full_launch(e, r->cid);
	return SENT;
}

static void
next_io(struct iow_engine *e, struct iow_io *io)
{
	if (e->zoned->holding)
		*io = e->zoned->held;
	else
		e->next(&e->gen, io);
	e->zoned->holding = false;
}

/* false: not now. */
static bool
place(struct iow_engine *e, struct iow_io *io, struct iow_zone **zone)
{
	const struct iow_op *op = &e->op[io->op];

	*zone = NULL;
	if (!op->lba_mask) {
		io->slba = 0;
		return true;
	}
	*zone = is_zone_write(op->opc) ? place_write(e, io) : place_read(e, io);
	return *zone;
}

/* Nothing is under way that could change it. */
static void
nothing_left(struct iow_engine *e)
{
	if (e->verify)
		nvp_verify_recover(e->verify);
	if (!iow_zones_pick(&e->zoned->s)) {
		iow_reason(e->sh, "no zone can be written");
		iow_drain(e, NVP_IOW_IO);
		return;
	}
	if (!e->zoned->stuck)
		e->zoned->stuck = e->now;
	if (e->now - e->zoned->stuck <= e->q->timeout_ticks)
		return;
	iow_reason(e->sh, "the LBAs behind a write pointer are locked by others for longer than %u ms",
		   e->sh->plan.timeout_ms);
	ut_store(&e->sh->res.status, (uint16_t)IOW_STATUS_TIMEOUT);
	iow_drain(e, NVP_IOW_TIMEOUT);
}

static uint32_t
send(struct iow_engine *e, uint32_t n)
{
	uint32_t used = 0, resets = 0, launched = 0;
	struct iow_zone *zone;
	struct iow_io io, drawn;
	enum sent how = SENT;

	while (used + resets < n && e->lbas_left) {
		next_io(e, &io);
		drawn = io;
		if (is_zone_write(e->op[io.op].opc))
			resets += reset_one(e, e->left - used);
		if (used + resets >= n || !place(e, &io, &zone) || (how = send_one(e, &io, zone)) == REFUSED) {
			e->zoned->held = drawn;
			e->zoned->holding = true;
			/* A read of what is not written yet lets a write go first. */
			if (used + resets >= n || is_zone_write(e->op[io.op].opc) || e->q->outstanding)
				break;
			e->zoned->holding = false;
			continue;
		}
		used++;
		launched += how == SENT;
	}
	qpair_batch_ring(e->q, launched + resets, e->now);
	if (!e->lbas_left)
		e->left = used;
	if (used || resets || e->q->outstanding || e->waiting.n)
		e->zoned->stuck = 0;
	else if (e->lbas_left)
		nothing_left(e);
	return used;
}

/* --- reap --- */

/* Behind what is written, among what was given out; with nothing else in flight there is one place for it. */
static bool
is_possible(const struct iow_zone *z, uint64_t lba, uint32_t nlb)
{
	uint64_t at = lba - z->slba;

	if (lba < z->slba || at < z->done || at > z->sent || z->sent - at < nlb)
		return false;
	return z->writes > 1 || z->gap || at == z->done;
}

/* Where an append went: in its zone, behind what was there. */
static uint16_t
appended(struct iow_engine *e, uint32_t cid, const struct nvme_cqe *cqe, uint64_t *at)
{
	const struct iow_place *p = &e->place[cid];
	struct iow_zone *z = &e->zoned->s.zone[e->extra[cid].zone];
	struct nvp_verify_op v = { .nlb = p->nlb, .kind = NVP_VERIFY_WRITE, .stride = e->stride };

	v.slba = le32_get(cqe->dw0) | (uint64_t)le32_get(cqe->dw1) << 32;
	*at = v.slba - z->slba;
	if (!is_possible(z, v.slba, p->nlb)) {
		iow_reason(e->sh, "zone append to %llu: it cannot be at LBA %llu", (unsigned long long)z->slba,
			   (unsigned long long)v.slba);
		e->sh->res.miscompare_lba = UT_MIN(e->sh->res.miscompare_lba, v.slba);
		return IOW_STATUS_MISCOMPARE;
	}
	if (!e->verify)
		return 0;
	if (!nvp_verify_begin(e->verify, &v)) {
		nvp_verify_end(e->verify, &v, NVP_VERIFY_OK, iow_write_slot(e, cid), NULL);
		return 0;
	}
	nvp_verify_cancel(e->verify, &v); /* somebody reads it now: it stays unknown */
	nvp_verify_mark(e->verify, v.slba, v.nlb, false);
	return 0;
}

static void
ended(struct iow_engine *e, uint32_t cid, uint64_t at, bool ok)
{
	const struct iow_place *p = &e->place[cid];
	struct iow_zones *s = &e->zoned->s;
	struct iow_zone *z;

	if (e->extra[cid].zone == NO_ZONE)
		return;
	z = &s->zone[e->extra[cid].zone];
	if (p->op == IOW_OP_RESET)
		iow_zone_was_reset(s, z, ok);
	else if (is_zone_write(e->op[p->op].opc))
		iow_zone_wrote(s, z, at, p->nlb, ok);
	else
		z->reads--;
}

void
iow_zoned_ended(struct iow_engine *e, uint32_t cid, bool lost)
{
	uint32_t zone = e->extra[cid].zone;

	ended(e, cid, 0, false);
	if (lost && zone != NO_ZONE)
		e->zoned->s.zone[zone].kept = true;
}

/* Whether it is to be counted: a read that is repeated is not. */
static bool
one_ended(struct iow_engine *e, struct nvp_req *r, const struct nvme_cqe *cqe)
{
	const struct iow_place *p = &e->place[r->cid];
	uint64_t ticks = r->submit_ticks < e->now ? e->now - r->submit_ticks : 0;
	uint64_t at = p->slba - (e->extra[r->cid].zone == NO_ZONE ? 0 : e->zoned->s.zone[e->extra[r->cid].zone].slba);
	uint16_t status = iow_status(cqe);
	bool retry = false;

	if (!status && e->op[p->op].opc == NVME_OPC_ZONE_APPEND)
		status = appended(e, r->cid, cqe, &at);
	status = iow_full_end(e, r->cid, cqe, status, &retry);
	if (retry)
		return false;
	ended(e, r->cid, at, !status);
	iow_count(e, p, ticks, status);
	if (iow_unlikely(status))
		iow_failed(e, cqe, status);
	return true;
}

static uint32_t
reap(struct iow_engine *e)
{
	struct nvp_qpair *q = e->q;
	uint32_t seen = 0, n = 0, again = 0;
	struct nvme_cqe cqe;
	struct nvp_req *r;

	while (seen < IOW_REAP_MAX && memq_peek(&q->mq, &cqe)) {
		seen++;
		memq_pop(&q->mq);
		e->now = ut_ticks(e->clock);
		r = qpair_batch_end(q, &cqe, e->now);
		if (iow_unlikely(!r))
			continue;
		n++;
		again += !one_ended(e, r, &cqe);
	}
	e->room += n - again;
	if (seen)
		qpair_batch_done(q, seen, n);
	return n;
}

/* --- open --- */

static void
init_reset(struct iow_engine *e)
{
	struct iow_op *op = &e->op[IOW_OP_RESET];

	*op = (struct iow_op){ .opc = NVME_OPC_ZONE_MGMT_SEND, .stat = &e->zoned->stat, .lba_mask = UINT64_MAX };
	op->sqe.opc = op->opc;
	op->sqe.nsid = le32_from(e->sh->target.nsid);
	op->sqe.cdw13 = le32_from(nvme_put32(NVME_ZMS_ZSA, NVME_ZSA_RESET));
}

int
iow_zoned_open(struct iow_engine *e, const struct nvp_iow_plan *p)
{
	uint32_t i;

	e->zoned = ut_calloc(1, sizeof(*e->zoned));
	if (!e->zoned)
		return -ENOMEM;
	e->zoned->random_percent = p->random_percent;
	e->zoned->align = p->nsizes == 1 ? p->sizes[0].align : 1;
	for (i = 0; i < p->nops; i++)
		e->zoned->writes |= is_zone_write(e->op[i].opc);
	init_reset(e);
	e->send = send;
	e->reap = reap;
	return iow_zones_open(&e->zoned->s, p);
}

void
iow_zoned_close(struct iow_engine *e)
{
	if (e->zoned)
		iow_zones_close(&e->zoned->s);
	free(e->zoned);
	e->zoned = NULL;
}
