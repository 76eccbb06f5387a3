/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From SQE to CQE: the checks that all commands share, the handler, and what the host is told about its result.
 *
 * NVMe Base, "Common Command Format", "Completion Queue Entry", "Error Information" log.
 */
#include "ssd/core.h"
#include "ssd/exec.h"
#include "ssd/fault/fault.h"
#include "ssd/fdp/fdp.h"
#include "ssd/gate.h"
#include "ssd/zns/zns.h"
#include <string.h>

nvme_status
ssd_fail(struct ssd_cmd *c, nvme_status sc, size_t byte)
{
	c->err_byte = (uint16_t)byte;
	return sc;
}

nvme_status
ssd_fail_lba(struct ssd_cmd *c, nvme_status sc, uint64_t lba)
{
	c->err_lba = lba;
	if (sc == NVME_SC_WRITE_FAULT && (c->ssd->sub->media->warning & NVME_CW_AMRO))
		return NVME_SC_READ_ONLY_RANGE; /* at the end of its life */
	return sc;
}

void
ssd_error_add(struct ssd *ssd, const struct ssd_error *e)
{
	struct nvme_error_log_entry *l = &ssd->errors[ssd->error_count++ % SSD_ERROR_ENTRIES];

	*l = (struct nvme_error_log_entry){
		.ec = le64_from(ssd->error_count),
		.sqid = le16_from(e->sqid),
		.cid = { e->cid },
		.si = le16_from((uint16_t)nvme_put(NVME_SI_SF, e->status)),
		.pel = le16_from(e->pel),
		.lba = le64_from(e->lba),
		.cs = le64_from(e->cs),
		.nsid = le32_from(e->nsid),
		.csi = e->csi,
		.opc = e->opc,
		.lpver = 1,
	};
	ssd->sub->smart.error_entries++;
	ssd->sub->stats.errors++;
}

void
ssd_error_note(struct ssd *ssd, nvme_status status)
{
	ssd_error_add(ssd,
		      &(struct ssd_error){ .sqid = 0xffff, .cid = 0xffff, .pel = NVME_PEL_NONE, .status = status });
}

/* What may succeed when it is tried again later: DNR stays clear. */
static bool
may_retry(nvme_status sc)
{
	switch (sc) {
	case NVME_SC_DATA_TRANSFER:
	case NVME_SC_INTERNAL:
	case NVME_SC_ABORT_REQUESTED:
	case NVME_SC_ABORT_SQ_DELETION:
	case NVME_SC_ABORT_FAILED_FUSED:
	case NVME_SC_ABORT_MISSING_FUSED:
	case NVME_SC_SANITIZE_IN_PROGRESS:
	case NVME_SC_INTERRUPTED:
	case NVME_SC_TRANSIENT_TRANSPORT:
	case NVME_SC_NS_NOT_READY:
	case NVME_SC_FORMAT_IN_PROGRESS:
	case NVME_SC_ABORT_LIMIT:
	case NVME_SC_AER_LIMIT:
	case NVME_SC_DST_IN_PROGRESS:
		return true;
	default:
		return false;
	}
}

/* Aborts are not errors of the device: they have no entry in the log. */
static bool
is_abort(nvme_status sc)
{
	return sc >= NVME_SC_ABORT_REQUESTED && sc <= NVME_SC_ABORT_MISSING_FUSED;
}

static void
log_command(const struct ssd_cmd *c, nvme_status status)
{
	uint32_t pel = NVME_PEL_NONE;

	if (c->err_byte < sizeof(struct nvme_sqe))
		pel = nvme_put32(NVME_PEL_BYTE, c->err_byte) | nvme_put32(NVME_PEL_BIT, c->err_bit);
	ssd_error_add(c->ssd, &(struct ssd_error){
				      .sqid = c->sq->id,
				      .cid = c->sqe->cid,
				      .pel = (uint16_t)pel,
				      .status = status,
				      .lba = c->err_lba,
				      .cs = c->err_cs,
				      .nsid = le32_get(c->sqe->nsid),
				      .opc = c->sqe->opc,
			      });
}

/* The status as it goes into the CQE: with DNR, and with M when the error log has more. */
static __attribute__((noinline)) nvme_status
failed(const struct ssd_cmd *c, nvme_status sc)
{
	ssd_coal_soon(
		c->ssd,
		c->sq->cq); /* "recommended that interrupts for commands that complete in error are not coalesced" */
	if (!may_retry(nvme_status_code(sc)))
		sc |= (nvme_status)NVME_STATUS_DNR;
	if (is_abort(nvme_status_code(sc)))
		return sc;
	sc |= (nvme_status)NVME_STATUS_M;
	if (!ssd_fault(c->ssd, SSD_FAULT_ERROR_UNLOGGED, &(uint64_t){ 0 }))
		log_command(c, sc);
	return sc;
}

void
ssd_cmd_complete(struct ssd_cmd *c, nvme_status sc)
{
	if (ssd_unlikely(sc == SSD_PENDING)) {
		c->ssd->sub->io_due_ns = 0; /* it has a time of its own */
		c->ssd->sub->media->trouble = SSD_MEDIA_FINE;
		return;
	}
	if (ssd_unlikely(sc))
		sc = failed(c, sc);
	if (ssd_unlikely(c->ssd->sub->io_due_ns)) {
		if (ssd_unlikely(c->ssd->sub->media->trouble) && !ssd_recover(c) && !sc)
			sc = failed(c, NVME_SC_UNRECOVERED_READ);
		if (ssd_delay(c, sc))
			return;
	}
	ssd_cqe_post(c->ssd, c->sq, c->sqe->cid, c->dw0, c->dw1, sc);
}

static nvme_status
fail_flags(struct ssd_cmd *c, uint8_t bit)
{
	c->err_bit = bit;
	return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, flags));
}

/*
 * The namespace of an I/O command.  Only Flush takes the broadcast value.  An NSID that is valid but not attached is answered
 * like an invalid one, as drives in the field do and scripts expect; NVMe Base 2.1, "Common Command Format" has Invalid Field in
 * Command for it, which is what admin commands return.
 */
static nvme_status
find_ns(struct ssd_cmd *c)
{
	uint32_t nsid = le32_get(c->sqe->nsid);

	c->ns = ssd_ns_active(c->ssd, nsid);
	if (ssd_likely(c->ns != NULL) || (nsid == NVME_NSID_ALL && c->sqe->opc == NVME_OPC_FLUSH))
		return NVME_SC_SUCCESS;
	return ssd_fail(c, NVME_SC_INVALID_NS, offsetof(struct nvme_sqe, nsid));
}

static void
count(struct ssd_stats *s, uint8_t opc)
{
	if (opc == NVME_OPC_READ)
		s->cmds_read++;
	else if (opc == NVME_OPC_WRITE)
		s->cmds_write++;
	else
		s->cmds_other++;
}

static __attribute__((noinline)) nvme_status
run_gated(struct ssd_cmd *c, ssd_exec_fn exec)
{
	nvme_status st = ssd_gate_io(c);

	if (!st) {
		st = exec(c);
		ssd_gate_io_done(c, st);
	}
	return st;
}

/* A drive that was never written is only watched for what writes. */
static inline bool
gated(const struct ssd_cmd *c)
{
	uint8_t gate = c->ns->gate;

	return gate && (gate != SSD_GATE_ERASED || (ssd_nvm_opcodes[c->sqe->opc].effects & NVME_EFFECTS_LBCC));
}

/* A command that only some drives have.  Of zones: the gate, which all namespaces of such a drive have, sees whose it is. */
static __attribute__((noinline)) ssd_exec_fn
of_some(const struct ssd_cmd *c)
{
	if (ssd_fdp_there(c->ssd->sub))
		return ssd_fdp_opcodes[c->sqe->opc].exec;
	return ssd_zns_there(c->ssd->sub) ? ssd_zns_opcodes[c->sqe->opc].exec : NULL;
}

/* PSDT: 11b is reserved. */
static nvme_status
run_io(struct ssd_cmd *c)
{
	ssd_exec_fn exec = ssd_nvm_opcodes[c->sqe->opc].exec;
	nvme_status st;

	count(&c->ssd->sub->stats, c->sqe->opc);
	if (ssd_unlikely(!exec)) {
		exec = of_some(c);
		if (!exec)
			return ssd_fail(c, NVME_SC_INVALID_OPCODE, offsetof(struct nvme_sqe, opc));
	}
	if (ssd_unlikely(nvme_get(c->sqe->flags, NVME_SQE_PSDT) > NVME_PSDT_SGL_MPTR))
		return fail_flags(c, 6);
	st = find_ns(c);
	if (ssd_unlikely(st))
		return st;
	return ssd_unlikely(!c->ns || gated(c)) ? run_gated(c, exec) : exec(c);
}

/* Over PCIe all admin commands use PRPs, and none can be fused. */
static nvme_status
run_admin(struct ssd_cmd *c)
{
	ssd_exec_fn exec = ssd_admin_opcodes[c->sqe->opc].exec;
	nvme_status st;

	c->ssd->sub->stats.cmds_admin++;
	if (!exec)
		return ssd_fail(c, NVME_SC_INVALID_OPCODE, offsetof(struct nvme_sqe, opc));
	if (nvme_get(c->sqe->flags, NVME_SQE_FUSE))
		return fail_flags(c, 0);
	if (nvme_get(c->sqe->flags, NVME_SQE_PSDT))
		return fail_flags(c, 6);
	st = ssd_gate_admin(c);
	return st ? st : exec(c);
}

nvme_status
ssd_cmd_run(struct ssd_cmd *c)
{
	return ssd_likely(c->sq->id) ? run_io(c) : run_admin(c);
}

static void
exec_plain(struct ssd *ssd, struct ssd_sq *sq, const struct nvme_sqe *sqe)
{
	struct ssd_cmd c;

	ssd_cmd_init(&c, ssd, sq, sqe);
	ssd_cmd_complete(&c, ssd_cmd_run(&c));
}

static __attribute__((noinline)) void
exec_unusual(struct ssd *ssd, struct ssd_sq *sq, const struct nvme_sqe *sqe)
{
	if (ssd->faulty)
		ssd_fault_exec(ssd, sq, sqe);
	else if (sq->id)
		ssd_exec_fused(ssd, sq, sqe);
	else
		exec_plain(ssd, sq, sqe);
}

void
ssd_exec(struct ssd *ssd, struct ssd_sq *sq, const struct nvme_sqe *sqe)
{
	struct ssd_cmd c;

	if (ssd_unlikely(sq->unusual | (sqe->flags & NVME_SQE_FUSE))) {
		exec_unusual(ssd, sq, sqe);
		return;
	}
	ssd_cmd_init(&c, ssd, sq, sqe);
	ssd_cmd_complete(&c, ssd_cmd_run(&c));
}
