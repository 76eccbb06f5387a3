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
 * of memory, 0: three quarters of what there is; -EINVAL: too large.  With an image the flash is in there, and the errors are those of
 * ssd_subsys_open(), too.
 */
int ssd_media_flash(const struct ssd_config *cfg, uint64_t size, const uint64_t *now_ns, uint64_t *due_ns,
		    struct ssd_media **out, char *err, size_t errlen);
/* What an image of flash says of itself, as the FTL's configuration: for who has no profile. */
struct ssd_image_shape;
void ssd_image_shape_of(const struct ftl_config *c, const char *profile, struct ssd_image_shape *out);
int ssd_image_shape_config(const struct ssd_image_shape *shape, struct ftl_config *out);
/* The first step of the drive: of flash in an image, its time goes on from here. */
void ssd_flash_clock(struct ssd_media *m, uint64_t now_ns);
/*
 * The host is told of what was done until now_ns.  Flash in an image: what ended is written down as ended first, because the process
 * may be killed at any instant after that.
 */
void ssd_flash_reached(struct ssd_media *m, uint64_t now_ns);
/* The next operation of this kind fails.  Other media have none. */
void ssd_flash_fail(struct ssd_media *m, enum nand_kind kind);

/* How many places there are, 0 on other media; what is written to one next begins in fresh blocks. */
uint32_t ssd_flash_places(const struct ssd_media *m);
void ssd_flash_place_end(struct ssd_media *m, uint32_t place);

/* Of 4 KiB: that many can be written so that a power loss leaves all or nothing; 0: other media, which lose nothing. */
uint32_t ssd_flash_atomic_units(const struct ssd_media *m);
/* See ftl_together(): on flash only. */
bool ssd_flash_together(struct ssd_media *m, const struct ftl_range *ranges, uint32_t n, uint32_t place);
void ssd_flash_apart(struct ssd_media *m);

/* A page of the write buffer is programmed now, full or not.  Other media have none. */
void ssd_flash_spill(struct ssd_media *m);

/* NULL: other media. */
const struct ftl *ssd_flash_ftl(const struct ssd_media *m);
