/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the core asks for faults.  rule.c: the text of a rule; fault.c: which are armed, and whether one strikes; exec.c: commands;
 * cqe.c: completions, and what is held back; state.c: registers, interrupts, power.
 *
 * While a rule is armed, ssd->faulty is set, and no queue's ring is mapped: commands and completions then take the slow way, on
 * which these are asked.
 */
#pragma once
#include "ssd/core.h"
#include "ssd/fault.h"

enum ssd_fault {
#define FAULT(symbol, name, when, arg, def, does, violates) SSD_FAULT_##symbol,
#include "ssd/fault/points.h"
#undef FAULT
	SSD_FAULTS,
};

enum ssd_fault_when {
	SSD_FAULT_AT_COMMAND,
	SSD_FAULT_AT_STATE,
	SSD_FAULT_AT_EVENT,
};

enum ssd_fault_arg {
	SSD_FAULT_ARG_NONE,
	SSD_FAULT_ARG_NUMBER,
	SSD_FAULT_ARG_TIME,
	SSD_FAULT_ARG_STATUS,
};

struct ssd_fault_line {
	struct ssd_fault_point point;
	enum ssd_fault_when when;
	enum ssd_fault_arg arg;
	uint64_t def;
};
extern const struct ssd_fault_line ssd_fault_lines[SSD_FAULTS];

#define SSD_FAULT_ALL UINT32_MAX /* count */

struct ssd_fault_rule { /* as it was said */
	enum ssd_fault point;
	uint64_t arg;
	bool has_opc, admin, has_sq, has_nsid, has_slba;
	uint8_t opc;
	uint16_t sq;
	uint32_t nsid, nth, count, ppm; /* ppm: of a million; 1,000,000: always */
	uint64_t slba, seed;
};

/* rule.c: 0, or -EINVAL. */
int ssd_fault_parse(const char *text, struct ssd_fault_rule *r, char *err, size_t errlen);

struct ssd_fault_armed {
	struct ssd_fault_rule rule;
	struct ssd_fault_state st; /* id 0: free */
	struct ut_rng rng;
	uint8_t *was; /* SSD_FAULT_STALE bytes from slba on */
};

#define SSD_FAULT_STALE (64u << 10)
#define SSD_FAULT_LATER 64u
#define SSD_FAULT_MARKS 64u

struct ssd_fault_later { /* a part of a completion, or data, that comes at its time */
	struct ssd *ssd;
	uint64_t at_ns, addr; /* addr 0: a completion */
	uint64_t qword;
	uint16_t sqid, cid;
	uint32_t dw0, dw1;
	nvme_status status;
	uint8_t *data; /* of len bytes, freed then */
	uint32_t irq; /* vector + 1; then nothing else counts */
	uint32_t len;
};

struct ssd_fault_set { /* what strikes a command */
	uint64_t on[2];
	uint64_t arg[SSD_FAULTS];
};
static_assert(SSD_FAULTS <= 128, "on[]");

struct ssd_fault_mark { /* for a completion that comes later */
	struct ssd *ssd;
	uint16_t sqid, cid;
	struct ssd_fault_set set;
};

struct ssd_faults {
	struct ssd_fault_armed armed[SSD_FAULT_RULES];
	uint32_t nr, last_id;
	bool in_command; /* now is about the command that is carried out */
	bool posted; /* its completion was */
	const struct ssd *cqe_ssd;
	uint16_t cqe_sqid, cqe_cid;
	struct ssd_fault_set now;
	struct ssd_fault_mark mark[SSD_FAULT_MARKS];
	uint32_t nr_marks;
	struct ssd_fault_later later[SSD_FAULT_LATER];
	uint32_t nr_later;
	uint64_t hang_until_ns;
	bool remove;
	uint8_t old[64u << 10]; /* what a buffer held before */
	struct nvme_sqe before[SSD_MAX_QUEUES]; /* the last of each queue */
};

/* fault.c: whether this one strikes now; its argument.  COMMAND: it was decided when the command began. */
bool ssd_fault_strikes(struct ssd_subsys *sub, enum ssd_fault point, uint64_t *arg);
void ssd_fault_match(struct ssd *ssd, const struct ssd_sq *sq, const struct nvme_sqe *sqe, struct ssd_fault_set *set);
void ssd_faults_close(struct ssd_subsys *sub);
const uint8_t *ssd_fault_was(const struct ssd_subsys *sub, uint64_t slba, uint32_t nsid);

static inline bool
ssd_fault(const struct ssd *ssd, enum ssd_fault point, uint64_t *arg)
{
	return ssd_unlikely(ssd->faulty) && ssd_fault_strikes(ssd->sub, point, arg);
}

static inline bool
ssd_fault_in(const struct ssd_fault_set *s, enum ssd_fault point)
{
	return s->on[point / 64] >> (point % 64) & 1;
}

/* exec.c */
void ssd_fault_exec(struct ssd *ssd, struct ssd_sq *sq, const struct nvme_sqe *sqe);

/* cqe.c: how this completion is to be posted. */
struct ssd_fault_cqe {
	uint64_t flip01, flip23; /* bits, as in the entry */
	uint32_t times, skip; /* entries; of the ring */
	bool apart; /* the second half now, the first half later */
	uint64_t apart_ns;
};
/* false: not now. */
bool ssd_fault_cqe(struct ssd *ssd, const struct ssd_late *l, struct ssd_fault_cqe *f);
void ssd_fault_mark(struct ssd *ssd);
void ssd_fault_hold(struct ssd *ssd, const struct ssd_fault_later *l);
uint64_t ssd_fault_tick(struct ssd *ssd);
void ssd_fault_release(struct ssd_subsys *sub); /* all that is held back, now */
void ssd_fault_forget(struct ssd *ssd, uint16_t sqid); /* the queue goes */

/* state.c */
uint32_t ssd_fault_reg(struct ssd *ssd, uint32_t off, uint32_t v);
/* msix.c: raise it, whatever rules say. */
void ssd_irq_raise(struct ssd *ssd, uint32_t vector);
uint32_t ssd_fault_irq(struct ssd *ssd, uint32_t *vector); /* how many interrupts, and on which vector */
