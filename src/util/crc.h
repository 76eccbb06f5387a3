/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The checksums of protection information, for host and device.  Each starts from 0 and goes on from what it returned, so
 * that a block and its metadata need not be next to each other: crc(crc(0, a), b) is crc(0, a then b).
 *
 * NVM Command Set, "Protection Information Formats": "16b Guard", "32b Guard", "64b Guard".
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

uint16_t ut_crc16_t10dif(uint16_t crc, const void *buf, size_t len); /* polynomial 8BB7h, as SCSI's T10-DIF */
uint32_t ut_crc32c(uint32_t crc, const void *buf, size_t len); /* 1EDC6F41h, reflected, inverted: CRC-32C */
uint64_t ut_crc64_nvme(uint64_t crc, const void *buf, size_t len); /* AD93D23594C93659h, reflected, inverted */
