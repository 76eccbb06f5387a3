/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Faults: firmware bugs that the software SSD imitates on request.  Each is a named point in one table; a rule arms one.
 *
 *	POINT[=ARG][,KEY=VALUE...]		status=02/81,opc=read,slba=1000,nth=3
 *
 * ARG is what the table says: a number, a time (3s, 20ms, 5us, 7ns) or a status (SCT/SC, hexadecimal).  Keys that say for which
 * commands: opc (number or name), sq, nsid, slba (the command's range has this LBA).  nth: from which of those on (1);
 * count: how often, or "all"; prob: with this probability each time (0 to 1), by seed.  count is 1, or "all" for what is a
 * state and with prob.
 *
 * A drive without rules pays nothing for this.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSD_FAULT_RULES 32u
#define SSD_FAULT_TEXT 160u

struct ssd_subsys;

struct ssd_fault_point {
	const char *name;
	const char *arg; /* what comes after '=': "number", "time", "status", or "" */
	const char *does, *violates;
};

struct ssd_fault_state {
	uint32_t id;
	uint64_t seen, hits; /* commands or events that it was about, and how often it struck */
	char text[SSD_FAULT_TEXT];
};

/* The table, by index; NULL: there are no more. */
const struct ssd_fault_point *ssd_fault_point(uint32_t i);

/* *id is never 0.  -EINVAL: err says what is allowed; -ENOSPC: as many rules as there can be; -ENOMEM. */
int ssd_fault_add(struct ssd_subsys *sub, const char *rule, uint32_t *id, char *err, size_t errlen);
/* id 0: all.  How many there were.  What was held back comes at once. */
uint32_t ssd_fault_clear(struct ssd_subsys *sub, uint32_t id);
/*
 * Rules of what is legal and unpleasant, chosen by a seed: completions out of order, and many at once, late interrupts, events at bad
 * moments.  Errors as of ssd_fault_add().
 */
int ssd_fault_nasty(struct ssd_subsys *sub, uint64_t seed, char *err, size_t errlen);
/* The rules that are armed, by index. */
bool ssd_fault_state(const struct ssd_subsys *sub, uint32_t i, struct ssd_fault_state *out);
