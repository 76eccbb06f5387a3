/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Media of NAND flash behind a translation layer, as one of the profiles that are shipped.  Commands on it take as long as the
 * flash does: what they ask for raises *due_ns, and the controller posts the completion then.
 */
#pragma once
#include "ssd/ftl/ftl.h"
#include "ssd/ssd_int.h"

struct ssd_flash_profile {
	const char *name, *text;
	uint32_t channels, dies, pages, units, levels;
	uint32_t read_us[NAND_MAX_LEVELS], program_us[NAND_MAX_LEVELS], erase_us, suspend_us;
	uint32_t bus_mb_s; /* of a channel */
	uint32_t spare_percent; /* of NAND beyond what the host sees */
	bool capacitor;
};

/* NULL: no such profile. */
const struct ssd_flash_profile *ssd_flash_profile(const char *name);
extern const struct ssd_flash_profile ssd_flash_profiles[];
extern const uint32_t ssd_nr_flash_profiles;

/* size bytes for the host.  now_ns is read, and due_ns raised, by each operation.  -ENOMEM; -EINVAL: too large. */
int ssd_media_flash(const struct ssd_flash_profile *p, uint64_t size, const uint64_t *now_ns, uint64_t *due_ns,
		    struct ssd_media **out);
/* NULL: other media. */
const struct ftl *ssd_flash_ftl(const struct ssd_media *m);
