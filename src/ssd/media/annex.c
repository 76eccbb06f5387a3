/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The annex of an image: what follows the data.  It has a place for each part of the drive's state, and a place has two
 * slots that are written in turn, so that a write which was cut short leaves the older one.
 *
 *	slot	magic (8) - kind (4) - length (4) - sequence number (8) - CRC-32C of all but itself (4) - reserved (4) - the bytes
 *
 * Written with pwrite(): on a full disk that fails, and a store through the mapping would not.  Images from before there was an
 * annex get one when they are opened.
 */
#include "ssd/media/media.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "util/alloc.h"
#include "util/crc.h"

#define ANNEX_MAGIC "NVPANNEX"

struct annex_hdr {
	char magic[8];
	le32 kind, len;
	le64 seq;
	le32 crc;
	uint8_t rsvd28[4];
};
static_assert(sizeof(struct annex_hdr) == 32, "annex slot");

static uint32_t
crc_of(struct annex_hdr h, const void *buf, size_t len)
{
	h.crc = le32_from(0);
	return ut_crc32c(ut_crc32c(0, &h, sizeof(h)), buf, len);
}

static uint64_t
slot_off(const struct ssd_file_media *f, uint32_t kind, uint64_t seq)
{
	return f->annex_off + (uint64_t)kind * SSD_ANNEX_PLACE + seq % 2 * (SSD_ANNEX_PLACE / 2);
}

/* The bytes of a slot into buf; its sequence number, or 0: the slot is not whole. */
static uint64_t
slot_read(const struct ssd_file_media *f, uint32_t kind, uint64_t slot, void *buf, size_t len)
{
	uint64_t off = slot_off(f, kind, slot);
	struct annex_hdr h;

	if (pread(f->fd, &h, sizeof(h), (off_t)off) != (ssize_t)sizeof(h) || memcmp(h.magic, ANNEX_MAGIC, 8) ||
	    le32_get(h.kind) != kind || le32_get(h.len) != len)
		return 0;
	if (pread(f->fd, buf, len, (off_t)(off + sizeof(h))) != (ssize_t)len || crc_of(h, buf, len) != le32_get(h.crc))
		return 0;
	return le64_get(h.seq);
}

static bool
never_written(const struct annex_hdr *h, ssize_t n)
{
	static const struct annex_hdr zeros;

	return n <= 0 || (n == (ssize_t)sizeof(*h) && !memcmp(h, &zeros, sizeof(*h)));
}

bool
ssd_annex_slot_ok(const struct ssd_file_media *f, uint32_t kind, uint32_t slot)
{
	uint64_t off = slot_off(f, kind, slot);
	struct annex_hdr h;
	ssize_t n = pread(f->fd, &h, sizeof(h), (off_t)off);
	uint8_t *buf;
	bool ok;

	if (never_written(&h, n))
		return true;
	if (n != (ssize_t)sizeof(h) || le32_get(h.len) > SSD_ANNEX_PLACE / 2 - sizeof(h))
		return false;
	buf = ut_calloc(1, le32_get(h.len) + 1);
	ok = buf && slot_read(f, kind, slot, buf, le32_get(h.len));
	free(buf);
	return ok;
}

void
ssd_annex_slot_clear(const struct ssd_file_media *f, uint32_t kind, uint32_t slot)
{
	static const struct annex_hdr zeros;

	(void)!pwrite(f->fd, &zeros, sizeof(zeros), (off_t)slot_off(f, kind, slot));
}

bool
ssd_annex_load(struct ssd_media *m, uint32_t kind, void *buf, size_t len)
{
	struct ssd_file_media *f = ssd_file_media(m);
	uint8_t *copy;
	uint64_t seq[2];

	if (!f)
		return false;
	copy = ut_calloc(1, len);
	if (!copy)
		return false;
	seq[0] = slot_read(f, kind, 0, copy, len);
	seq[1] = slot_read(f, kind, 1, copy, len);
	if (seq[0] > seq[1])
		slot_read(f, kind, 0, copy, len);
	f->annex_seq[kind] = UT_MAX(seq[0], seq[1]);
	if (f->annex_seq[kind])
		memcpy(buf, copy, len);
	free(copy);
	return f->annex_seq[kind] != 0;
}

int
ssd_annex_save(struct ssd_media *m, uint32_t kind, const void *buf, size_t len)
{
	struct ssd_file_media *f = ssd_file_media(m);
	struct annex_hdr h = { .kind = le32_from(kind), .len = le32_from((uint32_t)len) };
	uint64_t off;

	if (!f)
		return 0;
	assert(len <= SSD_ANNEX_PLACE / 2 - sizeof(h) && kind < SSD_ANNEX_KINDS);
	memcpy(h.magic, ANNEX_MAGIC, sizeof(h.magic));
	h.seq = le64_from(++f->annex_seq[kind]);
	h.crc = le32_from(crc_of(h, buf, len));
	off = slot_off(f, kind, f->annex_seq[kind]);
	if (pwrite(f->fd, buf, len, (off_t)(off + sizeof(h))) != (ssize_t)len)
		return -1;
	return pwrite(f->fd, &h, sizeof(h), (off_t)off) == (ssize_t)sizeof(h) ? 0 : -1;
}
