/* SPDX-License-Identifier: BSD-3-Clause */
/* Is a plan one that can be carried out?  Checked before anything is made. */
#pragma once
#include "nvproof/ioworker.h"
#include "ioworker/shared.h"

#define IOW_BYTES_MAX (2u << 20) /* of one command: what one page of PRP list describes */

/*
 * Copies the plan with its defaults filled in (region clipped to the namespace, io_count of a single sequential run).  0, or -EINVAL and *why
 * is a sentence that names the field.
 */
int iow_plan_check(const struct nvp_ns *ns, const struct nvp_iow_plan *in, struct nvp_iow_plan *out, const char **why);
/* Buffers for a plan that was checked; buf_iova is not known yet. */
void iow_target_init(struct iow_target *t, const struct nvp_ns *ns, const struct nvp_iow_plan *p);
