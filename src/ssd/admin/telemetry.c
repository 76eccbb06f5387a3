/* SPDX-License-Identifier: BSD-3-Clause */
/* Telemetry logs 07h and 08h; telemetry.h says what is in them. */
#include "ssd/admin/telemetry.h"
#include "nvproof/spec/feat.h"
#include "ssd/admin/identify.h"
#include "ssd/admin/log.h"
#include "ssd/admin/pel.h"
#include "ssd/core.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BLOCK 512u
#define AREA1 1u
#define AREA2 (AREA1 + SSD_ERROR_ENTRIES * (uint32_t)sizeof(struct nvme_error_log_entry) / BLOCK)
#define AREA3 SSD_TELEMETRY_BLOCKS
#define LSP_MCDA NVME_BITS(3, 1)
static_assert(AREA2 < AREA3, "room for text");

struct text {
	char *at;
	size_t left;
};

static void __attribute__((format(printf, 2, 3))) say(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at, t->left, fmt, ap);
	va_end(ap);
	n = n < 0 ? 0 : n;
	n = (size_t)n < t->left ? n : (int)t->left - 1;
	t->at += n;
	t->left -= (size_t)n;
}

static void
describe(const struct ssd *ssd, struct text *t)
{
	say(t, "controller %u at %" PRIu64 " ns\n", ssd->cntlid, ssd->now_ns);
	say(t, "CC %08x CSTS %08x AQA %08x ASQ %016" PRIx64 " ACQ %016" PRIx64 "\n", ssd->cc, ssd->csts, ssd->aqa,
	    ssd->asq, ssd->acq);
	say(t, "power state %u, heat level %u, temperature %u K, hold %02x\n", ssd->power.ps, ssd->heat.level,
	    ssd->sub->temperature_k, ssd->hold);
	say(t, "AERs %u, events %u, late completions %u\n", ssd->nr_aers, ssd->nr_aer_events, ssd->nr_late);
	for (uint32_t i = 0; i < SSD_MAX_QUEUES; i++) {
		const struct ssd_sq *sq = &ssd->sq[i];

		if (sq->live)
			say(t, "SQ %u: %u entries, head %u tail %u; CQ %u: head %u tail %u\n", i, sq->size, sq->head,
			    sq->tail, sq->cq->id, sq->cq->head, sq->cq->tail);
	}
}

/* areas: the greatest to fill; those above it are empty. */
static void
capture(struct ssd *ssd, uint8_t lid, uint32_t areas, const char *reason, struct ssd_telemetry *t)
{
	struct nvme_telemetry_log *h = (void *)t->data;
	uint8_t *data = t->data + BLOCK;

	memset(t->data, 0, sizeof(t->data));
	h->lid = lid;
	for (int i = 0; i < 3; i++)
		h->ieee[i] = (uint8_t)(ssd->sub->cfg.profile.oui >> 8 * i);
	h->da1lb = le16_from(AREA1);
	h->da2lb = le16_from((uint16_t)(areas >= 2 ? AREA2 : AREA1));
	h->da3lb = areas >= 3 ? le16_from(AREA3) : h->da2lb;
	snprintf((char *)h->rid, sizeof(h->rid), "%s", reason);
	ssd_log_smart(ssd, data);
	if (areas >= 2)
		ssd_log_error(ssd, data + AREA1 * BLOCK);
	if (areas >= 3)
		describe(ssd, &(struct text){ (char *)data + AREA2 * BLOCK, (AREA3 - AREA2) * BLOCK });
}

/* What changes without a capture. */
static void
fill(struct ssd *ssd, uint8_t lid, const struct ssd_telemetry *t, void *buf)
{
	const struct ssd_telemetry_kept *k = &ssd->sub->telemetry;
	struct nvme_telemetry_log *h = buf;

	memcpy(buf, t->data, sizeof(t->data));
	h->lid = lid;
	for (int i = 0; i < 3; i++)
		h->ieee[i] = (uint8_t)(ssd->sub->cfg.profile.oui >> 8 * i);
	if (lid == NVME_LOG_TELEMETRY_HOST) {
		h->this = 1; /* of the controller */
		h->thdgn = ssd->telemetry_gen;
	}
	h->tcda = k->tcda;
	h->tcdgn = k->tcdgn;
}

/* "If the host requests a data transfer that is not a multiple of 512 bytes": neither length nor offset may be anything else. */
static nvme_status
check_blocks(struct ssd_cmd *c)
{
	uint64_t numd = nvme_get(le32_get(c->sqe->cdw11), NVME_GLP_NUMDU) << 16 |
			nvme_get(le32_get(c->sqe->cdw10), NVME_GLP_NUMDL);

	if ((numd + 1) * 4 % BLOCK)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw10) + 2);
	if (le32_get(c->sqe->cdw12) % BLOCK)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw12));
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_log_telemetry_host_check(struct ssd_cmd *c)
{
	uint64_t lsp = nvme_get(le32_get(c->sqe->cdw10), NVME_GLP_LSP), mcda = nvme_get(lsp, LSP_MCDA);
	struct ssd *ssd = c->ssd;
	nvme_status st = check_blocks(c);

	if (st || !(lsp & NVME_TELEMETRY_LSP_CREATE))
		return st;
	ssd->telemetry_gen++;
	capture(ssd, NVME_LOG_TELEMETRY_HOST, mcda ? (uint32_t)mcda : 3, "host", &ssd->telemetry);
	fill(ssd, NVME_LOG_TELEMETRY_HOST, &ssd->telemetry, ssd->bounce);
	ssd_pel_add(ssd->sub, ssd, NVME_PEL_TELEMETRY, ssd->bounce, BLOCK);
	return NVME_SC_SUCCESS;
}

void
ssd_log_telemetry_host(struct ssd *ssd, void *buf)
{
	fill(ssd, NVME_LOG_TELEMETRY_HOST, &ssd->telemetry, buf);
}

nvme_status
ssd_log_telemetry_ctrl_check(struct ssd_cmd *c)
{
	return check_blocks(c);
}

void
ssd_log_telemetry_ctrl(struct ssd *ssd, void *buf)
{
	fill(ssd, NVME_LOG_TELEMETRY_CTRL, &ssd->sub->telemetry.log, buf);
}

void
ssd_log_telemetry_ctrl_read(struct ssd *ssd)
{
	if (!ssd->sub->telemetry.tcda)
		return;
	ssd->sub->telemetry.tcda = 0;
	ssd_part_save(ssd->sub, SSD_PART_TELEMETRY);
}

bool
ssd_telemetry_kept_ok(const struct ssd_subsys *sub)
{
	return sub->telemetry.tcda <= 1;
}

void
ssd_telemetry_capture(struct ssd *ssd, const char *reason)
{
	struct ssd_telemetry_kept *k = &ssd->sub->telemetry;

	capture(ssd, NVME_LOG_TELEMETRY_CTRL, 3, reason, &k->log);
	k->tcda = 1;
	k->tcdgn++;
	ssd_part_save(ssd->sub, SSD_PART_TELEMETRY);
	ssd_pel_add(ssd->sub, ssd, NVME_PEL_TELEMETRY, k->log.data, BLOCK);
	ssd->telemetry_due = ssd->stopped;
	ssd_event_all(ssd->sub, NVME_AER_NOTICE, NVME_AER_NOTICE_TELEMETRY, NVME_LOG_TELEMETRY_CTRL);
}

void
ssd_telemetry_ready(struct ssd *ssd)
{
	if (ssd->telemetry_due && ssd->sub->telemetry.tcda)
		ssd_event(ssd, NVME_AER_NOTICE, NVME_AER_NOTICE_TELEMETRY, NVME_LOG_TELEMETRY_CTRL);
	ssd->telemetry_due = false;
}
