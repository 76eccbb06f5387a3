/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside a controller.  ctrlr.c: open, reset, close; init.c: the bring-up as a table of steps; reg.c: registers;
 * queue.c, qmem.c: queue pairs on the device, and their memory; admin.c, ns.c, aer.c: commands; event.c: findings;
 * share.c: queue pairs for other processes.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "bus/bus.h"
#include "host/event.h"
#include "host/qpair_int.h"
#include "mem/region.h"
#include "nvproof/ctrlr.h"
#include "nvproof/spec/regs.h"

#define AER_SLOTS 260u /* AERL + 1 is at most 256: enough to exceed it on purpose */
#define DB_WINDOWS 8u

struct ctrlr_aer {
	struct nvp_ctrlr *ctrlr;
	nvp_cb cb; /* of its own; the default one uses ctrlr->aer_cb */
	void *arg;
	bool used, refill;
};

/* Somebody (a worker's parent) who has to let go of the queues before a controller reset. */
struct ctrlr_watch {
	struct ctrlr_watch *next;
	void (*before_reset)(struct ctrlr_watch *w);
};

/* MSI-X, looked for when the first queue wants interrupts; with MSI (msi.c) only `any` is used. */
struct ctrlr_irq {
	bool looked, any; /* any: a vector is in use, so MSI-X is enabled at each bring-up */
	uint8_t bir;
	uint32_t cap; /* in configuration space; 0: there is none */
	uint32_t nr; /* entries of the table */
	uint32_t table; /* in that BAR */
	uint64_t used[32];
};

/* The controller memory buffer, looked for when the first buffer in it is wanted; cmb.c. */
struct ctrlr_cmb {
	char *va; /* NULL: not looked for, or there is none */
	uint64_t len;
	struct nvp_extent *free, *spare;
};

struct nvp_ctrlr {
	struct nvp_bus *bus;
	bool own_bus; /* close it too */
	struct nvp_arena *arena;
	struct nvp_region_user user; /* maps regions for the device */
	struct nvp_ctrlr_opts opts;
	uint32_t timeout_ms;
	uint32_t log_id; /* this controller in the book of command logs */

	uint64_t cap; /* 0: not read yet */
	bool gone; /* registers read as all ones, or the transport is lost */
	bool fatal_seen;
	uint8_t mps_shift; /* log2 of the page in CC.MPS, when the caller chose it; 0: the smallest */
	bool bare; /* a reset leaves the I/O queues out */
	bool manual; /* nvp_ctrlr_init_begin() came, and nvp_ctrlr_init_adminq() not yet */
	bool mapped; /* the device can reach our memory */
	bool still_mapped; /* the device did not confirm that it lost our memory */
	struct nvp_qpair *adminq;
	struct nvp_qpair *ioqs;
	struct nvp_qpair *limbo; /* deleted here, but the device may still use their memory */
	struct ctrlr_irq irq;
	struct ctrlr_cmb cmb;
	uint32_t max_qid; /* what Number of Queues allotted; 0: not asked yet */
	struct nvme_id_ctrl id;

	struct ctrlr_aer aers[AER_SLOTS]; /* [0] is the one from bring-up */
	nvp_cb aer_cb;
	void *aer_arg;
	struct nvp_events events;
	struct ctrlr_watch *watches;
	uint64_t worker_cmds, worker_bytes; /* of workers that have been closed */

	struct {
		uint64_t off;
		void *va;
	} db[DB_WINDOWS]; /* doorbell pages mapped so far */
	uint32_t nr_db;
};

/* ctrlr.c */
/*
 * Let the device reach our memory; again is fine.  Not while it is enabled: it may still run on queues of somebody
 * before us, at addresses that are ours now.
 */
int ctrlr_map(struct nvp_ctrlr *c);
/* CC.EN is about to be written by hand: the last moment for ctrlr_map(). */
int ctrlr_before_enable(struct nvp_ctrlr *c);

/* reg.c */
/* CSTS, or -ENODEV (and the controller is marked as gone). */
int ctrlr_csts(struct nvp_ctrlr *c, uint32_t *csts);
/* Poll CSTS.RDY with the deadline of CAP.TO.  -ETIMEDOUT, -ENODEV, -EIO: fatal status. */
int ctrlr_wait_rdy(struct nvp_ctrlr *c, uint32_t rdy);
/* -EBUSY: it is enabled, or on its way to it or back, so that it may use memory. */
int ctrlr_check_disabled(struct nvp_ctrlr *c);
/* Is it there?  Called now and then by who waits.  -ENODEV. */
int ctrlr_look(struct nvp_ctrlr *c);
/* The doorbell at an offset of BAR 0, mapped; NULL: not mappable. */
uint32_t *ctrlr_doorbell(struct nvp_ctrlr *c, uint64_t off);
/* Set the line that nvp_error() returns; returns rc. */
int ctrlr_fail(const struct nvp_ctrlr *c, int rc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* init.c */
int ctrlr_bring_up(struct nvp_ctrlr *c);
int ctrlr_disable(struct nvp_ctrlr *c);
/* Its steps, for bring-up in the caller's hands (manual.c). */
int ctrlr_registers(struct nvp_ctrlr *c);
int ctrlr_bus_master(struct nvp_ctrlr *c);
int ctrlr_read_cap(struct nvp_ctrlr *c);
void ctrlr_forget_queues(struct nvp_ctrlr *c);
int ctrlr_adminq_tell(struct nvp_ctrlr *c); /* AQA, ASQ, ACQ */
int ctrlr_identify_self(struct nvp_ctrlr *c);
int ctrlr_recreate_queues(struct nvp_ctrlr *c);
void ctrlr_use_pages(struct nvp_ctrlr *c, uint8_t shift); /* what CC.MPS says, for data pointers */
void ctrlr_tell_io(struct nvp_ctrlr *c); /* the callbacks of what was outstanding */

/* After a successful disable: the device uses no memory of ours any more. */
void ctrlr_quiet(struct nvp_ctrlr *c);

/* admin.c */
/* Identify into `data` (4096 bytes).  As nvp_admin(); data is valid when *cqe says success. */
int ctrlr_identify(struct nvp_ctrlr *c, uint8_t cns, uint32_t nsid, void *data, struct nvme_cqe *cqe);
int ctrlr_identify_csi(struct nvp_ctrlr *c, uint8_t cns, uint8_t csi, uint32_t nsid, void *data, struct nvme_cqe *cqe);
/* Send a command with up to 4096 bytes for the device. */
int
ctrlr_admin_out(struct nvp_ctrlr *c, const struct nvme_sqe *sqe, const void *data, uint32_t len, struct nvme_cqe *cqe);

/* ctrlr.c */
/* Workers let go of their queues.  -EDEADLK: a callback is running. */
int ctrlr_before_reset(struct nvp_ctrlr *c);

/* qmem.c */
/* Free what waits in limbo; memory: and give it back to the arena. */
void ctrlr_limbo_free(struct nvp_ctrlr *c, bool memory);

/* queue.c */
int ctrlr_adminq_make(struct nvp_ctrlr *c);
/* Point the doorbells of q at the device and mark it live; offsets from CAP.DSTRD. */
void qpair_go_live(struct nvp_ctrlr *c, struct nvp_qpair *q);
/* Create CQ and SQ on the device for a queue pair that has its memory. */
int qpair_create_on_device(struct nvp_ctrlr *c, struct nvp_qpair *q, struct nvme_cqe *cqe);

/* irq.c */
/* Vectors that are in use send interrupts again. */
int ctrlr_irq_up(struct nvp_ctrlr *c);
/* Let this vector send interrupts.  -EINVAL, -ENOTSUP: the bus does not have it. */
int ctrlr_vector_up(struct nvp_ctrlr *c, uint16_t v);

/* Where a capability is in configuration space; 0: there is none. */
uint32_t ctrlr_find_cap(struct nvp_ctrlr *c, uint8_t id);

/* msi.c: instead of MSI-X, where the bus was told so. */
int ctrlr_msi_up(struct nvp_ctrlr *c);
int ctrlr_msi_mask(struct nvp_ctrlr *c, uint16_t v, bool masked);

/* cmb.c */
/* Enable it again after a reset, if buffers are in it. */
int ctrlr_cmb_up(struct nvp_ctrlr *c);
void ctrlr_cmb_forget(struct nvp_ctrlr *c);

/* aer.c */
int ctrlr_aer_up(struct nvp_ctrlr *c);
void ctrlr_aer_drop(struct nvp_ctrlr *c);

static inline uint8_t
ctrlr_page_shift(const struct nvp_ctrlr *c)
{
	return (uint8_t)(12 + nvme_get(c->cap, NVME_CAP_MPSMIN)); /* the smallest page there is */
}

/* The page that CC.MPS chose.  Until somebody who brings it up himself chose another, the smallest. */
static inline uint8_t
ctrlr_mps_shift(const struct nvp_ctrlr *c)
{
	return c->mps_shift ? c->mps_shift : ctrlr_page_shift(c);
}

/*
 * Queues start at a page of CC.MPS, which is chosen after the admin queue was made: the largest one, in reason.
 * NVMe Base, "Admin Submission Queue Base Address", "Create I/O Submission Queue command".
 */
static inline uint64_t
ctrlr_queue_align(const struct nvp_ctrlr *c)
{
	uint64_t shift = nvme_get(c->cap, NVME_CAP_MPSMAX);

	return 4096ull << (shift < 4 ? shift : 4);
}
