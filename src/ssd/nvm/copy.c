/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copy within one namespace, with descriptor formats 0h and 1h: the one for a 16-bit guard (or none), the other for wider ones.
 * The formats that name another namespace are not announced in CDFS.
 *
 * Everything but the protection information on the media is checked before anything is written, so that a refused command
 * changes nothing.  A source range fits the scratch memory (MSSRL) and is read whole before it is written: a range that
 * overlaps its destination is copied as it was.
 */
#include "ssd/nvm/pi.h"
#include "ssd/nvm/nvm.h"
#include "ssd/nvm/streams.h"

#define CDW12 offsetof(struct nvme_sqe, cdw12)

struct copy {
	struct ssd_cmd *c;
	uint32_t cdw12, nr;
	bool wide; /* descriptors of format 1h */
	uint64_t dst, total; /* blocks */
	struct nvm_pi write; /* of the destination */
};

struct source {
	uint64_t slba;
	uint32_t nlb;
	uint8_t cetype;
	struct nvm_pi_fields fields;
};

static struct nvm_pi_fields
source_fields(const struct copy *x, le16 elbat, le16 elbatm)
{
	return (struct nvm_pi_fields){
		.prinfo = (uint8_t)nvme_get(x->cdw12, NVME_COPY_PRINFOR),
		.stc = nvme_get(x->cdw12, NVME_COPY_STCR),
		.lbat = le16_get(elbat),
		.lbatm = le16_get(elbatm),
	};
}

/* NVM Command Set 1.1, "Copy command": descriptor formats.  What is common is at the same place in both. */
static struct source
source(const struct copy *x, uint32_t i)
{
	const struct nvme_copy_range_ext *ext = (const void *)x->c->ssd->bounce;
	const struct nvme_copy_range *plain = (const void *)x->c->ssd->bounce;
	const struct nvme_copy_range *d = x->wide ? (const void *)&ext[i] : (const void *)&plain[i];
	struct source s = {
		.slba = le64_get(d->slba),
		.nlb = le16_get(d->nlb) + 1u,
		.cetype = d->rsvd18[0] & 0x0f,
	};

	if (x->wide) {
		s.fields = source_fields(x, ext[i].elbat, ext[i].elbatm);
		s.fields.sr_high = (uint16_t)nvme_be_get(ext[i].elbt, 2);
		s.fields.sr_low = nvme_be_get(ext[i].elbt + 2, 8);
	} else {
		s.fields = source_fields(x, plain[i].elbat, plain[i].elbatm);
		s.fields.sr_low = le32_get(plain[i].elbrt);
	}
	return s;
}

static nvme_status
check_source(const struct copy *x, const struct source *s)
{
	struct ssd_cmd *c = x->c;
	struct nvm_pi pi;
	nvme_status st;

	if (s->cetype)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW12);
	if (!ssd_nvm_in_range(c->ns, s->slba, s->nlb))
		return ssd_fail_lba(c, NVME_SC_LBA_RANGE, UT_MAX(s->slba, c->ns->nsze));
	st = c->ns->pi.type ? nvm_pi_parse(c, &s->fields, s->slba, &pi) : NVME_SC_SUCCESS;
	return st ? st : ssd_nvm_readable(c, s->slba, s->nlb);
}

/* NVM Command Set 1.1, "Copy command": limits and ranges.  DW0 stays 0h: no data was written. */
static nvme_status
check_sources(struct copy *x)
{
	struct ssd_cmd *c = x->c;
	nvme_status st = NVME_SC_SUCCESS;
	struct source s;
	uint32_t i;

	for (i = 0; i < x->nr; i++) {
		s = source(x, i);
		x->total += s.nlb;
		if (s.nlb > SSD_COPY_MSSRL(c->ns) || x->total > SSD_COPY_MCL(c->ns))
			return ssd_fail(c, NVME_SC_CMD_SIZE_LIMIT, CDW12);
	}
	for (i = 0; !st && i < x->nr; i++) {
		s = source(x, i);
		st = check_source(x, &s);
	}
	return st;
}

/* As a Read of the source and a Write of the destination; `at` is how many blocks were copied already. */
static nvme_status
copy_protected(const struct copy *x, const struct source *s, uint64_t at, const struct nvm_blocks *b)
{
	struct ssd_cmd *c = x->c;
	struct nvm_pi pi;
	nvme_status st = nvm_pi_parse(c, &s->fields, s->slba, &pi);

	if (!st)
		st = nvm_pi_check_media(c, &pi, b, 0, s->slba);
	if (!st && x->write.pract)
		nvm_pi_make(c->ns, &x->write, b, at);
	else if (!st)
		st = nvm_pi_check(c, &x->write, b, at, x->dst + at);
	return st;
}

static nvme_status
copy_with_meta(const struct copy *x, const struct source *s, uint64_t at)
{
	struct ssd_cmd *c = x->c;
	struct nvm_blocks b = nvm_blocks_lay(c->ns, c->ssd->bounce2, s->nlb, false);
	nvme_status st = NVME_SC_SUCCESS;

	if (!c->ns->sub->media->null)
		nvm_blocks_load(c->ns, s->slba, &b);
	if (!c->ns->sub->media->null && c->ns->pi.type)
		st = copy_protected(x, s, at, &b);
	return st ? st : nvm_blocks_store(c, x->dst + at, &b);
}

static nvme_status
copy_plain(const struct copy *x, const struct source *s, uint64_t at)
{
	struct ssd_cmd *c = x->c;

	if (!c->ns->sub->media->null)
		ssd_nvm_load(c, s->slba, c->ssd->bounce2, s->nlb);
	return ssd_nvm_store(c, x->dst + at, c->ssd->bounce2, s->nlb);
}

static nvme_status
copy_sources(const struct copy *x)
{
	uint64_t at = 0;

	for (uint32_t i = 0; i < x->nr; i++) {
		struct source s = source(x, i);
		nvme_status st = x->c->ns->meta_size ? copy_with_meta(x, &s, at) : copy_plain(x, &s, at);

		if (st) {
			x->c->dw0 = i; /* "the lowest numbered Source Range entry that was not successfully copied" */
			return st;
		}
		at += s.nlb;
	}
	return NVME_SC_SUCCESS;
}

/* The guard decides which descriptors there are: a wider one has longer tags. */
static nvme_status
check_command(struct copy *x)
{
	struct ssd_cmd *c = x->c;
	uint64_t format = nvme_get(x->cdw12, NVME_COPY_DESFMT);

	if (format > 1)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW12 + 1);
	if (nvme_get(x->cdw12, NVME_COPY_CETYPE))
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW12 + 2);
	if (x->nr > SSD_COPY_MSRC + 1)
		return ssd_fail(c, NVME_SC_CMD_SIZE_LIMIT, CDW12);
	x->wide = format == 1;
	if (x->wide != (ssd_lbafs[c->ns->format.lbaf].pif != NVME_PIF_16B))
		return ssd_fail(c, NVME_SC_INVALID_FORMAT, CDW12 + 1);
	return nvm_pi_known(c);
}

/* The protection information of the destination.  PRACT makes it of what PRACT took away: in both directions, or in none. */
static nvme_status
check_destination(struct copy *x)
{
	struct ssd_cmd *c = x->c;
	struct nvm_pi_fields fields = nvm_pi_fields(c->sqe);
	uint8_t prinfor = (uint8_t)nvme_get(x->cdw12, NVME_COPY_PRINFOR);

	if (!ssd_nvm_in_range(c->ns, x->dst, x->total)) {
		c->err_lba = UT_MAX(x->dst, c->ns->nsze);
		return ssd_fail(c, NVME_SC_LBA_RANGE, offsetof(struct nvme_sqe, cdw10));
	}
	if (!c->ns->pi.type)
		return NVME_SC_SUCCESS;
	if ((prinfor ^ fields.prinfo) & NVM_PRINFO_PRACT)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW12 + 1);
	return nvm_pi_parse(c, &fields, x->dst, &x->write);
}

/* A SMART Host Read Command and a User Data Out Command, and no SMART Data Units Read Command: NVM Command Set 1.2, "Definitions". */
static void
count(struct ssd_subsys *sub, uint64_t bytes)
{
	sub->smart.host_reads++;
	sub->smart.host_writes++;
	sub->smart.units_written_512 += bytes / 512;
	sub->stats.bytes_written += bytes;
}

nvme_status
ssd_nvm_copy(struct ssd_cmd *c)
{
	struct copy x = {
		.c = c,
		.cdw12 = le32_get(c->sqe->cdw12),
		.dst = (uint64_t)le32_get(c->sqe->cdw11) << 32 | le32_get(c->sqe->cdw10),
	};
	uint64_t len;
	nvme_status st;

	x.nr = nvme_get32(x.cdw12, NVME_COPY_NR) + 1;
	st = check_command(&x);
	len = x.nr * (x.wide ? sizeof(struct nvme_copy_range_ext) : sizeof(struct nvme_copy_range));
	if (!st)
		st = ssd_data(c, len);
	if (!st)
		st = ssd_from_host(c, 0, c->ssd->bounce, len);
	if (!st)
		st = check_sources(&x);
	if (!st)
		st = check_destination(&x);
	if (!st)
		st = ssd_nvm_directive(c);
	if (!st)
		st = copy_sources(&x);
	if (!st)
		st = ssd_nvm_settle(c, x.cdw12);
	if (!st)
		count(c->ssd->sub, x.total << c->ns->lba_shift);
	return st;
}
