/* SPDX-License-Identifier: BSD-3-Clause */
/* After random commands: the namespaces of the configuration, whatever was done to them. */
#pragma once
#include "ssd_rig.h"
#include "ssd/admin/sanitize.h"
#include "ssd/nvm/resv.h"

static inline void
rig_again(struct ssd_subsys *sub)
{
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		if (sub->ns[i].nsze)
			ssd_ns_delete(&sub->ns[i]);
	}
	ssd_ns_default(sub);
	for (uint32_t i = 0; i < sub->cfg.nr_ns; i++)
		assert_int_equal(ssd_ns_maps_open(&sub->ns[i]), 0);
	ssd_sanitize_init(sub);
	ssd_resv_init(sub);
	ssd_ns_gate(sub);
}
