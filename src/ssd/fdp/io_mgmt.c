/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * I/O Management Receive and Send: the status of reclaim unit handles, and going on to other reclaim units.
 *
 * NVMe Base 2.2, "I/O Management Receive command", "I/O Management Send command".
 */
#include "ssd/fdp/fdp.h"
#include "ssd/media/flash.h"
#include "ssd/media/media.h"
#include <string.h>

#define CDW10 offsetof(struct nvme_sqe, cdw10)

static bool
known(const struct ssd_cmd *c, uint32_t pid)
{
	return pid < ssd_fdp_ns_count(c->ns);
}

/* As many logical blocks, with their metadata, as the unit still takes. */
static uint64_t
available(const struct ssd_ns *ns, uint32_t ruh)
{
	const struct ftl *ftl = ssd_flash_ftl(ns->sub->media);

	return (ftl_ru_units(ftl) - ftl_ru_used(ftl, ruh)) * NAND_UNIT / (ns->lba_size + ns->meta_size);
}

static void
describe(struct ssd_cmd *c, uint32_t pid, struct nvme_ruhs_desc *d)
{
	uint32_t ruh = ssd_fdp_ns_ruh(c->ns, pid);

	ssd_fdp_look(c->ssd, ruh);
	*d = (struct nvme_ruhs_desc){
		.pid = le16_from((uint16_t)pid),
		.ruhid = le16_from((uint16_t)ruh),
		.earutr = le32_from(ssd_fdp_time_left(c->ssd, ruh)),
		.ruamw = le64_from(available(c->ns, ruh)),
	};
}

/* What is behind the end of it is zeros. */
static nvme_status
status(struct ssd_cmd *c)
{
	uint64_t len = (le32_get(c->sqe->cdw11) + 1ull) * 4, have;
	struct nvme_ruhs *s = (void *)c->ssd->bounce;
	nvme_status st;

	if (len > ssd_max_xfer(c->ssd->sub))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw11));
	st = ssd_data(c, len);
	memset(s, 0, sizeof(*s));
	s->nruhsd = le16_from((uint16_t)ssd_fdp_ns_count(c->ns));
	for (uint32_t pid = 0; pid < ssd_fdp_ns_count(c->ns); pid++)
		describe(c, pid, &s->desc[pid]);
	have = UT_MIN(len, sizeof(*s) + le16_get(s->nruhsd) * sizeof(s->desc[0]));
	if (!st)
		st = ssd_to_host(c, 0, s, have);
	for (uint64_t n; !st && have < len; have += n) {
		n = UT_MIN(len - have, SSD_ZEROS);
		st = ssd_to_host(c, have, ssd_zeros, n);
	}
	return st;
}

/* All are looked at before any is updated. */
static nvme_status
update(struct ssd_cmd *c)
{
	uint32_t n = nvme_get32(le32_get(c->sqe->cdw10), NVME_IO_MGMT_MOS) + 1;
	const le16 *pid = (const void *)c->ssd->bounce;
	nvme_status st;

	if (n > ssd_fdp_handles(c->ns->sub))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10 + 2);
	st = ssd_data(c, n * sizeof(*pid));
	if (!st)
		st = ssd_from_host(c, 0, c->ssd->bounce, n * sizeof(*pid));
	for (uint32_t i = 0; !st && i < n; i++) {
		if (!known(c, le16_get(pid[i])))
			st = ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, prp1));
	}
	for (uint32_t i = 0; !st && i < n; i++)
		ssd_fdp_update(c, le16_get(pid[i]), true);
	return st;
}

static nvme_status
run(struct ssd_cmd *c, uint32_t with_data, nvme_status (*operation)(struct ssd_cmd *c))
{
	uint32_t mo = nvme_get32(le32_get(c->sqe->cdw10), NVME_IO_MGMT_MO);

	if (mo == NVME_IO_MGMT_NO_ACTION)
		return NVME_SC_SUCCESS;
	if (mo != with_data)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW10);
	if (!c->ns->fdp)
		return ssd_fail(c, NVME_SC_FDP_DISABLED, offsetof(struct nvme_sqe, nsid));
	return operation(c);
}

static nvme_status
receive(struct ssd_cmd *c)
{
	return run(c, NVME_IO_MGMT_RECV_RUHS, status);
}

static nvme_status
send(struct ssd_cmd *c)
{
	return run(c, NVME_IO_MGMT_SEND_RUHU, update);
}

#define SUPPORTED (NVME_EFFECTS_CSUPP | (uint32_t)nvme_put(NVME_EFFECTS_CSP, NVME_SCOPE_NS))

const struct ssd_opcode ssd_fdp_opcodes[256] = {
	[NVME_OPC_IO_MGMT_RECV] = { receive, SUPPORTED },
	[NVME_OPC_IO_MGMT_SEND] = { send, SUPPORTED },
};
