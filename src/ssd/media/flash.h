/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Media of NAND flash behind a translation layer, as a profile says.  Commands on it take as long as the
 * flash does: what they ask for raises *due_ns, and the controller posts the completion then.
 */
#pragma once
#include "ssd/ftl/ftl.h"
#include "ssd/ssd_int.h"

#define SSD_SPARE_THRESHOLD 10u /* percent: SMART warns below */

/*
 * size bytes for the host.  now_ns is read, and due_ns raised, by each operation.  -ENOMEM: it may need more than ram_limit bytes
 * of memory, 0: three quarters of what there is; -EINVAL: too large.
 */
int ssd_media_flash(const struct ssd_config *cfg, uint64_t size, const uint64_t *now_ns, uint64_t *due_ns,
		    struct ssd_media **out);
/* The next operation of this kind fails.  Other media have none. */
void ssd_flash_fail(struct ssd_media *m, enum nand_kind kind);

/* How many places there are, 0 on other media; what is written to one next begins in fresh blocks. */
uint32_t ssd_flash_places(const struct ssd_media *m);
void ssd_flash_place_end(struct ssd_media *m, uint32_t place);

/* NULL: other media. */
const struct ftl *ssd_flash_ftl(const struct ssd_media *m);
