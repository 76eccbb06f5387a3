/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which commands are refused while a sanitize operation is in progress or has failed, which would write to a namespace that is
 * write protected, and which a reservation forbids to this host.
 *
 * NVMe Base 2.1, "Sanitize Operation Restrictions", figure "Sanitize Operations and Format NVM Command - Admin Commands
 * Allowed"; "Namespace Write Protection", "Command Interactions"; "Reservations", figure "Command Behavior in the Presence of a
 * Reservation".
 *
 * And which the drive has not, by its profile.
 */
#include "ssd/gate.h"
#include "nvproof/spec/nvm.h"
#include "ssd/admin/sanitize.h"
#include "ssd/nvm/optional.h"
#include "ssd/nvm/resv.h"
#include "ssd/zns/zns.h"

#define OPC offsetof(struct nvme_sqe, opc)

static nvme_status protected(struct ssd_cmd *c)
{
	return ssd_fail(c, NVME_SC_NS_WRITE_PROTECTED, offsetof(struct nvme_sqe, nsid));
}

/* Dataset Management only writes when it deallocates.  A Flush has nothing left to do, and succeeds. */
static bool
writes(const struct nvme_sqe *sqe)
{
	switch (sqe->opc) {
	case NVME_OPC_WRITE:
	case NVME_OPC_WRITE_UNCOR:
	case NVME_OPC_WRITE_ZEROES:
	case NVME_OPC_COPY:
	case NVME_OPC_ZONE_APPEND:
	case NVME_OPC_ZONE_MGMT_SEND:
		return true;
	case NVME_OPC_DSM:
		return le32_get(sqe->cdw11) & NVME_DSM_AD;
	default:
		return false;
	}
}

static nvme_status
reserved(struct ssd_cmd *c)
{
	return ssd_fail(c, NVME_SC_RESV_CONFLICT, offsetof(struct nvme_sqe, nsid));
}

/* The groups of commands; the reservation commands belong to neither.  Who may write may read. */
static bool
conflict(const struct ssd_cmd *c, const struct ssd_ns *ns)
{
	switch (c->sqe->opc) {
	case NVME_OPC_READ:
	case NVME_OPC_COMPARE:
	case NVME_OPC_VERIFY:
	case NVME_OPC_ZONE_MGMT_RECV:
	case NVME_OPC_IO_MGMT_RECV:
		return ssd_resv_conflict(c->ssd, ns, false);
	case NVME_OPC_FLUSH:
	case NVME_OPC_WRITE:
	case NVME_OPC_WRITE_UNCOR:
	case NVME_OPC_WRITE_ZEROES:
	case NVME_OPC_DSM:
	case NVME_OPC_COPY:
	case NVME_OPC_ZONE_APPEND:
	case NVME_OPC_ZONE_MGMT_SEND:
	case NVME_OPC_IO_MGMT_SEND:
		return ssd_resv_conflict(c->ssd, ns, true);
	default:
		return false;
	}
}

/* A Flush of all namespaces needs the leave of each. */
static bool
conflict_any(const struct ssd_cmd *c)
{
	for (uint32_t i = 1; i <= SSD_MAX_NAMESPACES; i++) {
		const struct ssd_ns *ns = ssd_ns_active(c->ssd, i);

		if (ns && conflict(c, ns))
			return true;
	}
	return false;
}

/* Each command set has commands that the other does not. */
static nvme_status
zoned(struct ssd_cmd *c)
{
	const struct ssd_opcode *set = c->ns->zones ? ssd_zns_opcodes : ssd_nvm_opcodes;

	if (!set[c->sqe->opc].exec)
		return ssd_fail(c, NVME_SC_INVALID_OPCODE, OPC);
	return c->ns->zones ? ssd_zns_before(c) : NVME_SC_SUCCESS;
}

nvme_status
ssd_gate_io(struct ssd_cmd *c)
{
	nvme_status st = ssd_sanitize_status(c->ssd->sub);

	if (ssd_left_out(c->ssd->sub, c->sqe->opc))
		return ssd_fail(c, NVME_SC_INVALID_OPCODE, OPC);
	if (st)
		return c->sqe->opc == NVME_OPC_FLUSH ? NVME_SC_SUCCESS : ssd_fail(c, st, OPC);
	if (c->ns ? conflict(c, c->ns) : conflict_any(c))
		return reserved(c);
	if (c->ns && c->ns->wps && writes(c->sqe))
		return protected(c);
	return c->ns && (c->ns->gate & SSD_GATE_ZONED) ? zoned(c) : NVME_SC_SUCCESS;
}

void
ssd_gate_io_done(struct ssd_cmd *c, nvme_status st)
{
	if (c->ns && c->ns->zones)
		ssd_zns_after(c, st);
	if (!st && c->ns && (c->ns->gate & SSD_GATE_ERASED) && writes(c->sqe) && c->sqe->opc != NVME_OPC_DSM)
		ssd_sanitize_written(c->ssd->sub);
}

/* Logs that tell of the drive, and nothing of what is stored in it. */
static bool
log_allowed(uint8_t lid)
{
	static const uint8_t lids[] = { NVME_LOG_SUPPORTED,  NVME_LOG_ERROR,	      NVME_LOG_SMART,
					NVME_LOG_CHANGED_NS, NVME_LOG_EFFECTS,	      NVME_LOG_ENDGRP,
					NVME_LOG_ANA,	     NVME_LOG_FID_EFFECTS,    NVME_LOG_MI_EFFECTS,
					NVME_LOG_LOCKDOWN,   NVME_LOG_BOOT_PARTITION, NVME_LOG_RESV,
					NVME_LOG_SANITIZE };

	for (size_t i = 0; i < sizeof(lids); i++) {
		if (lids[i] == lid)
			return true;
	}
	return false;
}

static bool
allowed(const struct nvme_sqe *sqe)
{
	switch (sqe->opc) {
	case NVME_ADM_DELETE_IO_SQ:
	case NVME_ADM_CREATE_IO_SQ:
	case NVME_ADM_DELETE_IO_CQ:
	case NVME_ADM_CREATE_IO_CQ:
	case NVME_ADM_IDENTIFY:
	case NVME_ADM_ABORT:
	case NVME_ADM_SET_FEATURES:
	case NVME_ADM_GET_FEATURES:
	case NVME_ADM_ASYNC_EVENT:
	case NVME_ADM_KEEP_ALIVE:
	case NVME_ADM_VIRT_MGMT:
	case NVME_ADM_MI_SEND:
	case NVME_ADM_MI_RECV:
	case NVME_ADM_DBBUF_CONFIG:
	case NVME_ADM_SANITIZE: /* has rules of its own */
		return true;
	case NVME_ADM_GET_LOG_PAGE:
		return log_allowed((uint8_t)nvme_get(le32_get(sqe->cdw10), NVME_GLP_LID));
	default:
		return false;
	}
}

/* The namespaces that an admin command is about, as far as write protection and reservations go. */
enum reach {
	NONE,
	ATTACHED, /* NSID, or FFFFFFFFh: all that are attached to this controller */
	ALLOCATED, /* NSID, or FFFFFFFFh: all there are */
	ALL, /* whatever NSID says */
};

static enum reach
modifies(const struct nvme_sqe *sqe)
{
	switch (sqe->opc) {
	case NVME_ADM_FORMAT_NVM:
		return ATTACHED;
	case NVME_ADM_NS_MGMT:
		return nvme_get(le32_get(sqe->cdw10), NVME_NS_MGMT_SEL) == NVME_NS_MGMT_DELETE ? ALLOCATED : NONE;
	case NVME_ADM_SANITIZE:
		return ALL;
	default:
		return NONE;
	}
}

static bool
reaches(const struct ssd_cmd *c, const struct ssd_ns *ns, enum reach reach)
{
	uint32_t nsid = le32_get(c->sqe->nsid);

	if (!ns->nsze || reach == NONE)
		return false;
	if (reach == ALL)
		return true;
	if (nsid != NVME_NSID_ALL)
		return nsid == ns->nsid;
	return reach == ALLOCATED || (ns->attached >> (c->ssd->cntlid - 1) & 1);
}

/* A reservation counts these among the commands that write; Security Receive reads. */
static bool
takes_leave(const struct ssd_cmd *c, const struct ssd_ns *ns)
{
	bool write = c->sqe->opc != NVME_ADM_SECURITY_RECV;
	enum reach reach;

	switch (c->sqe->opc) {
	case NVME_ADM_NS_ATTACH:
		reach = ALLOCATED;
		break;
	case NVME_ADM_SECURITY_SEND:
	case NVME_ADM_SECURITY_RECV: /* where they name a namespace */
		reach = ATTACHED;
		break;
	default:
		reach = modifies(c->sqe);
		break;
	}
	return !reaches(c, ns, reach) || !ssd_resv_conflict(c->ssd, ns, write);
}

nvme_status
ssd_gate_admin(struct ssd_cmd *c)
{
	const struct ssd_subsys *sub = c->ssd->sub;
	nvme_status st = ssd_sanitize_status(sub);

	if (st && !allowed(c->sqe))
		return ssd_fail(c, st, OPC);
	for (uint32_t i = 0; i < SSD_MAX_NAMESPACES; i++) {
		const struct ssd_ns *ns = &sub->ns[i];

		if (ns->wps && reaches(c, ns, modifies(c->sqe)))
			return protected(c);
		if ((ns->gate & SSD_GATE_RESERVED) && !takes_leave(c, ns))
			return reserved(c);
	}
	return NVME_SC_SUCCESS;
}
