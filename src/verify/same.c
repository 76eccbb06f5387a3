/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Codes of data that are always the same but for id and token.  A CRC is linear: that of a sum (XOR) is the sum of the CRCs.
 * So it is enough to know the one of the data without id and token, and what each byte of these adds to it, which ISA-L
 * has calculated as well.
 */
#include "verify/same.h"

#include <errno.h>
#include <stdlib.h>
#include "util/alloc.h"
#include "verify/code.h"

/* By place and value of a byte: of the first eight of an id's unit, of the last eight of a token's. */
struct verify_sums {
	uint32_t id[8][256];
	uint32_t token[8][256];
};

static uint32_t
unit_of(const struct nvp_verify *v)
{
	return v->crc32 ? v->lba_size : VERIFY_UNIT;
}

static uint32_t
units_of(const struct nvp_verify *v)
{
	return v->lba_size / unit_of(v);
}

static void
fill_row(uint32_t row[256], uint8_t *zeros, uint32_t at, uint32_t len)
{
	for (uint32_t bit = 1; bit < 256; bit *= 2) {
		zeros[at] = (uint8_t)bit;
		row[bit] = crc32_iscsi(zeros, (int)len, 0);
		for (uint32_t below = 1; below < bit; below++)
			row[bit + below] = row[bit] ^ row[below];
	}
	zeros[at] = 0;
}

int
nvp_verify_same_init(struct nvp_verify *v)
{
	uint32_t len = unit_of(v);
	uint8_t *zeros;

	if (v->sums)
		return 0;
	if (v->code_bytes > VERIFY_SAME_MAX)
		return -EOPNOTSUPP;
	zeros = ut_calloc(1, len);
	v->sums = ut_calloc(1, sizeof(*v->sums));
	for (uint32_t i = 0; zeros && v->sums && i < 8; i++) {
		fill_row(v->sums->id[i], zeros, i, len);
		fill_row(v->sums->token[i], zeros, len - 8 + i, len);
	}
	free(zeros);
	return zeros && v->sums ? 0 : -ENOMEM;
}

uint64_t
nvp_verify_same_bytes(const struct nvp_verify *v, uint32_t nlb)
{
	return sizeof(struct nvp_verify_same) + (uint64_t)nlb * units_of(v) * sizeof(uint32_t);
}

static uint32_t
sum(const uint32_t rows[8][256], uint64_t value)
{
	uint8_t b[8];

	memcpy(b, &value, sizeof(b));
	return rows[0][b[0]] ^ rows[1][b[1]] ^ rows[2][b[2]] ^ rows[3][b[3]] ^ rows[4][b[4]] ^ rows[5][b[5]] ^
	       rows[6][b[6]] ^ rows[7][b[7]];
}

static void
put(const struct nvp_verify *v, uint32_t crc, uint8_t *out, uint32_t k)
{
	uint32_t wide = code32(crc);

	if (v->crc32)
		memcpy(out, &wide, sizeof(wide));
	else
		out[k] = code8(crc);
}

void
verify_same_codes(const struct nvp_verify *v, const struct nvp_verify_op *op, uint32_t i, const uint8_t *d,
		  uint8_t *out)
{
	uint32_t units = units_of(v), len = unit_of(v), k, *crc = op->same->crc + (uint64_t)i * units;
	uint32_t id = sum(v->sums->id, nvp_verify_id(v->nsid, op->slba + i)), token = sum(v->sums->token, op->token);

	for (k = 0; i >= op->same->known && k < units; k++)
		crc[k] = crc_of(d + k * len, len) ^ (k ? 0 : id) ^ (k + 1 < units ? 0 : token);
	op->same->known = UT_MAX(op->same->known, i + 1);
	for (k = 0; k < units; k++)
		put(v, crc[k] ^ (k ? 0 : id) ^ (k + 1 < units ? 0 : token), out, k);
}
