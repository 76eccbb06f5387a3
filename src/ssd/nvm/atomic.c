/* SPDX-License-Identifier: BSD-3-Clause */
#include "ssd/nvm/atomic.h"
#include "ssd/lbaf.h"
#include "ssd/media/flash.h"
#include "ssd/nvm/nvm.h"

#define MOST 32768u /* NAWUPF has 16 bits */

/* Units of the media that n blocks of this size are in, wherever they begin: at a multiple of their size. */
static uint32_t
units_of(uint32_t size, uint32_t n)
{
	uint32_t whole = (uint32_t)(((uint64_t)size * n + NAND_UNIT - 1) / NAND_UNIT);

	return !size || n == 1 || size % NAND_UNIT == 0 ? whole : whole + 1;
}

/* Metadata lies on its own; blocks with it come through the scratch memory. */
static uint32_t
atomic_nlb(uint32_t units, uint32_t lba_size, uint32_t meta_size)
{
	uint32_t n = 1;

	while (n < MOST && units_of(lba_size, 2 * n) + units_of(meta_size, 2 * n) <= units &&
	       2 * n * (lba_size + meta_size) <= SSD_BOUNCE)
		n *= 2;
	return n;
}

bool
ssd_atomic_needed(const struct ssd_ns *ns)
{
	return ssd_flash_atomic_units(ns->sub->media);
}

uint32_t
ssd_atomic_nlb(const struct ssd_ns *ns)
{
	return atomic_nlb(ssd_flash_atomic_units(ns->sub->media), ns->lba_size, ns->meta_size);
}

uint32_t
ssd_atomic_nlb_of_all(const struct ssd_subsys *sub)
{
	uint32_t least = UINT32_MAX;

	for (uint32_t i = 0; i < SSD_NR_LBAFS; i++)
		least = UT_MIN(least, atomic_nlb(ssd_flash_atomic_units(sub->media), 1u << ssd_lbafs[i].lbads,
						 ssd_lbafs[i].ms));
	return least;
}

static struct ftl_range
range_of(uint64_t off, uint64_t len)
{
	uint64_t first = off / NAND_UNIT, last = (off + len - 1) / NAND_UNIT;

	return (struct ftl_range){ (uint32_t)first, (uint32_t)(last - first + 1) };
}

bool
ssd_atomic_begin(struct ssd_cmd *c, uint64_t slba, uint32_t nlb)
{
	struct ssd_ns *ns = c->ns;
	struct ftl_range r[2] = { 0 };

	if (!ssd_atomic_needed(ns))
		return true;
	r[0] = range_of(ssd_nvm_off(ns, slba), (uint64_t)nlb << ns->lba_shift);
	if (ns->meta_size)
		r[1] = range_of(ssd_nvm_meta_off(ns, slba), (uint64_t)nlb * ns->meta_size);
	return ssd_flash_together(ns->sub->media, r, ns->meta_size ? 2 : 1, c->place);
}

void
ssd_atomic_end(struct ssd_ns *ns)
{
	if (ssd_atomic_needed(ns))
		ssd_flash_apart(ns->sub->media);
}
