/* SPDX-License-Identifier: BSD-3-Clause */
/* The verification table: who waits for whom, what it does with memory, and snapshots. */
#include "verify_rig.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_waits_for_whom),
		TEST(a_writer_is_not_starved),
		TEST(long_operations),
		TEST32(long_operations),
		TEST(a_large_table),
		TEST(outside_the_table_is_ignored),
		TEST(a_limit),
		TEST(memory_short),
		TEST(attach_checks_what_it_gets),
		TEST(too_many_handles),
		TEST(snapshots),
		TEST32(snapshots),
		TEST(damaged_snapshots),
	};

	return cmocka_run_group_tests_name("verify_table", tests, NULL, NULL);
}
