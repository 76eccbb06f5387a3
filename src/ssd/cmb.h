/* SPDX-License-Identifier: BSD-3-Clause */
/* Controller memory buffer, inside the SSD; what its server needs is in ssd.h. */
#pragma once
#include "ssd/ssd_int.h"

int ssd_cmb_open(struct ssd *ssd);
void ssd_cmb_close(struct ssd *ssd);
uint32_t ssd_cmb_reg(const struct ssd *ssd, uint32_t off);
void ssd_cmb_msc_write(struct ssd *ssd, uint32_t shift, uint32_t val, uint32_t mask);
void ssd_cmb_reset(struct ssd *ssd); /* of any kind but a controller reset */
void ssd_cmb_lose(struct ssd *ssd);
/* All of the range is in the buffer; some of it is. */
bool ssd_cmb_in(const struct ssd *ssd, uint64_t addr, uint64_t len);
bool ssd_cmb_touches(const struct ssd *ssd, uint64_t addr, uint64_t len);
