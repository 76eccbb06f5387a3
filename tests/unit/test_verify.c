/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The verification table: states and locks, step by step.  The two things that matter: it finds what is wrong, and it
 * never accuses a drive that is right.
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
#include <sys/mman.h>
#include <unistd.h>
#include "util/alloc.h"
#include "util/rng.h"
#include "verify/verify_int.h"

#define LBAS 64u
#define BYTES 512u
#define NSID 3u

static struct nvp_verify *table;
static uint8_t data[LBAS * BYTES];

/* Data as a driver writes it. */
static void
fill(void)
{
	struct ut_rng rng;
	uint32_t i;

	ut_rng_seed(&rng, 5);
	for (i = 0; i < sizeof(data); i += 8)
		memcpy(data + i, &(uint64_t){ ut_rng_next(&rng) }, 8);
	nvp_verify_inject(data, BYTES, BYTES, nvp_verify_id(NSID, 0), LBAS, 1, NVP_INJECT_ID | NVP_INJECT_TOKEN);
}

static int
open_table(bool crc32)
{
	const struct nvp_verify_opts opts = { .crc32 = crc32 };

	fill();
	if (nvp_verify_open(LBAS, BYTES, &opts, &table))
		return -1;
	nvp_verify_set_nsid(table, NSID);
	nvp_verify_enable(table, true);
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	return open_table(false);
}

static int
setup32(void **state)
{
	(void)state;
	return open_table(true);
}

static int
teardown(void **state)
{
	(void)state;
	nvp_verify_close(table);
	return 0;
}

static struct nvp_verify_op
op_of(enum nvp_verify_kind kind, uint64_t slba, uint32_t nlb)
{
	return (struct nvp_verify_op){ .kind = (uint8_t)kind, .slba = slba, .nlb = nlb };
}

static struct nvp_verify_op
begin(enum nvp_verify_kind kind, uint64_t slba, uint32_t nlb)
{
	struct nvp_verify_op op = op_of(kind, slba, nlb);

	assert_int_equal(nvp_verify_begin(table, &op), 0);
	return op;
}

static int
end(struct nvp_verify_op *op, enum nvp_verify_verdict verdict)
{
	return nvp_verify_end(table, op, verdict, data + op->slba * BYTES, NULL);
}

static void
run_op(enum nvp_verify_kind kind, uint64_t slba, uint32_t nlb, enum nvp_verify_verdict verdict)
{
	struct nvp_verify_op op = begin(kind, slba, nlb);

	assert_int_equal(end(&op, verdict), 0);
}

static void
write_ok(uint64_t slba, uint32_t nlb)
{
	run_op(NVP_VERIFY_WRITE, slba, nlb, NVP_VERIFY_OK);
}

static int
read_back(uint64_t slba, uint32_t nlb, struct nvp_miscompare *mis)
{
	struct nvp_verify_op op = begin(NVP_VERIFY_READ, slba, nlb);

	return nvp_verify_end(table, &op, NVP_VERIFY_OK, data + slba * BYTES, mis);
}

static void
spoil(uint64_t lba)
{
	data[lba * BYTES + 100] ^= 0x10;
}

static bool
is_free(enum nvp_verify_kind kind, uint64_t slba, uint32_t nlb)
{
	struct nvp_verify_op op = op_of(kind, slba, nlb);
	int rc = nvp_verify_begin(table, &op);

	nvp_verify_cancel(table, &op);
	return !rc;
}

static void
a_changed_byte_is_found(void **state)
{
	struct nvp_miscompare mis;

	(void)state;
	write_ok(8, 8);
	assert_int_equal(read_back(8, 8, &mis), 0);
	spoil(10);
	spoil(13);
	assert_int_equal(read_back(8, 8, &mis), 1);
	assert_int_equal(mis.lba, 10);
	assert_int_not_equal(mis.expected_crc, mis.got_crc);
	assert_int_equal(read_back(8, 2, &mis), 0);
	assert_int_equal(read_back(13, 1, NULL), 1);
}

/* Each bit of an LBA, alone. */
static void
each_bit_counts(void **state)
{
	uint32_t i, missed = 0;

	(void)state;
	write_ok(4, 1);
	for (i = 0; i < BYTES * 8; i++) {
		data[4 * BYTES + i / 8] ^= (uint8_t)(1u << i % 8);
		missed += read_back(4, 1, NULL) == 0;
		data[4 * BYTES + i / 8] ^= (uint8_t)(1u << i % 8);
	}
	assert_true(missed <= (table->crc32 ? 0 : BYTES * 8 / 64)); /* a byte of CRC is a byte */
	assert_int_equal(read_back(4, 1, NULL), 0);
}

static void
disabled_checks_nothing_but_still_records(void **state)
{
	(void)state;
	nvp_verify_enable(table, false);
	write_ok(0, 4);
	spoil(0);
	assert_int_equal(read_back(0, 4, NULL), 0);
	nvp_verify_enable(table, true);
	assert_int_equal(read_back(0, 4, NULL), 1);
}

static void
what_is_not_known_is_not_judged(void **state)
{
	(void)state;
	assert_int_equal(read_back(0, 8, NULL), 0);
	write_ok(0, 8);
	run_op(NVP_VERIFY_WRITE, 2, 1, NVP_VERIFY_FAILED); /* old, new or torn */
	spoil(2);
	run_op(NVP_VERIFY_ZERO, 3, 1, NVP_VERIFY_OK);
	spoil(3);
	run_op(NVP_VERIFY_CHANGE, 4, 1, NVP_VERIFY_OK);
	spoil(4);
	nvp_verify_mark(table, 5, 1, false);
	spoil(5);
	assert_int_equal(read_back(0, 8, NULL), 0);
	spoil(6);
	assert_int_equal(read_back(0, 8, NULL), 1);
	nvp_verify_clear(table);
	assert_int_equal(read_back(0, 8, NULL), 0);
}

/* A read that succeeds after Write Uncorrectable is wrong, also when that failed; a write makes it right. */
static void
uncorrectable(void **state)
{
	struct nvp_miscompare mis;
	char text[200];

	(void)state;
	write_ok(0, 4);
	assert_false(nvp_verify_any_uncorr(table));
	run_op(NVP_VERIFY_UNCORR, 1, 1, NVP_VERIFY_OK);
	run_op(NVP_VERIFY_UNCORR, 2, 1, NVP_VERIFY_FAILED);
	nvp_verify_mark(table, 3, 1, true);
	assert_true(nvp_verify_any_uncorr(table) && nvp_verify_is_uncorr(table, 2));
	assert_int_equal(read_back(0, 1, NULL), 0);
	assert_int_equal(read_back(1, 1, &mis), 1);
	nvp_verify_diagnose(table, &(struct nvp_verify_op){ .slba = 1, .nlb = 1, .n = 1 }, data + BYTES, NULL, &mis);
	nvp_miscompare_text(&mis, text, sizeof(text));
	assert_non_null(strstr(text, "uncorrectable"));
	assert_int_equal(read_back(2, 1, NULL), 1);
	assert_int_equal(read_back(3, 1, NULL), 1);
	write_ok(0, 4);
	assert_int_equal(read_back(0, 4, NULL), 0);
}

/* Whoever comes after a write that was given up cannot know which of the two the drive executes last. */
static void
a_lost_write_taints(void **state)
{
	(void)state;
	write_ok(0, 4);
	run_op(NVP_VERIFY_WRITE, 1, 1, NVP_VERIFY_LOST);
	write_ok(0, 4);
	spoil(1);
	assert_int_equal(read_back(0, 4, NULL), 0);
	spoil(0);
	assert_int_equal(read_back(0, 4, NULL), 1);
	nvp_verify_over(table, 1, 1);
	write_ok(0, 4);
	spoil(1);
	assert_int_equal(read_back(1, 1, NULL), 1);
}

/* A write that began while an earlier one was in doubt proves nothing, whenever it ends. */
static void
over_in_the_middle_of_a_write(void **state)
{
	struct nvp_verify_op op;

	(void)state;
	run_op(NVP_VERIFY_WRITE, 1, 1, NVP_VERIFY_LOST);
	op = begin(NVP_VERIFY_WRITE, 1, 1);
	nvp_verify_over(table, 1, 1);
	assert_int_equal(end(&op, NVP_VERIFY_OK), 0);
	spoil(1);
	assert_int_equal(read_back(1, 1, NULL), 0);
	write_ok(1, 1);
	spoil(1);
	assert_int_equal(read_back(1, 1, NULL), 1);
}

static void
forgotten_in_the_middle_of_a_write(void **state)
{
	struct nvp_verify_op op = begin(NVP_VERIFY_WRITE, 0, 8);

	(void)state;
	nvp_verify_mark(table, 3, 1, false);
	assert_int_equal(end(&op, NVP_VERIFY_OK), 0);
	spoil(3);
	assert_int_equal(read_back(0, 8, NULL), 0);
	spoil(4);
	assert_int_equal(read_back(0, 8, NULL), 1);
	op = begin(NVP_VERIFY_WRITE, 0, 8);
	nvp_verify_clear(table);
	assert_int_equal(end(&op, NVP_VERIFY_OK), 0);
	spoil(0);
	assert_int_equal(read_back(0, 8, NULL), 0);
}

/* The buffer was written to while the device had it: nobody knows what it took. */
static void
data_that_changed_on_the_way(void **state)
{
	struct nvp_verify_op op = begin(NVP_VERIFY_WRITE, 0, 2);

	(void)state;
	nvp_verify_note(table, &op, data);
	assert_int_equal(end(&op, NVP_VERIFY_OK), 0);
	op = begin(NVP_VERIFY_WRITE, 2, 2);
	nvp_verify_note(table, &op, data + 2 * BYTES);
	spoil(2);
	assert_int_equal(end(&op, NVP_VERIFY_OK), 0);
	spoil(2);
	assert_int_equal(read_back(0, 4, NULL), 0);
	spoil(0);
	assert_int_equal(read_back(0, 1, NULL), 1);
}

static void
copies_carry_their_code(void **state)
{
	const struct nvp_verify_range src[] = { { 8, 2 }, { 12, 2 } };
	struct nvp_verify_op op = op_of(NVP_VERIFY_COPY, 32, 4);

	(void)state;
	write_ok(8, 2);
	op.ranges = src;
	op.nranges = 2;
	assert_int_equal(nvp_verify_begin(table, &op), 0);
	assert_false(is_free(NVP_VERIFY_READ, 35, 1));
	assert_false(is_free(NVP_VERIFY_WRITE, 12, 1));
	assert_true(is_free(NVP_VERIFY_WRITE, 10, 2));
	assert_int_equal(nvp_verify_end(table, &op, NVP_VERIFY_OK, NULL, NULL), 0);
	memcpy(data + 32 * BYTES, data + 8 * BYTES, 2 * BYTES);
	assert_int_equal(read_back(32, 4, NULL), 0); /* with the ids of where they come from */
	spoil(34); /* 12 was not known, so neither is this */
	assert_int_equal(read_back(32, 4, NULL), 0);
	spoil(33);
	assert_int_equal(read_back(32, 4, NULL), 1);
	assert_int_equal(read_back(8, 2, NULL), 0);
}

/* --- locks --- */

static void
who_waits_for_whom(void **state)
{
	struct nvp_verify_op r1 = begin(NVP_VERIFY_READ, 4, 8), r2 = begin(NVP_VERIFY_READ, 10, 4), w;

	(void)state;
	assert_false(is_free(NVP_VERIFY_WRITE, 11, 1));
	assert_false(is_free(NVP_VERIFY_WRITE, 0, 16));
	assert_true(is_free(NVP_VERIFY_WRITE, 0, 4));
	assert_true(is_free(NVP_VERIFY_LOOK, 0, 64));
	end(&r1, NVP_VERIFY_OK);
	assert_false(is_free(NVP_VERIFY_UNCORR, 11, 1));
	assert_true(is_free(NVP_VERIFY_ZERO, 9, 1));
	end(&r2, NVP_VERIFY_OK);
	w = begin(NVP_VERIFY_WRITE, 6, 4);
	assert_false(is_free(NVP_VERIFY_READ, 0, 7));
	assert_false(is_free(NVP_VERIFY_WRITE, 9, 30));
	assert_true(is_free(NVP_VERIFY_WRITE, 10, 1));
	assert_true(is_free(NVP_VERIFY_READ, 0, 6));
	end(&w, NVP_VERIFY_OK);
	assert_true(is_free(NVP_VERIFY_WRITE, 0, 64));
	assert_int_equal(table->held, 0);
}

/* A writer that only waits for reads is not overtaken by new ones. */
static void
a_writer_is_not_starved(void **state)
{
	struct nvp_verify_op r = begin(NVP_VERIFY_READ, 0, 8), w = op_of(NVP_VERIFY_WRITE, 4, 1);

	(void)state;
	assert_int_equal(nvp_verify_begin(table, &w), -EAGAIN);
	assert_false(is_free(NVP_VERIFY_READ, 4, 1));
	assert_true(is_free(NVP_VERIFY_READ, 5, 1));
	end(&r, NVP_VERIFY_OK);
	assert_int_equal(nvp_verify_begin(table, &w), 0);
	end(&w, NVP_VERIFY_OK);
	r = begin(NVP_VERIFY_READ, 0, 8);
	w = op_of(NVP_VERIFY_WRITE, 4, 1);
	assert_int_equal(nvp_verify_begin(table, &w), -EAGAIN);
	nvp_verify_cancel(table, &w);
	assert_true(is_free(NVP_VERIFY_READ, 4, 1));
	end(&r, NVP_VERIFY_OK);
	assert_true(is_free(NVP_VERIFY_WRITE, 0, 64));
}

static void
long_operations(void **state)
{
	const struct nvp_verify_range twice[] = { { 0, 4 }, { 2, 10 }, { 40, UINT64_MAX } };
	struct nvp_verify_op op = op_of(NVP_VERIFY_ZERO, 0, 0), other = op;

	(void)state;
	write_ok(0, 64);
	op.ranges = other.ranges = twice;
	op.nranges = other.nranges = 3;
	assert_int_equal(nvp_verify_begin(table, &op), 0);
	assert_int_equal(nvp_verify_begin(table, &other), -EAGAIN);
	assert_false(is_free(NVP_VERIFY_READ, 11, 1));
	assert_true(is_free(NVP_VERIFY_READ, 12, 28));
	assert_false(is_free(NVP_VERIFY_WRITE, 63, 1));
	assert_int_equal(nvp_verify_end(table, &op, NVP_VERIFY_OK, NULL, NULL), 0);
	assert_true(is_free(NVP_VERIFY_LOOK, 0, 64));
	spoil(3);
	spoil(63);
	assert_int_equal(read_back(0, 64, NULL), 0);
	spoil(12);
	assert_int_equal(read_back(0, 64, NULL), 1);
	other.locked = 0;
	assert_int_equal(nvp_verify_begin(table, &other), 0);
	nvp_verify_cancel(table, &other);
	assert_true(is_free(NVP_VERIFY_WRITE, 0, 64));
}

/* LBAs that share a lock only wait for each other. */
static void
a_large_table(void **state)
{
	struct nvp_verify_op a, b = op_of(NVP_VERIFY_WRITE, 100 + VERIFY_LOCKS, 65536);
	struct nvp_verify *v;
	uint8_t *d = calloc(65536, BYTES);

	(void)state;
	assert_non_null(d);
	assert_int_equal(nvp_verify_open(1u << 20, BYTES, NULL, &v), 0);
	a = op_of(NVP_VERIFY_WRITE, 100, 1);
	assert_int_equal(nvp_verify_begin(v, &a), 0);
	assert_int_equal(nvp_verify_begin(v, &b), -EAGAIN);
	assert_int_equal(nvp_verify_end(v, &a, NVP_VERIFY_OK, d, NULL), 0);
	assert_int_equal(nvp_verify_begin(v, &b), 0);
	assert_int_equal(nvp_verify_end(v, &b, NVP_VERIFY_OK, d, NULL), 0);
	b = op_of(NVP_VERIFY_READ, 100 + VERIFY_LOCKS, 65536);
	nvp_verify_enable(v, true);
	assert_int_equal(nvp_verify_begin(v, &b), 0);
	d[60000 * BYTES] ^= 1;
	assert_int_equal(nvp_verify_end(v, &b, NVP_VERIFY_OK, d, NULL), 1);
	nvp_verify_close(v);
	free(d);
}

static void
ids_tell_where_data_belong(void **state)
{
	struct nvp_miscompare mis;
	uint64_t id = nvp_verify_id(NSID, 9);
	uint32_t i, by_code = 0;

	(void)state;
	write_ok(0, 64);
	for (i = 0; i < 64; i++) { /* other data, whatever their code is */
		if (i == 9)
			continue;
		memcpy(data + i * BYTES, &id, 8);
		assert_int_equal(read_back(i, 1, &mis), 1);
		assert_true(mis.lba_mismatch);
		by_code += mis.expected_crc != mis.got_crc;
	}
	assert_true(by_code >= 60);
	fill();
	data[5 * BYTES] ^= 0x40; /* this one is written without its id: nothing is wrong with that */
	write_ok(5, 1);
	assert_int_equal(read_back(5, 1, NULL), 0);
	memset(data + 6 * BYTES, 0, BYTES);
	write_ok(6, 1);
	assert_int_equal(read_back(6, 1, NULL), 0);
}

/* --- limits and memory --- */

static void
outside_the_table_is_ignored(void **state)
{
	static uint8_t zero[4 * BYTES];
	struct nvp_verify_op op = begin(NVP_VERIFY_WRITE, LBAS - 2, 4);

	(void)state;
	assert_int_equal(nvp_verify_end(table, &op, NVP_VERIFY_OK, zero, NULL), 0);
	op = begin(NVP_VERIFY_READ, LBAS - 2, 4);
	assert_int_equal(nvp_verify_end(table, &op, NVP_VERIFY_OK, zero, NULL), 0);
	op = begin(NVP_VERIFY_WRITE, UINT64_MAX, 4);
	assert_int_equal(nvp_verify_end(table, &op, NVP_VERIFY_OK, zero, NULL), 0);
	nvp_verify_mark(table, UINT64_MAX - 1, UINT64_MAX, true);
	nvp_verify_mark(table, LBAS - 1, UINT64_MAX, false);
	assert_false(nvp_verify_is_uncorr(table, LBAS));
}

static void
a_limit(void **state)
{
	const struct nvp_verify_opts opts = { .limit = 10 };
	struct nvp_verify_op op = op_of(NVP_VERIFY_WRITE, 8, 4);
	struct nvp_verify *v;

	(void)state;
	assert_int_equal(nvp_verify_open(LBAS, BYTES, &opts, &v), 0);
	nvp_verify_set_nsid(v, NSID);
	nvp_verify_enable(v, true);
	assert_int_equal(nvp_verify_limit(v), 10);
	assert_int_equal(nvp_verify_begin(v, &op), 0);
	assert_int_equal(nvp_verify_end(v, &op, NVP_VERIFY_OK, data + 8 * BYTES, NULL), 0);
	spoil(10);
	op = op_of(NVP_VERIFY_READ, 8, 4);
	assert_int_equal(nvp_verify_begin(v, &op), 0);
	assert_int_equal(nvp_verify_end(v, &op, NVP_VERIFY_OK, data + 8 * BYTES, NULL), 0);
	nvp_verify_raise_limit(v, UINT64_MAX);
	assert_int_equal(nvp_verify_limit(v), LBAS);
	spoil(9);
	op = op_of(NVP_VERIFY_READ, 8, 4);
	assert_int_equal(nvp_verify_begin(v, &op), 0);
	assert_int_equal(nvp_verify_end(v, &op, NVP_VERIFY_OK, data + 8 * BYTES, NULL), 1);
	nvp_verify_close(v);
}

static void
memory_short(void **state)
{
	const struct nvp_verify_opts few = { .limit = 1000 };
	struct nvp_verify *v = NULL;
	long n;
	int rc;

	(void)state;
	assert_int_equal(nvp_verify_open(1ull << 44, 512, NULL, &v), -ENOMEM);
	assert_int_equal(nvp_verify_open(UINT64_MAX, 512, NULL, &v), -ENOMEM);
	assert_int_equal(nvp_verify_open(0, 512, NULL, &v), -EINVAL);
	assert_int_equal(nvp_verify_open(1, 0, NULL, &v), -EINVAL);
	assert_int_equal(nvp_verify_open(1, 520, NULL, &v), -EINVAL);
	assert_int_equal(nvp_verify_open(1ull << 40, 512, &few, &v), 0); /* a limit fits where the whole does not */
	nvp_verify_close(v);
	for (n = 0;; n++) {
		ut_alloc_budget = n;
		rc = nvp_verify_open(LBAS, BYTES, NULL, &v);
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
	struct nvp_verify_op op = op_of(NVP_VERIFY_READ, 0, 1);
	struct nvp_verify *v = NULL;
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(nvp_verify_attach(-1, &v), -ENOMEM);
	assert_int_equal(nvp_verify_attach(fd, &v), -EPROTO);
	assert_int_equal(ftruncate(fd, 4 << 20), 0);
	assert_int_equal(nvp_verify_attach(fd, &v), -EPROTO);
	close(fd);
	assert_int_equal(nvp_verify_attach(nvp_verify_fd(table), &v), 0);
	assert_int_equal(nvp_verify_nlba(v), LBAS);
	assert_int_equal(nvp_verify_lba_size(v), BYTES);
	nvp_verify_set_nsid(v, NSID);
	write_ok(0, 1);
	spoil(0);
	assert_int_equal(nvp_verify_begin(v, &op), 0);
	assert_int_equal(nvp_verify_end(v, &op, NVP_VERIFY_OK, data, NULL), 1);
	nvp_verify_close(v);
}

static void
too_many_handles(void **state)
{
	struct nvp_verify *v[NVP_VERIFY_USERS], *one;
	uint32_t i;

	(void)state;
	write_ok(0, 1);
	for (i = 0; i < NVP_VERIFY_USERS - 1; i++)
		assert_int_equal(nvp_verify_attach(nvp_verify_fd(table), &v[i]), 0);
	assert_int_equal(nvp_verify_attach(nvp_verify_fd(table), &one), -EUSERS);
	assert_false(nvp_verify_enabled(table)); /* somebody writes unseen */
	while (i--)
		nvp_verify_close(v[i]);
}

/* --- snapshots --- */

static char *
snap_path(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/tmp/nvp-snap-%d", (int)getpid());
	return path;
}

static void
snapshots(void **state)
{
	const struct nvp_verify_opts opts = { .crc32 = table->crc32 };
	struct nvp_verify_op op;
	struct nvp_verify *other;
	char *path = snap_path();

	(void)state;
	write_ok(0, 8);
	run_op(NVP_VERIFY_UNCORR, 20, 1, NVP_VERIFY_OK);
	op = begin(NVP_VERIFY_WRITE, 7, 1); /* in flight: unknown to who loads it */
	assert_int_equal(nvp_verify_save(table, path), 0);
	assert_int_equal(end(&op, NVP_VERIFY_OK), 0);
	nvp_verify_clear(table);
	spoil(7);
	spoil(1);
	assert_int_equal(read_back(0, 8, NULL), 0);
	assert_int_equal(nvp_verify_load(table, path), 0);
	assert_int_equal(read_back(0, 1, NULL), 0);
	assert_int_equal(read_back(1, 1, NULL), 1);
	assert_int_equal(read_back(7, 1, NULL), 0);
	assert_int_equal(read_back(20, 1, NULL), 1);
	assert_int_equal(nvp_verify_open(LBAS + 1, BYTES, &opts, &other), 0);
	assert_int_equal(nvp_verify_load(other, path), -ENXIO);
	nvp_verify_close(other);
	unlink(path);
	assert_int_equal(nvp_verify_load(table, path), -ENOENT);
	assert_int_equal(nvp_verify_save(table, "/nowhere/at/all"), -ENOENT);
}

/* Whatever byte is damaged, and wherever it is cut: refused, and nothing is changed. */
static void
damaged_snapshots(void **state)
{
	char *path = snap_path();
	uint8_t *file;
	long len, i;
	FILE *f;

	(void)state;
	write_ok(0, 8);
	assert_int_equal(nvp_verify_save(table, path), 0);
	f = fopen(path, "rb");
	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	len = ftell(f);
	file = malloc((size_t)len);
	assert_non_null(file);
	rewind(f);
	assert_int_equal(fread(file, 1, (size_t)len, f), (size_t)len);
	fclose(f);
	spoil(0);
	for (i = 0; i < len; i += i < 200 ? 1 : 97) {
		file[i] ^= 0x20;
		f = fopen(path, "wb");
		fwrite(file, 1, (size_t)len, f);
		fclose(f);
		assert_true(nvp_verify_load(table, path) < 0);
		file[i] ^= 0x20;
		assert_int_equal(truncate(path, i), 0);
		assert_int_equal(nvp_verify_load(table, path), -EPROTO);
		assert_int_equal(read_back(0, 1, NULL), 1);
	}
	free(file);
	unlink(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST32(name)                                              \
	{                                                         \
#name " (32 bits)", name, setup32, teardown, NULL \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_changed_byte_is_found),
		TEST32(a_changed_byte_is_found),
		TEST(each_bit_counts),
		TEST32(each_bit_counts),
		TEST(disabled_checks_nothing_but_still_records),
		TEST(what_is_not_known_is_not_judged),
		TEST32(what_is_not_known_is_not_judged),
		TEST(uncorrectable),
		TEST32(uncorrectable),
		TEST(a_lost_write_taints),
		TEST32(a_lost_write_taints),
		TEST(over_in_the_middle_of_a_write),
		TEST32(over_in_the_middle_of_a_write),
		TEST(forgotten_in_the_middle_of_a_write),
		TEST32(forgotten_in_the_middle_of_a_write),
		TEST(data_that_changed_on_the_way),
		TEST32(data_that_changed_on_the_way),
		TEST(copies_carry_their_code),
		TEST32(copies_carry_their_code),
		TEST(who_waits_for_whom),
		TEST(a_writer_is_not_starved),
		TEST(long_operations),
		TEST32(long_operations),
		TEST(a_large_table),
		TEST(ids_tell_where_data_belong),
		TEST32(ids_tell_where_data_belong),
		TEST(outside_the_table_is_ignored),
		TEST(a_limit),
		TEST(memory_short),
		TEST(attach_checks_what_it_gets),
		TEST(too_many_handles),
		TEST(snapshots),
		TEST32(snapshots),
		TEST(damaged_snapshots),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
