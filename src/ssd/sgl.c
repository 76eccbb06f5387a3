/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scatter gather lists: from the descriptor in the SQE along its segments to pieces of host memory.
 *
 * A segment is copied here in parts before a descriptor of it is looked at.  A chain may be endless, or a loop of empty
 * segments; the number of descriptors that one command may have bounds both.
 *
 * NVMe Base, "Scatter Gather List (SGL)"; the statuses: "Generic Command Status" 0Dh to 11h.
 */
#include "ssd/core.h"

#define SGL_CHUNK 64u /* descriptors copied at once */
#define SGL_MAX_DESCS (2 * SSD_MAX_SEGS)

struct sgl_walk {
	struct ssd_cmd *c;
	uint64_t left; /* data that no descriptor covers yet */
	uint32_t descs;
	bool to_host;
};

static nvme_status
sgl_bad(struct ssd_cmd *c, nvme_status sc)
{
	return ssd_fail(c, sc, offsetof(struct nvme_sqe, sgl));
}

static uint8_t
sgl_type(const struct nvme_sgl_desc *d)
{
	return (uint8_t)nvme_get(d->type, NVME_SGL_TYPE);
}

static bool
sgl_is_segment(const struct nvme_sgl_desc *d)
{
	return sgl_type(d) == NVME_SGL_SEGMENT || sgl_type(d) == NVME_SGL_LAST_SEGMENT;
}

/* Only addresses: offsets and what belongs to fabrics are not announced in SGLS. */
static bool
sgl_known(const struct nvme_sgl_desc *d)
{
	return sgl_type(d) <= NVME_SGL_LAST_SEGMENT && nvme_get(d->type, NVME_SGL_SUBTYPE) == NVME_SGL_SUBTYPE_ADDRESS;
}

static nvme_status
sgl_data_block(struct sgl_walk *w, const struct nvme_sgl_desc *d)
{
	uint32_t len = le32_get(d->len);

	if (len > w->left)
		return sgl_bad(w->c, NVME_SC_SGL_DATA_LEN); /* SGLS does not announce SGLs longer than the data */
	w->left -= len;
	if (len && !ssd_seg_add(w->c, le64_get(d->addr), len))
		return sgl_bad(w->c, NVME_SC_SGL_INVALID_COUNT);
	return NVME_SC_SUCCESS;
}

/* To the host, bytes that are thrown away; from the host, a bit bucket means nothing and its length is not looked at. */
static nvme_status
sgl_bit_bucket(struct sgl_walk *w, const struct nvme_sgl_desc *d)
{
	uint32_t len = le32_get(d->len);

	if (!w->to_host)
		return NVME_SC_SUCCESS;
	if (len > w->left)
		return sgl_bad(w->c, NVME_SC_SGL_DATA_LEN);
	w->left -= len;
	if (len && !ssd_seg_bucket(w->c, len))
		return sgl_bad(w->c, NVME_SC_SGL_INVALID_COUNT);
	return NVME_SC_SUCCESS;
}

static nvme_status
sgl_data(struct sgl_walk *w, const struct nvme_sgl_desc *d)
{
	if (++w->descs > SGL_MAX_DESCS)
		return sgl_bad(w->c, NVME_SC_SGL_INVALID_COUNT);
	if (!sgl_known(d))
		return sgl_bad(w->c, NVME_SC_SGL_INVALID_TYPE);
	return sgl_type(d) == NVME_SGL_BIT_BUCKET ? sgl_bit_bucket(w, d) : sgl_data_block(w, d);
}

/* A descriptor of a segment: whole descriptors, at a qword. */
static nvme_status
sgl_segment_check(struct sgl_walk *w, const struct nvme_sgl_desc *d)
{
	uint32_t len = le32_get(d->len);

	if (++w->descs > SGL_MAX_DESCS)
		return sgl_bad(w->c, NVME_SC_SGL_INVALID_COUNT);
	if (!sgl_known(d))
		return sgl_bad(w->c, NVME_SC_SGL_INVALID_TYPE);
	if (!len || len % sizeof(*d) || le64_get(d->addr) % 8)
		return sgl_bad(w->c, NVME_SC_SGL_INVALID_SEGMENT);
	return NVME_SC_SUCCESS;
}

/*
 * The descriptors of one segment.  Only the last one of a segment that is not the last segment may, and must, lead on; it
 * comes back in *next.
 */
static nvme_status
sgl_segment(struct sgl_walk *w, const struct nvme_sgl_desc *seg, struct nvme_sgl_desc *next)
{
	struct nvme_sgl_desc d[SGL_CHUNK];
	bool last = sgl_type(seg) == NVME_SGL_LAST_SEGMENT;
	uint32_t total = le32_get(seg->len) / (uint32_t)sizeof(d[0]);
	nvme_status st;

	for (uint32_t i = 0; i < total; i++) {
		uint32_t k = i % SGL_CHUNK;

		if (!k && ssd_mem_read(w->c->ssd, le64_get(seg->addr) + (uint64_t)i * sizeof(d[0]), d,
				       (uint32_t)sizeof(d[0]) * UT_MIN(total - i, SGL_CHUNK)))
			return sgl_bad(w->c, NVME_SC_DATA_TRANSFER);
		if (sgl_is_segment(&d[k])) {
			if (last)
				return sgl_bad(w->c, NVME_SC_SGL_INVALID_SEGMENT);
			if (i != total - 1)
				return sgl_bad(w->c, NVME_SC_SGL_INVALID_COUNT);
			*next = d[k];
			return sgl_segment_check(w, next);
		}
		st = sgl_data(w, &d[k]);
		if (st)
			return st;
	}
	/* A segment that is not the last one has to end in a descriptor of the next. */
	return last ? NVME_SC_SUCCESS : sgl_bad(w->c, NVME_SC_SGL_INVALID_SEGMENT);
}

nvme_status
ssd_sgl_walk(struct ssd_cmd *c, uint64_t len)
{
	return ssd_sgl_walk_from(c, &c->sqe->sgl, len);
}

nvme_status
ssd_sgl_walk_from(struct ssd_cmd *c, const struct nvme_sgl_desc *first, uint64_t len)
{
	struct sgl_walk w = {
		.c = c,
		.left = len,
		.to_host = nvme_get(c->sqe->opc, NVME_OPC_DTD) == NVME_DTD_TO_HOST,
	};
	struct nvme_sgl_desc seg = *first, next = seg;
	nvme_status st;

	if (!sgl_is_segment(&seg)) {
		st = sgl_data(&w, &seg);
	} else {
		st = sgl_segment_check(&w, &seg);
		while (!st) {
			bool last = sgl_type(&seg) == NVME_SGL_LAST_SEGMENT;

			st = sgl_segment(&w, &seg, &next);
			if (last)
				break;
			seg = next;
		}
	}
	if (!st && w.left)
		st = sgl_bad(c, NVME_SC_SGL_DATA_LEN);
	return st;
}
