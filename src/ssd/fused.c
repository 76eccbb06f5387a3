/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fused operations: Compare and Write.  The halves are next to each other in one SQ and one doorbell write tells of both,
 * so a first half with nothing behind it has no second.  Either both succeed, or both fail: the half that is not to blame
 * gets Command Aborted due to Failed Fused Command.
 *
 * NVMe Base, "Fused Operations"; NVM Command Set, "Compare and Write".
 */
#include "ssd/exec.h"

static nvme_status
fail_cdw(struct ssd_cmd *c, size_t byte)
{
	return ssd_fail(c, NVME_SC_INVALID_FIELD, byte);
}

/* Compare and Write is the only pair that Identify's FUSES announces; both must be about the same LBAs. */
static nvme_status
pair_check(struct ssd_cmd *first, struct ssd_cmd *second)
{
	const struct nvme_sqe *a = first->sqe, *b = second->sqe;

	if (a->opc != NVME_OPC_COMPARE)
		return fail_cdw(first, offsetof(struct nvme_sqe, opc));
	if (b->opc != NVME_OPC_WRITE)
		return fail_cdw(second, offsetof(struct nvme_sqe, opc));
	if (a->nsid.raw != b->nsid.raw)
		return fail_cdw(second, offsetof(struct nvme_sqe, nsid));
	if (a->cdw10.raw != b->cdw10.raw || a->cdw11.raw != b->cdw11.raw)
		return fail_cdw(second, offsetof(struct nvme_sqe, cdw10));
	if ((uint16_t)le32_get(a->cdw12) != (uint16_t)le32_get(b->cdw12))
		return fail_cdw(second, offsetof(struct nvme_sqe, cdw12));
	return NVME_SC_SUCCESS;
}

static void
run_pair(struct ssd *ssd, struct ssd_sq *sq, const struct nvme_sqe *sqe1, const struct nvme_sqe *sqe2)
{
	struct ssd_cmd first, second;
	nvme_status st1, st2;
	uint64_t due;

	ssd_cmd_init(&first, ssd, sq, sqe1);
	ssd_cmd_init(&second, ssd, sq, sqe2);
	st1 = st2 = pair_check(&first, &second);
	if (!st1) {
		st1 = ssd_cmd_run(&first);
		st2 = st1 ? NVME_SC_ABORT_FAILED_FUSED : ssd_cmd_run(&second);
		if (st2 && !st1)
			st1 = NVME_SC_ABORT_FAILED_FUSED;
	}
	due = ssd->sub->io_due_ns;
	ssd_cmd_complete(&first, st1);
	ssd->sub->io_due_ns = due; /* what the pair waits for, both halves wait for */
	ssd_cmd_complete(&second, st2);
}

static void
abort_missing(struct ssd *ssd, struct ssd_sq *sq, const struct nvme_sqe *sqe)
{
	struct ssd_cmd c;

	ssd_cmd_init(&c, ssd, sq, sqe);
	ssd_cmd_complete(&c, NVME_SC_ABORT_MISSING_FUSED);
}

static void
first_half(struct ssd *ssd, struct ssd_sq *sq, const struct nvme_sqe *sqe)
{
	if (sq->head == sq->tail) {
		abort_missing(ssd, sq, sqe);
		return;
	}
	sq->fused = true;
	sq->fused_sqe = *sqe;
}

static void
reserved(struct ssd *ssd, struct ssd_sq *sq, const struct nvme_sqe *sqe)
{
	struct ssd_cmd c;

	ssd_cmd_init(&c, ssd, sq, sqe);
	ssd_cmd_complete(&c, ssd_fail(&c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, flags)));
}

static void
plain(struct ssd *ssd, struct ssd_sq *sq, const struct nvme_sqe *sqe)
{
	struct ssd_cmd c;

	ssd_cmd_init(&c, ssd, sq, sqe);
	ssd_cmd_complete(&c, ssd_cmd_run(&c));
}

void
ssd_exec_fused(struct ssd *ssd, struct ssd_sq *sq, const struct nvme_sqe *sqe)
{
	uint32_t fuse = nvme_get32(sqe->flags, NVME_SQE_FUSE);

	if (sq->fused) {
		struct nvme_sqe first = sq->fused_sqe;

		sq->fused = false;
		if (fuse == NVME_FUSE_SECOND) {
			run_pair(ssd, sq, &first, sqe);
			return;
		}
		abort_missing(ssd, sq, &first);
	}
	if (fuse == NVME_FUSE_FIRST)
		first_half(ssd, sq, sqe);
	else if (fuse == NVME_FUSE_SECOND)
		abort_missing(ssd, sq, sqe);
	else if (fuse == NVME_FUSE_NONE)
		plain(ssd, sq, sqe);
	else
		reserved(ssd, sq, sqe);
}
