/* SPDX-License-Identifier: BSD-3-Clause */
/* Optional commands that a profile leaves out: not announced, and refused. */
#pragma once
#include "ssd/ssd_int.h"

bool ssd_left_out(const struct ssd_subsys *sub, uint32_t opc);
/* Of these bits of ONCS those that stay. */
uint16_t ssd_oncs_left(const struct ssd_subsys *sub, uint16_t oncs);
