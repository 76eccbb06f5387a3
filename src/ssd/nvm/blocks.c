/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks with metadata, between the media and memory of ours. */
#include "ssd/nvm/blocks.h"
#include <string.h>
#include "ssd/nvm/atomic.h"
#include "ssd/nvm/lba_map.h"
#include "ssd/nvm/nvm.h"

struct nvm_blocks
nvm_blocks_lay(const struct ssd_ns *ns, uint8_t *buf, uint32_t nlb, bool extended)
{
	uint32_t block = ns->lba_size + ns->meta_size;

	assert(nlb <= nvm_blocks_max(ns));
	return (struct nvm_blocks){
		.data = buf,
		.meta = buf + (extended ? ns->lba_size : nlb * ns->lba_size),
		.data_step = extended ? block : ns->lba_size,
		.meta_step = extended ? block : ns->meta_size,
		.nlb = nlb,
	};
}

static void
media_read(struct ssd_media *m, uint64_t off, uint8_t *dst, uint64_t total)
{
	for (uint64_t done = 0, len; done < total; done += len) {
		len = total - done;
		memcpy(dst + done, m->ops->peek(m, off + done, &len), len);
	}
}

static bool
media_write(struct ssd_cmd *c, uint64_t off, const uint8_t *src, uint64_t total)
{
	struct ssd_media *m = c->ns->sub->media;

	for (uint64_t done = 0, len; done < total; done += len) {
		void *dst;

		len = total - done;
		dst = m->ops->poke(m, off + done, &len, c->place);
		if (!dst)
			return false;
		if (!m->null)
			memcpy(dst, src + done, len);
	}
	return true;
}

/* n pieces of `size` bytes, which follow each other in the media and are `step` apart here. */
static void
read_pieces(struct ssd_media *m, uint64_t off, uint8_t *dst, uint32_t step, uint32_t size, uint32_t n)
{
	if (step == size) {
		media_read(m, off, dst, (uint64_t)size * n);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		media_read(m, off + (uint64_t)i * size, dst + (size_t)i * step, size);
}

static bool
write_pieces(struct ssd_cmd *c, uint64_t off, const uint8_t *src, uint32_t step, uint32_t size, uint32_t n)
{
	if (step == size)
		return media_write(c, off, src, (uint64_t)size * n);
	for (uint32_t i = 0; i < n; i++) {
		if (!media_write(c, off + (uint64_t)i * size, src + (size_t)i * step, size))
			return false;
	}
	return true;
}

/* DLFEAT.GDS is 0: the guard is all ones too. */
static void
protect_unwritten(struct ssd_ns *ns, uint64_t slba, const struct nvm_blocks *b)
{
	uint64_t at = slba, end = slba + b->nlb, lba;

	for (; at < end && ssd_lba_map_find(ns->alloc, at, end - at, false, &lba); at = lba + 1)
		memset(b->meta + (lba - slba) * b->meta_step + ns->pi.off, 0xff, ns->pi.size);
}

void
nvm_blocks_load(struct ssd_ns *ns, uint64_t slba, const struct nvm_blocks *b)
{
	struct ssd_media *m = ns->sub->media;

	read_pieces(m, ssd_nvm_off(ns, slba), b->data, b->data_step, ns->lba_size, b->nlb);
	read_pieces(m, ssd_nvm_meta_off(ns, slba), b->meta, b->meta_step, ns->meta_size, b->nlb);
	if (ns->pi.type)
		protect_unwritten(ns, slba, b);
}

nvme_status
nvm_blocks_store_meta(struct ssd_cmd *c, uint64_t slba, const struct nvm_blocks *b)
{
	struct ssd_ns *ns = c->ns;

	if (!write_pieces(c, ssd_nvm_meta_off(ns, slba), b->meta, b->meta_step, ns->meta_size, b->nlb))
		return ssd_fail_lba(c, NVME_SC_WRITE_FAULT, slba);
	return NVME_SC_SUCCESS;
}

static nvme_status
store(struct ssd_cmd *c, uint64_t slba, const struct nvm_blocks *b)
{
	struct ssd_ns *ns = c->ns;
	nvme_status st = NVME_SC_SUCCESS;

	if (!write_pieces(c, ssd_nvm_off(ns, slba), b->data, b->data_step, ns->lba_size, b->nlb))
		st = ssd_fail_lba(c, NVME_SC_WRITE_FAULT, slba);
	if (!st)
		st = nvm_blocks_store_meta(c, slba, b);
	if (st)
		return st;
	ssd_lba_map_set(ns->alloc, slba, b->nlb);
	ssd_lba_map_clear(ns->bad, slba, b->nlb);
	return NVME_SC_SUCCESS;
}

/* No block survives a power loss without its metadata; as many as are announced survive together. */
nvme_status
nvm_blocks_store(struct ssd_cmd *c, uint64_t slba, const struct nvm_blocks *b)
{
	uint32_t step = ssd_atomic_needed(c->ns) ? ssd_atomic_nlb(c->ns) : b->nlb;
	nvme_status st = NVME_SC_SUCCESS;

	for (uint32_t at = 0; !st && at < b->nlb; at += step) {
		struct nvm_blocks some = *b;

		some.data += (size_t)at * b->data_step;
		some.meta += (size_t)at * b->meta_step;
		some.nlb = UT_MIN(b->nlb - at, step);
		if (!ssd_atomic_begin(c, slba + at, some.nlb))
			return ssd_fail_lba(c, NVME_SC_WRITE_FAULT, slba + at);
		st = store(c, slba + at, &some);
		ssd_atomic_end(c->ns);
	}
	return st;
}
