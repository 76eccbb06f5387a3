/* SPDX-License-Identifier: BSD-3-Clause */
/* Plans on zones: writes go to write pointers, reads to what was written, and a zone that is full is reset before it is written again. */
#pragma once
#include "ioworker/engine.h"

#define IOW_OP_RESET NVP_IOW_OPS_MAX /* the operation behind those of the plan: Zone Management Send */
#define IOW_ZONES_MAX 65536u

/* After iow_full_init(): from now on the engine sends and reaps for zones.  -ENOMEM. */
int iow_zoned_open(struct iow_engine *e, const struct nvp_iow_plan *p);
void iow_zoned_close(struct iow_engine *e);
/* A command that nobody reaped ended; lost: the device may still execute it. */
void iow_zoned_ended(struct iow_engine *e, uint32_t cid, bool lost);
