/* SPDX-License-Identifier: BSD-3-Clause */
/* The Persistent Event log: where events are kept, and how a host reads them.   NVMe Base 2.1, "Persistent Event Log". */
#include "ssd/admin/pel.h"
#include "ssd/admin/feat.h"
#include "ssd/admin/identify.h"
#include "ssd/admin/log.h"
#include <string.h>

#define HDR sizeof(struct nvme_pel_event)
#define LSP_BYTE (offsetof(struct nvme_sqe, cdw10) + 1)

/* The types that this drive records. */
static const uint8_t recorded[] = {
	NVME_PEL_SMART,	    NVME_PEL_FW_COMMIT, NVME_PEL_TIMESTAMP,	 NVME_PEL_RESET,
	NVME_PEL_HW_ERROR,  NVME_PEL_NS_CHANGE, NVME_PEL_FORMAT_START,	 NVME_PEL_FORMAT_DONE,
	NVME_PEL_TELEMETRY, NVME_PEL_THERMAL,	NVME_PEL_SANITIZE_START, NVME_PEL_SANITIZE_DONE,
};

/* Length of the event at off; 0: none that is whole. */
static uint32_t
event_len(const struct ssd_pel_kept *k, uint32_t off, uint32_t used)
{
	struct nvme_pel_event e;
	uint32_t len;

	if (used - off < HDR)
		return 0;
	memcpy(&e, k->buf + off, HDR);
	len = (uint32_t)HDR + le16_get(e.el);
	return len <= used - off ? len : 0;
}

bool
ssd_pel_kept_ok(const struct ssd_subsys *sub)
{
	const struct ssd_pel_kept *k = &sub->pel;
	uint32_t used = le32_get(k->used), off = 0, len = 1;

	if (used > sizeof(k->buf))
		return false;
	while (off < used && len) {
		len = event_len(k, off, used);
		off += len;
	}
	return off == used;
}

/* The oldest go until there is room. */
static void
make_room(struct ssd_pel_kept *k, uint32_t len)
{
	uint32_t used = le32_get(k->used), off = 0;

	while (used - off + len > sizeof(k->buf))
		off += event_len(k, off, used);
	memmove(k->buf, k->buf + off, used - off);
	k->used = le32_from(used - off);
}

void
ssd_pel_add(struct ssd_subsys *sub, const struct ssd *ssd, enum nvme_pel_type type, const void *data, size_t len)
{
	struct ssd_pel_kept *k = &sub->pel;
	struct nvme_pel_event e = { .etype = (uint8_t)type,
				    .etrev = 1,
				    .ehl = NVME_PEL_EHL,
				    .cntlid = le16_from(ssd ? ssd->cntlid : 0),
				    .el = le16_from((uint16_t)len) };
	struct nvme_timestamp ts = { .attr = 0 };
	uint32_t used;

	if (ssd)
		ssd_timestamp(ssd, &ts);
	memcpy(e.ets, &ts, sizeof(e.ets));
	make_room(k, (uint32_t)(HDR + len));
	used = le32_get(k->used);
	memcpy(k->buf + used, &e, HDR);
	memcpy(k->buf + used + HDR, data, len);
	k->used = le32_from((uint32_t)(used + HDR + len));
	ssd_part_save(sub, SSD_PART_PEL);
}

/* The newest first. */
static uint32_t
copy_events(const struct ssd_pel_kept *k, uint8_t *to)
{
	uint32_t used = le32_get(k->used), count = 0, len;

	for (uint32_t off = 0; off < used; off += len) {
		len = event_len(k, off, used);
		memcpy(to + used - off - len, k->buf + off, len);
		count++;
	}
	return count;
}

static void
fill_header(struct ssd *ssd, struct nvme_pel_hdr *h, uint32_t count)
{
	struct ssd_subsys *sub = ssd->sub;
	uint64_t poh = sub->smart.power_on_ns / 3600000000000ull;
	struct nvme_timestamp ts;
	struct nvme_id_ctrl *id = (void *)ssd->bounce2;

	memset(id, 0, sizeof(*id));
	ssd_id_ctrl(ssd, id);
	ssd_timestamp(ssd, &ts);
	h->lid = NVME_LOG_PEL;
	h->tnev = le32_from(count);
	h->tll[0] = le32_from((uint32_t)sizeof(*h) + le32_get(sub->pel.used));
	h->lrev = 3;
	h->lhl = le16_from(NVME_PEL_LHL);
	memcpy(h->ts, &ts, sizeof(ts));
	h->poh[0] = le32_from((uint32_t)poh);
	h->pcc[0] = le32_from((uint32_t)sub->smart.power_cycles);
	h->vid = id->vid;
	h->ssvid = id->ssvid;
	memcpy(h->sn, id->sn, sizeof(h->sn));
	memcpy(h->mn, id->mn, sizeof(h->mn));
	memcpy(h->subnqn, id->subnqn, sizeof(h->subnqn));
	h->gnum = sub->pel.gnum;
	for (size_t i = 0; i < UT_ARRAY_LEN(recorded); i++)
		h->seb[recorded[i] / 8] |= (uint8_t)(1u << recorded[i] % 8);
}

/* What is there now is what the host reads until it releases it. */
static void
establish(struct ssd *ssd)
{
	struct ssd_pel_kept *k = &ssd->sub->pel;
	struct nvme_pel_hdr *h = (void *)ssd->pel;

	k->gnum = le16_from((uint16_t)(le16_get(k->gnum) + 1));
	memset(h, 0, sizeof(*h));
	ssd->pel_len = (uint32_t)sizeof(*h) + le32_get(k->used);
	fill_header(ssd, h, copy_events(k, ssd->pel + sizeof(*h)));
	ssd_part_save(ssd->sub, SSD_PART_PEL);
}

/*
 * One context a controller.  Reading needs one; establishing a second one is out of sequence, except for the header's sake, where RCE
 * tells of it.  Releasing none is no error.
 */
nvme_status
ssd_log_pel_check(struct ssd_cmd *c)
{
	struct ssd *ssd = c->ssd;
	struct nvme_pel_hdr *h = (void *)ssd->pel;
	uint64_t lsp = nvme_get(le32_get(c->sqe->cdw10), NVME_GLP_LSP), action = nvme_get(lsp, NVME_PEL_LSP_ACTION);
	bool there = ssd->pel_len;

	if (action == NVME_PEL_RELEASE) {
		ssd->pel_len = 0;
		return SSD_LOG_NO_DATA;
	}
	if (action == NVME_PEL_READ ? !there : action == NVME_PEL_ESTABLISH && there)
		return ssd_fail(c, NVME_SC_CMD_SEQUENCE, LSP_BYTE);
	if (!there)
		establish(ssd);
	h->rci[1] = le16_from(action == NVME_PEL_ESTABLISH_HDR && there ? NVME_PEL_RCI_RCE >> 16 : 0);
	return NVME_SC_SUCCESS;
}

void
ssd_log_pel(struct ssd *ssd, void *buf)
{
	memcpy(buf, ssd->pel, ssd->pel_len);
}
