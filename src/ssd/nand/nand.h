/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NAND flash: dies that read and program pages and erase blocks, each in its time, behind channels that carry the data.
 *
 * All planes of a die work together here: a page is what one program operation writes (planes * page size), and a block is
 * the same block of all planes.  Pages are programmed once and in order; a block is erased as a whole.  Beside its units of
 * 4 KiB a page has spare bytes for the FTL: what each unit is, and a sequence number.
 *
 * Time is the caller's.  An operation is entered into the timeline of its die when it is issued, and takes effect for good
 * when nand_advance() comes to its end.  When the power goes before that, a page whose program had begun is torn, and one whose
 * program had not is as it was: that is all that survives.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "util/rng.h"

#define NAND_UNIT 4096u
#define NAND_MAX_UNITS 64u /* a page */
#define NAND_MAX_DIES 256u
#define NAND_MAX_LEVELS 4u /* bits a cell */
#define NAND_NONE UINT32_MAX
#define NAND_NEVER UINT64_MAX
#define NAND_SEQ_ERASED 0ull
#define NAND_SEQ_TORN UINT64_MAX /* programmed or erased halfway, or a program failed: reads fail */

/*
 * Memory that outlives the process: a part of an image file, mapped.  Opening it again is what comes after a power loss at the instant
 * when the process ended, however that was: programs that were under way then are garbage, or, with a capacitor, complete.
 */
struct nand_store {
	uint8_t *va; /* NULL: none, and the flash is gone with the process */
	int fd;
	uint64_t off; /* of va in the file */
	bool capacitor;
};

struct nand_config {
	struct nand_store store;
	uint32_t channels, dies; /* dies a channel */
	uint32_t blocks, pages; /* blocks a die, pages a block; of all planes together */
	uint32_t units; /* of 4 KiB a page */
	uint32_t levels; /* page p of a block is of type p % levels */
	uint64_t read_ns[NAND_MAX_LEVELS], program_ns[NAND_MAX_LEVELS], erase_ns;
	uint64_t slc_read_ns, slc_program_ns, slc_erase_ns; /* of blocks that are used with one bit a cell */
	uint64_t suspend_ns; /* a read interrupts a program or an erase after as long; 0: it waits for the end */
	uint64_t unit_ns; /* a unit on the bus of its channel */
	uint32_t endurance; /* erases of a block until one fails, or up to a quarter more; 0: none fails */
	uint32_t
		program_fail_ppm; /* programs of a new block that fail; twice as many for each quarter of its endurance */
	uint64_t seed; /* of what happens by chance */
	uint32_t ring; /* operations under way on a die; 0: 4,096 */
};

enum nand_kind {
	NAND_PROGRAM,
	NAND_ERASE,
	NAND_KINDS,
};

enum nand_bad { /* what a block is marked as */
		NAND_GOOD,
		NAND_WORN, /* an erase failed: nothing of it can be read */
		NAND_RETIRED, /* a program failed: it is read, and not written again */
};

struct nand_op {
	enum nand_kind kind;
	uint32_t page; /* of the device; an erase: the first of the block */
	uint64_t start_ns, end_ns;
	uint64_t seq; /* of the page; an erase: 0 */
	bool failed; /* an erase: the block cannot be used any more; a program: its page is garbage */
	uint64_t number; /* of all operations, in the order of issue */
};

struct nand_die {
	struct nand_op *ops; /* a ring of nand->ring entries, in the order of their times */
	uint32_t head, count;
	uint64_t free_ns; /* the last of them ends */
	uint64_t read_ns; /* the last read ends */
	uint32_t reg_page; /* whose data are in the page register */
	uint64_t reg_ns; /* since when */
};

struct nand_stats {
	uint64_t reads, programs, erases, suspends, failed_programs;
	uint64_t units_read; /* over the bus */
};

struct nand {
	struct nand_config cfg;
	uint32_t nr_dies, nr_blocks, nr_pages; /* of all */
	uint32_t ring;
	struct nand_die *die;
	uint64_t *channel_ns; /* until when each is in use */
	uint8_t *data; /* units; the memory of erased blocks is given back */
	uint64_t *seq; /* a page */
	uint32_t *what; /* a unit: the FTL's word for it */
	uint32_t *wear; /* a block: erases */
	uint32_t *disturb; /* a block: reads of its cells since it was erased */
	uint64_t *born_ns; /* a block: when the first page of it was programmed, in the flash's own time; 0: not yet */
	uint64_t
		ahead_ns; /* its own time goes on over all its lives, and is ahead of the clock by so much; modulo 2^64 */
	uint32_t *tag; /* a block: what whoever programs it has in the spare bytes of all its pages */
	uint8_t *slc; /* a block: one bit a cell since it was opened; it has a part of its pages then */
	uint8_t *bad; /* a block: enum nand_bad, marked on the flash itself */
	/* With a store only: */
	uint64_t *begun; /* a page: the sequence number that it has, or will have when its program ends */
	uint32_t *crc; /* a page: CRC-32C of its units, what they are, and that number */
	uint64_t *backed; /* a bit a page: it has its disk space */
	uint32_t interrupted; /* programs that were under way when it was opened */
	uint64_t issued, ended; /* operations */
	uint64_t pinned; /* operations below this number are not interrupted by reads */
	uint32_t first; /* the die whose operation ends next, or NAND_NONE */
	bool first_known;
	uint32_t failing; /* programs under way that will fail */
	uint32_t fail_next[NAND_KINDS]; /* operations that fail whatever their chance is: faults on request */
	struct ut_rng rng;
	struct nand_stats stats;
};

/* How large a store is: the data, which is sparse and comes first; all of it. */
uint64_t nand_store_data(const struct nand_config *cfg);
uint64_t nand_store_bytes(const struct nand_config *cfg);
/* Disk space for a page that will be filled; false: there is none.  Without a store there always is. */
bool nand_back(struct nand *n, uint32_t page);
/* With a store: what is on this page is what was programmed. */
bool nand_page_ok(const struct nand *n, uint32_t page);

/* -ENOMEM, -EINVAL: impossible geometry. */
int nand_open(const struct nand_config *cfg, struct nand **out);
void nand_close(struct nand *n); /* NULL is fine */

/*
 * Program a page.  The caller has filled its units at nand_unit() and nand_what(); what of an unused unit is NAND_NONE.
 * from_ns: not before.  Returns when it ends, as things stand now.  One that fails is seen at its end (nand_commit()); the
 * drive has the data in its memory until then, and until the power goes.
 */
uint64_t nand_program(struct nand *n, uint32_t page, uint64_t seq, uint64_t from_ns);
uint64_t nand_erase(struct nand *n, uint32_t block, uint64_t from_ns);
/* As many operations are under way on the die of this page as can be: one has to be committed before another is issued. */
bool nand_full(const struct nand *n, uint32_t page);
/* Read `units` units of a page to the host's side.  Returns when they are there. */
uint64_t nand_read(struct nand *n, uint32_t page, uint32_t units, uint64_t from_ns);

/* When the next operation ends; NAND_NEVER: none is under way. */
uint64_t nand_next(struct nand *n);
/* The operation that ends next takes effect; its copy in *op.  false: none ends until now_ns. */
bool nand_commit(struct nand *n, uint64_t now_ns, struct nand_op *op);
/* Every operation with a number below this one took effect. */
uint64_t nand_settled(const struct nand *n);
/* What was issued so far is not interrupted any more.  Returns when the last of it ends. */
uint64_t nand_pin(struct nand *n);
/* What was was_ns in the clock is now_ns.  Nothing is under way. */
void nand_clock(struct nand *n, uint64_t was_ns, uint64_t now_ns);
/* The power goes at now_ns, to which nand_commit() has been called. */
void nand_power_off(struct nand *n, uint64_t now_ns);

/* Units, from anywhere to anywhere else. */
void nand_copy(void *to, const void *from, uint32_t units);

static inline uint32_t
nand_die_of(const struct nand *n, uint32_t page)
{
	return page / n->cfg.pages / n->cfg.blocks;
}

static inline uint32_t
nand_block_of(const struct nand *n, uint32_t page)
{
	return page / n->cfg.pages;
}

/* The pages that a block has in its mode: the first ones. */
static inline uint32_t
nand_pages_in(const struct nand *n, uint32_t block)
{
	return n->slc[block] ? n->cfg.pages / n->cfg.levels : n->cfg.pages;
}

static inline uint8_t *
nand_unit(const struct nand *n, uint32_t unit)
{
	return n->data + (uint64_t)unit * NAND_UNIT;
}
