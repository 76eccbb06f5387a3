/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Controller memory buffer: memory of the drive that the host reaches through BAR 2, and names in commands by the address that
 * it chose for it (CMBMSC.CBA).  Queues, PRP lists, SGL segments, data and metadata may lie there, in any mixture.
 *
 * CMBLOC and CMBSZ are 0h until CMBMSC.CRE is set; nothing is decoded until CMBMSC.CMSE is.  A controller reset leaves CMBMSC
 * as it is.  NVMe Base, "Controller Memory Buffer", "CMBLOC", "CMBSZ", "CMBMSC", "CMBSTS".
 */
#include "ssd/cmb.h"
#include "ssd/core.h"
#include "util/alloc.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint64_t
ssd_cmb_bar_size(const struct ssd *ssd)
{
	uint64_t size = SSD_PAGE;

	while (size < ssd->cmb.size)
		size *= 2;
	return ssd->cmb.size ? size : 0;
}

int
ssd_cmb_open(struct ssd *ssd)
{
	ssd->cmb.size = ssd->sub->cfg.cmb_size;
	if (!ssd->cmb.size)
		return 0;
	ssd->cmb.own = ut_calloc_aligned(SSD_PAGE, ssd->cmb.size);
	ssd->cmb.va = ssd->cmb.own;
	return ssd->cmb.va ? 0 : -ENOMEM;
}

void
ssd_cmb_close(struct ssd *ssd)
{
	free(ssd->cmb.own);
}

void *
ssd_cmb(struct ssd *ssd, uint64_t *len)
{
	*len = ssd->cmb.size;
	return ssd->cmb.va;
}

/* Pointers into the old one are dropped. */
void
ssd_cmb_place(struct ssd *ssd, void *mem)
{
	ssd->cmb.va = mem;
	free(ssd->cmb.own);
	ssd->cmb.own = NULL;
	ssd_queues_remap(ssd);
}

uint32_t
ssd_cmb_reg(const struct ssd *ssd, uint32_t off)
{
	const struct ssd_cmb *m = &ssd->cmb;
	bool known = m->size && (m->msc & NVME_CMBMSC_CRE);

	switch (off) {
	case NVME_REG_CMBLOC:
		return known ? (uint32_t)(nvme_put(NVME_CMBLOC_BIR, SSD_CMB_BAR) | NVME_CMBLOC_CQMMS |
					  NVME_CMBLOC_CQPDS | NVME_CMBLOC_CDPMLS | NVME_CMBLOC_CDPCILS |
					  NVME_CMBLOC_CDMMMS)
			     : 0;
	case NVME_REG_CMBSZ:
		return known ? (uint32_t)(NVME_CMBSZ_SQS | NVME_CMBSZ_CQS | NVME_CMBSZ_LISTS | NVME_CMBSZ_RDS |
					  NVME_CMBSZ_WDS | nvme_put(NVME_CMBSZ_SZ, m->size / SSD_PAGE))
			     : 0;
	case NVME_REG_CMBMSC:
		return (uint32_t)m->msc;
	case NVME_REG_CMBMSC + 4:
		return (uint32_t)(m->msc >> 32);
	case NVME_REG_CMBSTS:
		return m->bad ? (uint32_t)NVME_CMBSTS_CBAI : 0;
	default:
		return 0; /* CMBEBS, CMBSWTP: nothing is told of elasticity and throughput */
	}
}

/* "... CBA ... invalid": the buffer would go past the end of the address space. */
static bool
cba_valid(const struct ssd_cmb *m)
{
	uint64_t cba = m->msc & NVME_CMBMSC_CBA;

	return cba + (m->size - 1) >= cba;
}

static void
apply(struct ssd *ssd)
{
	struct ssd_cmb *m = &ssd->cmb;
	bool wanted = (m->msc & NVME_CMBMSC_CRE) && (m->msc & NVME_CMBMSC_CMSE);

	m->bad = wanted && !cba_valid(m);
	m->on = wanted && !m->bad;
	m->cba = m->msc & NVME_CMBMSC_CBA;
	ssd_queues_remap(ssd);
}

/* CRE first: CMSE in the same write, or later, is what the host means by it. */
void
ssd_cmb_msc_write(struct ssd *ssd, uint32_t shift, uint32_t val, uint32_t mask)
{
	const uint64_t bits = NVME_CMBMSC_CRE | NVME_CMBMSC_CMSE | NVME_CMBMSC_CBA;
	struct ssd_cmb *m = &ssd->cmb;

	if (!m->size)
		return; /* CAP.CMBS is 0: reserved */
	m->msc = ((m->msc & ~((uint64_t)mask << shift)) | (uint64_t)(val & mask) << shift) & bits;
	apply(ssd);
}

void
ssd_cmb_reset(struct ssd *ssd)
{
	if (!ssd->cmb.size)
		return;
	ssd->cmb.msc = 0;
	apply(ssd);
}

/* The power went: so did what was in it. */
void
ssd_cmb_lose(struct ssd *ssd)
{
	ssd_cmb_reset(ssd);
	if (ssd->cmb.va)
		memset(ssd->cmb.va, 0, ssd->cmb.size);
}

bool
ssd_cmb_in(const struct ssd *ssd, uint64_t addr, uint64_t len)
{
	const struct ssd_cmb *m = &ssd->cmb;

	return m->on && addr >= m->cba && addr - m->cba < m->size && len <= m->size - (addr - m->cba);
}

bool
ssd_cmb_touches(const struct ssd *ssd, uint64_t addr, uint64_t len)
{
	const struct ssd_cmb *m = &ssd->cmb;

	return m->on && len && addr <= m->cba + (m->size - 1) && addr + (len - 1) >= m->cba;
}
