/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The view of libnvme and Linux of the wire, as a table: an oracle that we did not write.
 * Includes their headers and none of ours; see spec_names.inc.
 */
#include <libnvme.h>
#include <libnvme-mi.h>
#include <linux/pci_regs.h>

#include "spec_oracle.h"

#define T_SIZE(os, ts) { "sizeof " #os, sizeof(struct ts) },
#define T_OFF(os, of, ts, tf) { #os "." #of, SPEC_OFF(offsetof(struct ts, tf), sizeof(((struct ts *)0)->tf)) },
#define T_VAL(o, t) { #o, (uint32_t)(t) }, /* their 1 << 31 is negative */
#define T_MASK(o, t) { #o, (uint64_t)(t##_MASK) << t##_SHIFT },
#define T_SC(o, sct, t) { #o, (sct) << 8 | (t) },

const struct spec_name spec_oracle[] = {
#include "spec_names.inc"
};

const size_t spec_oracle_count = sizeof(spec_oracle) / sizeof(spec_oracle[0]);
