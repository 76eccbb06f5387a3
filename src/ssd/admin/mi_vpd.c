/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Vital Product Data: 256 bytes in the format of a FRU information device, which a host may overwrite a number of times.
 *
 * NVMe-MI 1.2, "Vital Product Data", "VPD Read", "VPD Write"; IPMI Platform Management FRU Information Storage Definition 1.3.
 */
#include "ssd/admin/mi.h"
#include <string.h>

#define PRODUCT 8u /* where the areas are; multiples of 8 */
#define PRODUCT_SIZE 112u
#define RECORDS (PRODUCT + PRODUCT_SIZE)

enum {
	FRU_VERSION = 1,
	FRU_ENGLISH = 25,
	FRU_ASCII = 0xc0, /* type and length of a field */
	FRU_END = 0xc1,
	RECORD_NVME = 0x0b,
	RECORD_PCIE_PORT = 0x0c,
	RECORD_VERSION = 0x02,
	RECORD_LAST = 0x80,
};

/* All bytes together are 0. */
static uint8_t
checksum(const uint8_t *p, uint32_t n)
{
	uint8_t sum = 0;

	while (n--)
		sum = (uint8_t)(sum + *p++);
	return (uint8_t)-sum;
}

static uint8_t *
field(uint8_t *p, const char *text, uint32_t len)
{
	*p++ = (uint8_t)(FRU_ASCII | len);
	memset(p, ' ', len);
	memcpy(p, text, strnlen(text, len));
	return p + len;
}

/* Manufacturer, product, part, version, serial number; no asset tag, no file. */
static void
product(const struct ssd_config *cfg, uint8_t *area)
{
	uint8_t *p = area;

	*p++ = FRU_VERSION;
	*p++ = PRODUCT_SIZE / 8;
	*p++ = FRU_ENGLISH;
	p = field(p, "nvproof", 8);
	p = field(p, "software SSD", 24);
	p = field(p, cfg->mn, 40);
	p = field(p, cfg->fr, 2);
	p = field(p, cfg->sn, 20);
	*p++ = FRU_ASCII;
	*p++ = FRU_ASCII;
	*p = FRU_END;
	area[PRODUCT_SIZE - 1] = checksum(area, PRODUCT_SIZE - 1);
}

static void
record(uint8_t *p, uint8_t type, uint8_t flags, uint8_t len)
{
	p[0] = type;
	p[1] = (uint8_t)(RECORD_VERSION | flags);
	p[2] = len;
	p[3] = checksum(p + 5, len);
	p[4] = checksum(p, 4);
}

/* Total capacity at byte 24 of the record, 13 bytes of it. */
static void
records(const struct ssd_subsys *sub, uint8_t *p)
{
	const le64 capacity = le64_from(sub->capacity);

	memcpy(p + 24, &capacity, sizeof(capacity));
	record(p, RECORD_NVME, 0, 59);
	p += 64;
	p[8] = 0x1f; /* link speeds up to 32 GT/s */
	p[9] = 4; /* lanes */
	record(p, RECORD_PCIE_PORT, RECORD_LAST, 11);
}

void
ssd_vpd_init(struct ssd_subsys *sub)
{
	uint8_t *d = sub->vpd.data;

	memset(&sub->vpd, 0, sizeof(sub->vpd));
	sub->vpd.left = SSD_VPD_WRITES;
	d[0] = FRU_VERSION;
	d[4] = PRODUCT / 8;
	d[5] = RECORDS / 8;
	d[7] = checksum(d, 7);
	product(&sub->cfg, d + PRODUCT);
	records(sub, d + RECORDS);
}

bool
ssd_vpd_kept_ok(const struct ssd_subsys *sub)
{
	return sub->vpd.left <= SSD_VPD_WRITES;
}

static nvme_status
range(struct ssd_cmd *c, uint32_t *off, uint32_t *len)
{
	*off = nvme_get32(ssd_mi_nmd0(c), NVME_MI_VPD_DOFST);
	*len = nvme_get32(ssd_mi_nmd1(c), NVME_MI_VPD_DLEN);
	if (*off > SSD_VPD_SIZE)
		return ssd_mi_bad(c, NVME_MI_BYTE_NMD0);
	if (*len > SSD_VPD_SIZE - *off)
		return ssd_mi_bad(c, NVME_MI_BYTE_NMD1);
	return NVME_SC_SUCCESS;
}

nvme_status
ssd_mi_vpd_read(struct ssd_cmd *c)
{
	uint32_t off, len;
	nvme_status st = range(c, &off, &len);

	return st || c->dw0 || !len ? st : ssd_reply(c, c->ssd->sub->vpd.data + off, len);
}

nvme_status
ssd_mi_vpd_write(struct ssd_cmd *c)
{
	struct ssd_subsys *sub = c->ssd->sub;
	uint32_t off, len;
	nvme_status st = range(c, &off, &len);

	if (st || c->dw0 || !len)
		return st;
	if (!sub->vpd.left)
		return ssd_mi_fail(c, NVME_MI_VPD_EXCEEDED);
	st = ssd_data(c, len);
	if (!st)
		st = ssd_from_host(c, 0, c->ssd->bounce, len);
	if (st)
		return st;
	memcpy(sub->vpd.data + off, c->ssd->bounce, len);
	sub->vpd.left--;
	ssd_part_save(sub, SSD_PART_VPD);
	return NVME_SC_SUCCESS;
}
