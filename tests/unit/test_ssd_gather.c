/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands of one burst, whose copies are made together: each sees what those before it did, and the data are there first. */
#include "ssd_io.h"
#include "nvproof/spec/nvm.h"
#include "ssd/gather.h"
#include "util/rng.h"

#define NS2 2u /* 4 KiB blocks */
#define BLOCK 4096u
#define LBAS 4u
#define MAX_BLOCKS 3u /* of a command: its data is in two pages, or in a list */

enum { READ, WRITE, ZEROES, COMPARE, KINDS };
static const uint8_t opcs[KINDS] = { NVME_OPC_READ, NVME_OPC_WRITE, NVME_OPC_WRITE_ZEROES, NVME_OPC_COMPARE };

/* Command i of a burst has these pages of the buffer, and the list for them. */
static uint64_t
page_of(struct io *io, uint32_t i)
{
	return io->buf + (uint64_t)i * (MAX_BLOCKS + 1) * SSD_PAGE;
}

static void
point(struct io *io, struct nvme_sqe *sqe, uint32_t i, uint32_t nlb)
{
	uint64_t at = page_of(io, i), list = at + MAX_BLOCKS * SSD_PAGE;

	sqe->prp1 = le64_from(at);
	sqe->prp2 = le64_from(nlb > 2 ? list : at + SSD_PAGE);
	for (uint32_t k = 1; k < nlb; k++)
		rig_le64(io->r, list)[k - 1] = le64_from(at + k * SSD_PAGE);
}

/* Byte b of a block with this number: zeros for zeros, or else different ones, so that no two lines are equal. */
static uint8_t
byte_of(uint8_t number, uint32_t b)
{
	return number ? (uint8_t)(number ^ b ^ b / 16 * 11) : 0;
}

/* Prepare command i; what it reads is expected in want[], LBA by LBA as they are when its turn has come. */
static void
put(struct io *io, struct ut_rng *rng, uint32_t i, uint8_t *now, uint8_t want[MAX_BLOCKS], uint32_t *reads)
{
	uint32_t kind = (uint32_t)ut_rng_below(rng, KINDS), nlb = 1 + (uint32_t)ut_rng_below(rng, MAX_BLOCKS);
	uint32_t slba = (uint32_t)ut_rng_below(rng, LBAS - nlb + 1);
	uint8_t *buf = rig_ptr(io->r, page_of(io, i));
	struct nvme_sqe sqe;

	nvme_prep_lba_cmd(&sqe, opcs[kind], NS2, slba, nlb);
	point(io, &sqe, i, nlb);
	*reads = kind == READ ? nlb : 0;
	for (uint32_t k = 0; k < nlb; k++) {
		if (kind == WRITE || kind == ZEROES)
			now[slba + k] = kind == ZEROES ? 0 : (uint8_t)(1 + ut_rng_below(rng, 255));
		want[k] = now[slba + k];
		for (uint32_t b = 0; b < BLOCK; b++)
			buf[k * BLOCK + b] = byte_of(want[k], b) ^ (kind == READ ? 0xff : 0);
	}
	rig_put(io->r, 1, &sqe);
}

static void
check(struct io *io, uint32_t i, const uint8_t *want, uint32_t reads)
{
	const uint8_t *buf = rig_ptr(io->r, page_of(io, i));

	for (uint32_t b = 0; b < reads * BLOCK; b++)
		assert_int_equal(buf[b], byte_of(want[b / BLOCK], b % BLOCK));
}

static void
random_bursts(struct io *io, uint8_t now[LBAS])
{
	uint8_t want[2 * SSD_FETCH][MAX_BLOCKS];
	uint32_t reads[2 * SSD_FETCH];
	struct ut_rng rng;

	ut_rng_seed(&rng, 1);
	for (uint32_t round = 0; round < 300; round++) {
		uint32_t n = 1 + (uint32_t)ut_rng_below(&rng, 2 * SSD_FETCH);

		for (uint32_t i = 0; i < n; i++)
			put(io, &rng, i, now, want[i], &reads[i]);
		rig_ring(io->r, 1);
		rig_step(io->r);
		assert_int_equal(rig_reap_all(io->r, 1), n);
		for (uint32_t i = 0; i < n; i++)
			check(io, i, want[i], reads[i]);
	}
}

static void
in_order(void **state)
{
	uint8_t now[LBAS] = { 0 };

	random_bursts(*state, now);
}

/* Data do not depend on how they are stored: the test changes that under them all the time. */
static void
past_the_cache(void **state)
{
	struct io *io = *state;
	uint8_t now[LBAS] = { 0 };

	for (unsigned way = 0; way < 4; way++) {
		io->r->ssd->past[0] = (struct ssd_past){ .on = way & 1 };
		io->r->ssd->past[1] = (struct ssd_past){ .on = way & 2 };
		random_bursts(io, now);
	}
}

/* Of 10,000 bursts, how many are stored past the cache when each takes so long. */
static uint32_t
past_of(struct ssd_past *s, uint64_t within, uint64_t past)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < 10000; i++) {
		bool now = ssd_past_now(s);

		n += now;
		/* every seventh is disturbed */
		ssd_past_took(s, (now ? past : within) * (i % 7 ? 1 : 50), 65536);
	}
	return n;
}

static void
quicker_way(void **state)
{
	struct ssd_past s = { 0 };

	(void)state;
	assert_in_range(past_of(&s, 1000, 1200), 200, 500); /* it is tried, no more */
	assert_in_range(past_of(&s, 2000, 1200), 9000, 9900);
	assert_in_range(past_of(&s, 1000, 1000), 9000, 9900); /* no reason to change */
	assert_in_range(past_of(&s, 1000, 1200), 200, 1000);
}

#define T(f) cmocka_unit_test_setup_teardown(f, io_setup, io_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = { T(in_order), T(past_the_cache), cmocka_unit_test(quicker_way) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
