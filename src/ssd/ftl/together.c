/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Units that survive a power loss all together or not at all: they are programmed in one page, which is whole or torn.  Whoever moves
 * a page (gc.c, fail.c) waits for what would otherwise survive in parts.
 *
 * A unit that is in the write buffer stays in its slot when it is written again, and that slot may have other company: unless all
 * of the new company is the same, what is there is programmed first.
 */
#include "ssd/ftl/ftl_int.h"

static uint32_t
count_of(const struct ftl_range *ranges, uint32_t n)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += ranges[i].count;
	return (uint32_t)UT_MIN(count, UINT32_MAX);
}

enum company { NOWHERE, SAME, MIXED };

/* Where these units are in the write buffer. */
static enum company
company_of(const struct ftl *f, const struct ftl_range *ranges, uint32_t n, uint32_t place)
{
	uint32_t group = buffer_group(f, ranges[0].unit);

	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t u = ranges[i].unit; u < ranges[i].unit + ranges[i].count; u++) {
			if (buffer_group(f, u) != group || (group != NAND_NONE && buffer_place(f, u) != place))
				return MIXED;
		}
	}
	return group == NAND_NONE ? NOWHERE : group ? SAME : MIXED;
}

static bool
room_for(struct ftl *f, uint32_t count, uint32_t place, uint64_t *due_ns)
{
	bool ok = true;

	while (ok && f->held[place] >= f->nand->cfg.units)
		ok = buffer_program_place(f, place, due_ns);
	while (ok && f->nr_dirty + count > f->nr_slots)
		ok = buffer_program(f, due_ns);
	return ok;
}

bool
ftl_together(struct ftl *f, uint64_t now_ns, const struct ftl_range *ranges, uint32_t n, uint32_t place,
	     uint64_t *due_ns)
{
	uint32_t count = count_of(ranges, n);
	enum company company;
	bool ok = true;

	if (count < 2 || count > f->nand->cfg.units)
		return true;
	place = place < ftl_places(&f->cfg) ? place : 0;
	ftl_advance(f, now_ns);
	idle_ends(f, now_ns);
	company = company_of(f, ranges, n, place);
	while (ok && company == MIXED && f->nr_dirty) {
		ok = buffer_program(f, due_ns);
		company = company_of(f, ranges, n, place);
	}
	if (ok && company != SAME)
		ok = room_for(f, count, place, due_ns);
	if (!++f->last_group)
		f->last_group++;
	f->group = f->last_group;
	return ok;
}

void
ftl_apart(struct ftl *f)
{
	f->group = 0;
}

void
together_leave(struct ftl *f, uint32_t unit, uint64_t *due_ns)
{
	uint32_t group = buffer_group(f, unit);

	while (group && group != NAND_NONE && buffer_program(f, due_ns))
		group = buffer_group(f, unit);
}
