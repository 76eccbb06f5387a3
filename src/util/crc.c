/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums.  ISA-L has the processor's instructions for two of them; where there is no ISA-L, and for the 64-bit one, which
 * ISA-L of today's distributions lacks, tables do.  They are made once, before main(): nothing here needs a lock.
 */
#include "util/crc.h"

#include <endian.h>
#include <string.h>

#ifdef UT_HAVE_ISAL
#include <isa-l/crc.h>
#endif

#define CRC64_POLY 0x9a6c9329ac4bc9b5ull /* AD93D23594C93659h, least significant bit first */

/* Row k: what a byte does to the CRC when k more bytes follow it.  Eight bytes at once are eight look-ups. */
static uint64_t crc64_table[8][256];

static __attribute__((constructor)) void
crc64_tables(void)
{
	for (unsigned n = 0; n < 256; n++) {
		uint64_t crc = n;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (CRC64_POLY & (0 - (crc & 1)));
		crc64_table[0][n] = crc;
	}
	for (unsigned k = 1; k < 8; k++) {
		for (unsigned n = 0; n < 256; n++) {
			uint64_t prev = crc64_table[k - 1][n];

			crc64_table[k][n] = prev >> 8 ^ crc64_table[0][prev & 0xff];
		}
	}
}

static uint64_t
crc64_eight(uint64_t crc, const uint8_t *p)
{
	uint64_t word, next = 0;

	memcpy(&word, p, sizeof(word));
	word = le64toh(word) ^ crc;
	for (unsigned i = 0; i < 8; i++)
		next ^= crc64_table[7 - i][word >> 8 * i & 0xff];
	return next;
}

uint64_t
ut_crc64_nvme(uint64_t crc, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	crc = ~crc;
	for (; len >= 8; p += 8, len -= 8)
		crc = crc64_eight(crc, p);
	for (; len; p++, len--)
		crc = crc >> 8 ^ crc64_table[0][(crc ^ *p) & 0xff];
	return ~crc;
}

#ifdef UT_HAVE_ISAL

uint16_t
ut_crc16_t10dif(uint16_t crc, const void *buf, size_t len)
{
	return crc16_t10dif(crc, buf, len);
}

uint32_t
ut_crc32c(uint32_t crc, const void *buf, size_t len)
{
	return ~crc32_iscsi((unsigned char *)(uintptr_t)buf, (int)len, ~crc);
}

#else

static uint16_t crc16_table[256];
static uint32_t crc32_table[256];

static __attribute__((constructor)) void
crc_tables(void)
{
	for (unsigned n = 0; n < 256; n++) {
		uint32_t crc16 = n << 8, crc32 = n;

		for (int bit = 0; bit < 8; bit++) {
			crc16 = crc16 << 1 ^ (crc16 & 0x8000 ? 0x8bb7u : 0);
			crc32 = crc32 >> 1 ^ (0x82f63b78u & (0 - (crc32 & 1)));
		}
		crc16_table[n] = (uint16_t)crc16;
		crc32_table[n] = crc32;
	}
}

uint16_t
ut_crc16_t10dif(uint16_t crc, const void *buf, size_t len)
{
	for (const uint8_t *p = buf; len; p++, len--)
		crc = (uint16_t)(crc << 8 ^ crc16_table[crc >> 8 ^ *p]);
	return crc;
}

uint32_t
ut_crc32c(uint32_t crc, const void *buf, size_t len)
{
	crc = ~crc;
	for (const uint8_t *p = buf; len; p++, len--)
		crc = crc >> 8 ^ crc32_table[(crc ^ *p) & 0xff];
	return ~crc;
}

#endif
