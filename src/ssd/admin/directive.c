/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Directive Send and Directive Receive: the Identify directive and Streams.
 *
 * NVMe Base 2.2, "Directive Receive command", "Directive Send command", "Directives".
 */
#include "nvproof/spec/directive.h"
#include "nvproof/spec/nvm.h"
#include "ssd/admin/admin.h"
#include "ssd/fdp/fdp.h"
#include "ssd/media/media.h"
#include "ssd/nvm/streams.h"
#include <string.h>

#define NSID offsetof(struct nvme_sqe, nsid)
#define CDW(n) offsetof(struct nvme_sqe, cdw##n)
#define DOPER CDW(11)
#define DTYPE (CDW(11) + 1)

#define TYPES (1u << NVME_DTYPE_IDENTIFY | 1u << NVME_DTYPE_STREAMS)
#define TYPES_FDP (1u << NVME_DTYPE_IDENTIFY | 1u << NVME_DTYPE_DATA_PLACEMENT)
#define SWS_BYTES (64u << 10)
#define SGS 64u /* of SWS: 4 MiB */

/* An active namespace, or all of them where that is allowed. */
static nvme_status
check_ns(struct ssd_cmd *c, bool all_ok)
{
	uint32_t nsid = le32_get(c->sqe->nsid);

	if (nsid == NVME_NSID_ALL)
		return all_ok ? NVME_SC_SUCCESS : ssd_fail(c, NVME_SC_INVALID_FIELD, NSID);
	if (!nsid || nsid > ssd_nn(c->ssd->sub))
		return ssd_fail(c, NVME_SC_INVALID_NS, NSID);
	c->ns = ssd_ns_active(c->ssd, nsid);
	return c->ns ? NVME_SC_SUCCESS : ssd_fail(c, NVME_SC_INVALID_FIELD, NSID);
}

/* As much as the host asked for (NUMD): what is behind the end is zeros. */
static nvme_status
reply(struct ssd_cmd *c, const void *src, uint64_t have)
{
	uint64_t len = (le32_get(c->sqe->cdw10) + 1ull) * 4, n;
	nvme_status st =
		len > ssd_max_xfer(c->ssd->sub) ? ssd_fail(c, NVME_SC_INVALID_FIELD, CDW(10)) : ssd_data(c, len);

	have = UT_MIN(have, len);
	if (!st)
		st = ssd_to_host(c, 0, src, have);
	for (; !st && have < len; have += n) {
		n = UT_MIN(len - have, SSD_ZEROS);
		st = ssd_to_host(c, have, ssd_zeros, n);
	}
	return st;
}

static nvme_status
identify_params(struct ssd_cmd *c)
{
	struct nvme_dir_id_params *p = (void *)c->ssd->bounce;
	nvme_status st = check_ns(c, false);

	if (st)
		return st;
	memset(p, 0, sizeof(*p));
	p->supported[0] = c->ns->fdp ? TYPES_FDP : TYPES;
	p->enabled[0] = 1u << NVME_DTYPE_IDENTIFY;
	if (ssd_streams_on(c->ssd, c->ns->nsid))
		p->enabled[0] |= 1u << NVME_DTYPE_STREAMS;
	if (c->ns->fdp) /* as long as FDP is, whatever is reset */
		p->enabled[0] |= p->persistent[0] = 1u << NVME_DTYPE_DATA_PLACEMENT;
	return reply(c, p, sizeof(*p));
}

static nvme_status
streams_params(struct ssd_cmd *c)
{
	struct ssd_streams_count n;
	struct nvme_dir_streams_params p = { .msl = le16_from(SSD_STREAMS) };

	ssd_streams_count(c->ssd, le32_get(c->sqe->nsid), &n);
	p.nssa = le16_from(n.nssa);
	p.nsso = le16_from(n.nsso);
	p.nsa = le16_from(n.nsa);
	p.nso = le16_from(n.nso);
	if (c->ns) {
		p.sws = le32_from(SWS_BYTES >> c->ns->lba_shift);
		p.sgs = le16_from(SGS);
	}
	return reply(c, &p, sizeof(p));
}

static nvme_status
streams_status(struct ssd_cmd *c)
{
	uint16_t sid[SSD_STREAMS], n = ssd_streams_list(c->ssd, le32_get(c->sqe->nsid), sid);
	struct nvme_dir_streams_status *s = (void *)c->ssd->bounce;

	s->osc = le16_from(n);
	for (uint16_t i = 0; i < n; i++)
		s->sid[i] = le16_from(sid[i]);
	return reply(c, s, sizeof(*s) + n * sizeof(s->sid[0]));
}

/* None that it could have alone: it may use the subsystem's, unless there are none. */
static nvme_status
streams_allocate(struct ssd_cmd *c)
{
	uint16_t nsr = (uint16_t)nvme_get(le32_get(c->sqe->cdw12), NVME_DIR_ALLOC_NSR);
	struct ssd_streams_count n;
	int nsa;

	if (!c->ns)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, NSID);
	nsa = ssd_streams_allocate(c->ssd, c->ns->nsid, nsr);
	if (nsa < 0)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, DOPER);
	ssd_streams_count(c->ssd, c->ns->nsid, &n);
	if (!nsa && !n.nssa)
		return ssd_fail(c, NVME_SC_STREAM_ALLOC_FAILED, CDW(12));
	c->dw0 = nvme_put32(NVME_DIR_ALLOC_NSA, nsa);
	return NVME_SC_SUCCESS;
}

/* Of a directive type that is enabled. */
static nvme_status
streams_check(struct ssd_cmd *c)
{
	nvme_status st = check_ns(c, true);

	if (!st && !ssd_streams_on(c->ssd, le32_get(c->sqe->nsid)))
		st = ssd_fail(c, NVME_SC_INVALID_FIELD, DTYPE);
	return st;
}

static nvme_status
receive_streams(struct ssd_cmd *c, uint32_t doper)
{
	nvme_status st = streams_check(c);

	if (st)
		return st;
	switch (doper) {
	case NVME_DIR_RECV_STREAMS_PARAMS:
		return streams_params(c);
	case NVME_DIR_RECV_STREAMS_STATUS:
		return streams_status(c);
	case NVME_DIR_RECV_STREAMS_ALLOC:
		return streams_allocate(c);
	default:
		return ssd_fail(c, NVME_SC_INVALID_FIELD, DOPER);
	}
}

nvme_status
ssd_adm_directive_recv(struct ssd_cmd *c)
{
	uint32_t cdw11 = le32_get(c->sqe->cdw11), doper = nvme_get32(cdw11, NVME_DIRECTIVE_DOPER);

	switch (nvme_get(cdw11, NVME_DIRECTIVE_DTYPE)) {
	case NVME_DTYPE_IDENTIFY:
		if (doper != NVME_DIR_RECV_ID_PARAMS)
			return ssd_fail(c, NVME_SC_INVALID_FIELD, DOPER);
		return identify_params(c);
	case NVME_DTYPE_STREAMS:
		return receive_streams(c, doper);
	default:
		return ssd_fail(c, NVME_SC_INVALID_FIELD, DTYPE);
	}
}

/* Data Placement is enabled and disabled with FDP, and there are no streams beside it. */
static bool
no_streams(const struct ssd_cmd *c, uint32_t type, bool on)
{
	bool fdp = c->ns ? c->ns->fdp : ssd_fdp_on(c->ssd->sub);

	return fdp && (on || type == NVME_DTYPE_DATA_PLACEMENT);
}

/* NVMe Base 2.2, "Enable Directive (Directive Operation 01h)": to disable what is not there is no error. */
static nvme_status
enable(struct ssd_cmd *c)
{
	uint32_t cdw12 = le32_get(c->sqe->cdw12), type = nvme_get32(cdw12, NVME_DIR_ENABLE_DTYPE);
	bool on = cdw12 & NVME_DIR_ENABLE_ENDIR;
	nvme_status st = check_ns(c, true);

	if (st)
		return st;
	if (type == NVME_DTYPE_IDENTIFY || (on && type != NVME_DTYPE_STREAMS) || no_streams(c, type, on))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW(12) + 1);
	if (type == NVME_DTYPE_STREAMS)
		ssd_streams_enable(c->ssd, le32_get(c->sqe->nsid), on);
	return NVME_SC_SUCCESS;
}

static nvme_status
release_resources(struct ssd_cmd *c)
{
	for (uint32_t nsid = 1; nsid <= SSD_MAX_NAMESPACES; nsid++) {
		if (c->ns ? c->ns->nsid == nsid : ssd_ns_active(c->ssd, nsid) != NULL)
			ssd_streams_release(c->ssd, nsid);
	}
	return NVME_SC_SUCCESS;
}

static nvme_status
send_streams(struct ssd_cmd *c, uint32_t doper)
{
	uint16_t sid = (uint16_t)nvme_get(le32_get(c->sqe->cdw11), NVME_DIRECTIVE_DSPEC);
	nvme_status st = streams_check(c);

	if (st)
		return st;
	if (doper == NVME_DIR_SEND_STREAMS_RELEASE_RES)
		return release_resources(c);
	if (doper != NVME_DIR_SEND_STREAMS_RELEASE_ID)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, DOPER);
	if (!c->ns)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, NSID);
	ssd_streams_close(c->ssd, c->ns->nsid, sid);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_adm_directive_send(struct ssd_cmd *c)
{
	uint32_t cdw11 = le32_get(c->sqe->cdw11), doper = nvme_get32(cdw11, NVME_DIRECTIVE_DOPER);

	switch (nvme_get(cdw11, NVME_DIRECTIVE_DTYPE)) {
	case NVME_DTYPE_IDENTIFY:
		if (doper != NVME_DIR_SEND_ID_ENABLE)
			return ssd_fail(c, NVME_SC_INVALID_FIELD, DOPER);
		return enable(c);
	case NVME_DTYPE_STREAMS:
		return send_streams(c, doper);
	default:
		return ssd_fail(c, NVME_SC_INVALID_FIELD, DTYPE);
	}
}
