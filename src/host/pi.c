/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's protection information engine.  Written from the specification's figures, and apart from the device's: the two
 * test each other.
 */
#include "nvproof/pi.h"

#include "nvproof/spec/nvm.h"
#include "util/crc.h"

/* "Storage and Reference Space": up to 80 bits, as it stands in the block and as it is cut into command dwords. */
struct space {
	uint16_t high; /* bits 79:64 */
	uint64_t low;
};

static unsigned
space_bytes(const struct nvp_pi *pi)
{
	return pi->size - pi->guard - 2u;
}

/* The reference tag has what the storage tag leaves of it: 0 to 64 bits. */
static unsigned
ref_width(const struct nvp_pi *pi)
{
	return space_bytes(pi) * 8 - pi->sts;
}

static uint64_t
low_bits(uint64_t v, unsigned width)
{
	return width >= 64 ? v : v & ((1ull << width) - 1);
}

static struct space
join(const struct nvp_pi *pi, uint64_t storage, uint64_t ref)
{
	unsigned width = ref_width(pi);

	storage = low_bits(storage, pi->sts);
	ref = low_bits(ref, width);
	if (width >= 64)
		return (struct space){ .high = (uint16_t)storage, .low = ref };
	return (struct space){
		.high = (uint16_t)(width ? storage >> (64 - width) : 0),
		.low = storage << width | ref,
	};
}

static void
split(const struct nvp_pi *pi, struct space s, uint64_t *storage, uint64_t *ref)
{
	unsigned width = ref_width(pi);

	*ref = low_bits(s.low, width);
	if (width >= 64)
		*storage = s.high;
	else
		*storage = s.low >> width | (width ? (uint64_t)s.high << (64 - width) : 0);
	*storage = low_bits(*storage, pi->sts);
}

void
nvp_pi_put_tags(const struct nvp_pi *pi, const struct nvp_pi_tags *tags, struct nvme_sqe *sqe)
{
	struct space s = join(pi, tags->storage, tags->ref);

	sqe->cdw2 = le32_from(s.high);
	sqe->cdw3 = le32_from((uint32_t)(s.low >> 32));
	sqe->cdw14 = le32_from((uint32_t)s.low);
	sqe->cdw15 = le32_from(tags->app | (uint32_t)tags->app_mask << 16);
}

void
nvp_pi_get_tags(const struct nvp_pi *pi, const struct nvme_sqe *sqe, struct nvp_pi_tags *tags)
{
	struct space s = {
		.high = (uint16_t)le32_get(sqe->cdw2),
		.low = (uint64_t)le32_get(sqe->cdw3) << 32 | le32_get(sqe->cdw14),
	};

	if (space_bytes(pi) <= 8) { /* the dwords above are not part of it */
		s.high = 0;
		s.low = low_bits(s.low, space_bytes(pi) * 8);
	}
	split(pi, s, &tags->storage, &tags->ref);
	tags->app = (uint16_t)le32_get(sqe->cdw15);
	tags->app_mask = (uint16_t)(le32_get(sqe->cdw15) >> 16);
}

bool
nvp_pi_stripped(const struct nvp_pi *pi, const struct nvme_sqe *sqe)
{
	return pi->type && pi->meta_size == pi->size && (le32_get(sqe->cdw12) & NVME_RW_PRACT);
}

/* Block i, and its protection information. */
struct block {
	const uint8_t *data, *meta;
	uint8_t *info;
};

static struct block
block_at(const struct nvp_pi *pi, const void *data, const void *meta, uint32_t i)
{
	size_t step = pi->lba_size + (pi->extended ? pi->meta_size : 0u);
	struct block b = { .data = (const uint8_t *)data + i * step };

	b.meta = pi->extended ? b.data + pi->lba_size : (const uint8_t *)meta + (size_t)i * pi->meta_size;
	b.info = (uint8_t *)(uintptr_t)b.meta + pi->off; /* only written for those who may */
	return b;
}

/* "The Guard field": of the data, and of the metadata in front of it. */
static uint64_t
checksum(const struct nvp_pi *pi, const struct block *b)
{
	if (pi->guard == sizeof(uint16_t)) {
		uint16_t crc = ut_crc16_t10dif(0, b->data, pi->lba_size);

		return ut_crc16_t10dif(crc, b->meta, pi->off);
	}
	if (pi->guard == sizeof(uint32_t)) {
		uint32_t crc = ut_crc32c(0, b->data, pi->lba_size);

		return ut_crc32c(crc, b->meta, pi->off);
	}
	return ut_crc64_nvme(ut_crc64_nvme(0, b->data, pi->lba_size), b->meta, pi->off);
}

static uint64_t
ref_tag(const struct nvp_pi *pi, const struct nvp_pi_tags *tags, uint32_t i)
{
	return low_bits(pi->type == 3 ? tags->ref : tags->ref + i, ref_width(pi));
}

void
nvp_pi_make(const struct nvp_pi *pi, const struct nvp_pi_tags *tags, void *data, void *meta, uint32_t nlb)
{
	unsigned bytes = space_bytes(pi);

	for (uint32_t i = 0; i < nlb; i++) {
		struct block b = block_at(pi, data, meta, i);
		struct space s = join(pi, tags->storage, ref_tag(pi, tags, i));

		nvme_be_put(b.info, pi->guard, checksum(pi, &b));
		nvme_be_put(b.info + pi->guard, 2, tags->app);
		if (bytes > 8)
			nvme_be_put(b.info + pi->guard + 2, bytes - 8, s.high);
		nvme_be_put(b.info + pi->size - (bytes > 8 ? 8 : bytes), bytes > 8 ? 8 : bytes, s.low);
	}
}

/* What a block says. */
struct said {
	uint64_t guard, storage, ref;
	uint16_t app;
};

static struct said
read_info(const struct nvp_pi *pi, const uint8_t *info)
{
	const uint8_t *p = info + pi->guard;
	unsigned bytes = space_bytes(pi);
	struct space s = { 0 };
	struct said out = { .guard = nvme_be_get(info, pi->guard), .app = (uint16_t)nvme_be_get(p, 2) };

	p += 2;
	if (bytes > 8) {
		s.high = (uint16_t)nvme_be_get(p, bytes - 8);
		p += bytes - 8;
		bytes = 8;
	}
	s.low = nvme_be_get(p, bytes);
	split(pi, s, &out.storage, &out.ref);
	return out;
}

/* "... the controller shall not check": neither does the host. */
static bool
escaped(const struct nvp_pi *pi, const struct said *said)
{
	if (said->app != 0xffff)
		return false;
	return pi->type != 3 || said->ref == low_bits(UINT64_MAX, ref_width(pi));
}

static int
differs(unsigned what, uint64_t expected, uint64_t got, struct nvp_pi_error *err)
{
	if (expected == got)
		return 0;
	err->what = what;
	err->expected = expected;
	err->got = got;
	return 1;
}

static int
check_block(const struct nvp_pi *pi, const struct nvp_pi_tags *tags, unsigned what, const struct block *b, uint64_t ref,
	    struct nvp_pi_error *err)
{
	struct said said = read_info(pi, b->info);

	if (escaped(pi, &said))
		return 0;
	if ((what & NVP_PI_GUARD) && differs(NVP_PI_GUARD, checksum(pi, b), said.guard, err))
		return 1;
	if ((what & NVP_PI_APP) && differs(NVP_PI_APP, tags->app & tags->app_mask, said.app & tags->app_mask, err))
		return 1;
	if ((what & NVP_PI_REF) && pi->type != 3 && differs(NVP_PI_REF, ref, said.ref, err))
		return 1;
	return (what & NVP_PI_STORAGE) &&
	       differs(NVP_PI_STORAGE, tags->storage & pi->lbstm, said.storage & pi->lbstm, err);
}

int
nvp_pi_check(const struct nvp_pi *pi, const struct nvp_pi_tags *tags, unsigned what, const void *data, const void *meta,
	     uint32_t nlb, struct nvp_pi_error *err)
{
	struct nvp_pi_error found = { 0 };

	for (uint32_t i = 0; i < nlb; i++) {
		struct block b = block_at(pi, data, meta, i);

		if (!check_block(pi, tags, what, &b, ref_tag(pi, tags, i), &found))
			continue;
		found.block = i;
		if (err)
			*err = found;
		return 1;
	}
	return 0;
}

const char *
nvp_pi_what(unsigned what)
{
	switch (what) {
	case NVP_PI_GUARD:
		return "guard";
	case NVP_PI_APP:
		return "application tag";
	case NVP_PI_REF:
		return "reference tag";
	default:
		return "storage tag";
	}
}
