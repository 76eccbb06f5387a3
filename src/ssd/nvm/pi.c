/* SPDX-License-Identifier: BSD-3-Clause */
/* Protection information: what a command asks for, and each block's guard and tags. */
#include "ssd/nvm/pi.h"
#include "util/crc.h"

#define PRINFO_BYTE (offsetof(struct nvme_sqe, cdw12) + 3)

__extension__ typedef unsigned __int128 u128;

static uint64_t
ones(unsigned bits)
{
	return bits ? UINT64_MAX >> (64 - bits) : 0;
}

/* Bits of the reference tag: what the storage tag leaves, 64 at most. */
static unsigned
ref_bits(const struct ssd_pi_format *f)
{
	return f->sr * 8u - f->sts;
}

/* "Storage Tag and Logical Block Reference Tag": CDW14, CDW3 and the lower half of CDW2, as much as the format has. */
struct nvm_pi_fields
nvm_pi_fields(const struct nvme_sqe *sqe)
{
	uint32_t cdw12 = le32_get(sqe->cdw12), cdw15 = le32_get(sqe->cdw15);

	return (struct nvm_pi_fields){
		.prinfo = (uint8_t)nvme_get(cdw12, NVME_RW_PRINFO),
		.stc = nvme_get(cdw12, NVME_RW_STC),
		.sr_high = (uint16_t)le32_get(sqe->cdw2),
		.sr_low = (uint64_t)le32_get(sqe->cdw3) << 32 | le32_get(sqe->cdw14),
		.lbat = (uint16_t)nvme_get(cdw15, NVME_RW_LBAT),
		.lbatm = (uint16_t)nvme_get(cdw15, NVME_RW_LBATM),
	};
}

static void
split_tags(const struct ssd_pi_format *f, u128 sr, uint64_t *st, uint64_t *rt)
{
	*st = (uint64_t)(sr >> ref_bits(f)) & ones(f->sts);
	*rt = (uint64_t)sr & ones(ref_bits(f));
}

nvme_status
nvm_pi_parse(struct ssd_cmd *c, const struct nvm_pi_fields *f, uint64_t slba, struct nvm_pi *out)
{
	const struct ssd_pi_format *format = &c->ns->pi;

	*out = (struct nvm_pi){
		.pract = f->prinfo & NVM_PRINFO_PRACT,
		.guard = f->prinfo & NVM_PRINFO_GUARD,
		.app = f->prinfo & NVM_PRINFO_APP,
		.ref = f->prinfo & NVM_PRINFO_REF,
		.storage = f->stc,
		.lbat = f->lbat,
		.lbatm = f->lbatm,
	};
	split_tags(format, (u128)f->sr_high << 64 | f->sr_low, &out->st, &out->rt);
	if (out->ref && format->type == 3)
		return ssd_fail(c, NVME_SC_INVALID_PI, PRINFO_BYTE);
	if (out->ref && format->type == 1 && out->rt != (slba & ones(ref_bits(format))))
		return ssd_fail(c, NVME_SC_INVALID_PI, offsetof(struct nvme_sqe, cdw14));
	return NVME_SC_SUCCESS;
}

/* The data, and the metadata in front of the protection information (none when that comes first). */
static uint64_t
guard_of(const struct ssd_ns *ns, const uint8_t *data, const uint8_t *meta)
{
	switch (ns->pi.guard) {
	case 2:
		return ut_crc16_t10dif(ut_crc16_t10dif(0, data, ns->lba_size), meta, ns->pi.off);
	case 4:
		return ut_crc32c(ut_crc32c(0, data, ns->lba_size), meta, ns->pi.off);
	default:
		return ut_crc64_nvme(ut_crc64_nvme(0, data, ns->lba_size), meta, ns->pi.off);
	}
}

/* The reference tag of block number n; type 3 does not count. */
static uint64_t
ref_of(const struct ssd_ns *ns, const struct nvm_pi *pi, uint64_t n)
{
	return (ns->pi.type == 3 ? pi->rt : pi->rt + n) & ones(ref_bits(&ns->pi));
}

static void
make_one(const struct ssd_ns *ns, const struct nvm_pi *pi, const uint8_t *data, uint8_t *meta, uint64_t rt)
{
	u128 sr = (u128)pi->st << ref_bits(&ns->pi) | rt;
	uint8_t *p = meta + ns->pi.off;

	nvme_be_put(p, ns->pi.guard, guard_of(ns, data, meta));
	p += ns->pi.guard;
	nvme_be_put(p, 2, pi->lbat);
	p += 2;
	for (unsigned i = ns->pi.sr; i--; sr >>= 8)
		p[i] = (uint8_t)sr;
}

void
nvm_pi_make(const struct ssd_ns *ns, const struct nvm_pi *pi, const struct nvm_blocks *b, uint64_t first)
{
	for (uint32_t i = 0; i < b->nlb; i++)
		make_one(ns, pi, b->data + (size_t)i * b->data_step, b->meta + (size_t)i * b->meta_step,
			 ref_of(ns, pi, first + i));
}

/* All ones in the application tag, and with type 3 in the reference tag too: no check at all. */
static bool
unchecked(const struct ssd_pi_format *f, uint16_t app, uint64_t rt)
{
	return app == 0xffff && (f->type != 3 || rt == ones(ref_bits(f)));
}

static nvme_status
check_one(const struct ssd_ns *ns, const struct nvm_pi *pi, const uint8_t *data, const uint8_t *meta, uint64_t want_rt)
{
	const uint8_t *p = meta + ns->pi.off;
	uint64_t guard = nvme_be_get(p, ns->pi.guard), st, rt;
	uint16_t app = (uint16_t)nvme_be_get(p + ns->pi.guard, 2);
	u128 sr = 0;

	for (unsigned i = 0; i < ns->pi.sr; i++)
		sr = sr << 8 | p[ns->pi.guard + 2u + i];
	split_tags(&ns->pi, sr, &st, &rt);
	if (unchecked(&ns->pi, app, rt))
		return NVME_SC_SUCCESS;
	if (pi->guard && guard != guard_of(ns, data, meta))
		return NVME_SC_GUARD_CHECK;
	if (pi->app && (app ^ pi->lbat) & pi->lbatm)
		return NVME_SC_APPTAG_CHECK;
	if (pi->ref && rt != want_rt)
		return NVME_SC_REFTAG_CHECK;
	if (pi->storage && (st ^ pi->st) & ns->pi.lbstm)
		return NVME_SC_STORAGE_TAG_CHECK;
	return NVME_SC_SUCCESS;
}

nvme_status
nvm_pi_check(struct ssd_cmd *c, const struct nvm_pi *pi, const struct nvm_blocks *b, uint64_t first, uint64_t slba)
{
	if (!pi->guard && !pi->app && !pi->ref && !pi->storage)
		return NVME_SC_SUCCESS;
	for (uint32_t i = 0; i < b->nlb; i++) {
		nvme_status st = check_one(c->ns, pi, b->data + (size_t)i * b->data_step,
					   b->meta + (size_t)i * b->meta_step, ref_of(c->ns, pi, first + i));

		if (st)
			return ssd_fail_lba(c, st, slba + i);
	}
	return NVME_SC_SUCCESS;
}

/* NVMe Base 2.2, "SMART / Health Information": "Errors such as ... CRC checksum failure ... are included". */
nvme_status
nvm_pi_check_media(struct ssd_cmd *c, const struct nvm_pi *pi, const struct nvm_blocks *b, uint64_t first,
		   uint64_t slba)
{
	nvme_status st = nvm_pi_check(c, pi, b, first, slba);

	if (st == NVME_SC_GUARD_CHECK)
		c->ssd->sub->smart.media_errors++;
	return st;
}

/* NVMe Base 2.1, "Host Behavior Support": LBAFEE. */
nvme_status
nvm_pi_known(struct ssd_cmd *c)
{
	if (c->ns->format.lbaf < ssd_nr_lbafs(c->ssd))
		return NVME_SC_SUCCESS;
	return ssd_fail(c, NVME_SC_INVALID_FORMAT, offsetof(struct nvme_sqe, nsid));
}
