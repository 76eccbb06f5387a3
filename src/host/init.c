/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bring-up as a table: run forward, and backward on failure.  NVMe over PCIe Transport, "Controller Initialization"
 * (NVMe Base, "Memory-based Controller Initialization").
 */
#include "host/ctrlr_int.h"

#include <errno.h>
#include <string.h>

#include "nvproof/spec/pcie.h"
#include "nvproof/spec/prep_admin.h"
#include "nvproof/spec/status.h"
#include "util/bits.h"

#define NQ_ALL 0xfffefffeu /* FFFFh is not a legal number: 0's based, at most 65,534 */

struct init_step {
	const char *name;
	int (*up)(struct nvp_ctrlr *c);
	void (*down)(struct nvp_ctrlr *c);
};

/* A reset of the function cleared both bits.  PCI Local Bus, "Command register". */
static int
pci_enable(struct nvp_ctrlr *c, uint64_t bit)
{
	le16 cmd;
	int rc = c->bus->ops->cfg_read(c->bus, NVME_PCI_CMD, &cmd, sizeof(cmd));

	if (rc)
		return rc;
	cmd = le16_from((uint16_t)(le16_get(cmd) | bit));
	return c->bus->ops->cfg_write(c->bus, NVME_PCI_CMD, &cmd, sizeof(cmd));
}

int
ctrlr_registers(struct nvp_ctrlr *c)
{
	return pci_enable(c, NVME_PCI_CMD_MSE);
}

int
ctrlr_bus_master(struct nvp_ctrlr *c)
{
	return pci_enable(c, NVME_PCI_CMD_BME);
}

int
ctrlr_read_cap(struct nvp_ctrlr *c)
{
	return nvp_reg_read64(c, NVME_REG_CAP, &c->cap);
}

int
ctrlr_disable(struct nvp_ctrlr *c)
{
	uint32_t cc, csts;
	int rc = nvp_reg_read32(c, NVME_REG_CC, &cc);

	if (!rc)
		rc = ctrlr_csts(c, &csts);
	if (rc)
		return rc;
	/* EN 1->0 before RDY has followed is undefined; a controller in fatal status never gets ready. */
	if (nvme_get(cc, NVME_CC_EN) && !nvme_get(csts, NVME_CSTS_RDY) && !nvme_get(csts, NVME_CSTS_CFS))
		if (ctrlr_wait_rdy(c, 1))
			nvp_bus_set_error("%s", ""); /* that is no news: it is disabled anyway */
	rc = nvp_reg_write32(c, NVME_REG_CC, 0);
	return rc ? rc : ctrlr_wait_rdy(c, 0);
}

static void
disable_quiet(struct nvp_ctrlr *c)
{
	if (!c->gone)
		(void)nvp_reg_write32(c, NVME_REG_CC, 0);
}

/* No queue can be used any more.  Callbacks follow when there is a queue again that they can submit to. */
void
ctrlr_forget_queues(struct nvp_ctrlr *c)
{
	struct nvp_qpair *q;

	for (q = c->ioqs; q; q = q->next) {
		qpair_unplug(q);
		qpair_abort_begin(q);
	}
	if (c->adminq) {
		qpair_unplug(c->adminq);
		qpair_abort_begin(c->adminq);
	}
	ctrlr_aer_drop(c);
}

/* NVMe Base, "Controller Reset": the controller has deleted all I/O queues. */
void
ctrlr_quiet(struct nvp_ctrlr *c)
{
	struct nvp_qpair *q;

	for (q = c->ioqs; q; q = q->next)
		q->on_device = false;
	if (c->adminq)
		c->adminq->on_device = false;
	ctrlr_limbo_free(c, true);
}

static int
disabled(struct nvp_ctrlr *c)
{
	ctrlr_forget_queues(c);
	ctrlr_quiet(c);
	return 0;
}

int
ctrlr_adminq_tell(struct nvp_ctrlr *c)
{
	const struct nvp_qpair *q = c->adminq;
	uint32_t last = q->mq.depth - 1; /* 0's based */
	int rc = nvp_reg_write32(c, NVME_REG_AQA, nvme_put32(NVME_AQA_ASQS, last) | nvme_put32(NVME_AQA_ACQS, last));

	if (!rc)
		rc = nvp_reg_write64(c, NVME_REG_ASQ, q->sq_buf.iova);
	if (!rc)
		rc = nvp_reg_write64(c, NVME_REG_ACQ, q->cq_buf.iova);
	return rc;
}

static int
adminq_up(struct nvp_ctrlr *c)
{
	int rc = ctrlr_adminq_make(c);

	if (rc)
		return rc;
	c->adminq->on_device = true;
	qpair_go_live(c, c->adminq);
	return ctrlr_adminq_tell(c);
}

/* All command sets where there is a choice: zoned namespaces are only there then.  NVMe Base, "CC.CSS". */
static uint32_t
choose_css(const struct nvp_ctrlr *c)
{
	if (nvme_get(c->cap, NVME_CAP_CSS_IOCSS))
		return NVME_CC_CSS_IOCSS;
	if (nvme_get(c->cap, NVME_CAP_CSS_NVM))
		return NVME_CC_CSS_NVM;
	return NVME_CC_CSS_ADMIN;
}

void
ctrlr_use_pages(struct nvp_ctrlr *c, uint8_t shift)
{
	c->mps_shift = shift;
	if (c->adminq)
		c->adminq->page_shift = shift;
	for (struct nvp_qpair *q = c->ioqs; q; q = q->next)
		q->page_shift = shift;
}

static int
enable(struct nvp_ctrlr *c)
{
	uint32_t cc = nvme_put32(NVME_CC_IOSQES, 6) | nvme_put32(NVME_CC_IOCQES, 4) |
		      nvme_put32(NVME_CC_CSS, choose_css(c)) |
		      nvme_put32(NVME_CC_MPS, nvme_get(c->cap, NVME_CAP_MPSMIN));
	int rc = nvp_reg_write32(c, NVME_REG_CC, cc);

	ctrlr_use_pages(c, ctrlr_page_shift(c));
	if (!rc)
		rc = nvp_reg_write32(c, NVME_REG_CC, cc | (uint32_t)NVME_CC_EN);
	return rc ? rc : ctrlr_wait_rdy(c, 1);
}

static int
tell_admin(struct nvp_ctrlr *c)
{
	qpair_abort_finish(c->adminq, false);
	return 0;
}

/* The failure of a bring-up command, which could not be sent (rc) or has ended, is a failure of the bring-up. */
static int
must_succeed(struct nvp_ctrlr *c, const char *what, int rc, const struct nvme_cqe *cqe)
{
	nvme_status st;

	if (rc)
		return rc == -ENODEV ? rc : ctrlr_fail(c, rc, "%s could not be sent: %s", what, strerror(-rc));
	st = nvme_status_code(nvme_status_of(le16_get(cqe->status)));
	if (st)
		return ctrlr_fail(c, -EIO, "%s failed: %02x/%02x %s", what, st >> 8, st & 0xff, nvp_status_text(st));
	return 0;
}

int
ctrlr_identify_self(struct nvp_ctrlr *c)
{
	struct nvme_id_ctrl id;
	struct nvme_cqe cqe;
	int rc = ctrlr_identify(c, NVME_CNS_CTRL, 0, &id, &cqe);

	rc = must_succeed(c, "Identify Controller", rc, &cqe);
	if (!rc)
		c->id = id;
	return rc;
}

/*
 * As many as there are.  Get after Set: what Set answers and what is in force are checked to be the same by some tests.
 */
static int
number_of_queues(struct nvp_ctrlr *c)
{
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	int rc;

	if (choose_css(c) == NVME_CC_CSS_ADMIN)
		return 0;
	nvme_prep_set_features(&sqe, NVME_FEAT_NUM_QUEUES, 0, NQ_ALL, 0);
	rc = must_succeed(c, "Set Features (Number of Queues)", nvp_admin(c, &sqe, NULL, 0, &cqe), &cqe);
	if (rc)
		return rc;
	nvme_prep_get_features(&sqe, NVME_FEAT_NUM_QUEUES, NVME_FEAT_SEL_CURRENT, 0);
	rc = must_succeed(c, "Get Features (Number of Queues)", nvp_admin(c, &sqe, NULL, 0, &cqe), &cqe);
	if (rc)
		return rc;
	nvp_ctrlr_init_queues(c, le32_get(cqe.dw0));
	return 0;
}

/*
 * Of all that Host Behavior Support offers: a namespace in an extended LBA format (a wide guard, a storage tag) is of no use
 * to a host that has not said that it knows them.  A controller that refuses has none.
 */
static int
host_behavior(struct nvp_ctrlr *c)
{
	struct nvme_host_behavior behavior = { .lbafee = 1 };
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;
	int rc;

	if (!(le32_get(c->id.ctratt) & NVME_CTRATT_ELBAS))
		return 0;
	nvme_prep_set_features(&sqe, NVME_FEAT_HOST_BEHAVIOR, 0, 0, 0);
	rc = ctrlr_admin_out(c, &sqe, &behavior, sizeof(behavior), &cqe);
	return rc ? must_succeed(c, "Set Features (Host Behavior Support)", rc, &cqe) : 0;
}

int
ctrlr_recreate_queues(struct nvp_ctrlr *c)
{
	struct nvme_cqe cqe = { 0 };
	struct nvp_qpair *q;
	nvme_status st;
	int rc;

	for (q = c->ioqs; q && !c->bare; q = q->next) {
		if (q->exported) /* its owner's idea of the rings is out of date: it can only be deleted */
			continue;
		rc = qpair_create_on_device(c, q, &cqe);
		st = nvme_status_code(nvme_status_of(le16_get(cqe.status)));
		if (rc == -EIO)
			ctrlr_fail(c, rc, "queue %u could not be created again: %02x/%02x", q->mq.id, st >> 8,
				   st & 0xff);
		if (rc)
			return rc;
	}
	return 0;
}

/* clang-format off */
static const struct init_step steps[] = {
	{ "registers", ctrlr_registers, NULL },
	{ "interrupts", ctrlr_irq_up, NULL },
	{ "controller memory buffer", ctrlr_cmb_up, NULL },
	{ "capabilities", ctrlr_read_cap, NULL },
	{ "disable", ctrlr_disable, NULL },
	{ "forget queues", disabled, NULL },
	{ "memory", ctrlr_map, NULL },
	{ "bus master", ctrlr_bus_master, NULL },
	{ "admin queue", adminq_up, NULL },
	{ "enable", enable, disable_quiet },
	{ "answer waiting admin commands", tell_admin, NULL },
	{ "identify", ctrlr_identify_self, NULL },
	{ "host behavior", host_behavior, NULL },
	{ "number of queues", number_of_queues, NULL },
	{ "I/O queues", ctrlr_recreate_queues, NULL },
	{ "events", ctrlr_aer_up, NULL },
};
/* clang-format on */

static void
undo(struct nvp_ctrlr *c, size_t done)
{
	while (done--)
		if (steps[done].down)
			steps[done].down(c);
	ctrlr_forget_queues(c);
	if (c->adminq)
		qpair_abort_finish(c->adminq, false);
}

void
ctrlr_tell_io(struct nvp_ctrlr *c)
{
	for (struct nvp_qpair *q = c->ioqs; q; q = q->next)
		qpair_abort_finish(q, false);
}

int
ctrlr_bring_up(struct nvp_ctrlr *c)
{
	int rc = 0;

	c->gone = c->fatal_seen = false;
	nvp_bus_set_error("%s", "");
	for (size_t i = 0; i < UT_ARRAY_LEN(steps) && !rc; i++) {
		rc = steps[i].up(c);
		if (rc && !nvp_bus_error()[0])
			ctrlr_fail(c, rc, "%s: %s", steps[i].name, strerror(-rc));
		if (rc)
			undo(c, i + 1);
	}
	ctrlr_tell_io(c);
	return rc;
}
