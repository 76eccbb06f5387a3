/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table as a file: a head, then the pages of codes and of foreign flags that hold something, each with its place and
 * its CRC.  A file that is not whole is refused before the table is touched.
 */
#include "verify/doubt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util/alloc.h"

#define SNAP_MAGIC "NVPVERFY"
#define SNAP_VERSION 1u
#define SNAP_PAGE 4096u

/* In the byte order of the machine that wrote it, which `order` tells. */
struct snap_head {
	char magic[8];
	uint32_t order, version;
	uint64_t nlba, limit;
	uint32_t lba_size, crc32;
	uint64_t npages;
	uint64_t token;
	uint32_t rsvd, crc; /* of all before */
};
#define SNAP_ORDER 0x01020304u

struct snap_page {
	uint64_t off; /* from the first code on */
	uint32_t rsvd, crc; /* of the data, with `off` before it */
	uint8_t data[SNAP_PAGE];
};

static uint32_t
head_crc(const struct snap_head *h)
{
	return crc_of(h, offsetof(struct snap_head, crc));
}

static uint32_t
page_crc(const struct snap_page *p)
{
	return crc_of(p->data, SNAP_PAGE) ^ crc_of(p, offsetof(struct snap_page, crc));
}

static uint64_t
payload_len(const struct nvp_verify *v)
{
	return v->map_len - VERIFY_FRONT;
}

static bool
empty(const uint8_t *p)
{
	uint32_t i;

	for (i = 0; i < SNAP_PAGE; i++)
		if (p[i])
			return false;
	return true;
}

/* --- saving --- */

/* What is in flight, or in doubt since a power loss, is unknown to who loads it. */
static void
settle_copy(const struct nvp_verify *v, struct snap_page *p)
{
	uint32_t step = v->crc32 ? 4 : 1, i, wide;
	uint64_t codes = v->nlba * v->code_bytes;

	for (i = 0; i < SNAP_PAGE && p->off + i < codes; i += step) {
		wide = p->data[i];
		if (step == 4)
			memcpy(&wide, &p->data[i], 4);
		if (wide == CODE_BUSY || wide == CODE_TAINTED || doubt_is(v, (p->off + i) / v->code_bytes))
			memset(&p->data[i], CODE_UNKNOWN, step);
	}
}

static int
write_pages(struct nvp_verify *v, FILE *f, uint64_t *n)
{
	uint8_t *c = v->code, *end = c + payload_len(v);
	struct snap_page p = { 0 };

	for (*n = 0; (c = verify_skip_hole(v, c, end)) < end; c += SNAP_PAGE) {
		if (empty(c))
			continue;
		++*n;
		p.off = (uint64_t)(c - v->code);
		memcpy(p.data, c, SNAP_PAGE);
		settle_copy(v, &p);
		p.crc = page_crc(&p);
		if (fwrite(&p, sizeof(p), 1, f) != 1)
			return -EIO;
	}
	return 0;
}

static int
write_all(struct nvp_verify *v, FILE *f)
{
	struct snap_head h = {
		.order = SNAP_ORDER,
		.version = SNAP_VERSION,
		.nlba = v->nlba,
		.limit = nvp_verify_limit(v),
		.lba_size = v->lba_size,
		.crc32 = v->crc32,
		.token = ut_load(&v->head->token),
	};
	int rc;

	memcpy(h.magic, SNAP_MAGIC, sizeof(h.magic));
	if (fseek(f, sizeof(h), SEEK_SET))
		return -EIO;
	rc = write_pages(v, f, &h.npages);
	h.crc = head_crc(&h);
	if (rc || fseek(f, 0, SEEK_SET) || fwrite(&h, sizeof(h), 1, f) != 1)
		return -EIO;
	return 0;
}

/* Under another name first: an old snapshot is replaced by a whole one or not at all. */
int
nvp_verify_save(struct nvp_verify *v, const char *path)
{
	size_t len = strlen(path) + 8;
	char *tmp = ut_calloc(1, len);
	FILE *f;
	int rc;

	if (!tmp)
		return -ENOMEM;
	snprintf(tmp, len, "%s.part", path);
	f = fopen(tmp, "wbe");
	rc = f ? write_all(v, f) : -errno;
	if (f && (fclose(f) && !rc))
		rc = -EIO;
	if (!rc && rename(tmp, path))
		rc = -errno;
	if (rc && f)
		remove(tmp);
	free(tmp);
	return rc;
}

/* --- loading --- */

static int
read_head(const struct nvp_verify *v, FILE *f, struct snap_head *h)
{
	if (fread(h, sizeof(*h), 1, f) != 1 || memcmp(h->magic, SNAP_MAGIC, sizeof(h->magic)) ||
	    h->order != SNAP_ORDER || h->version != SNAP_VERSION || h->crc != head_crc(h))
		return -EPROTO;
	if (h->nlba != v->nlba || h->lba_size != v->lba_size || h->crc32 != v->crc32)
		return -ENXIO;
	return 0;
}

/* One pass to check them all, and one, `into` the table, to take them. */
static int
read_pages(struct nvp_verify *v, FILE *f, const struct snap_head *h, bool into)
{
	struct snap_page p;
	uint64_t i;

	if (fseek(f, sizeof(*h), SEEK_SET))
		return -EIO;
	for (i = 0; i < h->npages; i++) {
		if (fread(&p, sizeof(p), 1, f) != 1 || p.crc != page_crc(&p) || p.off % SNAP_PAGE ||
		    p.off >= payload_len(v))
			return -EPROTO;
		if (into)
			memcpy(v->code + p.off, p.data, SNAP_PAGE);
	}
	return fgetc(f) == EOF ? 0 : -EPROTO;
}

static void
raise_token(struct nvp_verify *v, uint64_t token)
{
	uint64_t was = ut_load(&v->head->token);

	while (was < token &&
	       !__atomic_compare_exchange_n(&v->head->token, &was, token, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

int
nvp_verify_load(struct nvp_verify *v, const char *path)
{
	FILE *f = fopen(path, "rbe");
	struct snap_head h;
	int rc;

	if (!f)
		return -errno;
	rc = read_head(v, f, &h);
	if (!rc)
		rc = read_pages(v, f, &h, false);
	if (!rc) {
		nvp_verify_clear(v);
		rc = read_pages(v, f, &h, true);
		raise_token(v, h.token);
	}
	fclose(f);
	return rc;
}
