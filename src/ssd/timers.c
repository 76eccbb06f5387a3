/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens by itself, in virtual time: each part that has a timer is a line here.  A part looks whether it is due, does
 * it, and returns when to be called next; one compare a step is all that it costs while nothing is.
 */
#include "ssd/core.h"
#include "ssd/admin/boot.h"
#include "ssd/admin/dst.h"
#include "ssd/admin/fw.h"
#include "ssd/admin/hmb.h"
#include "ssd/fault/fault.h"
#include "ssd/admin/pel.h"
#include "ssd/admin/pstate.h"
#include "ssd/admin/sanitize.h"

static uint64_t (*const ticks[])(struct ssd *ssd) = {
	ssd_delay_tick, ssd_boot_tick,	   ssd_dst_tick,  ssd_fw_tick,	ssd_heat_tick,	ssd_pel_tick,  ssd_pstate_tick,
	ssd_later_tick, ssd_sanitize_tick, ssd_coal_tick, ssd_hmb_tick, ssd_fault_tick, ssd_warm_tick,
};

void
ssd_timer_arm(struct ssd *ssd, uint64_t at_ns)
{
	ssd->timers_ns = UT_MIN(ssd->timers_ns, at_ns);
}

void
ssd_timer_arm_all(struct ssd_subsys *sub, uint64_t at_ns)
{
	for (uint32_t i = 0; i < SSD_MAX_CTRLRS; i++) {
		if (sub->ctrlr[i])
			ssd_timer_arm(sub->ctrlr[i], at_ns);
	}
}

/* A part may arm a timer of its own while it runs. */
void
ssd_timers_run(struct ssd *ssd)
{
	ssd->timers_ns = SSD_NEVER;
	for (size_t i = 0; i < UT_ARRAY_LEN(ticks); i++)
		ssd_timer_arm(ssd, ticks[i](ssd));
	ssd->sub->io_due_ns = 0; /* no command waits for what a timer did to the media */
	ssd->sub->media->trouble = SSD_MEDIA_FINE;
}
