/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this machine can do at best, measured in the same run as the figures that are compared with it.
 * usage: bench_limits copy   -> ns to copy one random 4 KiB block out of 1 GiB
 *        bench_limits queue  -> ns a command of bare queue traffic between two cores at depth 32 (SQE, doorbell, CQE)
 *        bench_limits trip   -> ns of one such command after another, each with a block copied: what depth 1 can be
 *        bench_limits look   -> ns of one of 32 such commands, each with a block copied, which the other core reads (CRC)
 */
#include <isa-l/crc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "util/clock.h"
#include "util/rng.h"

#define SPAN (1ull << 30)
#define BLOCK 4096u
#define COPIES 1000000u
#define DEPTH 32u
#define COMMANDS 5000000u

static uint8_t *
source(void)
{
	uint8_t *src = mmap(NULL, SPAN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (src == MAP_FAILED)
		return NULL;
	madvise(src, SPAN, MADV_HUGEPAGE);
	memset(src, 0x5a, SPAN);
	return src;
}

static int
bench_copy(void)
{
	uint8_t *src = source(), *dst = aligned_alloc(BLOCK, BLOCK * DEPTH);
	struct ut_rng rng;
	uint64_t start;

	if (!src || !dst)
		return 1;
	ut_rng_seed(&rng, 1);
	start = ut_mono_ns();
	for (uint32_t i = 0; i < COPIES; i++)
		memcpy(dst + (i % DEPTH) * BLOCK, src + ut_rng_below(&rng, SPAN / BLOCK) * BLOCK, BLOCK);
	printf("%.1f\n", (double)(ut_mono_ns() - start) / COPIES);
	free(dst);
	munmap(src, SPAN);
	return 0;
}

/* Two cores, one ring of 64-byte entries one way and 16-byte entries back, each with its doorbell on a line of its own. */
static struct {
	_Alignas(64) uint64_t sqe[256][8];
	_Alignas(64) uint64_t cqe[256][2];
	_Alignas(64) _Atomic uint32_t sq_tail;
	_Alignas(64) _Atomic uint32_t cq_head;
	_Alignas(64) uint32_t count; /* commands of this run */
} shm;

static void
pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static _Alignas(4096) uint8_t block[DEPTH][BLOCK];

/* The device's side of `trip` and `look`: it copies a block before it answers. */
static void
copy_one(void *arg, struct ut_rng *rng, uint8_t *dst)
{
	if (arg)
		memcpy(dst, (uint8_t *)arg + ut_rng_below(rng, SPAN / BLOCK) * BLOCK, BLOCK);
	__asm__ volatile("" : : "r"(dst) : "memory"); /* `trip` does not read it: it must be copied all the same */
}

static uint32_t looked; /* so that nobody may leave the reading out */

static void
look_at(uint8_t *d)
{
	for (uint32_t i = 0; i < BLOCK; i += 512)
		looked ^= crc32_iscsi(d + i, 512, 0);
}

static void *
queue_device(void *arg)
{
	uint32_t head = 0, sum = 0;
	struct ut_rng rng;

	ut_rng_seed(&rng, 1);
	pin(1);
	while (head < shm.count) {
		uint32_t tail = atomic_load_explicit(&shm.sq_tail, memory_order_acquire);

		for (; head != tail; head++) {
			uint32_t i = head % 256;

			sum += (uint32_t)shm.sqe[i][0];
			copy_one(arg, &rng, block[head % DEPTH]);
			__atomic_store_n(&shm.cqe[i][0], sum, __ATOMIC_RELAXED);
			__atomic_store_n(&shm.cqe[i][1], head / 256 + 1, __ATOMIC_RELEASE);
		}
	}
	return NULL;
}

static int
bench_queue(uint32_t depth, uint32_t count, void *src, bool look)
{
	uint32_t sent = 0, done = 0;
	uint64_t start;
	pthread_t t;

	pin(0);
	shm.count = count;
	if (pthread_create(&t, NULL, queue_device, src))
		return 1;
	start = ut_mono_ns();
	while (done < count) {
		uint32_t before = sent;

		for (; sent < count && sent - done < depth; sent++)
			memset(shm.sqe[sent % 256], (int)(sent & 0x7f), 64);
		if (sent != before)
			atomic_store_explicit(&shm.sq_tail, sent, memory_order_release);
		while (done < sent && __atomic_load_n(&shm.cqe[done % 256][1], __ATOMIC_ACQUIRE) == done / 256 + 1) {
			if (look)
				look_at(block[done % DEPTH]);
			done++;
		}
		atomic_store_explicit(&shm.cq_head, done, memory_order_relaxed);
	}
	printf("%.1f\n", (double)(ut_mono_ns() - start) / count);
	pthread_join(t, NULL);
	__asm__ volatile("" : : "r"(looked));
	return 0;
}

static int
bench_copies(uint32_t depth, uint32_t count, bool look)
{
	uint8_t *src = source();

	return src ? bench_queue(depth, count, src, look) : 1;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "copy"))
		return bench_copy();
	if (argc == 2 && !strcmp(argv[1], "queue"))
		return bench_queue(DEPTH, COMMANDS, NULL, false);
	if (argc == 2 && !strcmp(argv[1], "trip"))
		return bench_copies(1, COPIES / 2, false);
	if (argc == 2 && !strcmp(argv[1], "look"))
		return bench_copies(DEPTH, COPIES, true);
	fprintf(stderr, "usage: bench_limits copy|queue|trip|look\n");
	return 2;
}
