/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What survives besides user data: formats, SMART counters and saved features.  (The LBA maps are in the image
 * themselves.) Between the subsystem's structures and the state of an image; other media have none, and nothing is
 * done.  What modelled flash has in its write buffer is not: at a loss of power it goes.
 */
#include "ssd/media/flash.h"
#include "ssd/media/media.h"
#include <string.h>

int
ssd_persist_load(struct ssd_subsys *sub)
{
	const struct ssd_image_state *st = ssd_image_state(sub->media);

	if (!st)
		return 0;
	for (uint32_t i = 0; i < st->nr_ns; i++)
		ssd_ns_use_format(&sub->ns[i], &st->format[i]);
	sub->smart = st->smart;
	memcpy(sub->saved, st->saved, sizeof(sub->saved));
	return 0;
}

int
ssd_persist_save(struct ssd_subsys *sub)
{
	struct ssd_image_state *st = sub->media ? ssd_image_state(sub->media) : NULL;
	int rc;

	if (!st)
		return 0;
	for (uint32_t i = 0; i < st->nr_ns; i++)
		st->format[i] = sub->ns[i].format;
	st->smart = sub->smart;
	memcpy(st->saved, sub->saved, sizeof(st->saved));
	rc = ssd_image_commit(sub->media);
	return rc || ssd_flash_ftl(sub->media) ? rc : sub->media->ops->flush(sub->media);
}
