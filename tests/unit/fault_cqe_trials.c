/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults of completions, interrupts, doorbells, and of the way of a command. */
#include "fault_trials.h"

static bool
lost(struct trial *t)
{
	arm(t, "cqe-lost");
	return !get(t, 0, 1) && ssd_of(t)->sub->stats.cmds_read == 1;
}

static bool
twice(struct trial *t)
{
	arm(t, "cqe-twice");
	return get(t, 0, 1) && came(t, 1) && t->io.cqe.cid == (uint16_t)(t->io.r->cid - 1);
}

static bool
cid(struct trial *t)
{
	arm(t, "cqe-cid=0x100");
	return get(t, 0, 1) && t->io.cqe.cid == ((t->io.r->cid - 1) ^ 0x100);
}

static bool
sqid(struct trial *t)
{
	arm(t, "cqe-sqid=6");
	return get(t, 0, 1) && le16_get(t->io.cqe.sqid) == 7;
}

static bool
sqhd(struct trial *t)
{
	arm(t, "cqe-sqhd=0x100");
	return get(t, 0, 1) && le16_get(t->io.cqe.sqhd) == 0x101;
}

/* Nobody sees it, but what follows is in the next entry. */
static bool
phase_stuck(struct trial *t)
{
	struct nvme_cqe *ring = rig_ptr(t->io.r, t->io.r->q[1].cq);

	arm(t, "cqe-phase-stuck");
	return !get(t, 0, 1) && ring[0].cid == (uint16_t)(t->io.r->cid - 1) && (le16_get(ring[0].sqid) == 1);
}

/* The half with DW0 comes 2 ms behind. */
static bool
phase_first(struct trial *t)
{
	struct nvme_sqe sqe;
	struct nvme_cqe *ring = rig_ptr(t->io.r, t->io.r->q[0].cq);
	uint32_t slot = t->io.r->q[0].head, early;

	arm(t, "cqe-phase-first=2ms,opc=get-features");
	ring[slot].dw0 = le32_from(0x5555);
	nvme_prep_get_features(&sqe, NVME_FEAT_VWC, NVME_FEAT_SEL_CURRENT, 0);
	if (!admin(t, &sqe))
		return false;
	early = le32_get(t->io.cqe.dw0);
	adm_sleep(&t->io, 3 * ADM_MS);
	return early == 0x5555 && le32_get(ring[slot].dw0) == 1;
}

static bool
dw0(struct trial *t)
{
	arm(t, "cqe-dw0=0xf0");
	return get(t, 0, 1) && le32_get(t->io.cqe.dw0) == 0xf0;
}

static bool
reserved(struct trial *t)
{
	arm(t, "cqe-reserved=0xf0");
	return get(t, 0, 1) && le32_get(t->io.cqe.dw1) == 0xf0;
}

static bool
late(struct trial *t)
{
	arm(t, "cqe-late=50ms");
	if (get(t, 0, 1))
		return false;
	adm_sleep(&t->io, 49 * ADM_MS);
	if (came(t, 1))
		return false;
	adm_sleep(&t->io, 2 * ADM_MS);
	return came(t, 1);
}

static bool
dnr(struct trial *t)
{
	arm(t, "cqe-dnr");
	return cmd(t, NVME_OPC_READ, 1, 1ull << 40, 1) && status(t) == NVME_SC_LBA_RANGE &&
	       !(nvme_status_of(le16_get(t->io.cqe.status)) & NVME_STATUS_DNR);
}

static bool
skipped(struct trial *t)
{
	struct nvme_cqe *ring = rig_ptr(t->io.r, t->io.r->q[1].cq);

	arm(t, "cqe-skip");
	return !get(t, 0, 1) && ring[1].cid == (uint16_t)(t->io.r->cid - 1) && (le16_get(ring[1].status) & 1);
}

/* 70 completions that nobody takes, in a queue of 64. */
static bool
overrun(struct trial *t)
{
	struct nvme_cqe *ring = rig_ptr(t->io.r, t->io.r->q[1].cq);

	arm(t, "cqe-overrun");
	for (int i = 0; i < 2; i++) {
		rig_flushes(t->io.r, 1, 35);
		rig_step(t->io.r);
	}
	return !(le16_get(ring[0].status) & 1) && ssd_of(t)->sq[1].head == ssd_of(t)->sq[1].tail;
}

/* A queue pair that interrupts, by MSI-X. */
static void
with_irq(struct trial *t)
{
	ssd_msix_setup(ssd_of(t), true);
	rig_pair(t->io.r, 2, 16, 2);
	memset(t->io.r->irqs, 0, sizeof(t->io.r->irqs));
}

static bool
irq(struct trial *t, const char *rule, uint32_t here, uint32_t there)
{
	struct nvme_sqe sqe;

	with_irq(t);
	arm(t, rule);
	nvme_prep_flush(&sqe, 1);
	return go(t, 2, &sqe, 0) && t->io.r->irqs[2] == here && t->io.r->irqs[3] == there;
}

static bool
irq_lost(struct trial *t)
{
	return irq(t, "irq-lost", 0, 0);
}

static bool
irq_vector(struct trial *t)
{
	return irq(t, "irq-vector=1", 0, 1);
}

static bool
irq_twice(struct trial *t)
{
	return irq(t, "irq-twice", 2, 0);
}

/* Eight reads complete in another order than they were sent in. */
static bool
jitter(struct trial *t)
{
	uint16_t last = 0;
	uint32_t n = 0, back = 0;

	arm(t, "cqe-jitter=1ms,count=all");
	rig_flushes(t->io.r, 1, 8);
	for (int i = 0; i < 2000 && n < 8; i++) {
		adm_sleep(&t->io, 1000);
		for (; came(t, 1); n++) {
			back += n && t->io.cqe.cid < last;
			last = t->io.cqe.cid;
		}
	}
	return n == 8 && back;
}

/* Nothing, and then all of it at once. */
static bool
burst(struct trial *t)
{
	uint32_t n = 0;

	arm(t, "cqe-burst=100ms,count=all");
	rig_flushes(t->io.r, 1, 8);
	rig_step(t->io.r);
	if (came(t, 1))
		return false;
	adm_sleep(&t->io, 100 * ADM_MS);
	while (came(t, 1))
		n++;
	return n == 8;
}

static bool
irq_late(struct trial *t)
{
	bool none_yet = irq(t, "irq-late=5ms", 0, 0);

	adm_sleep(&t->io, 6 * ADM_MS);
	return none_yet && t->io.r->irqs[2] == 1;
}

static bool
noise(struct trial *t)
{
	arm(t, "aer-noise");
	adm_aer(&t->io);
	get(t, 0, 1);
	return adm_event(&t->io) == (NVME_AER_VENDOR | 0x7e << 8 | 0xc0 << 16);
}

static bool
cmd_lost(struct trial *t)
{
	arm(t, "cmd-lost,opc=write");
	return !put(t, 5, 1, 0x11) && holds(t, 5) == 0 && ssd_of(t)->sq[1].head == 1;
}

static bool
cmd_twice(struct trial *t)
{
	arm(t, "cmd-twice,opc=read");
	return get(t, 0, 1) && ssd_of(t)->sub->smart.host_reads == 2 && !came(t, 1);
}

static bool
sqe_stale(struct trial *t)
{
	arm(t, "sqe-stale,nth=2");
	get(t, 0, 1);
	return put(t, 5, 1, 0x11) && t->io.cqe.cid == (uint16_t)(t->io.r->cid - 2) && holds(t, 5) == 0;
}

/* Tail 66 of a queue of 64. */
static bool
wraps(struct trial *t, const char *rule, uint32_t *db)
{
	arm(t, rule);
	rig_flushes(t->io.r, 1, 2);
	rig_step(t->io.r);
	while (came(t, 1))
		;
	for (uint32_t i = 0; i < 3; i++) {
		struct nvme_sqe sqe;

		nvme_prep_flush(&sqe, 1);
		rig_put(t->io.r, 1, &sqe);
	}
	*db = 64 + 5;
	rig_step(t->io.r);
	return came(t, 1) && came(t, 1) && came(t, 1) && !came(t, 1);
}

static bool
doorbell_wraps(struct trial *t)
{
	return wraps(t, "doorbell-wraps", (uint32_t *)ssd_doorbells(ssd_of(t)) + 16);
}

static bool
shadow_wraps(struct trial *t)
{
	uint64_t at = rig_alloc(t->io.r, 4);
	struct nvme_sqe sqe;
	uint32_t *shadow = rig_ptr(t->io.r, at);
	bool seen;

	nvme_prep_dbbuf_config(&sqe, at, at + 2 * SSD_PAGE);
	go(t, 0, &sqe, 0);
	arm(t, "dbbuf-wraps");
	for (uint32_t i = 0; i < 3; i++) {
		nvme_prep_flush(&sqe, 1);
		rig_put(t->io.r, 1, &sqe);
	}
	shadow[16] = 64 + 3;
	rig_step(t->io.r);
	seen = came(t, 1);
	return seen && came(t, 1) && came(t, 1) && ssd_of(t)->error_count == 0;
}

static bool
untold(struct trial *t)
{
	uint32_t *db = ssd_doorbells(ssd_of(t));

	arm(t, "doorbell-untold");
	db[16] = 64;
	rig_step(t->io.r);
	return ssd_of(t)->error_count == 0;
}

static bool
fails(struct trial *t)
{
	arm(t, "status=02/81,opc=write");
	return put(t, 5, 1, 0x11) && status(t) == 0x281 && holds(t, 5) == 0 && ssd_of(t)->error_count == 1;
}

static bool
fails_after(struct trial *t)
{
	arm(t, "status-after=02/80,opc=write");
	return put(t, 5, 1, 0x11) && status(t) == 0x280 && holds(t, 5) == 0x11;
}

const struct trial_of trials_cqe[] = {
	{ "cqe-lost", lost },
	{ "cqe-twice", twice },
	{ "cqe-cid", cid },
	{ "cqe-sqid", sqid },
	{ "cqe-sqhd", sqhd },
	{ "cqe-phase-stuck", phase_stuck },
	{ "cqe-phase-first", phase_first },
	{ "cqe-dw0", dw0 },
	{ "cqe-reserved", reserved },
	{ "cqe-late", late },
	{ "cqe-dnr", dnr },
	{ "cqe-skip", skipped },
	{ "cqe-overrun", overrun },
	{ "irq-lost", irq_lost },
	{ "irq-vector", irq_vector },
	{ "irq-twice", irq_twice },
	{ "cqe-jitter", jitter },
	{ "cqe-burst", burst },
	{ "irq-late", irq_late },
	{ "aer-noise", noise },
	{ "cmd-lost", cmd_lost },
	{ "cmd-twice", cmd_twice },
	{ "sqe-stale", sqe_stale },
	{ "doorbell-wraps", doorbell_wraps },
	{ "dbbuf-wraps", shadow_wraps },
	{ "doorbell-untold", untold },
	{ "status", fails },
	{ "status-after", fails_after },
	{ NULL, NULL },
};
