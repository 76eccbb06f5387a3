/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A drive as data: what a profile file says.  The files that are shipped (src/ssd/profiles) are part of the library; others
 * are read when a name has a '/' or ends in ".ini".
 *
 * A file is sections of "key = value".  A value is a number, a size ("64M", powers of 1024), yes or no, one of some words, a
 * list of numbers, or text.  What is not said is as in the profile "ram"; a key, value or section that is not known is an error.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSD_PROFILE_LEVELS 4u /* page types: bits a cell */

enum ssd_profile_media {
	SSD_PROFILE_RAM, /* memory, as fast as it goes */
	SSD_PROFILE_NULL, /* keeps nothing */
	SSD_PROFILE_FLASH, /* what [flash] says, behind a translation layer */
};

enum ssd_profile_set { /* I/O command set of the namespaces */
		       SSD_PROFILE_NVM,
		       SSD_PROFILE_ZONED,
};

enum ssd_profile_collect { /* which block garbage collection takes */
			   SSD_PROFILE_GREEDY, /* the one with the least valid data */
			   SSD_PROFILE_COST_BENEFIT, /* old ones are preferred */
			   SSD_PROFILE_RANDOM, /* any */
};

enum ssd_profile_switch {
	SSD_PROFILE_ON,
	SSD_PROFILE_OFF,
};

struct ssd_profile_flash {
	uint32_t channels, dies; /* dies a channel */
	uint32_t planes, page_size; /* bytes of a page of one plane */
	uint32_t pages; /* a block */
	uint32_t blocks; /* a die; 0: as many as capacity and spare area need */
	uint32_t levels; /* bits a cell */
	uint32_t read_us[SSD_PROFILE_LEVELS], program_us[SSD_PROFILE_LEVELS]; /* by page type */
	uint32_t erase_us, suspend_us; /* suspend 0: nothing is interrupted */
	uint32_t bus_mb_s; /* of a channel */
	uint32_t link_mb_s; /* to the host; 0: takes no time */
	uint32_t spare_percent; /* of NAND beyond what the host sees */
	uint64_t write_buffer; /* bytes; 0: four pages a die */
	bool capacitor; /* the write buffer survives a power loss */
	enum ssd_profile_collect collect;
	uint32_t endurance; /* program and erase cycles that a block is made for; 0: any number */
	uint32_t read_limit; /* reads of a block since its erase, then it is refreshed; 0: any number */
	uint32_t retention_hours; /* age of data, then it is refreshed; 0: any */
	enum ssd_profile_switch refresh; /* off: from twice the limit on it cannot be read */
	uint32_t
		recovery_ms; /* what error recovery takes, which still reads it up to four times the limit; 0: there is none */
	uint32_t wear_spread; /* of erases, then a block that is left out is emptied; 0: any */
	uint64_t slc_cache; /* bytes that are written with one bit a cell first; 0: none */
	uint32_t placements; /* so many sets of blocks that the host can keep apart; 0: one */
	uint32_t slc_dynamic; /* and into as many percent of the blocks that are free */
	uint32_t slc_read_us, slc_program_us, slc_erase_us;
	uint32_t
		program_fail_ppm; /* of a million programs of a new block; doubles with each quarter of the endurance */
};

struct ssd_profile_zones {
	uint64_t size, capacity; /* bytes of a zone */
	uint32_t max_open, max_active; /* 0: no limit */
	uint64_t append_limit; /* bytes; 0: as MDTS */
	uint64_t zrwa; /* bytes of a zone random write area; 0: none */
	uint32_t zrwa_zones; /* with one at a time */
	bool cross_read; /* reads may cross zone boundaries */
	uint32_t descriptor_bytes; /* of a zone descriptor extension; 0: none */
};

#define SSD_PROFILE_HANDLES 16u
struct ssd_profile_fdp { /* Flexible Data Placement */
	uint32_t handles; /* reclaim unit handles; 0: there is none of it */
	bool enabled; /* from the beginning; else the host has to */
	uint32_t time_limit_s; /* of a reclaim unit that is not full; 0: none */
};

struct ssd_profile_heat { /* degrees Celsius: what it has; the thresholds that Identify announces */
	uint32_t idle_c, warning_c, critical_c;
	/* So much warmer where it moves so much, in about as long; load_c 0: it stays as it is. */
	uint32_t load_c, load_mb_s, settle_s;
};

struct ssd_profile {
	char name[24], text[80];
	enum ssd_profile_media media;
	enum ssd_profile_set set;
	uint64_t capacity; /* bytes of a namespace, when nobody says otherwise */
	uint32_t namespaces, lba;
	char sn[21], mn[41], fr[9];
	uint32_t oui;
	uint32_t without; /* optional commands that it has not: a bit each, see src/ssd/nvm/optional.c */
	uint32_t queues, entries, mdts, aers, max_namespaces;
	uint64_t cmb;
	struct ssd_profile_flash flash;
	struct ssd_profile_zones zones;
	struct ssd_profile_fdp fdp;
	struct ssd_profile_heat heat;
};

struct ssd_config;

/*
 * A shipped profile by name, or a file.  -ENOENT: no such name or file; -EINVAL: something in it is wrong; err says file, line
 * and what is allowed.  *out is whole, or untouched.
 */
int ssd_profile_find(const char *name, struct ssd_profile *out, char *err, size_t errlen);
/* The same from text in memory. */
int
ssd_profile_parse(const char *file, const char *text, size_t len, struct ssd_profile *out, char *err, size_t errlen);
/* What is shipped: name by index; NULL: there are no more. */
const char *ssd_profile_name(uint32_t i);

/* Have the drive be as the profile says: all that it has a say in, the namespaces too. */
void ssd_profile_apply(const struct ssd_profile *p, struct ssd_config *cfg);
