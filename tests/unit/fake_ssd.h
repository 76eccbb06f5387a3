/* SPDX-License-Identifier: BSD-3-Clause */
/* A stand-in for the software SSD: remembers what a front end did to it, and lets a test act as the device. */
#pragma once
#include "ssd/ssd.h"

struct ssd {
	struct ssd_subsys *sub;
	const struct ssd_port_ops *ops;
	void *port;
	uint32_t *db;
	uint8_t bar[SSD_BAR_SIZE];
	uint8_t cfg[SSD_CFG_SIZE];
	uint32_t last_off; /* of the last register access */
	int last_width;
	uint64_t last_val;
	uint32_t accesses;
	uint32_t resets, changes, steps;
	uint32_t msix_setups;
	bool msix, msi, busy;
	uint64_t cmb_size;
	void *cmb;
};

struct ssd_subsys {
	struct ssd *ctrlr[SSD_MAX_CTRLRS];
	uint32_t nr;
	bool powered;
	uint64_t cmb_size; /* for controllers opened from now on */
	uint16_t kelvin;
	struct ssd_stats stats;
};
