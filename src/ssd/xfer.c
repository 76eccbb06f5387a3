/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data of a command: from the PRP entries or the SGL of the SQE to pieces of host memory, and copies over them.
 * Everything that the host can change while we look (PRP lists, SGL segments) is copied before it is checked.
 *
 * NVMe Base, "Physical Region Page Entry and List"; the SGL is in sgl.c.
 */
#include "ssd/core.h"
#include <string.h>

#define PRPS_PER_PAGE (SSD_PAGE / sizeof(le64))

/* Pieces that follow each other both at the host and here are one. */
static bool
seg_extend(struct ssd_seg *s, const uint8_t *va, uint64_t addr, uint32_t len)
{
	if (s->bucket || s->addr + s->len != addr || (!s->va != !va) || s->len + len < len)
		return false;
	if (va && (uint8_t *)s->va + s->len != va)
		return false;
	s->len += len;
	return true;
}

bool
ssd_seg_add(struct ssd_cmd *c, uint64_t addr, uint32_t len)
{
	struct ssd *ssd = c->ssd;
	uint8_t *va;

	if (addr % SSD_PAGE + len <= SSD_PAGE)
		va = ssd_page_va(ssd, addr);
	else
		va = ssd_mem_map(ssd, addr, len);
	if (c->nsegs && seg_extend(&c->segs[c->nsegs - 1], va, addr, len))
		return true;
	if (c->nsegs == SSD_MAX_SEGS)
		return false;
	c->segs[c->nsegs++] = (struct ssd_seg){ .va = va, .addr = addr, .len = len };
	return true;
}

bool
ssd_seg_bucket(struct ssd_cmd *c, uint32_t len)
{
	if (c->nsegs == SSD_MAX_SEGS)
		return false;
	c->segs[c->nsegs++] = (struct ssd_seg){ .addr = UINT64_MAX, .len = len, .bucket = true };
	return true;
}

static nvme_status
prp_bad(struct ssd_cmd *c, size_t field)
{
	return ssd_fail(c, NVME_SC_PRP_INVALID_OFFSET, field);
}

/* Data pages from a list in local memory. */
static nvme_status
prp_pages(struct ssd_cmd *c, const le64 *prp, uint32_t n, uint64_t *left)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t addr = le64_get(prp[i]);
		uint32_t len = (uint32_t)UT_MIN(*left, SSD_PAGE);

		if (addr % SSD_PAGE)
			return prp_bad(c, offsetof(struct nvme_sqe, prp2));
		if (!ssd_seg_add(c, addr, len))
			return ssd_fail(c, NVME_SC_INVALID_FIELD, offsetof(struct nvme_sqe, prp2));
		*left -= len;
	}
	return NVME_SC_SUCCESS;
}

/*
 * A PRP list goes from its address to the end of that page.  Where it has too few entries for the rest of the data, its last
 * entry is the address of the next list, at offset 0.
 */
static nvme_status
prp_list(struct ssd_cmd *c, uint64_t list, uint64_t left)
{
	le64 prp[PRPS_PER_PAGE];
	nvme_status st;

	if (list % sizeof(le64))
		return prp_bad(c, offsetof(struct nvme_sqe, prp2));
	while (left) {
		uint32_t slots = (uint32_t)((SSD_PAGE - list % SSD_PAGE) / sizeof(le64));
		uint64_t pages = (left + SSD_PAGE - 1) / SSD_PAGE;
		bool chained = pages > slots;
		uint32_t n = chained ? slots - 1 : (uint32_t)pages;

		if (ssd_mem_read(c->ssd, list, prp, (n + chained) * (uint32_t)sizeof(le64)))
			return ssd_fail(c, NVME_SC_DATA_TRANSFER, offsetof(struct nvme_sqe, prp2));
		st = prp_pages(c, prp, n, &left);
		if (st)
			return st;
		if (!chained)
			break;
		list = le64_get(prp[n]);
		if (list % SSD_PAGE)
			return prp_bad(c, offsetof(struct nvme_sqe, prp2));
	}
	return NVME_SC_SUCCESS;
}

static nvme_status
prp_walk(struct ssd_cmd *c, uint64_t len)
{
	uint64_t prp1 = le64_get(c->sqe->prp1), prp2 = le64_get(c->sqe->prp2);
	uint32_t first = SSD_PAGE - (uint32_t)(prp1 % SSD_PAGE);

	if (ssd_unlikely(prp1 % 4))
		return prp_bad(c, offsetof(struct nvme_sqe, prp1));
	if (ssd_likely(len <= first)) {
		ssd_seg_add(c, prp1, (uint32_t)len);
		return NVME_SC_SUCCESS;
	}
	ssd_seg_add(c, prp1, first);
	len -= first;
	if (len > SSD_PAGE)
		return prp_list(c, prp2, len);
	if (prp2 % SSD_PAGE)
		return prp_bad(c, offsetof(struct nvme_sqe, prp2));
	ssd_seg_add(c, prp2, (uint32_t)len);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_data(struct ssd_cmd *c, uint64_t len)
{
	c->nsegs = 0;
	if (ssd_unlikely(!len))
		return NVME_SC_SUCCESS;
	if (ssd_likely(!(c->sqe->flags & NVME_SQE_PSDT)))
		return prp_walk(c, len);
	return ssd_sgl_walk(c, len);
}

static int
seg_copy(struct ssd_cmd *c, const struct ssd_seg *s, uint32_t off, void *buf, uint32_t len, bool to_host)
{
	if (s->bucket)
		return 0;
	if (s->va && to_host)
		memcpy((uint8_t *)s->va + off, buf, len);
	else if (s->va)
		memcpy(buf, (const uint8_t *)s->va + off, len);
	else if (to_host)
		return ssd_mem_write(c->ssd, s->addr + off, buf, len);
	else
		return ssd_mem_read(c->ssd, s->addr + off, buf, len);
	return 0;
}

/* buf is only written when !to_host. */
static nvme_status
copy(struct ssd_cmd *c, uint64_t off, uint8_t *buf, uint64_t len, bool to_host)
{
	for (uint32_t i = 0; i < c->nsegs && len; i++) {
		const struct ssd_seg *s = &c->segs[i];
		uint32_t n;

		if (off >= s->len) {
			off -= s->len;
			continue;
		}
		n = (uint32_t)UT_MIN(len, s->len - off);
		if (ssd_unlikely(seg_copy(c, s, (uint32_t)off, buf, n, to_host)))
			return ssd_fail(c, NVME_SC_DATA_TRANSFER, offsetof(struct nvme_sqe, prp1));
		off = 0;
		buf += n;
		len -= n;
	}
	return len ? ssd_fail(c, NVME_SC_INTERNAL, offsetof(struct nvme_sqe, prp1)) : NVME_SC_SUCCESS;
}

nvme_status
ssd_to_host(struct ssd_cmd *c, uint64_t off, const void *src, uint64_t len)
{
	return copy(c, off, (uint8_t *)(uintptr_t)src, len, true);
}

nvme_status
ssd_from_host(struct ssd_cmd *c, uint64_t off, void *dst, uint64_t len)
{
	return copy(c, off, dst, len, false);
}

nvme_status
ssd_reply(struct ssd_cmd *c, const void *src, uint64_t len)
{
	nvme_status st = ssd_data(c, len);

	return st ? st : ssd_to_host(c, 0, src, len);
}
