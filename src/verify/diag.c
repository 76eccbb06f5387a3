/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a miscompare is, from what lies in the data itself: id, token, and which parts have the right code.  Nothing here
 * is fast, and nothing here decides whether there is one.
 */
#include "verify/code.h"

#include <stdio.h>
#include <string.h>

#define COPY_MAX 8192u /* larger LBAs are not looked into so closely */
#define FEW_BITS 64u /* more of them are other data rather than damage */

static uint64_t
word_at(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

static uint64_t
token_of(const struct nvp_verify *v, const uint8_t *d)
{
	return word_at(d + v->lba_size - 8);
}

/* The last write of an LBA that is still remembered. */
static bool
last_write(const struct nvp_verify *v, uint64_t lba, struct nvp_verify_range *r, uint64_t *token)
{
	const struct verify_group *g = v->group, *end = g + VERIFY_GROUPS;
	uint64_t slba, nlb;

	*token = 0;
	for (; g < end; g++) {
		slba = ut_load(&g->last) >> 16;
		nlb = (ut_load(&g->last) & 0xffff) + 1;
		if (!ut_load(&g->token) || lba < slba || lba - slba >= nlb || ut_load(&g->token) <= *token)
			continue;
		*token = ut_load(&g->token);
		*r = (struct nvp_verify_range){ slba, nlb };
	}
	return *token != 0;
}

/* Whether data have the code that the table holds for an LBA. */
static bool
right(const struct nvp_verify *v, uint64_t lba, const uint8_t *d)
{
	const uint8_t *code = verify_code(v, lba);
	uint32_t i, wide;

	if (v->crc32) {
		memcpy(&wide, code, sizeof(wide));
		return code32(crc_of(d, v->lba_size)) == wide;
	}
	for (i = 0; i < v->code_bytes; i++)
		if (code8(crc_of(d + i * VERIFY_UNIT, VERIFY_UNIT)) != code[i])
			return false;
	return true;
}

static bool
all_of(const struct nvp_verify *v, const uint8_t *d, uint8_t what)
{
	uint32_t i;

	for (i = 0; i < v->lba_size; i++)
		if (d[i] != what)
			return false;
	return true;
}

/* --- flipped bits --- */

/* Bits in which len bytes differ; they lie at byte `at` of the LBA. */
static void
add_bits(struct nvp_miscompare *mis, const void *left, const void *right_, uint32_t at, uint32_t len)
{
	const uint8_t *a = left, *b = right_;
	uint32_t i, k;

	for (i = 0; i < len; i++)
		for (k = 0; k < 8; k++) {
			if (!((a[i] ^ b[i]) >> k & 1))
				continue;
			if (mis->nbits < NVP_MIS_BITS)
				mis->bit[mis->nbits] = (at + i) * 8 + k;
			mis->nbits++;
		}
}

/* Against what should be there. */
static bool
flipped_against(struct nvp_verify *v, uint64_t lba, const uint8_t *d, const uint8_t *want, struct nvp_miscompare *mis)
{
	if (!right(v, lba, want))
		return false;
	mis->nbits = 0;
	add_bits(mis, d, want, 0, v->lba_size);
	if (mis->nbits && mis->nbits <= FEW_BITS)
		return true;
	mis->nbits = 0;
	return false;
}

/* Against data that it may have been written from, as they are, or with the id and token that the last write had. */
static bool
flipped_from(struct nvp_verify *v, uint64_t lba, const uint8_t *d, const struct nvp_verify_source *s,
	     struct nvp_miscompare *mis)
{
	uint64_t id = nvp_verify_id(v->nsid, lba), token = mis->expected_token;
	uint8_t want[COPY_MAX];

	for (; s && v->lba_size <= sizeof(want); s = s->next) {
		if (flipped_against(v, lba, d, s->data, mis))
			return true;
		memcpy(want, s->data, v->lba_size);
		memcpy(want, &id, sizeof(id));
		memcpy(want + v->lba_size - sizeof(token), &token, sizeof(token));
		if (flipped_against(v, lba, d, want, mis))
			return true;
	}
	return false;
}

/* Turn each bit back and look whether the code is right then: 32 bits of CRC leave no doubt. */
static bool
flipped_once(const struct nvp_verify *v, uint64_t lba, const uint8_t *data, struct nvp_miscompare *mis)
{
	uint8_t d[COPY_MAX];
	uint32_t i;

	if (!v->crc32 || v->lba_size > sizeof(d))
		return false;
	memcpy(d, data, v->lba_size);
	for (i = 0; i < v->lba_size * 8; i++) {
		d[i / 8] ^= (uint8_t)(1u << i % 8);
		if (right(v, lba, d)) {
			mis->nbits = 1;
			mis->bit[0] = i;
			return true;
		}
		d[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	return false;
}

/* --- torn --- */

/* Of the last write that holds this LBA, a part at one end of the data is here, and the rest is older. */
static bool
torn(const struct nvp_verify *v, const struct nvp_verify_op *op, const uint8_t *data, struct nvp_miscompare *mis)
{
	uint64_t from, to, i, token;
	struct nvp_verify_range r;
	uint32_t changes = 0, stride = verify_stride(v, op);
	bool was = false, is;

	if (!last_write(v, mis->lba, &r, &token))
		return false;
	from = UT_MAX(r.slba, op->slba) - op->slba;
	to = UT_MIN(r.slba + r.nlb, op->slba + op->n) - op->slba;
	for (i = from; i < to; i++, was = is) {
		const uint8_t *d = data + i * stride;

		is = token_of(v, d) == token && right(v, op->slba + i, d);
		changes += i > from && is != was;
		if (is && !mis->good_to)
			mis->good_from = (uint32_t)(i * stride);
		if (is)
			mis->good_to = (uint32_t)(i * stride + v->lba_size);
	}
	if (changes == 1)
		return true;
	mis->good_from = mis->good_to = 0;
	return false;
}

/* Within an LBA of several units: some of them are right, and they are all at one end. */
static bool
torn_inside(const struct nvp_verify *v, const struct nvp_verify_op *op, const uint8_t *d, bool same,
	    struct nvp_miscompare *mis)
{
	uint32_t base = (uint32_t)(mis->lba - op->slba) * verify_stride(v, op), i, good = 0, changes = 0;
	const uint8_t *code = verify_code(v, mis->lba);
	bool was = false, is;

	for (i = 0; !v->crc32 && i < v->code_bytes; i++, was = is) {
		is = code8(crc_of(d + i * VERIFY_UNIT, VERIFY_UNIT)) == code[i];
		changes += i && is != was;
		if (is && !good++)
			mis->good_from = base + i * VERIFY_UNIT;
		if (is)
			mis->good_to = base + (i + 1) * VERIFY_UNIT;
	}
	/* One wrong part in the right version is damage rather than half a write. */
	if (changes == 1 && good < v->code_bytes - (same ? 1u : 0u))
		return true;
	mis->good_from = mis->good_to = 0;
	return false;
}

/* --- all of it --- */

/* Another version: its id and its token are whole. */
static void
other_version(struct nvp_verify *v, const struct nvp_verify_op *op, const uint8_t *data, struct nvp_miscompare *mis)
{
	if (torn(v, op, data, mis))
		mis->kind = NVP_MIS_TORN;
	else if (mis->got_token < mis->expected_token)
		mis->kind = NVP_MIS_STALE;
}

static bool
same_version(const struct nvp_miscompare *mis)
{
	return mis->expected_token && mis->got_token == mis->expected_token;
}

/* With its own id, everything would be right. */
static bool
only_id_is_wrong(const struct nvp_verify *v, uint64_t lba, const uint8_t *data)
{
	uint64_t id = nvp_verify_id(v->nsid, lba);
	uint8_t d[COPY_MAX];

	if (v->lba_size > sizeof(d))
		return false;
	memcpy(d, data, v->lba_size);
	memcpy(d, &id, sizeof(id));
	return right(v, lba, d);
}

static bool
other_lba(const struct nvp_verify *v, const struct nvp_miscompare *mis, const uint8_t *d)
{
	uint64_t id = nvp_verify_id(v->nsid, mis->lba);

	return mis->got_id != id && mis->got_id >> 48 == id >> 48 && (mis->got_id & 0xffffffffffffull) < v->nlba &&
	       !(__builtin_popcountll(mis->got_id ^ id) <= 2 && only_id_is_wrong(v, mis->lba, d));
}

void
nvp_verify_diagnose(struct nvp_verify *v, const struct nvp_verify_op *op, const void *data,
		    const struct nvp_verify_source *sources, struct nvp_miscompare *mis)
{
	const uint8_t *all = data, *d = all + (mis->lba - op->slba) * verify_stride(v, op);
	struct nvp_verify_range r;

	mis->got_id = word_at(d);
	mis->got_token = token_of(v, d);
	last_write(v, mis->lba, &r, &mis->expected_token);
	if (mis->kind == NVP_MIS_UNCORRECTABLE)
		return;
	if (all_of(v, d, 0) || all_of(v, d, 0xff))
		mis->kind = NVP_MIS_UNWRITTEN;
	else if (other_lba(v, mis, d))
		mis->kind = NVP_MIS_MISDIRECTED;
	else if (flipped_from(v, mis->lba, d, sources, mis) || flipped_once(v, mis->lba, d, mis))
		mis->kind = NVP_MIS_FLIPPED;
	else if (torn_inside(v, op, d, same_version(mis), mis))
		mis->kind = NVP_MIS_TORN;
	else if (same_version(mis))
		mis->kind = NVP_MIS_FLIPPED;
	else if (mis->got_id == nvp_verify_id(v->nsid, mis->lba) && mis->expected_token)
		other_version(v, op, all, mis);
	/* Right but for its place, or the data of another place: a mapping error. */
	mis->lba_mismatch = mis->kind == NVP_MIS_MISDIRECTED || mis->expected_crc == mis->got_crc;
}

int
nvp_miscompare_line(const struct nvp_miscompare *mis, char *out, uint32_t size)
{
	if (mis->lba_mismatch)
		return snprintf(out, size, "lba mismatch: lba 0x%llx, but got 0x%llx", (unsigned long long)mis->lba,
				(unsigned long long)(mis->got_id & 0xffffffffffffull));
	return snprintf(out, size, "crc mismatch: lba 0x%llx, expected 0x%02x, but got 0x%02x",
			(unsigned long long)mis->lba, mis->expected_crc, mis->got_crc);
}

static int
bits_text(const struct nvp_miscompare *mis, char *out, uint32_t size)
{
	uint32_t i, at;
	int n;

	if (!mis->nbits)
		return snprintf(out, size, "bit flips: the last version (token %llu), with other bits",
				(unsigned long long)mis->got_token);
	n = snprintf(out, size, "bit flips: %u bit%s of the LBA:", mis->nbits, mis->nbits > 1 ? "s" : "");
	at = n > 0 ? (uint32_t)n : 0;
	for (i = 0; i < mis->nbits && i < NVP_MIS_BITS && at < size; i++) {
		n = snprintf(out + at, size - at, " byte %u bit %u%s", mis->bit[i] / 8, mis->bit[i] % 8,
			     i + 1 < mis->nbits ? "," : "");
		at += n > 0 ? (uint32_t)n : 0;
	}
	if (mis->nbits > NVP_MIS_BITS && at < size)
		at += (uint32_t)snprintf(out + at, size - at, " and %u more", mis->nbits - NVP_MIS_BITS);
	return (int)at;
}

static int
kind_text(const struct nvp_miscompare *mis, char *out, uint32_t size)
{
	unsigned long long seen = mis->got_token, want = mis->expected_token;

	switch (mis->kind) {
	case NVP_MIS_STALE:
		return snprintf(out, size, "stale version: its token is %llu, the last write had %llu", seen, want);
	case NVP_MIS_MISDIRECTED:
		return snprintf(out, size, "misdirected: the data of LBA 0x%llx of namespace %llu (token %llu)",
				(unsigned long long)(mis->got_id & 0xffffffffffffull),
				(unsigned long long)(mis->got_id >> 48), seen);
	case NVP_MIS_TORN:
		return snprintf(
			out, size,
			"torn: bytes %u to %u of the data are of the last write (token %llu), the rest is not (%llu)",
			mis->good_from, mis->good_to - 1, want, seen);
	case NVP_MIS_FLIPPED:
		return bits_text(mis, out, size);
	case NVP_MIS_UNWRITTEN:
		return snprintf(out, size, "unwritten: all %s, as if nothing had been written",
				mis->got_id ? "ones" : "zeroes");
	case NVP_MIS_UNCORRECTABLE:
		return snprintf(out, size, "not uncorrectable: after Write Uncorrectable, a read has to fail");
	case NVP_MIS_OTHER:
		break;
	}
	return snprintf(out, size, "other data: id 0x%llx, token %llu; the last write had token %llu",
			(unsigned long long)mis->got_id, seen, want);
}

int
nvp_miscompare_text(const struct nvp_miscompare *mis, char *out, uint32_t size)
{
	int n = kind_text(mis, out, size);

	if (mis->in_doubt && n >= 0 && (uint32_t)n < size)
		n += snprintf(out + n, size - (uint32_t)n,
			      "; after the power loss neither the version that was durable nor one written since");
	return n;
}
