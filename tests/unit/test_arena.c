/* SPDX-License-Identifier: BSD-3-Clause */
/* The arena: addresses, zeroes, merging of free space, users, and what happens when memory runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mem/extent.h"
#include "mem/memfd.h"
#include "mem/region.h"
#include "util/alloc.h"
#include "util/rng.h"

#define MIB (1ull << 20)

struct user {
	struct nvp_region_user base;
	int live; /* regions that it has now */
	int refuse_at; /* add() number that fails; -1: none */
	int adds;
};

static int
user_add(struct nvp_region_user *u, struct nvp_region *r)
{
	struct user *me = (struct user *)(void *)u;

	assert_int_equal(r->iova % NVP_REGION_ALIGN, 0);
	if (me->adds++ == me->refuse_at)
		return -E2BIG;
	me->live++;
	return 0;
}

static void
user_del(struct nvp_region_user *u, struct nvp_region *r)
{
	(void)r;
	((struct user *)(void *)u)->live--;
}

#define USER(at)                                                                \
	{                                                                       \
		.base = { .add = user_add, .del = user_del }, .refuse_at = (at) \
	}

static struct nvp_arena *
open_arena(void)
{
	struct nvp_arena *a;

	assert_int_equal(nvp_arena_open(&a), 0);
	return a;
}

static void
addresses_and_alignment(void **state)
{
	struct nvp_arena *a = open_arena();
	struct nvp_buf b[3];

	(void)state;
	assert_int_equal(nvp_arena_alloc(a, 1, 0, &b[0]), 0);
	assert_int_equal(nvp_arena_alloc(a, 5000, 65536, &b[1]), 0);
	assert_int_equal(nvp_arena_alloc(a, 3 * MIB, 2 * MIB, &b[2]), 0);
	assert_true(b[0].iova >= 4ull << 30);
	assert_int_equal(b[0].len, 1);
	assert_int_equal(b[1].iova % 65536, 0);
	assert_int_equal(b[2].iova % (2 * MIB), 0);
	assert_int_equal((uintptr_t)b[2].va % (2 * MIB), 0);
	assert_int_equal(b[1].iova - b[1].region->iova, (char *)b[1].va - (char *)b[1].region->va);
	assert_int_equal(b[0].region->len, 64 * MIB);
	assert_true(fcntl(b[0].region->fd, F_GET_SEALS) & F_SEAL_SHRINK);
	assert_int_equal(fcntl(b[0].region->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
	for (int i = 0; i < 3; i++)
		nvp_arena_free(a, &b[i]);
	assert_null(b[0].va);
	nvp_arena_free(a, &b[0]); /* a zeroed one is fine */
	nvp_arena_close(a);
}

static void
bad_arguments(void **state)
{
	struct nvp_arena *a = open_arena();
	struct nvp_buf b;

	(void)state;
	assert_int_equal(nvp_arena_alloc(a, 0, 0, &b), -EINVAL);
	assert_int_equal(nvp_arena_alloc(a, 16, 3000, &b), -EINVAL);
	assert_int_equal(nvp_arena_alloc(a, 16, 4 * MIB, &b), -EINVAL);
	assert_int_equal(nvp_arena_alloc(a, UINT64_MAX, 0, &b), -EINVAL);
	assert_null(b.region);
	nvp_arena_close(a);
}

static void
large_buffers_get_large_regions(void **state)
{
	struct nvp_arena *a = open_arena();
	struct nvp_buf small, large;

	(void)state;
	assert_int_equal(nvp_arena_alloc(a, 4096, 0, &small), 0);
	assert_int_equal(nvp_arena_alloc(a, 100 * MIB + 1, 0, &large), 0);
	assert_ptr_not_equal(small.region, large.region);
	assert_int_equal(large.region->len, 102 * MIB);
	/* There is a hole between regions: what runs over the end of one hits nothing. */
	assert_true(large.region->iova > small.region->iova + small.region->len);
	assert_ptr_equal(nvp_arena_regions(a), small.region);
	nvp_arena_free(a, &small);
	nvp_arena_free(a, &large);
	nvp_arena_close(a);
}

static void
recycled_memory_is_zero(void **state)
{
	static const uint64_t sizes[] = { 4096, 3 * MIB };
	struct nvp_arena *a = open_arena();
	struct nvp_buf b;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		void *first;

		assert_int_equal(nvp_arena_alloc(a, sizes[i], 0, &b), 0);
		first = b.va;
		memset(b.va, 0xa5, sizes[i]);
		nvp_arena_free(a, &b);
		assert_int_equal(nvp_arena_alloc(a, sizes[i], 0, &b), 0);
		assert_ptr_equal(b.va, first);
		for (uint64_t k = 0; k < sizes[i]; k++)
			assert_int_equal(((char *)b.va)[k], 0);
		nvp_arena_free(a, &b);
	}
	nvp_arena_close(a);
}

/* Random buffers keep out of each other's way, and all space is one piece again at the end. */
static void
random_alloc_and_free(void **state)
{
	struct nvp_arena *a = open_arena();
	struct nvp_buf b[64] = { 0 };
	struct ut_rng rng;

	(void)state;
	ut_rng_seed(&rng, 42);
	for (int i = 0; i < 4000; i++) {
		unsigned k = (unsigned)ut_rng_below(&rng, 64);

		if (b[k].va) {
			assert_int_equal(((unsigned char *)b[k].va)[0], k);
			assert_int_equal(((unsigned char *)b[k].va)[b[k].len - 1], k);
			nvp_arena_free(a, &b[k]);
			continue;
		}
		assert_int_equal(
			nvp_arena_alloc_raw(a, 2 + ut_rng_below(&rng, 200000), 4096u << ut_rng_below(&rng, 5), &b[k]),
			0);
		((unsigned char *)b[k].va)[0] = ((unsigned char *)b[k].va)[b[k].len - 1] = (unsigned char)k;
	}
	for (int k = 0; k < 64; k++)
		nvp_arena_free(a, &b[k]);
	assert_null(nvp_arena_regions(a)->next);
	assert_int_equal(nvp_arena_regions(a)->free->len, 64 * MIB);
	assert_null(nvp_arena_regions(a)->free->next);
	nvp_arena_close(a);
}

static void
users_know_every_region(void **state)
{
	struct nvp_arena *a = open_arena();
	struct user u = USER(-1), late = USER(-1);
	struct nvp_buf b[2];

	(void)state;
	assert_int_equal(nvp_arena_attach(a, &u.base), 0);
	assert_int_equal(nvp_arena_alloc(a, 64 * MIB, 0, &b[0]), 0);
	assert_int_equal(nvp_arena_alloc(a, 64 * MIB, 0, &b[1]), 0);
	assert_int_equal(u.live, 2);
	assert_int_equal(nvp_arena_attach(a, &late.base), 0);
	assert_int_equal(late.live, 2);
	nvp_arena_detach(a, &u.base);
	assert_int_equal(u.live, 0);
	nvp_arena_free(a, &b[0]);
	nvp_arena_free(a, &b[1]);
	nvp_arena_detach(a, &late.base);
	nvp_arena_close(a);
}

static void
a_user_may_refuse(void **state)
{
	struct nvp_arena *a = open_arena();
	struct user ok = USER(-1), never = USER(0), second = USER(1);
	struct nvp_buf b[2], none;

	(void)state;
	assert_int_equal(nvp_arena_attach(a, &never.base), 0); /* there is nothing to refuse yet */
	assert_int_equal(nvp_arena_attach(a, &ok.base), 0);
	assert_int_equal(nvp_arena_alloc(a, 4096, 0, &none), -E2BIG);
	assert_int_equal(ok.live, 0);
	assert_null(nvp_arena_regions(a));
	nvp_arena_detach(a, &never.base);
	assert_int_equal(nvp_arena_alloc(a, 64 * MIB, 0, &b[0]), 0);
	assert_int_equal(nvp_arena_alloc(a, 64 * MIB, 0, &b[1]), 0);
	assert_int_equal(nvp_arena_attach(a, &second.base), -E2BIG);
	assert_int_equal(second.live, 0);
	nvp_arena_free(a, &b[0]);
	nvp_arena_free(a, &b[1]);
	nvp_arena_detach(a, &ok.base);
	nvp_arena_close(a);
}

/* In a process of its own: it is told once in each.  Returns whether there were huge pages. */
static bool
open_two(const char *debug, char *said, size_t size)
{
	struct nvp_memfd m[2] = { 0 };
	int fd[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fd[1], STDERR_FILENO);
		if (debug)
			setenv("NVPROOF_DEBUG", debug, 1);
		else
			unsetenv("NVPROOF_DEBUG");
		for (int i = 0; i < 2; i++)
			if (nvp_memfd_open(NVP_REGION_ALIGN, &m[i]))
				_exit(2);
		memset(m[0].va, 1, m[0].len);
		_exit(m[0].huge);
	}
	close(fd[1]);
	n = read(fd[0], said, size - 1);
	said[n > 0 ? n : 0] = '\0';
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
	return WEXITSTATUS(status);
}

/* Nobody needs to have huge pages; who asks is told. */
static void
plain_memory_is_told_to_who_asks(void **state)
{
	char said[256];
	bool huge;

	(void)state;
	huge = open_two("1", said, sizeof(said));
	assert_string_equal(said, huge ? "" : "nvproof: no free huge pages, using plain memory\n");
	open_two(NULL, said, sizeof(said));
	assert_string_equal(said, "");
}

static int
scenario(void)
{
	struct nvp_buf b[3] = { 0 };
	struct nvp_arena *a;
	int rc = nvp_arena_open(&a);

	if (rc)
		return rc;
	for (int i = 0; i < 3 && !rc; i++)
		rc = nvp_arena_alloc(a, 40 * MIB, 0, &b[i]);
	for (int i = 0; i < 3; i++)
		nvp_arena_free(a, &b[i]);
	nvp_arena_close(a);
	return rc;
}

static void
every_allocation_may_fail(void **state)
{
	int rc = -1;

	(void)state;
	for (long n = 0; rc && n < 1000; n++) {
		ut_alloc_budget = n;
		rc = scenario();
		ut_alloc_budget = -1;
		assert_true(rc == 0 || rc == -ENOMEM);
	}
	assert_int_equal(rc, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_and_alignment),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(large_buffers_get_large_regions),
		cmocka_unit_test(recycled_memory_is_zero),
		cmocka_unit_test(random_alloc_and_free),
		cmocka_unit_test(users_know_every_region),
		cmocka_unit_test(a_user_may_refuse),
		cmocka_unit_test(plain_memory_is_told_to_who_asks),
		cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
