/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults of reclaim units.  These trials have a drive with Flexible Data Placement of their own. */
#define put put_as /* both headers have one */
#include "ssd_fdp_io.h"
#undef put
#include "fault_trials.h"

/* Deallocating what a unit holds does not change which unit a handle is at. */
static bool
reset_on_trim(struct trial *t)
{
	struct nvme_dsm_range range = { .nlb = le32_from(8) };
	struct nvme_sqe sqe;
	struct io *io;
	void *state;
	uint64_t left;
	bool ok;

	setup(&state);
	io = state;
	rig_close(t->io.r);
	t->io = *io;
	test_free(io);
	put_as(&t->io, 1, 0, 64);
	arm(t, "ru-reset-on-trim");
	memcpy(io_buf(&t->io), &range, sizeof(range));
	nvme_prep_dsm(&sqe, 1, 1, (uint32_t)NVME_DSM_AD);
	ok = !slow(&t->io, &sqe, sizeof(range));
	left = le64_get(status_of(&t->io, 1).ruamw);
	return ok && left == RU_BLOCKS;
}

const struct trial_of trials_fdp[] = {
	{ "ru-reset-on-trim", reset_on_trim },
	{ NULL, NULL },
};
