/* SPDX-License-Identifier: BSD-3-Clause */
/* Is a plan one that can be carried out?  Checked before anything is made. */
#pragma once
#include "nvproof/ioworker.h"
#include "ioworker/shared.h"

#define IOW_REGIONS_MAX 4096u
#define IOW_SIZES_MAX 65535u
#define IOW_PLACES_MAX (1u << 20) /* sizes times regions */

/*
 * A plan with all defaults filled in, and what was given in scalars as arrays.  p points into it (steps: the
 * caller's), so it is not copied.
 */
struct iow_recipe {
	struct nvp_iow_plan p;
	struct nvp_iow_size *sizes;
	struct nvp_iow_region *regions;
	struct nvp_iow_op ops[NVP_IOW_OPS_MAX];
	uint32_t nlb_max; /* of one command that transfers data */
};

/* 0; -ENOMEM; or -EINVAL and *why is a sentence that names the field. */
int iow_recipe_make(struct iow_recipe *r, const struct nvp_ns *ns, const struct nvp_iow_plan *in, const char **why);
void iow_recipe_free(struct iow_recipe *r); /* also of one that failed */
/* Buffers for it; buf_iova is not known yet. */
void iow_target_init(struct iow_target *t, const struct nvp_ns *ns, const struct iow_recipe *r);
/* Elements of the arrays in the shared mapping. */
void iow_dims_init(struct iow_dims *d, const struct iow_recipe *r);

/* What an opcode means for its data and its LBAs.  NVMe Base, "Opcodes": bits 1:0 tell the direction of the data. */
enum iow_dir {
	IOW_NONE = 0,
	IOW_TO_DEVICE = 1,
	IOW_FROM_DEVICE = 2,
};

static inline enum iow_dir
iow_dir_of(uint32_t opc)
{
	return (enum iow_dir)(opc & 3);
}
