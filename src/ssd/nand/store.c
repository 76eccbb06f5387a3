/* SPDX-License-Identifier: BSD-3-Clause */
/*
 *	the data, sparse: the space of a block is given back when it is erased
 *	the tables, each at a multiple of 8 bytes
 *
 * A store into a hole of a mapped file makes the kernel find disk space, and when there is none the process gets SIGBUS.  So a page
 * gets its space before it is filled; the tables have theirs from the start.
 */
#include "ssd/nand/store.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "util/alloc.h"
#include "util/barrier.h"
#include "util/bits.h"
#include "util/crc.h"

struct table {
	size_t member; /* of struct nand: the pointer */
	uint32_t size; /* of an entry */
	enum { A_UNIT, A_PAGE, A_BLOCK } of;
};

#define TABLE(m, what)                                                         \
	{                                                                      \
		offsetof(struct nand, m), sizeof(*((struct nand *)0)->m), what \
	}

static const struct table tables[] = {
	TABLE(what, A_UNIT),  TABLE(seq, A_PAGE),      TABLE(begun, A_PAGE),	TABLE(crc, A_PAGE),
	TABLE(wear, A_BLOCK), TABLE(disturb, A_BLOCK), TABLE(born_ns, A_BLOCK), TABLE(slc, A_BLOCK),
	TABLE(bad, A_BLOCK),  TABLE(tag, A_BLOCK),
};

static uint64_t
blocks_of(const struct nand_config *c)
{
	return (uint64_t)c->channels * c->dies * c->blocks;
}

static uint64_t
table_bytes(const struct nand_config *c, const struct table *t)
{
	uint64_t n = blocks_of(c);

	if (t->of != A_BLOCK)
		n *= c->pages;
	if (t->of == A_UNIT)
		n *= c->units;
	return ut_align_up(n * t->size, 8);
}

uint64_t
nand_store_data(const struct nand_config *c)
{
	return blocks_of(c) * c->pages * c->units * NAND_UNIT;
}

uint64_t
nand_store_bytes(const struct nand_config *c)
{
	uint64_t bytes = nand_store_data(c);

	for (size_t i = 0; i < UT_ARRAY_LEN(tables); i++)
		bytes += table_bytes(c, &tables[i]);
	return ut_align_up(bytes, NAND_UNIT);
}

static bool
has_space(const struct nand *n, uint32_t page)
{
	return n->backed[page / 64] >> (page % 64) & 1;
}

bool
store_open(struct nand *n)
{
	uint8_t *at = n->cfg.store.va + nand_store_data(&n->cfg);

	n->backed = ut_calloc(n->nr_pages / 64 + 1, sizeof(n->backed[0]));
	if (!n->backed)
		return false;
	n->data = n->cfg.store.va;
	for (size_t i = 0; i < UT_ARRAY_LEN(tables); i++) {
		memcpy((uint8_t *)n + tables[i].member, &at, sizeof(at));
		at += table_bytes(&n->cfg, &tables[i]);
	}
	for (uint32_t p = 0; p < n->nr_pages; p++) {
		if (n->begun[p])
			n->backed[p / 64] |= 1ull << (p % 64);
	}
	return true;
}

void
store_close(struct nand *n)
{
	free(n->backed);
}

bool
nand_back(struct nand *n, uint32_t page)
{
	uint64_t bytes = (uint64_t)n->cfg.units * NAND_UNIT;

	if (!n->begun || has_space(n, page))
		return true;
	if (ut_alloc_spend() ||
	    posix_fallocate(n->cfg.store.fd, (off_t)(n->cfg.store.off + page * bytes), (off_t)bytes))
		return false;
	n->backed[page / 64] |= 1ull << (page % 64);
	return true;
}

static uint32_t
crc_of(const struct nand *n, uint32_t page, uint64_t seq)
{
	uint32_t units = n->cfg.units, crc = ut_crc32c(0, &seq, sizeof(seq));

	crc = ut_crc32c(crc, &n->what[page * units], units * sizeof(n->what[0]));
	for (uint32_t i = 0; i < units; i++) {
		if (n->what[page * units + i] != NAND_NONE)
			crc = ut_crc32c(crc, nand_unit(n, page * units + i), NAND_UNIT);
	}
	return crc;
}

bool
nand_page_ok(const struct nand *n, uint32_t page)
{
	return n->begun[page] == n->seq[page] && n->crc[page] == crc_of(n, page, n->seq[page]);
}

void
store_program(struct nand *n, uint32_t page, uint64_t seq)
{
	n->crc[page] = crc_of(n, page, seq);
	ut_release_barrier(); /* whoever finds the mark finds the data */
	ut_store(&n->begun[page], seq);
	ut_release_barrier(); /* and the write buffer lets go of them after that */
}

void
store_tear(struct nand *n, uint32_t page, uint32_t pages)
{
	for (uint32_t p = page; p < page + pages; p++) {
		n->begun[p] = 0;
		if (has_space(n, p))
			memset(nand_unit(n, p * n->cfg.units), 0xa5, n->cfg.units * NAND_UNIT);
	}
}

void
store_erase(struct nand *n, uint32_t page)
{
	uint64_t bytes = (uint64_t)n->cfg.units * NAND_UNIT;

	memset(&n->begun[page], 0, n->cfg.pages * sizeof(n->begun[0]));
	ut_release_barrier(); /* or half an erase would leave programs under way */
	memset(&n->seq[page], 0, n->cfg.pages * sizeof(n->seq[0]));
	if (fallocate(n->cfg.store.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)(n->cfg.store.off + page * bytes), (off_t)(n->cfg.pages * bytes)))
		return; /* a file system without holes: the space stays */
	for (uint32_t p = page; p < page + n->cfg.pages; p++)
		n->backed[p / 64] &= ~(1ull << (p % 64));
}

void
nand_clock(struct nand *n, uint64_t was_ns, uint64_t now_ns)
{
	n->ahead_ns += was_ns - now_ns;
	for (uint32_t i = 0; i < n->nr_dies; i++)
		n->die[i].free_ns = n->die[i].read_ns = 0;
	memset(n->channel_ns, 0, n->cfg.channels * sizeof(n->channel_ns[0]));
}

/* With a capacitor also what a failed program left in the memory of the drive is not lost: its block is retired, and read once more. */
static bool
under_way(const struct nand *n, uint32_t page)
{
	bool failed = n->seq[page] == NAND_SEQ_TORN && n->bad[nand_block_of(n, page)] == NAND_RETIRED;

	return n->begun[page] && (n->seq[page] == NAND_SEQ_ERASED || (failed && n->cfg.store.capacitor));
}

/* An erase takes away what a page was to be before it takes away what it is: the process ended between the two. */
static bool
half_erased(const struct nand *n, uint32_t page)
{
	return !n->begun[page] && n->seq[page] != NAND_SEQ_ERASED && n->seq[page] != NAND_SEQ_TORN;
}

void
store_power_lost(struct nand *n)
{
	for (uint32_t p = 0; p < n->nr_pages; p++) {
		bool half = half_erased(n, p);

		if (!half && !under_way(n, p))
			continue;
		n->interrupted++;
		n->seq[p] = n->cfg.store.capacitor && !half ? n->begun[p] : NAND_SEQ_TORN;
		if (!n->cfg.store.capacitor)
			store_tear(n, p, 1);
	}
}
