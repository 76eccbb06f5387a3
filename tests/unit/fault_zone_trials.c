/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults of zones: write pointers, appends, resets and limits.  These trials have a zoned drive of their own. */
#include "fault_trials.h"
#include "ssd_zns_io.h"

static void
zoned(struct trial *t)
{
	struct ssd_config cfg = config();

	rig_close(t->io.r);
	io_init(&t->io, rig_open_config(&cfg));
	assert_int_equal(rig_enable_cc(t->io.r, 32, CC_IOCSS), NVME_CSTS_RDY);
	rig_pair(t->io.r, 1, 64, -1);
}

static uint64_t
wp_of(struct trial *t, uint32_t n)
{
	return le64_get(zone(&t->io, n).wp);
}

/* The host's memory is not there for the second half of the data. */
static bool
wp_moved(struct trial *t)
{
	struct nvme_sqe sqe;

	zoned(t);
	arm(t, "zone-wp-moved");
	t->io.r->hole = t->io.buf + 4096;
	t->io.r->hole_len = 4096;
	ssd_port_changed(ssd_of(t));
	nvme_prep_write(&sqe, 1, 0, 2);
	if (!io_cmd(&t->io, &sqe, 8192))
		return false;
	t->io.r->hole_len = 0;
	ssd_port_changed(ssd_of(t));
	return wp_of(t, 0) == 2;
}

static bool
append_lba(struct trial *t)
{
	zoned(t);
	arm(t, "zone-append-lba=3");
	return !append(&t->io, ZSZE, 1, 5) && le32_get(t->io.cqe.dw0) == ZSZE + 3 && wp_of(t, 1) == ZSZE + 1;
}

static bool
action_ignored(struct trial *t)
{
	zoned(t);
	append(&t->io, ZSZE, 4, 5);
	arm(t, "zone-action-ignored");
	return !send(&t->io, ZSZE, NVME_ZSA_RESET) && wp_of(t, 1) == ZSZE + 4;
}

static bool
limit_unchecked(struct trial *t)
{
	zoned(t);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(send(&t->io, i * ZSZE, NVME_ZSA_OPEN), 0);
	arm(t, "zone-limit-unchecked");
	return !send(&t->io, 3 * ZSZE, NVME_ZSA_OPEN);
}

static bool
wp_unchecked(struct trial *t)
{
	zoned(t);
	assert_int_equal(append(&t->io, 0, 2, 5), 0);
	arm(t, "zone-wp-unchecked");
	return !io_write(&t->io, 1, 8, 2, 1);
}

const struct trial_of trials_zone[] = {
	{ "zone-wp-moved", wp_moved },
	{ "zone-append-lba", append_lba },
	{ "zone-action-ignored", action_ignored },
	{ "zone-limit-unchecked", limit_unchecked },
	{ "zone-wp-unchecked", wp_unchecked },
	{ NULL, NULL },
};
