/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside the FTL.  buffer.c: the write buffer; together.c: units that survive together; place.c: blocks, and pages for streams; gc.c: garbage collection; fail.c: failed
 * programs; ckpt.c: journal and checkpoint; recover.c: from NAND to map; keep.h: what an image keeps besides; ftl.c: the calls of ftl.h and time.
 */
#pragma once
#include <assert.h>
#include "nvproof/spec/types.h"
#include "ssd/ftl/ftl.h"
#include "util/bits.h"

#define FTL_JOURNAL_RECORDS 255u /* in a unit, behind its head */
#define FTL_MAX_JOURNAL 64u /* units of journal that a checkpoint follows */
#define FTL_JOURNAL_FOUND 256u /* units of it that a recovery keeps: with copies that garbage collection left */
#define FTL_RESERVE 2u /* free blocks a die that only garbage collection may take */
#define FTL_LOW 4u /* free blocks a die below which it collects */

/* Place 0 is FTL_HOST; each other has a stream of its own behind the others. */
#define FTL_ALL (FTL_STREAMS + FTL_PLACES - 1)

/*
 * The test of the FTL is built with these bugs in it, one at a time, to see that it finds each.  The product is built without.
 */
enum ftl_bug {
	FTL_NO_BUG,
	FTL_BUG_JOURNAL_AFTER_ERASE,
	FTL_BUG_ERASE_EARLY,
	FTL_BUG_GC_DROPS_TRIM,
	FTL_BUG_TWO_UNITS_ONE_PLACE,
	FTL_BUG_WEAR_LOST,
	FTL_BUG_FLUSH_EARLY,
	FTL_BUG_OLD_MAP_GOES_FIRST,
	FTL_BUG_OLDER_WINS,
	FTL_BUG_TORN_COUNTS,
	FTL_BUG_TRIM_WINS_ALWAYS,
	FTL_BUG_PART_OF_UNIT_LOST,
	FTL_BUG_ROOT_BEFORE_MAP,
	FTL_BUG_FAILED_LOST,
	FTL_BUG_FAILED_COUNTS,
	FTL_BUG_ATOMIC_WRITE_TORN,
	FTL_BUGS,
};
#ifdef FTL_WITH_BUGS
extern enum ftl_bug ftl_bug;
#define ftl_has(b) (ftl_bug == (b))
#else
#define ftl_has(b) false
#endif

enum ftl_block_state {
	FTL_FREE,
	FTL_OPEN,
	FTL_FULL,
	FTL_EMPTY, /* nothing in it is valid; the erase waits for rule 2 */
	FTL_ERASING,
	FTL_BAD,
};

struct ftl_block {
	uint32_t valid; /* units */
	uint8_t state;
	bool collecting; /* its units are on their way out */
	bool retired; /* a program failed: it is emptied, and not used again */
	uint64_t barrier; /* FTL_EMPTY: operations below this number have to be done first */
	uint64_t age; /* sequence number when it was filled; FTL_EMPTY: when it became that */
};

struct ftl_die {
	uint32_t open[FTL_ALL]; /* block, or NAND_NONE */
	uint32_t page[FTL_ALL]; /* the next in it */
	uint32_t free, coming; /* blocks; coming: collected or empty, and not erased yet */
	uint32_t slc; /* blocks that are used with one bit a cell */
	uint32_t next; /* where the search for a free block goes on */
	uint32_t retiring; /* blocks that are retired and hold something that nobody moves yet */
};

struct ftl_slot {
	uint32_t unit;
	uint32_t next; /* in its hash chain */
	uint64_t free_ns; /* the program that emptied it ends */
	uint32_t place;
	bool kept; /* keep.c has it as it is now */
	uint32_t group; /* it goes into one page with its neighbours of the same number; 0: alone */
};

struct ftl_trimmed {
	uint64_t seq;
	uint32_t unit, count;
};

struct ftl {
	struct ftl_config cfg;
	struct nand *nand;
	uint64_t now_ns; /* never goes back; ahead of the host's after a stall */
	uint64_t host_ns; /* of its last command */
	uint64_t link_ns; /* until when the link to it is in use */
	bool in_idle; /* idle work is being done */
	uint64_t care_ns; /* when the age of data is looked at next while the host is busy */
	bool levelling; /* what is moved now is cold: it goes where most erases were */
	uint32_t erased; /* blocks since the spread of wear was looked at */
	struct ut_rng rng;
	uint64_t seq; /* of the last page or trim */
	uint64_t ckpt_seq; /* of the last checkpoint */
	uint32_t *map; /* a logical unit: where on NAND, or NAND_NONE */
	uint32_t *map_at; /* a part of the map: where its last checkpoint is */
	uint32_t *map_was; /* the one before, until the new root is under way */
	uint64_t *map_dirty; /* a bit a part */
	uint64_t *seq_of; /* recovery: of what the map says, by unit */
	uint32_t nr_parts;
	uint32_t bad, may_be_bad; /* blocks */
	uint32_t reserve; /* free blocks a die that only metadata may take: without a journal nothing can be erased */
	struct ftl_block *block;
	struct ftl_die *die;
	uint32_t held[FTL_PLACES]; /* units of each place in the write buffer */
	uint32_t turn[FTL_ALL]; /* die of the next page */
	uint32_t ru[FTL_ALL],
		ru_pages[FTL_ALL]; /* of a place: the number of its reclaim unit, and what is used of that */
	struct ftl_realloc realloc[FTL_REALLOCS]; /* a ring: the last that garbage collection moved */
	uint64_t nr_realloc; /* ever */
	uint32_t *empty, first_empty, nr_empty; /* a ring of the blocks that wait for their erase */
	uint64_t erase_ended; /* operations that had ended when the first of them could not be erased yet */
	uint64_t journal_barrier; /* operations below this number have to be done before any erase */
	uint32_t since_ckpt; /* pages programmed */
	bool busy_meta; /* a journal or checkpoint is being written */
	bool saving; /* what failed programs should have written is being written again */
	uint32_t unsaved; /* failed programs of which that is not done */
	uint64_t fail_from,
		fail_until; /* operations: from the first that failed, until all behind this is there, none has ended */

	/* write buffer: slots in a ring; those from first on, nr_dirty of them, are not programmed yet */
	struct ftl_slot *slot;
	uint8_t *buffer;
	uint32_t *hash; /* slot, by unit */
	uint32_t nr_slots, nr_hash, first, nr_dirty;
	uint32_t group, last_group; /* what is written now survives together; 0: it is on its own */

	uint32_t move[NAND_MAX_UNITS]; /* units on NAND that garbage collection took up: less than a page */
	uint32_t nr_move;

	struct ftl_trimmed trimmed[FTL_JOURNAL_RECORDS];
	uint32_t nr_trimmed;
	uint32_t journal[FTL_JOURNAL_FOUND]; /* units that hold journal since the last checkpoint */
	uint32_t nr_journal;
	uint32_t root; /* unit of the last root, or NAND_NONE */
	bool off;
	struct ftl_keep *keep; /* with a store only */
	struct ftl_kept_slot *kept;
	bool restoring;
	struct ftl_stats stats;
};

uint32_t ftl_slots(const struct ftl_config *c); /* of the write buffer */

/* place.c */
void place_reset(struct ftl *f);
/* The next page of a stream, or NAND_NONE: no die has room.  Lets time run for it, unless it is garbage collection's. */
uint32_t place_page(struct ftl *f, enum ftl_stream s, uint64_t *due_ns);
/* For the host: in the cache while that has room. */
uint32_t place_host(struct ftl *f, uint32_t place, enum ftl_stream *s, uint64_t *due_ns);
void place_close(struct ftl *f, enum ftl_stream s); /* the next page of it is one of another block, on each die */
/*
 * Program it; what and data of its units are filled up to `used`, and count as valid.  Returns when it ends.  place_done()
 * follows, when the caller has taken back what the page replaces.
 */
uint64_t place_program(struct ftl *f, enum ftl_stream s, uint32_t page, uint32_t used);
void place_done(struct ftl *f, enum ftl_stream s, uint32_t page);
void place_invalid(struct ftl *f, uint32_t at); /* this unit on NAND no longer counts; NAND_NONE is fine */
void place_erase(struct ftl *f); /* whatever may be erased now */
void place_erased(struct ftl *f, uint32_t block, bool failed);
void place_retire(struct ftl *f, uint32_t block); /* a program of it failed */
void place_close_block(struct ftl *f, uint32_t block); /* nothing more is written into it */
/* The next page of a place is one of another reclaim unit. */
void place_next_ru(struct ftl *f, enum ftl_stream s);
void place_restore(struct ftl *f); /* block states from what is on NAND; valid counts are there */
/* Let the NAND run to the end of its next operation.  false: there is none. */
bool place_wait(struct ftl *f);

/* buffer.c */
void buffer_reset(struct ftl *f);
uint8_t *buffer_find(const struct ftl *f, uint32_t unit); /* NULL: it is not there */
uint8_t *buffer_put(struct ftl *f, uint32_t unit, uint32_t place, uint64_t *due_ns); /* room for a unit that has none */
uint8_t *
buffer_again(struct ftl *f, uint32_t unit, uint32_t place); /* of one that has: it goes there instead.  NULL: none */
void buffer_drop(struct ftl *f, uint32_t unit);
bool buffer_program(struct ftl *f, uint64_t *due_ns); /* the oldest page of it; false: no space */
bool buffer_program_place(struct ftl *f, uint32_t place, uint64_t *due_ns); /* of what it has of one place */
uint32_t buffer_group(const struct ftl *f, uint32_t unit); /* NAND_NONE: it is not there */
uint32_t buffer_place(const struct ftl *f, uint32_t unit); /* the same */

/* together.c */
void together_leave(struct ftl *f, uint32_t unit, uint64_t *due_ns); /* this unit goes, and its company does not */

/* gc.c */
uint32_t *gc_reference(struct ftl *f, uint32_t at); /* what a unit on NAND is known by, or NULL: nothing refers to it */
void gc_refer(struct ftl *f, uint32_t *ref, uint32_t what, uint32_t at); /* by this it is known from now on */
bool gc_run(struct ftl *f, uint32_t die,
	    bool any); /* one block; false: there is none worth it, or no room for what is in it */
bool gc_block(struct ftl *f, uint32_t block); /* this one */
bool gc_flush(struct ftl *f); /* what was taken up and is less than a page, too; false: there is none */

/* idle.c: what can wait until the host asks for nothing.  false: there is nothing to do, or it is not idle before now_ns. */
bool idle_work(struct ftl *f, uint64_t now_ns);
/* A command of the host comes. */
void idle_ends(struct ftl *f, uint64_t now_ns);

/* care.c: blocks that have to be moved for their own sake */
void care_read(struct ftl *f, uint64_t now_ns, uint32_t at); /* this unit is to be read */
void care_look(struct ftl *f, uint64_t now_ns, uint32_t at);
bool care_age(struct ftl *f, uint64_t until_ns); /* one block whose data is too old by then; time goes on to that */
void care_wear(struct ftl *f); /* after erases: one block that is left out */
void care_when_due(struct ftl *f);

/* fail.c */
void fail_reset(struct ftl *f);
void fail_seen(struct ftl *f, const struct nand_op *op);
void fail_save(struct ftl *f); /* write again what failed, as far as there is room */
uint64_t fail_settled(struct ftl *f, uint64_t settled); /* nand_settled(), in the sense of rule 2 */

/* ckpt.c */
void journal_add(struct ftl *f, uint32_t unit, uint32_t count); /* comes before what it says is done */
bool journal_write(struct ftl *f, uint64_t *due_ns); /* what is in memory of it */
bool ckpt_write(struct ftl *f, uint64_t *due_ns);
void ckpt_all(struct ftl *f); /* the next one writes all parts of the map: no older metadata stays */
void map_set(struct ftl *f, uint32_t unit, uint32_t at); /* what was there before is invalid */

/* recover.c: the map and the blocks from what is on NAND.  Returns how long that takes. */
uint64_t recover(struct ftl *f);
void recover_trim(struct ftl *f, const struct ftl_trimmed *t); /* what is older than that is gone */

/* On NAND, little-endian: the head of a unit of journal or map, and a root. */
struct ftl_head {
	le64 seq; /* map, root: of the checkpoint */
	le32 count; /* journal: records */
	le32 rsvd12;
};

struct ftl_record {
	le64 seq;
	le32 unit, count;
};
static_assert(sizeof(struct ftl_head) + FTL_JOURNAL_RECORDS * sizeof(struct ftl_record) == NAND_UNIT, "journal");
static_assert(sizeof(struct ftl_head) + FTL_MAP_ENTRIES * sizeof(le32) == NAND_UNIT, "map");

static inline bool
ftl_cached(const struct ftl_config *c)
{
	return c->slc_blocks || c->slc_dynamic;
}

static inline enum ftl_stream
ftl_stream_of(uint32_t place)
{
	return place ? (enum ftl_stream)(FTL_STREAMS + place - 1) : FTL_HOST;
}

static inline bool
ftl_is_host(enum ftl_stream s)
{
	return s == FTL_HOST || (uint32_t)s >= FTL_STREAMS;
}

static inline uint32_t
ftl_places(const struct ftl_config *c)
{
	return c->places ? c->places : 1;
}

/* nand.tag: the stream, and of a place the number of the reclaim unit. */
static inline uint32_t
ftl_tag(uint32_t s, uint32_t ru)
{
	return s | ru << 8;
}

static inline uint32_t
ftl_tag_stream(uint32_t tag)
{
	return tag & 0xff;
}

static inline uint32_t
ftl_ru_pages(const struct ftl *f)
{
	return f->nand->nr_dies * f->nand->cfg.pages;
}

static inline uint32_t
ftl_block_of(const struct ftl *f, uint32_t at)
{
	return at / f->nand->cfg.units / f->nand->cfg.pages;
}

static inline bool
ftl_in_flight(const struct ftl *f, uint32_t at)
{
	return f->nand->seq[at / f->nand->cfg.units] == NAND_SEQ_ERASED;
}
