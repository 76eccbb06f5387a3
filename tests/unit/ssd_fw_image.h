/* SPDX-License-Identifier: BSD-3-Clause */
/* A firmware image as ssd/fw.h describes it, made byte by byte; and its way to the drive. */
#pragma once
#include "ssd/fw.h"
#include "ssd_adm.h"

static inline uint32_t
fw_crc32c(const uint8_t *p, size_t len)
{
	uint32_t crc = ~0u;

	for (; len; len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static inline void
fw_put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static inline void
fw_seal(uint8_t *img, uint32_t len)
{
	fw_put32(img + 36, 0);
	fw_put32(img + 36, fw_crc32c(img, len));
}

/* rev: 8 characters. */
static inline void
fw_make(uint8_t *img, uint32_t len, const char *rev, uint32_t flags)
{
	for (uint32_t i = 0; i < len; i++)
		img[i] = (uint8_t)(i * 7 + i / 256);
	memset(img, 0, SSD_FW_HDR);
	memcpy(img, "nvproof firmware", 16);
	fw_put32(img + 16, 1);
	fw_put32(img + 20, len);
	memcpy(img + 24, rev, 8);
	fw_put32(img + 32, flags);
	fw_seal(img, len);
}

static inline nvme_status
fw_piece(struct io *io, const uint8_t *img, uint32_t off, uint32_t len)
{
	struct nvme_sqe sqe;

	if (img)
		memcpy(io_buf(io), img + off, len);
	nvme_prep_fw_download(&sqe, len, off);
	return io_admin(io, &sqe, len);
}

static inline void
fw_load(struct io *io, const uint8_t *img, uint32_t len)
{
	for (uint32_t off = 0; off < len; off += 4096)
		assert_int_equal(fw_piece(io, img, off, 4096), 0);
}

static inline nvme_status
fw_commit(struct io *io, uint8_t slot, enum nvme_fw_ca ca)
{
	struct nvme_sqe sqe;

	nvme_prep_fw_commit(&sqe, slot, ca);
	return io_admin(io, &sqe, 0);
}
