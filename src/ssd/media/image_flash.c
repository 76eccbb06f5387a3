/* SPDX-License-Identifier: BSD-3-Clause */
/* What the image of modelled flash says of that, so that it is opened as what it is, and can be checked without a profile. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "ssd/media/flash.h"
#include "ssd/media/media.h"

#define LAYOUT 1u /* of a store: changes with the tables of nand/store.c and ftl/keep.h */

enum {
	W_LAYOUT,
	W_CHANNELS,
	W_DIES,
	W_BLOCKS,
	W_PAGES,
	W_UNITS,
	W_LEVELS,
	W_LOGICAL,
	W_SLOTS,
	W_CAPACITOR,
	W_PLACES,
	W_ENDURANCE,
	W_SLC,
	W_SLC_DYNAMIC
};

static const char *const names[SSD_IMAGE_WORDS] = {
	[W_LAYOUT] = "layout of the file",
	[W_CHANNELS] = "channels",
	[W_DIES] = "dies a channel",
	[W_BLOCKS] = "blocks a die",
	[W_PAGES] = "pages a block",
	[W_UNITS] = "units of 4 KiB a page",
	[W_LEVELS] = "bits a cell",
	[W_LOGICAL] = "units of 4 KiB for the host",
	[W_SLOTS] = "units of 4 KiB of write buffer",
	[W_CAPACITOR] = "capacitor",
	[W_PLACES] = "placements",
	[W_ENDURANCE] = "endurance",
	[W_SLC] = "blocks a die of SLC cache",
	[W_SLC_DYNAMIC] = "percent of dynamic SLC cache",
};

void
ssd_image_shape_of(const struct ftl_config *c, const char *profile, struct ssd_image_shape *out)
{
	*out = (struct ssd_image_shape){
		.word = {
			[W_LAYOUT] = LAYOUT,
			[W_CHANNELS] = c->nand.channels,
			[W_DIES] = c->nand.dies,
			[W_BLOCKS] = c->nand.blocks,
			[W_PAGES] = c->nand.pages,
			[W_UNITS] = c->nand.units,
			[W_LEVELS] = c->nand.levels,
			[W_LOGICAL] = c->units,
			[W_SLOTS] = c->buffer,
			[W_CAPACITOR] = c->capacitor,
			[W_PLACES] = c->places,
			[W_ENDURANCE] = c->nand.endurance,
			[W_SLC] = c->slc_blocks,
			[W_SLC_DYNAMIC] = c->slc_dynamic,
		},
		.bytes = ftl_store_bytes(c),
		.sparse = nand_store_data(&c->nand),
	};
	snprintf(out->profile, sizeof(out->profile), "%s", profile);
}

int
ssd_image_shape_config(const struct ssd_image_shape *s, struct ftl_config *out)
{
	struct ssd_image_shape again;

	*out = (struct ftl_config){
		.units = s->word[W_LOGICAL],
		.buffer = s->word[W_SLOTS],
		.places = s->word[W_PLACES],
		.capacitor = s->word[W_CAPACITOR],
		.slc_blocks = s->word[W_SLC],
		.slc_dynamic = s->word[W_SLC_DYNAMIC],
		.nand = {
			.channels = s->word[W_CHANNELS],
			.dies = s->word[W_DIES],
			.blocks = s->word[W_BLOCKS],
			.pages = s->word[W_PAGES],
			.units = s->word[W_UNITS],
			.levels = s->word[W_LEVELS],
			.endurance = s->word[W_ENDURANCE],
		},
	};
	ssd_image_shape_of(out, s->profile, &again);
	return s->word[W_LAYOUT] == LAYOUT && again.bytes == s->bytes && again.sparse == s->sparse ? 0 : -EUCLEAN;
}

int
ssd_image_shape_check(const struct ssd_image_shape *is, const struct ssd_image_shape *asked, const char *path,
		      char *err, size_t errlen)
{
	for (uint32_t i = 0; i < SSD_IMAGE_WORDS; i++) {
		if (is->word[i] == asked->word[i])
			continue;
		snprintf(err, errlen,
			 "%s: %s: %u in the image (made with profile \"%s\"), %u in profile \"%s\"; use that profile",
			 path, names[i], is->word[i], is->profile, asked->word[i], asked->profile);
		return -EINVAL;
	}
	if (is->bytes == asked->bytes && is->sparse == asked->sparse)
		return 0;
	snprintf(err, errlen, "%s: the flash is laid out otherwise than in this version: make a new image", path);
	return -EUCLEAN;
}
