/* SPDX-License-Identifier: BSD-3-Clause */
/* What verification knows of the volatile write cache: flushes that fail, and a table that is mostly holes. */
#include "verify/doubt.h"
#include "verify_rig.h"

#include <pthread.h>
#include <sys/stat.h>

static void
flush(bool ok)
{
	assert_true(nvp_verify_flush_begin(table));
	nvp_verify_flush_end(table, ok);
}

/* However many failed before: a flush that succeeds covers what was written, and nothing else. */
static void
failed_flushes_cover_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 600; i++) {
		write_ok(8, 1);
		flush(false);
	}
	nvp_verify_power_lost(table);
	spoil(8);
	assert_int_equal(read_back(8, 1, NULL), 0);
	fill();
	write_ok(8, 1);
	flush(true);
	write_ok(16, 1);
	nvp_verify_power_lost(table);
	spoil(8);
	spoil(16);
	assert_int_equal(read_back(8, 1, NULL), 1);
	assert_int_equal(read_back(16, 1, NULL), 0);
}

static long
blocks_of(const struct nvp_verify *v)
{
	struct stat st;

	assert_int_equal(fstat(nvp_verify_fd(v), &st), 0);
	return (long)st.st_blocks;
}

/* With a stamp on every LBA, a power loss looks at the pages that are there, and fills no other. */
static void
a_power_loss_fills_no_hole(void **state)
{
	struct nvp_verify_op op = { .slba = 4090, .nlb = 8, .kind = NVP_VERIFY_WRITE };
	const struct nvp_verify_opts opts = { .name = NULL };
	struct nvp_verify *big;
	long before;

	(void)state;
	assert_int_equal(nvp_verify_open(1u << 23, BYTES, &opts, &big), 0);
	if (!nvp_verify_huge(big)) {
		assert_int_equal(nvp_verify_begin(big, &op), 0);
		nvp_verify_end(big, &op, NVP_VERIFY_OK, data, NULL);
		memset(big->stamp, 100, VERIFY_LOCKS);
		for (uint32_t i = 0; i < VERIFY_GROUPS; i++)
			big->group[i].rsvd = 0; /* these are not what it is about */
		before = blocks_of(big);
		nvp_verify_power_lost(big);
		assert_int_equal(blocks_of(big), before);
	} else {
		print_message("huge pages: there are no holes\n");
	}
	nvp_verify_close(big);
}

/* --- old or new --- */

/* Data of an LBA as version n of it: its token and its bytes are others. */
static void
version(uint64_t lba, uint32_t n)
{
	uint8_t *d = data + lba * BYTES;

	for (uint32_t i = 8; i < BYTES - 8; i++)
		d[i] = (uint8_t)(lba * 11 + n * 29 + i * (n + 5)); /* no two with the same byte of CRC here */
	nvp_verify_inject(d, BYTES, BYTES, nvp_verify_id(NSID, lba), 1, 1000 + n, NVP_INJECT_ID | NVP_INJECT_TOKEN);
}

static void
write_version(uint64_t lba, uint32_t nlb, uint32_t n, bool durable)
{
	struct nvp_verify_op op = op_of(NVP_VERIFY_WRITE, lba, nlb);

	for (uint32_t i = 0; i < nlb; i++)
		version(lba + i, n);
	op.durable = durable;
	assert_int_equal(nvp_verify_begin(table, &op), 0);
	assert_int_equal(end(&op, NVP_VERIFY_OK), 0);
}

/* Whether a read that returns version n is right. */
static bool
fits(uint64_t lba, uint32_t n)
{
	version(lba, n);
	return !read_back(lba, 1, NULL);
}

static bool
zeroes_fit(uint64_t lba)
{
	memset(data + lba * BYTES, 0, BYTES);
	return !read_back(lba, 1, NULL);
}

/* One write since it was durable: that version, or the one before; and nothing else. */
static void
old_or_new(void **state)
{
	struct nvp_miscompare mis;
	char text[300];

	(void)state;
	write_version(0, 16, 0, false);
	write_version(0, 16, 1, false);
	flush(true);
	write_version(0, 8, 2, false); /* a whole group */
	write_version(11, 3, 2, false); /* some lanes of another */
	assert_false(fits(3, 1)); /* before the power loss only the newest one is right */
	nvp_verify_power_lost(table);
	for (uint64_t lba = 0; lba < 16; lba++) {
		bool written = lba < 8 || (lba >= 11 && lba < 14);

		assert_true(fits(lba, written ? 2 : 1));
		assert_int_equal(fits(lba, 1), true);
		assert_int_equal(fits(lba, 2), written);
		assert_false(fits(lba, 0)); /* older than what was durable */
		assert_false(zeroes_fit(lba));
	}
	version(4, 0);
	assert_int_equal(read_back(4, 1, &mis), 1);
	assert_true(mis.in_doubt);
	nvp_miscompare_text(&mis, text, sizeof(text));
	assert_non_null(
		strstr(text, "after the power loss neither the version that was durable nor one written since"));
	version(15, 0);
	assert_int_equal(read_back(15, 1, &mis), 1);
	assert_false(mis.in_doubt);
	/* A half of each is neither. */
	version(5, 2);
	memcpy(data + 5 * BYTES + 256, (uint8_t[8]){ 1, 2, 3 }, 8);
	assert_int_equal(read_back(5, 1, NULL), 1);
}

/* More writes: those between are told by their id alone. */
static void
versions_between(void **state)
{
	(void)state;
	write_version(0, 16, 1, false);
	flush(true);
	for (uint32_t n = 2; n < 5; n++) {
		write_version(0, 8, n, false);
		write_version(10, 2, n, false);
	}
	nvp_verify_power_lost(table);
	for (uint64_t lba = 0; lba < 12; lba = lba == 7 ? 10 : lba + 1) {
		for (uint32_t n = 1; n < 5; n++)
			assert_true(fits(lba, n));
		assert_false(zeroes_fit(lba));
		version(lba, 3);
		nvp_verify_inject(data + lba * BYTES, BYTES, BYTES, nvp_verify_id(NSID, lba + 1), 1, 0, NVP_INJECT_ID);
		assert_int_equal(read_back(lba, 1, NULL), 1); /* of another LBA */
	}
}

/* Written again, an LBA is known again; what is still in doubt stays so over flushes, a shutdown, another power loss. */
static void
until_it_is_written(void **state)
{
	(void)state;
	write_version(0, 3, 1, false);
	flush(true);
	write_version(0, 3, 2, false);
	nvp_verify_power_lost(table);
	write_version(0, 1, 3, false);
	assert_true(fits(0, 3) && !fits(0, 2) && !fits(0, 1));
	write_version(1, 1, 3, true);
	assert_true(fits(1, 3) && !fits(1, 2) && !fits(1, 1));
	flush(true);
	nvp_verify_flushed(table);
	for (int i = 0; i < 300; i++)
		flush(i % 2);
	nvp_verify_power_lost(table);
	assert_true(fits(0, 3) && !fits(0, 2));
	assert_true(fits(2, 2) && fits(2, 1) && !fits(2, 0));
}

/* FUA, or no cache: it is durable at once, whatever waited there for a flush. */
static void
durable_writes(void **state)
{
	(void)state;
	write_version(0, 16, 1, true);
	write_version(0, 8, 2, false);
	write_version(0, 8, 3, true);
	nvp_verify_power_lost(table);
	for (uint64_t lba = 0; lba < 16; lba++)
		assert_true(fits(lba, lba < 8 ? 3 : 1) && !fits(lba, 2) && !fits(lba, lba < 8 ? 1 : 3));
}

/* What is not a write, or failed, in between: then nothing is said. */
static void
nothing_is_known(void **state)
{
	(void)state;
	write_version(0, 8, 1, true);
	write_version(0, 2, 2, false);
	run_op(NVP_VERIFY_ZERO, 0, 1, NVP_VERIFY_OK);
	run_op(NVP_VERIFY_WRITE, 1, 1, NVP_VERIFY_FAILED);
	write_version(0, 2, 3, false); /* zeroes, or anything, may be there */
	write_version(5, 1, 2, false);
	run_op(NVP_VERIFY_UNCORR, 5, 1, NVP_VERIFY_FAILED);
	nvp_verify_power_lost(table);
	assert_true(zeroes_fit(0) && zeroes_fit(1) && zeroes_fit(5));
	assert_false(zeroes_fit(2));
}

/* The same where versions between are there already, in a whole group and in some lanes: zeroes may be in between, too. */
static void
zeroes_between(void **state)
{
	(void)state;
	write_version(0, 16, 1, false);
	flush(true);
	for (uint32_t n = 2; n < 5; n++) {
		write_version(0, 8, n, false);
		write_version(9, 3, n, false);
		if (n == 3)
			run_op(NVP_VERIFY_ZERO, 0, 16, NVP_VERIFY_OK);
	}
	nvp_verify_power_lost(table);
	assert_true(zeroes_fit(5) && zeroes_fit(10));
}

/* A flush between: what it covered is the durable version, though the other lanes were written since. */
static void
some_are_covered(void **state)
{
	const uint64_t at[] = { 5, 11 };

	(void)state;
	write_version(0, 16, 1, false);
	flush(true);
	for (uint32_t n = 2; n < 6; n++) {
		write_version(0, n < 4 ? 8 : 4, n, false);
		write_version(9, n < 4 ? 4 : 2, n, false);
		if (n == 3)
			flush(true);
	}
	write_version(0, 8, 6, false);
	write_version(9, 4, 6, false);
	nvp_verify_power_lost(table);
	for (int i = 0; i < 2; i++)
		assert_true(fits(at[i], 3) && fits(at[i], 6) && !fits(at[i], 1) && !fits(at[i], 5));
}

/* What Copy has put there is not a write that anybody kept the version before of. */
static void
copied(void **state)
{
	const struct nvp_verify_range from = { 20, 1 };
	struct nvp_verify_op op = op_of(NVP_VERIFY_COPY, 0, 1);

	(void)state;
	for (uint32_t n = 1; n < 3; n++) {
		write_version(0, 1, n, false);
		write_version(20, 1, n, false);
		flush(true);
	}
	op.nranges = 1;
	op.ranges = &from;
	assert_int_equal(nvp_verify_begin(table, &op), 0);
	assert_int_equal(nvp_verify_end(table, &op, NVP_VERIFY_OK, NULL, NULL), 0);
	nvp_verify_power_lost(table);
	assert_true(zeroes_fit(0));
}

/* Lanes that were covered by a flush have a durable version of their own, whatever their neighbours wait for. */
static void
each_lane_for_itself(void **state)
{
	(void)state;
	write_version(0, 8, 0, false);
	flush(true);
	write_version(0, 8, 1, false);
	write_version(0, 8, 2, false); /* versions between, in all lanes */
	flush(true);
	write_version(0, 1, 3, false);
	write_version(0, 1, 4, false); /* and in one */
	write_version(0, 8, 5, false);
	nvp_verify_power_lost(table);
	assert_true(fits(0, 5) && fits(0, 4) && fits(0, 3) && fits(0, 2));
	for (uint64_t lba = 1; lba < 8; lba++)
		assert_true(fits(lba, 5) && fits(lba, 2) && !fits(lba, 0) && !fits(lba, 1));
}

/* What a copy of an LBA in doubt holds is in doubt, too. */
static void
copies_of_what_is_in_doubt(void **state)
{
	const struct nvp_verify_range src[] = { { 0, 2 } };
	struct nvp_verify_op op = op_of(NVP_VERIFY_COPY, 32, 2);

	(void)state;
	write_version(0, 2, 1, true);
	write_version(0, 1, 2, false);
	nvp_verify_power_lost(table);
	op.ranges = src;
	op.nranges = 1;
	assert_int_equal(nvp_verify_begin(table, &op), 0);
	assert_int_equal(nvp_verify_end(table, &op, NVP_VERIFY_OK, NULL, NULL), 0);
	version(0, 1); /* the drive has lost the second version */
	version(1, 1);
	memcpy(data + 32 * BYTES, data, 2 * BYTES);
	assert_int_equal(read_back(32, 2, NULL), 0);
	spoil(33);
	assert_int_equal(read_back(33, 1, NULL), 1);
}

static void *
begin_a_flush(void *over)
{
	assert_true(nvp_verify_flush_begin(table));
	__atomic_store_n((bool *)over, true, __ATOMIC_RELEASE);
	return NULL;
}

/* When the numbers begin anew, no write looks durable in between, or the one after it would be accused of what was there before. */
static void
numbers_begin_anew(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		bool over = false;
		pthread_t t;

		table->head->stamp = STAMP_LAST;
		table->head->covered = STAMP_LAST - 20;
		memset(table->stamp, STAMP_LAST - 10, VERIFY_LOCKS);
		assert_int_equal(pthread_create(&t, NULL, begin_a_flush, &over), 0);
		while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
			uint8_t stamp = __atomic_load_n(&table->stamp[3], __ATOMIC_ACQUIRE);

			assert_true(stamp > ut_load(&table->head->covered));
		}
		pthread_join(t, NULL);
		nvp_verify_flush_end(table, false);
	}
}

static int
end_at(struct nvp_verify *v, enum nvp_verify_kind kind, uint64_t lba, uint32_t n)
{
	struct nvp_verify_op op = op_of(kind, lba, 1);

	version(0, n);
	nvp_verify_inject(data, BYTES, BYTES, nvp_verify_id(NSID, lba), 1, 0, NVP_INJECT_ID);
	assert_int_equal(nvp_verify_begin(v, &op), 0);
	return nvp_verify_end(v, &op, NVP_VERIFY_OK, data, NULL);
}

/* LBAs that share a lock: the one that was not written is known, and when both were, neither. */
static void
shared_lanes(void **state)
{
	const uint64_t far = VERIFY_LOCKS + 3, farther = 2 * VERIFY_LOCKS + 3;
	const struct nvp_verify_opts opts = { .crc32 = *state != NULL };
	struct nvp_verify *v;

	assert_int_equal(nvp_verify_open(3 * VERIFY_LOCKS, BYTES, &opts, &v), 0);
	nvp_verify_set_nsid(v, NSID);
	nvp_verify_enable(v, true);
	for (uint64_t lba = 3; lba <= farther; lba += VERIFY_LOCKS)
		end_at(v, NVP_VERIFY_WRITE, lba, 1);
	assert_true(nvp_verify_flush_begin(v));
	nvp_verify_flush_end(v, true);
	end_at(v, NVP_VERIFY_WRITE, far, 2);
	nvp_verify_power_lost(v);
	assert_true(!end_at(v, NVP_VERIFY_READ, far, 1) && !end_at(v, NVP_VERIFY_READ, far, 2));
	assert_true(!end_at(v, NVP_VERIFY_READ, 3, 1) && end_at(v, NVP_VERIFY_READ, 3, 2));
	assert_int_equal(end_at(v, NVP_VERIFY_READ, far, 3), 1);
	end_at(v, NVP_VERIFY_WRITE, farther, 2); /* the lane is this one's now */
	assert_int_equal(end_at(v, NVP_VERIFY_READ, far, 3), 0);
	assert_int_equal(end_at(v, NVP_VERIFY_READ, farther, 1), 1);
	end_at(v, NVP_VERIFY_WRITE, 3, 2);
	nvp_verify_power_lost(v);
	assert_int_equal(end_at(v, NVP_VERIFY_READ, farther, 3), 0);
	assert_int_equal(end_at(v, NVP_VERIFY_READ, 3, 3), 0);
	nvp_verify_close(v);
}

/* In a snapshot they are unknown. */
static void
not_in_a_snapshot(void **state)
{
	char path[] = "/tmp/nvproof-doubt-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_version(0, 2, 1, true);
	write_version(0, 1, 2, false);
	nvp_verify_power_lost(table);
	assert_int_equal(nvp_verify_save(table, path), 0);
	nvp_verify_close(table);
	assert_int_equal(nvp_verify_open(LBAS, BYTES, NULL, &table), 0);
	nvp_verify_enable(table, true);
	assert_int_equal(nvp_verify_load(table, path), 0);
	assert_true(zeroes_fit(0) && !zeroes_fit(1));
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(failed_flushes_cover_nothing),
		TEST32(failed_flushes_cover_nothing),
		TEST(a_power_loss_fills_no_hole),
		TEST(old_or_new),
		TEST32(old_or_new),
		TEST(versions_between),
		TEST32(versions_between),
		TEST(until_it_is_written),
		TEST32(until_it_is_written),
		TEST(durable_writes),
		TEST32(durable_writes),
		TEST(nothing_is_known),
		TEST32(nothing_is_known),
		TEST(zeroes_between),
		TEST32(zeroes_between),
		TEST(some_are_covered),
		TEST32(some_are_covered),
		TEST(copied),
		TEST32(copied),
		TEST(each_lane_for_itself),
		TEST(copies_of_what_is_in_doubt),
		TEST32(copies_of_what_is_in_doubt),
		TEST(numbers_begin_anew),
		cmocka_unit_test(shared_lanes),
		cmocka_unit_test_prestate(shared_lanes, (void *)1),
		TEST(not_in_a_snapshot),
	};

	return cmocka_run_group_tests_name("verify_cache", tests, NULL, NULL);
}
