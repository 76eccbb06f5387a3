/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The verification table.  The two things that matter: it finds what is wrong, and whatever overlaps with whatever, in
 * however many processes, it never accuses a drive that is right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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
#include "nvproof/verify.h"
#include "util/alloc.h"
#include "util/rng.h"

#define LBAS 64u
#define BYTES 512u
#define MAX_NLB 8u

static struct nvp_verify *table;
static uint8_t data[LBAS * BYTES];

static int
setup(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / BYTES);
	if (nvp_verify_open(LBAS, BYTES, &table))
		return -1;
	nvp_verify_enable(table, true);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	nvp_verify_close(table);
	return 0;
}

static void
write_ok(uint64_t slba, uint32_t nlb)
{
	uint64_t t = nvp_verify_write_begin(table, slba, nlb);

	nvp_verify_write_end(table, slba, nlb, data + slba * BYTES, true, t);
}

static int
read_back(uint64_t slba, uint32_t nlb, struct nvp_miscompare *mis)
{
	uint64_t t = nvp_verify_read_begin(table, slba, nlb);

	return nvp_verify_read_end(table, slba, nlb, data + slba * BYTES, t, mis);
}

static void
a_changed_byte_is_found(void **state)
{
	struct nvp_miscompare mis;

	(void)state;
	write_ok(8, 8);
	assert_int_equal(read_back(8, 8, &mis), 0);
	data[10 * BYTES + 511] ^= 1;
	data[13 * BYTES] ^= 1;
	assert_int_equal(read_back(8, 8, &mis), 1);
	assert_int_equal(mis.lba, 10);
	assert_int_not_equal(mis.expected_crc, mis.got_crc);
	assert_int_equal(read_back(8, 2, &mis), 0);
	assert_int_equal(read_back(13, 1, NULL), 1);
}

static void
disabled_checks_nothing_but_still_records(void **state)
{
	(void)state;
	nvp_verify_enable(table, false);
	write_ok(0, 4);
	data[0] ^= 1;
	assert_int_equal(read_back(0, 4, NULL), 0);
	nvp_verify_enable(table, true);
	assert_int_equal(read_back(0, 4, NULL), 1);
}

static void
unknown_lbas_are_not_judged(void **state)
{
	uint64_t t;

	(void)state;
	assert_int_equal(read_back(0, 8, NULL), 0);
	write_ok(0, 8);
	t = nvp_verify_write_begin(table, 2, 1);
	nvp_verify_write_end(table, 2, 1, data + 2 * BYTES, false, t); /* it failed: old, new or torn */
	data[2 * BYTES] ^= 1;
	assert_int_equal(read_back(0, 8, NULL), 0);
	data[3 * BYTES] ^= 1;
	nvp_verify_forget(table, 3, 1);
	assert_int_equal(read_back(0, 8, NULL), 0);
	data[4 * BYTES] ^= 1;
	assert_int_equal(read_back(0, 8, NULL), 1);
	nvp_verify_reset(table);
	assert_int_equal(read_back(0, 8, NULL), 0);
}

/* In each order of begin and end of two commands on one LBA. */
static void
a_read_that_met_a_write_is_not_judged(void **state)
{
	uint64_t r, w;

	(void)state;
	write_ok(0, 8);
	data[5 * BYTES] ^= 1;
	w = nvp_verify_write_begin(table, 5, 1); /* the write was there first */
	r = nvp_verify_read_begin(table, 4, 2);
	assert_int_equal(nvp_verify_read_end(table, 4, 2, data, r, NULL), 0);
	r = nvp_verify_read_begin(table, 4, 2);
	nvp_verify_write_end(table, 5, 1, data + 5 * BYTES, true, w);
	assert_int_equal(nvp_verify_read_end(table, 4, 2, data, r, NULL), 0);
	r = nvp_verify_read_begin(table, 4, 2); /* the write came and went */
	w = nvp_verify_write_begin(table, 5, 1);
	nvp_verify_write_end(table, 5, 1, data + 5 * BYTES, true, w);
	assert_int_equal(nvp_verify_read_end(table, 4, 2, data, r, NULL), 0);
	r = nvp_verify_read_begin(table, 4, 2); /* the write came and stays */
	w = nvp_verify_write_begin(table, 5, 1);
	assert_int_equal(nvp_verify_read_end(table, 4, 2, data, r, NULL), 0);
	nvp_verify_write_end(table, 5, 1, data + 5 * BYTES, true, w);
	assert_int_equal(read_back(4, 2, NULL), 0);
	data[5 * BYTES] ^= 1;
	assert_int_equal(read_back(4, 2, NULL), 1); /* the last write is known again */
}

static void
writes_that_met_leave_unknown(void **state)
{
	uint64_t a, b;

	(void)state;
	a = nvp_verify_write_begin(table, 0, 4);
	b = nvp_verify_write_begin(table, 3, 2);
	nvp_verify_write_end(table, 0, 4, data, true, a);
	nvp_verify_write_end(table, 3, 2, data + 3 * BYTES, true, b);
	data[3 * BYTES] ^= 1;
	assert_int_equal(read_back(0, 5, NULL), 0);
	data[4 * BYTES] ^= 1;
	assert_int_equal(read_back(4, 1, NULL), 1);
	write_ok(3, 1);
	data[3 * BYTES] ^= 1;
	assert_int_equal(read_back(3, 1, NULL), 1);
	a = nvp_verify_write_begin(table, 3, 1);
	nvp_verify_forget(table, 3, 1); /* a trim in the middle of a write */
	nvp_verify_write_end(table, 3, 1, data + 3 * BYTES, true, a);
	data[3 * BYTES] ^= 1;
	assert_int_equal(read_back(3, 1, NULL), 0);
}

/* A worker was killed: its write stays counted in until somebody ends it in its place. */
static void
a_dead_writer_blinds_only_its_lbas(void **state)
{
	uint64_t t;

	(void)state;
	t = nvp_verify_write_begin(table, 1, 2);
	write_ok(1, 2);
	data[1 * BYTES] ^= 1;
	assert_int_equal(read_back(1, 2, NULL), 0);
	nvp_verify_write_end(table, 1, 2, NULL, false, t);
	assert_int_equal(read_back(1, 2, NULL), 0);
	write_ok(1, 2);
	data[1 * BYTES] ^= 1;
	assert_int_equal(read_back(1, 2, NULL), 1);
	nvp_verify_write_begin(table, 1, 2);
	nvp_verify_reset(table);
	write_ok(1, 2);
	data[1 * BYTES] ^= 1;
	assert_int_equal(read_back(1, 2, NULL), 1);
}

/* More writers than the count holds: never judged again, and never wrong. */
static void
too_many_writers(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 5000; i++)
		nvp_verify_write_begin(table, 0, 1);
	for (i = 0; i < 5000; i++)
		nvp_verify_write_end(table, 0, 1, data, true, 0);
	write_ok(0, 1);
	data[0] ^= 1;
	assert_int_equal(read_back(0, 1, NULL), 0);
	nvp_verify_reset(table);
	write_ok(0, 1);
	data[0] ^= 1;
	assert_int_equal(read_back(0, 1, NULL), 1);
}

static void
outside_the_table_is_ignored(void **state)
{
	static uint8_t zero[4 * BYTES];
	uint64_t t;

	(void)state;
	t = nvp_verify_write_begin(table, LBAS - 2, 4);
	nvp_verify_write_end(table, LBAS - 2, 4, zero, true, t);
	t = nvp_verify_read_begin(table, LBAS - 2, 4);
	assert_int_equal(nvp_verify_read_end(table, LBAS - 2, 4, zero, t, NULL), 0);
	t = nvp_verify_write_begin(table, UINT64_MAX, 4);
	nvp_verify_write_end(table, UINT64_MAX, 4, zero, true, t);
	nvp_verify_forget(table, UINT64_MAX - 1, UINT64_MAX);
	nvp_verify_forget(table, LBAS - 1, UINT64_MAX);
}

static void
memory_short(void **state)
{
	struct nvp_verify *v = NULL;
	long n;
	int rc;

	(void)state;
	assert_int_equal(nvp_verify_open(1ull << 50, 512, &v), -ENOMEM);
	assert_int_equal(nvp_verify_open(UINT64_MAX, 512, &v), -ENOMEM);
	assert_int_equal(nvp_verify_open(0, 512, &v), -EINVAL);
	assert_int_equal(nvp_verify_open(1, 0, &v), -EINVAL);
	for (n = 0;; n++) {
		ut_alloc_budget = n;
		rc = nvp_verify_open(LBAS, BYTES, &v);
		ut_alloc_budget = -1;
		if (!rc)
			break;
		assert_int_equal(rc, -ENOMEM);
	}
	nvp_verify_close(v);
	assert_true(n >= 3);
	for (n = 0;; n++) {
		ut_alloc_budget = n;
		rc = nvp_verify_attach(nvp_verify_fd(table), &v);
		ut_alloc_budget = -1;
		if (!rc)
			break;
		assert_int_equal(rc, -ENOMEM);
	}
	nvp_verify_close(v);
}

static void
attach_checks_what_it_gets(void **state)
{
	struct nvp_verify *v = NULL;
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(nvp_verify_attach(-1, &v), -ENOMEM);
	assert_int_equal(nvp_verify_attach(fd, &v), -EPROTO);
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_int_equal(nvp_verify_attach(fd, &v), -EPROTO);
	close(fd);
	assert_int_equal(nvp_verify_attach(nvp_verify_fd(table), &v), 0);
	assert_int_equal(nvp_verify_nlba(v), LBAS);
	assert_int_equal(nvp_verify_lba_size(v), BYTES);
	write_ok(0, 1);
	data[0] ^= 1;
	assert_int_equal(nvp_verify_read_end(v, 0, 1, data, nvp_verify_read_begin(v, 0, 1), NULL), 1);
	nvp_verify_close(v);
}

/* --- the fake drive that is right: LBAs change one by one, each whole, at any time between begin and end --- */

struct media {
	uint64_t misses; /* miscompares found */
	uint64_t judged; /* reads that met nobody: they must be right */
	struct {
		uint32_t lock;
		uint8_t data[BYTES];
	} lba[LBAS];
};

static struct media *media;
static uint32_t media_owner = 1; /* of this process: its locks are told from others' when it is killed */

static void
media_copy(uint8_t *buf, uint64_t lba, bool write)
{
	uint32_t *lock = &media->lba[lba].lock, free = 0;

	while (!__atomic_compare_exchange_n(lock, &free, media_owner, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		free = 0;
		sched_yield();
	}
	memcpy(write ? media->lba[lba].data : buf, write ? buf : media->lba[lba].data, BYTES);
	__atomic_store_n(&media->lba[lba].lock, 0u, __ATOMIC_RELEASE);
}

static void
one_write(struct nvp_verify *v, struct ut_rng *rng, uint8_t *buf)
{
	uint32_t nlb = 1 + (uint32_t)ut_rng_below(rng, MAX_NLB), i;
	uint64_t slba = ut_rng_below(rng, LBAS - nlb + 1), t;

	for (i = 0; i < nlb * BYTES; i += 8)
		memcpy(buf + i, &(uint64_t){ ut_rng_next(rng) }, 8);
	t = nvp_verify_write_begin(v, slba, nlb);
	for (i = 0; i < nlb; i++)
		media_copy(buf + i * BYTES, slba + i, true);
	if (ut_rng_below(rng, 8) == 0)
		sched_yield();
	nvp_verify_write_end(v, slba, nlb, buf, ut_rng_below(rng, 16) != 0, t);
}

static void
one_read(struct nvp_verify *v, struct ut_rng *rng, uint8_t *buf)
{
	uint32_t nlb = 1 + (uint32_t)ut_rng_below(rng, MAX_NLB), i;
	uint64_t slba = ut_rng_below(rng, LBAS - nlb + 1), t;

	t = nvp_verify_read_begin(v, slba, nlb);
	for (i = 0; i < nlb; i++)
		media_copy(buf + i * BYTES, slba + i, false);
	if (ut_rng_below(rng, 8) == 0)
		sched_yield();
	if (nvp_verify_read_end(v, slba, nlb, buf, t, NULL))
		__atomic_add_fetch(&media->misses, 1, __ATOMIC_RELAXED);
	else if (t != UINT64_MAX)
		__atomic_add_fetch(&media->judged, 1, __ATOMIC_RELAXED);
}

static void
hammer(struct nvp_verify *v, uint64_t seed, int rounds)
{
	uint8_t buf[MAX_NLB * BYTES];
	struct ut_rng rng;

	ut_rng_seed(&rng, seed);
	while (rounds--) {
		if (ut_rng_below(&rng, 3) == 0)
			one_write(v, &rng, buf);
		else
			one_read(v, &rng, buf);
	}
}

static void *
hammer_thread(void *arg)
{
	hammer(table, (uintptr_t)arg, 20000);
	return NULL;
}

static int
media_setup(void **state)
{
	media = mmap(NULL, sizeof(*media), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return media == MAP_FAILED ? -1 : setup(state);
}

static int
media_teardown(void **state)
{
	munmap(media, sizeof(*media));
	return teardown(state);
}

static void
threads_never_accuse(void **state)
{
	pthread_t t[4];
	uintptr_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hammer_thread, (void *)(i + 1)), 0);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(media->misses, 0);
	assert_true(media->judged > 1000);
}

static pid_t
hammer_process(uint64_t seed, int rounds)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct nvp_verify *v;

		media_owner = (uint32_t)getpid();
		if (nvp_verify_attach(nvp_verify_fd(table), &v))
			_exit(1);
		hammer(v, seed, rounds);
		_exit(0);
	}
	return pid;
}

/* What a killed process was copying is torn now. */
static void
media_unlock(uint32_t owner)
{
	uint32_t i, who;

	for (i = 0; i < LBAS; i++) {
		who = owner;
		__atomic_compare_exchange_n(&media->lba[i].lock, &who, 0u, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	}
}

/* Two run to their end while a third is killed in the middle, again and again: what it had begun is unknown for ever. */
static void
processes_never_accuse(void **state)
{
	pid_t pid[2], victim;
	int i, st;

	(void)state;
	for (i = 0; i < 2; i++)
		pid[i] = hammer_process(10 + (uint64_t)i, 20000);
	for (i = 0; i < 10; i++) {
		victim = hammer_process(100 + (uint64_t)i, 1 << 30);
		assert_true(victim > 0);
		usleep(10000);
		kill(victim, SIGKILL);
		waitpid(victim, &st, 0);
		media_unlock((uint32_t)victim);
	}
	for (i = 0; i < 2; i++) {
		assert_true(pid[i] > 0);
		waitpid(pid[i], &st, 0);
		assert_true(WIFEXITED(st) && WEXITSTATUS(st) == 0);
	}
	assert_int_equal(media->misses, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_changed_byte_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(disabled_checks_nothing_but_still_records, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_lbas_are_not_judged, setup, teardown),
		cmocka_unit_test_setup_teardown(a_read_that_met_a_write_is_not_judged, setup, teardown),
		cmocka_unit_test_setup_teardown(writes_that_met_leave_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(a_dead_writer_blinds_only_its_lbas, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_writers, setup, teardown),
		cmocka_unit_test_setup_teardown(outside_the_table_is_ignored, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_short, setup, teardown),
		cmocka_unit_test_setup_teardown(attach_checks_what_it_gets, setup, teardown),
		cmocka_unit_test_setup_teardown(threads_never_accuse, media_setup, media_teardown),
		cmocka_unit_test_setup_teardown(processes_never_accuse, media_setup, media_teardown),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
