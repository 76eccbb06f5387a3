/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What Identify Controller and CAP announce, by bits and by fields that are not 0h; and what each of them promises.  Tests of
 * consistency walk these tables, so that a bit and what it stands for come and go together.
 */
#pragma once
#include "ssd_adm.h"
#include "nvproof/spec/feat.h"
#include "nvproof/spec/regs.h"

struct claims {
	struct nvme_id_ctrl id;
	uint64_t cap;
};

/* A field of Identify Controller of 1, 2, 4 or 8 bytes, and bits of it; or CAP (len 0).  Always: mandatory. */
struct claim {
	uint16_t off;
	uint8_t len;
	uint64_t bits;
};
#define CLAIM(f, b)                                                                        \
	{                                                                                  \
		offsetof(struct nvme_id_ctrl, f), sizeof(((struct nvme_id_ctrl *)0)->f), b \
	}
#define CLAIM_ANY(f) CLAIM(f, UINT64_MAX)
#define CLAIM_CAP(b)    \
	{               \
		0, 0, b \
	}
#define MANDATORY                      \
	{                              \
		0, 0, NVME_CAP_CSS_NVM \
	} /* whoever has the NVM command set */

static inline void
claims_read(struct io *io, struct claims *c)
{
	memcpy(&c->id, adm_identify(io), sizeof(c->id));
	c->cap = ssd_bar_read(io->r->ssd, NVME_REG_CAP, 8);
}

static inline bool
claimed(const struct claims *c, const struct claim *what)
{
	uint64_t v = 0;

	if (!what->len)
		return (c->cap & what->bits) != 0;
	for (uint32_t i = 0; i < what->len && i < 8; i++)
		v |= (uint64_t)((const uint8_t *)&c->id)[what->off + i] << (8 * i);
	return (v & what->bits) != 0;
}
