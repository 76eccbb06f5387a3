/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One thread drives many queue pairs of one device: what does the device make of them?  Prints commands a second.
 * usage: bench_queues ADDR QUEUES OUTSTANDING SECONDS CORE    (4 KiB random reads over 1 GiB of namespace 1)
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "nvproof/ns.h"
#include "nvproof/spec/prep_nvm.h"
#include "util/clock.h"
#include "util/rng.h"

#define MAX_QUEUES 64u
#define SPAN (1ull << 30)
#define BLOCK 4096u

struct bench {
	struct nvp_ctrlr *c;
	struct nvp_ns ns;
	struct nvp_buf buf;
	struct nvp_qpair *q[MAX_QUEUES];
	uint32_t nq, depth; /* of each queue */
	struct ut_rng rng;
};

static void
send(struct bench *b, uint32_t i, uint32_t n)
{
	uint32_t nlb = BLOCK / b->ns.lba_size;

	for (; n; n--) {
		struct nvp_req *r = nvp_req_get(b->q[i]);
		uint64_t slot = (uint64_t)i * b->depth + nvp_req_cid(r);

		nvme_prep_read(nvp_req_sqe(r), b->ns.nsid, ut_rng_below(&b->rng, SPAN / BLOCK) * nlb, nlb);
		(void)nvp_req_data(r, &b->buf, slot * BLOCK, BLOCK);
		nvp_req_submit(r, NULL, NULL);
	}
	nvp_qpair_ring(b->q[i]);
}

/* Commands completed until `end`, a time of CLOCK_MONOTONIC. */
static uint64_t
run(struct bench *b, uint64_t end)
{
	uint64_t done = 0;

	for (uint32_t i = 0; i < b->nq; i++)
		send(b, i, b->depth);
	for (uint32_t turn = 0; turn % 64 || ut_mono_ns() < end; turn++) {
		for (uint32_t i = 0; i < b->nq; i++) {
			int n = nvp_qpair_poll(b->q[i], b->depth);

			if (n <= 0)
				continue;
			done += (uint32_t)n;
			send(b, i, (uint32_t)n);
		}
	}
	for (uint32_t i = 0; i < b->nq; i++)
		nvp_qpair_wait(b->q[i], b->depth);
	return done;
}

static int
open_all(struct bench *b, const char *addr)
{
	struct nvp_qpair_opts opts = { .depth = b->depth + 1, .iv = 0xffff, .lazy = true, .no_cmdlog = true };
	int rc = nvp_ctrlr_open(addr, NULL, &b->c);

	if (!rc)
		rc = nvp_ns_open(b->c, 1, &b->ns, NULL);
	if (!rc)
		rc = nvp_buf_alloc((uint64_t)b->nq * b->depth * BLOCK, 0, &b->buf);
	for (uint32_t i = 0; !rc && i < b->nq; i++)
		rc = nvp_qpair_create(b->c, &opts, &b->q[i], NULL);
	return rc;
}

static void
close_all(struct bench *b)
{
	for (uint32_t i = 0; i < b->nq; i++)
		nvp_qpair_delete(b->q[i], NULL);
	nvp_buf_free(&b->buf);
	nvp_ctrlr_close(b->c);
}

static void
pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int
main(int argc, char **argv)
{
	struct bench b = { 0 };
	uint64_t start, done;
	int rc;

	b.nq = argc == 6 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
	if (!b.nq || b.nq > MAX_QUEUES) {
		fprintf(stderr, "usage: bench_queues ADDR QUEUES OUTSTANDING SECONDS CORE\n");
		return 2;
	}
	b.depth = (uint32_t)strtoul(argv[3], NULL, 10) / b.nq;
	pin((unsigned)strtoul(argv[5], NULL, 10));
	ut_rng_seed(&b.rng, 1);
	rc = open_all(&b, argv[1]);
	if (rc) {
		fprintf(stderr, "bench_queues: %s\n", nvp_error());
	} else {
		start = ut_mono_ns();
		done = run(&b, start + (uint64_t)(strtod(argv[4], NULL) * 1e9));
		printf("%.0f\n", (double)done * 1e9 / (double)(ut_mono_ns() - start));
	}
	close_all(&b);
	return rc != 0;
}
