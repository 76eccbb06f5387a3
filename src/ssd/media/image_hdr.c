/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first 4 KiB of an image: two slots of 2 KiB that are written in turn.  A slot has a sequence number and a
 * CRC-32C, so that a write which was cut short leaves the other slot valid.  All integers are little-endian.
 */
#include "ssd/media/media.h"
#include "util/crc.h"
#include <errno.h>
#include <string.h>

#define IMAGE_MAGIC "nvproof image\r\n\032"
#define IMAGE_VERSION 2u /* 1 had LBA maps for each namespace */
#define IMAGE_FLASH 3u /* the data are modelled flash, and not the media's */

struct image_ns {
	le64 size; /* bytes */
	uint8_t lbaf, how, rsvd10[6]; /* how: IMAGE_*; images from before there was metadata have 0h */
};

#define IMAGE_EXTENDED NVME_BIT(0)
#define IMAGE_PI NVME_BITS(2, 1)
#define IMAGE_PI_FIRST NVME_BIT(3)

struct image_saved {
	le32 v[12]; /* struct ssd_feat_saved, member by member */
};

struct image_slot {
	char magic[16];
	le32 version, nr_ns;
	le64 seq, data_size;
	struct image_ns ns[SSD_MAX_NAMESPACES];
	le64 smart[16];
	struct image_saved saved[SSD_MAX_CTRLRS];
	le32 shape[SSD_IMAGE_WORDS]; /* IMAGE_FLASH */
	le64 store_bytes, store_sparse;
	char profile[24];
	le32 open;
	char boot[SSD_IMAGE_BOOT];
	uint8_t rsvd[SSD_IMAGE_SLOT - 40 - 16 * SSD_MAX_NAMESPACES - 128 - 48 * SSD_MAX_CTRLRS - 148 - 4];
	le32 crc; /* of all bytes before it */
};
static_assert(sizeof(struct image_slot) == SSD_IMAGE_SLOT, "slot");
static_assert(sizeof(struct ssd_smart) == 10 * sizeof(uint64_t), "each SMART counter is written");
static_assert(sizeof(struct ssd_feat_saved) == 10 * sizeof(uint32_t), "each saved feature is written");
static_assert(SSD_IMAGE_HDR == 2 * SSD_IMAGE_SLOT, "two slots");

static bool
slot_valid(const struct image_slot *s)
{
	return !memcmp(s->magic, IMAGE_MAGIC, sizeof(s->magic)) &&
	       (le32_get(s->version) == IMAGE_VERSION || le32_get(s->version) == IMAGE_FLASH) &&
	       le32_get(s->crc) == ut_crc32c(0, s, offsetof(struct image_slot, crc)) && le32_get(s->nr_ns) > 0 &&
	       le32_get(s->nr_ns) <= SSD_MAX_NAMESPACES;
}

static struct ssd_format
format_decode(const struct image_ns *ns)
{
	return (struct ssd_format){
		.lbaf = ns->lbaf,
		.extended = nvme_get(ns->how, IMAGE_EXTENDED),
		.pi = (uint8_t)nvme_get(ns->how, IMAGE_PI),
		.pi_first = nvme_get(ns->how, IMAGE_PI_FIRST),
	};
}

static struct image_ns
format_encode(uint64_t size, const struct ssd_format *f)
{
	return (struct image_ns){
		.size = le64_from(size),
		.lbaf = f->lbaf,
		.how = (uint8_t)(nvme_put(IMAGE_EXTENDED, f->extended) | nvme_put(IMAGE_PI, f->pi) |
				 nvme_put(IMAGE_PI_FIRST, f->pi_first)),
	};
}

static void
shape_decode(const struct image_slot *s, struct ssd_image_state *st)
{
	st->open = le32_get(s->open);
	memcpy(st->boot, s->boot, sizeof(st->boot));
	st->boot[sizeof(st->boot) - 1] = 0;
	if (le32_get(s->version) != IMAGE_FLASH)
		return;
	for (size_t i = 0; i < SSD_IMAGE_WORDS; i++)
		st->shape.word[i] = le32_get(s->shape[i]);
	st->shape.bytes = le64_get(s->store_bytes);
	st->shape.sparse = le64_get(s->store_sparse);
	memcpy(st->shape.profile, s->profile, sizeof(st->shape.profile));
	st->shape.profile[sizeof(st->shape.profile) - 1] = 0;
}

static void
shape_encode(struct image_slot *s, const struct ssd_image_state *st)
{
	s->version = le32_from(st->shape.bytes ? IMAGE_FLASH : IMAGE_VERSION);
	s->open = le32_from(st->open);
	memcpy(s->boot, st->boot, sizeof(s->boot));
	for (size_t i = 0; i < SSD_IMAGE_WORDS; i++)
		s->shape[i] = le32_from(st->shape.word[i]);
	s->store_bytes = le64_from(st->shape.bytes);
	s->store_sparse = le64_from(st->shape.sparse);
	memcpy(s->profile, st->shape.profile, sizeof(s->profile));
}

static bool
shape_sane(const struct image_slot *s, const struct ssd_image_shape *shape)
{
	return le32_get(s->version) != IMAGE_FLASH ||
	       (shape->bytes && shape->bytes < SSD_MAX_NS_SIZE * SSD_MAX_NAMESPACES && shape->sparse <= shape->bytes);
}

static int
slot_decode(const struct image_slot *s, struct ssd_image_state *st)
{
	uint64_t smart[10];
	uint32_t saved[10];

	memset(st, 0, sizeof(*st));
	st->nr_ns = le32_get(s->nr_ns);
	st->data_size = le64_get(s->data_size);
	shape_decode(s, st);
	if (!shape_sane(s, &st->shape))
		return -EUCLEAN;
	if (!st->data_size || st->data_size > SSD_MAX_NS_SIZE * SSD_MAX_NAMESPACES)
		return -EUCLEAN;
	for (uint32_t i = 0; i < st->nr_ns; i++) {
		st->ns_size[i] = le64_get(s->ns[i].size);
		st->format[i] = format_decode(&s->ns[i]);
		if (st->ns_size[i] < 4096 || st->ns_size[i] > SSD_MAX_NS_SIZE || !ssd_format_ok(&st->format[i]))
			return -EUCLEAN;
	}
	for (size_t i = 0; i < 10; i++)
		smart[i] = le64_get(s->smart[i]);
	memcpy(&st->smart, smart, sizeof(smart));
	for (size_t c = 0; c < SSD_MAX_CTRLRS; c++) {
		for (size_t i = 0; i < 10; i++)
			saved[i] = le32_get(s->saved[c].v[i]);
		memcpy(&st->saved[c], saved, sizeof(saved));
	}
	return 0;
}

bool
ssd_image_hdr_newer(const void *page)
{
	const struct image_slot *s = page;

	for (int i = 0; i < 2; i++) {
		if (!memcmp(s[i].magic, IMAGE_MAGIC, sizeof(s[i].magic)) && le32_get(s[i].version) > IMAGE_FLASH &&
		    le32_get(s[i].crc) == ut_crc32c(0, &s[i], offsetof(struct image_slot, crc)))
			return true;
	}
	return false;
}

bool
ssd_image_hdr_whole(const void *page, uint32_t slot)
{
	return slot_valid((const struct image_slot *)page + slot);
}

int
ssd_image_hdr_read(const void *page, struct ssd_image_state *st, uint64_t *seq)
{
	const struct image_slot *s = page;
	bool ok0 = slot_valid(&s[0]), ok1 = slot_valid(&s[1]);

	if (!ok0 && !ok1)
		return -EUCLEAN;
	if (!ok0 || (ok1 && le64_get(s[1].seq) > le64_get(s[0].seq)))
		s++;
	*seq = le64_get(s->seq);
	return slot_decode(s, st);
}

void
ssd_image_hdr_slot(void *slot, const struct ssd_image_state *st, uint64_t seq)
{
	struct image_slot *s = slot;
	uint64_t smart[10];
	uint32_t saved[10];

	memset(s, 0, sizeof(*s));
	memcpy(s->magic, IMAGE_MAGIC, sizeof(s->magic));
	shape_encode(s, st);
	s->nr_ns = le32_from(st->nr_ns);
	s->seq = le64_from(seq);
	s->data_size = le64_from(st->data_size);
	for (uint32_t i = 0; i < st->nr_ns; i++)
		s->ns[i] = format_encode(st->ns_size[i], &st->format[i]);
	memcpy(smart, &st->smart, sizeof(smart));
	for (size_t i = 0; i < 10; i++)
		s->smart[i] = le64_from(smart[i]);
	for (size_t c = 0; c < SSD_MAX_CTRLRS; c++) {
		memcpy(saved, &st->saved[c], sizeof(saved));
		for (size_t i = 0; i < 10; i++)
			s->saved[c].v[i] = le32_from(saved[i]);
	}
	s->crc = le32_from(ut_crc32c(0, s, offsetof(struct image_slot, crc)));
}
