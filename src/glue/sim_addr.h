/* SPDX-License-Identifier: BSD-3-Clause */
/* From "PROFILE?seed=7&size=1G" to a configuration of the software SSD. */
#pragma once
#include "ssd/ssd.h"

/* -EINVAL, with a line for nvp_bus_error(). */
int sim_parse(const char *addr, struct ssd_config *cfg, bool *nasty);
