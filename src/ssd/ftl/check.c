/* SPDX-License-Identifier: BSD-3-Clause */
/* What an image's pages say against each other, for fsck. */
#include "ssd/ftl/ftl_int.h"
#include <string.h>

static uint32_t
entry(const struct ftl *f, uint32_t part, uint32_t i)
{
	le32 at;

	memcpy(&at, nand_unit(f->nand, f->map_at[part]) + sizeof(struct ftl_head) + i * sizeof(at), sizeof(at));
	return le32_get(at);
}

/* The last checkpoint had it, and now it is neither there, nor anywhere else, nor trimmed. */
static bool
is_lost(const struct ftl *f, uint32_t unit, uint32_t at)
{
	return at != NAND_NONE && f->map[unit] == NAND_NONE && !f->seq_of[unit];
}

uint32_t
ftl_lost(const struct ftl *f, void (*tell)(void *arg, uint32_t unit, uint32_t page), void *arg)
{
	uint32_t lost = 0;

	for (uint32_t unit = 0; unit < f->cfg.units; unit++) {
		uint32_t part = unit / FTL_MAP_ENTRIES, at;

		if (f->map_at[part] == NAND_NONE)
			continue;
		at = entry(f, part, unit % FTL_MAP_ENTRIES);
		if (!is_lost(f, unit, at))
			continue;
		lost++;
		tell(arg, unit, at / f->nand->cfg.units);
	}
	return lost;
}
