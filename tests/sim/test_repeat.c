/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One seed, one run, to the byte: a hash of all completion queue entries, all data that was read and the virtual time of each
 * completion is the same in this process and in another one, and is another one with another seed.
 */
#include "sim_test.h"

#include <sys/wait.h>
#include "nvproof/req.h"

#define COMMANDS 1500u
#define DEPTH 24u
#define BLOCKS 2048u
#define MAX_NLB 16u

struct run {
	struct nvp_ctrlr *c;
	struct nvp_qpair *q;
	struct nvp_buf buf;
	struct ut_rng rng;
	uint64_t hash, order; /* order: how often a completion came before that of an older command */
	uint32_t sent, done, last;
	struct slot {
		struct run *r;
		uint32_t n, len;
		bool busy, read;
	} slot[DEPTH];
};

static uint64_t first_seed;

static void
mix(struct run *r, const void *p, size_t len)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < len; i++)
		r->hash = (r->hash ^ b[i]) * 0x100000001b3ull;
}

static uint8_t *
data_of(struct run *r, const struct slot *s)
{
	return (uint8_t *)r->buf.va + (size_t)(s - r->slot) * MAX_NLB * 512;
}

static void
on_done(void *arg, const struct nvme_cqe *cqe)
{
	struct slot *s = arg;
	struct run *r = s->r;
	uint64_t now = nvp_sim_now_ns(nvp_ctrlr_bus(r->c));

	mix(r, cqe, sizeof(*cqe));
	mix(r, &now, sizeof(now));
	if (s->read)
		mix(r, data_of(r, s), s->len);
	r->order += r->done && s->n < r->last;
	r->last = s->n;
	r->done++;
	s->busy = false;
}

static void
send(struct run *r, struct slot *s)
{
	uint32_t nlb = 1 + (uint32_t)ut_rng_below(&r->rng, MAX_NLB), dice = (uint32_t)ut_rng_below(&r->rng, 16);
	uint64_t lba = ut_rng_below(&r->rng, BLOCKS - nlb), word = ut_rng_next(&r->rng);
	struct nvp_req *req = nvp_req_get(r->q);

	assert_non_null(req);
	*s = (struct slot){ .r = r, .n = r->sent++, .len = nlb * 512, .busy = true, .read = dice < 8 };
	if (s->read)
		nvme_prep_read(nvp_req_sqe(req), 1, lba, nlb);
	else if (dice == 15)
		nvme_prep_flush(nvp_req_sqe(req), 1);
	else
		nvme_prep_write(nvp_req_sqe(req), 1, lba, nlb);
	if (dice >= 8 && dice < 15)
		memset(data_of(r, s), (int)(word & 0xff), s->len);
	if (dice != 15)
		assert_int_equal(nvp_req_data(req, &r->buf, (uint64_t)(data_of(r, s) - (uint8_t *)r->buf.va), s->len),
				 0);
	nvp_req_submit(req, on_done, s);
}

static uint64_t
hash_of(const char *profile, uint64_t seed, bool nasty, uint64_t *order)
{
	struct run r = { .hash = 0xcbf29ce484222325ull };
	char addr[160];

	snprintf(addr, sizeof(addr), "sim:%s?size=16M&seed=%llu&nasty=%d", profile, (unsigned long long)seed, nasty);
	r.c = sim_ctrlr(addr, NULL);
	r.q = sim_qpair(r.c, DEPTH + 1);
	ut_rng_seed(&r.rng, seed);
	assert_int_equal(nvp_buf_alloc(DEPTH * MAX_NLB * 512, 0, &r.buf), 0);
	memset(r.buf.va, 0, DEPTH * MAX_NLB * 512);
	while (r.done < COMMANDS) {
		for (uint32_t i = 0; i < DEPTH && r.sent < COMMANDS; i++) {
			if (!r.slot[i].busy)
				send(&r, &r.slot[i]);
		}
		nvp_sim_run(nvp_ctrlr_bus(r.c), 5000);
		assert_true(nvp_qpair_poll(r.q, UINT32_MAX) >= 0);
	}
	if (order)
		*order = r.order;
	nvp_buf_free(&r.buf);
	nvp_ctrlr_close(r.c);
	return r.hash;
}

static const char *const profiles[] = { "ram", "slow", "client-tlc", "enterprise-tlc", "qlc" };

static void
the_same_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(profiles) / sizeof(*profiles); i++) {
		for (int nasty = 0; nasty < 2; nasty++) {
			uint64_t h = hash_of(profiles[i], first_seed, nasty, NULL);

			assert_true(h == hash_of(profiles[i], first_seed, nasty, NULL));
			assert_true(h != hash_of(profiles[i], first_seed + 1, nasty, NULL));
		}
	}
}

/* What is legal and unpleasant happens, and all commands end well. */
static void
nastiness(void **state)
{
	uint64_t plain, nasty = 0, order;

	(void)state;
	assert_true(hash_of("ram", first_seed, false, &plain) != hash_of("ram", first_seed, true, &nasty));
	assert_true(plain == 0 && nasty > 0);
	for (uint64_t i = 0; i < 10; i++)
		hash_of("ram", first_seed + 100 + i, true, &order);
}

/* Another process has its memory elsewhere. */
static void
the_same_in_another_process(void **state)
{
	uint64_t h = hash_of("client-tlc", first_seed, true, NULL), theirs = 0;
	int fd[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (!pid) {
		char seed[32];

		snprintf(seed, sizeof(seed), "%llu", (unsigned long long)first_seed);
		dup2(fd[1], 1);
		execl("/proc/self/exe", "test_sim_repeat", "--hash", seed, (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	assert_int_equal(read(fd[0], &theirs, sizeof(theirs)), sizeof(theirs));
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(theirs == h);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_again),
		cmocka_unit_test(nastiness),
		cmocka_unit_test(the_same_in_another_process),
	};

	if (argc == 3 && !strcmp(argv[1], "--hash")) {
		uint64_t h = hash_of("client-tlc", strtoull(argv[2], NULL, 0), true, NULL);

		return write(1, &h, sizeof(h)) != sizeof(h);
	}
	first_seed = sim_seed(20240711);
	return sim_end(cmocka_run_group_tests(tests, NULL, NULL), first_seed);
}
