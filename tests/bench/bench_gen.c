/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The worker's generator alone: plan, LBA, SQE, time stamps, histogram and counters as in a run, but no device: each command
 * has completed when the batch has been built.  Compare fio's null engine.  Prints commands a second.
 * usage: bench_gen DEPTH
 */
#include <stdio.h>
#include <stdlib.h>

#include "ioworker/step.h"
#include "nvproof/spec/prep_nvm.h"
#include "util/alloc.h"

#define COUNT 20000000u
#define MAX_DEPTH 1024u
#define NSZE (1ull << 21) /* 1 GiB */
#define FLAGS IOW_GEN_RANDOM

static struct iow_engine engine;
static struct iow_stat stat;
static struct iow_shared shared;
static struct iow_place place[MAX_DEPTH];
static struct nvme_sqe ring[MAX_DEPTH];

static int
open_engine(struct iow_engine *e)
{
	static const struct nvp_iow_region region = { .end = NSZE };
	static const struct nvp_iow_size size = { .nlb = 8, .align = 8, .weight = 1 };
	static const struct nvp_iow_op op = { .opc = NVME_OPC_READ, .weight = 1 };
	const struct nvp_iow_plan plan = {
		.random_percent = 100,
		.seed = 1,
		.regions = &region,
		.sizes = &size,
		.ops = &op,
		.nregions = 1,
		.nsizes = 1,
		.nops = 1,
	};
	static struct nvp_qpair q = { .page_shift = 12 };

	e->q = &q;
	e->sh = &shared;
	e->clock = ut_clock_real();
	e->place = place;
	e->one_page = 8;
	e->two_pages = 16;
	e->slot_bytes = 4096;
	e->op[0] = (struct iow_op){ .stat = &stat, .data_mask = ~0ull, .lba_mask = ~0ull, .nlb_mask = 0xffff };
	nvme_prep_read(&e->op[0].sqe, 1, 0, 8);
	return iow_gen_open(&e->gen, &plan, NSZE);
}

/* As send() and reap() of lean.c do, without the queue. */
static void
batch(struct iow_engine *e, uint32_t depth)
{
	uint64_t sent = ut_ticks(e->clock);
	struct iow_io io;
	uint32_t cid;

	for (cid = 0; cid < depth; cid++) {
		iow_gen_next(&e->gen, &io, FLAGS);
		place[cid] = (struct iow_place){ io.slba, io.nlb, io.op };
		iow_fill(e, &ring[cid], (uint16_t)cid, &io);
	}
	__asm__ volatile("" ::: "memory");
	e->now = ut_ticks(e->clock);
	for (cid = 0; cid < depth; cid++)
		iow_count(e, &place[cid], e->now - sent, 0);
}

int
main(int argc, char **argv)
{
	uint32_t depth = argc == 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0, done;
	uint64_t start;

	if (!depth || depth > MAX_DEPTH) {
		fprintf(stderr, "usage: bench_gen DEPTH\n");
		return 2;
	}
	if (open_engine(&engine))
		return 1;
	start = ut_mono_ns();
	for (done = 0; done < COUNT; done += depth)
		batch(&engine, depth);
	printf("%.0f\n", (double)done * 1e9 / (double)(ut_mono_ns() - start));
	iow_gen_close(&engine.gen);
	return 0;
}
