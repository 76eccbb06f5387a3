/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The write buffer: a ring of slots.  Those that are not programmed yet can be found by unit, and a unit that is written again
 * stays in its slot.  A slot is used again when the program that emptied it has ended: until then the data are on their way.
 */
#include "ssd/ftl/keep.h"
#include <string.h>

static uint32_t
bucket(const struct ftl *f, uint32_t unit)
{
	return (uint32_t)((unit * 0x9e3779b97f4a7c15ull) >> 32) & (f->nr_hash - 1);
}

void
buffer_reset(struct ftl *f)
{
	memset(f->hash, 0xff, f->nr_hash * sizeof(f->hash[0]));
	memset(f->slot, 0, f->nr_slots * sizeof(f->slot[0]));
	f->first = f->nr_dirty = 0;
	memset(f->held, 0, sizeof(f->held));
	f->nr_move = 0;
	f->group = 0;
}

static uint32_t
find(const struct ftl *f, uint32_t unit)
{
	uint32_t s = f->hash[bucket(f, unit)];

	while (s != NAND_NONE && f->slot[s].unit != unit)
		s = f->slot[s].next;
	return s;
}

static uint8_t *
data(const struct ftl *f, uint32_t slot)
{
	return f->buffer + (size_t)slot * NAND_UNIT;
}

uint8_t *
buffer_find(const struct ftl *f, uint32_t unit)
{
	uint32_t s = find(f, unit);

	return s == NAND_NONE ? NULL : data(f, s);
}

uint32_t
buffer_group(const struct ftl *f, uint32_t unit)
{
	uint32_t s = find(f, unit);

	return s == NAND_NONE ? NAND_NONE : f->slot[s].group;
}

uint32_t
buffer_place(const struct ftl *f, uint32_t unit)
{
	uint32_t s = find(f, unit);

	return s == NAND_NONE ? NAND_NONE : f->slot[s].place;
}

uint8_t *
buffer_again(struct ftl *f, uint32_t unit, uint32_t place)
{
	uint32_t s = find(f, unit);

	if (s == NAND_NONE)
		return NULL;
	f->held[f->slot[s].place]--;
	f->held[place]++;
	f->slot[s].place = place;
	return data(f, s);
}

uint8_t *
buffer_put(struct ftl *f, uint32_t unit, uint32_t place, uint64_t *due_ns)
{
	uint32_t s = (f->first + f->nr_dirty++) % f->nr_slots, *head = &f->hash[bucket(f, unit)];

	assert(f->nr_dirty <= f->nr_slots);
	*due_ns = UT_MAX(*due_ns, f->slot[s].free_ns);
	f->slot[s] = (struct ftl_slot){ .unit = unit, .next = *head, .place = place, .group = f->group };
	f->held[place]++;
	*head = s;
	return data(f, s);
}

static void
unhash(struct ftl *f, uint32_t s)
{
	uint32_t *at = &f->hash[bucket(f, f->slot[s].unit)];

	while (*at != s)
		at = &f->slot[*at].next;
	*at = f->slot[s].next;
	f->slot[s].unit = NAND_NONE;
	f->held[f->slot[s].place]--;
	if (f->keep)
		keep_drop(f, s);
}

void
buffer_drop(struct ftl *f, uint32_t unit)
{
	uint32_t s = find(f, unit);

	if (s != NAND_NONE)
		unhash(f, s); /* its place in the ring stays, empty */
}

static struct ftl_slot *
nth(const struct ftl *f, uint32_t i)
{
	return &f->slot[(f->first + i) % f->nr_slots];
}

/* Slots from the i-th that survive together, to *end; returns how many of them hold something. */
static uint32_t
group_from(const struct ftl *f, uint32_t i, uint32_t *end)
{
	uint32_t group = nth(f, i)->group, n = nth(f, i)->unit != NAND_NONE;

	for (*end = i + 1; group && !ftl_has(FTL_BUG_ATOMIC_WRITE_TORN) && *end < f->nr_dirty; (*end)++) {
		if (nth(f, *end)->group != group)
			break;
		n += nth(f, *end)->unit != NAND_NONE;
	}
	return n;
}

static void
take(struct ftl *f, uint32_t slot, uint32_t at)
{
	nand_copy(nand_unit(f->nand, at), data(f, slot), 1);
	f->nand->what[at] = f->slot[slot].unit;
}

/*
 * Take slots of a place, the oldest first, until a page is full; what does not fit as a whole stays.  Returns how many; which
 * they are in taken[].
 */
static uint32_t
fill(struct ftl *f, uint32_t place, uint32_t page, uint32_t *taken)
{
	uint32_t used = 0, units = f->nand->cfg.units, end;

	for (uint32_t i = 0; i < f->nr_dirty && used < units; i = end) {
		uint32_t n = group_from(f, i, &end);

		if (nth(f, i)->place != place || used + n > units)
			continue;
		for (; i < end; i++) {
			uint32_t s = (f->first + i) % f->nr_slots;

			if (f->slot[s].unit == NAND_NONE)
				continue;
			take(f, s, page * units + used);
			taken[used++] = s;
		}
	}
	return used;
}

/* Slots at the front that hold nothing any more. */
static void
drop_front(struct ftl *f)
{
	while (f->nr_dirty && f->slot[f->first].unit == NAND_NONE) {
		f->first = (f->first + 1) % f->nr_slots;
		f->nr_dirty--;
	}
}

bool
buffer_program_place(struct ftl *f, uint32_t place, uint64_t *due_ns)
{
	enum ftl_stream s;
	uint32_t page = place_host(f, place, &s, due_ns), taken[NAND_MAX_UNITS], used;
	uint64_t end;

	if (page == NAND_NONE)
		return false;
	used = fill(f, place, page, taken);
	if (used) {
		end = place_program(f, s, page, used);
		for (uint32_t i = 0; i < used; i++) {
			map_set(f, f->slot[taken[i]].unit, page * f->nand->cfg.units + i);
			unhash(f, taken[i]);
			f->slot[taken[i]].free_ns = end;
		}
		place_done(f, s, page);
	}
	drop_front(f);
	return true;
}

bool
buffer_program(struct ftl *f, uint64_t *due_ns)
{
	drop_front(f);
	return !f->nr_dirty || buffer_program_place(f, f->slot[f->first].place, due_ns);
}
