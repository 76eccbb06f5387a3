/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtualization Management: resources of the primary and two secondary controllers, their states, what they then can do; and
 * SR-IOV: that these are virtual functions, which are there while they are enabled.
 */
#include "ssd_adm.h"
#include <stdlib.h>
#include "nvproof/spec/id_lists.h"
#include "nvproof/spec/pcie.h"
#include "ssd/admin/virt.h"
#include "util/alloc.h"

#define SC(st) NVME_SC_##st

struct rigs {
	struct io io; /* the primary controller's host */
	struct rig *sec[2]; /* controllers 2 and 3; not enabled */
};

static struct rig *
more(struct rig *first)
{
	struct rig *r = ut_calloc(1, sizeof(*r));

	assert_non_null(r);
	r->sub = first->sub;
	r->mem = ut_calloc_aligned(SSD_PAGE, RIG_MEM);
	assert_non_null(r->mem);
	assert_int_equal(ssd_ctrlr_open(first->sub, &rig_port_ops, r, NULL, &r->ssd), 0);
	r->now = first->now;
	return r;
}

/* Of an extended capability, by the list; 0: there is none. */
static uint32_t
extended(struct rig *r, uint32_t id)
{
	for (uint32_t off = NVME_PCI_ECAP_BASE; off; off = nvme_get32(rig_cfg(r, off, 4), NVME_PCI_ECAP_NEXT)) {
		if (nvme_get32(rig_cfg(r, off, 4), NVME_PCI_ECAP_CID) == id)
			return off;
	}
	return 0;
}

static void
enable_vfs(struct rig *pf, uint32_t num, uint32_t ctl)
{
	uint32_t at = extended(pf, NVME_PCI_ECAPID_SRIOV);

	rig_cfg_set(pf, at + NVME_PCI_SRIOV_NUM_VFS, 2, num);
	rig_cfg_set(pf, at + NVME_PCI_SRIOV_CTL, 2, ctl);
}
#define ON ((uint32_t)(NVME_PCI_SRIOV_CTL_VFE | NVME_PCI_SRIOV_CTL_VFMSE))

static int
open_rigs(void **state, bool virt)
{
	struct rigs *v = test_calloc(1, sizeof(*v));
	struct rig *r = rig_open_config(
		&(struct ssd_config){ .nr_ns = 1, .ns = { { 16u << 20, 512 } }, .seed = 1, .virt = virt });

	v->sec[0] = more(r);
	v->sec[1] = more(r);
	if (virt)
		enable_vfs(r, 2, ON);
	if (rig_enable(r, 32) != NVME_CSTS_RDY)
		return -1;
	rig_pair(r, 1, 64, -1);
	io_init(&v->io, r);
	*state = v;
	return 0;
}

static int
setup(void **state)
{
	return open_rigs(state, true);
}

static int
setup_without(void **state)
{
	return open_rigs(state, false);
}

static int
teardown(void **state)
{
	struct rigs *v = *state;

	for (int i = 0; i < 2; i++) {
		ssd_ctrlr_close(v->sec[i]->ssd);
		free(v->sec[i]->mem);
		free(v->sec[i]);
	}
	rig_close(v->io.r);
	test_free(v);
	return 0;
}

static nvme_status
virt(struct rigs *v, uint8_t act, uint8_t rt, uint16_t cntlid, uint16_t nr)
{
	struct nvme_sqe sqe;

	nvme_prep_virt_mgmt(&sqe, act, rt, cntlid, nr);
	return rig_sc(rig_cmd(v->io.r, 0, &sqe, &v->io.cqe));
}

static nvme_status
identify(struct io *io, uint8_t cns, uint16_t cntid)
{
	struct nvme_sqe sqe;

	nvme_prep_identify(&sqe, cns, 0, 0);
	sqe.cdw10 = le32_from(cns | (uint32_t)cntid << 16);
	return io_admin(io, &sqe, SSD_PAGE);
}

static const struct nvme_primary_ctrl_cap *
primary(struct rigs *v)
{
	assert_int_equal(identify(&v->io, NVME_CNS_PRIMARY_CTRL_CAP, 0), 0);
	return (const void *)io_buf(&v->io);
}

static const struct nvme_secondary_ctrl *
secondary(struct rigs *v, uint16_t from)
{
	assert_int_equal(identify(&v->io, NVME_CNS_SECONDARY_CTRL_LIST, from), 0);
	return ((const struct nvme_secondary_ctrl_list *)(void *)io_buf(&v->io))->sc;
}

static void
assert_secondary(struct rigs *v, uint16_t id, bool online, uint32_t vq, uint32_t vi)
{
	const struct nvme_secondary_ctrl *s = secondary(v, id);

	assert_int_equal(le16_get(s->scid), id);
	assert_int_equal(le16_get(s->pcid), 1);
	assert_int_equal(s->scs, online);
	assert_int_equal(le16_get(s->nvq), vq);
	assert_int_equal(le16_get(s->nvi), vi);
}

static void
bring_online(struct rigs *v, uint16_t id, uint16_t vq, uint16_t vi)
{
	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, NVME_VIRT_RT_VQ, id, vq), 0);
	assert_int_equal(le32_get(v->io.cqe.dw0), vq);
	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, NVME_VIRT_RT_VI, id, vi), 0);
	assert_int_equal(virt(v, NVME_VIRT_ACT_ONLINE, 0, id, 0), 0);
	rig_cfg_set(v->sec[id - 2], NVME_PCI_CMD, 2, 6);
}

static uint32_t
queues_granted(struct rig *r)
{
	struct nvme_sqe sqe = { .opc = NVME_ADM_SET_FEATURES, .cdw10 = le32_from(7), .cdw11 = le32_from(0xfffefffe) };
	struct nvme_cqe cqe;

	assert_int_equal(rig_cmd(r, 0, &sqe, &cqe), 0);
	return (le32_get(cqe.dw0) & 0xffff) + 1;
}

static void
announced(void **state)
{
	struct rigs *v = *state;
	const struct nvme_primary_ctrl_cap *cap;
	const struct nvme_effects_log *log;

	assert_true(le16_get(adm_identify(&v->io)->oacs) & NVME_OACS_VMS);
	log = adm_log(&v->io, NVME_LOG_EFFECTS, 4096);
	assert_true(le32_get(log->acs[NVME_ADM_VIRT_MGMT]) & NVME_EFFECTS_CSUPP);
	cap = primary(v);
	assert_int_equal(le16_get(cap->cntlid), 1);
	assert_int_equal(cap->crt, 3);
	assert_int_equal(le32_get(cap->vqfrt), 64);
	assert_int_equal(le32_get(cap->vifrt), 64);
	assert_int_equal(le32_get(cap->vqrfa), 0);
	assert_int_equal(le16_get(cap->vqprt), 64);
	assert_int_equal(le16_get(cap->vqgran), 1);
	assert_int_equal(v->io.r->ssd->nr_ioqs, 63);
}

static void
list(void **state)
{
	struct rigs *v = *state;
	const struct nvme_secondary_ctrl_list *l = (const void *)io_buf(&v->io);

	assert_secondary(v, 2, false, 0, 0);
	assert_int_equal(l->num, 2);
	assert_int_equal(le16_get(l->sc[1].scid), 3);
	assert_int_equal(le16_get(l->sc[1].vfn), 2);
	assert_int_equal(identify(&v->io, NVME_CNS_SECONDARY_CTRL_LIST, 3), 0); /* from that identifier on */
	assert_int_equal(l->num, 1);
	assert_int_equal(identify(&v->io, NVME_CNS_SECONDARY_CTRL_LIST, 4), 0);
	assert_int_equal(l->num, 0);
}

/* Offline: CFS, and CC.EN does nothing.  Online: as many queues and vectors as were assigned. */
static void
on_and_off(void **state)
{
	struct rigs *v = *state;
	struct rig *s = v->sec[0];
	uint64_t at;

	assert_int_equal(rig_reg(s, NVME_REG_CSTS), NVME_CSTS_CFS);
	rig_cfg_set(s, NVME_PCI_CMD, 2, 6);
	assert_int_equal(rig_enable(s, 32), NVME_CSTS_CFS);
	rig_set(s, NVME_REG_CC, 0);
	assert_int_equal(rig_reg(s, NVME_REG_CSTS), NVME_CSTS_CFS);
	bring_online(v, 2, 5, 3);
	assert_secondary(v, 2, true, 5, 3);
	assert_int_equal(le32_get(primary(v)->vqrfa), 5);
	assert_int_equal(rig_reg(s, NVME_REG_CSTS), 0);
	assert_int_equal(rig_cfg(s, rig_capability(s, NVME_PCI_CAPID_MSIX) + 2, 2), 2); /* 3 vectors */
	s->now = v->io.r->now;
	assert_int_equal(rig_enable(s, 32), NVME_CSTS_RDY);
	assert_int_equal(queues_granted(s), 4);
	ssd_msix_setup(s->ssd, true);
	at = rig_alloc(s, 1);
	assert_int_equal(rig_sc(rig_create_cq(s, 5, 8, at, -1)), NVME_SC_INVALID_QID);
	assert_int_equal(rig_sc(rig_create_cq(s, 4, 8, at, 3)), NVME_SC_INVALID_VECTOR);
	rig_pair(s, 4, 8, 2);
	rig_flushes(s, 4, 3);
	rig_step(s);
	assert_int_equal(rig_reap_all(s, 4), 3);
	assert_int_equal(virt(v, NVME_VIRT_ACT_ONLINE, 0, 2, 0), 0); /* it is: nothing happens to it */
	assert_true(rig_works(s));
	assert_int_equal(virt(v, NVME_VIRT_ACT_OFFLINE, 0, 2, 0), 0);
	assert_int_equal(rig_reg(s, NVME_REG_CSTS), NVME_CSTS_CFS);
	assert_secondary(v, 2, false, 0, 0); /* its resources are free again */
}

static void
statuses(void **state)
{
	struct rigs *v = *state;

	for (uint8_t act = 0; act < 16; act++) {
		if (act == 1 || (act >= 7 && act <= 9))
			continue;
		assert_int_equal(virt(v, act, 0, 2, 0), SC(INVALID_FIELD));
		assert_int_equal(io_blamed(&v->io), 40);
	}
	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, 2, 2, 1), SC(INVALID_RESOURCE_ID));
	assert_int_equal(io_blamed(&v->io), 41);
	assert_int_equal(virt(v, NVME_VIRT_ACT_PRIMARY, 7, 1, 1), SC(INVALID_RESOURCE_ID));
	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, 0, 1, 1), SC(INVALID_CNTLID));
	assert_int_equal(io_blamed(&v->io), 42);
	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, 0, 4, 1), SC(INVALID_CNTLID));
	assert_int_equal(virt(v, NVME_VIRT_ACT_ONLINE, 0, 0xffff, 0), SC(INVALID_CNTLID));
	assert_int_equal(virt(v, NVME_VIRT_ACT_OFFLINE, 0, 0, 0), SC(INVALID_CNTLID));
	assert_int_equal(virt(v, NVME_VIRT_ACT_PRIMARY, 0, 2, 1), SC(INVALID_CNTLID));
	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, 0, 2, 65), SC(INVALID_CTRLR_RES_COUNT));
	assert_int_equal(io_blamed(&v->io), 44);
	assert_int_equal(virt(v, NVME_VIRT_ACT_ONLINE, 0, 2, 0), SC(INVALID_SEC_CTRLR_STATE)); /* it has nothing */
	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, 0, 2, 1), 0);
	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, 1, 2, 1), 0);
	assert_int_equal(virt(v, NVME_VIRT_ACT_ONLINE, 0, 2, 0), SC(INVALID_SEC_CTRLR_STATE)); /* no I/O queue */
	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, 0, 2, 2), 0);
	assert_int_equal(virt(v, NVME_VIRT_ACT_ONLINE, 0, 2, 0), 0);
	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, 0, 2, 3),
			 SC(INVALID_SEC_CTRLR_STATE)); /* not while it is online */
}

/* 64 flexible ones of each kind: what one has, the others cannot get. */
static void
accounts(void **state)
{
	struct rigs *v = *state;

	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, 0, 2, 40), 0);
	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, 0, 3, 25), SC(INVALID_CTRLR_RES_COUNT));
	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, 0, 3, 24), 0);
	assert_int_equal(virt(v, NVME_VIRT_ACT_PRIMARY, 0, 1, 1), SC(INVALID_CTRLR_RES_COUNT));
	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, 0, 2, 30), 0); /* instead of, not besides */
	assert_int_equal(virt(v, NVME_VIRT_ACT_PRIMARY, 0, 1, 10), 0);
	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, 0, 2, 31), SC(INVALID_CTRLR_RES_COUNT));
	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, 1, 2, 64), 0); /* vectors are counted apart */
	assert_int_equal(le32_get(primary(v)->vqrfa), 54);
	assert_int_equal(le16_get(primary(v)->vqrfap), 10);
}

/* The primary controller's own flexible resources come with its next reset; that puts the others offline. */
static void
primary_reset(void **state)
{
	struct rigs *v = *state;

	bring_online(v, 2, 4, 2);
	assert_int_equal(virt(v, NVME_VIRT_ACT_PRIMARY, NVME_VIRT_RT_VQ, 1, 16), 0);
	assert_int_equal(v->io.r->ssd->nr_ioqs, 63);
	adm_reset(&v->io);
	assert_int_equal(v->io.r->ssd->nr_ioqs, 79);
	assert_secondary(v, 2, false, 0, 0);
	assert_int_equal(rig_reg(v->sec[0], NVME_REG_CSTS), NVME_CSTS_CFS);
	bring_online(v, 3, 4, 2);
	adm_power_cycle(&v->io);
	enable_vfs(v->io.r, 2, ON);
	assert_secondary(v, 3, false, 0, 0);
	assert_int_equal(v->io.r->ssd->nr_ioqs, 79);
	assert_int_equal(virt(v, NVME_VIRT_ACT_PRIMARY, NVME_VIRT_RT_VQ, 1, 0), 0);
	adm_reset(&v->io);
	assert_int_equal(v->io.r->ssd->nr_ioqs, 63);
}

/* A secondary controller does not manage anything. */
static void
secondary_refuses(void **state)
{
	struct rigs *v = *state;
	struct io s;
	struct nvme_sqe sqe;

	bring_online(v, 2, 4, 2);
	v->sec[0]->now = v->io.r->now;
	assert_int_equal(rig_enable(v->sec[0], 32), NVME_CSTS_RDY);
	rig_pair(v->sec[0], 1, 8, -1);
	io_init(&s, v->sec[0]);
	assert_int_equal(le16_get(adm_identify(&s)->oacs) & NVME_OACS_VMS, 0);
	assert_true(adm_identify(&s)->cmic & NVME_CMIC_FT);
	nvme_prep_virt_mgmt(&sqe, NVME_VIRT_ACT_ONLINE, 0, 3, 0);
	assert_int_equal(rig_sc(rig_admin(s.r, &sqe)), SC(INVALID_OPCODE));
	assert_int_equal(identify(&s, NVME_CNS_PRIMARY_CTRL_CAP, 0), SC(INVALID_FIELD));
	assert_int_equal(identify(&s, NVME_CNS_SECONDARY_CTRL_LIST, 0), SC(INVALID_FIELD));
	assert_int_equal(io_write(&s, 1, 0, 8, 0x31), 0);
	io_expect(&v->io, 1, 0, 8, 0x31); /* the same namespace */
}

/* A drive that was not started with it has none of it, and its controllers are all alike. */
static void
not_there(void **state)
{
	struct rigs *v = *state;
	const struct nvme_effects_log *log;

	assert_int_equal(le16_get(adm_identify(&v->io)->oacs) & NVME_OACS_VMS, 0);
	assert_int_equal(virt(v, NVME_VIRT_ACT_ASSIGN, 0, 2, 2), SC(INVALID_OPCODE));
	assert_int_equal(io_blamed(&v->io), 0);
	assert_int_equal(identify(&v->io, NVME_CNS_PRIMARY_CTRL_CAP, 0), SC(INVALID_FIELD));
	log = adm_log(&v->io, NVME_LOG_EFFECTS, 4096);
	assert_int_equal(le32_get(log->acs[NVME_ADM_VIRT_MGMT]), 0);
	rig_cfg_set(v->sec[0], NVME_PCI_CMD, 2, 6);
	assert_int_equal(rig_enable(v->sec[0], 32), NVME_CSTS_RDY);
	assert_int_equal(extended(v->io.r, NVME_PCI_ECAPID_SRIOV), 0);
	assert_int_equal(extended(v->io.r, NVME_PCI_ECAPID_ARI), 0);
}

/* --- SR-IOV --- */

static void
capability(void **state)
{
	struct rigs *v = *state;
	struct rig *pf = v->io.r;
	uint32_t at = extended(pf, NVME_PCI_ECAPID_SRIOV);

	assert_int_not_equal(at, 0);
	assert_int_not_equal(extended(pf, NVME_PCI_ECAPID_ARI), 0);
	assert_int_equal(rig_cfg(pf, at + NVME_PCI_SRIOV_INITIAL_VFS, 2), 2);
	assert_int_equal(rig_cfg(pf, at + NVME_PCI_SRIOV_TOTAL_VFS, 2), 2);
	assert_int_equal(rig_cfg(pf, at + NVME_PCI_SRIOV_VF_OFFSET, 2), 1);
	assert_int_equal(rig_cfg(pf, at + NVME_PCI_SRIOV_VF_STRIDE, 2), 1);
	assert_int_equal(rig_cfg(pf, at + NVME_PCI_SRIOV_VF_DID, 2), rig_cfg(pf, NVME_PCI_DID, 2));
	assert_int_equal(rig_cfg(pf, at + NVME_PCI_SRIOV_SUP_PGSIZE, 4), 0x553);
	/* While VF Enable is set, how many there are cannot be changed. */
	rig_cfg_set(pf, at + NVME_PCI_SRIOV_NUM_VFS, 2, 1);
	assert_int_equal(rig_cfg(pf, at + NVME_PCI_SRIOV_NUM_VFS, 2), 2);
	rig_cfg_set(pf, at + NVME_PCI_SRIOV_CTL, 2, 0xfff6);
	assert_int_equal(rig_cfg(pf, at + NVME_PCI_SRIOV_CTL, 2), NVME_PCI_SRIOV_CTL_ARI);
	rig_cfg_set(pf, at + NVME_PCI_SRIOV_NUM_VFS, 2, 1);
	assert_int_equal(rig_cfg(pf, at + NVME_PCI_SRIOV_NUM_VFS, 2), 1);
}

/* Sizes as all ones tell them; not less than a page of the system. */
static void
vf_bars(void **state)
{
	struct rigs *v = *state;
	uint32_t at = extended(v->io.r, NVME_PCI_ECAPID_SRIOV), bar = at + NVME_PCI_SRIOV_VF_BAR0;

	rig_cfg_set(v->io.r, bar, 4, UINT32_MAX);
	rig_cfg_set(v->io.r, bar + 4, 4, UINT32_MAX);
	assert_int_equal(rig_cfg(v->io.r, bar, 4), (UINT32_MAX ^ 0x3fff) | 4);
	assert_int_equal(rig_cfg(v->io.r, bar + 4, 4), UINT32_MAX);
	rig_cfg_set(v->io.r, bar + 8, 4, UINT32_MAX); /* no controller memory buffer */
	assert_int_equal(rig_cfg(v->io.r, bar + 8, 4), 0);
	rig_cfg_set(v->io.r, bar, 4, 0);
	enable_vfs(v->io.r, 0, 0);
	rig_cfg_set(v->io.r, at + NVME_PCI_SRIOV_SYS_PGSIZE, 4, 0x10);
	rig_cfg_set(v->io.r, bar, 4, UINT32_MAX);
	assert_int_equal(rig_cfg(v->io.r, bar, 4), (UINT32_MAX ^ 0xffff) | 4);
}

static bool
there(struct rig *vf)
{
	bool cfg = rig_cfg(vf, NVME_PCI_VID, 4) != UINT32_MAX, bar = rig_reg(vf, NVME_REG_VS) != UINT32_MAX;

	assert_int_equal(cfg, bar);
	return cfg;
}

static void
enabled_ones(void **state)
{
	struct rigs *v = *state;

	assert_true(there(v->sec[0]) && there(v->sec[1]));
	enable_vfs(v->io.r, 2, 0);
	assert_false(there(v->sec[0]) || there(v->sec[1]));
	enable_vfs(v->io.r, 1, ON);
	assert_true(there(v->sec[0]) && !there(v->sec[1]));
	rig_cfg_set(v->sec[1], NVME_PCI_CMD, 2, 6); /* to nobody */
	enable_vfs(v->io.r, 1, 0);
	enable_vfs(v->io.r, 2, ON);
	assert_int_equal(rig_cfg(v->sec[1], NVME_PCI_CMD, 2), 2);
	enable_vfs(v->io.r, 2, (uint32_t)NVME_PCI_SRIOV_CTL_VFE); /* their memory space is not enabled */
	assert_int_equal(rig_reg(v->sec[0], NVME_REG_VS), UINT32_MAX);
	assert_int_not_equal(rig_cfg(v->sec[0], NVME_PCI_VID, 4), UINT32_MAX);
	enable_vfs(v->io.r, 0, 0);
	enable_vfs(v->io.r, 0xffff, ON); /* more than there are */
	assert_true(there(v->sec[1]));
	assert_int_equal(extended(v->sec[0], NVME_PCI_ECAPID_SRIOV), 0); /* it has none of its own, and no INTx */
	assert_int_not_equal(extended(v->sec[0], NVME_PCI_ECAPID_ARI), 0);
	assert_int_equal(rig_cfg(v->sec[0], NVME_PCI_IPIN, 1), 0);
}

/* With its virtual function, a controller that works goes offline, and its resources are free. */
static void
taken_away(void **state)
{
	struct rigs *v = *state;
	struct rig *s = v->sec[0];

	bring_online(v, 2, 4, 2);
	s->now = v->io.r->now;
	assert_int_equal(rig_enable(s, 32), NVME_CSTS_RDY);
	assert_true(rig_works(s));
	enable_vfs(v->io.r, 2, 0);
	assert_false(there(s));
	assert_secondary(v, 2, false, 0, 0);
	enable_vfs(v->io.r, 2, ON);
	assert_int_equal(rig_reg(s, NVME_REG_CSTS), NVME_CSTS_CFS);
	assert_int_equal(rig_cfg(s, NVME_PCI_CMD, 2), 2); /* as after a reset */
	bring_online(v, 2, 4, 2);
	assert_int_equal(rig_enable(s, 32), NVME_CSTS_RDY);
	ssd_function_reset(v->io.r->ssd); /* of the physical function: VF Enable is clear */
	assert_false(there(s));
}

/* Online first, enabled later: it works when both are the case. */
static void
online_first(void **state)
{
	struct rigs *v = *state;

	enable_vfs(v->io.r, 2, 0);
	bring_online(v, 2, 4, 2);
	assert_false(there(v->sec[0]));
	enable_vfs(v->io.r, 1, ON);
	rig_cfg_set(v->sec[0], NVME_PCI_CMD, 2, 6);
	v->sec[0]->now = v->io.r->now;
	assert_int_equal(rig_enable(v->sec[0], 32), NVME_CSTS_RDY);
	/* A function level reset of its own leaves it there. */
	ssd_function_reset(v->sec[0]->ssd);
	assert_true(there(v->sec[0]));
	assert_secondary(v, 2, true, 4, 2);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(announced),
		T(list),
		T(on_and_off),
		T(statuses),
		T(accounts),
		T(primary_reset),
		T(secondary_refuses),
		T(capability),
		T(vf_bars),
		T(enabled_ones),
		T(taken_away),
		T(online_first),
		cmocka_unit_test_setup_teardown(not_there, setup_without, teardown),
	};

	return cmocka_run_group_tests_name("ssd virt", tests, NULL, NULL);
}
