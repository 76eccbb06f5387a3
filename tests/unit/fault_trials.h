/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A trial of a fault: a host that says whether it saw what the table promises.  Each is run twice, armed and not, and must see it
 * once.
 */
#pragma once
#include <stdio.h>
#include "nvproof/spec/feat.h"
#include "ssd/fault/fault.h"
#include "ssd_adm.h"

struct trial {
	struct io io;
	bool armed;
};

struct trial_of {
	const char *point;
	bool (*seen)(struct trial *t);
};
extern const struct trial_of trials_cqe[], trials_data[], trials_ctrl[], trials_zone[],
	trials_fdp[]; /* the last has no name */

static inline void
arm(struct trial *t, const char *rule)
{
	char err[256] = "";
	uint32_t id;

	if (t->armed && ssd_fault_add(t->io.r->sub, rule, &id, err, sizeof(err)))
		fail_msg("%s: %s", rule, err);
}

static inline struct ssd *
ssd_of(struct trial *t)
{
	return t->io.r->ssd;
}

/* Whether a completion came. */
static inline bool
came(struct trial *t, uint16_t qid)
{
	return rig_reap(t->io.r, qid, &t->io.cqe);
}

static inline bool
go(struct trial *t, uint16_t qid, struct nvme_sqe *sqe, uint64_t len)
{
	if (len)
		io_prp(&t->io, sqe, len);
	rig_put(t->io.r, qid, sqe);
	rig_ring(t->io.r, qid);
	rig_step(t->io.r);
	return came(t, qid);
}

static inline uint32_t
status(const struct trial *t)
{
	return nvme_status_code(nvme_status_of(le16_get(t->io.cqe.status)));
}

static inline bool
cmd(struct trial *t, uint8_t opc, uint32_t nsid, uint64_t lba, uint32_t nlb)
{
	struct nvme_sqe sqe;

	nvme_prep_lba_cmd(&sqe, opc, nsid, lba, nlb);
	return go(t, 1, &sqe, (uint64_t)nlb << io_shift(&t->io, nsid == 2 ? 2 : 1));
}

static inline bool
get(struct trial *t, uint64_t lba, uint32_t nlb)
{
	return cmd(t, NVME_OPC_READ, 1, lba, nlb);
}

static inline bool
put(struct trial *t, uint64_t lba, uint32_t nlb, uint8_t with)
{
	memset(io_buf(&t->io), with, (size_t)nlb * 512);
	return cmd(t, NVME_OPC_WRITE, 1, lba, nlb);
}

/* What an LBA of namespace 1 is made of now, without faults in the way: its first byte, and whether all are the same. */
static inline uint8_t
holds(struct trial *t, uint64_t lba)
{
	struct ssd_ns *ns = &t->io.r->sub->ns[0];
	uint64_t len = 512;

	return *(const uint8_t *)ns->sub->media->ops->peek(ns->sub->media, ns->media_off + lba * 512, &len);
}

static inline bool
admin(struct trial *t, struct nvme_sqe *sqe)
{
	return go(t, 0, sqe, SSD_PAGE);
}

static inline uint8_t *
buf(struct trial *t)
{
	return io_buf(&t->io);
}
