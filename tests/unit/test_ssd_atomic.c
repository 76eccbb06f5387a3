/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Identify says of atomic writes holds through power losses at any instant: a write of up to NAWUPF + 1 logical blocks is
 * there as a whole or not at all, and no block is without its metadata; with a capacitor and without, with and without the volatile
 * write cache.  NVM Command Set 1.1, "Atomic Operations".
 */
#include "ssd/lbaf.h"
#include "ssd/nvm/atomic.h"
#include "ssd_flash_io.h"

#define LBAS 200u
#define CUTS 12u
#define MAX_OPS 64u /* between two power losses */

struct op {
	uint32_t slba, nlb;
	bool zeroes, done;
	uint16_t cid;
};

struct host {
	struct drive d;
	struct ut_rng rng;
	struct op op[MAX_OPS]; /* in the order in which they were carried out; op 0 is what was there before */
	uint32_t nr_ops;
	uint32_t before[LBAS]; /* the content after the last power loss: what it was marked with; 0: zeros */
	uint32_t safe[LBAS]; /* the op that survives for certain */
	uint32_t mark; /* of op 0 */
	bool cache;
};

static const struct ssd_ns *
ns_of(const struct host *h)
{
	return &h->d.r->sub->ns[0];
}

static uint32_t
block_size(const struct host *h)
{
	const struct ssd_ns *ns = ns_of(h);

	return ns->lba_size + ns->meta_size;
}

/* What an op leaves on this block. */
static uint32_t
content(const struct host *h, uint32_t op, uint32_t lba)
{
	return !op ? h->before[lba] : h->op[op].zeroes ? 0 : h->mark + op;
}

static void
fill(struct host *h, uint32_t nlb, uint32_t slba, uint32_t mark)
{
	uint32_t *to = (uint32_t *)(void *)io_buf(&h->d.io), words = block_size(h) / 8;

	for (uint32_t i = 0; i < nlb * words; i++) {
		*to++ = slba + i / words;
		*to++ = mark;
	}
}

/* All of a block, metadata too, is of one op, and its own. */
static uint32_t
mark_of(struct host *h, const uint8_t *block, uint32_t lba)
{
	const uint32_t *w = (const uint32_t *)(const void *)block;
	uint32_t words = block_size(h) / 8;

	for (uint32_t i = 0; i < words; i++) {
		if (w[2 * i + 1] != w[1])
			fail_msg("block %u is a mix of %u and %u", lba, w[1], w[2 * i + 1]);
		assert_int_equal(w[2 * i], w[1] ? lba : 0);
	}
	return w[1];
}

static void
reap(struct host *h)
{
	while (rig_reap(h->d.r, 1, &h->d.io.cqe)) {
		assert_int_equal(rig_sc(nvme_status_of(le16_get(h->d.io.cqe.status))), 0);
		for (uint32_t n = 1; n < h->nr_ops; n++)
			h->op[n].done |= h->op[n].cid == h->d.io.cqe.cid;
		for (uint32_t n = 1; n < h->nr_ops && !h->cache; n++) {
			for (uint32_t i = 0; h->op[n].done && i < h->op[n].nlb; i++)
				h->safe[h->op[n].slba + i] = UT_MAX(h->safe[h->op[n].slba + i], n);
		}
	}
}

static void
step(struct host *h, uint64_t ns)
{
	uint64_t end = h->d.r->now + ns, next;

	do {
		next = ssd_step(h->d.r->ssd, h->d.r->now);
		reap(h);
		h->d.r->now = UT_MIN(end, UT_MAX(next, h->d.r->now + 1));
	} while (h->d.r->now < end);
}

static void
change(struct host *h)
{
	uint32_t most = ssd_atomic_nlb(ns_of(h)), n = h->nr_ops++;
	struct op *o = &h->op[n];
	struct nvme_sqe sqe;

	*o = (struct op){ .nlb = 1 + (uint32_t)ut_rng_below(&h->rng, UT_MIN(most, LBAS / 2)) };
	o->slba = (uint32_t)ut_rng_below(&h->rng, LBAS - o->nlb + 1);
	o->zeroes = !ut_rng_below(&h->rng, 6);
	fill(h, o->nlb, o->slba, h->mark + n);
	nvme_prep_lba_cmd(&sqe, o->zeroes ? NVME_OPC_WRITE_ZEROES : NVME_OPC_WRITE, 1, o->slba, o->nlb);
	if (!o->zeroes)
		io_prp(&h->d.io, &sqe, (uint64_t)o->nlb * block_size(h));
	o->cid = rig_put(h->d.r, 1, &sqe);
	rig_ring(h->d.r, 1);
	step(h, 1 + ut_rng_below(&h->rng, 3) * ut_rng_below(&h->rng, 2000000));
}

static void
flush(struct host *h)
{
	step(h, 1000000000);
	timed(&h->d, NVME_OPC_FLUSH, 0, 1);
	for (uint32_t n = 1; n < h->nr_ops; n++) {
		for (uint32_t i = 0; i < h->op[n].nlb; i++)
			h->safe[h->op[n].slba + i] = n;
	}
}

/* 1: what this op wrote is there; 0: what came later; -1: what was there before. */
static int
survived(const struct host *h, uint32_t n, uint32_t lba, uint32_t is)
{
	if (content(h, n, lba) == is)
		return 1;
	for (uint32_t later = n + 1; later < h->nr_ops; later++) {
		const struct op *o = &h->op[later];

		if (lba - o->slba < o->nlb && content(h, later, lba) == is)
			return 0;
	}
	return -1;
}

static void
check_op(const struct host *h, uint32_t n, const uint32_t *is)
{
	const struct op *o = &h->op[n];
	bool all = true, none = true;

	for (uint32_t i = 0; i < o->nlb; i++) {
		int s = survived(h, n, o->slba + i, is[o->slba + i]);

		none &= s <= 0;
		all &= s >= 0;
		if (s < 0 && h->safe[o->slba + i] >= n)
			fail_msg("block %u of write %u is lost", o->slba + i, n);
	}
	if (!none && !all && !o->zeroes)
		fail_msg("write %u of %u blocks from %u is there in part", n, o->nlb, o->slba);
}

static void
set_cache(struct host *h)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_SET_FEATURES, .cdw10 = le32_from(6), .cdw11 = le32_from(h->cache) };

	assert_int_equal(rig_admin(h->d.r, &sqe), 0);
}

static void
cut(struct host *h)
{
	uint32_t is[LBAS];

	power_cycle(&h->d);
	set_cache(h);
	for (uint32_t lba = 0; lba < LBAS; lba++) {
		struct nvme_sqe sqe;

		nvme_prep_read(&sqe, 1, lba, 1);
		io_prp(&h->d.io, &sqe, block_size(h));
		rig_put(h->d.r, 1, &sqe);
		rig_ring(h->d.r, 1);
		assert_int_equal(wait(&h->d), 0);
		is[lba] = mark_of(h, io_buf(&h->d.io), lba);
	}
	for (uint32_t n = 1; n < h->nr_ops; n++)
		check_op(h, n, is);
	memcpy(h->before, is, sizeof(is));
	memset(h->safe, 0, sizeof(h->safe));
	h->mark += h->nr_ops;
	h->nr_ops = 1;
}

static void
identify(struct host *h, uint32_t least)
{
	struct nvme_id_ns *id = (struct nvme_id_ns *)(void *)io_buf(&h->d.io);
	struct nvme_sqe sqe = { .opc = NVME_ADM_IDENTIFY, .nsid = le32_from(1) };

	assert_int_equal(io_admin(&h->d.io, &sqe, 4096), 0);
	assert_true(id->nsfeat & NVME_NSFEAT_NSABP);
	assert_int_equal(le16_get(id->nawupf) + 1, ssd_atomic_nlb(ns_of(h)));
	assert_int_equal(le16_get(id->nawun), 0xffff);
	assert_int_equal(le16_get(id->nabspf), 0);
	assert_true(le16_get(id->nawupf) + 1u >= least);
}

static uint32_t
awupf(struct host *h)
{
	struct nvme_id_ctrl *id = (struct nvme_id_ctrl *)(void *)io_buf(&h->d.io);
	struct nvme_sqe sqe = { .opc = NVME_ADM_IDENTIFY, .cdw10 = le32_from(1) };

	assert_int_equal(io_admin(&h->d.io, &sqe, 4096), 0);
	return le16_get(id->awupf) + 1u;
}

static void
format(struct host *h, uint32_t lbaf)
{
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	nvme_prep_format(&sqe, 1, (uint8_t)lbaf, 0);
	sqe.cdw10 = le32_from(le32_get(sqe.cdw10) | (uint32_t)NVME_FORMAT_MSET); /* metadata at the end of each block */
	rig_put(h->d.r, 0, &sqe);
	rig_ring(h->d.r, 0);
	for (int i = 0; i < 20000 && !rig_reap(h->d.r, 0, &cqe); i++)
		ssd_step(h->d.r->ssd, h->d.r->now += 100000);
	assert_int_equal(ns_of(h)->format.lbaf, lbaf);
}

static void
life(const char *profile, uint32_t lbaf, bool cache, uint64_t seed)
{
	struct host h = { .nr_ops = 1, .cache = cache };

	ut_rng_seed(&h.rng, seed);
	start(&h.d, profile, QD);
	format(&h, lbaf);
	identify(&h, awupf(&h));
	set_cache(&h);
	for (uint32_t n = 0; n < CUTS; n++) {
		uint32_t ops = 1 + (uint32_t)ut_rng_below(&h.rng, MAX_OPS / 2);

		while (h.nr_ops <= ops) {
			change(&h);
			if (!ut_rng_below(&h.rng, 24))
				flush(&h);
		}
		cut(&h);
	}
	rig_close(h.d.r);
}

static void
whole_or_not_at_all(void **state)
{
	static const char *const profiles[] = { "slow", "client-tlc", "enterprise-tlc" };
	static const uint32_t formats[] = { 0, 1, 2, 4, 8 };

	(void)state;
	for (uint32_t n = 0; n < UT_ARRAY_LEN(profiles) * UT_ARRAY_LEN(formats) * 2; n++) {
		const char *profile = profiles[n / 2 / UT_ARRAY_LEN(formats)];
		uint32_t lbaf = formats[n / 2 % UT_ARRAY_LEN(formats)];

		print_message("seed %u: %s, format %u, cache %u\n", n + 1, profile, lbaf, n & 1);
		life(profile, lbaf, n & 1, n + 1);
	}
}

/* 16 units a page: 8 blocks of 4 KiB, with metadata anywhere, and as many of 512 bytes as 32 KiB have. */
static void
as_much_as_a_page_holds(void **state)
{
	struct host h = { 0 };

	(void)state;
	start(&h.d, "client-tlc", QD);
	assert_int_equal(awupf(&h), 8);
	identify(&h, 64);
	rig_close(h.d.r);
	start(&h.d, "slow", QD);
	assert_int_equal(awupf(&h), 2);
	identify(&h, 16);
	rig_close(h.d.r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_much_as_a_page_holds),
		cmocka_unit_test(whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
