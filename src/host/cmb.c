/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffers in the controller memory buffer: mapped from the BAR that CMBLOC names, at an address of our choice for commands.
 *
 * That address is far from those of host memory (which grow from low ones), and stays the same over resets; a reset of the
 * function forgets it, so it is told again at each bring-up.  NVMe Base, "Controller Memory Buffer", "CMBLOC", "CMBSZ",
 * "CMBMSC".
 */
#include "host/ctrlr_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mem/extent.h"
#include "util/alloc.h"
#include "util/bits.h"

#define CBA (1ull << 46)
#define MAX_ALIGN (2u << 20)

static int
enable(struct nvp_ctrlr *c)
{
	return nvp_reg_write64(c, NVME_REG_CMBMSC, CBA | NVME_CMBMSC_CRE | NVME_CMBMSC_CMSE);
}

int
ctrlr_cmb_up(struct nvp_ctrlr *c)
{
	return c->cmb.va ? enable(c) : 0;
}

/* The place in the BAR. */
static int
map(struct nvp_ctrlr *c)
{
	uint32_t loc, sz;
	uint64_t unit, off;
	int rc = nvp_reg_read32(c, NVME_REG_CMBLOC, &loc);

	if (!rc)
		rc = nvp_reg_read32(c, NVME_REG_CMBSZ, &sz);
	if (rc)
		return rc;
	if (nvme_get(sz, NVME_CMBSZ_SZU) > 6) /* the rest is reserved */
		return -ENOTSUP;
	unit = 4096ull << (4 * nvme_get(sz, NVME_CMBSZ_SZU));
	off = nvme_get(loc, NVME_CMBLOC_OFST) * unit;
	c->cmb.len = nvme_get(sz, NVME_CMBSZ_SZ) * unit;
	if (!c->cmb.len)
		return -ENOTSUP;
	c->cmb.va = c->bus->ops->bar_map(c->bus, (int)nvme_get(loc, NVME_CMBLOC_BIR), off, c->cmb.len);
	return c->cmb.va ? 0 : -ENOTSUP;
}

static int
look_for_it(struct nvp_ctrlr *c)
{
	struct nvp_extent *whole;
	int rc;

	if (c->cmb.va)
		return 0;
	rc = c->cap ? 0 : ctrlr_read_cap(c);
	if (rc)
		return rc;
	if (!nvme_get(c->cap, NVME_CAP_CMBS))
		return -ENOTSUP;
	whole = ut_calloc(1, sizeof(*whole));
	if (!whole)
		return -ENOMEM;
	rc = enable(c);
	if (!rc)
		rc = map(c);
	if (rc) {
		free(whole);
		return rc;
	}
	whole->len = c->cmb.len;
	nvp_extent_push(&c->cmb.free, whole);
	return 0;
}

int
nvp_ctrlr_cmb_alloc(struct nvp_ctrlr *c, uint64_t len, uint64_t align, struct nvp_buf *out)
{
	struct nvp_extent *node;
	uint64_t off;
	int rc;

	*out = (struct nvp_buf){ 0 };
	if (!len || len > UINT64_MAX / 2 || align & (align - 1) || align > MAX_ALIGN)
		return -EINVAL;
	rc = look_for_it(c);
	if (rc)
		return rc;
	node = ut_calloc(1, sizeof(*node)); /* one a buffer, so that freeing needs none */
	if (!node)
		return -ENOMEM;
	nvp_extent_push(&c->cmb.spare, node);
	if (!nvp_extent_take(&c->cmb.free, ut_align_up(len, 4096), UT_MAX(align, 4096u), &off, &c->cmb.spare)) {
		free(nvp_extent_pop(&c->cmb.spare));
		return -ENOMEM;
	}
	*out = (struct nvp_buf){ .va = c->cmb.va + off, .iova = CBA + off, .len = len };
	memset(out->va, 0, len);
	return 0;
}

void
nvp_ctrlr_cmb_free(struct nvp_ctrlr *c, struct nvp_buf *b)
{
	if (!b->va)
		return;
	nvp_extent_give(&c->cmb.free, b->iova - CBA, ut_align_up(b->len, 4096), &c->cmb.spare);
	free(nvp_extent_pop(&c->cmb.spare));
	*b = (struct nvp_buf){ 0 };
}

static void
list_free(struct nvp_extent **list)
{
	while (*list)
		free(nvp_extent_pop(list));
}

void
ctrlr_cmb_forget(struct nvp_ctrlr *c)
{
	list_free(&c->cmb.free);
	list_free(&c->cmb.spare);
	c->cmb.va = NULL;
}
