/* SPDX-License-Identifier: BSD-3-Clause */
/* The flash itself: see nand.h. */
#include "ssd/nand/store.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "util/alloc.h"
#include "util/bits.h"

#define OPS_A_DIE 4096u /* operations under way */

static void *
map(uint64_t bytes)
{
	void *va = MAP_FAILED;

	if (!ut_alloc_spend())
		va = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (va == MAP_FAILED)
		return NULL;
	madvise(va, bytes, MADV_DONTDUMP);
	return va;
}

static uint64_t
data_bytes(const struct nand *n)
{
	return (uint64_t)n->nr_pages * n->cfg.units * NAND_UNIT;
}

static uint64_t
what_bytes(const struct nand *n)
{
	return (uint64_t)n->nr_pages * n->cfg.units * sizeof(n->what[0]);
}

static void
memory_close(struct nand *n)
{
	if (n->data)
		munmap(n->data, data_bytes(n));
	if (n->what)
		munmap(n->what, what_bytes(n));
	free(n->seq);
	free(n->wear);
	free(n->disturb);
	free(n->born_ns);
	free(n->bad);
	free(n->slc);
	free(n->tag);
}

void
nand_close(struct nand *n)
{
	if (!n)
		return;
	for (uint32_t i = 0; n->die && i < n->nr_dies; i++)
		free(n->die[i].ops);
	if (n->cfg.store.va)
		store_close(n);
	else
		memory_close(n);
	free(n->die);
	free(n->channel_ns);
	free(n);
}

static bool
geometry_ok(const struct nand_config *c)
{
	uint64_t units = (uint64_t)c->channels * c->dies * c->blocks * c->pages * c->units;

	return c->channels && c->dies && c->channels * c->dies <= NAND_MAX_DIES && c->blocks && c->pages && c->units &&
	       c->units <= NAND_MAX_UNITS && c->levels && c->levels <= NAND_MAX_LEVELS && units < UINT32_MAX / 2;
}

static bool
memory_open(struct nand *n)
{
	n->seq = ut_calloc(n->nr_pages, sizeof(n->seq[0]));
	n->wear = ut_calloc(n->nr_blocks, sizeof(n->wear[0]));
	n->disturb = ut_calloc(n->nr_blocks, sizeof(n->disturb[0]));
	n->born_ns = ut_calloc(n->nr_blocks, sizeof(n->born_ns[0]));
	n->bad = ut_calloc(n->nr_blocks, sizeof(n->bad[0]));
	n->slc = ut_calloc(n->nr_blocks, sizeof(n->slc[0]));
	n->tag = ut_calloc(n->nr_blocks, sizeof(n->tag[0]));
	n->data = map(data_bytes(n));
	n->what = map(what_bytes(n));
	return n->seq && n->wear && n->disturb && n->born_ns && n->bad && n->slc && n->tag && n->data && n->what;
}

static bool
parts_open(struct nand *n)
{
	n->die = ut_calloc(n->nr_dies, sizeof(n->die[0]));
	n->channel_ns = ut_calloc(n->cfg.channels, sizeof(n->channel_ns[0]));
	if (!n->die || !n->channel_ns || !(n->cfg.store.va ? store_open(n) : memory_open(n)))
		return false;
	for (uint32_t i = 0; i < n->nr_dies; i++) {
		n->die[i].reg_page = NAND_NONE;
		n->die[i].ops = ut_calloc(n->ring, sizeof(struct nand_op));
		if (!n->die[i].ops)
			return false;
	}
	return true;
}

int
nand_open(const struct nand_config *cfg, struct nand **out)
{
	struct nand *n;

	if (!geometry_ok(cfg))
		return -EINVAL;
	n = ut_calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->cfg = *cfg;
	n->nr_dies = cfg->channels * cfg->dies;
	n->nr_blocks = n->nr_dies * cfg->blocks;
	n->nr_pages = n->nr_blocks * cfg->pages;
	n->ring = cfg->ring ? cfg->ring : OPS_A_DIE;
	ut_rng_seed(&n->rng, cfg->seed);
	if (!parts_open(n)) {
		nand_close(n);
		return -ENOMEM;
	}
	if (n->begun)
		store_power_lost(n);
	*out = n;
	return 0;
}

/* Neighbouring dies are on different channels. */
static uint64_t *
channel(struct nand *n, uint32_t die)
{
	return &n->channel_ns[die % n->cfg.channels];
}

static uint32_t
type_of(const struct nand *n, uint32_t page)
{
	return page % n->cfg.pages % n->cfg.levels;
}

static uint64_t
program_takes(const struct nand *n, uint32_t page)
{
	return n->slc[nand_block_of(n, page)] ? n->cfg.slc_program_ns : n->cfg.program_ns[type_of(n, page)];
}

static uint64_t
read_takes(const struct nand *n, uint32_t page)
{
	return n->slc[nand_block_of(n, page)] ? n->cfg.slc_read_ns : n->cfg.read_ns[type_of(n, page)];
}

/* Blocks differ: some endure a quarter more than what they are made for. */
static bool
worn_out(const struct nand *n, uint32_t block)
{
	uint32_t more = n->cfg.endurance ? (block * 2654435761u >> 16) % (n->cfg.endurance / 4 + 1) : 0;

	return n->cfg.endurance && n->wear[block] >= n->cfg.endurance + more;
}

static void
tear(struct nand *n, uint32_t page, uint32_t pages)
{
	for (uint32_t i = 0; i < pages; i++)
		n->seq[page + i] = NAND_SEQ_TORN;
	if (n->begun)
		store_tear(n, page, pages);
	else
		memset(nand_unit(n, page * n->cfg.units), 0xa5, (size_t)pages * n->cfg.units * NAND_UNIT);
}

static bool
on_request(struct nand *n, enum nand_kind kind)
{
	bool fails = n->fail_next[kind] > 0;

	n->fail_next[kind] -= fails;
	return fails;
}

static bool
program_fails(struct nand *n, uint32_t block)
{
	uint64_t quarters = n->cfg.endurance ? 4ull * n->wear[block] / n->cfg.endurance : 0;

	if (on_request(n, NAND_PROGRAM))
		return true;
	return n->cfg.program_fail_ppm && ut_rng_below(&n->rng, 1000000) < (uint64_t)n->cfg.program_fail_ppm
										   << UT_MIN(quarters, 8);
}

static void
settle_program(struct nand *n, const struct nand_op *op)
{
	uint64_t *born = &n->born_ns[nand_block_of(n, op->page)];

	n->seq[op->page] = op->failed ? NAND_SEQ_TORN : op->seq;
	*born = *born ? *born : UT_MAX(op->end_ns + n->ahead_ns, 1);
	if (!op->failed)
		return;
	n->bad[nand_block_of(n, op->page)] = NAND_RETIRED;
	n->failing--;
	n->stats.failed_programs++;
}

static void
erase_memory(struct nand *n, uint32_t page)
{
	memset(&n->seq[page], 0, n->cfg.pages * sizeof(n->seq[0]));
	madvise(nand_unit(n, page * n->cfg.units), (uint64_t)n->cfg.pages * n->cfg.units * NAND_UNIT, MADV_DONTNEED);
}

static void
settle(struct nand *n, struct nand_op *op)
{
	if (op->kind == NAND_PROGRAM) {
		settle_program(n, op);
		return;
	}
	op->failed |= worn_out(n, nand_block_of(n, op->page));
	if (op->failed) {
		n->bad[nand_block_of(n, op->page)] = NAND_WORN;
		tear(n, op->page, n->cfg.pages);
		return;
	}
	if (n->begun)
		store_erase(n, op->page);
	else
		erase_memory(n, op->page);
	n->wear[nand_block_of(n, op->page)]++;
	n->disturb[nand_block_of(n, op->page)] = 0;
	n->born_ns[nand_block_of(n, op->page)] = 0;
}

static struct nand_op *
oldest(const struct nand *n, const struct nand_die *d)
{
	return d->count ? &d->ops[d->head % n->ring] : NULL;
}

static void
drop_oldest(struct nand_die *d)
{
	d->head++;
	d->count--;
}

/* Whether the next operation of a die ends before that of another; NAND_NONE: there is no other. */
static bool
sooner(const struct nand *n, uint32_t die, uint32_t other)
{
	const struct nand_op *a = oldest(n, &n->die[die]);

	if (!a || other == NAND_NONE)
		return a != NULL;
	if (a->end_ns != oldest(n, &n->die[other])->end_ns)
		return a->end_ns < oldest(n, &n->die[other])->end_ns;
	return die < other;
}

bool
nand_full(const struct nand *n, uint32_t page)
{
	return n->die[nand_die_of(n, page)].count == n->ring;
}

static uint64_t
issue(struct nand *n, struct nand_die *d, struct nand_op op, uint64_t takes_ns)
{
	assert(d->count < n->ring);
	op.start_ns = UT_MAX(op.start_ns, UT_MAX(d->free_ns, d->read_ns));
	op.end_ns = op.start_ns + takes_ns;
	op.number = n->issued++;
	d->ops[(d->head + d->count++) % n->ring] = op;
	d->free_ns = op.end_ns;
	d->reg_page = NAND_NONE;
	if (n->first_known && d->count == 1 && sooner(n, (uint32_t)(d - n->die), n->first))
		n->first = (uint32_t)(d - n->die);
	return op.end_ns;
}

uint64_t
nand_program(struct nand *n, uint32_t page, uint64_t seq, uint64_t from_ns)
{
	uint32_t die = nand_die_of(n, page);
	uint64_t *bus = channel(n, die);

	struct nand_op op = { .kind = NAND_PROGRAM, .page = page, .seq = seq };

	assert(n->seq[page] == NAND_SEQ_ERASED && seq != NAND_SEQ_ERASED && seq != NAND_SEQ_TORN);
	op.start_ns = *bus = UT_MAX(*bus, from_ns) + n->cfg.units * n->cfg.unit_ns;
	op.failed = program_fails(n, nand_block_of(n, page));
	n->failing += op.failed;
	n->stats.programs++;
	if (n->begun)
		store_program(n, page, seq);
	return issue(n, &n->die[die], op, program_takes(n, page));
}

uint64_t
nand_erase(struct nand *n, uint32_t block, uint64_t from_ns)
{
	uint32_t page = block * n->cfg.pages;

	n->stats.erases++;
	return issue(
		n, &n->die[nand_die_of(n, page)],
		(struct nand_op){
			.kind = NAND_ERASE, .page = page, .start_ns = from_ns, .failed = on_request(n, NAND_ERASE) },
		n->slc[block] ? n->cfg.slc_erase_ns : n->cfg.erase_ns);
}

/* What is under way at now_ns, and all that follows it, ends later by as long as it is interrupted. */
static void
delay(struct nand *n, struct nand_die *d, uint64_t now_ns, uint64_t by_ns)
{
	for (uint32_t i = 0; i < d->count; i++) {
		struct nand_op *op = &d->ops[(d->head + i) % n->ring];

		if (op->end_ns <= now_ns)
			continue;
		op->start_ns += op->start_ns > now_ns ? by_ns : 0;
		op->end_ns += by_ns;
	}
	d->free_ns += by_ns;
	n->first_known = false;
	n->stats.suspends++;
}

static uint64_t
pinned_until(const struct nand *n, const struct nand_die *d)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < d->count; i++) {
		const struct nand_op *op = &d->ops[(d->head + i) % n->ring];

		if (op->number >= n->pinned)
			break;
		end = op->end_ns;
	}
	return end;
}

/* When the cells can be read. */
static uint64_t
read_start(struct nand *n, struct nand_die *d, uint64_t from_ns, uint64_t takes_ns)
{
	uint64_t start = UT_MAX(from_ns, d->read_ns), pinned;

	if (start >= d->free_ns)
		return start;
	if (!n->cfg.suspend_ns)
		return UT_MAX(start, d->free_ns);
	pinned = pinned_until(n, d);
	start = UT_MAX(start, pinned);
	if (start >= d->free_ns)
		return start;
	start += n->cfg.suspend_ns;
	delay(n, d, start, takes_ns + n->cfg.suspend_ns);
	return start;
}

uint64_t
nand_read(struct nand *n, uint32_t page, uint32_t units, uint64_t from_ns)
{
	uint32_t die = nand_die_of(n, page);
	struct nand_die *d = &n->die[die];
	uint64_t takes = read_takes(n, page), *bus = channel(n, die);

	n->stats.reads++;
	n->stats.units_read += units;
	if (d->reg_page != page) {
		d->reg_ns = d->read_ns = read_start(n, d, from_ns, takes) + takes;
		d->reg_page = page;
		n->disturb[nand_block_of(n, page)]++;
	}
	*bus = UT_MAX(*bus, UT_MAX(d->reg_ns, from_ns)) + units * n->cfg.unit_ns;
	return *bus;
}

static uint32_t
first_to_end(struct nand *n)
{
	if (n->first_known)
		return n->first;
	n->first = NAND_NONE;
	for (uint32_t i = 0; i < n->nr_dies; i++) {
		if (sooner(n, i, n->first))
			n->first = i;
	}
	n->first_known = true;
	return n->first;
}

uint64_t
nand_next(struct nand *n)
{
	uint32_t die = first_to_end(n);

	return die == NAND_NONE ? NAND_NEVER : oldest(n, &n->die[die])->end_ns;
}

bool
nand_commit(struct nand *n, uint64_t now_ns, struct nand_op *op)
{
	uint32_t die = first_to_end(n);

	if (die == NAND_NONE || oldest(n, &n->die[die])->end_ns > now_ns)
		return false;
	*op = *oldest(n, &n->die[die]);
	settle(n, op);
	n->ended++;
	drop_oldest(&n->die[die]);
	n->first_known = false;
	return true;
}

/* Not inline: with a length that the compiler knows it makes a loop of words of it. */
void
nand_copy(void *to, const void *from, uint32_t units)
{
	memcpy(to, from, (size_t)units * NAND_UNIT);
}

uint64_t
nand_settled(const struct nand *n)
{
	uint64_t least = n->issued;

	for (uint32_t i = 0; i < n->nr_dies; i++) {
		const struct nand_op *op = oldest(n, &n->die[i]);

		least = op ? UT_MIN(least, op->number) : least;
	}
	return least;
}

uint64_t
nand_pin(struct nand *n)
{
	uint64_t last = 0;

	for (uint32_t i = 0; i < n->nr_dies; i++)
		last = UT_MAX(last, n->die[i].count ? n->die[i].free_ns : 0);
	n->pinned = n->issued;
	return last;
}

/* A program that had begun leaves a torn page, an erase a torn block; what had not begun leaves nothing. */
static void
cut(struct nand *n, const struct nand_op *op, uint64_t now_ns)
{
	if (op->start_ns < now_ns)
		tear(n, op->page, op->kind == NAND_ERASE ? n->cfg.pages : 1);
	else if (n->begun && op->kind == NAND_PROGRAM)
		n->begun[op->page] = 0;
}

/* What failed programs left goes with the memory of the drive. */
static void
forget_failed(struct nand *n)
{
	for (uint32_t b = 0; b < n->nr_blocks; b++) {
		if (n->bad[b] != NAND_RETIRED)
			continue;
		for (uint32_t p = b * n->cfg.pages; p < (b + 1) * n->cfg.pages; p++) {
			if (n->seq[p] == NAND_SEQ_TORN)
				tear(n, p, 1);
		}
	}
}

void
nand_power_off(struct nand *n, uint64_t now_ns)
{
	forget_failed(n);
	n->failing = 0;
	n->first_known = false;
	for (uint32_t i = 0; i < n->nr_dies; i++) {
		struct nand_die *d = &n->die[i];

		for (; d->count; drop_oldest(d))
			cut(n, oldest(n, d), now_ns);
		d->free_ns = d->read_ns = 0;
		d->reg_page = NAND_NONE;
	}
	memset(n->channel_ns, 0, n->cfg.channels * sizeof(n->channel_ns[0]));
}
