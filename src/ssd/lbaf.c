/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The LBA formats of every namespace.  The first two have no metadata.  Up to SSD_LBAF_EXT the guard has 16 bits and there is
 * no storage tag, which every host knows; the others are extended formats.
 */
#include "ssd/lbaf.h"
#include "ssd/ssd_int.h"
#include "ssd/zns/zns.h"

#define G16 NVME_PIF_16B
#define G32 NVME_PIF_32B
#define G64 NVME_PIF_64B

const struct ssd_lbaf ssd_lbafs[SSD_NR_LBAFS] = {
	{ 9, 0, G16, 0 },
	{ 12, 0, G16, 0 },
	{ 9, 8, G16, 0 },
	{ 12, 8, G16, 0 },
	{ 12, 64, G16, 0 },
	{ 9, 16, G16, 0 },
	{ 12, 16, G16, 0 },
	{ 9, 64, G16, 0 },
	{ 9, 128, G16, 0 },
	{ 12, 128, G16, 0 },
	/* SSD_LBAF_EXT */
	{ 9, 8, G16, 16 },
	{ 12, 8, G16, 16 },
	{ 9, 8, G16, 32 },
	{ 12, 8, G16, 32 },
	{ 12, 64, G16, 16 },
	{ 9, 16, G32, 16 },
	{ 12, 16, G32, 16 },
	{ 9, 16, G32, 48 },
	{ 12, 16, G32, 48 },
	{ 9, 16, G32, 64 },
	{ 12, 16, G32, 64 },
	{ 12, 64, G32, 16 },
	{ 9, 16, G64, 0 },
	{ 12, 16, G64, 0 },
	{ 9, 16, G64, 16 },
	{ 12, 16, G64, 16 },
	{ 9, 16, G64, 48 },
	{ 12, 16, G64, 48 },
	{ 9, 64, G64, 0 },
	{ 12, 64, G64, 0 },
	{ 12, 128, G64, 16 },
};
static_assert(SSD_NR_LBAFS <= NVME_LBAF_MAX, "Identify Namespace has room for 64");

/* By guard: bytes of the guard, and of all of it.  The application tag has two, the rest is storage and reference tag. */
static const struct {
	uint8_t guard, size;
} guards[] = { [G16] = { 2, 8 }, [G32] = { 4, 16 }, [G64] = { 8, 16 } };

bool
ssd_format_ok(const struct ssd_format *f)
{
	if (f->lbaf >= SSD_NR_LBAFS || f->pi > 3)
		return false;
	return !f->pi || ssd_lbafs[f->lbaf].ms >= guards[ssd_lbafs[f->lbaf].pif].size;
}

uint32_t
ssd_format_block(const struct ssd_format *f)
{
	return (1u << ssd_lbafs[f->lbaf].lbads) + ssd_lbafs[f->lbaf].ms;
}

static void
use_protection(struct ssd_ns *ns, const struct ssd_format *f)
{
	const struct ssd_lbaf *l = &ssd_lbafs[f->lbaf];
	struct ssd_pi_format *pi = &ns->pi;

	*pi = (struct ssd_pi_format){ .type = f->pi, .sts = l->sts };
	if (!f->pi)
		return;
	pi->guard = guards[l->pif].guard;
	pi->size = guards[l->pif].size;
	pi->lbstm = l->sts ? UINT64_MAX >> (64 - l->sts) : 0;
	pi->sr = (uint8_t)(pi->size - pi->guard - 2);
	pi->off = f->pi_first ? 0 : (uint16_t)(l->ms - pi->size);
}

void
ssd_ns_use_format(struct ssd_ns *ns, const struct ssd_format *f)
{
	const struct ssd_lbaf *l = &ssd_lbafs[f->lbaf];

	ns->format = *f;
	if (!l->ms)
		ns->format.extended = false;
	if (!f->pi)
		ns->format.pi_first = false;
	ns->lba_shift = l->lbads;
	ns->lba_size = 1u << l->lbads;
	ns->meta_size = l->ms;
	ns->nsze = l->ms ? ns->media_size / ssd_format_block(f) : ns->media_size >> l->lbads;
	if (ns->zones)
		ssd_zns_use_format(ns);
	ns->meta_off = ns->media_off + (ns->nsze << l->lbads);
	use_protection(ns, f);
}
