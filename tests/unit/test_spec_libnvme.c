/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our wire headers against those of libnvme and Linux: sizes, offsets, widths and constants.
 * Includes ours and none of theirs; see spec_names.inc.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nvproof/spec/cmd.h"
#include "nvproof/spec/directive.h"
#include "nvproof/spec/feat.h"
#include "nvproof/spec/id_ctrl.h"
#include "nvproof/spec/id_lists.h"
#include "nvproof/spec/id_ns.h"
#include "nvproof/spec/log.h"
#include "nvproof/spec/mi.h"
#include "nvproof/spec/nvm.h"
#include "nvproof/spec/pcie.h"
#include "nvproof/spec/regs.h"
#include "nvproof/spec/status.h"

#include "spec_oracle.h"

#define T_SIZE(os, ts) { "sizeof " #os, sizeof(struct os) },
#define T_OFF(os, of, ts, tf) { #os "." #of, SPEC_OFF(offsetof(struct os, of), sizeof(((struct os *)0)->of)) },
#define T_VAL(o, t) { #o, (uint64_t)(o) },
#define T_MASK(o, t) { #o, (uint64_t)(o) },
#define T_SC(o, sct, t) { #o, (uint64_t)(o) },

static const struct spec_name ours[] = {
#include "spec_names.inc"
};

#define OURS_COUNT (sizeof(ours) / sizeof(ours[0]))

static const struct spec_name *
oracle_find(const char *name)
{
	size_t i;

	for (i = 0; i < spec_oracle_count; i++)
		if (!strcmp(spec_oracle[i].name, name))
			return &spec_oracle[i];
	return NULL;
}

/* All differences are printed before the test fails: one run shows the whole picture. */
static void
agrees_with_libnvme(void **state)
{
	const struct spec_name *theirs;
	unsigned wrong = 0;
	size_t i;

	(void)state;
	assert_int_equal(spec_oracle_count, OURS_COUNT);
	for (i = 0; i < OURS_COUNT; i++) {
		theirs = oracle_find(ours[i].name);
		assert_non_null(theirs);
		if (theirs->value == ours[i].value)
			continue;
		print_error("%s: ours %#llx, libnvme %#llx\n", ours[i].name, (unsigned long long)ours[i].value,
			    (unsigned long long)theirs->value);
		wrong++;
	}
	assert_int_equal(wrong, 0);
	print_message("%zu names agree\n", OURS_COUNT);
}

/* A name that appears twice would be compared with the first one only. */
static void
names_are_unique(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < OURS_COUNT; i++)
		for (j = i + 1; j < OURS_COUNT; j++)
			assert_string_not_equal(ours[i].name, ours[j].name);
}

/* libnvme 1.3 has these too narrow, shifted twice or out of place; the numbers are the specification's. */
static void
where_libnvme_is_wrong(void **state)
{
	(void)state;
	assert_int_equal(NVME_FRMW_NOFS, 0x7u << 1); /* theirs: 3 << 1 */
	assert_int_equal(NVME_EFFECTS_CSE, 0x7u << 16); /* theirs: 3 << 16 */
	assert_int_equal(NVME_PEL_BYTE, 0xff); /* theirs: 0xf */
	assert_int_equal(NVME_PEL_BIT, 0x7u << 8); /* theirs: 0x70 */
	assert_int_equal(NVME_BPRSEL_BPROF, 0xfffffu << 10); /* theirs: 0xfff */
	assert_int_equal(NVME_CRTO_CRIMT, 0xffffu << 16); /* theirs: shifted twice */
	assert_int_equal(NVME_CRTO_CRWMT, 0xffffu);
	assert_int_equal(NVME_NSFEAT_OPTPERF, 0x3u << 4); /* theirs: one bit, as before NVM 1.1 */
	assert_int_equal(NVME_FEAT_IOCSP_IOCSCI, 0x1ff); /* theirs: 0xff */
	assert_int_equal(NVME_FEAT_RRL_RRL, 0xf); /* theirs: 0xff */
	assert_int_equal(NVME_FEAT_FDP_FDPCIDX, 0xffu << 8); /* theirs: 0xf << 8 */
	assert_int_equal(offsetof(struct nvme_copy_range, elbat), 28); /* theirs: swapped with ELBATM */
	assert_int_equal(offsetof(struct nvme_copy_range, elbatm), 30);
	assert_int_equal(offsetof(struct nvme_copy_range_ext, elbat), 36);
	assert_int_equal(offsetof(struct nvme_copy_range_ext, elbatm), 38);
	assert_int_equal(offsetof(struct nvme_id_ns, vs), 384); /* theirs: LBSTM, which is in CNS 05h */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_libnvme),
		cmocka_unit_test(names_are_unique),
		cmocka_unit_test(where_libnvme_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
