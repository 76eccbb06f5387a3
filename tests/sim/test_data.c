/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random writes, reads and compares against a shadow of what must be on the drive, over two queue pairs, with PRPs and
 * SGLs at odd offsets.  And the whole of it again with each allocation failing once.  The seed is printed:
 * NVPROOF_SEED=n repeats a run.
 */
#include "sim_test.h"

#include <dirent.h>

#define BLOCKS 4096u
#define MAX_NLB 512u /* 2 MiB with 4 KiB blocks: a full list page when the first page is a piece */
#define SLOTS 24u

struct world {
	struct nvp_ctrlr *c;
	struct nvp_ns ns;
	struct nvp_qpair *q[2];
	struct nvp_buf buf; /* SLOTS pieces */
	uint8_t *shadow;
	uint8_t busy[BLOCKS]; /* LBAs with a command in flight: their content is not defined until it ends */
	struct ut_rng rng;
	int failures;
};

struct io {
	struct world *w;
	uint8_t opc;
	uint32_t slba, nlb;
	uint64_t off; /* in the buffer */
	bool used;
};

static void
on_io(void *arg, const struct nvme_cqe *cqe)
{
	struct io *io = arg;
	struct world *w = io->w;
	uint32_t size = w->ns.lba_size;
	const uint8_t *data = (uint8_t *)w->buf.va + io->off;

	if (status_of(cqe))
		w->failures++;
	else if (io->opc == NVME_OPC_READ && memcmp(data, w->shadow + io->slba * size, io->nlb * size))
		w->failures++;
	memset(w->busy + io->slba, 0, io->nlb);
	io->used = false;
}

static void
fill(struct world *w, uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 8) {
		uint64_t v = ut_rng_next(&w->rng);

		memcpy(p + i, &v, 8);
	}
}

static bool
start_io(struct world *w, struct io *io, struct nvp_qpair *q)
{
	static const uint8_t opcs[] = { NVME_OPC_WRITE, NVME_OPC_READ, NVME_OPC_COMPARE };
	uint32_t size = w->ns.lba_size;
	uint8_t *data = (uint8_t *)w->buf.va + io->off;
	struct nvp_req *r;

	io->opc = opcs[ut_rng_below(&w->rng, 3)];
	io->nlb = 1 + (uint32_t)ut_rng_below(&w->rng, ut_rng_below(&w->rng, 4) ? 8 : MAX_NLB);
	io->slba = (uint32_t)ut_rng_below(&w->rng, BLOCKS - io->nlb);
	if (memchr(w->busy + io->slba, 1, io->nlb))
		return false;
	r = nvp_req_get(q);
	if (!r)
		return false;
	if (io->opc == NVME_OPC_WRITE) {
		fill(w, data, io->nlb * size);
		memcpy(w->shadow + io->slba * size, data, io->nlb * size);
	} else if (io->opc == NVME_OPC_COMPARE) {
		memcpy(data, w->shadow + io->slba * size, io->nlb * size);
	} else {
		memset(data, 0xa5, io->nlb * size);
	}
	memset(w->busy + io->slba, 1, io->nlb);
	nvme_prep_lba_cmd(nvp_req_sqe(r), io->opc, 1, io->slba, io->nlb);
	if (ut_rng_below(&w->rng, 2))
		assert_int_equal(nvp_req_data(r, &w->buf, io->off, io->nlb * size), 0);
	else
		assert_int_equal(nvp_req_data_sgl(r, &w->buf, io->off, io->nlb * size), 0);
	io->used = true;
	nvp_req_submit(r, on_io, io);
	return true;
}

static int
world_open(struct world *w, const char *addr)
{
	struct nvp_qpair_opts opts[2] = { { .depth = 9, .lazy = true }, { .depth = 5, .ien = true, .iv = 0xffff } };
	int rc = nvp_ctrlr_open(addr, NULL, &w->c);

	if (!rc)
		rc = nvp_ns_open(w->c, 1, &w->ns, NULL);
	for (int i = 0; i < 2 && !rc; i++)
		rc = nvp_qpair_create(w->c, &opts[i], &w->q[i], NULL);
	if (!rc)
		rc = nvp_buf_alloc((uint64_t)SLOTS * (MAX_NLB * w->ns.lba_size + 4096), 0, &w->buf);
	if (!rc) {
		w->shadow = ut_calloc(BLOCKS, w->ns.lba_size);
		rc = w->shadow ? 0 : -ENOMEM;
	}
	return rc;
}

static void
world_close(struct world *w)
{
	nvp_qpair_delete(w->q[0], NULL);
	nvp_qpair_delete(w->q[1], NULL);
	nvp_buf_free(&w->buf);
	nvp_ctrlr_close(w->c);
	free(w->shadow);
}

static void
run(struct world *w, int count)
{
	struct io io[SLOTS] = { 0 };

	for (uint32_t i = 0; i < SLOTS; i++) {
		io[i].w = w;
		/* Dwords: a PRP's offset is a multiple of four.  NVMe Base, "Physical Region Page Entry and List". */
		io[i].off = i * (MAX_NLB * w->ns.lba_size + 4096ull) + 4 * ut_rng_below(&w->rng, 1024);
	}
	while (count) {
		struct io *one = &io[ut_rng_below(&w->rng, SLOTS)];
		struct nvp_qpair *q = w->q[ut_rng_below(&w->rng, 2)];

		if (!one->used && start_io(w, one, q))
			count--;
		else
			nvp_qpair_wait(q, 1);
	}
	for (int i = 0; i < 2; i++)
		nvp_qpair_wait(w->q[i], UINT32_MAX);
}

static uint64_t
choose_seed(void)
{
	const char *env = getenv("NVPROOF_SEED");
	uint64_t seed = env ? strtoull(env, NULL, 0) : 20240229;

	print_message("seed %llu\n", (unsigned long long)seed);
	return seed;
}

static void
random_io(const char *addr)
{
	struct world w = { 0 };
	uint64_t cmds[2], bytes[2];

	ut_rng_seed(&w.rng, choose_seed());
	nvp_sim_register();
	assert_int_equal(world_open(&w, addr), 0);
	run(&w, 3000);
	assert_int_equal(w.failures, 0);
	for (int i = 0; i < 2; i++) {
		nvp_qpair_stat(w.q[i], &cmds[i], &bytes[i]);
		assert_int_equal(nvp_qpair_outstanding(w.q[i]), 0);
	}
	assert_int_equal(cmds[0] + cmds[1], 3000);
	assert_true(bytes[0] + bytes[1] >= 3000ull * w.ns.lba_size);
	world_close(&w);
}

static void
random_io_512(void **state)
{
	(void)state;
	random_io("sim:?size=16M&lba=512");
}

static void
random_io_4096(void **state)
{
	(void)state;
	random_io("sim:?size=16M&lba=4096&mdts=9&seed=3");
}

/* One seed, one run: to the nanosecond. */
static uint64_t
timed_run(void)
{
	struct world w = { 0 };
	uint64_t end;

	ut_rng_seed(&w.rng, 99);
	assert_int_equal(world_open(&w, "sim:?size=4M&seed=5"), 0);
	run(&w, 500);
	end = nvp_sim_now_ns(nvp_ctrlr_bus(w.c));
	world_close(&w);
	return end;
}

static void
runs_repeat_exactly(void **state)
{
	(void)state;
	assert_int_equal(timed_run(), timed_run());
}

static int
count_fds(void)
{
	DIR *dp = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dp);
	while (readdir(dp))
		n++;
	closedir(dp);
	return n;
}

/* What fits in no region that there is: one is made while the controller is open. */
static int
large_buffer(void)
{
	struct nvp_buf buf;
	int rc = nvp_buf_alloc(65ull << 20, 0, &buf);

	if (!rc)
		nvp_buf_free(&buf);
	return rc;
}

static int
scenario(void)
{
	struct world w = { 0 };
	int rc;

	ut_rng_seed(&w.rng, 1);
	rc = world_open(&w, "sim:?size=4M");
	if (!rc)
		rc = large_buffer();
	if (!rc) {
		run(&w, 4);
		rc = nvp_ctrlr_reset(w.c);
	}
	if (!rc)
		run(&w, 4);
	world_close(&w);
	return rc;
}

/* Until nothing is refused any more.  Two regions and the command logs stay: a descriptor each. */
static void
every_allocation_may_fail(void **state)
{
	int rc = -1, fds, regions = 3;
	long n, left = 0;

	(void)state;
	nvp_sim_register();
	fds = count_fds();
	for (n = 0; left < 1 && n < 100000; n++) {
		ut_alloc_budget = n;
		rc = scenario();
		left = ut_alloc_budget;
		ut_alloc_budget = -1;
		if (rc != 0 && rc != -ENOMEM)
			print_error("allocation %ld: %d %s\n", n, rc, nvp_error());
		assert_true(rc == 0 || rc == -ENOMEM);
		assert_in_range(count_fds(), fds, fds + regions);
	}
	assert_int_equal(rc, 0);
	assert_int_equal(count_fds(), fds + regions);
	print_message("%ld allocations\n", n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: while the process has no memory region yet. */
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(random_io_512),
		cmocka_unit_test(random_io_4096),
		cmocka_unit_test(runs_repeat_exactly),
	};

	return sim_end(cmocka_run_group_tests(tests, NULL, NULL), sim_seed(20240229));
}
