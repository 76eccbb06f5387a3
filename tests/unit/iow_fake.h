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
#include "nvproof/spec/status.h"
#include "util/pattern.h"

#ifndef FAKE_LBAS
#define FAKE_LBAS 1024u
#endif
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
		uint64_t ns; /* when */
		struct nvme_sqe sqe;
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

/* The shared mapping, as a parent makes it. */
static inline struct iow_shared *
fake_shared(const struct nvp_ns *ns, const struct iow_recipe *r)
{
	struct iow_shared *sh;
	struct iow_dims d;
	struct iow_view v;

	iow_dims_init(&d, r);
	d.nseconds = 100;
	sh = calloc(1, iow_view_init(&v, NULL, &d));
	assert_non_null(sh);
	iow_view_init(&v, sh, &d);
	sh->plan = r->p;
	sh->dims = d;
	iow_target_init(&sh->target, ns, r);
	memcpy(v.op, r->p.ops, d.nops * sizeof(*v.op));
	if (d.nsizes)
		memcpy(v.size, r->p.sizes, d.nsizes * sizeof(*v.size));
	if (d.nregions)
		memcpy(v.region, r->p.regions, d.nregions * sizeof(*v.region));
	if (d.has_distribution)
		memcpy(v.distribution, r->p.distribution, sizeof(*v.distribution) * NVP_IOW_BUCKETS);
	if (d.nsteps)
		memcpy(v.step, r->p.steps, d.nsteps * sizeof(*v.step));
	return sh;
}

static inline void
fake_drive_open(struct fake_drive *d, const struct nvp_iow_plan *plan, struct nvp_verify *v)
{
	struct iow_recipe r;
	const char *why = "";

	memset(d, 0, sizeof(*d));
	d->ctrlr = calloc(1, sizeof(*d->ctrlr)); /* a plan asks it for CAP.MQES only */
	assert_non_null(d->ctrlr);
	d->ctrlr->cap = 255;
	d->ns = (struct nvp_ns){ .ctrlr = d->ctrlr, .nsid = 1, .nsze = FAKE_LBAS, .lba_size = FAKE_LBA };
	assert_int_equal(iow_recipe_make(&r, &d->ns, plan, &why), 0);
	fake_open(&d->fq, r.p.qdepth + 1, true);
	d->fq.step_ns = 10000;
	d->turn_ns = 1000;
	d->e.sh = fake_shared(&d->ns, &r);
	d->e.buf = (struct nvp_buf){ .iova = FAKE_BUF_IOVA, .len = d->e.sh->target.buf_len };
	d->e.buf.va = calloc(1, d->e.buf.len);
	assert_non_null(d->e.buf.va);
	d->e.q = d->fq.q;
	d->e.verify = v;
	d->e.clock = &d->fq.clock;
	ut_rng_seed(&d->rng, r.p.seed + 1);
	iow_recipe_free(&r);
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

static inline void *
fake_va(struct fake_drive *d, uint64_t iova, uint64_t len)
{
	assert_true(iova >= FAKE_BUF_IOVA && iova - FAKE_BUF_IOVA + len <= d->e.buf.len);
	return (char *)d->e.buf.va + (iova - FAKE_BUF_IOVA);
}

/*
 * The lists name what a contiguous buffer is made of, and nothing else.  NVMe Base, "Physical Region Page Entry and
 * List".
 */
static inline void
fake_check_prp(struct fake_drive *d, const struct nvme_sqe *s, uint64_t len)
{
	uint64_t prp1 = le64_get(s->prp1), at = le64_get(s->prp2), left = (prp1 % 4096 + len + 4095) / 4096 - 1, i;

	if (left <= 1) {
		assert_true(at == (left ? (prp1 & ~4095ull) + 4096 : 0));
		return;
	}
	for (i = 1; left; at += 8) {
		if (at % 4096 == 4088 && left > 1)
			at = le64_get(*(le64 *)fake_va(d, at, 8)); /* leads to the next page */
		assert_true(le64_get(*(le64 *)fake_va(d, at, 8)) == (prp1 & ~4095ull) + i++ * 4096);
		left--;
	}
}

static inline uint8_t *
fake_data(struct fake_drive *d, const struct nvme_sqe *s, uint64_t len)
{
	if (nvme_get(s->flags, NVME_SQE_PSDT)) {
		assert_int_equal(le32_get(s->sgl.len), len);
		return fake_va(d, le64_get(s->sgl.addr), len);
	}
	fake_check_prp(d, s, len);
	return fake_va(d, le64_get(s->prp1), len);
}

static inline uint32_t
fake_nlb(struct fake_drive *d, const struct nvme_sqe *s, uint64_t *slba)
{
	const struct nvme_dsm_range *r;

	*slba = fake_slba(s);
	if (s->opc == NVME_OPC_FLUSH)
		return 0;
	if (s->opc != NVME_OPC_DSM)
		return nvme_get32(le32_get(s->cdw12), NVME_RW_NLB) + 1;
	r = fake_va(d, le64_get(s->prp1), sizeof(*r));
	assert_int_equal(le32_get(s->cdw10), 0);
	assert_int_equal(le32_get(s->cdw11), NVME_DSM_AD);
	*slba = le64_get(r->slba);
	return le32_get(r->nlb);
}

static inline uint16_t
fake_execute(struct fake_drive *d, const struct nvme_sqe *s)
{
	uint64_t slba, len;
	uint32_t nlb = fake_nlb(d, s, &slba);
	uint8_t *m = d->media + slba * FAKE_LBA;

	len = (uint64_t)nlb * FAKE_LBA;
	assert_true(slba + nlb <= FAKE_LBAS);
	if (s->opc == NVME_OPC_WRITE)
		memcpy(m, fake_data(d, s, len), len);
	else if (s->opc == NVME_OPC_READ)
		memcpy(fake_data(d, s, len), m, len);
	else if (s->opc == NVME_OPC_WRITE_ZEROES || s->opc == NVME_OPC_DSM)
		memset(m, 0, len);
	else if (s->opc == NVME_OPC_COMPARE)
		return memcmp(fake_data(d, s, len), m, len) ? NVME_SC_COMPARE_FAILED : 0;
	return 0;
}

static inline void
fake_take(struct fake_drive *d, const struct nvme_sqe *s)
{
	uint32_t n = d->nseen++;

	assert_true(n < FAKE_SEEN && le32_get(s->nsid) == 1);
	d->seen[n].opc = s->opc;
	d->seen[n].nlb = fake_nlb(d, s, &d->seen[n].slba);
	d->seen[n].ns = d->fq.now_ns;
	d->seen[n].sqe = *s;
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
