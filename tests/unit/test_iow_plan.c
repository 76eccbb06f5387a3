/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules for plans: what is refused, by name, and what becomes of the rest. */
#include "iow_fake.h"

#include <errno.h>
#include "util/alloc.h"

static struct nvp_ctrlr ctrlr = { .cap = 255 };
static struct nvp_ns ns = { .ctrlr = &ctrlr, .nsid = 1, .nsze = FAKE_LBAS, .lba_size = FAKE_LBA };

static void
refused(const struct nvp_iow_plan *p, const char *word)
{
	struct iow_recipe r;
	const char *why = "";

	assert_int_equal(iow_recipe_make(&r, &ns, p, &why), -EINVAL);
	if (!strstr(why, word))
		fail_msg("'%s' does not name %s", why, word);
	iow_recipe_free(&r);
}

static void
bad_plans_are_refused_by_name(void **state)
{
	const struct {
		struct nvp_iow_plan p;
		const char *word;
	} bad[] = {
		{ FAKE_PLAN(.io_count = 1, .io_size = 0), "io_size" },
		{ FAKE_PLAN(.io_count = 1, .io_size = 65536), "io_size" },
		{ FAKE_PLAN(.io_count = 1, .io_size = FAKE_LBAS + 1, .whole = true), "io_size" },
		{ FAKE_PLAN(.io_count = 1, .lba_align = 0), "lba_align" },
		{ FAKE_PLAN(.io_count = 1, .random_percent = 101), "lba_random" },
		{ FAKE_PLAN(.io_count = 1, .read_percent = 101), "read_percentage" },
		{ FAKE_PLAN(.io_count = 1, .sgl_percent = 101), "sgl_percentage" },
		{ FAKE_PLAN(.io_count = 1, .qdepth = 0), "qdepth" },
		{ FAKE_PLAN(.io_count = 1, .qdepth = 256), "qdepth" },
		{ FAKE_PLAN(.io_count = 1, .iops = 14), "iops" },
		{ FAKE_PLAN(.io_count = 1, .qprio = 4), "qprio" },
		{ FAKE_PLAN(.io_count = 1, .lba_step = 32768), "lba_step" },
		{ FAKE_PLAN(.io_count = 1, .lba_step = -32769), "lba_step" },
		{ FAKE_PLAN(.io_count = 1, .log_entries = 1u << 21), "list of commands" },
		{ FAKE_PLAN(.io_count = 0), "time" },
		{ FAKE_PLAN(.time_ns = UINT64_MAX), "time" },
		{ FAKE_PLAN(.io_count = 1, .ptype = 99), "ptype" },
		{ FAKE_PLAN(.io_count = 1, .pvalue = 101), "ptype" },
		{ FAKE_PLAN(.io_count = 1, .region_start = 10, .region_end = 10), "region" },
		{ FAKE_PLAN(.io_count = 1, .region_start = FAKE_LBAS), "region" },
		{ FAKE_PLAN(.io_count = 1, .region_start = 1, .region_end = 20, .lba_align = 16), "region" },
		{ FAKE_PLAN(.io_count = 1, .region_start = UINT64_MAX - 1, .lba_align = 3), "region" },
		{ FAKE_PLAN(.io_count = 1, .lba_start = FAKE_LBAS), "lba_start" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < UT_ARRAY_LEN(bad); i++)
		refused(&bad[i].p, bad[i].word);
}

static void
bad_arrays_are_refused_by_name(void **state)
{
	const struct nvp_iow_size zero[] = { { 8, 1, 1 }, { 4, 1, 0 } }, wide[] = { { 8, 1, 1 }, { 200, 1, 1 } };
	const struct nvp_iow_op copy[] = { { 0x19, 1 } }, bidi[] = { { 0x83, 1 } }, none[] = { { 2, 0 } };
	const struct nvp_iow_region empty[] = { { 0, 100 }, { 200, 200 } };
	const struct nvp_iow_step nothing[] = { { 0, 0, 0, 2 } }, huge[] = { { 0, 0, 65537, 2 } };
	const uint16_t flat[NVP_IOW_BUCKETS] = { 1 }, silent[NVP_IOW_BUCKETS] = { 0 };
	struct nvp_iow_op many[17];
	const struct {
		struct nvp_iow_plan p;
		const char *word;
	} bad[] = {
		{ FAKE_PLAN(.io_count = 1, .sizes = zero, .nsizes = 2), "ratio" },
		{ FAKE_PLAN(.io_count = 1, .sizes = wide, .nsizes = 2, .region_end = 100), "io_size" },
		{ FAKE_PLAN(.io_count = 1, .ops = copy, .nops = 1), "opcode" },
		{ FAKE_PLAN(.io_count = 1, .ops = bidi, .nops = 1), "opcode" },
		{ FAKE_PLAN(.io_count = 1, .ops = none, .nops = 1), "op_percentage" },
		{ FAKE_PLAN(.io_count = 1, .ops = many, .nops = 17), "opcodes" },
		{ FAKE_PLAN(.io_count = 1, .regions = empty, .nregions = 2), "region_end" },
		{ FAKE_PLAN(.io_count = 1, .distribution = silent), "distribution" },
		{ FAKE_PLAN(.io_count = 1, .distribution = flat, .random_percent = 99), "lba_random" },
		{ FAKE_PLAN(.io_count = 1, .distribution = flat, .region_start = 1), "whole namespace" },
		{ FAKE_PLAN(.random_percent = 0, .sizes = zero, .nsizes = 1, .io_count = 0, .read_percent = 101),
		  "read" },
		{ FAKE_PLAN(.steps = nothing, .nsteps = 1), "io_sequence" },
		{ FAKE_PLAN(.steps = huge, .nsteps = 1), "io_sequence" },
		{ FAKE_PLAN(.steps = (const struct nvp_iow_step[]){ { 0, 0, 1, 0x7d } }, .nsteps = 1), "opcode" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < UT_ARRAY_LEN(many); i++)
		many[i] = (struct nvp_iow_op){ 0x80 + (uint32_t)(i << 2), 1 };
	for (i = 0; i < UT_ARRAY_LEN(bad); i++)
		refused(&bad[i].p, bad[i].word);
}

static void
defaults_become_arrays(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.lba_count = 100, .io_size = 2000, .read_percent = 30);
	struct iow_recipe r;
	const char *why = "";

	(void)state;
	assert_int_equal(iow_recipe_make(&r, &ns, &p, &why), 0);
	assert_int_equal(r.p.sizes[0].nlb, FAKE_LBAS); /* larger than its region: as large as that */
	assert_int_equal(r.p.regions[0].end, FAKE_LBAS);
	assert_int_equal(r.p.io_count, 1);
	assert_int_equal(r.p.nops, 2);
	assert_true(r.ops[0].opc == NVME_OPC_READ && r.ops[0].weight == 30);
	assert_true(r.ops[1].opc == NVME_OPC_WRITE && r.ops[1].weight == 70);
	iow_recipe_free(&r);
}

/* A trace is as long as it is, and needs buffers for its longest command that has data. */
static void
traces(void **state)
{
	const struct nvp_iow_step step[] = {
		{ 0, 0, 8, 2 }, { 0, 0, 1u << 20, 9 }, { 5, 0, 0, 0 }, { 0, 0, 60, 1 }, { 0, 0, 500, 8 }
	};
	struct nvp_iow_plan p = FAKE_PLAN(.steps = step, .nsteps = 5, .io_size = 0);
	struct iow_recipe r;
	const char *why = "";

	(void)state;
	assert_int_equal(iow_recipe_make(&r, &ns, &p, &why), 0);
	assert_int_equal(r.p.nops, 5);
	assert_int_equal(r.p.io_count, 5);
	assert_int_equal(r.nlb_max, 60);
	iow_recipe_free(&r);
	p.io_count = 3;
	assert_int_equal(iow_recipe_make(&r, &ns, &p, &why), 0);
	assert_int_equal(r.p.io_count, 3);
	iow_recipe_free(&r);
}

/* The parts of the buffer do not overlap, whatever is in the plan. */
static void
parts_of_the_buffer(void **state)
{
	const struct nvp_iow_op both[] = { { 1, 1 }, { 2, 1 }, { 9, 1 } };
	const uint32_t nlb[] = { 1, 8, 9, 17, 500, 1000 };
	struct iow_target t;
	struct iow_recipe r;
	const char *why = "";
	uint64_t pages;
	uint32_t i, k;

	(void)state;
	for (i = 0; i < UT_ARRAY_LEN(nlb); i++)
		for (k = 1; k <= 3; k++) {
			struct nvp_iow_plan p =
				FAKE_PLAN(.io_count = 1, .io_size = nlb[i], .ops = both, .nops = k, .qdepth = 7);

			assert_int_equal(iow_recipe_make(&r, &ns, &p, &why), 0);
			iow_target_init(&t, &ns, &r);
			pages = (nlb[i] * FAKE_LBA + 4095) / 4096;
			assert_int_equal(t.slot_bytes, pages * 4096);
			assert_int_equal(t.list_bytes, pages > 2 ? 4096 : 0);
			assert_true(t.write_off == (k > 1 ? 7 * t.slot_bytes : 0));
			assert_true(t.list_off[0] == t.write_off + 7 * t.slot_bytes);
			assert_true(t.list_off[1] == t.list_off[0] + (k > 1 ? 7u * t.list_bytes : 0));
			assert_true(t.range_off == t.list_off[1] + 7u * t.list_bytes &&
				    t.meta_off == t.range_off + 4096);
			assert_true(t.buf_len == t.meta_off && !t.meta_bytes);
			iow_recipe_free(&r);
		}
}

static void
every_allocation_may_fail(void **state)
{
	const struct nvp_iow_plan p = FAKE_PLAN(.io_count = 1);
	const char *why = "";
	struct iow_recipe r;
	int n, rc;

	(void)state;
	for (n = 0;; n++) {
		ut_alloc_budget = n;
		rc = iow_recipe_make(&r, &ns, &p, &why);
		ut_alloc_budget = -1;
		iow_recipe_free(&r);
		if (!rc)
			break;
		assert_int_equal(rc, -ENOMEM);
	}
	assert_int_equal(n, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_plans_are_refused_by_name), cmocka_unit_test(bad_arrays_are_refused_by_name),
		cmocka_unit_test(defaults_become_arrays),	 cmocka_unit_test(traces),
		cmocka_unit_test(parts_of_the_buffer),		 cmocka_unit_test(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("iow_plan", tests, NULL, NULL);
}
