/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's engine on a scripted queue: a drive of a few thousand LBAs in plain memory that completes in any order,
 * and can be told to fail, to swallow or to damage.
 */
#pragma once
#include "fake_queue.h"
#include "host/ctrlr_int.h"
#include "ioworker/engine.h"
#include "ioworker/plan.h"
#include "nvproof/spec/nvm.h"
#include "util/pattern.h"

#define FAKE_LBAS 1024u
#define FAKE_LBA 512u
#define FAKE_BUF_IOVA 0x900000000ull
#define FAKE_SEEN 20000u

struct fake_drive {
	struct fake_queue fq;
	struct iow_engine e;
	struct nvp_ctrlr *ctrlr;
	struct nvp_ns ns;
	uint8_t media[FAKE_LBAS * FAKE_LBA];
	uint64_t turn_ns; /* what a turn of the engine takes */
	struct ut_rng rng; /* the order of completions */
	uint32_t taken; /* SQ head */
	struct nvme_sqe pending[64];
	uint32_t npending;
	struct {
		uint64_t slba;
		uint32_t nlb;
		uint8_t opc;
	} seen[FAKE_SEEN]; /* every command, in the order of submission */
	uint32_t nseen;
	uint32_t fail_at; /* this command (1, 2, ...) gets fail_status */
	uint16_t fail_status;
	uint32_t swallow_at; /* this one is never completed */
	uint32_t damage_at; /* before this one, LBA damage_lba is changed */
	uint64_t damage_lba;
};

/* Plans in the tests name only what matters: what is named again replaces the default. */
#pragma GCC diagnostic ignored "-Woverride-init"
#define FAKE_PLAN(...)                                                                                            \
	{                                                                                                         \
		.io_size = 8, .lba_align = 1, .random_percent = 100, .read_percent = 50, .qdepth = 15,            \
		.region_end = UINT64_MAX, .seed = 7, .ptype = UT_PTYPE_RANDOM, .pvalue = 100, .timeout_ms = 1000, \
		.cpu = -1, .exit_on_error = true, __VA_ARGS__                                                     \
	}

static inline void
fake_drive_open(struct fake_drive *d, const struct nvp_iow_plan *plan, struct nvp_verify *v)
{
	struct nvp_iow_plan p;
	struct iow_shared layout;
	const char *why = "";
	struct iow_shared *sh;
	uint64_t len;

	memset(d, 0, sizeof(*d));
	d->ctrlr = calloc(1, sizeof(*d->ctrlr)); /* a plan asks it for CAP.MQES only */
	assert_non_null(d->ctrlr);
	d->ctrlr->cap = 255;
	d->ns = (struct nvp_ns){ .ctrlr = d->ctrlr, .nsid = 1, .nsze = FAKE_LBAS, .lba_size = FAKE_LBA };
	assert_int_equal(iow_plan_check(&d->ns, plan, &p, &why), 0);
	fake_open(&d->fq, p.qdepth + 1, true);
	d->fq.step_ns = 10000;
	d->turn_ns = 1000;
	len = iow_shared_layout(&layout, p.qdepth, 100);
	sh = calloc(1, len);
	assert_non_null(sh);
	sh->plan = p;
	sh->seconds_off = layout.seconds_off;
	sh->seconds_max = layout.seconds_max;
	iow_target_init(&sh->target, &d->ns, &p);
	d->e.buf = (struct nvp_buf){ .iova = FAKE_BUF_IOVA, .len = sh->target.buf_len };
	d->e.buf.va = calloc(1, d->e.buf.len);
	assert_non_null(d->e.buf.va);
	d->e.q = d->fq.q;
	d->e.sh = sh;
	d->e.verify = v;
	d->e.clock = &d->fq.clock;
	ut_rng_seed(&d->rng, p.seed + 1);
	assert_int_equal(iow_engine_open(&d->e), 0);
}

static inline void
fake_drive_close(struct fake_drive *d)
{
	d->e.ended = true;
	fake_close(&d->fq);
	iow_engine_close(&d->e);
	free(d->e.buf.va);
	free(d->e.sh);
	free(d->ctrlr);
}

static inline uint64_t
fake_slba(const struct nvme_sqe *s)
{
	return le32_get(s->cdw10) | (uint64_t)le32_get(s->cdw11) << 32;
}

/* The buffer is contiguous, so where it begins says it all. */
static inline uint16_t
fake_execute(struct fake_drive *d, const struct nvme_sqe *s)
{
	uint64_t slba = fake_slba(s), off = le64_get(s->prp1) - FAKE_BUF_IOVA;
	uint32_t nlb = nvme_get32(le32_get(s->cdw12), NVME_RW_NLB) + 1;
	uint8_t *m, *b = (uint8_t *)d->e.buf.va + off;

	assert_true(slba + nlb <= FAKE_LBAS && off + nlb * FAKE_LBA <= d->e.buf.len);
	m = d->media + slba * FAKE_LBA;
	memcpy(s->opc == NVME_OPC_WRITE ? m : b, s->opc == NVME_OPC_WRITE ? b : m, nlb * FAKE_LBA);
	return 0;
}

static inline void
fake_take(struct fake_drive *d, const struct nvme_sqe *s)
{
	uint32_t n = d->nseen++;

	assert_true(n < FAKE_SEEN && s->opc <= NVME_OPC_READ && le32_get(s->nsid) == 1);
	d->seen[n].opc = s->opc;
	d->seen[n].slba = fake_slba(s);
	d->seen[n].nlb = nvme_get32(le32_get(s->cdw12), NVME_RW_NLB) + 1;
	if (n + 1 == d->damage_at)
		d->media[d->damage_lba * FAKE_LBA + 100] ^= 1;
	if (n + 1 == d->swallow_at)
		return;
	if (n + 1 == d->fail_at)
		fake_post(&d->fq, s->cid, FAKE_QID, 0, d->fail_status);
	else
		d->pending[d->npending++] = *s;
}

/* What the doorbell says is there, is taken; then some of it, any, completes. */
static inline void
fake_drive_step(struct fake_drive *d)
{
	uint32_t tail = le32toh(d->fq.db[0]), n;

	while (d->taken != tail && d->npending < 64) {
		fake_take(d, &d->fq.q->mq.sq[d->taken]);
		d->taken = (d->taken + 1) % d->fq.q->mq.depth;
	}
	for (n = d->npending ? 1 + (uint32_t)ut_rng_below(&d->rng, d->npending) : 0; n; n--) {
		uint32_t i = (uint32_t)ut_rng_below(&d->rng, d->npending);

		fake_post(&d->fq, d->pending[i].cid, FAKE_QID, 0, fake_execute(d, &d->pending[i]));
		d->pending[i] = d->pending[--d->npending];
	}
}

/* Until it ends, or `turns` are over. */
static inline void
fake_drive_run(struct fake_drive *d, uint32_t turns)
{
	while (!d->e.ended && turns--) {
		if (!iow_engine_turn(&d->e))
			d->e.clock->relax(d->e.clock, 0);
		else
			d->fq.now_ns += d->turn_ns;
		fake_drive_step(d);
	}
}
