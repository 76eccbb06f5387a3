/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Host memory buffer: what the drive does with it.
 *
 * The memory is the drive's from the completion of Set Features that enables it until the command that disables it, or a
 * reset: nothing of it is touched after that.  NVMe Base, "Host Memory Buffer" feature and section.
 */
#include "ssd/admin/hmb.h"
#include "nvproof/spec/feat.h"
#include "ssd/core.h"
#include "util/crc.h"
#include <string.h>

static void
record_make(const struct ssd *ssd, uint32_t i, struct ssd_hmb_record *rec)
{
	const struct ssd_hmb *h = &ssd->hmb;

	*rec = (struct ssd_hmb_record){
		.magic = "nvproof",
		.cntlid = le16_from(ssd->cntlid),
		.index = le16_from((uint16_t)i),
		.lent = le32_from(h->lent),
		.beat = le64_from(h->beat),
		.host_reads = le64_from(h->host_reads),
		.host_writes = le64_from(h->host_writes),
	};
	rec->crc = le32_from(ut_crc32c(0, rec, offsetof(struct ssd_hmb_record, crc)));
}

/* Whether each piece has what was left there. */
static bool
records_there(struct ssd *ssd)
{
	struct ssd_hmb_record want, got;

	for (uint32_t i = 0; i < ssd->hmb.nr; i++) {
		record_make(ssd, i, &want);
		if (ssd_mem_read(ssd, ssd->hmb.piece[i].addr, &got, sizeof(got)) || memcmp(&want, &got, sizeof(got)))
			return false;
	}
	return true;
}

static bool
records_write(struct ssd *ssd)
{
	struct ssd_hmb *h = &ssd->hmb;
	struct ssd_hmb_record rec;

	h->beat++;
	h->host_reads = ssd->sub->smart.host_reads;
	h->host_writes = ssd->sub->smart.host_writes;
	for (uint32_t i = 0; i < h->nr; i++) {
		record_make(ssd, i, &rec);
		if (ssd_mem_write(ssd, h->piece[i].addr, &rec, sizeof(rec)))
			return false;
	}
	return true;
}

/* "the controller shall ... not depend on it": what is wrong with the memory costs nothing but an entry in the error log. */
static void
complain(struct ssd *ssd)
{
	ssd_error_note(ssd, NVME_SC_DATA_TRANSFER);
	ssd_event(ssd, NVME_AER_ERROR, NVME_AER_ERROR_TRANSIENT, NVME_LOG_ERROR);
}

static void
begin_anew(struct ssd *ssd)
{
	ssd->hmb.lent = 1;
	ssd->hmb.beat = 0;
}

uint64_t
ssd_hmb_tick(struct ssd *ssd)
{
	struct ssd_hmb *h = &ssd->hmb;

	if (!h->on || ssd->stopped)
		return SSD_NEVER;
	if (ssd->now_ns < h->due_ns)
		return h->due_ns;
	h->due_ns = ssd->now_ns + SSD_HMB_BEAT_NS;
	if (!ssd->dma_ok)
		return h->due_ns;
	if (!h->lost && !records_there(ssd)) {
		complain(ssd);
		begin_anew(ssd);
	}
	h->lost = !records_write(ssd);
	return h->due_ns;
}

/* Pieces that are large enough, up to as many as are used; their pages. */
static nvme_status
list_read(struct ssd_cmd *c, uint64_t list, uint32_t count, uint64_t *usable, uint64_t *listed)
{
	struct ssd_hmb *h = &c->ssd->hmb;
	struct nvme_hmb_desc d;

	h->nr = 0;
	*usable = *listed = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t at = list + (uint64_t)i * sizeof(d), addr;
		uint32_t pages;

		if (ssd_mem_read(c->ssd, at, &d, sizeof(d)))
			return ssd_fail(c, NVME_SC_DATA_TRANSFER, offsetof(struct nvme_sqe, cdw13));
		addr = le64_get(d.badd);
		pages = le32_get(d.bsize);
		if (addr % SSD_PAGE || addr + (uint64_t)pages * SSD_PAGE < addr)
			return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw13));
		*listed += pages;
		if (pages < SSD_HMMINDS || h->nr == SSD_HMMAXD)
			continue;
		h->piece[h->nr++] = (struct ssd_hmb_piece){ .addr = addr, .pages = pages };
		*usable += pages;
	}
	return NVME_SC_SUCCESS;
}

#define HMB_LIST_MAX 65536u /* more descriptors than this are no list */

static nvme_status
list_check(struct ssd_cmd *c)
{
	uint32_t hsize = le32_get(c->sqe->cdw12), low = le32_get(c->sqe->cdw13), count = le32_get(c->sqe->cdw15);
	uint64_t usable, listed;
	nvme_status st;

	if (hsize < SSD_HMMIN)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw12));
	if (low % sizeof(struct nvme_hmb_desc))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw13));
	if (!count || count > HMB_LIST_MAX)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw15));
	st = list_read(c, low | (uint64_t)le32_get(c->sqe->cdw14) << 32, count, &usable, &listed);
	if (!st && (listed < hsize || usable < SSD_HMMIN))
		st = ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw12));
	return st;
}

static nvme_status
lend(struct ssd_cmd *c, bool returned)
{
	struct ssd *ssd = c->ssd;
	struct ssd_hmb *h = &ssd->hmb;
	nvme_status st = list_check(c);

	if (st) {
		h->lent = 0; /* the list of before is gone: nothing can be returned any more */
		return st;
	}
	if (returned && h->lent && records_there(ssd))
		h->lent++;
	else
		begin_anew(ssd);
	if (!records_write(ssd)) {
		h->lent = 0;
		return ssd_fail(c, NVME_SC_DATA_TRANSFER, offsetof(struct nvme_sqe, cdw13));
	}
	h->on = true;
	h->lost = false;
	h->hsize = le32_get(c->sqe->cdw12);
	h->list_low = le32_get(c->sqe->cdw13);
	h->list_high = le32_get(c->sqe->cdw14);
	h->count = le32_get(c->sqe->cdw15);
	h->due_ns = ssd->now_ns + SSD_HMB_BEAT_NS;
	ssd_timer_arm(ssd, h->due_ns);
	return NVME_SC_SUCCESS;
}

/* HMNARE belongs to CTRATT.HMBR, which is not announced. */
nvme_status
ssd_feat_hmb_set(struct ssd_cmd *c, uint32_t cdw11, bool save)
{
	struct ssd_hmb *h = &c->ssd->hmb;

	(void)save;
	if (cdw11 & ~(uint32_t)(NVME_FEAT_HMB_EHM | NVME_FEAT_HMB_MR))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, cdw11));
	if (!(cdw11 & NVME_FEAT_HMB_EHM)) {
		h->on = false; /* the record stays as it was renewed last, for when the memory is returned */
		return NVME_SC_SUCCESS;
	}
	if (h->on)
		return ssd_fail(c, NVME_SC_CMD_SEQUENCE, offsetof(struct nvme_sqe, cdw11));
	return lend(c, cdw11 & NVME_FEAT_HMB_MR);
}

nvme_status
ssd_feat_hmb_get(struct ssd_cmd *c, uint32_t cdw11, uint32_t sel)
{
	const struct ssd_hmb *h = &c->ssd->hmb;
	struct nvme_hmb_attr *a = (void *)c->ssd->bounce;

	(void)cdw11;
	memset(a, 0, sizeof(*a));
	if (sel == NVME_FEAT_SEL_CURRENT && h->on) {
		c->dw0 = (uint32_t)NVME_FEAT_HMB_EHM;
		a->hsize = le32_from(h->hsize);
		a->hmdlal = le32_from(h->list_low);
		a->hmdlau = le32_from(h->list_high);
		a->hmdlec = le32_from(h->count);
	}
	return ssd_reply(c, a, sizeof(*a));
}

void
ssd_hmb_reset(struct ssd *ssd)
{
	ssd->hmb.on = false;
}

void
ssd_hmb_forget(struct ssd *ssd)
{
	ssd->hmb.on = false;
	ssd->hmb.lent = 0;
}
