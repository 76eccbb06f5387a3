/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firmware image that a software SSD takes with Firmware Image Download and Firmware Commit.  There is nothing in it to run: it is
 * a header, and any bytes.  Anything else is refused with Invalid Firmware Image.
 *
 *	offset	bytes
 *	0	16	magic: "nvproof firmware"
 *	16	4	version: 1
 *	20	4	length of the image in bytes, this header included; the download is that, rounded up to 4 KiB with any bytes
 *	24	8	revision, as Identify's FR and the Firmware Slot log show it: printable ASCII, padded with spaces
 *	32	4	flags: SSD_FW_*, how the image can be activated
 *	36	4	CRC-32C of all bytes of the image, this field as 0
 *	40	24	0
 *	64		payload
 *
 * All integers are little-endian.  At most SSD_FW_MAX bytes.
 */
#pragma once
#include <stdint.h>

#define SSD_FW_MAGIC "nvproof firmware"
#define SSD_FW_VERSION 1u
#define SSD_FW_HDR 64u
#define SSD_FW_MAX (1u << 20)
#define SSD_FW_SLOTS 3u /* slot 1 is read only: the revision that the drive was made with */

/* What it takes to activate the image.  None: any reset, or at once. */
#define SSD_FW_NEEDS_RESET 0x01u /* not at once: a Controller Level Reset */
#define SSD_FW_NEEDS_CONV 0x02u /* a conventional reset: here an NVM subsystem reset, or the power */
#define SSD_FW_NEEDS_NSSR 0x04u /* an NVM subsystem reset, or the power */
#define SSD_FW_NEEDS_TIME 0x08u /* at once would take longer than MTFA */
#define SSD_FW_PROHIBITED 0x10u /* can be stored, and never activated */
#define SSD_FW_FLAGS 0x1fu
