/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The verification table under several threads and processes: locks exclude, nobody is accused, and who is killed with
 * locks held blocks nobody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "util/clock.h"
#include "util/rng.h"
#include "verify/verify_int.h"

#define LBAS 64u
#define BYTES 512u
#define MAX_NLB 12u
#define NSID 1u

static struct nvp_verify *table;

/* The drive: right, but it may be told who works on an LBA to see that locks are worth their name. */
struct media {
	uint64_t misses; /* accusations */
	uint64_t clashes; /* two that should have excluded each other */
	uint64_t judged;
	uint64_t stuck; /* waited for too long */
	struct {
		int32_t inside; /* readers, or -1: a writer */
		uint8_t data[BYTES];
	} lba[LBAS];
};

static struct media *media;

static void
count(uint64_t *what)
{
	__atomic_add_fetch(what, 1, __ATOMIC_RELAXED);
}

static int
setup(void **state)
{
	(void)state;
	media = mmap(NULL, sizeof(*media), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (media == MAP_FAILED || nvp_verify_open(LBAS, BYTES, NULL, &table))
		return -1;
	nvp_verify_set_nsid(table, NSID);
	nvp_verify_enable(table, true);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	munmap(media, sizeof(*media));
	nvp_verify_close(table);
	return 0;
}

/* --- one command --- */

static void
enter(uint64_t lba, bool write)
{
	int32_t was = write ? __atomic_exchange_n(&media->lba[lba].inside, -1, __ATOMIC_SEQ_CST)
			    : __atomic_fetch_add(&media->lba[lba].inside, 1, __ATOMIC_SEQ_CST);

	if (write ? was != 0 : was < 0)
		count(&media->clashes);
}

static void
leave(uint64_t lba, bool write)
{
	if (write)
		__atomic_store_n(&media->lba[lba].inside, 0, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_sub(&media->lba[lba].inside, 1, __ATOMIC_SEQ_CST);
}

static bool
hold(struct nvp_verify *v, struct nvp_verify_op *op)
{
	uint64_t give_up = ut_mono_ns() + 5000000000ull, look = ut_mono_ns() + 2000000;

	while (nvp_verify_begin(v, op)) {
		if (ut_mono_ns() > give_up) {
			count(&media->stuck);
			nvp_verify_cancel(v, op);
			return false;
		}
		if (ut_mono_ns() > look) {
			nvp_verify_recover(v);
			look = ut_mono_ns() + 2000000;
		}
		sched_yield();
	}
	return true;
}

static void
one(struct nvp_verify *v, struct ut_rng *rng, uint8_t *buf, bool strict)
{
	bool write = ut_rng_below(rng, 2), ok = ut_rng_below(rng, 16) != 0;
	struct nvp_verify_op op = { .kind = write ? NVP_VERIFY_WRITE : NVP_VERIFY_READ };
	uint32_t i;

	op.nlb = 1 + (uint32_t)ut_rng_below(rng, MAX_NLB);
	op.slba = ut_rng_below(rng, LBAS - op.nlb + 1);
	if (!hold(v, &op))
		return;
	for (i = 0; write && i < op.nlb * BYTES; i += 8)
		memcpy(buf + i, &(uint64_t){ ut_rng_next(rng) }, 8);
	for (i = 0; i < op.nlb; i++) {
		if (strict)
			enter(op.slba + i, write);
		memcpy(write ? media->lba[op.slba + i].data : buf + i * BYTES,
		       write ? buf + i * BYTES : media->lba[op.slba + i].data, BYTES);
	}
	if (ut_rng_below(rng, 64) == 0)
		sched_yield();
	for (i = 0; strict && i < op.nlb; i++)
		leave(op.slba + i, write);
	if (nvp_verify_end(v, &op, ok ? NVP_VERIFY_OK : NVP_VERIFY_FAILED, buf, NULL))
		count(&media->misses);
	else if (!write && ok)
		count(&media->judged);
}

static void
hammer(uint64_t seed, int rounds, bool strict)
{
	uint8_t buf[MAX_NLB * BYTES];
	struct nvp_verify *v;
	struct ut_rng rng;

	if (nvp_verify_attach(nvp_verify_fd(table), &v)) {
		count(&media->stuck);
		return;
	}
	nvp_verify_set_nsid(v, NSID);
	ut_rng_seed(&rng, seed);
	while (rounds--)
		one(v, &rng, buf, strict);
	nvp_verify_close(v);
}

static void
all_is_free(void)
{
	uint32_t i;

	for (i = 0; i < VERIFY_GROUPS; i++)
		assert_true(!table->group[i].readers && !table->group[i].writers);
}

static void *
hammer_thread(void *arg)
{
	hammer((uintptr_t)arg, 20000, true);
	return NULL;
}

static void
threads(void **state)
{
	pthread_t t[4];
	uintptr_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hammer_thread, (void *)(i + 1)), 0);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(media->misses, 0);
	assert_int_equal(media->clashes, 0);
	assert_int_equal(media->stuck, 0);
	assert_true(media->judged > 1000);
	all_is_free();
}

static pid_t
spawn(uint64_t seed, int rounds, bool strict)
{
	pid_t pid = fork();

	if (pid == 0) {
		hammer(seed, rounds, strict);
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static void
processes(void **state)
{
	pid_t pid[3];
	int i, st;

	(void)state;
	for (i = 0; i < 3; i++)
		pid[i] = spawn(10 + (uint64_t)i, 20000, true);
	for (i = 0; i < 3; i++) {
		waitpid(pid[i], &st, 0);
		assert_true(WIFEXITED(st) && WEXITSTATUS(st) == 0);
	}
	assert_int_equal(media->misses, 0);
	assert_int_equal(media->clashes, 0);
	assert_int_equal(media->stuck, 0);
	all_is_free();
}

/* Two run on while others are killed in the middle, and are left as zombies for a while. */
static void
killed_holders(void **state)
{
	pid_t pid[2], victim;
	int i, st;

	(void)state;
	for (i = 0; i < 2; i++)
		pid[i] = spawn(20 + (uint64_t)i, 30000, false);
	for (i = 0; i < 20; i++) {
		victim = spawn(100 + (uint64_t)i, 1 << 30, false);
		usleep(5000 + 700 * (useconds_t)i);
		kill(victim, SIGKILL);
		usleep(20000);
		waitpid(victim, &st, 0);
	}
	for (i = 0; i < 2; i++) {
		waitpid(pid[i], &st, 0);
		assert_true(WIFEXITED(st) && WEXITSTATUS(st) == 0);
	}
	assert_int_equal(media->misses, 0);
	assert_int_equal(media->stuck, 0);
	nvp_verify_recover(table);
	all_is_free();
}

/* One that dies with a lock of each kind: the others get them, and its write stays in doubt for ever. */
static void
one_that_dies_holding(void **state)
{
	struct nvp_verify_op w = { .kind = NVP_VERIFY_WRITE, .slba = 0, .nlb = 20 };
	struct nvp_verify_op again = { .kind = NVP_VERIFY_WRITE, .slba = 3, .nlb = 1 };
	uint8_t buf[20 * BYTES] = { 0 };
	struct nvp_verify *v;
	pid_t pid = fork();
	int st;

	(void)state;
	if (pid == 0) {
		struct nvp_verify_op a = { .kind = NVP_VERIFY_WRITE, .slba = 2, .nlb = 7 };
		struct nvp_verify_op b = { .kind = NVP_VERIFY_READ, .slba = 12, .nlb = 3 };
		const struct nvp_verify_range all = { 30, 4 };
		struct nvp_verify_op c = { .kind = NVP_VERIFY_ZERO, .nranges = 1, .ranges = &all };

		if (nvp_verify_attach(nvp_verify_fd(table), &v) || nvp_verify_begin(v, &a) || nvp_verify_begin(v, &b) ||
		    nvp_verify_begin(v, &c))
			_exit(1);
		_exit(0);
	}
	waitpid(pid, &st, 0);
	assert_int_equal(st, 0);
	assert_int_equal(nvp_verify_begin(table, &w), -EAGAIN);
	assert_int_equal(nvp_verify_holder(table, &again), pid);
	assert_int_equal(nvp_verify_recover(table), 1);
	assert_int_equal(nvp_verify_recover(table), 0);
	all_is_free();
	assert_int_equal(nvp_verify_begin(table, &w), 0);
	assert_int_equal(nvp_verify_end(table, &w, NVP_VERIFY_OK, buf, NULL), 0);
	w.kind = NVP_VERIFY_READ;
	buf[3 * BYTES + 9] ^= 1;
	assert_int_equal(nvp_verify_begin(table, &w), 0);
	assert_int_equal(nvp_verify_end(table, &w, NVP_VERIFY_OK, buf, NULL), 0);
	buf[10 * BYTES + 9] ^= 1;
	assert_int_equal(nvp_verify_begin(table, &w), 0);
	assert_int_equal(nvp_verify_end(table, &w, NVP_VERIFY_OK, buf, NULL), 1);
}

/* Tables with one name are one, as long as one process has it open; then there is nothing left of it. */
static void
tables_by_name(void **state)
{
	const struct nvp_verify_opts opts = { .name = "a drive|of this test" };
	struct nvp_verify_op op = { .kind = NVP_VERIFY_WRITE, .slba = 4, .nlb = 1 };
	struct nvp_verify *a, *b;
	uint8_t buf[BYTES] = { 1 };
	int st, hello[2];
	pid_t pid;
	char c = 0;

	(void)state;
	assert_int_equal(pipe(hello), 0);
	assert_int_equal(nvp_verify_open(LBAS, BYTES, &opts, &a), 0);
	pid = fork();
	if (pid == 0) {
		if (nvp_verify_open(LBAS, BYTES, &opts, &b) || nvp_verify_begin(b, &op) ||
		    nvp_verify_end(b, &op, NVP_VERIFY_OK, buf, NULL) || write(hello[1], &c, 1) != 1)
			_exit(1);
		pause();
	}
	assert_int_equal(read(hello[0], &c, 1), 1);
	nvp_verify_enable(a, true);
	buf[9] = 1;
	op = (struct nvp_verify_op){ .kind = NVP_VERIFY_READ, .slba = 4, .nlb = 1 };
	assert_int_equal(nvp_verify_begin(a, &op), 0);
	assert_int_equal(nvp_verify_end(a, &op, NVP_VERIFY_OK, buf, NULL), 1);
	nvp_verify_close(a); /* it lives on in the other one */
	assert_int_equal(nvp_verify_open(LBAS, BYTES, &opts, &a), 0);
	op.locked = 0;
	assert_int_equal(nvp_verify_begin(a, &op), 0);
	assert_int_equal(nvp_verify_end(a, &op, NVP_VERIFY_OK, buf, NULL), 1);
	nvp_verify_close(a);
	kill(pid, SIGKILL);
	waitpid(pid, &st, 0);
	assert_int_equal(nvp_verify_open(LBAS, BYTES, &opts, &a), 0);
	nvp_verify_enable(a, true);
	op.locked = 0;
	assert_int_equal(nvp_verify_begin(a, &op), 0);
	assert_int_equal(nvp_verify_end(a, &op, NVP_VERIFY_OK, buf, NULL), 0);
	nvp_verify_close(a);
}

/* Tokens grow, whoever takes them. */
static void
tokens(void **state)
{
	struct nvp_verify *v;
	uint64_t a, b;

	(void)state;
	assert_int_equal(nvp_verify_attach(nvp_verify_fd(table), &v), 0);
	a = nvp_verify_tokens(table, 5);
	b = nvp_verify_tokens(v, 1);
	assert_int_equal(b, a + 5);
	assert_int_equal(nvp_verify_tokens(table, 1), b + 1);
	nvp_verify_close(v);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(threads),	      TEST(processes), TEST(killed_holders), TEST(one_that_dies_holding),
		TEST(tables_by_name), TEST(tokens),
	};

	return cmocka_run_group_tests_name("verify_mp", tests, NULL, NULL);
}
