/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bring-up in the caller's hands: what init.c does as a table of steps, in pieces.  Until the caller has disabled the
 * controller the device may use the queues' memory, so commands that were outstanding are ended only when it said
 * that it is disabled (or at the end).
 *
 * NVMe Base, "Memory-based Controller Initialization".
 */
#include "host/ctrlr_int.h"

#include <errno.h>

#include "nvproof/spec/feat.h"
#include "util/bits.h"

#define MIN_ADMIN 2u
#define MAX_ADMIN 4096u /* AQA has 12 bits, 0's based */

static void
unplug_all(struct nvp_ctrlr *c)
{
	for (struct nvp_qpair *q = c->ioqs; q; q = q->next)
		qpair_unplug(q);
	if (c->adminq)
		qpair_unplug(c->adminq);
}

int
nvp_ctrlr_init_begin(struct nvp_ctrlr *c)
{
	int rc = ctrlr_before_reset(c);

	if (rc)
		return rc;
	c->gone = c->fatal_seen = false;
	nvp_bus_set_error("%s", "");
	unplug_all(c);
	c->manual = true;
	c->max_qid = 0;
	rc = ctrlr_registers(c);
	if (!rc)
		rc = ctrlr_irq_up(c);
	if (!rc)
		rc = ctrlr_read_cap(c);
	if (!rc)
		rc = ctrlr_cmb_up(c);
	if (rc)
		nvp_ctrlr_init_fail(c);
	return rc;
}

/* Nothing that was outstanding will be answered: the device is disabled. */
static void
end_admin(struct nvp_ctrlr *c)
{
	ctrlr_forget_queues(c);
	ctrlr_quiet(c);
	if (c->adminq)
		qpair_abort_finish(c->adminq, true); /* a callback that sends finds the queue full */
}

static int
adminq_memory(struct nvp_ctrlr *c, const struct nvp_adminq_opts *o)
{
	c->opts.admin_depth = o->depth;
	return c->adminq ? qpair_remake(c->adminq, o->depth, o->reuse) : ctrlr_adminq_make(c);
}

int
nvp_ctrlr_init_adminq(struct nvp_ctrlr *c, const struct nvp_adminq_opts *o)
{
	int rc;

	if (o->depth < MIN_ADMIN || o->depth > MAX_ADMIN)
		return ctrlr_fail(c, -EINVAL, "an admin queue has 2 to 4096 entries, not %u", o->depth);
	rc = ctrlr_check_disabled(c);
	if (rc == -EBUSY)
		ctrlr_fail(c, rc, "an admin queue cannot be made while the controller is enabled");
	if (rc)
		return rc;
	end_admin(c);
	rc = ctrlr_map(c);
	if (!rc)
		rc = ctrlr_bus_master(c);
	if (!rc)
		rc = adminq_memory(c, o);
	if (rc)
		return rc;
	c->manual = false;
	c->adminq->lazy = o->lazy;
	c->adminq->on_device = true;
	qpair_go_live(c, c->adminq);
	return o->skip_register ? 0 : ctrlr_adminq_tell(c);
}

int
nvp_ctrlr_init_identify(struct nvp_ctrlr *c)
{
	return ctrlr_identify_self(c);
}

void
nvp_ctrlr_init_queues(struct nvp_ctrlr *c, uint32_t dw0)
{
	c->max_qid = (uint32_t)UT_MIN(nvme_get(dw0, NVME_FEAT_NQ_NSQA), nvme_get(dw0, NVME_FEAT_NQ_NCQA)) + 1;
}

/* Data pointers are made of pages of the size that the caller put into CC. */
static int
adopt_page_size(struct nvp_ctrlr *c)
{
	uint32_t cc;
	int rc = nvp_reg_read32(c, NVME_REG_CC, &cc);

	if (rc)
		return rc;
	ctrlr_use_pages(c, (uint8_t)(12 + nvme_get(cc, NVME_CC_MPS)));
	return 0;
}

int
nvp_ctrlr_init_end(struct nvp_ctrlr *c, bool bare)
{
	int rc;

	if (c->manual &&
	    (c->ioqs || c->adminq)) { /* the caller made no admin queue: the old ones must not stay with the device */
		nvp_ctrlr_init_fail(c);
		return 0;
	}
	rc = adopt_page_size(c);
	c->bare = bare;
	if (!rc && c->adminq && c->adminq->live && c->max_qid)
		rc = ctrlr_recreate_queues(c);
	c->bare = c->manual = false;
	ctrlr_tell_io(c);
	return rc;
}

void
nvp_ctrlr_init_fail(struct nvp_ctrlr *c)
{
	c->manual = false;
	if (!c->gone && !ctrlr_disable(c))
		ctrlr_quiet(c);
	ctrlr_forget_queues(c);
	if (c->adminq)
		qpair_abort_finish(c->adminq, false);
	ctrlr_tell_io(c);
}
