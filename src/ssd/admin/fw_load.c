/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Firmware Image Download: pieces in any order, of whole 4 KiB units, none of them twice.  What was downloaded is gone with the
 * commit that uses it, and with a reset of the controller.
 *
 * NVMe Base 2.1, "Firmware Image Download command"; Identify's FWUG.
 */
#include "ssd/admin/fw.h"
#include "util/crc.h"
#include <string.h>

#define CDW(n) offsetof(struct nvme_sqe, cdw##n)

struct fw_hdr {
	char magic[16];
	le32 version, length;
	char rev[8];
	le32 flags, crc;
	uint8_t rsvd40[24];
};
static_assert(sizeof(struct fw_hdr) == SSD_FW_HDR, "firmware image");
static_assert(SSD_FW_MAX / SSD_FW_UNIT <= 64 * SSD_FW_WORDS, "a bit for each unit");

static bool
unit(const struct ssd *ssd, uint64_t u)
{
	return ssd->fw_load.got[u / 64] >> (u % 64) & 1;
}

void
ssd_fw_load_drop(struct ssd *ssd)
{
	memset(ssd->fw_load.got, 0, sizeof(ssd->fw_load.got));
}

bool
ssd_fw_load_any(const struct ssd *ssd)
{
	for (uint32_t w = 0; w < SSD_FW_WORDS; w++) {
		if (ssd->fw_load.got[w])
			return true;
	}
	return false;
}

uint32_t
ssd_fw_loaded(const struct ssd *ssd)
{
	uint32_t n = 0, end;

	while (n < SSD_FW_MAX / SSD_FW_UNIT && unit(ssd, n))
		n++;
	for (end = n; end < SSD_FW_MAX / SSD_FW_UNIT; end++) {
		if (unit(ssd, end))
			return 0;
	}
	return n * SSD_FW_UNIT;
}

/* "If the dword ranges overlap": the piece is refused, what is there stays. */
static nvme_status
check(struct ssd_cmd *c, uint64_t off, uint64_t len)
{
	uint64_t mdts = ssd_max_xfer(c->ssd->sub);

	if (off % SSD_FW_UNIT || off >= SSD_FW_MAX)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW(11));
	if (len % SSD_FW_UNIT || len > mdts || len > SSD_FW_MAX - off)
		return ssd_fail(c, NVME_SC_INVALID_FIELD, CDW(10));
	for (uint64_t u = off / SSD_FW_UNIT; u < (off + len) / SSD_FW_UNIT; u++) {
		if (unit(c->ssd, u))
			return ssd_fail(c, NVME_SC_OVERLAPPING_RANGE, CDW(11));
	}
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_adm_fw_download(struct ssd_cmd *c)
{
	uint64_t len = (le32_get(c->sqe->cdw10) + 1ull) * 4, off = le32_get(c->sqe->cdw11) * 4ull;
	nvme_status st = check(c, off, len);

	if (!st)
		st = ssd_data(c, len);
	if (!st)
		st = ssd_from_host(c, 0, c->ssd->fw_load.buf + off, len);
	if (st)
		return st;
	for (uint64_t u = off / SSD_FW_UNIT; u < (off + len) / SSD_FW_UNIT; u++)
		c->ssd->fw_load.got[u / 64] |= 1ull << (u % 64);
	return NVME_SC_SUCCESS;
}

static bool
rev_ok(const char rev[8])
{
	for (int i = 0; i < 8; i++) {
		if (rev[i] < ' ' || rev[i] > '~')
			return false;
	}
	return rev[0] != ' ';
}

bool
ssd_fw_image_ok(const struct ssd *ssd, struct ssd_fw_slot *out)
{
	uint32_t have = ssd_fw_loaded(ssd), len, crc;
	struct fw_hdr h;

	if (!have)
		return false;
	memcpy(&h, ssd->fw_load.buf, sizeof(h));
	len = le32_get(h.length);
	if (memcmp(h.magic, SSD_FW_MAGIC, sizeof(h.magic)) || le32_get(h.version) != SSD_FW_VERSION ||
	    len < SSD_FW_HDR || len > have || have - len >= SSD_FW_UNIT || !rev_ok(h.rev) ||
	    (le32_get(h.flags) & ~SSD_FW_FLAGS))
		return false;
	crc = le32_get(h.crc);
	h.crc = le32_from(0);
	if (ut_crc32c(ut_crc32c(0, &h, sizeof(h)), ssd->fw_load.buf + sizeof(h), len - sizeof(h)) != crc)
		return false;
	memcpy(out->rev, h.rev, sizeof(out->rev));
	out->flags = h.flags;
	return true;
}
